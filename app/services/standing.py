"""How a meter stands today: may it buy, which step is it on, what is due, under which key.

The same facts as a purchase reads, but nothing is priced or stored: each part is told as far as it is
known, so that the page of a meter that cannot buy still says why and what it owes.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from fractions import Fraction

from sqlalchemy.orm import Session

from app.access.scope import Scope
from app.domain.errors import MeterWithoutCapacity, Refusal
from app.domain.money import Currency
from app.domain.plan import FeeState, Plan
from app.domain.states import UNIT, ChargeMethod, StepPeriod
from app.models import Meter
from app.models.base import now
from app.services.desk import Place, read_desk, require_buyable
from app.services.facts import purchase_facts
from app.services.meter_keys import HeldKey, held_key
from app.services.plans import plan_by_mark, plan_for_meter


@dataclass(frozen=True, slots=True)
class Due:
    """One fixed fee: how many periods are due, and the exact money (major units), carried money included."""

    name: str
    method: ChargeMethod
    periods: int
    amount: Fraction


@dataclass(frozen=True, slots=True)
class Stepping:
    """Where a meter is on its steps: tenths bought in the period, the step, where the next one begins."""

    period: StepPeriod
    units: int
    step: int | None
    steps: int
    price: Fraction | None
    next_at: int | None


@dataclass(frozen=True, slots=True)
class Standing:
    """What a meter's page says beside the row itself.

    `why` is the refusal that a purchase would meet now.  Money owed is in minor units.
    """

    why: Refusal | None
    currency: Currency
    unit: str
    plan: str | None
    stepping: Stepping | None
    due: tuple[Due, ...]
    debt_minor: int
    key: HeldKey | None


def standing(
    session: Session,
    meter: Meter,
    scope: Scope,
    ahead: timedelta,
    instant: datetime | None = None,
) -> Standing:
    """How a meter of the reader's stands.  Raises UnknownMeter."""
    at = instant or now()
    desk = read_desk(session, meter.meter_number, Place(), at, ahead)
    why: Refusal | None = None
    try:
        require_buyable(desk, scope, at)
    except Refusal as refusal:
        why = refusal
    plan: Plan | None = None
    if desk.plan is not None:
        try:
            plan = plan_for_meter(session, desk.plan, desk.meter)
        except MeterWithoutCapacity as refusal:
            why, plan = why or refusal, plan_by_mark(session, desk.plan)
    stepping: Stepping | None = None
    due: tuple[Due, ...] = ()
    if plan is not None:
        history = purchase_facts(session, desk, plan).history
        stepping = _stepping(plan, history.units_before)
        due = tuple(
            _due(fee.name, fee.method, fee.amount * fee.times, history.fees[fee.code])
            for fee in plan.all_fees
            if fee.code in history.fees and not fee.per_capacity
        )
    key = held_key(session, meter.sgc, meter.krn, meter.algorithm)
    return Standing(
        why=why, currency=desk.currency, unit=UNIT[meter.meter_type], plan=None if plan is None else plan.name,
        stepping=stepping, due=tuple(one for one in due if one.amount),
        debt_minor=desk.consumer.debt_minor if desk.consumer else 0, key=key,
    )  # fmt: skip


def _stepping(plan: Plan, units_before: int | Fraction) -> Stepping:
    units = int(units_before)
    # A lifeline is chosen by the month's total, scaled and added steps move with the months: no step is named.
    if plan.by_total or plan.step_scale_days or plan.lifeline_adds_up or not plan.steps:
        return Stepping(plan.step_period, units, None, len(plan.steps), None, None)
    reached = [number for number, step in enumerate(plan.steps, start=1) if step.start <= units]
    step = reached[-1] if reached else 1
    ahead = [int(one.start) for one in plan.steps if one.start > units]
    return Stepping(
        plan.step_period, units, step, len(plan.steps), plan.steps[step - 1].price, ahead[0] if ahead else None
    )


def _due(name: str, method: ChargeMethod, amount: Fraction, state: FeeState) -> Due:
    return Due(name, method, state.periods_due, state.periods_due * amount + state.carried)
