"""Columns of checksums, amounts and twenty digits: ``crc``, ``amount`` and ``token`` for arrays."""

from functools import cache

import numpy as np
import numpy.typing as npt

from app.sts import crc

Words = npt.NDArray[np.uint64]
_U = np.uint64
_HALF = _U(0xFFFF)
_WITHOUT_CLASS = _U(2**64 - 1 - (3 << 27))


def seal(token_class: int | npt.NDArray[np.uint8], data: Words) -> Words:
    """Return the blocks of 48 data bits each: data and CRC, CRC_C where it is currency (``token.seal``)."""
    blocks = data << _U(16) | _checksums(token_class, data, currency=False)
    money = (data >> _U(46) == 1) & (token_class == 0)  # subclass 4 to 7
    if money.any():
        data = data[money]
        blocks[money] = data << _U(16) | _checksums(0, data, currency=True)
    return blocks


def _checksums(
    token_class: int | npt.NDArray[np.uint8], data: Words, *, currency: bool
) -> npt.NDArray[np.uint16]:
    starts, high, middle, low = _crc_tables(currency=currency)
    found: npt.NDArray[np.uint16] = high.take((data >> _U(32)).astype(np.intp))
    found ^= middle.take((data >> _U(16) & _HALF).astype(np.intp))
    found ^= low.take((data & _HALF).astype(np.intp))
    found ^= starts[token_class]
    return found


@cache
def _crc_tables(*, currency: bool) -> list[npt.NDArray[np.uint16]]:
    return [np.array(table, np.uint16) for table in crc.tables(b"\x01" if currency else b"")]


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
    """Return the twenty digits of each 64-bit block, the class put in its place (``token.insert_class``)."""
    moved = blocks >> _U(27) & _U(3)
    low = blocks & _WITHOUT_CLASS | _U(token_class << 27)
    # T has 66 bits, two more than a word. 10^16 is 5^16 and sixteen zero bits behind it, so that
    # T without its last sixteen bits, divided by 5^16, gives the first four digits and the rest.
    upper = moved << _U(48) | low >> _U(16)
    first = upper // _U(5**16)
    rest = upper - first * _U(5**16) << _U(16) | low & _HALF
    middle = rest // _U(10**8)
    last = rest - middle * _U(10**8)
    out = np.empty((len(blocks), 5), np.uint32)
    table = _four_digits()
    out[:, 0] = table.take(first.astype(np.intp))
    for column, eight in ((1, middle), (3, last)):
        digits = eight.astype(np.uint32)
        four = digits // np.uint32(10000)
        out[:, column] = table.take(four)
        out[:, column + 1] = table.take(digits - four * np.uint32(10000))
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
    # Four ASCII digits are one little-endian word; five rows of such words, always a copy.
    fours = np.array(np.ascontiguousarray(digits).view("<u4").reshape(-1, 5).T, order="C")
    fours ^= np.uint32(0x30303030)
    # A byte is a digit, 0 to 9, when adding 0x76 leaves its top bit clear and it was clear before.
    beyond = np.bitwise_or.reduce(fours | fours + np.uint32(0x76767676), axis=0)
    good = beyond & np.uint32(0x80808080) == 0
    # Join the digits to pairs, then the two pairs.
    fours = (fours * np.uint32(2561) >> np.uint32(8)) & np.uint32(0x00FF00FF)
    fours = fours * np.uint32(6553601) >> np.uint32(16)
    middle, last = fours[1::2] * np.uint32(10000) + fours[2::2]
    rest = middle * _U(10**8) + last
    # T = first * 10^16 + rest, without its last sixteen bits; see to_digits
    upper = fours[0] * _U(5**16) + (rest >> _U(16))
    number = upper << _U(16) | rest & _HALF
    moved = upper >> _U(48)
    good &= moved < 4
    token_class = (number >> _U(27) & _U(3)).astype(np.uint8)
    return token_class, number & _WITHOUT_CLASS | (moved & _U(3)) << _U(27), good
