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
def boxes() -> dict[str, list[int]]:
    """Return the S-boxes ``s7`` and ``s9`` of the RFC, from the data file beside this module.

    >>> [(name, len(box), box[0]) for name, box in boxes().items()]
    [('s7', 128, 27), ('s9', 512, 451)]
    """
    data = json.loads((Path(__file__).parent / "misty1.json").read_text("utf-8"))
    return {name: list(data[name]) for name in ("s7", "s9")}


@cache
def fi_tables() -> _Tables:
    """Return A and B, 65 536 words each, of FI(x, k) = B[A[x] ^ k]; built on first use.

    >>> before, after = fi_tables()
    >>> f'{after[before[0x0011] ^ 0x2233]:04X}'  # K'1 of the key 00112233...
    'CF51'
    """
    s7, s9 = boxes()["s7"], boxes()["s9"]
    before, after = array("H", bytes(131072)), array("H", bytes(131072))
    for word in range(65536):
        nine = s9[word >> 7] ^ word & 0x7F
        before[word] = (s7[word & 0x7F] ^ nine & 0x7F) << 9 | nine
        seven, nine = word >> 9, word & 0x1FF
        after[word] = seven << 9 | s9[nine] ^ seven
    return before, after


# Subkeys: k holds the key's eight words, j their images under FI. Both are written down twice in a
# row, so that "modulo 8" is a plain index.
_Words = tuple[int, ...]


class Misty1:
    """The cipher; it keeps nothing but the two tables, keys come with each call.

    Both directions are written out, because a call of a function costs as much as an FI. In a pair
    of rounds n and n + 1, h = n / 2, the FL of the left half uses k[h] and j[h + 6], that of the right
    half j[h + 2] and k[h + 4] (RFC 2994, 2.2.3); each FO is three FI with the subkeys of 2.2.1.
    """

    def __init__(self) -> None:
        self._before, self._after = fi_tables()

    def encrypt(self, key: bytes, block: int) -> int:
        """Return the encrypted 64-bit block. Raises InvalidKey, BlockOutOfRange."""
        _check(key, block)
        before, after = self._before, self._after
        k, j = _schedule(key, before, after)
        l_high, l_low = block >> 48, block >> 32 & 0xFFFF
        r_high, r_low = block >> 16 & 0xFFFF, block & 0xFFFF
        for n, h in ((0, 0), (2, 1), (4, 2), (6, 3)):
            l_low ^= l_high & k[h]
            l_high ^= l_low | j[h + 6]
            r_low ^= r_high & j[h + 2]
            r_high ^= r_low | k[h + 4]
            x = after[before[l_high ^ k[n]] ^ j[n + 5]] ^ l_low
            y = after[before[l_low ^ k[n + 2]] ^ j[n + 1]] ^ x
            r_low ^= after[before[x ^ k[n + 7]] ^ j[n + 3]] ^ y
            r_high ^= y ^ k[n + 4]
            x = after[before[r_high ^ k[n + 1]] ^ j[n + 6]] ^ r_low
            y = after[before[r_low ^ k[n + 3]] ^ j[n + 2]] ^ x
            l_low ^= after[before[x ^ k[n + 8]] ^ j[n + 4]] ^ y
            l_high ^= y ^ k[n + 5]
        l_low ^= l_high & k[4]
        l_high ^= l_low | j[10]
        r_low ^= r_high & j[6]
        r_high ^= r_low | k[8]
        return r_high << 48 | r_low << 32 | l_high << 16 | l_low

    def decrypt(self, key: bytes, block: int) -> int:
        """Return the plain 64-bit block. Raises InvalidKey, BlockOutOfRange."""
        _check(key, block)
        before, after = self._before, self._after
        k, j = _schedule(key, before, after)
        r_high, r_low = block >> 48, block >> 32 & 0xFFFF
        l_high, l_low = block >> 16 & 0xFFFF, block & 0xFFFF
        r_high ^= r_low | k[8]
        r_low ^= r_high & j[6]
        l_high ^= l_low | j[10]
        l_low ^= l_high & k[4]
        for n, h in ((6, 3), (4, 2), (2, 1), (0, 0)):
            x = after[before[r_high ^ k[n + 1]] ^ j[n + 6]] ^ r_low
            y = after[before[r_low ^ k[n + 3]] ^ j[n + 2]] ^ x
            l_low ^= after[before[x ^ k[n + 8]] ^ j[n + 4]] ^ y
            l_high ^= y ^ k[n + 5]
            x = after[before[l_high ^ k[n]] ^ j[n + 5]] ^ l_low
            y = after[before[l_low ^ k[n + 2]] ^ j[n + 1]] ^ x
            r_low ^= after[before[x ^ k[n + 7]] ^ j[n + 3]] ^ y
            r_high ^= y ^ k[n + 4]
            r_high ^= r_low | k[h + 4]
            r_low ^= r_high & j[h + 2]
            l_high ^= l_low | j[h + 6]
            l_low ^= l_high & k[h]
        return l_high << 48 | l_low << 32 | r_high << 16 | r_low


def _schedule(key: bytes, before: Sequence[int], after: Sequence[int]) -> tuple[_Words, _Words]:
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


def _check(key: bytes, block: int) -> None:
    if type(key) is not bytes or len(key) != 16:
        raise InvalidKey("an EA11 decoder key has 16 bytes")
    if type(block) is not int or not 0 <= block < 2**64:
        raise BlockOutOfRange(block, 64)
