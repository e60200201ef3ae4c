"""Single DES (FIPS 46-3) for many blocks under one key, faster than a library that takes block by block.

A round is three look-ups: neighbouring S-boxes share bits of the expanded half, so that three of them read
14 bits in a row. The subkey, the S-boxes and the permutation P are in the tables, made for one key.
Halves are kept expanded: 34 bits, the last bit before the first and the first after the last.
"""

import json
from pathlib import Path

import numpy as np
import numpy.typing as npt

Words = npt.NDArray[np.uint64]
Table = npt.NDArray[np.int64]
#: Blocks per pass: halves and the tables of a round should stay in the processor's own cache.
CHUNK = 8192
_LEFT_TURNS = (1, 1, 2, 2, 2, 2, 2, 2, 1, 2, 2, 2, 2, 2, 2, 1)
#: First and last S-box of a look-up; the bits they read end at bit 20, 8 and 0 of a half.
_WINDOWS = ((0, 2), (3, 5), (6, 7))
#: Steps of the initial permutation: bits under the mask change places across a distance.
_SWAPS = (
    (False, 4, 0x0F0F0F0F),
    (False, 16, 0x0000FFFF),
    (True, 2, 0x33333333),
    (True, 8, 0x00FF00FF),
    (False, 1, 0x55555555),
)


class DES:
    """The cipher under one key of eight bytes; parity is ignored."""

    def __init__(self, key: bytes) -> None:
        """Make the 48 tables, some milliseconds."""
        boxes = json.loads((Path(__file__).parent / "des.json").read_text("utf-8"))
        substituted = [
            _spread(boxes["s"][64 * box : 64 * box + 64], box, boxes["p"]) for box in range(8)
        ]
        self._rounds: list[list[Table]] = []
        for subkey in _subkeys(key, boxes["pc1"], boxes["pc2"]):
            looks = []
            for first, last in _WINDOWS:
                bits = 4 * (last - first) + 6
                read, table = np.arange(2**bits), np.zeros(2**bits, np.int64)
                for box in range(first, last + 1):
                    table |= substituted[box][(read >> 4 * (last - box) & 63) ^ subkey[box]]
                looks.append(table)
            self._rounds.append(looks)

    def __repr__(self) -> str:
        """Name the algorithm only."""
        return "DES()"

    def encrypt(self, blocks: Words) -> Words:
        """Return the encrypted blocks (ECB).

        >>> block = np.array([0x0123456789ABCDE7], np.uint64)
        >>> f'{DES(bytes.fromhex("0123456789ABCDEF")).encrypt(block)[0]:016X}'
        'C95744256A5ED31D'
        """
        out = np.empty_like(blocks)
        for start in range(0, len(blocks), CHUNK):
            out[start : start + CHUNK] = self._pass(blocks[start : start + CHUNK])
        return out

    def _pass(self, blocks: Words) -> Words:
        left = (blocks >> np.uint64(32)).astype(np.uint32)
        right = blocks.astype(np.uint32)
        for step in _SWAPS:
            _swap(left, right, *step)
        old, new = _expanded(left), _expanded(right)
        index, found = np.empty_like(old), np.empty_like(old)
        for first, middle, last in self._rounds:
            np.right_shift(new, 20, out=index)  # 14 of the 34 bits
            np.take(first, index, out=found, mode="clip")
            np.bitwise_xor(old, found, out=old)
            np.right_shift(new, 8, out=index)
            np.bitwise_and(index, 0x3FFF, out=index)
            np.take(middle, index, out=found, mode="clip")
            np.bitwise_xor(old, found, out=old)
            np.bitwise_and(new, 0x3FF, out=index)
            np.take(last, index, out=found, mode="clip")
            np.bitwise_xor(old, found, out=old)
            old, new = new, old
        left, right = (new >> 1).astype(np.uint32), (old >> 1).astype(np.uint32)
        for step in reversed(_SWAPS):
            _swap(left, right, *step)
        return left.astype(np.uint64) << np.uint64(32) | right


def _swap(
    left: npt.NDArray[np.uint32],
    right: npt.NDArray[np.uint32],
    turned: bool,
    distance: int,
    mask: int,
) -> None:
    a, b = (right, left) if turned else (left, right)
    moved = ((a >> np.uint32(distance)) ^ b) & np.uint32(mask)
    b ^= moved
    a ^= moved << np.uint32(distance)


def _expanded(half: npt.NDArray[np.uint32]) -> Table:
    wide = half.astype(np.int64)
    return (wide & 1) << 33 | wide << 1 | wide >> 31


def _spread(box: list[int], number: int, permutation: list[int]) -> Table:
    """What P makes of the four bits of one S-box for each of its 64 inputs, expanded."""
    read = np.arange(64)
    four = np.array(box)[(read >> 4 & 2 | read & 1) * 16 + (read >> 1 & 15)].astype(np.int64)
    half = four << 28 - 4 * number
    moved = np.zeros(64, np.uint32)
    for target, source in enumerate(permutation):
        moved |= ((half >> 32 - source & 1) << 31 - target).astype(np.uint32)
    return _expanded(moved)


def _subkeys(key: bytes, pc1: list[int], pc2: list[int]) -> list[list[int]]:
    """The six bits of each S-box in each of the 16 rounds."""
    bits = [key[(at - 1) // 8] >> 7 - (at - 1) % 8 & 1 for at in pc1]
    c, d = bits[:28], bits[28:]
    subkeys = []
    for turns in _LEFT_TURNS:
        c, d = c[turns:] + c[:turns], d[turns:] + d[:turns]
        chosen = [(c + d)[at - 1] for at in pc2]
        subkeys.append(
            [int("".join(map(str, chosen[6 * box : 6 * box + 6])), 2) for box in range(8)]
        )
    return subkeys
