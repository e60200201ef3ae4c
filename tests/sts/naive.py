"""STA and MISTY1 spelled out a second time, bit by bit, from the clauses and RFC 2994.

Nothing is shared with app/sts but the numbers in the table files. Slow and plain on purpose: this is
what the fast code is compared with.
"""

import json
from pathlib import Path

CIPHERS = Path(__file__).parents[2] / "app" / "sts" / "ciphers"


def tables(name: str) -> dict[str, list[int]]:
    return json.loads((CIPHERS / f"{name}.json").read_text())


def bits_of(number: int, count: int) -> list[int]:
    """Least significant bit first."""
    return [number >> at & 1 for at in range(count)]


def number_of(bits: list[int]) -> int:
    return sum(bit << at for at, bit in enumerate(bits))


def sta_rounds(key: int, data: int, name: str = "production") -> list[tuple[int, int, int]]:
    """IEC 62055-41, 6.4.2.2: (round key, after substitution, after permutation) of the 16 rounds."""
    table = tables(f"sta_{name}")
    key_bits = [1 - bit for bit in bits_of(key, 64)]
    key_bits = key_bits[12:] + key_bits[:12]  # right by 12: bit 12 becomes bit 0
    steps = []
    for _ in range(16):
        substituted = 0
        for nibble in range(16):
            box = table["s2"] if key_bits[4 * nibble + 3] else table["s1"]
            substituted |= box[data >> 4 * nibble & 15] << 4 * nibble
        moved = [0] * 64
        for at, bit in enumerate(bits_of(substituted, 64)):
            moved[table["perm"][at]] = bit
        data = number_of(moved)
        steps.append((number_of(key_bits), substituted, data))
        key_bits = key_bits[-1:] + key_bits[:-1]  # left by 1
    return steps


def sta_encrypt(key: int, data: int, name: str = "production") -> int:
    return sta_rounds(key, data, name)[-1][2]


def sta_decrypt(key: int, data: int, name: str = "production") -> int:
    """IEC 62055-41, 6.4.2.3: inverse permutation, inverse substitution by bit 4n of the untouched key."""
    table = tables(f"sta_{name}")
    key_bits = bits_of(key, 64)
    for _ in range(16):
        bits = bits_of(data, 64)
        data = number_of([bits[table["perm"][at]] for at in range(64)])
        restored = 0
        for nibble in range(16):
            box = table["s1"] if key_bits[4 * nibble] else table["s2"]
            restored |= box.index(data >> 4 * nibble & 15) << 4 * nibble
        data = restored
        key_bits = key_bits[1:] + key_bits[:1]  # right by 1
    return data


class Misty1:
    """RFC 2994 as its pseudo code stands, EK array and all."""

    def __init__(self, key: bytes) -> None:
        boxes = tables("misty1")
        self.s7, self.s9 = boxes["s7"], boxes["s9"]
        self.ek = [key[2 * i] << 8 | key[2 * i + 1] for i in range(8)] + [0] * 24
        for i in range(8):
            self.ek[i + 8] = self.fi(self.ek[i], self.ek[(i + 1) % 8])
            self.ek[i + 16] = self.ek[i + 8] & 0x1FF
            self.ek[i + 24] = self.ek[i + 8] >> 9

    def fi(self, fi_in: int, fi_key: int) -> int:
        """Section 2.2.2: 16 bits through S9, S7, S9."""
        d9, d7 = fi_in >> 7, fi_in & 0x7F
        d9 = self.s9[d9] ^ d7
        d7 = self.s7[d7] ^ (d9 & 0x7F)
        d7, d9 = d7 ^ fi_key >> 9, d9 ^ (fi_key & 0x1FF)
        d9 = self.s9[d9] ^ d7
        return d7 << 9 | d9

    def fo(self, fo_in: int, k: int) -> int:
        """Section 2.2.1: 32 bits through three FI."""
        t0, t1 = fo_in >> 16, fo_in & 0xFFFF
        t0 = self.fi(t0 ^ self.ek[k], self.ek[(k + 5) % 8 + 8]) ^ t1
        t1 = self.fi(t1 ^ self.ek[(k + 2) % 8], self.ek[(k + 1) % 8 + 8]) ^ t0
        t0 = self.fi(t0 ^ self.ek[(k + 7) % 8], self.ek[(k + 3) % 8 + 8]) ^ t1
        return (t1 ^ self.ek[(k + 4) % 8]) << 16 | t0

    def fl_keys(self, k: int) -> tuple[int, int]:
        """Section 2.2.3: the two words an FL uses."""
        if k % 2 == 0:
            return self.ek[k // 2], self.ek[(k // 2 + 6) % 8 + 8]
        return self.ek[((k - 1) // 2 + 2) % 8 + 8], self.ek[((k - 1) // 2 + 4) % 8]

    def fl(self, fl_in: int, k: int) -> int:
        """Section 2.2.3."""
        with_and, with_or = self.fl_keys(k)
        d0, d1 = fl_in >> 16, fl_in & 0xFFFF
        d1 ^= d0 & with_and
        d0 ^= d1 | with_or
        return d0 << 16 | d1

    def fl_inverse(self, fl_in: int, k: int) -> int:
        """Section 2.2.3, backwards."""
        with_and, with_or = self.fl_keys(k)
        d0, d1 = fl_in >> 16, fl_in & 0xFFFF
        d0 ^= d1 | with_or
        d1 ^= d0 & with_and
        return d0 << 16 | d1

    def encrypt(self, block: int) -> int:
        """Section 2.1."""
        d0, d1 = block >> 32, block & 0xFFFFFFFF
        for k in range(0, 8, 2):
            d0, d1 = self.fl(d0, k), self.fl(d1, k + 1)
            d1 ^= self.fo(d0, k)
            d0 ^= self.fo(d1, k + 1)
        return self.fl(d1, 9) << 32 | self.fl(d0, 8)

    def decrypt(self, block: int) -> int:
        """Section 2.1, backwards."""
        d0, d1 = self.fl_inverse(block & 0xFFFFFFFF, 8), self.fl_inverse(block >> 32, 9)
        for k in range(6, -1, -2):
            d0 ^= self.fo(d1, k + 1)
            d1 ^= self.fo(d0, k)
            d0, d1 = self.fl_inverse(d0, k), self.fl_inverse(d1, k + 1)
        return d0 << 32 | d1
