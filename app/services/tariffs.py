"""Tariff plans: kept while they have not sold, frozen afterwards.

A plan is written whole, with its steps and fines, in one transaction.  What the short form
does not show (further fees, taxes, levies, roundings) is taken over from the plan that the
new one follows, so that nothing is lost by a change of price.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import TypeVar

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.db import transaction
from app.domain.errors import OutOfScope, PlanFrozen, StaleRow
from app.domain.states import ChargeMethod, Recovery, StepPeriod
from app.models import (
    Sale,
    Tariff,
    TariffFee,
    TariffFine,
    TariffLevy,
    TariffPlan,
    TariffStep,
    TariffTax,
)

T = TypeVar("T", TariffFee, TariffTax, TariffLevy)
KEPT = ("step_scale_days", "tax_inclusive", "unit_rounding", "unit_quantum", "debt_share")


@dataclass(frozen=True, slots=True)
class StepDraft:
    """From `start` (tenths) on, a unit costs `price` and is taxed at the share `tax_rate`."""

    start: int
    price: Decimal
    tax_rate: Decimal


@dataclass(frozen=True, slots=True)
class FineDraft:
    """A purchase of more than `start` tenths pays `fine`."""

    start: int
    fine: Decimal


@dataclass(frozen=True, slots=True)
class PlanDraft:
    """A plan as it was typed.  Ends are in tenths; None leaves the last row open."""

    name: str
    effective_from: datetime
    fixed_fee: Decimal
    fixed_method: ChargeMethod
    steps: tuple[StepDraft, ...]
    steps_end: int | None
    fines: tuple[FineDraft, ...] = ()
    fines_end: int | None = None
    step_period: StepPeriod = StepPeriod.MONTH
    fee_recovery: Recovery = Recovery.WHOLE
    fee_cap_share: Decimal | None = None
    fines_taxed: bool = False


def has_sold(session: Session, plan_id: int) -> bool:
    """Whether a sale stands on the plan.  Read unscoped: a foreign sale freezes it as well."""
    found = session.execute(
        select(Sale.id).where(Sale.plan_id == plan_id).limit(1), execution_options={"unscoped": True}
    )
    return found.first() is not None


def newest_sale(session: Session, tariff_id: int) -> datetime | None:
    """When the tariff last sold; a new plan must begin after it.  Read unscoped."""
    plans = select(TariffPlan.id).where(TariffPlan.tariff_id == tariff_id)
    return session.execute(
        select(func.max(Sale.reserved_at)).where(Sale.plan_id.in_(plans)), execution_options={"unscoped": True}
    ).scalar_one()


def add_plan(tariff_id: int, draft: PlanDraft, based_on: int | None = None) -> int:
    """Write a new plan and return its id.  Raises OutOfScope when the tariff is gone."""
    with transaction() as session:
        if session.get(Tariff, tariff_id) is None:
            raise OutOfScope
        plan = TariffPlan(tariff_id=tariff_id)
        _fill(plan, draft)
        source = session.get(TariffPlan, based_on) if based_on is not None else None
        if source is not None and source.tariff_id == tariff_id:
            _take_over(plan, source)
        session.add(plan)
        session.flush()
        return plan.id


def change_plan(plan_id: int, draft: PlanDraft, version: int) -> None:
    """Rewrite a plan that has not sold.  Raises OutOfScope, PlanFrozen, StaleRow."""
    with transaction() as session:
        plan = _unsold(session, plan_id)
        if plan.version != version:
            raise StaleRow
        # NB: the old rows go first; a new row may start where an old one did.
        plan.steps.clear()
        plan.fines.clear()
        session.flush()
        _fill(plan, draft)


def delete_plan(plan_id: int) -> None:
    """Delete a plan that has not sold.  Raises OutOfScope, PlanFrozen."""
    with transaction() as session:
        session.delete(_unsold(session, plan_id))


def _unsold(session: Session, plan_id: int) -> TariffPlan:
    plan = session.get(TariffPlan, plan_id, with_for_update=True)
    if plan is None:
        raise OutOfScope
    if has_sold(session, plan_id):
        raise PlanFrozen
    return plan


def _fill(plan: TariffPlan, draft: PlanDraft) -> None:
    plan.name = draft.name
    plan.effective_from = draft.effective_from
    plan.fixed_fee, plan.fixed_method = draft.fixed_fee, draft.fixed_method
    plan.fee_recovery, plan.fee_cap_share = draft.fee_recovery, draft.fee_cap_share
    plan.step_period, plan.fines_taxed = draft.step_period, draft.fines_taxed
    plan.steps = [TariffStep(start=s.start, price=s.price, tax_rate=s.tax_rate) for s in draft.steps]
    plan.steps_end = draft.steps_end
    plan.fines = [TariffFine(start=f.start, fine=f.fine) for f in draft.fines]
    plan.fines_end = draft.fines_end


def _take_over(plan: TariffPlan, source: TariffPlan) -> None:
    for name in KEPT:
        setattr(plan, name, getattr(source, name))
    plan.fees = [_copy(TariffFee, fee, "amount", "method", "per_capacity", "first") for fee in source.fees]
    plan.taxes = [_copy(TariffTax, tax, "rate", "bases", "of_gross") for tax in source.taxes]
    plan.levies = [_copy(TariffLevy, levy, "price") for levy in source.levies]
    plan.schedules = [_schedule(plan, below) for below in source.schedules]


def _schedule(plan: TariffPlan, source: TariffPlan) -> TariffPlan:
    """A lifeline schedule is a plan below the plan: copied whole, its own steps included."""
    copy = TariffPlan(tariff_id=plan.tariff_id, up_to=source.up_to)
    steps = tuple(StepDraft(s.start, s.price, s.tax_rate) for s in source.steps)
    fines = tuple(FineDraft(f.start, f.fine) for f in source.fines)
    _fill(
        copy,
        PlanDraft(
            source.name, plan.effective_from, source.fixed_fee, source.fixed_method, steps, source.steps_end,
            fines, source.fines_end, source.step_period, source.fee_recovery, source.fee_cap_share,
            source.fines_taxed,
        ),
    )  # fmt: skip
    _take_over(copy, source)
    return copy


def _copy(kind: type[T], row: T, *names: str) -> T:
    return kind(**{name: getattr(row, name) for name in ("position", "code", "name", *names)})
