"""Load of the statistics: sums of days and of closed months, added up in the database by what is asked for.

The summaries are kept in the sale's own transaction, and closed days and months added up from them; all are
recounted by `flask ledger check`, and nothing here reads a sale.  Where no vending point is asked for, closed days
and months are read by region: a tenth of the rows.  Rows are narrowed by the region, as P1 and P6 want it even
for an operator.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from sqlalchemy import BigInteger, ColumnElement, cast, func, or_, select

from app.access.scope import By, narrow
from app.domain.calendar import next_month
from app.domain.states import MeterType, RowScope
from app.models import (
    DaySums,
    MonthSums,
    PurchaseDay,
    PurchaseMonth,
    Region,
    RegionDay,
    RegionMonth,
    SaleDay,
    SaleMonth,
)
from app.reports.names import UNSCOPED
from app.reports.period import GROUPS, Period, piece, pieces
from app.reports.report import ROWS_MAX, Asked, TooMany

COUNTED = ("sales", "reversals", "amount", "units", "energy", "fees", "taxes")
_DAY = timedelta(days=1)
LEVELS = {"country": 1, "province": 2, "region": 99}
# Each row of a table is made of one sum for each kind of meter.
FACTS_MAX = ROWS_MAX * len(MeterType)
CHUNK = 5_000


@dataclass(frozen=True, slots=True)
class Source:
    """The tables of one statistic, by whose region they go, and those by region alone of closed days and months."""

    day: Any
    month: Any
    by: By
    points: bool
    region_day: Any = None
    region_month: Any = None


SALES = Source(SaleDay, SaleMonth, By.POINT_REGION, True, RegionDay, RegionMonth)
# The same for whoever goes by vending point: an operator reads the own one's rows alone.
RECORDS = Source(SaleDay, SaleMonth, By.VENDING_POINT, True, RegionDay, RegionMonth)
PURCHASES = Source(PurchaseDay, PurchaseMonth, By.CONSUMER_REGION, points=False)


@dataclass(frozen=True, slots=True)
class Fact:
    """Sums under one key; what was not asked for is None.  Money in minor units, units in tenths.

    `day` is the first one of what was added up; `region_id` that of the level asked for.
    """

    day: date | None
    point_id: int | None
    region_id: int | None
    meter_type: MeterType
    currency: str
    sums: tuple[int, ...]


def facts(asked: Asked, source: Source, period: Period, keys: Iterable[str]) -> list[Fact]:
    """Every sum of the period by `keys` (of statistics.KEYS), kind of meter and currency.

    Whole months that are closed are read as such unless days or weeks are asked for.  Raises TooMany rather than
    read more than make a table.
    """
    load = _Load(asked, source, frozenset(keys))
    time = load.keys & GROUPS.keys()
    closed = [] if time & {"day", "week"} else _closed(asked, MonthSums, MonthSums.month, period)
    closed = [month for month in closed if next_month(month) - _DAY <= period.last]
    if closed:
        load.add(load.month, load.month.month, load.month.month.in_(closed), apart=bool(time))
    for first, last in left(period, closed):
        load.days(Period(first, last), time)
    return load.found()


def _closed(asked: Asked, table: Any, column: Any, period: Period) -> list[date]:
    """The closed days, or first days of closed months, that lie in the period."""
    within = column.between(period.first, period.last)
    return list(asked.session.scalars(select(column).where(table.closed, within).order_by(column)))


class _Load:
    """Adds up what the statements of one question find."""

    def __init__(self, asked: Asked, source: Source, keys: frozenset[str]) -> None:
        self.asked, self.source, self.keys = asked, source, keys
        picks = asked.question.picks
        by_point = "point" in keys or "point" in picks
        own_point = source.by is By.VENDING_POINT and asked.scope.row_scope is RowScope.VENDING_POINT
        self.by_region = source.region_day is not None and not by_point and not own_point
        self.month = source.region_month if self.by_region else source.month
        levels = keys & LEVELS.keys()
        self.dims = [*(["point"] if "point" in keys else []), *(["region"] if levels else [])]
        finest = max(levels, key=lambda name: LEVELS[name], default="region")
        self.above = None if finest == "region" else _above(asked, finest)
        self.sums: dict[tuple[Any, ...], list[int]] = {}

    def days(self, span: Period, time: frozenset[str]) -> None:
        """What is not in closed months: by day, or piece by piece where each day has rows for many places."""
        if not time:
            self._days(span, apart=False)
        elif "day" in time or len(time) > 1 or not self.dims:
            self._days(span, apart=True)
        else:
            [group] = time
            weekday = self.asked.house.first_weekday
            for at in pieces(span, group, weekday):
                part = piece(at, group, span, weekday)
                self._days(part, apart=False, first=part.first)

    def _days(self, span: Period, *, apart: bool, first: date | None = None) -> None:
        table = self.source.day
        spans = [(span.first, span.last)]
        if self.by_region:
            closed = runs(_closed(self.asked, DaySums, DaySums.business_date, span))
            spans = between(span, closed)
            if closed:
                region = self.source.region_day
                self.add(region, region.business_date, _any(region.business_date, closed), apart=apart, first=first)
        if spans:
            self.add(table, table.business_date, _any(table.business_date, spans), apart=apart, first=first)

    def add(self, table: Any, day: Any, when: ColumnElement[bool], *, apart: bool, first: date | None = None) -> None:
        """Read sums under this condition: by day where they are kept `apart`, else as of `first`."""
        keys = [day] if apart else []
        at = {name: len(keys) + place for place, name in enumerate(self.dims)}
        keys += [table.vending_point_id if name == "point" else table.region_id for name in self.dims]
        if apart and self.dims == ["point"]:
            keys.append(table.region_id)  # NB: the order of the index, so that a question too large ends early
        size = len(keys)
        keys += [table.meter_type, table.currency]
        # NB: left alone, PostgreSQL adds whole numbers up to decimals, which cost the reader more than the adding up.
        statement = (
            select(*keys, *(cast(func.sum(getattr(table, name)), BigInteger) for name in COUNTED))
            .where(when, *_picked(self.asked.question.picks, table))
            .group_by(*keys)
        )
        wanted = narrow(statement, self.asked.scope, self.source.by, table)
        # NB: read in parts PostgreSQL plans for the first rows, so only what may be cut off is.
        options = UNSCOPED | ({"yield_per": CHUNK} if self.dims and apart else {})
        for row in self.asked.session.execute(wanted, execution_options=options):
            point, place = (row[at[name]] if name in at else None for name in ("point", "region"))
            place = place if self.above is None or place is None else self.above.get(place, place)
            key = (row[0] if apart else first, point, place, row[size], row[size + 1])
            sums = row[size + 2 :]
            kept = self.sums.get(key)
            if kept is None:
                self.sums[key] = list(sums)
                if len(self.sums) > FACTS_MAX:
                    raise TooMany(ROWS_MAX)
            else:
                for number, value in enumerate(sums):
                    kept[number] += value

    def found(self) -> list[Fact]:
        """What was added up."""
        return [Fact(*key, tuple(sums)) for key, sums in self.sums.items()]  # type: ignore[call-arg]


def _above(asked: Asked, level: str) -> dict[int, int]:
    """For each place the one of the level `level` that it lies in, itself if it is higher."""
    rows = asked.session.execute(select(Region.id, Region.path), execution_options=UNSCOPED)
    return {place: int(path.strip("/").split("/")[: LEVELS[level]][-1]) for place, path in rows}


def _any(column: Any, spans: Iterable[tuple[date, date]]) -> ColumnElement[bool]:
    return or_(*(column.between(first, last) for first, last in spans))


def runs(days: Iterable[date]) -> list[tuple[date, date]]:
    """Days in order, as spans without a hole.

    >>> [(a.day, b.day) for a, b in runs(date(2026, 1, day) for day in (1, 2, 3, 5, 8, 9))]
    [(1, 3), (5, 5), (8, 9)]
    """
    found: list[tuple[date, date]] = []
    for day in days:
        if found and found[-1][1] + _DAY == day:
            found[-1] = (found[-1][0], day)
        else:
            found.append((day, day))
    return found


def between(period: Period, taken: Iterable[tuple[date, date]]) -> list[tuple[date, date]]:
    """What of a period lies outside these spans, which are in order and within it."""
    spans, at = [], period.first
    for first, last in taken:
        if at < first:
            spans.append((at, first - _DAY))
        at = last + _DAY
    return [*spans, (at, period.last)] if at <= period.last else spans


def left(period: Period, closed: list[date]) -> list[tuple[date, date]]:
    """What of a period remains without the months, from day to day.

    >>> left(Period(date(2026, 1, 20), date(2026, 4, 2)), [date(2026, 2, 1), date(2026, 3, 1)])
    [(datetime.date(2026, 1, 20), datetime.date(2026, 1, 31)), (datetime.date(2026, 4, 1), datetime.date(2026, 4, 2))]
    """
    return between(period, [(month, next_month(month) - _DAY) for month in closed])


def _picked(picks: Mapping[str, Any], table: Any) -> Iterator[Any]:
    if "type" in picks:
        yield table.meter_type == picks["type"]
    if "region" in picks:
        yield picks["region"].inside(table.region_id)
    if "point" in picks:
        yield table.vending_point_id == picks["point"]


def total(found: Iterable[Fact]) -> dict[str, dict[str, int]]:
    """The sums of each currency by name."""
    sums: dict[str, list[tuple[int, ...]]] = {}
    for fact in found:
        sums.setdefault(fact.currency, []).append(fact.sums)
    return {
        currency: dict(zip(COUNTED, map(sum, zip(*mine, strict=True)), strict=True)) for currency, mine in sums.items()
    }
