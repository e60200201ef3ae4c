"""Decoder keys: how a vending key, a meter and its parameters make the key inside that meter.

DKGA02 (64-bit vending key, EA07): K = DES_VK(X) ^ X ^ VK with X = PANBlock ^ CONTROLBlock.
DKGA04 (160-bit vending key, EA07 and EA11): K = the first 8 or 16 bytes of HMAC-SHA-256(VK, DataBlock).
Clauses: IEC 62055-41, 6.5.3 (PANBlock, CONTROLBlock, DKGA02, DKGA04).

>>> target = KeyTarget('600727000000000009', 7, '201457', 2, 1, 1, 14)
>>> derivation = prepare(4, bytes.fromhex('ABABABABABABABAB949494949494949401234567'))
>>> derivation.decoder_key(target) == DecoderKey(7, bytes.fromhex('87F3ECBB2E46B48F'))
True
>>> derivation.decoder_key(target)
DecoderKey(ea=7)
"""

import hashlib
import hmac
from functools import lru_cache
from struct import Struct
from typing import Any, NamedTuple, NoReturn, Protocol

from app.sts import errors, token_id
from app.sts.ciphers import KEY_BYTES, check_ea, cipher

#: Bytes of a vending key, by decoder key generation algorithm.
VENDING_KEY_BYTES = {2: 8, 4: 20}
#: KCV of a 64-bit key: the first bytes of DES_K(0); of a 160-bit key: of HMAC-SHA-256(K, this text).
#: No public rule exists for the latter; it is ours and need not equal what hardware shows.
_KCV_LABEL = b"KCV"
_WORDS = {7: Struct(">2L").unpack, 11: Struct(">4L").unpack}


class Secret:
    """Whatever holds key material: it is not pickled, and not copied (``dataclasses.asdict`` copies too)."""

    __slots__ = ()

    def __reduce__(self) -> NoReturn:
        """Refuse to be stored: TypeError."""
        raise TypeError(f"a {type(self).__name__} holds key material and is never stored")


class DecoderKey(Secret):
    """The key inside one meter; it can encrypt and decrypt blocks, but not show itself."""

    __slots__ = ("_cipher", "_material", "_tables", "ea")

    def __init__(self, ea: int, material: bytes, tables: str = "production") -> None:
        """``ea``: 7 (8 bytes) or 11 (16 bytes); ``tables``: the STA set, see ``ciphers.cipher``.

        Raises UnknownAlgorithm, InvalidKey, and what ``cipher`` raises for the tables.
        """
        try:
            self._cipher = cipher(ea, tables)
        except TypeError:  # a list, say, which no cache can look up
            check_ea(ea)
            raise
        if type(material) is not bytes or len(material) != KEY_BYTES[ea]:
            raise errors.InvalidKey(f"an EA{ea:02d} decoder key has {KEY_BYTES[ea]} bytes")
        self.ea, self._material, self._tables = ea, material, tables

    def encrypt(self, block: int) -> int:
        """Return the encrypted 64-bit block. Raises BlockOutOfRange."""
        return self._cipher.encrypt(self._material, block)

    def decrypt(self, block: int) -> int:
        """Return the plain 64-bit block. Raises BlockOutOfRange."""
        return self._cipher.decrypt(self._material, block)

    def replaced(self, material: bytes) -> "DecoderKey":
        """Return another key for the same algorithm and tables. Raises InvalidKey."""
        return DecoderKey(self.ea, material, self._tables)

    def words(self) -> tuple[int, ...]:
        """Return the key as 32-bit words, first the most significant: what key-change tokens carry."""
        return _WORDS[self.ea](self._material)

    def __eq__(self, other: object) -> bool:
        """Compare in constant time."""
        if not isinstance(other, DecoderKey):
            return NotImplemented
        return self.ea == other.ea and hmac.compare_digest(self._material, other._material)

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        """Name the algorithm only; a key that was refused while it was made has none."""
        return f"DecoderKey(ea={getattr(self, 'ea', None)})"


class KeyTarget(NamedTuple):
    """Everything but the vending key that makes a decoder key.

    ``pan``: 18 digits, its check digits are not looked at here; ``ea``: 7 or 11; ``sgc``: six digits;
    ``key_type``: 0-3; ``krn``: 1-9; ``ti``: 0-99; ``base_date``: the vending key's, 93, 14 or 35.
    """

    pan: str
    ea: int
    sgc: str
    key_type: int
    krn: int
    ti: int
    base_date: int


class Derivation(Protocol):
    """A vending key made ready: its cipher or hash is set up once, each meter's key is one call."""

    def decoder_key(self, target: KeyTarget) -> DecoderKey:
        """Return the key of one meter.

        Raises UnknownAlgorithm when this DKGA cannot serve its EA, InvalidFormat, UnknownBaseDate or an
        OutOfRange; DKGA04 also refuses KT 3 (KeyTypeOutOfRange), see ``around_pan``.
        """
        ...


def prepare(dkga: int, material: bytes, tables: str = "production") -> Derivation:
    """Return the derivation of a vending key. DES parity is ignored; weak keys are as good as any.

    ``dkga``: 2 (8 bytes) or 4 (20 bytes). Raises UnknownKeyGeneration, InvalidKey.

    >>> prepare(2, bytes.fromhex('ABABABABABABABAB'))
    Dkga02()
    """
    check_vending_key(dkga, material)
    return Dkga02(material, tables) if dkga == 2 else Dkga04(material, tables)


def check_vending_key(dkga: int, material: bytes) -> None:
    """Raise UnknownKeyGeneration or InvalidKey when material cannot be a key of this algorithm.

    >>> check_vending_key(4, bytes(8))
    Traceback (most recent call last):
        ...
    app.sts.errors.InvalidKey: a DKGA04 vending key has 20 bytes
    """
    if type(dkga) is not int or dkga not in VENDING_KEY_BYTES:
        raise errors.UnknownKeyGeneration(dkga, 2, "4 (2 or 4)")
    if not isinstance(material, bytes) or len(material) != VENDING_KEY_BYTES[dkga]:
        raise errors.InvalidKey(f"a DKGA{dkga:02d} vending key has {VENDING_KEY_BYTES[dkga]} bytes")


class Dkga02(Secret):
    """Decoder keys of a 64-bit vending key by single DES; EA07 only."""

    def __init__(self, material: bytes, tables: str = "production") -> None:
        """Set up DES once."""
        from Crypto.Cipher import DES

        self._des: Any = DES.new(material, DES.MODE_ECB)
        self._key = int.from_bytes(material, "big")
        self._tables = tables

    def decoder_key(self, target: KeyTarget) -> DecoderKey:
        """See Derivation."""
        pan, ea, sgc, key_type, krn, ti, base_date = target
        if type(ea) is not int or ea != 7:
            raise errors.UnknownAlgorithm(ea, 7, "7 under a DKGA02 vending key")
        try:
            x = pan_block(pan, key_type) ^ _control_block(sgc, key_type, krn, ti, base_date)
        except TypeError:  # a list, say, which no cache can look up: refused by name
            control_block(target)
            raise
        des = bytearray(8)  # a place of our own is a third quicker than to let the library find one
        self._des.encrypt(x.to_bytes(8, "big"), des)
        key = int.from_bytes(des, "big") ^ x ^ self._key
        return DecoderKey(7, key.to_bytes(8, "big"), self._tables)

    def __repr__(self) -> str:
        """Name the algorithm only."""
        return "Dkga02()"


class Dkga04(Secret):
    """Decoder keys of a 160-bit vending key by one HMAC-SHA-256; EA07 and EA11."""

    def __init__(self, material: bytes, tables: str = "production") -> None:
        """Start both hashes of the HMAC once; each meter only goes on from copies."""
        self._inner, self._outer = hmac_hashes(material)
        self._tables = tables

    def decoder_key(self, target: KeyTarget) -> DecoderKey:
        """See Derivation."""
        inner, outer = self._inner.copy(), self._outer.copy()
        inner.update(data_block(target))
        outer.update(inner.digest())
        return DecoderKey(target.ea, outer.digest()[: KEY_BYTES[target.ea]], self._tables)

    def __repr__(self) -> str:
        """Name the algorithm only."""
        return "Dkga04()"


def hmac_hashes(material: bytes) -> "tuple[hashlib._Hash, hashlib._Hash]":
    """Return the inner and the outer hash of HMAC-SHA-256 as they begin under a key below 64 bytes (RFC 2104).

    >>> inner, outer = hmac_hashes(bytes(20))
    >>> inner.update(b'text')
    >>> outer.update(inner.digest())
    >>> outer.digest() == hmac.digest(bytes(20), b'text', 'sha256')
    True
    """
    padded = material.ljust(64, b"\0")
    inner, outer = (hashlib.sha256(bytes(byte ^ pad for byte in padded)) for pad in (0x36, 0x5C))
    return inner, outer


def pan_block(pan: str, key_type: int) -> int:
    """Return the PANBlock: the last 16 of the first 17 PAN digits, written as hexadecimal digits.

    Under a common key (KT 3) the meter number is zero, so that a supply group shares one key.
    Raises InvalidFormat for what is not 18 digits.

    >>> f'{pan_block("600727123456789034", 2):016X} {pan_block("600727123456789034", 3):016X}'
    '0072712345678903 0072700000000000'
    """
    _require_pan(pan)
    if key_type == 3:
        return 0x0072700000000000 if pan.startswith("600727") else 0
    return int(pan[1:17], 16)


def control_block(target: KeyTarget) -> int:
    """Return the CONTROLBlock: KT, SGC, TI and KRN as hexadecimal digits, then FFFFFF.

    Raises UnknownBaseDate or an OutOfRange.

    >>> f'{control_block(KeyTarget("600727000000000009", 7, "123456", 2, 1, 1, 93)):016X}'
    '2123456011FFFFFF'
    """
    _, _, sgc, key_type, krn, ti, base_date = target
    _check_fields(sgc, key_type, krn, ti, base_date)
    return int(f"{key_type}{sgc}{ti:02d}{krn}FFFFFF", 16)


# The same for all meters of a group on one tariff. Typed, or True would pass for 1 once 1 was asked for.
@lru_cache(maxsize=1024, typed=True)
def _control_block(sgc: str, key_type: int, krn: int, ti: int, base_date: int) -> int:
    return control_block(KeyTarget("", 7, sgc, key_type, krn, ti, base_date))


def data_block(target: KeyTarget) -> bytes:
    """Return the 49 bytes that DKGA04 hashes: labels, separator, context, key length in bits.

    Raises UnknownAlgorithm, InvalidFormat, UnknownBaseDate or an OutOfRange.

    >>> data_block(KeyTarget('600727000000000009', 7, '201457', 2, 1, 1, 14))[:14]
    b'\\x04\\x0204\\x0214\\x0207\\x0201\\x00'
    """
    pan, ea, sgc, key_type, krn, ti, base_date = target
    _require_pan(pan)
    try:
        before, after = around_pan(ea, sgc, key_type, krn, ti, base_date)
    except TypeError:  # as in Dkga02
        _check_fields(sgc, key_type, krn, ti, base_date)
        check_ea(ea)
        raise
    return before + pan.encode("ascii") + after


@lru_cache(maxsize=1024, typed=True)  # as _control_block
def around_pan(
    ea: int, sgc: str, key_type: int, krn: int, ti: int, base_date: int
) -> tuple[bytes, bytes]:
    """Return what stands before and after the MeterPAN in the data block, 27 and 4 bytes; see KeyTarget.

    Raises UnknownAlgorithm, UnknownBaseDate or an OutOfRange. A common key (KT 3) is refused with
    KeyTypeOutOfRange: no public source says what stands in the MeterPAN's place, so it is not offered.

    >>> around_pan(11, '201457', 2, 1, 1, 14)[1].hex()
    '00000080'
    """
    _check_fields(sgc, key_type, krn, ti, base_date)
    check_ea(ea)
    if key_type == 3:
        raise errors.KeyTypeOutOfRange(3, 0, "2 under DKGA04 (no public rule for common keys)")
    labels = f"\x04\x0204\x02{base_date:02d}\x02{ea:02d}\x02{ti:02d}"
    context = f"\x04\x06{sgc}\x01{key_type}\x01{krn}\x12"
    return f"{labels}\x00{context}".encode("ascii"), (8 * KEY_BYTES[ea]).to_bytes(4, "big")


def _check_fields(sgc: str, key_type: int, krn: int, ti: int, base_date: int) -> None:
    errors.check_sgc(sgc)
    errors.check_range(errors.KeyTypeOutOfRange, key_type, 0, 3)
    errors.check_range(errors.TariffIndexOutOfRange, ti, 0, 99)
    errors.check_range(errors.KeyRevisionNumberOutOfRange, krn, 1, 9)
    token_id.base(base_date)


def _require_pan(pan: str) -> None:
    if type(pan) is not str or len(pan) != 18 or not (pan.isascii() and pan.isdigit()):
        raise errors.InvalidFormat("a MeterPAN has 18 digits")


def key_check_value(dkga: int, material: bytes) -> str:
    """Return six hexadecimal digits that tell vending keys apart without showing them.

    Raises UnknownKeyGeneration, InvalidKey.

    >>> key_check_value(2, bytes.fromhex('ABABABABABABABAB'))
    'C33F45'
    """
    check_vending_key(dkga, material)
    if dkga == 2:
        from Crypto.Cipher import DES

        value: bytes = DES.new(material, DES.MODE_ECB).encrypt(bytes(8))
    else:
        value = hmac.digest(material, _KCV_LABEL, "sha256")
    return value[:3].hex().upper()
