"""A period of business days: by its name or from-to, cut into days, weeks, months and years, and the one before.

Business days are those stored on the sale, in the installation's time zone; only what bears
instants alone (tokens of the engineering desk) is asked by the instants of the period's edges.

>>> named("last_month", date(2026, 3, 15), 0)
Period(first=datetime.date(2026, 2, 1), last=datetime.date(2026, 2, 28))
>>> before(named("last_month", date(2026, 3, 15), 0))
Period(first=datetime.date(2026, 1, 1), last=datetime.date(2026, 1, 31))
>>> before(Period(date(2026, 3, 1), date(2026, 3, 30)))
Period(first=datetime.date(2026, 2, 1), last=datetime.date(2026, 2, 28))
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from app.domain.calendar import (
    day_start_utc,
    days_in_month,
    month_start,
    next_month,
    next_period,
    period_start,
)
from app.domain.states import ChargeMethod

NAMES = ("today", "yesterday", "this_week", "last_week", "this_month", "last_month", "this_year")
GROUPS = {
    "day": ChargeMethod.DAY, "week": ChargeMethod.WEEK, "month": ChargeMethod.MONTH, "year": ChargeMethod.YEAR,
}  # fmt: skip
# Longer than any meter's life is a slip of the finger.
YEARS_MAX = 20
EARLIEST, LATEST = date(1993, 1, 1), date(2199, 12, 31)
_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Period:
    """From a day to a day, both included; `first` is never after `last`."""

    first: date
    last: date

    @property
    def days(self) -> int:
        """How many days, at least one."""
        return (self.last - self.first).days + 1

    @property
    def whole_months(self) -> bool:
        """Whether it is made of whole calendar months."""
        return self.first.day == 1 and (self.last + _DAY).day == 1

    def instants(self, time_zone: str) -> tuple[datetime, datetime]:
        """Where it begins and where the next day begins, in UTC."""
        return day_start_utc(self.first, time_zone), day_start_utc(self.last + _DAY, time_zone)


def named(name: str, today: date, first_weekday: int) -> Period:
    """The period of this name (NAMES); one that is under way ends today."""
    yesterday = today - _DAY
    week = period_start(today, ChargeMethod.WEEK, first_weekday)
    month = month_start(today)
    return {
        "today": Period(today, today),
        "yesterday": Period(yesterday, yesterday),
        "this_week": Period(week, today),
        "last_week": Period(week - 7 * _DAY, week - _DAY),
        "this_month": Period(month, today),
        "last_month": Period(month_start(month - _DAY), month - _DAY),
        "this_year": Period(date(today.year, 1, 1), today),
    }[name]


def before(period: Period, name: str = "") -> Period:
    """As many months before whole ones, the same days of the month, week or year before, else as many days before.

    A week or year under way is known by the period's `name` (of NAMES), a month or year by its first day too.
    """
    if name == "this_week":
        return Period(period.first - 7 * _DAY, period.last - 7 * _DAY)
    if name == "this_year":
        return _year_before(period)
    if period.whole_months:
        first = period.first
        for _ in months(period):
            first = month_start(first - _DAY)
        return Period(first, period.first - _DAY)
    if period.first.day == 1 and month_start(period.last) == period.first:
        first = month_start(period.first - _DAY)
        return Period(first, first.replace(day=min(period.last.day, days_in_month(first))))
    if period.first == date(period.last.year, 1, 1):
        return _year_before(period)
    return Period(period.first - period.days * _DAY, period.first - _DAY)


def _year_before(period: Period) -> Period:
    """The same days of the year before, of a period that begins on its first day."""
    first, month = date(period.first.year - 1, 1, 1), date(period.first.year - 1, period.last.month, 1)
    return Period(first, month.replace(day=min(period.last.day, days_in_month(month))))


def months(period: Period) -> Iterator[date]:
    """The first days of the months that it touches."""
    at = month_start(period.first)
    while at <= period.last:
        yield at
        at = next_month(at)


def cut(day: date, group: str, first_weekday: int) -> date:
    """The first day of the day, week, month or year that `day` is in."""
    return period_start(day, GROUPS[group], first_weekday)


def pieces(period: Period, group: str, first_weekday: int) -> list[date]:
    """The first days of the pieces that it is cut into, those without sales too."""
    found, at = [], cut(period.first, group, first_weekday)
    while at <= period.last:
        found.append(at)
        at = next_period(at, GROUPS[group], first_weekday)
    return found


def piece(at: date, group: str, period: Period, first_weekday: int) -> Period:
    """The days of one piece that lie in the period."""
    last = next_period(at, GROUPS[group], first_weekday) - _DAY
    return Period(max(at, period.first), min(last, period.last))
