"""How the module server answers: decode, ask `Methods`, and hold each answer back until it may leave.

The loop's thread does all of it, also the journal's commits: requests that come while the disk is busy wait in their
connections, are begun together, and share the next write.  A second thread puts what is durable into the journal's
tables, and two more compute scrypt.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

from app.sts import errors
from app.sts.module import ModuleError
from app.sts.prism import wire
from app.sts.prism.channel import Request
from app.sts.prism.journal import FileJournal
from app.sts.prism.methods import AfterCommit, AfterSleep, AfterWork, Methods
from app.sts.prism.transport import Transport

log = logging.getLogger(__name__)
Reply = Callable[[Any], None]
_SETTLE_EVERY_S = 0.5
_FORGET_EVERY_S = 3600.0


class Dispatch:
    """Between the transport and the methods."""

    def __init__(self, transport: Transport, journal: FileJournal, methods: Methods) -> None:
        """Nothing runs before :meth:`run`."""
        self._transport, self._journal, self._methods = transport, journal, methods
        self._limits = transport.limits
        self._held: list[tuple[Any, Reply]] = []
        self._pool = ThreadPoolExecutor(2, "slow")
        self._slow = 0
        self._failure: BaseException | None = None
        self._stop, self._ended = threading.Event(), threading.Event()
        transport.serve_with(self._handle, self._after_pass)

    def run(self, stop: threading.Event) -> None:
        """Serve until stopped. Raises OSError, sqlite3.Error when the journal cannot be written any more."""
        self._stop = stop
        settler = threading.Thread(target=self._settle, name="settle", daemon=True)
        settler.start()
        try:
            self._transport.run(stop)
        finally:
            self._ended.set()
            settler.join()
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
            self._require_time(request)
            value = self._methods.call(call.name, call.arguments, request.peer)
        except Exception as error:  # noqa: BLE001  whatever it is, the caller gets an answer
            reply(error)
            return
        self._send(value, reply)

    def _require_time(self, request: Request) -> None:
        """Refuse what has waited too long to be begun."""
        if self._failure is not None:
            raise _busy("the journal cannot be written")
        if time.monotonic() - request.received > self._limits.answer_s:
            # Its caller may have asked elsewhere what became of it, and been told: nothing.
            raise _busy("the request waited too long and was not begun")

    def _send(self, value: Any, reply: Reply) -> None:
        """Answer now, or when what the answer waits for has happened."""
        if isinstance(value, AfterCommit):
            self._held.append((value.value, reply))
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

    def _after_pass(self) -> bool:
        """Make durable what was staged and let its answers go; whether they began more that is staged."""
        if not self._held:
            return False
        held, self._held = self._held, []
        try:
            self._journal.commit()
        except BaseException as error:  # noqa: BLE001  every trouble with the disk ends the service
            self._give_up(error)
            held = [(_busy("the journal cannot be written; ask for the result later"), reply) for _, reply in held]
        for value, reply in held:
            reply(value)
        return bool(self._held)

    def _settle(self) -> None:
        """The second thread: put what is durable into the tables, and forget what is old."""
        forget_at = 0.0
        while not self._ended.wait(_SETTLE_EVERY_S):
            try:
                self._journal.settle()
                if time.monotonic() > forget_at:
                    forget_at = time.monotonic() + _FORGET_EVERY_S
                    self._journal.forget_old_answers()
            except BaseException as error:  # noqa: BLE001  every trouble with the disk ends the service
                self._give_up(error)
                return

    def _give_up(self, error: BaseException) -> None:
        self._failure = error
        self._stop.set()
        self._transport.post(lambda: None)


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
