"""EA11, MISTY1 (RFC 2994): 128-bit key, 64-bit block, eight Feistel rounds with FL layers between them.

The one expensive part, FI, is two look-ups: FI(x, k) = B[A[x] ^ k], where A does everything before
the subkey enters and B everything after. Key and block are big-endian. Clause: IEC 62055-41, ed. 3, 6.4.4.

>>> key = bytes.fromhex('00112233445566778899AABBCCDDEEFF')
>>> f'{Misty1().encrypt(key, 0x0123456789ABCDEF):016X}', f'{Misty1().encrypt(key, 0xFEDCBA9876543210):016X}'
('8B1DA5F56AB3D07C', '04B68240B13BE95D')
"""

import json
from array import array
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from struct import Struct

from app.sts.errors import BlockOutOfRange, InvalidKey

_KEY_WORDS = Struct(">8H").unpack
_Tables = tuple[Sequence[int], Sequence[int]]


@cache
def fi_tables() -> _Tables:
    """Return A and B, 65 536 words each, of FI(x, k) = B[A[x] ^ k]; built on first use."""
    boxes = json.loads((Path(__file__).parent / "misty1.json").read_text("utf-8"))
    s7, s9 = boxes["s7"], boxes["s9"]
    before, after = array("H", bytes(131072)), array("H", bytes(131072))
    for word in range(65536):
        nine = s9[word >> 7] ^ word & 0x7F
        before[word] = (s7[word & 0x7F] ^ nine & 0x7F) << 9 | nine
        seven, nine = word >> 9, word & 0x1FF
        after[word] = seven << 9 | s9[nine] ^ seven
    return before, after


class Misty1:
    """The cipher; it keeps nothing, keys come with each call."""

    def encrypt(self, key: bytes, block: int) -> int:
        """Return the encrypted 64-bit block. Raises InvalidKey, BlockOutOfRange."""
        k, j = _schedule(key, block)
        left, right = block >> 32, block & 0xFFFFFFFF
        for n in (0, 2, 4, 6):
            left, right = _fl(left, n, k, j), _fl(right, n + 1, k, j)
            right ^= _fo(left, n, k, j)
            left ^= _fo(right, n + 1, k, j)
        return _fl(right, 9, k, j) << 32 | _fl(left, 8, k, j)

    def decrypt(self, key: bytes, block: int) -> int:
        """Return the plain 64-bit block. Raises InvalidKey, BlockOutOfRange."""
        k, j = _schedule(key, block)
        left, right = _fl_inverse(block & 0xFFFFFFFF, 8, k, j), _fl_inverse(block >> 32, 9, k, j)
        for n in (6, 4, 2, 0):
            left ^= _fo(right, n + 1, k, j)
            right ^= _fo(left, n, k, j)
            left, right = _fl_inverse(left, n, k, j), _fl_inverse(right, n + 1, k, j)
        return left << 32 | right


# Subkeys: k holds the key's eight words, j their images under FI. Both are written down twice in a
# row, so that "modulo 8" is a plain index.
_Words = tuple[int, ...]


def _schedule(key: bytes, block: int) -> tuple[_Words, _Words]:
    if type(key) is not bytes or len(key) != 16:
        raise InvalidKey("an EA11 decoder key has 16 bytes")
    if type(block) is not int or not 0 <= block < 2**64:
        raise BlockOutOfRange(block, 0, "2^64-1")
    before, after = fi_tables()
    a, b, c, d, e, f, g, h = k = _KEY_WORDS(key)
    j = (
        after[before[a] ^ b],
        after[before[b] ^ c],
        after[before[c] ^ d],
        after[before[d] ^ e],
        after[before[e] ^ f],
        after[before[f] ^ g],
        after[before[g] ^ h],
        after[before[h] ^ a],
    )
    return k + k, j + j


def _fo(word: int, n: int, k: _Words, j: _Words) -> int:
    """RFC 2994, 2.2.1: three FI on 32 bits, round ``n`` 0-7."""
    before, after = fi_tables()
    high, low = word >> 16, word & 0xFFFF
    high = after[before[high ^ k[n]] ^ j[n + 5]] ^ low
    low = after[before[low ^ k[n + 2]] ^ j[n + 1]] ^ high
    high = after[before[high ^ k[n + 7]] ^ j[n + 3]] ^ low
    return (low ^ k[n + 4]) << 16 | high


def _fl(word: int, n: int, k: _Words, j: _Words) -> int:
    """RFC 2994, 2.2.3: the linear layer, ``n`` 0-9."""
    half = n >> 1
    a, b = (j[half + 2], k[half + 4]) if n & 1 else (k[half], j[half + 6])
    low = word & 0xFFFF ^ (word >> 16 & a)
    return (word >> 16 ^ (low | b)) << 16 | low


def _fl_inverse(word: int, n: int, k: _Words, j: _Words) -> int:
    half = n >> 1
    a, b = (j[half + 2], k[half + 4]) if n & 1 else (k[half], j[half + 6])
    high = word >> 16 ^ (word & 0xFFFF | b)
    return high << 16 | word & 0xFFFF ^ (high & a)
