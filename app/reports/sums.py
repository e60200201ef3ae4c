"""Load of the statistics: sums of days and of closed months, added up in the database by what is asked for.

The summaries are kept in the sale's own transaction and recounted by `flask ledger check`; nothing
here reads a sale.  Rows are narrowed by the region, as P1 and P6 want it even for an operator.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import Select, func, select

from app.access.scope import By, narrow
from app.domain.states import MeterType
from app.models import PurchaseDay, SaleDay
from app.reports.names import UNSCOPED
from app.reports.period import Period
from app.reports.report import Asked

COUNTED = ("sales", "reversals", "amount", "units", "energy", "fees", "taxes")
LEVELS = {"country": 1, "province": 2, "region": 99}


@dataclass(frozen=True, slots=True)
class Source:
    """The two tables of one statistic, and by whose region they go."""

    day: Any
    by: By
    points: bool


SALES = Source(SaleDay, By.POINT_REGION, points=True)
PURCHASES = Source(PurchaseDay, By.CONSUMER_REGION, points=False)


@dataclass(frozen=True, slots=True)
class Fact:
    """Sums under one key; what was not asked for is None.  Money in minor units, units in tenths."""

    day: date | None
    point_id: int | None
    region_id: int | None
    meter_type: MeterType
    currency: str
    sums: tuple[int, ...]


def facts(asked: Asked, source: Source, period: Period, dims: Iterable[str]) -> list[Fact]:
    """Every sum of the period by `dims` (day, point, region), kind of meter and currency."""
    wanted = frozenset(dims)
    rows = asked.session.execute(_statement(asked, source, period, wanted), execution_options=UNSCOPED)
    return list(_read(rows, wanted))


def _statement(asked: Asked, source: Source, period: Period, dims: frozenset[str]) -> Select[Any]:
    table = source.day
    columns = {"day": table.business_date, "region": table.region_id}
    if source.points:
        columns["point"] = table.vending_point_id
    keys = [columns[name] for name in ("day", "point", "region") if name in dims]
    keys += [table.meter_type, table.currency]
    statement = (
        select(*keys, *(func.sum(getattr(table, name)) for name in COUNTED))
        .where(table.business_date.between(period.first, period.last), *_picked(asked.question.picks, table))
        .group_by(*keys)
    )
    return narrow(statement, asked.scope, source.by, table)


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
