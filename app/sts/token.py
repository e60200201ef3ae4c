"""The whole token: 66 bits, twenty digits, both directions.

Twenty decimal digits are one number T below 2^66, leading zeros and all::

    T      | 65 64 |   63 . . . . . . 29   | 28 27 |   26 . . . . . . . . . 0   |
           | moved |    encrypted block    | class |    encrypted block         |

T carries a block of 64 bits. The class (0 credit, 1 test and display, 2 management, 3 reserved) sits in
bits 28 and 27 of T and nowhere else: the block itself has no place for it, and its own bits 28 and 27 stand in
front, "moved". So a meter reads the class before it decrypts anything. Decrypted, the block is::

    bits     63..60    59..56   55 . . . . 32   31 . . 16   15 . . 0
    ordinary subclass  RND      token id (24)   field (16)  CRC         class 0 (0-3), class 2
    currency subclass  S & E    token id (24)   field (16)  CRC_C       class 0 (4-7)
    test     subclass  control and manufacturer code (44)   CRC         class 1, never encrypted
    key      subclass  parameters (12)   key word (32)          CRC         class 2 (3, 4, 8, 9)

RND: four random bits. S & E: sign and upper exponent of an amount of money. Token id: minutes from the key's
base date to the time of issue, which a meter takes once only (``token_id``). Field: an amount, a limit in
watts, a register, whatever the subclass says. Key word: 32 bits of the new key, so a key comes as a set of
two or four tokens, encrypted with the OLD key; a third one of a 64-bit key has no key word, only parameters
(``key_change``). CRC: over six zero bits, the class and the data; CRC_C over one more byte, 01 (``crc``).
The 48 bits above the CRC are called *data* here; what is in them is the business of ``credit``,
``meter_test``, ``management`` and ``key_change``.

::

    to make:  data -> put the CRC below it -> encrypt (not class 1) -> put the class in   -> print T
    to read:  T    -> take the class out   -> decrypt (not class 1) -> the CRC must agree -> data

Clauses: IEC 62055-41, 6.2 (classes and subclasses), 6.3 (fields), 6.4 (encryption and the class bits).

Both ways, for 0.1 kWh sold on 1 March 2014 at 13:00:

>>> from app.sts.keys import DecoderKey
>>> key = DecoderKey(7, bytes.fromhex('87F3ECBB2E46B48F'))
>>> data = pack(subclass=0, nibble=5, token_id=85740, field=1)
>>> f'{data:012X} {seal(0, data):016X}'
'05014EEC0001 05014EEC00013188'
>>> encrypted = key.encrypt(seal(0, data))
>>> number = insert_class(0, encrypted)
>>> f'{encrypted:016X} {number:017X} {number:020d}'
'D431F4B09E0E9F62 3D431F4B0860E9F62 70630503470028726114'
>>> issue(0, data, key)  # all of this at once
'70630503470028726114'
>>> open_digits('7063 0503 4700 2872 6114') == (0, encrypted)
True
>>> read('7063 0503 4700 2872 6114', key) == (0, data)
True
>>> unpack(data)
Ordinary(subclass=0, nibble=5, token_id=85740, field=1)
"""

from typing import NamedTuple

from app.sts import errors
from app.sts.crc import token_checksum
from app.sts.errors import check_range
from app.sts.keys import DecoderKey

#: First T that no token can have: 66 bits.
LIMIT = 2**66
_BLOCK_MAX = 2**64 - 1
_WITHOUT_CLASS = _BLOCK_MAX - (3 << 27)


class Ordinary(NamedTuple):
    """The fields of an ordinary block: 4 + 4 + 24 + 16 bits. ``nibble`` is RND, or S & E in currency."""

    subclass: int
    nibble: int
    token_id: int
    field: int


def pack(subclass: int, nibble: int, token_id: int, field: int) -> int:
    """Return the 48 data bits of an ordinary block.

    Raises SubclassOutOfRange, RandomOutOfRange (4 bits each), TokenIdOutOfRange, FieldOutOfRange.

    >>> f'{pack(0, 5, 85740, 1):012X}'
    '05014EEC0001'
    """
    check_range(errors.SubclassOutOfRange, subclass, 0, 15)
    check_range(errors.RandomOutOfRange, nibble, 0, 15)
    check_range(errors.TokenIdOutOfRange, token_id, 0, 0xFFFFFF)
    check_range(errors.FieldOutOfRange, field, 0, 0xFFFF)
    return subclass << 44 | nibble << 40 | token_id << 16 | field


def unpack(data: int) -> Ordinary:
    """Return the fields of 48 data bits laid out as an ordinary block; bits above them are ignored.

    >>> unpack(0x05014EEC0001).token_id
    85740
    """
    return Ordinary(data >> 44 & 15, data >> 40 & 15, data >> 16 & 0xFFFFFF, data & 0xFFFF)


def seal(token_class: int, data: int) -> int:
    """Return the 64-bit block: 48 data bits and their CRC; currency credit takes CRC_C (6.3.7).

    Raises TokenClassOutOfRange (0-3), BlockOutOfRange for more than 48 bits.

    >>> f'{seal(0, 0x05014EEC0001):016X}'
    '05014EEC00013188'
    """
    currency = token_class == 0 and type(data) is int and 4 <= data >> 44 <= 7
    return token_checksum(token_class, data, currency=currency) | data << 16  # checks both first


def issue(token_class: int, data: int, key: DecoderKey | None) -> str:
    """Return the twenty digits of 48 data bits; class 1 is never encrypted and needs no key.

    Raises TokenClassOutOfRange, BlockOutOfRange; NotAllowed for another class without a key.

    >>> issue(1, 0x0FFFFFFFFF00, None)  # class 1: test everything, whoever made the meter
    '56493153725450313471'
    """
    block = seal(token_class, data)
    if token_class != 1:
        if key is None:
            raise errors.NotAllowed("only a token of class 1 goes without a key")
        block = key.encrypt(block)
    return f"{_with_class(token_class, block):020d}"


def insert_class(token_class: int, block: int) -> int:
    """Return T: bits 28 and 27 of a 64-bit block move to the front, the class (0-3) takes their place.

    Raises TokenClassOutOfRange, BlockOutOfRange.

    >>> f'{insert_class(0, 0x9335C6C96B7352DC):017X}'
    '19335C6C9637352DC'
    """
    if type(token_class) is not int or not 0 <= token_class <= 3:
        raise errors.TokenClassOutOfRange(token_class, 0, 3)
    if type(block) is not int or not 0 <= block <= _BLOCK_MAX:
        raise errors.BlockOutOfRange(block, 64)
    return _with_class(token_class, block)


def _with_class(token_class: int, block: int) -> int:
    return (block >> 27 & 3) << 64 | block & _WITHOUT_CLASS | token_class << 27


def read(digits: str, key: DecoderKey) -> tuple[int, int]:
    """Return (class, 48 data bits) of twenty digits (spaces and hyphens allowed).

    Raises InvalidFormat, InvalidLength (not twenty ASCII digits, or T too large), ReservedToken (class 3:
    the class stands outside the cipher, so a meter refuses it before it decrypts or checks anything) and
    InvalidChecksum (another meter, another key, a mistyped digit).

    >>> from app.sts.keys import DecoderKey
    >>> read('70630503470028726115', DecoderKey(7, bytes.fromhex('87F3ECBB2E46B48F')))
    Traceback (most recent call last):
        ...
    app.sts.errors.InvalidChecksum: the checksum is wrong: other meter, other key, or mistyped
    """
    token_class, block = open_digits(digits)
    if token_class == 3:
        raise errors.ReservedToken("class 3 is reserved")
    if token_class != 1:
        block = key.decrypt(block)
    if seal(token_class, block >> 16) != block:
        raise errors.InvalidChecksum("the checksum is wrong: other meter, other key, or mistyped")
    return token_class, block >> 16


def open_digits(digits: str) -> tuple[int, int]:
    """Return (class, block still encrypted) of twenty digits. Raises InvalidFormat, InvalidLength.

    >>> open_digits('7063 0503 4700 2872 6114')[0]
    0
    >>> open_digits('73786976294838206464')
    Traceback (most recent call last):
        ...
    app.sts.errors.InvalidFormat: twenty digits above 73786976294838206463 are no token
    """
    number = int(compact(digits))
    if number >= LIMIT:
        raise errors.InvalidFormat(f"twenty digits above {LIMIT - 1} are no token")
    return number >> 27 & 3, number & _WITHOUT_CLASS | (number >> 64) << 27


def compact(digits: str) -> str:
    """Return the twenty digits without spaces and hyphens. Raises InvalidFormat, InvalidLength.

    >>> compact('7063-0503-4700-2872-6114')
    '70630503470028726114'
    """
    if not isinstance(digits, str):
        raise errors.InvalidFormat("a token is written as text")
    if len(digits) == 20 and digits.isascii() and digits.isdigit():
        return digits
    bare = digits.replace(" ", "").replace("-", "")
    if not (bare.isascii() and bare.isdigit()):
        raise errors.InvalidFormat("a token is written with the digits 0 to 9")
    if len(bare) != 20:
        raise errors.InvalidLength(f"a token has 20 digits, not {len(bare)}")
    return bare


def groups(digits: str) -> str:
    """Return twenty digits as five groups of four, as they are printed and typed. Errors as :func:`compact`.

    >>> groups('70630503470028726114')
    '7063 0503 4700 2872 6114'
    """
    bare = compact(digits)
    return " ".join(bare[at : at + 4] for at in range(0, 20, 4))
