"""The amount field: how 16 bits carry up to 18 201 624 tenths, or any sum of money.

A field is e (2 bits) and m (14 bits): t = 10^e * m + the sum of 2^14 * 10^(n-1) for n = 1..e, so
each range starts where the one before it ends. Subclasses 4-7 give e three bits more and a sign,
in the nibble S&E. What cannot be carried exactly is rounded up, in the customer's favour.
Clauses: IEC 62055-41, 6.3.6.2 (units, watts) and 6.3.6.3 (currency).

>>> f'{encode_units(256):04X} {encode_units(20000):04X}', decode_units(0x416A)
('0100 416A', 20004)
"""

from decimal import MAX_EMAX, MAX_PREC, MIN_EMIN, ROUND_CEILING, Context, Decimal
from fractions import Fraction

from app.sts.errors import AmountOutOfRange, FieldOutOfRange, check_range

_STEP: tuple[int, ...] = tuple(10**e for e in range(32))
_OFFSET: tuple[int, ...] = tuple(
    sum(2**14 * 10 ** (n - 1) for n in range(1, e + 1)) for e in range(33)
)
_M_MAX = 0x3FFF
_EXACT = Context(prec=MAX_PREC, Emin=MIN_EMIN, Emax=MAX_EMAX)
MAX_TENTHS = 18_201_624
#: Largest magnitude of a currency token, in 0.00001 of the currency unit (about 1.8e30 units).
MAX_CURRENCY = _STEP[31] * _M_MAX + _OFFSET[31]


def encode_units(tenths: int) -> int:
    """Return the 16-bit field carrying at least ``tenths`` and less than one step more.

    Units: 0.1 kWh, 0.1 m3, 0.1 minute; for power limits 1 watt. Range 0..MAX_TENTHS.
    Raises AmountOutOfRange.

    >>> [f'{encode_units(t):04X}' for t in (16383, 180215, 1818624, MAX_TENTHS)]
    ['3FFF', '8000', 'C000', 'FFFF']
    >>> encode_units(18201625)
    Traceback (most recent call last):
        ...
    app.sts.errors.AmountOutOfRange: 18201625 is not in 0..18201624
    """
    if type(tenths) is not int or not 0 <= tenths <= MAX_TENTHS:
        raise AmountOutOfRange(tenths, 0, MAX_TENTHS)
    if tenths <= _M_MAX:
        return tenths
    e, m = _ceiling(tenths)
    return e << 14 | m


def decode_units(field: int) -> int:
    """Return the tenths (or watts) a 16-bit field stands for. Raises FieldOutOfRange.

    >>> decode_units(0xFFFF)
    18201624
    """
    check_range(FieldOutOfRange, field, 0, 0xFFFF)
    e = field >> 14
    return _STEP[e] * (field & _M_MAX) + _OFFSET[e]


def representable_at_least(tenths: int) -> int:
    """Return what a token asked for ``tenths`` really carries (tenths, never less).

    Range 0..MAX_TENTHS; raises AmountOutOfRange.

    >>> representable_at_least(180215), representable_at_least(16384), representable_at_least(16385)
    (180224, 16384, 16394)
    """
    return decode_units(encode_units(tenths))


def to_tenths(quantity: int | Fraction | Decimal) -> int:
    """Return an exact quantity (kWh, m3, minutes) as whole tenths, rounded up.

    Floats are refused with TypeError: they are not exact. Raises AmountOutOfRange, also for NaN.

    >>> to_tenths(Decimal('1.05')), to_tenths(Fraction(10, 3))
    (11, 34)
    """
    return _scaled_up(quantity, 1, 0, MAX_TENTHS)


def to_money(quantity: int | Fraction | Decimal) -> int:
    """Return an exact sum of money as whole 0.00001 of its unit, rounded towards plus infinity.

    Range -MAX_CURRENCY..MAX_CURRENCY, 35 digits and more than Python's usual 28. Floats are refused with
    TypeError. Raises AmountOutOfRange, also for NaN.

    >>> to_money(Decimal('-1.000001')), to_money(Fraction(1, 3))
    (-100000, 33334)
    """
    return _scaled_up(quantity, 5, -MAX_CURRENCY, MAX_CURRENCY)


def encode_currency(amount: int) -> tuple[int, int]:
    """Return (S&E nibble, 16-bit field) of a signed amount in 0.00001 currency units.

    Rounded towards plus infinity: credit up, a negative amount towards zero.
    Range -MAX_CURRENCY..MAX_CURRENCY; raises AmountOutOfRange.

    >>> [(se, f'{field:04X}') for se, field in map(encode_currency, (100_000, -100_000))]
    [(0, '60AA'), (8, '60A9')]
    """
    check_range(AmountOutOfRange, amount, -MAX_CURRENCY, MAX_CURRENCY)
    e, m = _ceiling(amount) if amount >= 0 else _floor(-amount)
    return (amount < 0) << 3 | e >> 2, (e & 3) << 14 | m


def decode_currency(sign_and_exponent: int, field: int) -> int:
    """Return the signed amount, in 0.00001 currency units, of an S&E nibble and a field.

    Raises FieldOutOfRange.

    >>> decode_currency(8, 0x60A9), decode_currency(7, 0xC000)
    (-99994, 18204444444444444444444444444442624)
    """
    check_range(FieldOutOfRange, sign_and_exponent, 0, 15)
    check_range(FieldOutOfRange, field, 0, 0xFFFF)
    e = (sign_and_exponent & 7) << 2 | field >> 14
    magnitude = _STEP[e] * (field & _M_MAX) + _OFFSET[e]
    return -magnitude if sign_and_exponent >> 3 else magnitude


def _scaled_up(quantity: int | Fraction | Decimal, decimals: int, low: int, high: int) -> int:
    if isinstance(quantity, bool) or not isinstance(quantity, int | Fraction | Decimal):
        raise TypeError("an exact number is needed: int, Fraction or Decimal")
    if isinstance(quantity, Decimal) and not quantity.is_finite():
        raise AmountOutOfRange(quantity, low, high)
    if not low <= quantity <= high:  # also keeps 1E+999999 from becoming a huge integer
        raise AmountOutOfRange(quantity, low, high)
    if isinstance(quantity, Decimal):  # as a fraction, 1E-999999 would have a million digits
        whole = int(quantity.scaleb(decimals, _EXACT).to_integral_value(ROUND_CEILING, _EXACT))
    else:
        whole = -(-quantity.numerator * 10**decimals // quantity.denominator)
    return check_range(AmountOutOfRange, whole, low, high)


def _ceiling(t: int) -> tuple[int, int]:
    """Exponent and mantissa of the smallest representable value >= t."""
    e = 0
    while True:
        m = max(0, -((_OFFSET[e] - t) // _STEP[e]))
        if m <= _M_MAX:
            return e, m
        e += 1


def _floor(t: int) -> tuple[int, int]:
    """Exponent and mantissa of the largest representable value <= t."""
    e = 0
    while t >= _OFFSET[e + 1]:
        e += 1
    return e, min(_M_MAX, (t - _OFFSET[e]) // _STEP[e])
