"""Columns of checksums, amounts and twenty digits: ``crc``, ``amount`` and ``token`` for arrays."""

from functools import cache

import numpy as np
import numpy.typing as npt

from app.sts import crc

Words = npt.NDArray[np.uint64]
Halves = npt.NDArray[np.uint16]
_U = np.uint64
_HALF = _U(0xFFFF)
_WITHOUT_CLASS = _U(2**64 - 1 - (3 << 27))


def checksums(token_class: int, data: Words, *, currency: bool = False) -> Words:
    """Return the CRC of each 48 data bits under one class; ``currency`` for CRC_C."""
    start, (high, middle, low) = _crc_tables(token_class, currency=currency)
    found: Halves = high.take((data >> _U(32)).astype(np.intp))
    found ^= middle.take((data >> _U(16) & _HALF).astype(np.intp))
    found ^= low.take((data & _HALF).astype(np.intp))
    found ^= start
    return found.astype(np.uint64)


@cache
def _crc_tables(token_class: int, *, currency: bool) -> tuple[np.uint16, list[Halves]]:
    starts, *words = crc.tables(currency=currency)
    return np.uint16(starts[token_class]), [np.array(table, np.uint16) for table in words]


def encode_units(tenths: npt.NDArray[np.int64]) -> Words:
    """Return the 16-bit field of each number of tenths (0..MAX_TENTHS), rounded up."""
    field = tenths.copy()
    offset, step = 16384, 10
    for e in (1, 2, 3):
        beyond = tenths > offset - step // 10  # more than the range before can carry
        if not beyond.any():
            break
        mantissa = np.maximum(0, -((offset - tenths) // step))
        np.copyto(field, mantissa | e << 14, where=beyond)
        offset, step = offset + 2**14 * step, step * 10
    return field.astype(np.uint64)


def to_digits(token_class: int, blocks: Words) -> npt.NDArray[np.bytes_]:
    """Return the twenty digits of each 64-bit block, the class put in its place."""
    front = blocks >> _U(27) & _U(3)
    low = blocks & _WITHOUT_CLASS | _U(token_class << 27)
    # T = front * 2^64 + low in base 10^8; 2^64 is 184467440737 * 10^8 + 9551616
    hundred_millions = low // _U(10**8)
    rest = low - hundred_millions * _U(10**8) + front * _U(9551616)
    hundred_millions += front * _U(184467440737)
    carry = rest // _U(10**8)
    rest -= carry * _U(10**8)
    hundred_millions += carry
    top = hundred_millions // _U(10**8)
    middle = hundred_millions - top * _U(10**8)
    out = np.empty((len(blocks), 5), np.uint32)
    table = _four_digits()
    out[:, 0] = table.take(top.astype(np.intp))
    for column, eight in ((1, middle), (3, rest)):
        half = eight.astype(np.uint32)
        upper = half // np.uint32(10000)
        out[:, column] = table.take(upper)
        out[:, column + 1] = table.take(half - upper * np.uint32(10000))
    return out.view("S20").reshape(-1)


@cache
def _four_digits() -> npt.NDArray[np.uint32]:
    """The four ASCII digits of 0 to 9999, as they lie in memory."""
    text = b"".join(b"%04d" % number for number in range(10000))
    return np.frombuffer(text, np.uint32)


def from_digits(
    digits: npt.NDArray[np.bytes_],
) -> tuple[npt.NDArray[np.uint8], Words, npt.NDArray[np.bool_]]:
    """Return (class, block still encrypted, well-formed) of each twenty digits (dtype S20)."""
    raw = np.ascontiguousarray(digits).view(np.uint8).reshape(-1, 20)
    good = ((raw - np.uint8(48)) < 10).all(axis=1)
    # four ASCII digits at once: first pairs, then the two pairs (little-endian words)
    groups = raw.view("<u4") & np.uint32(0x0F0F0F0F)
    groups = (groups * np.uint32(2561) >> np.uint32(8)) & np.uint32(0x00FF00FF)
    groups = (groups * np.uint32(6553601) >> np.uint32(16)).astype(np.uint64)
    top, rest = groups[:, 0], groups[:, 1]
    for column in (2, 3, 4):
        rest = rest * _U(10000) + groups[:, column]
    # T = top * 10^16 + rest, in two words of 32 bits and what is above them
    low = top * _U(10**16 & 0xFFFFFFFF) + (rest & _U(0xFFFFFFFF))
    high = top * _U(10**16 >> 32) + (rest >> _U(32)) + (low >> _U(32))
    above = high >> _U(32)
    good &= above < 4
    number = high << _U(32) | low & _U(0xFFFFFFFF)
    token_class = (number >> _U(27) & _U(3)).astype(np.uint8)
    return token_class, number & _WITHOUT_CLASS | (above & _U(3)) << _U(27), good


def within(values: npt.NDArray[np.int64], low: int, high: int) -> int | None:
    """Return a value outside low..high, or None when all are inside.

    >>> within(np.array([1, 2, 3]), 0, 2), within(np.array([0, 99]), 0, 99)
    (3, None)
    """
    if values.size and int(values.min()) < low:
        return int(values.min())
    if values.size and int(values.max()) > high:
        return int(values.max())
    return None
