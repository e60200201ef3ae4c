"""Typed text, currencies and the few places that round."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

import pytest

from app.domain.errors import NotANumber, NotPositive, TooManyDecimals, TooManyDigits
from app.domain.money import (
    Currency,
    Mode,
    Rounding,
    exact_decimal,
    parse_decimal,
    settle,
    to_minor,
)
from app.domain.states import Settlement

USD = Currency("USD", "$", 2)


@pytest.mark.parametrize(
    ("text", "mark", "value"),
    [
        ("20", ".", "20"),
        (" 20.5 ", ".", "20.5"),
        ("20,50", ",", "20.50"),
        (".5", ".", "0.5"),
        ("5.", ".", "5"),
        ("000012", ".", "12"),
        ("\u00a07\u202f", ".", "7"),
        ("123456789012345", ".", "123456789012345"),
    ],
)
def test_it_reads_what_people_type(text, mark, value):
    assert parse_decimal(text, mark) == Decimal(value)


@pytest.mark.parametrize(
    "text",
    [
        *("", " ", ".", "-", "abc", "1e309", "1E5", "nan", "inf", "+5", "1 000", "1,000", "0x1F"),
        *("1_000", "٣٤", "1\u2009000", "--1", "1.2.3", "²", "5\n6", "1/3"),
    ],
)
def test_it_refuses_what_is_no_plain_number(text):
    with pytest.raises(NotANumber):
        parse_decimal(text)


@pytest.mark.parametrize("text", ["0", "0.00", "-5", "-0.01"])
def test_nothing_and_less_cannot_be_bought(text):
    with pytest.raises(NotPositive):
        parse_decimal(text)


def test_forty_digits_are_too_many():
    with pytest.raises(TooManyDigits):
        parse_decimal("1" * 40)


def test_decimals_are_counted_without_trailing_zeros():
    assert parse_decimal("1.5000", decimals=1) == Decimal("1.5")
    with pytest.raises(TooManyDecimals):
        parse_decimal("1.55", decimals=1)


def test_a_minus_is_read_where_it_may_stand():
    assert parse_decimal("-3.5", positive=False) == Decimal("-3.5")


@pytest.mark.parametrize(("decimals", "minor"), [(0, 5), (1, 50), (2, 500), (3, 5000)])
def test_minor_units_follow_the_currency(decimals, minor):
    currency = Currency("XXX", "x", decimals)
    assert to_minor(Decimal(5), currency) == minor


def test_half_a_cent_is_not_money():
    with pytest.raises(TooManyDecimals):
        to_minor(Decimal("0.005"), USD)


def test_no_currency_has_four_decimals():
    with pytest.raises(ValueError):
        Currency("XXX", "x", 4)


@pytest.mark.parametrize(
    ("mode", "value", "rounded"),
    [
        *((Mode.UP, "0.01", "0.1"), (Mode.UP, "0.1", "0.1"), (Mode.UP, "-0.01", "0")),
        *((Mode.DOWN, "0.19", "0.1"), (Mode.DOWN, "-0.01", "-0.1")),
        *(
            (Mode.HALF_UP, "0.15", "0.2"),
            (Mode.HALF_UP, "0.149", "0.1"),
            (Mode.HALF_UP, "-0.15", "-0.1"),
        ),
    ],
)
def test_rounding_goes_where_it_says(mode, value, rounded):
    assert Rounding(mode, Fraction("0.1")).apply(Fraction(value)) == Fraction(rounded)


def test_a_rounding_needs_a_quantum():
    with pytest.raises(ValueError):
        Rounding(Mode.UP, Fraction(0))


def test_settlement_takes_the_whole_or_nothing_of_a_minor_unit():
    assert settle(Fraction("10.001"), Settlement.UP) == 11
    assert settle(Fraction("10.999"), Settlement.DOWN) == 10
    assert settle(Fraction(10), Settlement.UP) == settle(Fraction(10), Settlement.DOWN) == 10


def test_exact_numbers_become_plain_decimals():
    assert str(exact_decimal(Fraction(1500))) == "1500"
    assert str(exact_decimal(Fraction("0.00001"))) == "0.00001"
