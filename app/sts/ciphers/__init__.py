"""The two encryption algorithms of the standard: EA07 (STA, 64-bit key) and EA11 (MISTY1, 128-bit key)."""

from functools import cache
from typing import Protocol

from app.sts.errors import UnknownAlgorithm

#: Bytes of a decoder key, by encryption algorithm.
KEY_BYTES = {7: 8, 11: 16}


class Cipher(Protocol):
    """A block cipher: blocks are 64-bit integers, keys are bytes, most significant first."""

    def encrypt(self, key: bytes, block: int) -> int:
        """Return the encrypted block. Raises InvalidKey, BlockOutOfRange."""
        ...

    def decrypt(self, key: bytes, block: int) -> int:
        """Return the plain block. Raises InvalidKey, BlockOutOfRange."""
        ...


@cache
def cipher(ea: int, tables: str = "production") -> Cipher:
    """Return the cipher of an encryption algorithm; ``tables`` names the STA set or its file.

    Raises UnknownAlgorithm for anything but 7 and 11, InvalidFormat for a bad table file.

    >>> f'{cipher(7).encrypt(bytes.fromhex("0ABC12DEF3456789"), 0x0B19EB230100C207):016X}'
    '9335C6C96B7352DC'
    """
    if ea == 7:
        from app.sts.ciphers import sta

        return sta.Sta(sta.load(tables))
    if ea == 11:
        from app.sts.ciphers import misty1

        return misty1.Misty1()
    raise UnknownAlgorithm(ea, 7, "11 (7 or 11)")
