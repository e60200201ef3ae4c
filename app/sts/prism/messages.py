"""One call and one answer of the wire as bytes: strict binary Thrift, nothing read past its end.

``thriftpy2`` reads a short buffer as if it were whole in some places and hands undecodable text on
as bytes; here both are garbage.

>>> call = encode_call(API.TokenApi, 'ping', 7, (0, 'well?'))
>>> decode_answer(API.TokenApi, 'ping', 7, call)
Traceback (most recent call last):
    ...
app.sts.prism.messages.Garbage: an answer of type 1
"""

import struct
from typing import Any

from thriftpy2.protocol import binary
from thriftpy2.protocol.exc import TProtocolException
from thriftpy2.thrift import TApplicationException, TMessageType, TPayload

from app.sts.prism.interface import API

TBinaryProtocol: Any = binary.TBinaryProtocol  # untyped there
__all__ = ["API", "Garbage", "decode_answer", "encode_call"]


class Garbage(ValueError):
    """These bytes are not the answer to this call."""


class _Bytes:
    """A buffer that gives exactly what is asked of it, or says that it cannot."""

    def __init__(self, data: bytes = b"") -> None:
        self._read_from, self._at = data, 0
        self.written = bytearray()

    def read(self, size: int) -> bytes:
        """The next bytes. Raises Garbage when fewer are left."""
        end = self._at + size
        if size < 0 or end > len(self._read_from):
            raise Garbage(f"{size} more bytes where {len(self._read_from) - self._at} are left")
        at, self._at = self._at, end
        return self._read_from[at:end]

    def write(self, data: bytes) -> None:
        """Take more bytes."""
        self.written += data

    @property
    def at_end(self) -> bool:
        """Whether everything was read."""
        return self._at == len(self._read_from)


def encode_call(service: Any, method: str, number: int, arguments: tuple[Any, ...]) -> bytes:
    """The bytes of a call, without the frame's length; arguments in the interface's order.

    Raises ValueError for a value that does not fit its field.
    """
    buffer = _Bytes()
    protocol = TBinaryProtocol(buffer)
    protocol.write_message_begin(method, TMessageType.CALL, number)
    call = getattr(service, f"{method}_args")()
    names = [field[1] for _, field in sorted(call.thrift_spec.items())]
    for name, value in zip(names, arguments, strict=True):
        setattr(call, name, value)
    try:
        call.write(protocol)
    except (struct.error, TypeError) as error:
        raise ValueError(f"{method}: {error}") from None
    return bytes(buffer.written)


def decode_answer(service: Any, method: str, number: int, data: bytes) -> Any:
    """What a call returned; an ApiException or TApplicationException comes back as a value.

    Raises Garbage for everything that is not a whole answer to this very call.
    """
    buffer = _Bytes(data)
    protocol = TBinaryProtocol(buffer, strict_decode=True)
    try:
        name, kind, answered = protocol.read_message_begin()
        if kind not in (TMessageType.REPLY, TMessageType.EXCEPTION):
            raise Garbage(f"an answer of type {kind}")
        if (name, answered) != (method, number):
            raise Garbage(f"an answer to {name!r} {answered}, not to {method!r} {number}")
        if kind == TMessageType.EXCEPTION:
            failure = TApplicationException()
            failure.read(protocol)
            return failure
        result = getattr(service, f"{method}_result")()
        result.read(protocol)
    except (struct.error, UnicodeDecodeError, RecursionError, TProtocolException, TypeError) as error:
        raise Garbage(f"{type(error).__name__} in an answer") from None
    if not buffer.at_end:
        raise Garbage("bytes left over after an answer")
    value = next((v for v in (result.success, getattr(result, "ex1", None)) if v is not None), None)
    _require_whole(value)
    return value


def _require_whole(value: Any) -> None:
    """Refuse an answer that lacks a field it must have."""
    if value is None:
        raise Garbage("an answer without a result")
    if isinstance(value, list):
        for item in value:
            _require_whole(item)
    elif isinstance(value, TPayload):
        for field in value.thrift_spec.values():
            name, required = field[1], field[-1]
            inner = getattr(value, name)
            if inner is None and required:
                raise Garbage(f"{type(value).__name__} without {name}")
            if isinstance(inner, TPayload | list):
                _require_whole(inner)
