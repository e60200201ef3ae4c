"""Periods: by name, from-to, cut into pieces, and the one before."""

from __future__ import annotations

from datetime import date

import pytest

from app.reports.period import NAMES, Period, before, cut, named, piece, pieces

THURSDAY = date(2026, 11, 26)


@pytest.mark.parametrize(
    ("name", "first", "last"),
    [
        ("today", (11, 26), (11, 26)),
        ("yesterday", (11, 25), (11, 25)),
        ("this_week", (11, 23), (11, 26)),
        ("last_week", (11, 16), (11, 22)),
        ("this_month", (11, 1), (11, 26)),
        ("last_month", (10, 1), (10, 31)),
        ("this_year", (1, 1), (11, 26)),
    ],
)
def test_a_named_period_ends_today_at_the_latest(name, first, last):
    assert named(name, THURSDAY, 0) == Period(date(2026, *first), date(2026, *last))


def test_a_week_begins_on_the_installations_first_weekday():
    assert named("this_week", THURSDAY, 6).first == date(2026, 11, 22)
    assert cut(THURSDAY, "week", 5) == date(2026, 11, 21)


def test_every_name_gives_days_in_order_on_every_day_of_two_years():
    for ordinal in range(date(2024, 1, 1).toordinal(), date(2026, 1, 1).toordinal()):
        day = date.fromordinal(ordinal)
        for name in NAMES:
            period = named(name, day, 0)
            assert period.first <= period.last <= day
            assert before(period, name).last < period.first


@pytest.mark.parametrize(
    ("period", "earlier"),
    [
        (("2026-03-01", "2026-03-31"), ("2026-02-01", "2026-02-28")),  # a month on the month before
        (("2026-01-01", "2026-03-31"), ("2025-10-01", "2025-12-31")),  # a quarter on a quarter
        (("2026-03-01", "2026-03-10"), ("2026-02-01", "2026-02-10")),  # so far on the same days
        (("2026-03-05", "2026-03-07"), ("2026-03-02", "2026-03-04")),  # else as many days
        (("2024-02-29", "2024-02-29"), ("2024-02-28", "2024-02-28")),
        (("2024-01-01", "2024-02-29"), ("2023-11-01", "2023-12-31")),
        (("2026-01-01", "2026-11-26"), ("2025-01-01", "2025-11-26")),  # a year so far on the same days
    ],
)
def test_it_is_compared_with_its_like(period, earlier):
    first, last = map(date.fromisoformat, period)
    assert before(Period(first, last)) == Period(*map(date.fromisoformat, earlier))


def test_what_is_under_way_is_compared_with_the_same_days():
    for name, first, last in (
        ("this_week", "2026-11-16", "2026-11-19"),  # Monday to Thursday, not the four days before
        ("this_month", "2026-10-01", "2026-10-26"),
        ("this_year", "2025-01-01", "2025-11-26"),
    ):
        assert before(named(name, THURSDAY, 0), name) == Period(date.fromisoformat(first), date.fromisoformat(last))
    early, leap = date(2026, 1, 5), date(2024, 2, 29)
    assert before(named("this_year", early, 0), "this_year") == Period(date(2025, 1, 1), date(2025, 1, 5))
    assert before(named("this_year", leap, 0), "this_year") == Period(date(2023, 1, 1), date(2023, 2, 28))


def test_pieces_cover_the_period_once_and_nothing_else():
    period = Period(date(2025, 12, 30), date(2026, 3, 2))
    for group in ("day", "week", "month", "year"):
        spans = [piece(at, group, period, 0) for at in pieces(period, group, 0)]
        assert sum(span.days for span in spans) == period.days
        assert (spans[0].first, spans[-1].last) == (period.first, period.last)
