"""Remembers that a module is dead, so that nobody waits for it again before it has been tried.

Closed, everything goes. A failure opens it; after a pause one caller may try, with a call that changes
nothing, while all others are still refused; what that caller reports closes it or doubles the pause.
One for each module in each process; what other processes learned is told to it.

>>> from datetime import UTC, datetime
>>> clock = [datetime(2026, 11, 23, 12, tzinfo=UTC)]
>>> breaker = Breaker(lambda: clock[0])
>>> breaker.may_ask().name
'GO'
>>> breaker.failed('ENetwork.Refused')
>>> breaker.may_ask().name, breaker.since.isoformat()
('STOP', '2026-11-23T12:00:00+00:00')
>>> clock[0] += PAUSE
>>> breaker.may_ask().name, breaker.may_ask().name
('TRY', 'STOP')
>>> breaker.worked()
>>> breaker.may_ask().name
'GO'
"""

import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from enum import Enum

PAUSE = timedelta(seconds=2)
PAUSE_MAX = timedelta(seconds=8)


class Permit(Enum):
    """What a caller may do: go on, try with a harmless call and report, or nothing."""

    GO = "go"
    TRY = "try"
    STOP = "stop"


class Breaker:
    """Safe between threads. ``since``: when the module was first found dead, None when it is well."""

    def __init__(self, clock: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        """Closed; ``clock`` gives aware UTC instants."""
        self._clock, self._lock = clock, threading.Lock()
        self._pause = PAUSE
        self._next = self._newest = datetime.min.replace(tzinfo=UTC)
        self.since: datetime | None = None
        self.code: str | None = None
        self._hopeful = False

    @property
    def dead(self) -> bool:
        """Whether the newest news of the module is bad; it may be well again while one's own try is still due."""
        return self.since is not None and not self._hopeful

    def may_ask(self) -> Permit:
        """Ask before anything is begun that needs the module."""
        with self._lock:
            if self.since is None:
                return Permit.GO
            now = self._clock()
            # A clock that was set back must not keep a module shut for years.
            if self._next - PAUSE_MAX <= now < self._next:
                return Permit.STOP
            self._next = now + self._pause
            return Permit.TRY

    def worked(self) -> None:
        """The module answered, whatever it said."""
        with self._lock:
            self._newest = self._clock()
            self._close()

    def failed(self, code: str) -> None:
        """The module did not answer, or did not let us in."""
        with self._lock:
            now = self._newest = self._clock()
            self._pause = PAUSE if self.since is None else min(self._pause * 2, PAUSE_MAX)
            self._open(now, code)
            self._next = now + self._pause

    def heard(self, up: bool, since: datetime, checked_at: datetime, code: str | None = None) -> None:
        """Another process looked at ``checked_at``; older news than one's own does not count."""
        with self._lock:
            if checked_at <= self._newest:
                return
            self._newest = checked_at
            if up:
                # NB: it may try at once; whether this process gets through, it will find out.
                self._next, self._pause = self._clock(), PAUSE
                if self.since is not None:
                    self.since, self._hopeful = checked_at, True  # it was well then: not dead since before
            elif not self.dead:
                self._open(since, code or "")
                self._next = checked_at + self._pause

    def _open(self, since: datetime, code: str) -> None:
        self.since = since if self._hopeful or self.since is None else self.since
        self.code, self._hopeful = code, False

    def _close(self) -> None:
        self.since = self.code = None
        self._hopeful = False
        self._pause = PAUSE
