"""Tariffs and their plans: kept while they have not sold, frozen afterwards.

A plan is written whole, with everything below it, in one transaction; a new tariff with its
first plan, so that none is left without one when somebody gives up half-way.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import exists, func, select
from sqlalchemy.orm import Session

from app.db import transaction
from app.domain.errors import OutOfScope, PlanFrozen, StaleRow
from app.domain.states import MeterType
from app.models import Meter, Sale, Tariff, TariffPlan
from app.services.plan_drafts import PlanDraft, fill, row_of

CHILDREN = ("steps", "fines", "fees", "taxes", "levies", "schedules")


def has_sold(session: Session, plan_id: int) -> bool:
    """Whether a sale stands on the plan.  Read unscoped: a foreign sale freezes it as well."""
    found = session.execute(
        select(Sale.id).where(Sale.plan_id == plan_id).limit(1), execution_options={"unscoped": True}
    )
    return found.first() is not None


def sold_plans(session: Session, tariff: Tariff) -> set[int]:
    """The ids of the tariff's plans that have sold.  Read unscoped."""
    found = select(Sale.plan_id).where(Sale.plan_id.in_([plan.id for plan in tariff.plans])).distinct()
    return set(session.execute(found, execution_options={"unscoped": True}).scalars())


def newest_sale(session: Session, tariff_id: int) -> datetime | None:
    """When the tariff last sold; a new plan must begin after it.  Read unscoped."""
    plans = select(TariffPlan.id).where(TariffPlan.tariff_id == tariff_id)
    return session.execute(
        select(func.max(Sale.reserved_at)).where(Sale.plan_id.in_(plans)), execution_options={"unscoped": True}
    ).scalar_one()


def meters_on(session: Session, tariff_id: int) -> int:
    """How many meters have the tariff, whoever owns them."""
    query = select(func.count()).where(Meter.tariff_id == tariff_id)
    return session.execute(query, execution_options={"unscoped": True}).scalar_one()


def in_use(session: Session) -> set[int]:
    """The ids of every tariff that meters have or that has sold, whoever owns them."""
    sold = exists().where(Sale.plan_id == TariffPlan.id, TariffPlan.tariff_id == Tariff.id)
    used = select(Tariff.id).where(exists().where(Meter.tariff_id == Tariff.id) | sold)
    return set(session.execute(used, execution_options={"unscoped": True}).scalars())


def in_force(plans: list[TariffPlan], instant: datetime) -> TariffPlan | None:
    """The plan that counts then: the last one that has begun."""
    begun = [plan for plan in plans if plan.effective_from <= instant]
    return begun[-1] if begun else None


def add_tariff(name: str, meter_type: MeterType, draft: PlanDraft) -> int:
    """Write a new tariff with its first plan and return the tariff's id."""
    with transaction() as session:
        tariff = Tariff(name=name, meter_type=meter_type)
        session.add(tariff)
        session.flush()
        session.add(row_of(draft, tariff.id))
        return tariff.id


def add_plan(tariff_id: int, draft: PlanDraft) -> int:
    """Write a new plan and return its id.  Raises OutOfScope when the tariff is gone."""
    with transaction() as session:
        if session.get(Tariff, tariff_id) is None:
            raise OutOfScope
        plan = row_of(draft, tariff_id)
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
        for name in CHILDREN:
            getattr(plan, name).clear()
        session.flush()
        fill(plan, draft)


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
