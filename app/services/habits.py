"""What a meter bought before: its last purchase, its usual size, the sums it likes.

Read unscoped, because a meter's past is the meter's; but money of another counter's sale is never told
(`access.scope`), only units.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from functools import cache, lru_cache
from typing import Any

from sqlalchemy import Date, Select, String, bindparam, case, func, select
from sqlalchemy.orm import Session

from app.access.scope import Scope, criterion
from app.domain.states import MeterType, SaleStatus
from app.models import Consumer, Meter, Sale
from app.services.desk import Desk
from app.services.facts import standing_sales
from app.services.several import one_of, rows_of

# When a meter last bought, and how many tenths.
Last = tuple[datetime, int]
# What a habit is read from, and how many purchases make one.
PAST = timedelta(days=366)
NEWEST = 24
FEWEST = 3
# So many times the largest purchase, or so many times less than the smallest, is worth a question.
FAR_ABOVE = 3
FAR_BELOW = 10


class Size(StrEnum):
    """How a purchase stands to the meter's own past, when it is unusual."""

    LARGE = "large"
    SMALL = "small"


@dataclass(frozen=True, slots=True)
class Habit:
    """The newest purchases of a meter: how many, their smallest and largest tenths, the sums it liked.

    `sums` are minor units of one's own sales in today's currency, the most frequent first.
    """

    count: int = 0
    smallest: int = 0
    largest: int = 0
    sums: tuple[int, ...] = ()

    def unusual(self, units: int) -> Size | None:
        """Whether so many tenths are far from everything this meter bought; None when it bought too seldom."""
        if self.count < FEWEST or not units:
            return None
        if units > self.largest * FAR_ABOVE:
            return Size.LARGE
        return Size.SMALL if units * FAR_BELOW < self.smallest else None


def habit_of(session: Session, desk: Desk, scope: Scope) -> Habit:
    """What the meter at a desk bought in the past year, the newest purchases of it."""
    given = {"meter_id": desk.meter.id, "since": desk.today - PAST, "currency": desk.currency.code}
    rows = session.execute(_past(scope), given, execution_options={"unscoped": True}).all()
    if not rows:
        return Habit()
    units = [int(row[0]) for row in rows]
    sums = Counter(int(row[1]) for row in rows if row[1] is not None)
    return Habit(len(units), min(units), max(units), tuple(minor for minor, _times in sums.most_common()))


@lru_cache(maxsize=256)
def _past(scope: Scope) -> Select[Any]:
    """The statement of one reader, built once: building it costs more than running it."""
    own = criterion(Sale, scope) & (Sale.currency == bindparam("currency", type_=String))
    return (
        select(func.coalesce(Sale.carried_units, Sale.token_units), case((own, Sale.amount)))
        .where(
            Sale.meter_id == bindparam("meter_id"),
            Sale.business_date >= bindparam("since", type_=Date),
            Sale.token_units > 0,
            *standing_sales(),
        )
        .order_by(Sale.id.desc())
        .limit(NEWEST)
    )


@dataclass(frozen=True, slots=True)
class Served:
    """A meter that somebody sold to: when last, for how much (minor units), and to whom."""

    meter_number: str
    meter_type: MeterType
    consumer: str | None
    at: datetime
    amount: int
    decimals: int


def served_last(session: Session, scope: Scope, limit: int) -> list[Served]:
    """The meters that this person served last, each once, as far as they are still theirs to see."""
    if scope.user_id is None:
        return []
    recent = (
        select(Sale.id)
        .where(Sale.operator_id == scope.user_id, criterion(Sale, scope), *standing_sales())
        .order_by(Sale.id.desc())
        .limit(limit * 4)  # some buy twice
    )
    found = (
        select(
            Meter.meter_number, Sale.meter_type, Consumer.name, Sale.reserved_at, Sale.amount, Sale.currency_decimals
        )
        .join(Meter, Meter.id == Sale.meter_id)
        .outerjoin(Consumer, (Consumer.id == Meter.consumer_id) & criterion(Consumer, scope))
        .where(Sale.id.in_(recent), criterion(Meter, scope))
        .order_by(Sale.id.desc())
    )  # fmt: skip
    served: dict[str, Served] = {}
    for row in session.execute(found, execution_options={"unscoped": True}):
        served.setdefault(row.meter_number, Served(*row))
    return list(served.values())[:limit]


def last_purchases(session: Session, meter_ids: Sequence[int]) -> dict[int, Last]:
    """The newest issued sale of each meter that stands, wherever it was made: its moment and its units."""
    return {meter_id: (at, units or 0) for meter_id, at, units in rows_of(session, _last, meter_ids)}


@cache
def _last(length: int) -> Select[Any]:
    newest = (
        select(func.max(Sale.id).label("id"))
        .where(
            one_of(Sale.meter_id, length),
            Sale.status == SaleStatus.ISSUED,
            *standing_sales(),
        )
        .group_by(Sale.meter_id)
        .subquery()
    )
    return select(Sale.meter_id, Sale.reserved_at, Sale.carried_units).join(newest, newest.c.id == Sale.id)
