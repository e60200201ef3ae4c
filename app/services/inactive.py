"""How many consumers bought nothing in thirty days, by region and day: counted by the worker once a day.

The count is that of report P8 over the same days.  Against the one of a week before it tells when consumers stop
buying suddenly: a meter type that fails, a vending point that is shut, people who found another way.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from sqlalchemy import case, delete, func, insert, select
from sqlalchemy.orm import Session

from app.access.scope import By, Scope, narrow
from app.db import retried, transaction
from app.domain.states import MeterStatus, SaleKind, SaleStatus
from app.extensions import db
from app.models import Consumer, InactiveDay, Meter, Sale

DAYS, APART = 30, 7
_DAY = timedelta(days=1)
KEPT = timedelta(days=60)
# A quarter more and at least so many: a handful of people is no jump.
LEAST, SHARE = 10, 4
UNSCOPED = {"unscoped": True}


@dataclass(frozen=True, slots=True)
class Inactive:
    """Consumers with a meter, those without a purchase from `first` to `last`, and a week `before` (None: unknown)."""

    first: date
    last: date
    consumers: int
    now: int
    before: int | None

    @property
    def jumped(self) -> bool:
        """Whether suddenly far more bought nothing."""
        if self.before is None:
            return False
        more = self.now - self.before
        return more >= LEAST and more * SHARE >= self.before


def keep_counts(today: date) -> list[date]:
    """Count the thirty days until yesterday and those a week earlier, where that was not done; which it was."""
    session = db.session()
    wanted = [today - _DAY, today - _DAY - timedelta(days=APART)]
    there = set(session.scalars(select(InactiveDay.day).where(InactiveDay.day.in_(wanted)).distinct()))
    session.rollback()
    missing = [day for day in wanted if day not in there]
    for day in missing:
        retried(lambda day=day: _count(day))  # type: ignore[misc]
    return missing


def _count(day: date) -> None:
    def read(session: Session) -> None:
        rows.extend(session.execute(_by_region(day), execution_options=UNSCOPED).all())

    rows: list[Any] = []
    # NB: it is read before the lock that writing takes: it may take seconds.
    with transaction(read) as session:
        session.execute(delete(InactiveDay).where((InactiveDay.day == day) | (InactiveDay.day < day - KEPT)))
        if rows:
            made = [{"day": day, "region_id": row[0], "consumers": row[1], "inactive": row[2]} for row in rows]
            session.execute(insert(InactiveDay), made)


def _by_region(day: date) -> Any:
    """Consumers with a meter in use, and those of them without a standing purchase in thirty days."""
    bought = select(Sale.consumer_id).where(
        Sale.business_date.between(first_of(day), day), Sale.status == SaleStatus.ISSUED,
        Sale.kind == SaleKind.SALE, Sale.consumer_id.is_not(None), ~Sale.undone,
    )  # fmt: skip
    in_use = Meter.status.in_((MeterStatus.INSTALLED, MeterStatus.BLOCKED))
    owners = select(Meter.consumer_id).where(in_use, Meter.consumer_id.is_not(None))
    return (
        select(Consumer.region_id, func.count(), func.sum(case((Consumer.id.in_(bought), 0), else_=1)))
        .where(Consumer.active, Consumer.id.in_(owners))
        .group_by(Consumer.region_id)
    )


def first_of(day: date) -> date:
    """The first of the thirty days that end with `day`."""
    return day - timedelta(days=DAYS - 1)


def of_region(session: Session, scope: Scope, today: date) -> Inactive | None:
    """The newest count of one's own region, of yesterday or the day before; None while there is none."""
    days = [today - n * _DAY for n in (1, 2, 1 + APART, 2 + APART)]
    counted = (
        select(InactiveDay.day, func.sum(InactiveDay.consumers), func.sum(InactiveDay.inactive))
        .where(InactiveDay.day.in_(days))
        .group_by(InactiveDay.day)
    )
    rows = session.execute(narrow(counted, scope, By.CONSUMER_REGION, InactiveDay), execution_options=UNSCOPED)
    found = {day: (int(consumers), int(inactive)) for day, consumers, inactive in rows}
    newest = next((day for day in days[:2] if day in found), None)
    if newest is None:
        return None
    before = found.get(newest - timedelta(days=APART))
    return Inactive(first_of(newest), newest, *found[newest], None if before is None else before[1])
