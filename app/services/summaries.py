"""The daily sums, raised in the sale's own transaction."""

from __future__ import annotations

from datetime import date, timedelta
from functools import cache
from typing import Any

from sqlalchemy import bindparam
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from app.db import prepared
from app.domain.calendar import month_start, quarter_start, ten_start
from app.domain.quote import LineKind
from app.models import DaySums, MonthSums, PurchaseDay, QuarterSums, SaleDay, TenSums
from app.models.base import now
from app.models.summaries import COUNTED
from app.services.reserved import Reserved

ENERGY = frozenset({LineKind.STEP.value})
FEES = frozenset({LineKind.FEE.value, LineKind.ARREARS.value, LineKind.CHANNEL.value})
TAXES = frozenset({LineKind.TAX.value})
# No zone is further from UTC; days, tens, months and quarters are closed later than this (month_sums.GRACE).
LATE = timedelta(days=1)


def sums_of(sale: Reserved, carried_units: int, *, reversal: bool = False) -> dict[str, int]:
    """What one issued sale adds to its day, or a reversal takes from its own (`carried_units` below zero)."""
    sign = -1 if reversal else 1

    def of(kinds: frozenset[str]) -> int:
        return sign * sum(amount for kind, _code, amount in sale.lines if kind in kinds)

    return {
        "sales": 0 if reversal else 1,
        "reversals": 1 if reversal else 0,
        "amount": sign * sale.amount,
        "units": carried_units,
        "energy": of(ENERGY),
        "fees": of(FEES),
        "taxes": of(TAXES),
    }


def add(session: Session, sale: Reserved, carried_units: int, *, reversal: bool = False) -> None:
    """Raise `sale_day`, then `purchase_day` (in this order, always)."""
    sums = sums_of(sale, carried_units, reversal=reversal)
    shared = {"business_date": sale.business_date, "meter_type": sale.meter_type, "currency": sale.currency}
    _raise(
        session,
        SaleDay,
        {**shared, "vending_point_id": sale.vending_point_id, "region_id": sale.point_region_id},
        sums,
    )
    _raise(session, PurchaseDay, {**shared, "region_id": sale.consumer_region_id}, sums)
    late = (now() - LATE).date()
    if sale.business_date < late:  # its day may be closed, and its ten, month and quarter (day_sums, month_sums)
        mark_day(session, sale.business_date, closed=False)
        for start, mark in ((ten_start, mark_ten), (month_start, mark_month), (quarter_start, mark_quarter)):
            if (first := start(sale.business_date)) < start(late):
                mark(session, first, closed=False)


def mark_day(session: Session, day: date, *, closed: bool) -> None:
    """Say whether `region_day` has a day's sums; the row holds off whoever says otherwise meanwhile."""
    _mark(session, DaySums, "business_date", day, closed=closed)


def mark_ten(session: Session, first: date, *, closed: bool) -> None:
    """Say whether `sale_ten` has the sums of ten days; the row holds off whoever says otherwise meanwhile."""
    _mark(session, TenSums, "first", first, closed=closed)


def mark_month(session: Session, month: date, *, closed: bool) -> None:
    """Say whether a month's sums of the month are right; the row holds off whoever says otherwise meanwhile."""
    _mark(session, MonthSums, "month", month, closed=closed)


def mark_quarter(session: Session, first: date, *, closed: bool) -> None:
    """Say whether `sale_quarter` has the sums of a quarter; the row holds off whoever says otherwise meanwhile."""
    _mark(session, QuarterSums, "first", first, closed=closed)


def _mark(session: Session, table: Any, key: str, value: date, *, closed: bool) -> None:
    build: Any = postgresql.insert if session.get_bind().dialect.name == "postgresql" else sqlite.insert
    told = build(table).values({key: value, "closed": closed})
    session.execute(told.on_conflict_do_update(index_elements=[key], set_={"closed": closed}))


def _raise(session: Session, table: Any, key: dict[str, Any], sums: dict[str, int]) -> None:
    statement = _upsert(session.get_bind().dialect.name, table, tuple(key))
    session.execute(statement, {**key, **sums})


@cache
def _upsert(dialect: str, table: Any, key: tuple[str, ...]) -> Any:
    """Insert the day or add to it; built once, because building costs more than running."""
    build: Any = postgresql.insert if dialect == "postgresql" else sqlite.insert
    columns = table.__table__.c
    upsert = build(table).values(
        {name: bindparam(name, type_=columns[name].type) for name in (*key, *COUNTED)}
    )
    raised = {name: columns[name] + upsert.excluded[name] for name in COUNTED}
    return prepared(upsert.on_conflict_do_update(index_elements=list(key), set_=raised), dialect)
