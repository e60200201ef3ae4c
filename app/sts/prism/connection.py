"""One TLS connection to a module: opened and checked within a time, one bounded answer to each call.

Whatever goes wrong is a ``ModuleError`` of one of two kinds, and exactly once rests on the difference:
``Unsent`` means that nothing was asked; ``Unanswered`` means that it was, and may have been done. An
unanswered call closes its connection, so that no late answer is ever taken for another call's.
"""

import hashlib
import socket
import ssl
import struct
import threading
import time
from typing import Any

from thriftpy2.thrift import TApplicationException

from app.sts.module import ModuleError
from app.sts.prism.interface import API, is_permanent
from app.sts.prism.messages import Garbage, decode_answer, encode_call
from app.sts.prism.place import Place

FRAME_MAX = 1 << 20  # bytes of one answer; a list of five thousand keys is half of it
DETAIL_MAX = 200
NAME, REFUSED, UNREACHABLE = "ENetwork.Name", "ENetwork.Refused", "ENetwork.Unreachable"
TIMEOUT, CLOSED, GARBAGE = "ENetwork.Timeout", "ENetwork.Closed", "ENetwork.Garbage"
TLS, CERTIFICATE = "ENetwork.Tls", "ENetwork.Certificate"
UNKNOWN_METHOD = "EMethod.Unknown"


class Unsent(ModuleError):
    """Nothing was asked of the module: doing the same again is safe."""

    def __init__(self, code: str, detail: str = "") -> None:
        """Passing by nature: the module may be there again in a moment."""
        super().__init__(code, permanent=False, detail=detail)


class Unanswered(ModuleError):
    """Something was asked and no usable answer came: it may or may not have been done."""

    def __init__(self, code: str, detail: str = "") -> None:
        """Passing by nature: the module may still know what it answered."""
        super().__init__(code, permanent=False, detail=detail)


def left(until: float) -> float:
    """Seconds until a moment of ``time.monotonic``, never so few that a socket would not wait at all."""
    return max(until - time.monotonic(), 0.001)


def addresses_of(place: Place, until: float) -> list[Any]:
    """What the place's name stands for. Raises Unsent; a name server may hang, so it is not waited for."""
    found: list[Any] = []
    failed: list[OSError] = []

    def look() -> None:
        try:
            found.extend(socket.getaddrinfo(place.address, place.port, type=socket.SOCK_STREAM))
        except (OSError, UnicodeError) as error:  # UnicodeError: a name longer than a name may be
            failed.append(OSError(str(error)))

    looking = threading.Thread(target=look, daemon=True)
    looking.start()
    looking.join(left(until))
    if found:
        return found
    raise Unsent(NAME, str(failed[0]) if failed else "no answer from the name server")


def connect(addresses: list[Any], until: float) -> socket.socket:
    """A plain connection to the first address that answers; they share the time. Raises Unsent."""
    problem = Unsent(UNREACHABLE)
    for number, (family, kind, protocol, _name, address) in enumerate(addresses):
        plain = socket.socket(family, kind, protocol)
        try:
            # One that is silent must not use up the time of those behind it.
            plain.settimeout(left(until) / (len(addresses) - number))
            plain.connect(address)
            plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            plain.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
            return plain
        except OSError as error:
            plain.close()
            problem = Unsent(_code(error, UNREACHABLE), str(error))
    raise problem


def tls_context(place: Place) -> ssl.SSLContext:
    """How certificates are checked in the handshake; a pin is checked after it. Raises Unsent."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if place.trust == "authority":
        try:
            context.load_verify_locations(cadata=place.authority or "")
        except (ssl.SSLError, ValueError) as error:
            raise Unsent(CERTIFICATE, f"the authority's certificate: {error}") from None
        return context
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE  # a pin compares the whole certificate instead
    return context


def secure(plain: socket.socket, place: Place, context: ssl.SSLContext, until: float) -> ssl.SSLSocket:
    """The handshake. Raises Unsent, and then the plain connection is closed."""
    try:
        plain.settimeout(left(until))
        return context.wrap_socket(plain, server_hostname=place.address)
    except ssl.SSLCertVerificationError as error:
        plain.close()
        raise Unsent(CERTIFICATE, error.verify_message) from None
    except (OSError, ValueError) as error:
        plain.close()
        code = TLS if isinstance(error, ssl.SSLError | ValueError) else _code(error, TLS)
        raise Unsent(code, str(error)) from None


def presented(secured: ssl.SSLSocket) -> str:
    """SHA-256 of the certificate that the other side showed, 64 lowercase hexadecimal digits."""
    return hashlib.sha256(secured.getpeercert(binary_form=True) or b"").hexdigest()


def require_pinned(secured: ssl.SSLSocket, place: Place) -> None:
    """Refuse a certificate that is not the pinned one. Raises Unsent, before anything was said."""
    if place.trust != "pinned":
        return
    if place.fingerprint is None:
        raise Unsent(CERTIFICATE, "no fingerprint is known yet")
    if presented(secured) != place.fingerprint:
        raise Unsent(CERTIFICATE, f"its fingerprint is {presented(secured)}")


class Connection:
    """An open connection; used by one thread at a time."""

    def __init__(self, secured: ssl.SSLSocket) -> None:
        """Take over a connection that was checked."""
        self._socket = secured
        self._number = 0
        self.open = True
        self.used_at = time.monotonic()

    @classmethod
    def to(cls, place: Place, context: ssl.SSLContext, until: float) -> "Connection":
        """Connect, shake hands, check the certificate. Raises Unsent."""
        until = min(until, time.monotonic() + place.connect_timeout_s)
        secured = secure(connect(addresses_of(place, until), until), place, context, until)
        try:
            require_pinned(secured, place)
        except Unsent:
            secured.close()
            raise
        return cls(secured)

    def call(self, method: str, arguments: tuple[Any, ...], until: float, service: Any = API.TokenApi) -> Any:
        """Send one call, once, and give its answer.

        Raises Unanswered (the connection is closed then), or ModuleError with the module's own code.
        """
        self._number += 1
        try:
            call = encode_call(service, method, self._number, arguments)
        except ValueError as error:
            raise ModuleError("EParamRange", permanent=True, detail=str(error)) from None
        try:
            self._socket.settimeout(left(until))
            self._socket.sendall(struct.pack("!i", len(call)) + call)
            answer = decode_answer(service, method, self._number, self._frame(until))
        except Garbage as error:
            self.close()
            raise Unanswered(GARBAGE, str(error)) from None
        except OSError as error:
            self.close()
            raise Unanswered(_code(error, CLOSED), str(error)) from None
        self.used_at = time.monotonic()
        return self._checked(method, answer)

    def is_fresh(self, idle_max_s: float) -> bool:
        """Whether the next call may use it: not idle for too long, not closed, nothing unread in it."""
        if not self.open or time.monotonic() - self.used_at > idle_max_s:
            return False
        try:
            self._socket.setblocking(False)
            self._socket.recv(1)
        except ssl.SSLWantReadError:
            return True
        except OSError:
            return False
        return False  # closed by the other side, or an answer that nobody asked for

    def close(self) -> None:
        """Hang up, without waiting for the other side."""
        self.open = False
        self._socket.close()

    def _frame(self, until: float) -> bytes:
        (size,) = struct.unpack("!i", self._exactly(4, until))
        if not 0 < size <= FRAME_MAX:
            raise Garbage(f"a frame of {size} bytes")
        return self._exactly(size, until)

    def _exactly(self, size: int, until: float) -> bytes:
        data = bytearray()
        while len(data) < size:
            # NB: the time is for the whole answer; a byte now and then does not lengthen it.
            if time.monotonic() >= until:
                raise TimeoutError("no whole answer in time")
            self._socket.settimeout(left(until))
            more = self._socket.recv(size - len(data))
            if not more:
                raise ConnectionResetError("hung up before the answer was whole")
            data += more
        return bytes(data)

    def _checked(self, method: str, answer: Any) -> Any:
        """Turn an error of the interface into the caller's."""
        if isinstance(answer, TApplicationException):
            if answer.type == TApplicationException.UNKNOWN_METHOD:
                raise ModuleError(UNKNOWN_METHOD, permanent=True, detail=method)
            self.close()
            raise Unanswered("EService", f"{method}: {answer.message}"[:DETAIL_MAX])
        if isinstance(answer, API.ApiException):
            code = answer.eCode
            if not (code.isascii() and code.replace(".", "").isalnum() and len(code) <= 60):
                self.close()
                raise Unanswered(GARBAGE, "an error without a readable code")
            raise ModuleError(code, permanent=is_permanent(code), detail=answer.eMsgEn[:DETAIL_MAX])
        return answer


def _code(error: OSError, otherwise: str) -> str:
    if isinstance(error, TimeoutError):
        return TIMEOUT
    if isinstance(error, ConnectionRefusedError):
        return REFUSED
    if isinstance(error, ConnectionError | ssl.SSLEOFError):
        return CLOSED
    return otherwise
