"""EA07, the Standard Transfer Algorithm: 64-bit key, 64-bit block, 16 rounds of substitution and permutation.

Encryption: complement the key and rotate it right by 12; in each round replace nibble n by S1 or S2
as bit 4n+3 of the key is 0 or 1, move bit i to ``perm[i]``, rotate the key left by 1. Decryption runs
the rounds backwards. Clause: IEC 62055-41, 6.4.2.

The tables are data: one JSON file per set beside this module, or any other file of that form. Without
the file of the production set the sample set serves, and tokens are for training only.

>>> key, block = bytes.fromhex('0ABC12DEF3456789'), 0x0B19EB230100C207
>>> sample = Sta(load('sample'))
>>> f'{sample.encrypt(key, block):016X}', sample.decrypt(key, sample.encrypt(key, block)) == block
('C45ED1619406DF95', True)
"""

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from struct import Struct
from typing import Any

from app.sts.errors import BlockOutOfRange, InvalidFormat, InvalidKey

_HERE = Path(__file__).parent
_ALL = 2**64 - 1
_ROUND_MASKS = Struct("<16Q").unpack
#: SHA-256 of the sample set's numbers: a copy of it makes useless tokens under any name.
_SAMPLE = "cca464f5c6877eccefb60251dd75db898aaa29d7cfd85ddf9d03cbbed234e58d"


@dataclass(frozen=True, slots=True)
class Tables:
    """One set of STA tables: two substitutions of 0..15 and a permutation of 0..63."""

    name: str
    s1: tuple[int, ...]
    s2: tuple[int, ...]
    perm: tuple[int, ...]
    provenance: str

    @property
    def training_only(self) -> bool:
        """Whether these are the tables of the sample set, whatever their name: no real meter has them."""
        numbers = bytes((*self.s1, *self.s2, *self.perm))
        return hashlib.sha256(numbers).hexdigest() == _SAMPLE


def load(name: str = "production") -> Tables:
    """Return the set named 'production' or 'sample', or the one in the JSON file of that path.

    A missing production file means the sample set. Raises InvalidFormat when a file has no such
    tables, OSError when another path cannot be read.

    >>> load('sample').training_only
    True
    """
    if type(name) is not str:
        raise InvalidFormat("a set of STA tables is named by text")
    path = _HERE / f"sta_{name}.json" if name in ("production", "sample") else Path(name)
    if name == "production" and not path.exists():
        return load("sample")
    try:
        data = json.loads(path.read_text("utf-8"))
        s1, s2, perm = (tuple(data[part]) for part in ("s1", "s2", "perm"))
        complete = _are_all_of((s1, 16), (s2, 16), (perm, 64))
    except (KeyError, TypeError, ValueError, RecursionError):
        complete = False
    if not complete:
        raise InvalidFormat(f"no STA tables (s1, s2, perm) in {path.name}")
    said, provenance = data.get("name"), data.get("provenance")
    return Tables(
        said if isinstance(said, str) else path.stem, s1, s2, perm,
        provenance if isinstance(provenance, str) else "",
    )  # fmt: skip


def _are_all_of(*parts: tuple[tuple[Any, ...], int]) -> bool:
    """Whether each part holds every whole number below its size, once; 1.0 and true are none."""
    return all(
        all(type(value) is int for value in part) and sorted(part) == list(range(size))
        for part, size in parts
    )


class Sta:
    """The cipher under one set of tables.

    A round is eight look-ups. For each byte a 128-bit entry holds, already permuted, what S1 makes
    of it (high half) and how S2 differs (low half); the key bits of a round, spread to a mask of
    permuted nibbles, say where the difference counts. Key bytes give all 16 masks at once.
    """

    def __init__(self, tables: Tables) -> None:
        """Compile the tables, some ten milliseconds."""
        self.tables = tables
        there, back = tables.perm, _inverse(tables.perm)
        # Key bit b steers nibble n in round r when 4n + 3 = b - 12 + r (encryption: the key was
        # rotated right by 12 and turns left) or 4n = b - r (decryption: it turns right).
        # Encryption complements the key, so its tables are read from the other end.
        lanes, keys = _compile(tables.s1, tables.s2, there, lambda bit, r: bit - 15 + r)
        self._encrypt = lanes, [table[::-1] for table in keys]
        self._decrypt = _compile(
            _inverse(tables.s2), _inverse(tables.s1), back, lambda bit, r: bit - r
        )
        self._there, self._back = _byte_permutation(there), _byte_permutation(back)

    def encrypt(self, key: bytes, block: int) -> int:
        """Return the encrypted 64-bit block. Raises InvalidKey, BlockOutOfRange."""
        _check(key, block)
        return _rounds(self._encrypt, key, block)

    def decrypt(self, key: bytes, block: int) -> int:
        """Return the plain 64-bit block. Raises InvalidKey, BlockOutOfRange."""
        _check(key, block)
        # A round here substitutes and then permutes, while decryption permutes first: so one
        # permutation comes before the rounds, and the last one is taken back.
        block = _permuted(block, self._back)
        return _permuted(_rounds(self._decrypt, key, block), self._there)


_Compiled = tuple[list[list[int]], list[list[int]]]


def _compile(
    s_zero: tuple[int, ...],
    s_one: tuple[int, ...],
    perm: tuple[int, ...],
    steered: Callable[[int, int], int],
) -> _Compiled:
    """Eight tables by data byte and eight by key byte; ``steered(key bit, round)`` is a nibble's bit 0."""
    lanes = []
    for byte in range(8):
        low, high = (
            [
                _permute(s_zero[v] << at, perm) << 64 | _permute((s_zero[v] ^ s_one[v]) << at, perm)
                for v in range(16)
            ]
            for at in (8 * byte, 8 * byte + 4)
        )
        lanes.append([left | right for left in high for right in low])
    keys = []
    for byte in range(8):
        table = [0]
        for bit in range(8 * byte, 8 * byte + 8):
            masks = 0
            for number in range(16):
                nibble = steered(bit, number) % 64
                if nibble % 4 == 0:
                    masks |= _permute(15 << nibble, perm) << 64 * number
            table += [entry | masks for entry in table]
        keys.append(table)
    return lanes, keys


def _rounds(compiled: _Compiled, key: bytes, block: int) -> int:
    """Run 16 rounds. What is joined has no bit in common, and adding is quicker than OR."""
    (t0, t1, t2, t3, t4, t5, t6, t7), (k0, k1, k2, k3, k4, k5, k6, k7) = compiled
    h, g, f, e, d, c, b, a = key
    masks = k0[a] + k1[b] + k2[c] + k3[d] + k4[e] + k5[f] + k6[g] + k7[h]
    for mask in _ROUND_MASKS(masks.to_bytes(128, "little")):
        a, b, c, d, e, f, g, h = block.to_bytes(8, "little")
        both = t0[a] + t1[b] + t2[c] + t3[d] + t4[e] + t5[f] + t6[g] + t7[h]
        block = both >> 64 ^ both & mask
    return block


def _permute(block: int, perm: tuple[int, ...]) -> int:
    return sum((block >> bit & 1) << target for bit, target in enumerate(perm))


def _byte_permutation(perm: tuple[int, ...]) -> list[list[int]]:
    return [[_permute(value << 8 * byte, perm) for value in range(256)] for byte in range(8)]


def _permuted(block: int, tables: list[list[int]]) -> int:
    t0, t1, t2, t3, t4, t5, t6, t7 = tables
    a, b, c, d, e, f, g, h = block.to_bytes(8, "little")
    return t0[a] + t1[b] + t2[c] + t3[d] + t4[e] + t5[f] + t6[g] + t7[h]


def _inverse(mapping: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(mapping.index(value) for value in range(len(mapping)))


def _check(key: bytes, block: int) -> None:
    if type(key) is not bytes or len(key) != 8:
        raise InvalidKey("an EA07 decoder key has 8 bytes")
    if type(block) is not int or not 0 <= block <= _ALL:
        raise BlockOutOfRange(block, 64)
