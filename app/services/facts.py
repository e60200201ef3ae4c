"""What a meter's past means for its next purchase.

The one place where facts are read unscoped: units this month, fees charged, money spent
today.  It returns sums and never rows, so a seller learns nothing of a foreign sale; and
a meter sold at one point is on its second step at the next.  Read after the meter's lock,
in new statements.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from fractions import Fraction
from functools import cache
from typing import Any

from sqlalchemy import Date, Select, bindparam, case, func, select, true
from sqlalchemy.orm import Session

from app.domain.calendar import business_date, days_in_month, periods_due, step_period_start
from app.domain.plan import FeeState, History, Plan
from app.domain.states import ChargeMethod, SaleKind, SaleStatus, StepPeriod
from app.models import Sale, SaleFee
from app.services.desk import Desk
from app.services.plans import exact

STANDING = (SaleStatus.RESERVED, SaleStatus.ISSUED)


# When a meter last bought, and how many tenths.
Last = tuple[datetime, int]


@dataclass(frozen=True, slots=True)
class Facts:
    """The history that prices need, and the money the meter has cost today (minor units)."""

    history: History
    spent_today: int


def purchase_facts(session: Session, desk: Desk, plan: Plan) -> Facts:
    """Sums over the meter's standing sales everywhere; reserved ones count, reversed ones do not."""
    rows = session.execute(
        _statement(),
        {
            "meter_id": desk.meter.id,
            "since": step_period_start(desk.today, plan.step_period),
            "today": desk.today,
        },
        execution_options={"unscoped": True},
    ).all()
    units, spent = int(rows[0][0]), int(rows[0][1])
    charged = [row[2:] for row in rows if row[2] is not None]
    history = History(
        units_before=0 if plan.step_period is StepPeriod.PURCHASE else units,
        fees=_fees(session, desk, plan, charged),
        days_in_month=days_in_month(desk.today),
    )
    return Facts(history, spent)


def _standing() -> list[Any]:
    """A sale that is neither failed nor undone by a reversal."""
    undoing = Sale.__table__.alias()
    undone = select(undoing.c.id).where(undoing.c.reverses_id == Sale.id, undoing.c.status.in_(STANDING))
    return [Sale.status.in_(STANDING), Sale.kind == SaleKind.SALE, ~undone.exists()]


@cache
def _statement() -> Select[Any]:
    """Units of the step period and money of today, beside every fee charged so far.

    Built once: building it costs more than running it.  There is always a first row.
    """
    carried = func.coalesce(Sale.carried_units, Sale.token_units)
    today = bindparam("today", type_=Date)
    sums = (
        select(
            func.coalesce(func.sum(carried), 0).label("units"),
            func.coalesce(func.sum(case((Sale.business_date == today, Sale.amount), else_=0)), 0).label("spent"),
        )
        .where(
            Sale.meter_id == bindparam("meter_id"),
            Sale.business_date >= bindparam("since", type_=Date),
            *_standing(),
        )
        .subquery()
    )
    fees = (
        select(
            SaleFee.code,
            SaleFee.method,
            func.sum(SaleFee.periods).label("periods"),
            func.sum(SaleFee.assessed).label("assessed"),
            func.sum(SaleFee.taken).label("taken"),
            func.max(SaleFee.charged_through).label("charged_through"),
            func.max(case((SaleFee.taken > 0, Sale.business_date))).label("paid_on"),
        )
        .join(Sale, Sale.id == SaleFee.sale_id)
        .where(SaleFee.meter_id == bindparam("meter_id"), *_standing())
        .group_by(SaleFee.code, SaleFee.method)
        .subquery()
    )
    return select(sums, fees).select_from(sums.outerjoin(fees, true()))


def _fees(session: Session, desk: Desk, plan: Plan, rows: list[Any]) -> dict[str, FeeState]:
    """Periods due and money carried, for each fee of the plan."""
    if not plan.all_fees:
        return {}
    today, first_weekday = desk.today, desk.settings.first_weekday
    begun = _counts_from(session, desk)
    states = {}
    for fee in plan.all_fees:
        own = [row for row in rows if row[0] == fee.code]
        charged = sum(int(row[2]) for row in own if row[1] == fee.method)
        carried = sum((exact(row[3]) - exact(row[4]) for row in own), Fraction(0))
        # A fee that once went by another period is counted on from where that one ended.
        earlier = [row[5] for row in own if row[1] != fee.method]
        first = max([begun, *(day + timedelta(days=1) for day in earlier)])
        due = 1 if fee.method is ChargeMethod.PURCHASE else _due(fee.method, first, today, first_weekday)
        left = due if fee.method is ChargeMethod.PURCHASE else max(due - charged, 0)
        paid = max((row[6] for row in own if row[6] is not None), default=None)
        states[fee.code] = FeeState(periods_due=left, carried=carried, paid_on=paid)
    return states


def _due(method: ChargeMethod, first: date, today: date, first_weekday: int) -> int:
    return 0 if first > today else periods_due(method, first, None, today, first_weekday)


def _counts_from(session: Session, desk: Desk) -> date:
    """Fees count from the day of installation, else from the first purchase.

    Never from before the tariff's first plan: there was no fee then.
    """
    installed = desk.meter.installed_on
    if installed is None:
        first_sale = session.execute(
            select(func.min(Sale.business_date)).where(Sale.meter_id == desk.meter.id, *_standing()),
            execution_options={"unscoped": True},
        ).scalar_one()
        return first_sale or desk.today
    if desk.first_plan is None:
        return installed
    return max(installed, business_date(desk.first_plan, desk.settings.time_zone))


def last_purchases(session: Session, meter_ids: list[int]) -> dict[int, Last]:
    """The newest issued sale of each meter, wherever it was made: its moment and its units."""
    if not meter_ids:
        return {}
    newest = (
        select(func.max(Sale.id).label("id"))
        .where(Sale.meter_id.in_(meter_ids), Sale.status == SaleStatus.ISSUED, Sale.kind == SaleKind.SALE)
        .group_by(Sale.meter_id)
        .subquery()
    )
    rows = session.execute(
        select(Sale.meter_id, Sale.reserved_at, Sale.carried_units).join(newest, newest.c.id == Sale.id),
        execution_options={"unscoped": True},
    )
    return {meter_id: (at, units or 0) for meter_id, at, units in rows}
