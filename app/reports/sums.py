"""Load of the statistics: sums of days and of closed months, added up in the database by what is asked for.

The summaries are kept in the sale's own transaction and recounted by `flask ledger check`; nothing
here reads a sale.  Rows are narrowed by the region, as P1 and P6 want it even for an operator.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from sqlalchemy import ColumnElement, func, or_, select

from app.access.scope import By, narrow
from app.domain.calendar import next_month
from app.domain.states import MeterType
from app.models import MonthSums, PurchaseDay, PurchaseMonth, SaleDay, SaleMonth
from app.reports.names import UNSCOPED
from app.reports.period import Period
from app.reports.report import Asked

COUNTED = ("sales", "reversals", "amount", "units", "energy", "fees", "taxes")
_DAY = timedelta(days=1)
LEVELS = {"country": 1, "province": 2, "region": 99}


@dataclass(frozen=True, slots=True)
class Source:
    """The two tables of one statistic, and by whose region they go."""

    day: Any
    month: Any
    by: By
    points: bool


SALES = Source(SaleDay, SaleMonth, By.POINT_REGION, points=True)
PURCHASES = Source(PurchaseDay, PurchaseMonth, By.CONSUMER_REGION, points=False)


@dataclass(frozen=True, slots=True)
class Fact:
    """Sums under one key; what was not asked for is None.  Money in minor units, units in tenths."""

    day: date | None
    point_id: int | None
    region_id: int | None
    meter_type: MeterType
    currency: str
    sums: tuple[int, ...]


def facts(asked: Asked, source: Source, period: Period, dims: Iterable[str], *, by_months: bool) -> list[Fact]:
    """Every sum of the period by `dims` (day, point, region), kind of meter and currency.

    With `by_months` whole months that are closed are read as such; their facts stand at their first day.
    """
    wanted = frozenset(dims)
    closed = _closed(asked, period) if by_months else []
    found: list[Fact] = []
    if closed:
        found += _read_all(asked, source, source.month, source.month.month, source.month.month.in_(closed), wanted)
    spans = [source.day.business_date.between(first, last) for first, last in left(period, closed)]
    if spans:
        found += _read_all(asked, source, source.day, source.day.business_date, or_(*spans), wanted)
    return found


def _closed(asked: Asked, period: Period) -> list[date]:
    """The closed months that lie whole in the period."""
    within = MonthSums.month.between(period.first, period.last)
    months = asked.session.scalars(select(MonthSums.month).where(MonthSums.closed, within).order_by(MonthSums.month))
    return [month for month in months if next_month(month) - _DAY <= period.last]


def left(period: Period, closed: list[date]) -> list[tuple[date, date]]:
    """What of a period remains without the months, from day to day.

    >>> left(Period(date(2026, 1, 20), date(2026, 4, 2)), [date(2026, 2, 1), date(2026, 3, 1)])
    [(datetime.date(2026, 1, 20), datetime.date(2026, 1, 31)), (datetime.date(2026, 4, 1), datetime.date(2026, 4, 2))]
    """
    spans, at = [], period.first
    for month in closed:
        if at < month:
            spans.append((at, month - _DAY))
        at = next_month(month)
    return [*spans, (at, period.last)] if at <= period.last else spans


def _read_all(
    asked: Asked, source: Source, table: Any, day: Any, when: ColumnElement[bool], dims: frozenset[str]
) -> list[Fact]:
    columns = {"day": day, "region": table.region_id}
    if source.points:
        columns["point"] = table.vending_point_id
    keys = [columns[name] for name in ("day", "point", "region") if name in dims]
    keys += [table.meter_type, table.currency]
    statement = (
        select(*keys, *(func.sum(getattr(table, name)) for name in COUNTED))
        .where(when, *_picked(asked.question.picks, table))
        .group_by(*keys)
    )
    rows = asked.session.execute(narrow(statement, asked.scope, source.by, table), execution_options=UNSCOPED)
    return list(_read(rows, dims))


def _picked(picks: Mapping[str, Any], table: Any) -> Iterator[Any]:
    if "type" in picks:
        yield table.meter_type == picks["type"]
    if "region" in picks:
        yield picks["region"].inside(table.region_id)
    if "point" in picks:
        yield table.vending_point_id == picks["point"]


def _read(rows: Iterable[Any], dims: frozenset[str]) -> Iterator[Fact]:
    order = [name for name in ("day", "point", "region") if name in dims]
    size = len(order)
    for row in rows:
        key = dict(zip(order, row[:size], strict=True))
        yield Fact(
            day=key.get("day"), point_id=key.get("point"), region_id=key.get("region"), meter_type=row[size],
            currency=row[size + 1], sums=tuple(int(one) for one in row[size + 2 :]),
        )  # fmt: skip


def total(found: Iterable[Fact]) -> dict[str, dict[str, int]]:
    """The sums of each currency by name."""
    sums: dict[str, dict[str, int]] = {}
    for fact in found:
        kept = sums.setdefault(fact.currency, dict.fromkeys(COUNTED, 0))
        for name, value in zip(COUNTED, fact.sums, strict=True):
            kept[name] += value
    return sums
