"""How the module server answers: decode, ask `Methods`, and hold each answer back until it may leave.

The loop's thread does all of it but two things: a second thread commits the journal, so that all requests of a
moment share one write to the disk, and two more compute scrypt.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from queue import SimpleQueue
from typing import Any

from app.sts import errors
from app.sts.module import ModuleError
from app.sts.prism import wire
from app.sts.prism.channel import Request
from app.sts.prism.journal import Batch, FileJournal
from app.sts.prism.methods import AfterCommit, AfterSleep, AfterWork, Methods
from app.sts.prism.transport import Transport

log = logging.getLogger(__name__)
Reply = Callable[[Any], None]
_FORGET_EVERY_S = 3600.0


class Dispatch:
    """Between the transport and the methods."""

    def __init__(self, transport: Transport, journal: FileJournal, methods: Methods) -> None:
        """Nothing runs before :meth:`run`."""
        self._transport, self._journal, self._methods = transport, journal, methods
        self._limits = transport.limits
        self._waiting: deque[tuple[int, float, Any, Reply]] = deque()
        self._pool = ThreadPoolExecutor(2, "slow")
        self._slow = 0
        self._writing = False
        self._batches: SimpleQueue[Batch | None] = SimpleQueue()
        self._failure: BaseException | None = None
        self._stop = threading.Event()
        self._forget_at = 0.0
        transport.serve_with(self._handle, self._after_pass)

    def run(self, stop: threading.Event) -> None:
        """Serve until stopped. Raises sqlite3.Error when the journal cannot be written any more."""
        self._stop = stop
        committer = threading.Thread(target=self._commit, name="commit", daemon=True)
        committer.start()
        try:
            self._transport.run(stop)
        finally:
            self._batches.put(None)
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
            self._batches.put(batch)
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
        while (batch := self._batches.get()) is not None:
            try:
                self._journal.write(batch)
                if time.monotonic() > self._forget_at:
                    self._forget_at = time.monotonic() + _FORGET_EVERY_S
                    self._journal.forget_old_answers()
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
    try:
        return wire.write_value(call.name, call.sequence, value)
    except Exception as fault:  # noqa: BLE001  a value the wire cannot carry ends no server
        return _frame(call, fault)


def _busy(detail: str) -> ModuleError:
    return ModuleError("EService", permanent=False, detail=detail)
