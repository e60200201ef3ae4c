"""A proxy between our client and a module that spoils one call on purpose.

It ends TLS on both sides, so it knows the calls by name and can cut them where it hurts; with `raw` it
relays the bytes as they are and can change one inside the encrypted stream.
"""

from __future__ import annotations

import contextlib
import enum
import random
import socket
import ssl
import struct
import threading
import time
from collections import Counter
from collections.abc import Iterator
from typing import Any

from tests.sts.prism.certificates import Certificate

ISSUES = frozenset({"issueCreditToken", "issueMseToken", "issueKeyChangeTokens"})


class Fault(enum.Enum):
    """What happens to the next call that makes tokens."""

    CUT_BEFORE_REQUEST = "the line is cut before the request is through"
    CUT_AFTER_REQUEST = "the request is through, the line is cut before the answer"
    CUT_IN_ANSWER = "half of the answer comes"
    LATE = "nothing comes in time; the request is carried out afterwards"
    DUPLICATED_ANSWER = "the answer comes twice"
    FLIPPED_ANSWER = "one byte of the answer is another"
    FLIPPED_STREAM = "one byte of the encrypted stream is another"
    GIANT_ANSWER = "an answer claims to be two thousand million bytes long"
    MUTE = "the request is swallowed, and the line stays open"
    WRONG_CERTIFICATE = "somebody else answers at the address"


class FaultProxy:
    """One listening socket; `fault` is for the next issue call, `counts` counts calls that got through."""

    def __init__(self, certificate: Certificate, other: Certificate, upstream: int) -> None:
        self._contexts = [ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER) for _ in range(2)]
        for context, shown in zip(self._contexts, (certificate, other), strict=True):
            context.load_cert_chain(shown.file, shown.key_file)
        self._outwards = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        self._outwards.check_hostname, self._outwards.verify_mode = False, ssl.CERT_NONE
        self.upstream = upstream
        self.fault: Fault | None = None
        self.forgets = False  # fetchTokenResult asks for another message
        self.refuses = False  # hangs up on everybody
        self.late_s = 0.0
        self.flip_at: int | None = None
        self.raw = False
        self.port = 0
        self._held = 0
        self.chance = random.Random(11)
        self.counts: Counter[str] = Counter()
        self._threads: list[threading.Thread] = []
        self._open: list[socket.socket] = []

    @contextlib.contextmanager
    def served(self) -> Iterator[int]:
        """Listen on loopback; gives the port."""
        listening = socket.create_server(("127.0.0.1", 0))
        self._start(self._accept, listening)
        try:
            yield listening.getsockname()[1]
        finally:
            listening.shutdown(socket.SHUT_RDWR)
            listening.close()
            for sock in self._open:
                with contextlib.suppress(OSError):
                    sock.shutdown(socket.SHUT_RDWR)
            for thread in self._threads:
                thread.join(5)
            for sock in self._open:
                sock.close()

    def wait(self) -> None:
        """Until everything that was held back has been carried out."""
        deadline = time.monotonic() + 5
        while self._held:
            assert time.monotonic() < deadline
            time.sleep(0.01)

    def _start(self, work: Any, *arguments: Any) -> None:
        thread = threading.Thread(target=work, args=arguments, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self, listening: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while True:
                plain, _ = listening.accept()
                self._open.append(plain)
                self._start(self._raw if self.raw else self._talk, plain)

    def _talk(self, plain: socket.socket) -> None:
        with contextlib.suppress(OSError), contextlib.ExitStack() as stack:
            if self.refuses:
                plain.close()
                return
            wrong = self.fault is Fault.WRONG_CERTIFICATE
            client = stack.enter_context(self._contexts[wrong].wrap_socket(plain, server_side=True))
            self._open.append(client)
            raw = socket.create_connection(("127.0.0.1", self.upstream), 5)
            module = stack.enter_context(self._outwards.wrap_socket(raw))
            self._open.append(module)
            while self._one_call(client, module):
                pass

    def _one_call(self, client: Any, module: Any) -> bool:
        request = _frame(client)
        name = _method(request)
        fault = self.fault if name in ISSUES else None
        if fault is not None:
            self.fault = None
        if fault is Fault.CUT_BEFORE_REQUEST:
            return False
        if fault in {Fault.LATE, Fault.MUTE}:
            return self._hold(client, module, request, carry_out=fault is Fault.LATE)
        if name == "fetchTokenResult" and self.forgets:
            request = _other_message(request)
        self.counts[name] += 1
        _send(module, request)
        answer = _frame(module)
        if fault is Fault.CUT_AFTER_REQUEST:
            return False
        if fault is Fault.CUT_IN_ANSWER:
            client.sendall(struct.pack("!i", len(answer)) + answer[: len(answer) // 2])
            return False
        if fault is Fault.GIANT_ANSWER:
            client.sendall(struct.pack("!i", 2**31 - 1) + answer)
            return False
        if fault is Fault.FLIPPED_ANSWER:
            at = self.chance.randrange(len(answer)) if self.flip_at is None else self.flip_at % len(answer)
            answer = answer[:at] + bytes([answer[at] ^ 1 << self.chance.randrange(8)]) + answer[at + 1 :]
        _send(client, answer)
        if fault is Fault.DUPLICATED_ANSWER:
            _send(client, answer)
        return True

    def _hold(self, client: Any, module: Any, request: bytes, *, carry_out: bool) -> bool:
        """Say nothing until the client hangs up; then perhaps carry the request out after all."""
        self._held += 1
        try:
            with contextlib.suppress(OSError):
                while client.recv(100):
                    pass
            if carry_out:
                time.sleep(self.late_s)
                self.counts[_method(request)] += 1
                _send(module, request)
                _frame(module)
        finally:
            self._held -= 1
        return False

    def _raw(self, plain: socket.socket) -> None:
        """Relay the encrypted stream; once the fault is set, the module's next piece gets one bad bit."""
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.upstream), 5) as module:
            self._open.append(module)
            self._start(_relay, plain, module)
            while data := module.recv(65536):
                if self.fault is Fault.FLIPPED_STREAM:
                    self.fault = None
                    at = len(data) // 2
                    data = data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]
                plain.sendall(data)
        plain.close()


def _relay(source: socket.socket, target: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(65536):
            target.sendall(data)
        target.shutdown(socket.SHUT_WR)


def _exactly(sock: Any, size: int) -> bytes:
    data = b""
    while len(data) < size:
        more = sock.recv(size - len(data))
        if not more:
            raise ConnectionResetError
        data += more
    return data


def _frame(sock: Any) -> bytes:
    (size,) = struct.unpack("!i", _exactly(sock, 4))
    return _exactly(sock, size)


def _send(sock: Any, frame: bytes) -> None:
    sock.sendall(struct.pack("!i", len(frame)) + frame)


def _method(frame: bytes) -> str:
    (size,) = struct.unpack("!i", frame[4:8])
    return frame[8 : 8 + size].decode()


def _other_message(frame: bytes) -> bytes:
    """A fetch for a message that nobody ever sent: its last argument, before the stop byte."""
    return frame[:-3] + (b"zz" if frame[-3:-1] != b"zz" else b"yy") + frame[-1:]
