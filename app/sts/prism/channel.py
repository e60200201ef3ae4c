"""One connection of the module server: frames in, answers out, one after the other, within its limits."""

from __future__ import annotations

import ssl
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from struct import Struct
from typing import Protocol

from app.sts.prism.limits import Limits

_LENGTH = Struct(">i")
#: More than a TLS record holds, so that one read empties it.
_CHUNK = 32 * 1024
_MOMENT_S = 0.25


@dataclass(frozen=True, slots=True)
class Request:
    """A whole frame.

    ``received`` is a monotonic time before which its last byte had not come; ``answer`` takes the frame to send
    back, or None to hang up, and is called once, now or later, by the loop's own thread.
    """

    frame: bytes = field(repr=False)
    peer: str
    received: float
    answer: Callable[[bytes | None], None] = field(repr=False)


class Loop(Protocol):
    """What a connection asks of the loop that owns it."""

    limits: Limits
    heard_at: float
    stalled: bool

    def watch(self, channel: Channel, *, reading: bool, writing: bool) -> None:
        """Tell the selector what this connection waits for."""

    def drop(self, channel: Channel, why: str) -> None:
        """Forget the connection."""

    def handle(self, request: Request) -> None:
        """Begin to answer."""


class Channel:
    """A TLS connection that never blocks. Every method belongs to the loop's thread."""

    def __init__(self, sock: ssl.SSLSocket, peer: str, loop: Loop) -> None:
        """``sock`` does not block, and its handshake has not begun."""
        self.sock, self.peer, self._loop = sock, peer, loop
        self.open, self.busy = True, False
        self._shaken = False
        self._inbox, self._outbox = bytearray(), memoryview(b"")
        self._arrivals: deque[tuple[int, float]] = deque()
        self._received = 0
        self._advancing = False
        self._since = time.monotonic()

    def ready(self) -> None:
        """Go on: the socket can be read or written."""
        if not self.open:  # dropped earlier in the same pass
            return
        try:
            if not self._shaken:
                self.sock.do_handshake()
                self._shaken, self._since = True, time.monotonic()
            if self._outbox:
                self._write()
            if self.open:
                self._read()
        except ssl.SSLWantReadError:
            self._watch()
        except ssl.SSLWantWriteError:
            self._loop.watch(self, reading=True, writing=True)
        except (OSError, ValueError) as trouble:  # ssl.SSLError is an OSError
            self._loop.drop(self, type(trouble).__name__)

    def overdue(self, now: float) -> str:
        """Why this connection has used up its time, or nothing."""
        limits, passed = self._loop.limits, now - self._since
        if not self._shaken:
            return "handshake" if passed > limits.handshake_s else ""
        if self._outbox:
            return "answer not taken" if passed > limits.write_s else ""
        if self.busy:
            return ""  # the answer has its own limit
        if self._inbox:
            return "slow frame" if passed > limits.frame_s else ""
        return "idle" if passed > limits.idle_s else ""

    def idle_s(self, now: float) -> float:
        """For how long nothing has been asked, begun or answered; 0 for a line in use."""
        return now - self._since if self._shaken and self.at_rest and not self._inbox else 0.0

    @property
    def at_rest(self) -> bool:
        """Whether nothing is asked or answered just now."""
        return not self.busy and not self._outbox

    def _read(self) -> None:
        """Take what has come, then begin it; also while a request runs, so that a hung-up client is noticed.

        After a stall all is taken that has come, so that none of it looks younger than it is, and before anything
        is answered: what a client sends upon an answer came after the stall, and belongs to the next pass.
        """
        while self._take() and (self.sock.pending() or self._loop.stalled):
            pass
        if self.open:
            self._advance()

    def _take(self) -> bool:
        """Take one piece; whether there was one, and the connection is still open."""
        try:
            data = self.sock.recv(_CHUNK)
        except ssl.SSLWantReadError:
            self._watch()
            return False
        except ssl.SSLWantWriteError:
            self._loop.watch(self, reading=True, writing=True)
            return False
        if not data:
            self._loop.drop(self, "closed by peer")
            return False
        if not self._inbox and not self.busy:
            self._since = time.monotonic()
        self._inbox += data
        self._received += len(data)
        self._note_arrival(self._loop.heard_at)
        if len(self._inbox) > self._loop.limits.backlog_bytes:
            self._loop.drop(self, "too much sent ahead")
        return self.open

    def _note_arrival(self, now: float) -> None:
        """Remember up to which byte the client had come; what comes at one moment is one note.

        NB: a note for each read would let single bytes fill the memory that the backlog limit guards.
        """
        if self._arrivals and now - self._arrivals[-1][1] < _MOMENT_S:
            now = self._arrivals.pop()[1]
        self._arrivals.append((self._received, now))

    def _advance(self) -> None:
        """Hand over frame after frame while they are answered at once."""
        if self._advancing:
            return
        self._advancing = True
        try:
            while self.open and not self.busy and not self._outbox and self._begin():
                pass
        finally:
            self._advancing = False

    def _begin(self) -> bool:
        """Hand over the next frame when it is whole."""
        if len(self._inbox) < 4:
            return False
        (length,) = _LENGTH.unpack_from(self._inbox)
        if not 0 < length <= self._loop.limits.frame_bytes:
            # Nothing after a wrong length can be understood; no word of it is worth an answer.
            self._loop.drop(self, "frame length")
            return False
        if len(self._inbox) < 4 + length:
            return False
        frame = bytes(self._inbox[4 : 4 + length])
        del self._inbox[: 4 + length]
        end = self._received - len(self._inbox)
        while self._arrivals[0][0] < end:
            self._arrivals.popleft()
        self.busy = True
        self._loop.handle(Request(frame, self.peer, self._arrivals[0][1], self._answer))
        return True

    def _answer(self, frame: bytes | None) -> None:
        if not self.open:
            return
        self.busy, self._since = False, time.monotonic()
        if frame is None:
            self._loop.drop(self, "no message")
            return
        self._outbox = memoryview(_LENGTH.pack(len(frame)) + frame)
        try:
            self._write()
        except ssl.SSLWantReadError:
            self._watch()
        except ssl.SSLWantWriteError:
            self._loop.watch(self, reading=True, writing=True)
        except (OSError, ValueError) as trouble:
            self._loop.drop(self, type(trouble).__name__)

    def _write(self) -> None:
        while self._outbox:
            self._outbox = self._outbox[self.sock.send(self._outbox) :]
        self._since = time.monotonic()
        self._watch()
        self._advance()

    def _watch(self) -> None:
        self._loop.watch(self, reading=True, writing=bool(self._outbox))
