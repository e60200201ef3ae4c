"""MISTY1 for many blocks at once: the cipher's two 64K tables, one look-up for a whole column.

The steps are those of ``ciphers.misty1``, with columns of 16-bit words instead of integers.
"""

from functools import cache

import numpy as np
import numpy.typing as npt

from app.sts.ciphers.misty1 import fi_tables

Words = npt.NDArray[np.uint64]
Halves = npt.NDArray[np.uint16]
#: Blocks per pass: words of a pass and both tables should stay in the processor's own cache.
CHUNK = 16384
_PAIRS = ((0, 0), (2, 1), (4, 2), (6, 3))


def encrypt(keys: Words, blocks: Words) -> Words:
    """Return the encrypted blocks; ``keys`` has two columns, the most significant first."""
    return _in_chunks(keys, blocks, decrypting=False)


def decrypt(keys: Words, blocks: Words) -> Words:
    """Return the plain blocks; ``keys`` as in :func:`encrypt`."""
    return _in_chunks(keys, blocks, decrypting=True)


@cache
def _tables() -> tuple[Halves, Halves]:
    before, after = fi_tables()
    return np.array(before, np.uint16), np.array(after, np.uint16)


def _fi(word: Halves, key: Halves) -> Halves:
    before, after = _tables()
    middle = before.take(word, mode="wrap")
    middle ^= key
    return after.take(middle, mode="wrap")


def _round(
    high: Halves, low: Halves, n: int, k: list[Halves], j: list[Halves]
) -> tuple[Halves, Halves]:
    """FO of round ``n`` on (high, low): what is to be XORed into the other half."""
    x = _fi(high ^ k[n], j[n + 5])
    x ^= low
    y = _fi(low ^ k[n + 2], j[n + 1])
    y ^= x
    z = _fi(x ^ k[n + 7], j[n + 3])
    z ^= y
    y ^= k[n + 4]
    return y, z


def _encrypt(words: list[Halves], k: list[Halves], j: list[Halves]) -> list[Halves]:
    l_high, l_low, r_high, r_low = words
    for n, h in (*_PAIRS, (8, 4)):
        l_low ^= l_high & k[h]
        l_high ^= l_low | j[h + 6]
        r_low ^= r_high & j[h + 2]
        r_high ^= r_low | k[h + 4]
        if n == 8:
            break
        high, low = _round(l_high, l_low, n, k, j)
        r_high ^= high
        r_low ^= low
        high, low = _round(r_high, r_low, n + 1, k, j)
        l_high ^= high
        l_low ^= low
    return [r_high, r_low, l_high, l_low]


def _decrypt(words: list[Halves], k: list[Halves], j: list[Halves]) -> list[Halves]:
    r_high, r_low, l_high, l_low = words
    for n, h in ((8, 4), *_PAIRS[::-1]):
        if n < 8:
            high, low = _round(r_high, r_low, n + 1, k, j)
            l_high ^= high
            l_low ^= low
            high, low = _round(l_high, l_low, n, k, j)
            r_high ^= high
            r_low ^= low
        r_high ^= r_low | k[h + 4]
        r_low ^= r_high & j[h + 2]
        l_high ^= l_low | j[h + 6]
        l_low ^= l_high & k[h]
    return [l_high, l_low, r_high, r_low]


def _columns(words: Words, count: int) -> list[Halves]:
    """Split rows of 64-bit words into columns of 16 bits, most significant first."""
    shaped = words.reshape(count, -1).astype(">u8").view(">u2")
    return [np.ascontiguousarray(shaped[:, at].astype(np.uint16)) for at in range(shaped.shape[1])]


def _in_chunks(keys: Words, blocks: Words, *, decrypting: bool) -> Words:
    out = np.empty_like(blocks)
    for start in range(0, len(blocks), CHUNK):
        part = slice(start, start + CHUNK)
        count = len(blocks[part])
        k = _columns(keys[part], count)
        j = [_fi(word, following) for word, following in zip(k, k[1:] + k[:1], strict=True)]
        words = (_decrypt if decrypting else _encrypt)(_columns(blocks[part], count), k + k, j + j)
        joined = np.zeros(count, np.uint64)
        for word in words:
            joined <<= np.uint64(16)
            joined |= word
        out[part] = joined
    return out
