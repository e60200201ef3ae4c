"""The checksum of a token: CRC-16 with polynomial A001 (reflected), start FFFF, its two bytes swapped.

It covers seven bytes: six zero bits, the two bits of the class, 48 bits of data. Currency tokens
add one byte 01 (CRC_C), so that no meter takes money for units. Clause: IEC 62055-41, 6.3.7.

>>> f'{checksum(bytes.fromhex("000B19EB230100")):04X}', f'{token_checksum(0, 0x0B19EB230100):04X}'
('C207', 'C207')
"""

from array import array
from collections.abc import Sequence
from functools import cache

from app.sts.errors import BlockOutOfRange, TokenClassOutOfRange

_POLYNOMIAL = 0xA001
_START = 0xFFFF
_CURRENCY = b"\x01"


def checksum(message: bytes) -> int:
    """Return the 16-bit CRC, bytes swapped, of a message of any length: the rule, bit by bit.

    >>> f'{checksum(bytes.fromhex("00004A2D900FF2")):04X}'
    '0FFA'
    """
    return _swapped(_register(message, _START))


def token_checksum(token_class: int, data: int, *, currency: bool = False) -> int:
    """Return the CRC of 48 data bits under a class 0-3; ``currency`` adds the byte 01 (CRC_C).

    Raises TokenClassOutOfRange, BlockOutOfRange.

    >>> f'{token_checksum(0, 0x4052B13960AA, currency=True):04X}'
    'C385'
    """
    if type(token_class) is not int or not 0 <= token_class <= 3:
        raise TokenClassOutOfRange(token_class, 0, 3)
    if type(data) is not int or not 0 <= data < 2**48:
        raise BlockOutOfRange(data, 48)
    starts, high, middle, low = tables(_CURRENCY if currency else b"")
    return starts[token_class] ^ high[data >> 32] ^ middle[data >> 16 & 0xFFFF] ^ low[data & 0xFFFF]


def _register(message: bytes, register: int) -> int:
    for byte in message:
        register ^= byte
        for _ in range(8):
            register = register >> 1 ^ (_POLYNOMIAL if register & 1 else 0)
    return register


def _swapped(register: int) -> int:
    return register >> 8 | (register & 0xFF) << 8


@cache
def tables(suffix: bytes) -> tuple[Sequence[int], ...]:
    """Return four starts (by class) and three tables (by 16-bit word) whose XOR is the checksum.

    ``suffix``: what follows the seven bytes, nothing or the byte 01 of CRC_C.

    A CRC is linear: the register after a message is the XOR of what its words leave from a zero
    start, plus what the start value leaves. Built on first use, in some ten milliseconds.

    >>> starts, high, middle, low = tables(b"")
    >>> starts[0] ^ high[0x0B19] ^ middle[0xEB23] ^ low[0x0100] == token_checksum(0, 0x0B19EB230100)
    True
    """
    zero = _register(bytes(7) + suffix, _START)
    starts = tuple(_swapped(_register(bytes([c]) + bytes(6) + suffix, _START)) for c in range(4))
    words = []
    for shift in (32, 16, 0):
        table = [0]
        for bit in range(16):
            message = (1 << (shift + bit)).to_bytes(7, "big") + suffix
            effect = _swapped(_register(message, _START) ^ zero)
            table += [entry ^ effect for entry in table]
        words.append(array("H", table))
    return starts, words[0], words[1], words[2]
