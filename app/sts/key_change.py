"""Key change: two, three or four class 2 tokens that bring a meter a new decoder key.

All are encrypted with the OLD key and carry neither token id nor random bits: the same change gives
the same digits, and a set may be typed again. Clause: IEC 62055-41, 6.2.4.5 to 6.2.4.8; the third
and fourth section: ed. 3::

    section   subclass  59..56    55..48                        47..16
    first     3         KEN high  KRN(4) RO(1) 3KCT(1) KT(2)    NKHO: most significant word of the key
    second    4         KEN low   TI (binary)                   NKLO: least significant word
    third     8         SGC, low 12 bits              NKMO2: second word (128-bit keys)
    fourth    9         SGC, high 12 bits             NKMO1: third word  (128-bit keys)
    third     8         SGC, high 12 bits   then SGC, low 12, and 20 zeros             (64-bit keys)

>>> old = DecoderKey(7, bytes.fromhex('87F3ECBB2E46B48F'))
>>> new = DecoderKey(7, bytes.fromhex('7F78CDD220BE39B8'))
>>> issue(old, KeyChange(new, sgc='201457', krn=1, key_type=2, ti=2, ken=255))
('06510894141453018386', '22979178279997208272')
"""

from collections.abc import Mapping
from dataclasses import dataclass

from app.sts import errors, token
from app.sts.ciphers import check_ea
from app.sts.errors import check_range
from app.sts.keys import DecoderKey

FIRST, SECOND, THIRD, FOURTH = SECTIONS = (3, 4, 8, 9)
#: The fields that hold a new key, most significant word first; a 64-bit key has the outer two.
KEY_WORDS = ("nkho", "nkmo2", "nkmo1", "nklo")


@dataclass(frozen=True, slots=True)
class KeyChange:
    """What a meter is to hold afterwards; every attribute is the NEW key's.

    ``sgc`` six digits, ``krn`` 1-9, ``key_type`` 0-3, ``ti`` 0-99, ``ken`` 0-255. ``rollover`` (RO):
    exactly when the base date changes, the meter forgets its token ids. ``three_tokens``: a 64-bit
    set carries the SGC in a third token; a 128-bit set always has four.
    """

    new_key: DecoderKey
    sgc: str
    krn: int
    key_type: int
    ti: int
    ken: int
    rollover: bool = False
    three_tokens: bool = False


#: The 44 bits below the subclass, by subclass and algorithm: (name, bits), most significant first.
_LAYOUT: dict[tuple[int, int], tuple[tuple[str, int], ...]] = {
    (FIRST, 7): (("kenho", 4), ("krn", 4), ("ro", 1), ("three_kct", 1), ("kt", 2), ("nkho", 32)),
    (SECOND, 7): (("kenlo", 4), ("ti", 8), ("nklo", 32)),
    (THIRD, 7): (("sgc", 24), ("pad", 20)),
    (THIRD, 11): (("sgclo", 12), ("nkmo2", 32)),
    (FOURTH, 11): (("sgcho", 12), ("nkmo1", 32)),
}
_LAYOUT[FIRST, 11], _LAYOUT[SECOND, 11] = _LAYOUT[FIRST, 7], _LAYOUT[SECOND, 7]


def encode(change: KeyChange) -> tuple[int, ...]:
    """Return the 48 data bits of each token, first section first. Raises an OutOfRange.

    >>> new = DecoderKey(7, bytes.fromhex('7F78CDD220BE39B8'))
    >>> change = KeyChange(new, '201457', krn=1, key_type=2, ti=2, ken=255, three_tokens=True)
    >>> [f'{data:012X}' for data in encode(change)]
    ['3F167F78CDD2', '4F0220BE39B8', '80312F100000']
    """
    errors.check_sgc(change.sgc)
    check_range(errors.KeyRevisionNumberOutOfRange, change.krn, 1, 9)
    check_range(errors.KeyTypeOutOfRange, change.key_type, 0, 3)
    check_range(errors.TariffIndexOutOfRange, change.ti, 0, 99)
    check_range(errors.KeyExpiryNumberOutOfRange, change.ken, 0, 255)
    words, sgc, ken = change.new_key.words(), int(change.sgc), change.ken
    announced = bool(change.three_tokens) and len(words) == 2
    flags = bool(change.rollover) << 3 | announced << 2 | change.key_type
    first = FIRST << 44 | ken >> 4 << 40 | change.krn << 36 | flags << 32 | words[0]
    second = SECOND << 44 | (ken & 15) << 40 | change.ti << 32 | words[-1]
    if len(words) == 4:
        third = THIRD << 44 | (sgc & 0xFFF) << 32 | words[1]
        fourth = FOURTH << 44 | sgc >> 12 << 32 | words[2]
        return first, second, third, fourth
    if announced:
        return first, second, THIRD << 44 | sgc << 20
    return first, second


def encode_section(subclass: int, ea: int, fields: Mapping[str, int]) -> int:
    """Return the 48 data bits of one section from its fields, named as :func:`decode` names them.

    Raises ReservedToken for what is no section under this algorithm, UnknownAlgorithm, FieldOutOfRange, and
    InvalidKey for a word of the key that is no 32 bits (and is not shown).

    >>> f'{encode_section(SECOND, 7, {"kenlo": 15, "ti": 2, "nklo": 0x20BE39B8}):012X}'
    '4F0220BE39B8'
    """
    data = subclass
    for name, bits in _layout(subclass, ea):
        value = fields.get(name, 0)
        if type(value) is not int or not 0 <= value < 2**bits:
            if name in KEY_WORDS:
                raise errors.InvalidKey("a word of a new key has 32 bits")
            raise errors.FieldOutOfRange(value, 0, 2**bits - 1)
        data = data << bits | value
    return data


def decode(data: int, ea: int) -> dict[str, int]:
    """Return the fields of one section by name; ``ea`` tells how a third section is laid out.

    Names: subclass; kenho, krn, ro, three_kct, kt, nkho (first); kenlo, ti, nklo (second); sgclo,
    nkmo2, or sgc, pad (third); sgcho, nkmo1 (fourth). Raises ReservedToken for other subclasses,
    UnknownAlgorithm.

    >>> decode(0x80312F100000, 7)
    {'subclass': 8, 'sgc': 201457, 'pad': 0}
    """
    subclass, below = data >> 44 & 15, 44
    fields = {"subclass": subclass}
    for name, bits in _layout(subclass, ea):
        below -= bits
        fields[name] = data >> below & 2**bits - 1
    return fields


def _layout(subclass: int, ea: int) -> tuple[tuple[str, int], ...]:
    check_ea(ea)
    if type(subclass) is not int or (subclass, ea) not in _LAYOUT:
        raise errors.ReservedToken(f"not a section of an EA{ea:02d} key change: its subclasses are 3, 4, 8, 9")
    return _LAYOUT[subclass, ea]


def issue(old_key: DecoderKey, change: KeyChange) -> tuple[str, ...]:
    """Return the twenty digits of each token of the set.

    Raises NotAllowed when the two keys are for different algorithms (EA never changes by token),
    and an OutOfRange.

    >>> issue(DecoderKey(7, bytes(8)), KeyChange(DecoderKey(11, bytes(16)), '201457', 1, 2, 1, 255))
    Traceback (most recent call last):
        ...
    app.sts.errors.NotAllowed: a key change cannot change the encryption algorithm
    """
    if old_key.ea != change.new_key.ea:
        raise errors.NotAllowed("a key change cannot change the encryption algorithm")
    return tuple(token.issue(2, data, old_key) for data in encode(change))
