"""From the tables of a tariff plan to the plain `Plan` that prices are made with.

A compiled plan is kept per process under its mark: id, version and moment of making.  The
version rises with every change of the plan or of one of its rows, and no other plan, of a
restored database for instance, was made at that moment: so a stale copy is never used.
"""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from fractions import Fraction

from sqlalchemy import select
from sqlalchemy.orm import Session, selectinload

from app.domain.money import Mode, Rounding
from app.domain.plan import ENERGY, Charge, Fee, Fine, Levy, Plan, Schedule, Step, Tax
from app.domain.states import UNIT, MeterType
from app.models import Tariff, TariffPlan

FIXED_FEE = "fixed_fee"
CACHE_MAX = 512
# Id, version, and when it was made.
PlanMark = tuple[int, int, datetime]
_compiled: dict[PlanMark, Plan] = {}


def plan_by_mark(session: Session, mark: PlanMark) -> Plan:
    """The compiled plan of this mark, from the process's store or from the tables."""
    known = _compiled.get(mark)
    if known is None:
        options = [
            selectinload(getattr(TariffPlan, part)) for part in ("steps", "fines", "fees", "taxes", "levies")
        ]
        row = session.execute(
            select(TariffPlan).where(TariffPlan.id == mark[0]).options(*options),
            execution_options={"unscoped": True},
        ).scalar_one()
        meter_type = session.get_one(Tariff, row.tariff_id).meter_type
        known = compile_plan(row, meter_type)
        if len(_compiled) >= CACHE_MAX:
            _compiled.clear()
        _compiled[mark] = known
    return known


def fees_since(session: Session, tariff_id: int | None, plan_id: int | None) -> dict[str, datetime]:
    """Since when each fee of a plan has been in the price list without a break, by its code."""
    listed = (
        select(TariffPlan)
        .where(TariffPlan.tariff_id == tariff_id, TariffPlan.parent_id.is_(None))
        .order_by(TariffPlan.effective_from.desc())
        .options(selectinload(TariffPlan.fees))
    )
    since: dict[str, datetime] = {}
    running: set[str] | None = None
    for row in session.execute(listed, execution_options={"unscoped": True}).scalars():
        if running is None and row.id != plan_id:
            continue  # a plan that has not begun
        codes = {fee.code for fee in row.fees if fee.amount} | ({FIXED_FEE} if row.fixed_fee else set())
        running = codes if running is None else running & codes
        if not running:
            break
        since.update(dict.fromkeys(running, row.effective_from))
    return since


def compile_plan(row: TariffPlan, meter_type: MeterType) -> Plan:
    """Translate one plan; a step's own tax rate becomes a tax of that step."""
    named = tuple(
        Tax(t.code, t.name, exact(t.rate), tuple(t.bases.split(",")), of_gross=t.of_gross) for t in row.taxes
    )
    own_steps, own_taxes = _steps(row, tuple(t.code for t in named))
    ordinary = [f for f in row.fees if not f.first]
    fees = [Fee(f.code, f.name, exact(f.amount), f.method) for f in ordinary]
    if row.fixed_fee:
        fees.insert(0, Fee(FIXED_FEE, "", exact(row.fixed_fee), row.fixed_method))
    return Plan(
        id=row.id,
        name=row.name,
        unit=UNIT[meter_type],
        steps=own_steps,
        steps_end=row.steps_end,
        step_period=row.step_period,
        step_scale_days=row.step_scale_days,
        fines=tuple(Fine(f.start, exact(f.fine)) for f in row.fines),
        fines_end=row.fines_end,
        fines_taxed=row.fines_taxed,
        fees=tuple(fees),
        fee_recovery=row.fee_recovery,
        fee_cap_share=None if row.fee_cap_share is None else exact(row.fee_cap_share),
        taxes=own_taxes + named,
        levies=tuple(Levy(levy.code, levy.name, exact(levy.price)) for levy in row.levies),
        fees_first=tuple(Charge(f.code, f.name, exact(f.amount)) for f in row.fees if f.first),
        by_total=tuple(Schedule(s.up_to, compile_plan(s, meter_type)) for s in row.schedules),
        tax_inclusive=row.tax_inclusive,
        unit_rounding=Rounding(Mode(row.unit_rounding), exact(row.unit_quantum)),
    )


def _steps(row: TariffPlan, named: tuple[str, ...]) -> tuple[tuple[Step, ...], tuple[Tax, ...]]:
    steps, taxes = [], []
    for number, step in enumerate(row.steps, start=1):
        codes = named
        if step.tax_rate:
            code = f"step{number}"
            taxes.append(Tax(code, "", exact(step.tax_rate), (ENERGY,)))
            codes = (*named, code)
        steps.append(Step(step.start, exact(step.price), codes))
    return tuple(steps), tuple(taxes)


def exact(value: Decimal | int) -> Fraction:
    """The stored decimal as a Fraction, without a detour over floats."""
    return Fraction(value)
