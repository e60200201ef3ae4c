"""Load of the statistics: sums of days, closed months and quarters, added up in the database by what is asked for.

The summaries are kept in the sale's own transaction, and closed days and months added up from them; all are
recounted by `flask ledger check`, and nothing here reads a sale.  Where no vending point is asked for, closed days
and months are read by region: a tenth of the rows; where one is, whole quarters as such and parts of months by
tens of days.  Rows are narrowed by the region, as P1 and P6 want it even for an operator.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from operator import add
from typing import Any, NamedTuple

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Select,
    String,
    cast,
    func,
    literal_column,
    null,
    or_,
    select,
    type_coerce,
    union_all,
)

from app.access.scope import By, narrow
from app.domain.calendar import TEN_MIN, next_month, next_quarter, next_ten
from app.domain.states import MeterType, RowScope
from app.models import (
    DaySums,
    MonthSums,
    PurchaseDay,
    PurchaseMonth,
    QuarterSums,
    Region,
    RegionDay,
    RegionMonth,
    SaleDay,
    SaleMonth,
    SaleQuarter,
    SaleTen,
    TenSums,
)
from app.models.summaries import COUNTED
from app.reports.names import UNSCOPED
from app.reports.period import GROUPS, Period, piece, pieces
from app.reports.report import ROWS_MAX, Asked, TooMany

_DAY = timedelta(days=1)
LEVELS = {"country": 1, "province": 2, "region": 99}
# Each row of a table is made of one sum for each kind of meter.
FACTS_MAX = ROWS_MAX * len(MeterType)
CHUNK = 5_000
NAMED_DAYS_MAX = 100
QUARTER_MIN = 90
# A row is a key (day, vending point, place, kind of meter, currency; None what is not asked for) and its sums.
KEY, PLACE, KIND = 5, 2, 3
# NB: read as text and looked up here, because each of thousands of rows would be looked up with more ado.
KINDS = {kind.value: kind for kind in MeterType}
# In the place of sums that nobody reads: to add up takes most of the time.
NOTHING: Any = literal_column("0")


@dataclass(frozen=True, slots=True)
class Source:
    """The tables of one statistic, by whose region they go, those by region alone, of tens of days and of quarters."""

    day: Any
    month: Any
    by: By
    points: bool
    region_day: Any = None
    region_month: Any = None
    ten: Any = None
    quarter: Any = None


SALES = Source(SaleDay, SaleMonth, By.POINT_REGION, True, RegionDay, RegionMonth, SaleTen, SaleQuarter)
# The same for whoever goes by vending point: an operator reads the own one's rows alone.
RECORDS = Source(SaleDay, SaleMonth, By.VENDING_POINT, True, RegionDay, RegionMonth, SaleTen, SaleQuarter)
PURCHASES = Source(PurchaseDay, PurchaseMonth, By.CONSUMER_REGION, points=False)


# A table of sums, its column of days, and the condition under which it is read.
Part = tuple[Any, Any, ColumnElement[bool]]


class Fact(NamedTuple):
    """Sums under one key; what was not asked for is None.  Money in minor units, units in tenths.

    Of the sums energy is 0, and units are where money is shown: nobody reads them.

    `day` is the first one of what was added up; `region_id` that of the level asked for.  A tuple, because there are
    thousands of them.
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
    long, taken = ([], []) if time & {"day", "week"} else load.long(period, apart=bool(time))
    spans = [Period(*span) for span in between(period, taken)]
    if time:
        load.read(long, apart=True)
        for span in spans:
            load.days(span, time)
    else:
        load.read([*long, *load.parts(spans, apart=False)], apart=False)
    return load.found()


def _closed(asked: Asked, table: Any, column: Any, period: Period) -> list[date]:
    """The closed days, or first days of what else is closed, that lie in the period."""
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
        # By the first day of what was added up, unless the key says it.
        self.sums: dict[date | None, dict[tuple[Any, ...], tuple[int, ...]]] = {}
        # Nobody reads what is energy: statistics reckon it from the others (`statistics.answer`).
        self.unread = {"energy", "units"} if asked.question.show == "money" else {"energy"}

    def long(self, period: Period, *, apart: bool) -> tuple[list[Part], list[tuple[date, date]]]:
        """Closed quarters, unless months are wanted `apart`, and other months; and the days that they are, in order."""
        made: list[Part] = []
        taken: list[tuple[date, date]] = []
        quarter = None if apart or self.by_region else self.source.quarter
        known = [(self.month, "month", MonthSums, next_month)]
        if quarter is not None and period.days >= QUARTER_MIN:
            known.insert(0, (quarter, "first", QuarterSums, next_quarter))
        for table, column, closed, following in known:
            begins = _closed(self.asked, closed, getattr(closed, column), period)
            spans = [(first, following(first) - _DAY) for first in begins]
            spans = [one for one in spans if one[1] <= period.last and not any(a <= one[0] <= b for a, b in taken)]
            if spans:
                first = getattr(table, column)
                made.append((table, first, first.in_([span[0] for span in spans])))
                taken += spans
        return made, sorted(taken)

    def days(self, span: Period, time: frozenset[str]) -> None:
        """What is not in closed months: by day, or piece by piece where each day has rows for many places."""
        if "day" in time or len(time) > 1 or not self.dims:
            self.read(self.parts([span], apart=True), apart=True)
        else:
            [group] = time
            weekday = self.asked.house.first_weekday
            for at in pieces(span, group, weekday):
                part = piece(at, group, span, weekday)
                self.read(self.parts([part], apart=False), apart=False, first=part.first)

    def parts(self, spans: Iterable[Period], *, apart: bool) -> list[Part]:
        """Days from the tables that have fewest rows of them: closed ones by region, or tens by vending point."""
        day, taken, still_open = self.source.day.business_date, [], []
        for span in spans:
            found = self._taken(span, apart=apart)
            taken += found
            still_open += between(span, found)
        made: list[Part] = []
        if taken and self.by_region:
            closed = self.source.region_day
            made.append((closed, closed.business_date, _any(closed.business_date, taken)))
        elif taken:
            tens = self.source.ten
            made.append((tens, tens.first, tens.first.in_([first for first, _last in taken])))
        return [*made, (self.source.day, day, _any(day, still_open))] if still_open else made

    def _taken(self, span: Period, *, apart: bool) -> list[tuple[date, date]]:
        """Of these days those that are added up already, in order."""
        if self.by_region:
            return runs(_closed(self.asked, DaySums, DaySums.business_date, span))
        if self.source.ten is None or apart or span.days < TEN_MIN:
            return []
        tens = ((first, next_ten(first) - _DAY) for first in _closed(self.asked, TenSums, TenSums.first, span))
        return [ten for ten in tens if ten[1] <= span.last]

    def read(self, parts: Iterable[Part], *, apart: bool, first: date | None = None) -> None:
        """Add up what the tables have: by day where it is kept `apart`, else as of `first`, all in one statement."""
        if apart:
            for part in parts:
                self._add(self._statement(part, day=part[1]), first=None, apart=True)
        elif several := [self._statement(part) for part in parts]:
            self._add(several[0] if len(several) == 1 else self._together(several), first=first, apart=False)

    def _statement(self, part: Part, day: Any = None) -> Select[Any]:
        """The sums of one table under its condition, by day if that is given."""
        table, _day, when = part
        point = table.vending_point_id if "point" in self.dims else None
        place = table.region_id if "region" in self.dims else None
        keys = [one for one in (day, point, place) if one is not None]
        if day is not None and self.dims == ["point"]:
            keys.append(table.region_id)  # NB: the order of the index, so that a question too large ends early
        keys += [table.meter_type, table.currency]
        sums = (NOTHING if name in self.unread else _whole(getattr(table, name)) for name in COUNTED)
        statement = select(*_named(day, point, place, table.meter_type, table.currency), *map(_label, COUNTED, sums))
        statement = statement.where(when, *_picked(self.asked.question.picks, table)).group_by(*keys)
        return narrow(statement, self.asked.scope, self.source.by, table)

    def _together(self, several: list[Select[Any]]) -> Select[Any]:
        """The same sums of all these statements: to add them up here would take as long as to find them."""
        found = union_all(*several).subquery("found").c
        keys = [found.point if "point" in self.dims else None, found.place if "region" in self.dims else None]
        keys += [found.kind, found.currency]
        sums = (NOTHING if name in self.unread else _whole(found[name]) for name in COUNTED)
        return select(*_named(None, *keys), *sums).group_by(*(one for one in keys if one is not None))

    def _add(self, statement: Select[Any], *, first: date | None, apart: bool) -> None:
        above = self.above
        # NB: read in parts PostgreSQL plans for the first rows, so only what may be cut off is.
        parts = bool(self.dims and apart)
        options = UNSCOPED | ({"yield_per": CHUNK} if parts else {})
        sums = self.sums.setdefault(None if apart else first, {})
        room = FACTS_MAX + len(sums) - sum(map(len, self.sums.values()))
        # On the session's connection: the session would look at each row once more.
        with self.asked.session.connection().execute(statement, execution_options=options) as found:
            for row in found if parts else found.all():
                key: tuple[Any, ...] = row[:KEY]  # type: ignore[assignment]
                values: tuple[int, ...] = row[KEY:]  # type: ignore[assignment]
                if above is not None:
                    key = (*key[:PLACE], above.get(key[PLACE], key[PLACE]), *key[PLACE + 1 :])
                kept = sums.get(key)
                sums[key] = values if kept is None else tuple(map(add, kept, values))
                if len(sums) > room:
                    raise TooMany(ROWS_MAX)

    def found(self) -> list[Fact]:
        """What was added up."""
        return [
            Fact(day or first, point, place, KINDS[kind], currency, values)
            for first, sums in self.sums.items()
            for (day, point, place, kind, currency), values in sums.items()
        ]


def _named(*key: Any) -> list[Any]:
    """The columns of a key (KEY), each by its name; what is not asked for is NULL."""
    named = [null() if one is None else one for one in key]
    named[KIND] = type_coerce(named[KIND], String)
    return [one.label(name) for name, one in zip(("day", "point", "place", "kind", "currency"), named, strict=True)]


def _label(name: str, column: Any) -> Any:
    return column.label(name)


def _whole(column: Any) -> Any:
    """The sum of a column.

    NB: left alone, PostgreSQL adds whole numbers up to decimals, which cost the reader more than the adding up.
    """
    return cast(func.sum(column), BigInteger)


def _above(asked: Asked, level: str) -> dict[int, int]:
    """For each place the one of the level `level` that it lies in, itself if it is higher."""
    rows = asked.session.execute(select(Region.id, Region.path), execution_options=UNSCOPED)
    return {place: int(path.strip("/").split("/")[: LEVELS[level]][-1]) for place, path in rows}


def _any(column: Any, spans: list[tuple[date, date]]) -> ColumnElement[bool]:
    """Days within these spans.  NB: SQLite looks rows up for each OR, and sorts them; not for days by their names."""
    if len(spans) == 1 or sum((last - first).days + 1 for first, last in spans) > NAMED_DAYS_MAX:
        return or_(*(column.between(first, last) for first, last in spans))
    return column.in_([first + at * _DAY for first, last in spans for at in range((last - first).days + 1)])  # type: ignore[no-any-return]


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
    """What of a period lies outside these spans, which are in order and within it.

    >>> between(Period(date(2026, 1, 20), date(2026, 4, 2)), [(date(2026, 2, 1), date(2026, 3, 31))])
    [(datetime.date(2026, 1, 20), datetime.date(2026, 1, 31)), (datetime.date(2026, 4, 1), datetime.date(2026, 4, 2))]
    """
    spans, at = [], period.first
    for first, last in taken:
        if at < first:
            spans.append((at, first - _DAY))
        at = last + _DAY
    return [*spans, (at, period.last)] if at <= period.last else spans


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
