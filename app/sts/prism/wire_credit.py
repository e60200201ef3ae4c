"""The one call that must be quick, issueCreditToken, read in the form in which clients send it.

That is: every field of the interface in its order, but no newConfig.  Then most of the frame stands at places that are
known, and is compared and taken in a few steps.  Whatever looks otherwise is left to the strict reader (wire), which
reads the same and refuses what is wrong.
"""

from __future__ import annotations

from struct import Struct, error
from typing import Any

from app.sts.prism.interface import API

NAME = "issueCreditToken"
_LENGTH = Struct(">i")
# Each field is a type, a number, and what stands in it.  MeterConfigIn from ea to ti:
_NUMBERS = Struct(">3sh3sh3si3sh3sh")
_NUMBER_HEADS = (b"\x06\0\x02", b"\x06\0\x03", b"\x08\0\x0a", b"\x06\0\x0b", b"\x06\0\x0c")
_KRN_AND_KEN = Struct(">3s?3sh")  # allowKrnUpdate, ken
_3KCT_AND_KEN = Struct(">3s?3s?c")  # allow3Kct, allowKenUpdate, the end of MeterConfigIn
_REST = Struct(">3sh3sd3sq3sqc")  # subclass, transferAmount, tokenTime, flags, the end
_REST_HEADS = (b"\x06\0\x04", b"\x04\0\x05", b"\x0a\0\x06", b"\x0a\0\x07", b"\0")


def read(frame: bytes, at: int) -> dict[str, Any] | None:
    """The arguments that begin at a place of a whole frame; None when they are not in the usual form."""
    try:
        message_id, at = _string(frame, at, b"\x0b\0\x01")
        access_token, at = _string(frame, at, b"\x0b\0\x02")
        if frame[at : at + 3] != b"\x0c\0\x03":
            return None
        drn, at = _string(frame, at + 3, b"\x0b\0\x01")
        ea_, ea, tct_, tct, sgc_, sgc, krn_, krn, ti_, ti = _NUMBERS.unpack_from(frame, at)
        at += _NUMBERS.size
        newer_, newer, ken_, ken = _KRN_AND_KEN.unpack_from(frame, at)
        doe, at = _string(frame, at + _KRN_AND_KEN.size, b"\x0b\0\x1f")
        three_, three, other_, other, end_ = _3KCT_AND_KEN.unpack_from(frame, at)
        at += _3KCT_AND_KEN.size
        s_, subclass, a_, amount, t_, time, f_, flags, stop_ = _REST.unpack_from(frame, at)
    except (error, UnicodeDecodeError, LookupError):
        return None
    if (
        (ea_, tct_, sgc_, krn_, ti_) != _NUMBER_HEADS
        or (newer_, ken_, three_, other_, end_) != (b"\x02\0\x15", b"\x06\0\x1e", b"\x02\0\x20", b"\x02\0\x21", b"\0")
        or (s_, a_, t_, f_, stop_) != _REST_HEADS
        or at + _REST.size != len(frame)
    ):
        return None
    config = API.MeterConfigIn(
        drn, ea, tct, sgc, krn, ti, None, newer, ken, doe, three, other
    )
    return {
        "messageId": message_id, "accessToken": access_token, "meterConfig": config, "subclass": subclass,
        "transferAmount": amount, "tokenTime": time, "flags": flags,
    }  # fmt: skip


def _string(frame: bytes, at: int, head: bytes) -> tuple[str, int]:
    """A text with the head that is expected. Raises LookupError for another, or one beyond the frame."""
    (length,) = _LENGTH.unpack_from(frame, at + 3)
    start, end = at + 7, at + 7 + length
    if frame[at : at + 3] != head or length < 0 or end > len(frame):
        raise LookupError
    return frame[start:end].decode(), end
