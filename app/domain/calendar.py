"""Business days, billing months and the periods a fixed fee falls due for.

Instants are aware UTC; a business date is the local calendar date in the installation's
time zone (IANA name).  A period is named by its first day.

>>> business_date(datetime(2026, 3, 31, 22, 30, tzinfo=UTC), "Africa/Lagos")
datetime.date(2026, 3, 31)
>>> business_date(datetime(2026, 3, 31, 23, 30, tzinfo=UTC), "Africa/Lagos")
datetime.date(2026, 4, 1)
"""

from __future__ import annotations

import calendar as _calendar
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from app.domain.states import ChargeMethod, StepPeriod

MONDAY = 0


@lru_cache(maxsize=32)
def zone(tz_name: str) -> ZoneInfo:
    """The zone of an IANA name; ZoneInfoNotFoundError or ValueError if there is none."""
    return ZoneInfo(tz_name)


def business_date(instant: datetime, tz_name: str) -> date:
    """The local calendar date of an aware instant."""
    if instant.tzinfo is None:
        raise ValueError("an instant needs a time zone")
    return instant.astimezone(zone(tz_name)).date()


def day_start_utc(day: date, tz_name: str) -> datetime:
    """The UTC instant at which a local day begins.

    Where summer time skips midnight, the day begins at the first instant that exists.
    """
    local = datetime.combine(day, time.min, zone(tz_name))
    start = local.astimezone(UTC)
    # NB: a midnight inside the gap converts with the offset before it, which lands in the
    # day before for zones that skip 00:00 (Beirut, formerly Brazil); fold=1 takes the other.
    if business_date(start, tz_name) < day:
        start = local.replace(fold=1).astimezone(UTC)
    return start


def month_start(day: date) -> date:
    """The first day of the month of `day`."""
    return day.replace(day=1)


def next_month(day: date) -> date:
    """The first day of the month after that of `day`."""
    return date(day.year + day.month // 12, day.month % 12 + 1, 1)


# A ten of days has so many at least: the last one of February.
TEN_MIN = 8


def ten_start(day: date) -> date:
    """The first day of the ten of days that `day` is in: a month has three, of which the last takes what is left.

    >>> [ten_start(date(2026, 1, one)).day for one in (1, 10, 11, 20, 21, 30, 31)]
    [1, 1, 11, 11, 21, 21, 21]
    """
    return day.replace(day=min((day.day - 1) // 10, 2) * 10 + 1)


def next_ten(day: date) -> date:
    """The first day of the ten of days after that of `day`.

    >>> [next_ten(date(2026, 2, one)).isoformat() for one in (1, 20, 21)]
    ['2026-02-11', '2026-02-21', '2026-03-01']
    """
    first = ten_start(day)
    return next_month(day) if first.day > 20 else first + timedelta(days=10)


def quarter_start(day: date) -> date:
    """The first day of the quarter of the calendar year that `day` is in.

    >>> [quarter_start(date(2026, month, 9)).month for month in (1, 3, 4, 12)]
    [1, 1, 4, 10]
    """
    return date(day.year, (day.month - 1) // 3 * 3 + 1, 1)


def next_quarter(day: date) -> date:
    """The first day of the quarter after that of `day`.

    >>> [next_quarter(date(2026, month, 9)).isoformat() for month in (1, 12)]
    ['2026-04-01', '2027-01-01']
    """
    return next_month(next_month(next_month(quarter_start(day))))


def step_period_start(day: date, period: StepPeriod) -> date:
    """The first day whose units count towards the steps of a purchase on `day`.

    With StepPeriod.PURCHASE nothing counts: the day itself is returned and the caller
    must take 0 units before.
    """
    if period is StepPeriod.YEAR:
        return date(day.year, 1, 1)
    return month_start(day) if period is StepPeriod.MONTH else day


def days_in_month(day: date) -> int:
    """28 to 31."""
    return _calendar.monthrange(day.year, day.month)[1]


def period_start(day: date, method: ChargeMethod, first_weekday: int = MONDAY) -> date:
    """The first day of the fee period that `day` is in; weeks begin on `first_weekday` (0 = Monday)."""
    if method is ChargeMethod.WEEK:
        return day - timedelta(days=(day.weekday() - first_weekday) % 7)
    if method is ChargeMethod.MONTH:
        return month_start(day)
    if method is ChargeMethod.YEAR:
        return date(day.year, 1, 1)
    return day


def next_period(day: date, method: ChargeMethod, first_weekday: int = MONDAY) -> date:
    """The first day of the fee period after the one that `day` is in.

    >>> next_period(date(2026, 11, 5), ChargeMethod.YEAR)
    datetime.date(2027, 1, 1)
    """
    start = period_start(day, method, first_weekday)
    if method is ChargeMethod.YEAR:
        return date(start.year + 1, 1, 1)
    if method is ChargeMethod.MONTH:
        return next_month(start)
    return start + timedelta(days=7 if method is ChargeMethod.WEEK else 1)


def periods_due(
    method: ChargeMethod,
    first: date,
    today: date,
    first_weekday: int = MONDAY,
) -> int:
    """How many periods of a fixed fee are owed on `today`, this one included.

    `first` is the day of installation, else of the first purchase: its period is the first
    that counts.  Never negative; a fee per purchase is always due once.

    >>> periods_due(ChargeMethod.MONTH, date(2026, 1, 20), date(2026, 3, 1))
    3
    >>> periods_due(ChargeMethod.MONTH, date(2026, 1, 20), date(2026, 1, 31))
    1
    """
    if method is ChargeMethod.PURCHASE:
        return 1
    owed = period_index(today, method, first_weekday) - period_index(first, method, first_weekday) + 1
    return max(owed, 0)


def period_index(day: date, method: ChargeMethod, first_weekday: int = MONDAY) -> int:
    """A running number of the period that `day` is in."""
    if method is ChargeMethod.MONTH:
        return day.year * 12 + day.month
    if method is ChargeMethod.YEAR:
        return day.year
    start = period_start(day, method, first_weekday).toordinal()
    return start // 7 if method is ChargeMethod.WEEK else start
