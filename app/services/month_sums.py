"""Closed tens of days, months and quarters: sums of their days added up once more, so that years are read from few.

A month is closed some days after its end, by the worker.  A sale that is booked into it after all opens it
again in its own transaction (`summaries.add`); until it is closed anew, reports read its days.  Both begin
with the month's own row, so that neither can miss the other.  So it is with tens of days (the 1st to 10th, to 20th
and to the end of each month) and with quarters, which are kept by vending point alone.  `flask ledger check` compares.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from sqlalchemy import Date, delete, func, insert, literal, select
from sqlalchemy.orm import Session

from app.db import transaction
from app.domain.calendar import (
    month_start,
    next_month,
    next_quarter,
    next_ten,
    quarter_start,
    ten_start,
)
from app.extensions import db
from app.models import (
    MonthSums,
    PurchaseDay,
    PurchaseMonth,
    QuarterSums,
    RegionMonth,
    SaleDay,
    SaleMonth,
    SaleQuarter,
    SaleTen,
    TenSums,
)
from app.models.summaries import COUNTED
from app.services.differences import Difference, sums_in_words
from app.services.summaries import mark_month, mark_quarter, mark_ten

# So long after its end a month may still get sales that were reserved in it.
GRACE = timedelta(days=3)
BY_REGION = ("region_id", "meter_type", "currency")
BY_POINT = ("vending_point_id", *BY_REGION)


@dataclass(frozen=True, slots=True)
class Piece:
    """What days are added up to: the column of its first day, where it says whether it is closed, and its tables.

    Each of `tables` is that of the days, that of the sums, and by what they are added up.
    """

    column: str
    closed: Any
    mark: Callable[..., None]
    start: Callable[[date], date]
    following: Callable[[date], date]
    tables: tuple[tuple[Any, Any, tuple[str, ...]], ...]

    @property
    def first(self) -> Any:
        """The column that says which piece is closed."""
        return getattr(self.closed, self.column)


MONTHS = Piece(
    "month", MonthSums, mark_month, month_start, next_month,
    ((SaleDay, SaleMonth, BY_POINT), (SaleDay, RegionMonth, BY_REGION), (PurchaseDay, PurchaseMonth, BY_REGION)),
)  # fmt: skip
TENS = Piece("first", TenSums, mark_ten, ten_start, next_ten, ((SaleDay, SaleTen, BY_POINT),))
QUARTERS = Piece(
    "first", QuarterSums, mark_quarter, quarter_start, next_quarter, ((SaleDay, SaleQuarter, BY_POINT),)
)


def close_months(today: date) -> list[date]:
    """Close every month that is over and not closed, one transaction each; which they were."""
    return _close_all(MONTHS, today)


def close_tens(today: date) -> list[date]:
    """Close every ten of days that is over and not closed, one transaction each; which they were."""
    return _close_all(TENS, today)


def close_quarters(today: date) -> list[date]:
    """Close every quarter that is over and not closed, one transaction each; which they were."""
    return _close_all(QUARTERS, today)


def _close_all(piece: Piece, today: date) -> list[date]:
    session = db.session()
    first = session.scalar(select(func.min(SaleDay.business_date)))
    closed = set(session.scalars(select(piece.first).where(piece.closed.closed)))
    session.rollback()
    done = []
    at = piece.start(first) if first is not None else today
    while at < piece.start(today - GRACE):
        if at not in closed:
            _close(piece, at)
            done.append(at)
        at = piece.following(at)
    return done


def _close(piece: Piece, first: date) -> None:
    with transaction() as session:
        piece.mark(session, first, closed=True)
        for days, sums, key in piece.tables:
            session.execute(delete(sums).where(getattr(sums, piece.column) == first))
            names = [piece.column, *key, *COUNTED]
            session.execute(insert(sums.__table__).from_select(names, _added_up(piece, days, key, first)))


def _added_up(piece: Piece, days: Any, key: tuple[str, ...], first: date) -> Any:
    columns = [getattr(days, name) for name in key]
    return (
        select(literal(first, Date()), *columns, *(func.sum(getattr(days, name)) for name in COUNTED))
        .where(days.business_date >= first, days.business_date < piece.following(first))
        .group_by(*columns)
    )


def differences(session: Session) -> Iterator[Difference]:
    """Closed tens of days, months and quarters whose sums are not those of their days."""
    for piece in (MONTHS, TENS, QUARTERS):
        for first in list(session.scalars(select(piece.first).where(piece.closed.closed).order_by(piece.first))):
            for days, sums, key in piece.tables:
                yield from _compared(session, piece, first, days, sums, key)


def _compared(
    session: Session, piece: Piece, first: date, days: Any, sums: Any, key: tuple[str, ...]
) -> Iterator[Difference]:
    about = "point" if "vending_point_id" in key else "region"
    counted = _rows(session, _added_up(piece, days, key, first), len(key))
    names = [getattr(sums, name) for name in (piece.column, *key, *COUNTED)]
    stored = _rows(session, select(*names).where(names[0] == first), len(key))
    for where in sorted(counted.keys() | stored.keys(), key=str):
        if counted.get(where) != stored.get(where):
            named = ", ".join(str(getattr(part, "value", part)) for part in (first, *where))
            told = {"stored": sums_in_words(stored.get(where)), "counted": sums_in_words(counted.get(where))}
            yield Difference("day", about, where[0], {"table": sums.__tablename__, "where": named} | told)


def _rows(session: Session, statement: Any, size: int) -> dict[tuple[Any, ...], tuple[int, ...]]:
    rows = session.execute(statement)
    return {tuple(row[1 : size + 1]): tuple(int(one) for one in row[size + 1 :]) for row in rows}
