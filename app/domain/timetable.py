"""When something that recurs is due: each day, week or month at a full hour of the installation's time zone.

>>> next_due(Timetable(Every.MONTH, hour=7, month_day=31), datetime(2026, 2, 3, tzinfo=UTC), "Africa/Lagos")
datetime.datetime(2026, 2, 28, 6, 0, tzinfo=datetime.timezone.utc)
>>> next_due(Timetable(Every.WEEK, hour=7, weekday=0), datetime(2026, 11, 23, 6, 0, tzinfo=UTC), "Africa/Lagos")
datetime.datetime(2026, 11, 30, 6, 0, tzinfo=datetime.timezone.utc)
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

from app.domain.calendar import business_date, days_in_month, zone
from app.domain.states import Every


@dataclass(frozen=True, slots=True)
class Timetable:
    """`weekday` 0 is Monday; `month_day` 31 is the last day of a month that has no such day."""

    every: Every
    hour: int
    weekday: int = 0
    month_day: int = 1

    def on(self, day: date) -> bool:
        """Whether something is due on this day."""
        if self.every is Every.WEEK:
            return day.weekday() == self.weekday
        if self.every is Every.MONTH:
            return day.day == min(self.month_day, days_in_month(day))
        return True


def next_due(timetable: Timetable, after: datetime, tz_name: str) -> datetime:
    """The first due instant after this one.  An hour that summer time skips is due an hour later."""
    day = business_date(after, tz_name)
    while True:
        if timetable.on(day):
            due = datetime.combine(day, time(timetable.hour), zone(tz_name)).astimezone(UTC)
            if due > after:
                return due
        day += timedelta(days=1)
