"""Figures are written and read in the reader's language, exactly."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from datetime import date
from decimal import Decimal
from fractions import Fraction

import pytest
from flask import Flask
from flask_babel import Babel

from app.domain.errors import NotANumber
from app.domain.money import parse_decimal
from app.views import figures

Language = Callable[[str], AbstractContextManager[object]]


@pytest.fixture
def language() -> Iterator[Language]:
    def speaking(locale: str) -> AbstractContextManager[object]:
        app = Flask("figures")
        Babel(app, locale_selector=lambda: locale)
        return app.test_request_context()

    return speaking


@pytest.mark.parametrize(
    ("locale", "minor", "decimals", "written"),
    [
        ("en", 300_000, 2, "3,000.00"),
        ("fr", 300_000, 2, "3\u202f000,00"),
        ("ar", 300_000, 2, "3,000.00"),
        ("en", 1_500, 0, "1,500"),
        ("en", 1, 3, "0.001"),
        ("en", 9_007_199_254_740_993, 2, "90,071,992,547,409.93"),  # above what a float holds
        ("en", -50, 2, "\u22120.50"),
        ("fr", -123_456, 2, "\u22121\u202f234,56"),
        ("ar", -50, 2, "\u22120.50"),
    ],
)
def test_money_has_the_decimals_of_its_currency(
    language: Language, locale: str, minor: int, decimals: int, written: str
) -> None:
    with language(locale):
        assert figures.money(minor, decimals) == written


@pytest.mark.parametrize(
    ("locale", "typed", "value"),
    [
        ("en", "20.00", "20.00"),
        ("en", "3,000.00", "3000.00"),
        ("en", " 3000 ", "3000"),
        ("fr", "20,00", "20.00"),
        ("fr", "3\u202f000,00", "3000.00"),
        ("fr", "3 000", "3000"),
        ("fr", "20.50", "20.50"),
        ("de", "1.000,50", "1000.50"),
        ("ar", "1,000.5", "1000.5"),
        ("hi", "1,00,000", "100000"),
    ],
)
def test_an_amount_is_read_as_it_is_written_there(
    language: Language, locale: str, typed: str, value: str
) -> None:
    with language(locale):
        assert parse_decimal(figures.plain_number(typed)) == Decimal(value)


@pytest.mark.parametrize(
    ("locale", "typed"),
    [
        ("en", "20,00"),
        ("en", "1,00"),
        ("en", "1e309"),
        ("en", "twenty"),
        ("en", ""),
        ("en", "."),
        ("en", "²0"),
        ("en", "1 2"),
        ("fr", "1.000"),
        ("fr", "1.000,00"),
        ("de", "20.00"),
    ],
)
def test_what_could_mean_two_sums_is_refused(language: Language, locale: str, typed: str) -> None:
    with language(locale), pytest.raises(NotANumber):
        parse_decimal(figures.plain_number(typed))


@pytest.mark.parametrize("locale", ["en", "fr", "de", "ar", "hi"])
def test_what_a_field_shows_can_be_sent_back_unchanged(language: Language, locale: str) -> None:
    with language(locale):
        assert parse_decimal(figures.plain_number(figures.money(123_456_789, 2))) == Decimal("1234567.89")


def test_shares_and_prices_keep_every_digit(language: Language) -> None:
    with language("en"):
        assert figures.share(Fraction(3, 40)) == "7.5\u00a0%"
        assert figures.price(Decimal("0.123456"), 2) == "0.123456"
        assert figures.price(Decimal(20), 2) == "20.00"
        assert figures.plain_number("\u22125") == "-5"


def test_numbers_stand_in_groups_of_four() -> None:
    assert figures.meter_number("04127300582") == "0412 7300 582"
    assert figures.meter_number("0100000000008") == "0100 0000 00008"
    assert figures.groups_of_four("58210497336612807045") == "5821 0497 3366 1280 7045"


@pytest.mark.parametrize(
    ("locale", "month", "months", "years"),
    [
        ("en", "1–25 Oct 2026", "26 Sept – 25 Oct 2026", "26 Dec 2025 – 25 Jan 2026"),
        ("fr", "1er–25 oct. 2026", "26 sept. – 25 oct. 2026", "26 déc. 2025 – 25 janv. 2026"),
        ("ar", "1–25 أكتوبر 2026", "26 سبتمبر – 25 أكتوبر 2026", "26 ديسمبر 2025 – 25 يناير 2026"),
        ("pt", "01–25/10/2026", "26/09 – 25/10/2026", "26/12/2025 – 25/01/2026"),
        ("sw", "1–25 Okt 2026", "26 Sep – 25 Okt 2026", "26 Des 2025 – 25 Jan 2026"),
        ("zh", "2026年10月1日至25日", "2026年9月26日至10月25日", "2025年12月26日至2026年1月25日"),
    ],
)
def test_a_span_of_days_says_once_what_both_ends_share(language: Language, locale: str, month: str, months: str, years: str) -> None:
    with language(locale):
        assert figures.span(date(2026, 10, 1), date(2026, 10, 25)) == month
        assert figures.span(date(2026, 9, 26), date(2026, 10, 25)) == months
        assert figures.span(date(2025, 12, 26), date(2026, 1, 25)) == years
