"""Class 0, credit: electricity, water, gas and time in units (subclass 0-3) or in currency (4-7).

Clause: IEC 62055-41, 6.2.2 (TransferCredit) with the fields of 6.3.

>>> from app.sts.keys import DecoderKey
>>> key = DecoderKey(7, bytes.fromhex('87F3ECBB2E46B48F'))
>>> issue(key, Credit(subclass=0, amount=1, token_id=85740, rnd=5))
'70630503470028726114'
>>> decode(token.read('70630503470028726114', key)[1])
Credit(subclass=0, amount=1, token_id=85740, rnd=5)
"""

import secrets
from dataclasses import dataclass

from app.sts import amount as amounts
from app.sts import errors, token
from app.sts.keys import DecoderKey

KINDS = (
    "electricity",
    "water",
    "gas",
    "time",
    "electricity_currency",
    "water_currency",
    "gas_currency",
    "time_currency",
)


@dataclass(frozen=True, slots=True)
class Credit:
    """What a credit token says.

    ``subclass`` 0-7. ``amount``: 0.1 kWh, 0.1 m3, 0.1 minute (0..MAX_TENTHS), or for 4-7 a signed
    number of 0.00001 currency units. ``token_id``: 24 bits. ``rnd``: 4 random bits, subclass 0-3
    only; None draws them when the token is made.
    """

    subclass: int
    amount: int
    token_id: int
    rnd: int | None = None


def encode(credit: Credit) -> int:
    """Return the 48 data bits; amounts are rounded in the customer's favour.

    Raises SubclassOutOfRange, AmountOutOfRange, TokenIdOutOfRange, RandomOutOfRange, and NotAllowed for
    random bits in a currency token.

    >>> f'{encode(Credit(4, -100_000, 5419321)):012X}'
    '4852B13960A9'
    """
    errors.check_range(errors.SubclassOutOfRange, credit.subclass, 0, 7)
    if credit.subclass >= 4:
        nibble, field = amounts.encode_currency(credit.amount)
        if credit.rnd is not None:
            raise errors.NotAllowed("a currency token has no random bits: sign and exponent stand there")
    else:
        field = amounts.encode_units(credit.amount)
        nibble = secrets.randbits(4) if credit.rnd is None else credit.rnd
    return token.pack(credit.subclass, nibble, credit.token_id, field)


def decode(data: int) -> Credit:
    """Return the credit in 48 data bits. Raises ReservedToken for subclasses 8-15.

    >>> decode(0x4852B13960A9)
    Credit(subclass=4, amount=-99994, token_id=5419321, rnd=None)
    """
    subclass, nibble, identifier, field = token.unpack(data)
    if subclass > 7:
        raise errors.ReservedToken(f"credit subclass {subclass} is reserved")
    if subclass >= 4:
        return Credit(subclass, amounts.decode_currency(nibble, field), identifier)
    return Credit(subclass, amounts.decode_units(field), identifier, nibble)


def issue(key: DecoderKey, credit: Credit) -> str:
    """Return the twenty digits of a credit token. Errors as :func:`encode`.

    >>> issue(DecoderKey(7, bytes(8)), Credit(8, 1, 85740))
    Traceback (most recent call last):
        ...
    app.sts.errors.SubclassOutOfRange: 8 is not in 0..7
    """
    return token.issue(0, encode(credit), key)


def carried(subclass: int, amount: int) -> int:
    """Return what a token asked for ``amount`` really carries, in the units of ``Credit.amount``.

    Raises SubclassOutOfRange, AmountOutOfRange.

    >>> carried(0, 20000), carried(4, 100_000)
    (20004, 100004)
    """
    errors.check_range(errors.SubclassOutOfRange, subclass, 0, 7)
    if subclass < 4:
        return amounts.representable_at_least(amount)
    return amounts.decode_currency(*amounts.encode_currency(amount))
