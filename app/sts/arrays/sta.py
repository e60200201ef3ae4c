"""STA for many blocks at once, by bit slicing: one array per bit, 64 tokens in each word of it.

The permutation and the turning key become choices of rows; both substitutions together with the key
bit that chooses between them are one Boolean circuit of five inputs, run for all 16 nibbles at once.
"""

from collections.abc import Callable
from functools import cache

import numpy as np
import numpy.typing as npt

from app.sts.arrays.circuit import AND, OR, XOR, Program, compile_functions
from app.sts.ciphers.sta import Tables, load

Words = npt.NDArray[np.uint64]
_UFUNCS: dict[str, Callable[..., Words]] = {
    AND: np.bitwise_and,
    OR: np.bitwise_or,
    XOR: np.bitwise_xor,
}
#: Blocks per pass: the working set of one pass should stay in the processor's own cache.
CHUNK = 32768


def encrypt(keys: Words, blocks: Words, tables: str = "production") -> Words:
    """Return the encrypted blocks, one key each."""
    return _in_chunks(_sliced(tables, decrypting=False), keys, blocks)


def decrypt(keys: Words, blocks: Words, tables: str = "production") -> Words:
    """Return the plain blocks, one key each."""
    return _in_chunks(_sliced(tables, decrypting=True), keys, blocks)


def transpose(planes: Words) -> None:
    """Turn 64 rows of words over, in place: bit i of row b becomes bit b of row i.

    Token number ``row * columns + column`` is so spread over bit ``row`` of all the rows of its column.
    Doing it twice is doing nothing.
    """
    mask, width = np.uint64(0xFFFFFFFF), 32
    while width:
        pairs = planes.reshape(32 // width, 2, width, -1)
        low, high = pairs[:, 0], pairs[:, 1]
        shift = np.uint64(width)
        swapped = ((low >> shift) ^ high) & mask
        high ^= swapped
        low ^= swapped << shift
        width >>= 1
        mask ^= mask << np.uint64(width)


class _Sliced:
    """One direction of the cipher under one set of tables."""

    def __init__(self, tables: Tables, *, decrypting: bool) -> None:
        # Inside, rows are in the order 0, 4, 8 ... 1, 5, 9 ...: bit b of all nibbles is one block.
        self.order = np.arange(64).reshape(16, 4).T.reshape(64)
        self.restored = np.argsort(self.order)
        there = self.restored[np.array(tables.perm)[self.order]]
        back = np.argsort(there)
        self.before: npt.NDArray[np.intp] | None
        if decrypting:
            one, zero = ([box.index(v) for v in range(16)] for box in (tables.s1, tables.s2))
            # decryption permutes first; row perm[i] goes back to row i
            self.before, self.after = there, None
            self.rows = [np.arange(0, 64, 4) + turn for turn in range(16)]
        else:
            # the key is complemented: its plain bit says the opposite
            zero, one = list(tables.s2), list(tables.s1)
            self.before, self.after = None, back
            self.rows = [np.arange(0, 64, 4) + 15 - turn for turn in range(16)]
        self.rows = [rows % 64 for rows in self.rows]
        functions = tuple(
            sum(
                (box[v] >> bit & 1) << (v | k << 4)
                for k, box in enumerate((zero, one))
                for v in range(16)
            )
            for bit in range(4)
        )
        self.program: Program = compile_functions(functions, 5)
        self.gates = [
            (_UFUNCS[name], left, right, target) for name, left, right, target in self.program.gates
        ]

    def run(self, keys: Words, planes: Words) -> Words:
        """Take sliced keys and blocks through the 16 rounds."""
        width, program = planes.shape[1], self.program
        planes = planes[self.order]
        other = np.empty_like(planes)
        key = np.empty((16, width), np.uint64)
        spare = [np.empty((16, width), np.uint64) for _ in range(program.slots - 9)]
        for rows in self.rows:
            if self.before is not None:
                np.take(planes, self.before, axis=0, out=other, mode="clip")
                planes, other = other, planes
            np.take(keys, rows, axis=0, out=key, mode="clip")
            results = list(other.reshape(4, 16, width))
            slots = [*planes.reshape(4, 16, width), key, *self.placed(results), *spare]
            for operation, left, right, target in self.gates:
                operation(slots[left], slots[right], slots[target])
            for result, (_, complemented) in zip(results, program.outputs, strict=True):
                if complemented:
                    np.invert(result, out=result)
            planes, other = other, planes
            if self.after is not None:
                np.take(planes, self.after, axis=0, out=other, mode="clip")
                planes, other = other, planes
        return planes[self.restored]

    def placed(self, results: list[Words]) -> list[Words]:
        """The arrays of results in the order of the program's slots, so that nothing is copied."""
        order = sorted(range(4), key=lambda bit: self.program.outputs[bit][0])
        return [results[bit] for bit in order]


@cache
def _sliced(tables: str, *, decrypting: bool) -> _Sliced:
    return _Sliced(load(tables), decrypting=decrypting)


def _in_chunks(sliced: _Sliced, keys: Words, blocks: Words) -> Words:
    out = np.empty_like(blocks)
    for start in range(0, len(blocks), CHUNK):
        part = slice(start, min(start + CHUNK, len(blocks)))
        count = part.stop - part.start
        columns = -(-count // 64)
        key_planes, planes = (np.zeros((64, columns), np.uint64) for _ in range(2))
        key_planes.reshape(-1)[:count], planes.reshape(-1)[:count] = keys[part], blocks[part]
        transpose(key_planes)
        transpose(planes)
        result = sliced.run(key_planes, planes)
        transpose(result)
        out[part] = result.reshape(-1)[:count]
    return out
