"""Exact money: currencies, typed text to numbers, and the only places where a sum is rounded.

Amounts inside the rules are Fractions of the major unit; stored and charged amounts are
integers of the minor unit.  Nothing is ever a float.

>>> parse_decimal("1234.50", decimals=2)
Decimal('1234.50')
>>> to_minor(Decimal("1234.50"), Currency("USD", "$", 2))
123450
>>> settle(Fraction(101, 2), Settlement.UP), settle(Fraction(101, 2), Settlement.DOWN)
(51, 50)
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from fractions import Fraction
from typing import Final

from app.domain.errors import NotANumber, NotPositive, TooManyDecimals, TooManyDigits
from app.domain.states import Settlement

DIGITS_MAX: Final = 15

# Quantities and sums between exact steps: an int where possible (fast), else a Fraction.
Exact = int | Fraction


@dataclass(frozen=True, slots=True)
class Currency:
    """A currency: ISO code, sign, and 0 to 3 decimals of its smallest unit."""

    code: str
    symbol: str
    decimals: int

    def __post_init__(self) -> None:
        if not 0 <= self.decimals <= 3:
            raise ValueError("a currency has 0 to 3 decimals")

    @property
    def minor_per_major(self) -> int:
        """How many smallest units make one: 1, 10, 100 or 1000."""
        return int(10**self.decimals)


class Mode(StrEnum):
    """The direction of a rounding."""

    UP = "up"
    DOWN = "down"
    HALF_UP = "half_up"


@dataclass(frozen=True, slots=True)
class Rounding:
    """A direction and the quantum (> 0) whose multiples are left.

    >>> Rounding(Mode.UP, Fraction(1, 10)).apply(Fraction("94.04"))
    Fraction(941, 10)
    >>> Rounding(Mode.HALF_UP, Fraction(1)).apply(Fraction("0.5"))
    Fraction(1, 1)
    """

    mode: Mode
    quantum: Fraction

    def __post_init__(self) -> None:
        if self.quantum <= 0:
            raise ValueError("a rounding needs a quantum above zero")

    def apply(self, value: Fraction) -> Fraction:
        """`value` as a multiple of the quantum; up is towards +infinity, halves go up."""
        # NB: one Fraction instead of three; this runs once in every quote.
        top, bottom = self.quantum.numerator, self.quantum.denominator
        count = _divide(value.numerator * bottom, value.denominator * top, self.mode)
        return Fraction(count * top, bottom)


def round_whole(value: Fraction, mode: Mode) -> int:
    """The integer next to `value` in the given direction."""
    return _divide(value.numerator, value.denominator, mode)


def _divide(numerator: int, denominator: int, mode: Mode) -> int:
    """The quotient as an integer in the given direction (denominator > 0)."""
    if mode is Mode.DOWN:
        return numerator // denominator
    if mode is Mode.UP:
        return -(-numerator // denominator)
    return (2 * numerator + denominator) // (2 * denominator)


def settle(minor: Fraction, settlement: Settlement) -> int:
    """Minor units by the settlement method (manual S10, rule a)."""
    return round_whole(minor, Mode.UP if settlement is Settlement.UP else Mode.DOWN)


def parse_decimal(
    text: str, decimal_mark: str = ".", *, decimals: int | None = None, positive: bool = True
) -> Decimal:
    """The number somebody typed: ASCII digits, one decimal mark, at most 15 digits.

    Spaces around it and (if not `positive`) a leading minus are allowed; grouping is not,
    because "1.234" means two different sums in two countries.  `decimals` limits the places.
    Raises NotANumber, TooManyDigits, TooManyDecimals, NotPositive.

    >>> parse_decimal("12,5", ",")
    Decimal('12.5')
    >>> parse_decimal("1e309")
    Traceback (most recent call last):
        ...
    app.domain.errors.NotANumber: not_a_number(text=1e309)
    """
    typed = text.strip(" \t\r\n\u00a0\u202f")
    match = re.fullmatch(rf"(-?)([0-9]*)(?:{re.escape(decimal_mark)}([0-9]*))?", typed)
    if match is None or not (match[2] or match[3]):
        raise NotANumber(text=text[:40])
    sign, whole, part = match[1], match[2].lstrip("0"), match[3] or ""
    if len(whole) + len(part) > DIGITS_MAX:
        raise TooManyDigits(text=text[:40], maximum=DIGITS_MAX)
    if decimals is not None and len(part.rstrip("0")) > decimals:
        raise TooManyDecimals(text=text[:40], decimals=decimals)
    # NB: built from text so that trailing zeros and exactness survive.
    number = Decimal(f"{sign}{whole or '0'}{'.' + part if part else ''}")
    if positive and number <= 0:
        raise NotPositive(text=text[:40])
    return number


def to_minor(amount: Decimal | Fraction, currency: Currency) -> int:
    """Minor units of an amount that the currency can express; TooManyDecimals otherwise."""
    minor = Fraction(amount) * currency.minor_per_major
    if minor.denominator != 1:
        raise TooManyDecimals(text=str(amount)[:40], decimals=currency.decimals)
    return minor.numerator


def whole_or_fraction(value: Exact) -> Exact:
    """The same number as an int if it is one: integers keep the engine quick."""
    if isinstance(value, Fraction) and value.denominator == 1:
        return value.numerator
    return value


def exact_decimal(value: Exact, places: int = 8) -> Decimal:
    """The number as a Decimal, rounded half up to `places` only if it has more.

    >>> exact_decimal(Fraction(295, 10)), exact_decimal(Fraction(1, 3), 4)
    (Decimal('29.5'), Decimal('0.3333'))
    """
    scaled = round_whole(Fraction(value) * 10**places, Mode.HALF_UP)
    number = Decimal(scaled).scaleb(-places)
    return number.quantize(Decimal(1)) if scaled % 10**places == 0 else number.normalize()
