"""Class 2, management of one meter: limits, clear credit, clear tamper, and what makers add.

Key-change tokens are class 2 too, but have their own page, ``key_change``.
Clause: IEC 62055-41, 6.2.4; extended token set: STS 202-5.

>>> from app.sts.keys import DecoderKey
>>> key = DecoderKey(11, bytes.fromhex('929BD3A415C9420A05EC5EE9F3CE91C3'))
>>> issue(key, Management(MAXIMUM_POWER_LIMIT, 1000, token_id=5384701, rnd=5))
'34494889475378866499'
"""

import secrets
from dataclasses import dataclass

from app.sts import amount as amounts
from app.sts import errors, token
from app.sts.keys import DecoderKey

MAXIMUM_POWER_LIMIT = 0
CLEAR_CREDIT = 1
SET_TARIFF_RATE = 2
CLEAR_TAMPER_CONDITION = 5
MAXIMUM_PHASE_UNBALANCE_LIMIT = 6
WATER_METER_FACTOR = 7
EXTENDED_SET = 10
KINDS = {
    MAXIMUM_POWER_LIMIT: "maximum_power_limit",
    CLEAR_CREDIT: "clear_credit",
    SET_TARIFF_RATE: "set_tariff_rate",
    CLEAR_TAMPER_CONDITION: "clear_tamper_condition",
    MAXIMUM_PHASE_UNBALANCE_LIMIT: "maximum_phase_unbalance_limit",
    WATER_METER_FACTOR: "water_meter_factor",
    EXTENDED_SET: "extended_set",
} | dict.fromkeys(range(11, 16), "proprietary")
#: ClearCredit: the register's number, 0-7 as the credit subclasses, or this for all of them.
ALL_REGISTERS = 0xFFFF
_IN_WATTS = (MAXIMUM_POWER_LIMIT, MAXIMUM_PHASE_UNBALANCE_LIMIT)


@dataclass(frozen=True, slots=True)
class Management:
    """What an ordinary management token says.

    ``subclass``: a key of KINDS. ``value``: watts for the two limits (0..18 201 624, rounded up like
    an amount); the register (0-7 or FFFF) for ClearCredit; 0 for ClearTamperCondition; else 16 raw
    bits. ``token_id``: 24 bits. ``rnd``: 4 random bits, drawn when the token is made if None.
    """

    subclass: int
    value: int
    token_id: int
    rnd: int | None = None


def encode(management: Management) -> int:
    """Return the 48 data bits.

    Raises SubclassOutOfRange, AmountOutOfRange (watts), FieldOutOfRange, TokenIdOutOfRange,
    RandomOutOfRange.

    >>> f'{encode(Management(CLEAR_CREDIT, ALL_REGISTERS, token_id=85740, rnd=5)):012X}'
    '15014EECFFFF'
    """
    check_subclass(management.subclass)
    nibble = secrets.randbits(4) if management.rnd is None else management.rnd
    field = encode_value(management.subclass, management.value)
    return token.pack(management.subclass, nibble, management.token_id, field)


def check_subclass(subclass: int) -> int:
    """Return a subclass of KINDS; 3, 4, 8 and 9 are key changes. Raises SubclassOutOfRange.

    >>> check_subclass(3)
    Traceback (most recent call last):
        ...
    app.sts.errors.SubclassOutOfRange: 3 is not in 0..15 without 3, 4, 8 and 9
    """
    if type(subclass) is not int or subclass not in KINDS:
        raise errors.SubclassOutOfRange(subclass, 0, "15 without 3, 4, 8 and 9")
    return subclass


def encode_value(subclass: int, value: int) -> int:
    """Return the 16-bit field of a value, see Management. Raises AmountOutOfRange, FieldOutOfRange.

    >>> f'{encode_value(MAXIMUM_POWER_LIMIT, 20000):04X}', f'{encode_value(CLEAR_CREDIT, 65535):04X}'
    ('416A', 'FFFF')
    """
    if subclass in _IN_WATTS:
        return amounts.encode_units(value)
    if subclass == CLEAR_CREDIT and value != ALL_REGISTERS:
        return errors.check_range(errors.FieldOutOfRange, value, 0, 7)
    if subclass == CLEAR_TAMPER_CONDITION:
        return errors.check_range(errors.FieldOutOfRange, value, 0, 0)
    return errors.check_range(errors.FieldOutOfRange, value, 0, 0xFFFF)


def decode(data: int) -> Management:
    """Return what 48 data bits say. Raises ReservedToken for the key-change subclasses.

    >>> decode(0x15014EECFFFF)
    Management(subclass=1, value=65535, token_id=85740, rnd=5)
    """
    subclass, nibble, identifier, field = token.unpack(data)
    if subclass not in KINDS:
        raise errors.ReservedToken(f"management subclass {subclass} is none of the ordinary ones")
    value = amounts.decode_units(field) if subclass in _IN_WATTS else field
    return Management(subclass, value, identifier, nibble)


def issue(key: DecoderKey, management: Management) -> str:
    """Return the twenty digits of a management token. Errors as :func:`encode`.

    >>> issue(DecoderKey(7, bytes(8)), Management(CLEAR_CREDIT, 8, token_id=85740))
    Traceback (most recent call last):
        ...
    app.sts.errors.FieldOutOfRange: 8 is not in 0..7
    """
    return token.issue(2, encode(management), key)


def carried(subclass: int, value: int) -> int:
    """Return what a token asked for ``value`` really says: watts are rounded up, the rest is exact.

    >>> carried(MAXIMUM_POWER_LIMIT, 20000)
    20004
    """
    field = encode_value(subclass, value)
    return amounts.decode_units(field) if subclass in _IN_WATTS else field


def extended_field(index: int, value: int) -> int:
    """Return the field of an extended set: index 0-62 with a 10-bit control value (STS 202-5).

    Raises FieldOutOfRange.

    >>> f'{extended_field(0, 123):04X}'
    '007B'
    """
    errors.check_range(errors.FieldOutOfRange, index, 0, 62)
    return index << 10 | errors.check_range(errors.FieldOutOfRange, value, 0, 1023)


def extended_flag(flag: int, value: int) -> int:
    """Return the field of an extended set that sets flag 0-511 to 0 or 1. Raises FieldOutOfRange.

    >>> f'{extended_flag(0, 1):04X}'
    'FC01'
    """
    errors.check_range(errors.FieldOutOfRange, flag, 0, 511)
    return 63 << 10 | flag << 1 | errors.check_range(errors.FieldOutOfRange, value, 0, 1)
