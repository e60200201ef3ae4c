"""Business days and billing periods, where clocks are changed too."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from itertools import pairwise

import pytest

from app.domain.calendar import (
    business_date,
    day_start_utc,
    days_in_month,
    period_start,
    periods_due,
    step_period_start,
)
from app.domain.states import ChargeMethod, StepPeriod

JAN_20 = date(2026, 1, 20)


def test_the_day_changes_at_local_midnight():
    late = datetime(2026, 12, 31, 23, 30, tzinfo=UTC)
    assert business_date(late, "Africa/Accra") == date(2026, 12, 31)
    assert business_date(late, "Africa/Nairobi") == date(2027, 1, 1)
    assert business_date(late, "America/Bogota") == date(2026, 12, 31)


def test_an_instant_without_a_zone_is_refused():
    with pytest.raises(ValueError):
        business_date(datetime(2026, 1, 1), "UTC")  # noqa: DTZ001


@pytest.mark.parametrize(
    "tz_name",
    ["UTC", "Africa/Cairo", "Asia/Beirut", "America/Sao_Paulo", "Asia/Kathmandu", "Pacific/Apia"],
)
def test_days_follow_each_other_without_gap_or_overlap(tz_name):
    """Beirut and (until 2019) Sao Paulo skip midnight."""
    days = [date(2018, 1, 1) + timedelta(days=n) for n in range(800)]
    starts = [day_start_utc(day, tz_name) for day in days]
    for (day, start), (_, following) in pairwise(zip(days, starts, strict=True)):
        assert business_date(start, tz_name) == day
        assert business_date(start - timedelta(seconds=1), tz_name) == day - timedelta(days=1)
        assert timedelta(hours=22) < following - start < timedelta(hours=26)


@pytest.mark.parametrize(("year", "month", "days"), [(2026, 2, 28), (2028, 2, 29), (2026, 12, 31)])
def test_months_have_their_days(year, month, days):
    assert days_in_month(date(year, month, 1)) == days


def test_steps_count_from_the_start_of_their_period():
    assert step_period_start(JAN_20, StepPeriod.MONTH) == date(2026, 1, 1)
    assert step_period_start(date(2026, 5, 3), StepPeriod.YEAR) == date(2026, 1, 1)
    assert step_period_start(JAN_20, StepPeriod.PURCHASE) == JAN_20


@pytest.mark.parametrize(
    ("method", "today", "due"),
    [
        (ChargeMethod.PURCHASE, date(2026, 5, 1), 1),
        (ChargeMethod.DAY, JAN_20, 1),
        (ChargeMethod.DAY, date(2026, 1, 23), 4),
        (ChargeMethod.WEEK, JAN_20, 1),
        (ChargeMethod.WEEK, date(2026, 1, 26), 2),
        (ChargeMethod.MONTH, JAN_20, 1),
        (ChargeMethod.MONTH, date(2026, 1, 31), 1),
        (ChargeMethod.MONTH, date(2026, 2, 1), 2),
        (ChargeMethod.MONTH, date(2027, 1, 1), 13),
        (ChargeMethod.YEAR, date(2026, 12, 31), 1),
        (ChargeMethod.YEAR, date(2028, 1, 1), 3),
    ],
)
def test_missed_periods_add_up(method, today, due):
    assert periods_due(method, JAN_20, today) == due


def test_nothing_is_due_before_the_first_day():
    assert periods_due(ChargeMethod.MONTH, date(2026, 3, 1), JAN_20) == 0


@pytest.mark.parametrize(("first_weekday", "due_sunday", "due_monday"), [(0, 1, 2), (6, 2, 2)])
def test_weeks_begin_on_the_chosen_day(first_weekday, due_sunday, due_monday):
    """It began on Saturday 24 January 2026; is the next day a new week?"""
    saturday, sunday = date(2026, 1, 24), date(2026, 1, 25)
    week = ChargeMethod.WEEK
    assert periods_due(week, saturday, sunday, first_weekday) == due_sunday
    assert periods_due(week, saturday, date(2026, 1, 26), first_weekday) == due_monday
    assert period_start(saturday, week, first_weekday) <= saturday


@pytest.mark.parametrize("first_weekday", range(7))
def test_a_new_week_is_counted_exactly_once_in_seven_days(first_weekday):
    days = [JAN_20 + timedelta(days=n) for n in range(70)]
    due = [
        periods_due(ChargeMethod.WEEK, one, two, first_weekday) - 1
        for one, two in pairwise(days)
    ]
    assert sum(due) in (9, 10)
    assert all(
        (count == 1) == (day.weekday() == first_weekday)
        for count, day in zip(due, days[1:], strict=True)
    )
