"""Our software security module as a server: `python -m app.sts.prism.service --folder F --address A --port N`.

Speaks TokenApi 1.1 and ModuleAdmin in framed binary Thrift over TLS.  One thread serves all connections and makes
the tokens; a second commits the journal, so that all requests of a moment share one write to the disk; a few more
compute scrypt.  SIGTERM ends it after the requests that have begun.
"""

from __future__ import annotations

import argparse
import contextlib
import logging
import signal
import socket
import sqlite3
import sys
import threading
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import Any

from app.sts import errors
from app.sts.module import ModuleError
from app.sts.prism import certificate, wire
from app.sts.prism import folder as places
from app.sts.prism.channel import Request
from app.sts.prism.journal import Batch, FileJournal
from app.sts.prism.limits import Limits
from app.sts.prism.methods import AfterCommit, AfterSleep, AfterWork, Methods
from app.sts.prism.office import Office
from app.sts.prism.transport import Transport
from app.sts.prism.users import Users, UsersError
from app.sts.software import SoftwareModule

log = logging.getLogger(__name__)
Reply = Callable[[Any], None]


@dataclass(frozen=True, slots=True)
class Settings:
    """How a module server is started. ``tables``: the STA set; ``test_mode``: never in the field."""

    name: str = "software"
    tid_offset_minutes: int = 0
    tables: str = "production"
    test_mode: bool = False
    limits: Limits = field(default_factory=Limits)


class Service:
    """Answers requests: decodes, asks `Methods`, and holds each answer back until it may leave."""

    def __init__(self, transport: Transport, journal: FileJournal, methods: Methods) -> None:
        """Nothing runs before :meth:`run`."""
        self._transport, self._journal, self._methods = transport, journal, methods
        self._limits = transport.limits
        self._waiting: deque[tuple[int, float, Any, Reply]] = deque()
        self._pool = ThreadPoolExecutor(2, "slow")
        self._slow = 0
        self._writing = False
        self._batches: deque[Batch] = deque()
        self._something = threading.Semaphore(0)
        self._failure: BaseException | None = None
        self._stop = threading.Event()
        transport.serve_with(self._handle, self._after_pass)

    def run(self, stop: threading.Event) -> None:
        """Serve until stopped. Raises sqlite3.Error when the journal cannot be written any more."""
        self._stop = stop
        committer = threading.Thread(target=self._commit, name="commit", daemon=True)
        committer.start()
        try:
            self._transport.run(stop)
        finally:
            self._batches.append(Batch(-1))
            self._something.release()
            committer.join()
            self._pool.shutdown(wait=False, cancel_futures=True)
        if self._failure is not None:
            raise self._failure

    def _handle(self, request: Request) -> None:
        try:
            call = wire.read_call(request.frame)
        except wire.Malformed as trouble:
            known = trouble.name is not None
            words = str(trouble)
            request.answer(
                wire.write_unknown(trouble.name or "", trouble.sequence, words, method=False)
                if known
                else None
            )
            return
        if not call.known:
            request.answer(wire.write_unknown(call.name[:100], call.sequence, "no such method"))
            return

        def reply(value: Any) -> None:
            request.answer(_frame(call, value))

        try:
            self._require_room(request)
            value = self._methods.call(call.name, call.arguments, request.peer)
        except Exception as error:  # noqa: BLE001  whatever it is, the caller gets an answer
            reply(error)
            return
        self._send(value, reply)

    def _require_room(self, request: Request) -> None:
        """Refuse what has waited too long to be begun, and what would wait behind too much."""
        if self._failure is not None:
            raise _busy("the journal cannot be written")
        if time.monotonic() - request.received > self._limits.answer_s:
            # Its caller may have asked elsewhere what became of it, and been told: nothing.
            raise _busy("the request waited too long and was not begun")
        if self._journal.waiting >= self._limits.waiting:
            raise _busy("too many requests wait for the disk")

    def _send(self, value: Any, reply: Reply) -> None:
        """Answer now, or when what the answer waits for has happened."""
        if isinstance(value, AfterCommit):
            self._waiting.append(
                (value.ticket, time.monotonic() + self._limits.answer_s, value.value, reply)
            )
        elif isinstance(value, AfterSleep):
            self._transport.later(value.ms / 1000, lambda: reply(value.value))
        elif isinstance(value, AfterWork):
            self._work(value, reply)
        else:
            reply(value)

    def _work(self, value: AfterWork, reply: Reply) -> None:
        if self._slow >= self._limits.slow_calls:
            reply(_busy("too many sign-ins at once"))
            return
        self._slow += 1

        def done(future: Future[Any]) -> None:
            self._transport.post(lambda: self._finish(value, future, reply))

        self._pool.submit(value.work).add_done_callback(done)

    def _finish(self, value: AfterWork, future: Future[Any], reply: Reply) -> None:
        self._slow -= 1
        try:
            result = value.finish(future.result())
        except Exception as error:  # noqa: BLE001  as in _handle
            reply(error)
        else:
            reply(result)

    def _after_pass(self) -> None:
        """Hand what was staged to the committer when it is free; let durable answers go."""
        if not self._writing and (batch := self._journal.take()):
            self._writing = True
            self._batches.append(batch)
            self._something.release()
        now = time.monotonic()
        while self._waiting:
            ticket, deadline, value, reply = self._waiting[0]
            if self._journal.durable(ticket):
                self._waiting.popleft()
                reply(value)
            elif now > deadline or self._failure is not None:
                self._waiting.popleft()
                reply(_busy("the journal is slow; ask for the result later"))
            else:
                break

    def _commit(self) -> None:
        """The second thread: write batch after batch."""
        while True:
            self._something.acquire()
            batch = self._batches.popleft()
            if batch.ticket < 0:
                return
            try:
                self._journal.write(batch)
            except BaseException as error:  # noqa: BLE001  every trouble ends the service
                self._failure = error
                self._stop.set()
                self._transport.post(lambda: None)
                return
            self._transport.post(lambda batch=batch: self._written(batch))  # type: ignore[misc]

    def _written(self, batch: Batch) -> None:
        self._writing = False
        self._journal.written(batch)


def _frame(call: wire.Call, value: Any) -> bytes:
    """The answer to a call: its value, or the refusal that an exception is."""
    if isinstance(value, ModuleError):
        return wire.write_refusal(call.name, call.sequence, value.code, value.detail)
    if isinstance(value, errors.StsError):
        return wire.write_refusal(call.name, call.sequence, "EParamRange", errors.sentence(value))
    if isinstance(value, BaseException):
        log.error("%s failed: %s", call.name, type(value).__name__, exc_info=value)
        return wire.write_refusal(call.name, call.sequence, "EService", "a fault inside the module")
    return wire.write_value(call.name, call.sequence, value)


def _busy(detail: str) -> ModuleError:
    return ModuleError("EService", permanent=False, detail=detail)


def serve(
    folder: Path,
    address: str,
    port: int,
    stop: threading.Event,
    settings: Settings | None = None,
    listening: Callable[[int], None] = lambda _port: None,
) -> None:
    """Serve the module of a prepared folder until ``stop`` is set; ``listening`` is told the port (0: any).

    Raises OSError (address in use, folder in use by another server), KeyStoreError, UsersError, sqlite3.Error.
    """
    settings = settings or Settings()
    with contextlib.ExitStack() as end:
        _lock(folder, end)
        store = places.open_keys(folder)
        journal = FileJournal(folder / places.JOURNAL, grouped=True)
        end.callback(journal.close)
        module = SoftwareModule(
            settings.name, store.keys, journal,
            tid_offset_minutes=settings.tid_offset_minutes, tables=settings.tables,
        )  # fmt: skip
        context = certificate.server_context(
            folder / places.CERTIFICATE, folder / places.PRIVATE_KEY
        )
        listener = socket.create_server(
            (address, port),
            family=socket.AF_INET6 if ":" in address else socket.AF_INET,
            backlog=128,
        )
        transport = Transport(listener, context, settings.limits)

        def counters() -> dict[str, object]:
            return {"connections": transport.connections, **transport.counters}

        office = Office(
            folder, store, module, journal, test_mode=settings.test_mode, counters=counters
        )
        methods = Methods(module, journal, Users(folder / places.USERS), office)
        service = Service(transport, journal, methods)
        listening(listener.getsockname()[1])
        service.run(stop)


def _lock(folder: Path, end: contextlib.ExitStack) -> None:
    """Hold the folder: two servers on one journal could draw the same token id."""
    import fcntl

    file = end.enter_context((folder / places.LOCK).open("a"))
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        raise OSError(f"another module server uses {folder.name}") from None


def main(arguments: list[str] | None = None) -> int:
    """The program."""
    parser = argparse.ArgumentParser(prog="python -m app.sts.prism.service", description=__doc__)
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--address", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=9443)
    parser.add_argument("--name", default=Settings().name)
    parser.add_argument("--tid-offset-minutes", type=int, default=0)
    parser.add_argument("--tables", default=Settings().tables)
    parser.add_argument(
        "--test-mode", action="store_true", help="let token ids be forgotten; never in the field"
    )
    given = parser.parse_args(arguments)
    logging.basicConfig(format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    stop = threading.Event()

    def end(_number: int, _frame: FrameType | None) -> None:
        stop.set()

    signal.signal(signal.SIGTERM, end)
    signal.signal(signal.SIGINT, end)
    # The committing thread needs Python's lock only for moments, and should get it at once.
    sys.setswitchinterval(0.0005)

    def say(port: int) -> None:
        print(f"security module {given.name} listens on {given.address} port {port}", flush=True)

    settings = Settings(given.name, given.tid_offset_minutes, given.tables, given.test_mode)
    try:
        serve(given.folder, given.address, given.port, stop, settings, say)
    except (OSError, ValueError, UsersError, sqlite3.Error) as error:
        print(f"the security module ends: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
