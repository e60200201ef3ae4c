"""Closed months: the sums of their days added up once more, so that a report over years reads months.

A month is closed some days after its end, by the worker.  A sale that is booked into it after all opens it
again in its own transaction (`summaries.add`); until it is closed anew, reports read its days.  Both begin
with the month's own row, so that neither can miss the other.  `flask ledger check` compares.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any

from sqlalchemy import Date, delete, func, insert, literal, select
from sqlalchemy.orm import Session

from app.db import transaction
from app.domain.calendar import month_start, next_month
from app.extensions import db
from app.models import MonthSums, PurchaseDay, PurchaseMonth, RegionMonth, SaleDay, SaleMonth
from app.services.differences import Difference, sums_in_words
from app.services.summaries import COUNTED, mark_month

# So long after its end a month may still get sales that were reserved in it.
GRACE = timedelta(days=3)
TABLES: tuple[tuple[Any, Any, tuple[str, ...]], ...] = (
    (SaleDay, SaleMonth, ("vending_point_id", "region_id", "meter_type", "currency")),
    (SaleDay, RegionMonth, ("region_id", "meter_type", "currency")),
    (PurchaseDay, PurchaseMonth, ("region_id", "meter_type", "currency")),
)


def close_months(today: date) -> list[date]:
    """Close every month that is over and not closed, one transaction each; which they were."""
    session = db.session()
    first = session.scalar(select(func.min(SaleDay.business_date)))
    closed = set(session.scalars(select(MonthSums.month).where(MonthSums.closed)))
    session.rollback()
    done = []
    month = month_start(first) if first is not None else today
    while month < month_start(today - GRACE):
        if month not in closed:
            _close(month)
            done.append(month)
        month = next_month(month)
    return done


def _close(month: date) -> None:
    with transaction() as session:
        mark_month(session, month, closed=True)
        for days, months, key in TABLES:
            session.execute(delete(months).where(months.month == month))
            names = ["month", *key, *COUNTED]
            session.execute(insert(months.__table__).from_select(names, _added_up(days, key, month)))


def _added_up(days: Any, key: tuple[str, ...], month: date) -> Any:
    columns = [getattr(days, name) for name in key]
    return (
        select(literal(month, Date()), *columns, *(func.sum(getattr(days, name)) for name in COUNTED))
        .where(days.business_date >= month, days.business_date < next_month(month))
        .group_by(*columns)
    )


def differences(session: Session) -> Iterator[Difference]:
    """Closed months whose sums are not those of their days."""
    closed = list(session.scalars(select(MonthSums.month).where(MonthSums.closed).order_by(MonthSums.month)))
    for month in closed:
        for days, months, key in TABLES:
            about = "point" if "vending_point_id" in key else "region"
            counted = _rows(session, _added_up(days, key, month), len(key))
            names = [months.month, *(getattr(months, name) for name in (*key, *COUNTED))]
            stored = _rows(session, select(*names).where(months.month == month), len(key))
            for where in sorted(counted.keys() | stored.keys(), key=str):
                if counted.get(where) != stored.get(where):
                    named = ", ".join(str(getattr(part, "value", part)) for part in (month, *where))
                    sums = {"stored": sums_in_words(stored.get(where)), "counted": sums_in_words(counted.get(where))}
                    yield Difference("day", about, where[0], {"table": months.__tablename__, "where": named} | sums)


def _rows(session: Session, statement: Any, size: int) -> dict[tuple[Any, ...], tuple[int, ...]]:
    rows = session.execute(statement)
    return {tuple(row[1 : size + 1]): tuple(int(one) for one in row[size + 1 :]) for row in rows}
