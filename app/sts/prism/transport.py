"""The loop of the module server: accepts, bounds and serves many TLS connections in one thread.

Frames are handed to a handler that answers at once or later.  One thread owns every connection and the
module, so requests need no locks and all that come while the disk is busy share its next write.
"""

from __future__ import annotations

import heapq
import itertools
import logging
import selectors
import socket
import ssl
import time
from collections import Counter, deque
from collections.abc import Callable
from contextlib import suppress
from threading import Event

from app.sts.prism.channel import Channel, Request
from app.sts.prism.limits import Limits

log = logging.getLogger(__name__)
_SWEEP_S = 0.25
_READ, _WRITE = selectors.EVENT_READ, selectors.EVENT_WRITE


class Transport:
    """Serves one listening socket until it is told to stop."""

    def __init__(
        self, listener: socket.socket, context: ssl.SSLContext, limits: Limits | None = None
    ) -> None:
        """``listener`` is bound and listens; the transport closes it."""
        self.limits = limits or Limits()
        self.counters: Counter[str] = Counter()
        self._listener, self._context = listener, context
        self._handler: Callable[[Request], None] = _unserved
        self._after_pass: Callable[[], bool] = lambda: False
        #: What is read now came after this monotonic time, however long the last pass took.
        self.heard_at = time.monotonic()
        #: The last pass took long: what is in the sockets now may have come at any time since.
        self.stalled = False
        self._more = False
        self._selector = selectors.DefaultSelector()
        self._channels: dict[Channel, int] = {}
        self._posted: deque[Callable[[], None]] = deque()
        self._timers: list[tuple[float, int, Callable[[], None]]] = []
        self._order = itertools.count()
        self._wake_end, self._waker = socket.socketpair()
        for sock in (listener, self._wake_end, self._waker):
            sock.setblocking(False)
        self._selector.register(listener, _READ, self._accept)
        self._selector.register(self._wake_end, _READ, self._awake)

    @property
    def connections(self) -> int:
        """How many are open."""
        return len(self._channels)

    def serve_with(
        self, handler: Callable[[Request], None], after_pass: Callable[[], bool]
    ) -> None:
        """``handler`` takes every request; ``after_pass`` runs when those of a moment are begun.

        It tells whether it has more to do, and is then called again soon.
        """
        self._handler, self._after_pass = handler, after_pass

    def post(self, work: Callable[[], None]) -> None:
        """Have the loop's thread do something soon; any thread may ask."""
        self._posted.append(work)
        with suppress(BlockingIOError, OSError):  # a full pipe wakes it as well
            self._waker.send(b"\0")

    def later(self, seconds: float, work: Callable[[], None]) -> None:
        """Do something after a while; for the loop's own thread."""
        heapq.heappush(self._timers, (time.monotonic() + seconds, next(self._order), work))

    def run(self, stop: Event) -> None:
        """Serve until ``stop`` is set and requests that have begun are answered, or ``stop_s`` is over."""
        stopping_until = None
        try:
            while stopping_until is None or (self._channels and time.monotonic() < stopping_until):
                self._turn()
                if stopping_until is None and stop.is_set():
                    stopping_until = time.monotonic() + self.limits.stop_s
                    self._selector.unregister(self._listener)
                    self._listener.close()
                if stopping_until is not None:
                    for channel in [one for one in self._channels if one.at_rest]:
                        self.drop(channel, "stopping")
        finally:
            self._close()

    def handle(self, request: Request) -> None:
        """Begin to answer (see channel.Loop)."""
        self.counters["requests"] += 1
        self._handler(request)

    def watch(self, channel: Channel, *, reading: bool, writing: bool) -> None:
        """Tell the selector what a connection waits for (see channel.Loop)."""
        wanted = (_READ if reading else 0) | (_WRITE if writing else 0)
        if channel.open and self._channels[channel] != wanted:
            self._selector.modify(channel.sock, wanted, channel.ready)
            self._channels[channel] = wanted

    def drop(self, channel: Channel, why: str) -> None:
        """Forget a connection (see channel.Loop)."""
        if not channel.open:
            return
        channel.open = False
        del self._channels[channel]
        self._selector.unregister(channel.sock)
        channel.sock.close()
        self.counters[f"closed: {why}"] += 1
        log.debug("connection of %s closed: %s", channel.peer, why)

    def _turn(self) -> None:
        """One pass: what is ready, what was posted, what is due."""
        self.stalled = time.monotonic() - self.heard_at > _SWEEP_S
        wait = 0.0 if self._more else _SWEEP_S
        if self._timers:
            wait = max(0.0, min(wait, self._timers[0][0] - time.monotonic()))
        ready = self._selector.select(wait)
        now = time.monotonic()
        for key, _ in ready:
            try:
                key.data()
            except Exception:
                # A fault of ours costs one connection, not all of them.
                log.exception("a connection failed")
                channel = getattr(key.data, "__self__", None)
                if isinstance(channel, Channel):
                    self.drop(channel, "fault")
        self.heard_at = now
        while self._posted:
            self._posted.popleft()()
        while self._timers and self._timers[0][0] <= now:
            heapq.heappop(self._timers)[2]()
        self._more = self._after_pass()
        self._sweep(now)

    _swept = 0.0

    def _sweep(self, now: float) -> None:
        if now - self._swept < _SWEEP_S:
            return
        self._swept = now
        for channel in list(self._channels):
            if why := channel.overdue(now):
                self.drop(channel, why)

    def _accept(self) -> None:
        for _ in range(16):  # then those who are connected have their turn
            try:
                sock, address = self._listener.accept()
            except (
                OSError
            ):  # nobody there, or gone again, or no file left: the next pass tries again
                return
            if len(self._channels) >= self.limits.connections and not self._make_room():
                sock.close()
                self.counters["refused: too many connections"] += 1
                continue
            self._welcome(sock, address[0])

    def _make_room(self) -> bool:
        """Close the line that has been idle longest, so that sleepers never keep callers out."""
        now = time.monotonic()
        sleeper = max(self._channels, key=lambda channel: channel.idle_s(now))
        if sleeper.idle_s(now) < self.limits.sleeper_s:
            return False
        self.drop(sleeper, "idle, room was needed")
        return True

    def _welcome(self, sock: socket.socket, peer: str) -> None:
        sock.setblocking(False)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        try:
            wrapped = self._context.wrap_socket(
                sock, server_side=True, do_handshake_on_connect=False
            )
        except OSError:  # gone already
            sock.close()
            return
        channel = Channel(wrapped, peer, self)
        self._channels[channel] = _READ
        self._selector.register(wrapped, _READ, channel.ready)
        self.counters["accepted"] += 1

    def _awake(self) -> None:
        self._wake_end.recv(4096)  # what is left wakes the next pass

    def _close(self) -> None:
        for channel in list(self._channels):
            self.drop(channel, "stopped")
        for sock in (self._listener, self._wake_end, self._waker):
            sock.close()
        self._selector.close()


def _unserved(request: Request) -> None:
    request.answer(None)
