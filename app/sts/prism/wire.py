"""The binary protocol of Thrift, read strictly: every length is checked before a byte is taken.

The structures, and the writing of them, are thriftpy2's.  Its fast reader is not used on what strangers
send: a string that claims more bytes than the frame has is answered with memory it never was given, and
a list may claim two thousand million elements of no size.  Here a frame is whole, or it is Malformed.

>>> call = read_call(write_call('ping', 7, sleepMs=0, echo='hello'))
>>> call.name, call.sequence, call.arguments
('ping', 7, {'sleepMs': 0, 'echo': 'hello'})
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from struct import Struct, error
from typing import Any

from thriftpy2.protocol import TCyBinaryProtocol
from thriftpy2.thrift import TApplicationException, TMessageType, TType
from thriftpy2.transport import TCyMemoryBuffer

from app.sts.prism import wire_credit
from app.sts.prism.interface import API

SERVICE = API.ModuleAdmin
_PROTOCOL: Any = TCyBinaryProtocol  # thriftpy2 leaves it without types
#: Structures and containers inside each other; the interface itself needs five.
DEPTH = 16
_VERSION = 0x8001
_HEAD, _FIELD, _LENGTH = Struct(">HxB"), Struct(">bh"), Struct(">i")
_FIXED = {
    TType.BOOL: Struct(">?"), TType.BYTE: Struct(">b"), TType.DOUBLE: Struct(">d"),
    TType.I16: Struct(">h"), TType.I32: Struct(">i"), TType.I64: Struct(">q"),
}  # fmt: skip


class Malformed(ValueError):
    """These bytes are no message. ``name`` and ``sequence`` are known when its head could be read."""

    def __init__(self, why: str, name: str | None = None, sequence: int = 0):
        super().__init__(why)
        self.name, self.sequence = name, sequence


@dataclass(frozen=True, slots=True)
class Call:
    """One call: its arguments by name, as far as they were sent. ``method`` None: not of this service."""

    name: str
    sequence: int
    arguments: dict[str, Any] = field(repr=False)  # an access token, a password
    known: bool


def read_call(frame: bytes) -> Call:
    """Return the call in a whole frame (without its length). Raises Malformed."""
    name, kind, sequence, at = _head(frame)
    if kind != TMessageType.CALL:
        raise Malformed("a call is expected", name, sequence)
    if name == wire_credit.NAME and (usual := wire_credit.read(frame, at)) is not None:
        return Call(name, sequence, usual, known=True)
    known = name in SERVICE.thrift_services
    spec = getattr(SERVICE, f"{name}_args").thrift_spec if known else {}
    return Call(name, sequence, _body(frame, at, spec, name, sequence), known)


def read_reply(frame: bytes, name: str) -> Any:
    """Return what a method answered. Raises Malformed, its ApiException, or TApplicationException."""
    answered, kind, sequence, at = _head(frame)
    if kind == TMessageType.EXCEPTION:
        spec = TApplicationException.thrift_spec
        said = _body(frame, at, spec, answered, sequence)
        raise TApplicationException(said.get("type", 0), said.get("message"))
    if kind != TMessageType.REPLY or answered != name:
        raise Malformed(f"no answer to {name}", answered, sequence)
    spec = getattr(SERVICE, f"{name}_result").thrift_spec
    said = _body(frame, at, spec, answered, sequence)
    if "ex1" in said:
        raise said["ex1"]
    if "success" not in said:
        raise Malformed("an answer without its value", answered, sequence)
    return said["success"]


def write_call(name: str, sequence: int, **arguments: Any) -> bytes:
    """Return the frame (without its length) of a call."""
    payload = getattr(SERVICE, f"{name}_args")(**arguments)
    return _written(name, TMessageType.CALL, sequence, payload)


def write_value(name: str, sequence: int, value: Any) -> bytes:
    """Return the frame (without its length) of a method's answer."""
    payload = getattr(SERVICE, f"{name}_result")(success=value)
    return _written(name, TMessageType.REPLY, sequence, payload)


def write_refusal(name: str, sequence: int, code: str, words: str) -> bytes:
    """Return the frame (without its length) of an ApiException."""
    refusal = API.ApiException(eCode=code, eMsgEn=words)
    payload = getattr(SERVICE, f"{name}_result")(ex1=refusal)
    return _written(name, TMessageType.REPLY, sequence, payload)


def write_unknown(name: str, sequence: int, words: str, *, method: bool = True) -> bytes:
    """Return the frame (without its length) of Thrift's own exception: unknown method, or no protocol."""
    kind = TApplicationException.UNKNOWN_METHOD if method else TApplicationException.PROTOCOL_ERROR
    return _written(
        name, TMessageType.EXCEPTION, sequence, TApplicationException(type=kind, message=words)
    )


def _written(name: str, kind: int, sequence: int, payload: Any) -> bytes:
    buffer = TCyMemoryBuffer(buf_size=1024)
    protocol = _PROTOCOL(buffer)
    protocol.write_message_begin(name, kind, sequence)
    payload.write(protocol)
    protocol.write_message_end()
    written: bytes = buffer.getvalue()
    return written


def _head(frame: bytes) -> tuple[str, int, int, int]:
    """Name, kind, sequence number, and where the body starts."""
    try:
        version, kind = _HEAD.unpack_from(frame)
        if version != _VERSION:
            raise Malformed("no message of the binary protocol")
        name, at = _string(frame, 4)
        (sequence,) = _LENGTH.unpack_from(frame, at)
    except (error, IndexError, UnicodeDecodeError) as trouble:
        raise Malformed("the head of the message is cut off") from trouble
    return name, kind, sequence, at + 4


def _body(frame: bytes, at: int, spec: dict[int, Any], name: str, sequence: int) -> dict[str, Any]:
    try:
        values, end = _fields(frame, at, spec, DEPTH)
    except (error, IndexError, UnicodeDecodeError):
        raise Malformed("the message is cut off", name, sequence) from None
    except Malformed as trouble:
        raise Malformed(str(trouble), name, sequence) from None
    if end != len(frame):
        raise Malformed("bytes after the message", name, sequence)
    return values


def _fields(frame: bytes, at: int, spec: dict[int, Any], depth: int) -> tuple[dict[str, Any], int]:
    """Read fields up to the stop; unknown ones, and those of another type, are passed over."""
    values: dict[str, Any] = {}
    while frame[at]:
        kind, number = _FIELD.unpack_from(frame, at)
        at += 3
        known = spec.get(number)
        if known is None or known[0] != kind:
            at = _skip(frame, at, kind, depth)
            continue
        fixed = _FIXED.get(kind)
        if fixed is not None:
            (values[known[1]],) = fixed.unpack_from(frame, at)
            at += fixed.size
        elif kind == TType.STRING:
            values[known[1]], at = _string(frame, at)
        else:
            values[known[1]], at = _value(frame, at, kind, known[2], depth)
    return values, at + 1


def _value(frame: bytes, at: int, kind: int, inner: Any, depth: int) -> tuple[Any, int]:
    """Read one value; ``inner`` is the class of a structure, or the types inside a container."""
    if kind in _FIXED:
        return _FIXED[kind].unpack_from(frame, at)[0], at + _FIXED[kind].size
    if kind == TType.STRING:
        return _string(frame, at)
    if depth <= 0:
        raise Malformed("structures inside structures without end")
    if kind == TType.STRUCT:
        values, at = _fields(frame, at, inner.thrift_spec, depth - 1)
        for item in inner.thrift_spec.values():
            if item[-1] and item[1] not in values:
                raise Malformed(f"{inner.__name__} without its {item[1]}")
        return inner(**values), at
    if kind == TType.MAP:
        return _map(frame, at, inner, depth - 1)
    return _list(frame, at, inner, depth - 1)


def _typed(inner: Any) -> tuple[int, Any]:
    return inner if isinstance(inner, tuple) else (inner, None)


def _list(frame: bytes, at: int, inner: Any, depth: int) -> tuple[list[Any], int]:
    wanted, deeper = _typed(inner)
    kind, count = frame[at], _count(frame, at + 1, 1)
    at += 5
    if kind != wanted and count:
        raise Malformed("a list of something else")
    values = []
    for _ in range(count):
        value, at = _value(frame, at, kind, deeper, depth)
        values.append(value)
    return values, at


def _map(frame: bytes, at: int, inner: Any, depth: int) -> tuple[dict[Any, Any], int]:
    (key_kind, key_inner), (value_kind, value_inner) = map(_typed, inner)
    kinds, count = (frame[at], frame[at + 1]), _count(frame, at + 2, 2)
    at += 6
    if kinds != (key_kind, value_kind) and count:
        raise Malformed("a map of something else")
    values = {}
    for _ in range(count):
        key, at = _value(frame, at, key_kind, key_inner, depth)
        values[key], at = _value(frame, at, value_kind, value_inner, depth)
    return values, at


def _string(frame: bytes, at: int) -> tuple[str, int]:
    (length,) = _LENGTH.unpack_from(frame, at)
    start, end = at + 4, at + 4 + length
    if length < 0 or end > len(frame):
        raise Malformed("a string longer than its message")
    return frame[start:end].decode(), end


def _count(frame: bytes, at: int, least: int) -> int:
    """A number of elements that the rest of the frame can hold, each of at least so many bytes."""
    count: int = _LENGTH.unpack_from(frame, at)[0]
    if not 0 <= count * least <= len(frame) - at - 4:
        raise Malformed("more elements than its message has bytes")
    return count


def _skip(frame: bytes, at: int, kind: int, depth: int) -> int:
    """Return where a value ends that nobody asked for."""
    if kind in _FIXED:
        end: int = at + _FIXED[kind].size
        if end > len(frame):
            raise Malformed("the message is cut off")
        return end
    if kind == TType.STRING:
        (length,) = _LENGTH.unpack_from(frame, at)
        if length < 0 or at + 4 + length > len(frame):
            raise Malformed("a string longer than its message")
        return at + 4 + int(length)
    if depth <= 0:
        raise Malformed("structures inside structures without end")
    inside: Callable[[bytes, int, int], int] | None = _SKIPPED.get(kind)
    if inside is None:
        raise Malformed(f"no type of the protocol has the number {kind}")
    return inside(frame, at, depth - 1)


def _skip_fields(frame: bytes, at: int, depth: int) -> int:
    return _fields(frame, at, {}, depth)[1]


def _skip_list(frame: bytes, at: int, depth: int) -> int:
    kind, count = frame[at], _count(frame, at + 1, 1)
    at += 5
    for _ in range(count):
        at = _skip(frame, at, kind, depth)
    return at


def _skip_map(frame: bytes, at: int, depth: int) -> int:
    kinds, count = (frame[at], frame[at + 1]), _count(frame, at + 2, 2)
    at += 6
    for _ in range(count):
        for kind in kinds:
            at = _skip(frame, at, kind, depth)
    return at


_SKIPPED: dict[int, Callable[[bytes, int, int], int]] = {
    TType.STRUCT: _skip_fields, TType.LIST: _skip_list, TType.SET: _skip_list, TType.MAP: _skip_map,
}  # fmt: skip
