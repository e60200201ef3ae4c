"""Closed days: the sums of their vending points added up by region, so that most of P1 reads a tenth of the rows.

As with months (`month_sums`): the worker closes a day some days after it, a sale that is booked into it after
all opens it again in its own transaction, and reports read an open day's vending points.  `flask ledger check`
compares.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any

from sqlalchemy import delete, func, insert, select
from sqlalchemy.orm import Session

from app.db import transaction
from app.domain.calendar import month_start, next_month
from app.extensions import db
from app.models import DaySums, RegionDay, SaleDay
from app.models.summaries import COUNTED
from app.services.differences import Difference, sums_in_words
from app.services.month_sums import GRACE
from app.services.summaries import mark_day

KEY = ("business_date", "region_id", "meter_type", "currency")
_DAY = timedelta(days=1)


def close_days(today: date) -> list[date]:
    """Close every day that is over long enough and not closed, one transaction each; which they were."""
    session = db.session()
    last = today - GRACE
    closed = select(DaySums.business_date).where(DaySums.closed)
    open_days = list(
        session.scalars(
            select(SaleDay.business_date).distinct()
            .where(SaleDay.business_date < last, SaleDay.business_date.not_in(closed))
            .order_by(SaleDay.business_date)
        )
    )  # fmt: skip
    session.rollback()
    for day in open_days:
        _close(day)
    return open_days


def _close(day: date) -> None:
    with transaction() as session:
        mark_day(session, day, closed=True)
        session.execute(delete(RegionDay).where(RegionDay.business_date == day))
        added_up = _added_up(SaleDay.business_date == day)
        session.execute(insert(RegionDay.__table__).from_select([*KEY, *COUNTED], added_up))


def _added_up(when: Any) -> Any:
    columns = [getattr(SaleDay, name) for name in KEY]
    return select(*columns, *(func.sum(getattr(SaleDay, name)) for name in COUNTED)).where(when).group_by(*columns)


def differences(session: Session) -> Iterator[Difference]:
    """Closed days whose sums are not those of their vending points; a month of days at a time."""
    closed = select(DaySums.business_date).where(DaySums.closed)
    first, last = session.execute(
        select(func.min(DaySums.business_date), func.max(DaySums.business_date)).where(DaySums.closed)
    ).one()
    month = month_start(first) if first is not None else None
    while month is not None and month <= last:
        end = next_month(month) - _DAY

        def within(table: Any, span: tuple[date, date] = (month, end)) -> Any:
            return table.business_date.between(*span) & table.business_date.in_(closed)

        counted = _rows(session, _added_up(within(SaleDay)))
        names = [getattr(RegionDay, name) for name in (*KEY, *COUNTED)]
        stored = _rows(session, select(*names).where(within(RegionDay)))
        for where in sorted(counted.keys() | stored.keys(), key=str):
            if counted.get(where) != stored.get(where):
                named = ", ".join(str(getattr(part, "value", part)) for part in where)
                sums = {"stored": sums_in_words(stored.get(where)), "counted": sums_in_words(counted.get(where))}
                yield Difference("day", "region", where[1], {"table": "region_day", "where": named} | sums)
        month = next_month(month)


def _rows(session: Session, statement: Any) -> dict[tuple[Any, ...], tuple[int, ...]]:
    size = len(KEY)
    return {tuple(row[:size]): tuple(int(one) for one in row[size:]) for row in session.execute(statement)}
