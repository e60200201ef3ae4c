"""Key change: two, three or four class 2 tokens that bring a meter a new decoder key.

All are encrypted with the OLD key and carry neither token id nor random bits: the same change gives
the same digits, and a set may be typed again. Clause: IEC 62055-41, 6.2.4.5 to 6.2.4.8; the third
and fourth section: ed. 3::

    section   subclass  59..56    55..48                        47..16
    first     3         KEN high  KRN(4) RO(1) 3KCT(1) KT(2)    key bits, most significant word
    second    4         KEN low   TI (binary)                   key bits, least significant word
    third     8         SGC, low 12 bits                        second but last word   (128-bit keys)
    fourth    9         SGC, high 12 bits                       second word            (128-bit keys)
    third     8         SGC, high 12 bits   then SGC, low 12, and 20 zeros             (64-bit keys)

>>> old = DecoderKey(7, bytes.fromhex('87F3ECBB2E46B48F'))
>>> new = DecoderKey(7, bytes.fromhex('7F78CDD220BE39B8'))
>>> issue(old, KeyChange(new, sgc='201457', krn=1, key_type=2, ti=2, ken=255))
('06510894141453018386', '22979178279997208272')
"""

from dataclasses import dataclass

from app.sts import errors, token
from app.sts.keys import DecoderKey

FIRST, SECOND, THIRD, FOURTH = SECTIONS = (3, 4, 8, 9)


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


def encode(change: KeyChange) -> tuple[int, ...]:
    """Return the 48 data bits of each token, first section first. Raises an OutOfRange."""
    if type(change.sgc) is not str or not (len(change.sgc) == 6 and change.sgc.isascii() and change.sgc.isdigit()):
        raise errors.SupplyGroupCodeOutOfRange(change.sgc, '000000', '999999')
    errors.check_range(errors.KeyRevisionNumberOutOfRange, change.krn, 1, 9)
    errors.check_range(errors.KeyTypeOutOfRange, change.key_type, 0, 3)
    errors.check_range(errors.TariffIndexOutOfRange, change.ti, 0, 99)
    errors.check_range(errors.KeyExpiryNumberOutOfRange, change.ken, 0, 255)
    words = change.new_key.words()
    sgc = int(change.sgc)
    third_of_short = change.three_tokens and len(words) == 2
    flags = bool(change.rollover) << 3 | third_of_short << 2 | change.key_type
    first = FIRST << 44 | change.ken >> 4 << 40 | change.krn << 36 | flags << 32 | words[0]
    second = SECOND << 44 | (change.ken & 15) << 40 | change.ti << 32 | words[-1]
    if len(words) == 4:
        third = THIRD << 44 | (sgc & 0xFFF) << 32 | words[2]
        fourth = FOURTH << 44 | sgc >> 12 << 32 | words[1]
        return first, second, third, fourth
    if third_of_short:
        return first, second, THIRD << 44 | sgc << 20
    return first, second


def issue(old_key: DecoderKey, change: KeyChange) -> tuple[str, ...]:
    """Return the twenty digits of each token of the set.

    Raises NotAllowed when the two keys are for different algorithms (EA never changes by token),
    and an OutOfRange.
    """
    if old_key.ea != change.new_key.ea:
        raise errors.NotAllowed('a key change cannot change the encryption algorithm')
    return tuple(token.issue(2, data, old_key) for data in encode(change))


def decode(data: int, ea: int) -> dict[str, int]:
    """Return the fields of one section by name; ``ea`` tells how a third section is laid out.

    Names: subclass; kenho, krn, ro, three_kct, kt, nkho (first); kenlo, ti, nklo (second); sgclo,
    nkmo2 or sgc (third); sgcho, nkmo1 (fourth). Raises ReservedToken for other subclasses.

    >>> sorted(decode(0x4F0220BE39B8, 7).items())[:3]
    [('kenlo', 15), ('nklo', 549337528), ('subclass', 4)]
    """
    subclass, word = data >> 44, data & 0xFFFFFFFF
    nibble, byte, twelve = data >> 40 & 15, data >> 32 & 0xFF, data >> 32 & 0xFFF
    if subclass == FIRST:
        ro, three_kct = byte >> 3 & 1, byte >> 2 & 1
        head = {'kenho': nibble, 'krn': byte >> 4, 'ro': ro, 'three_kct': three_kct}
        return {'subclass': subclass, **head, 'kt': byte & 3, 'nkho': word}
    if subclass == SECOND:
        return {'subclass': subclass, 'kenlo': nibble, 'ti': byte, 'nklo': word}
    if subclass == THIRD and ea == 11:
        return {'subclass': subclass, 'sgclo': twelve, 'nkmo2': word}
    if subclass == THIRD:
        return {'subclass': subclass, 'sgc': twelve << 12 | word >> 20, 'pad': word & 0xFFFFF}
    if subclass == FOURTH:
        return {'subclass': subclass, 'sgcho': twelve, 'nkmo1': word}
    raise errors.ReservedToken(f'subclass {subclass} is no section of a key change')
