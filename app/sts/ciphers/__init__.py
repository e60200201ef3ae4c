"""The two encryption algorithms of the standard: EA07 (STA, 64-bit key) and EA11 (MISTY1, 128-bit key)."""

from functools import lru_cache
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


def check_ea(ea: int) -> int:
    """Return ``ea`` when it is 7 or 11; else raise UnknownAlgorithm.

    >>> check_ea(9)
    Traceback (most recent call last):
        ...
    app.sts.errors.UnknownAlgorithm: 9 is not in 7..11 (7 or 11)
    """
    if type(ea) is not int or ea not in KEY_BYTES:
        raise UnknownAlgorithm(ea, 7, "11 (7 or 11)")
    return ea


@lru_cache(maxsize=None, typed=True)  # typed: 7.0 must not be taken for 7 once 7 was asked for
def cipher(ea: int, tables: str = "production") -> Cipher:
    """Return the cipher of an encryption algorithm; ``tables`` names the STA set or its file.

    Raises UnknownAlgorithm for anything but 7 and 11, InvalidFormat for a bad table file, OSError when
    there is none, TypeError for a list or whatever else no cache can look up.

    >>> f'{cipher(7).encrypt(bytes.fromhex("0ABC12DEF3456789"), 0x0B19EB230100C207):016X}'
    '9335C6C96B7352DC'
    """
    if check_ea(ea) == 7:
        from app.sts.ciphers import sta

        return sta.Sta(sta.load(tables))
    from app.sts.ciphers import misty1

    return misty1.Misty1()
