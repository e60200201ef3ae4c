"""From the tables of a tariff plan to the plain `Plan` that prices are made with.

A compiled plan is kept per process under its mark: id, version and moment of making.  The
version rises with every change of the plan or of one of its rows, and no other plan, of a
restored database for instance, was made at that moment: so a stale copy is never used.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from fractions import Fraction
from functools import cache
from typing import Any

from sqlalchemy import Select, bindparam, case, select
from sqlalchemy.orm import Session, selectinload

from app.domain.errors import MeterWithoutCapacity
from app.domain.money import Mode, Rounding
from app.domain.plan import ENERGY, Charge, Fee, Fine, Levy, Plan, Schedule, Step, Tax
from app.domain.plan_check import Fault, faults
from app.domain.states import UNIT, MeterType
from app.models import Meter, Tariff, TariffFee, TariffPlan

FIXED_FEE = "fixed_fee"
STEP_TAX = "step"  # with the step's number: the tax that a step states itself
NO_ROUNDING = "none"
CACHE_MAX = 512
# Id, version, and when it was made.
PlanMark = tuple[int, int, datetime]
# The plan by its mark (None), and what it is for a meter of this capacity.
_compiled: dict[tuple[PlanMark, Fraction | None], Plan] = {}


def plan_by_mark(session: Session, mark: PlanMark) -> Plan:
    """The compiled plan of this mark, from the process's store or from the tables."""
    known = _compiled.get((mark, None))
    if known is None:
        options = [
            selectinload(getattr(TariffPlan, part)) for part in ("steps", "fines", "fees", "taxes", "levies")
        ]
        row = session.execute(
            select(TariffPlan).where(TariffPlan.id == mark[0]).options(*options),
            execution_options={"unscoped": True},
        ).scalar_one()
        meter_type = session.get_one(Tariff, row.tariff_id).meter_type
        known = _keep((mark, None), compile_plan(row, meter_type))
    return known


def plan_for_meter(session: Session, mark: PlanMark, meter: Meter) -> Plan:
    """The plan as it is for this meter, whose capacity may multiply fees.

    Raises MeterWithoutCapacity when it does and is not known, or is stated in another unit.
    """
    plan = plan_by_mark(session, mark)
    if not plan.capacity_fees:
        return plan
    capacity = capacity_of(meter, plan)
    key = (mark, capacity)
    return _compiled.get(key) or _keep(key, plan.with_capacity(capacity))


def capacity_of(meter: Meter, plan: Plan) -> Fraction:
    """The meter's capacity as the fees of the plan ask for it; 0 where none does.

    Raises MeterWithoutCapacity when it is not known, or is stated in another unit.
    """
    capacity = _exact(meter.capacity)
    for fee in plan.capacity_fees:
        if capacity is None or len({fee.capacity_unit, meter.capacity_unit} - {None}) > 1:
            raise MeterWithoutCapacity(unit=fee.capacity_unit)
    return capacity or Fraction(0)


def _keep(key: tuple[PlanMark, Fraction | None], plan: Plan) -> Plan:
    if len(_compiled) >= CACHE_MAX:
        _compiled.clear()
    _compiled[key] = plan
    return plan


def fees_since(session: Session, tariff_id: int | None, plan_id: int | None) -> dict[str, datetime]:
    """Since when each fee of a plan has been in the price list without a break, by its code."""
    found = session.execute(_fee_lists(), {"tariff_id": tariff_id}, execution_options={"unscoped": True})
    listed: dict[int, tuple[datetime, set[str]]] = {}  # the price lists come first, then what lies below them
    for row_id, parent_id, begins, fixed, code in found:
        if parent_id is None:
            listed.setdefault(row_id, (begins, set()))
        _begins, codes_of_list = listed.get(parent_id or row_id, (begins, set()))
        codes_of_list.update([FIXED_FEE] if fixed else [], [] if code is None else [code])
    since: dict[str, datetime] = {}
    running: set[str] | None = None
    for row_id, (begins, listed_codes) in listed.items():
        if running is None and row_id != plan_id:
            continue  # a plan that has not begun
        running = listed_codes if running is None else running & listed_codes
        if not running:
            break
        since.update(dict.fromkeys(running, begins))
    return since


@cache
def _fee_lists() -> Select[Any]:
    """Every fee of every price list of a tariff and of the schedules below it, the newest list first."""
    plan, fee = TariffPlan.__table__.c, TariffFee.__table__.c
    return (
        select(plan.id, plan.parent_id, plan.effective_from, plan.fixed_fee != 0, fee.code)
        .outerjoin(TariffFee.__table__, (fee.plan_id == plan.id) & (fee.amount != 0))
        .where(plan.tariff_id == bindparam("tariff_id"))
        .order_by(case((plan.parent_id.is_(None), 0), else_=1), plan.effective_from.desc())
    )


def adds_up_since(session: Session, tariff_id: int | None, plan_id: int | None) -> datetime | None:
    """Since when unused first steps add up under the tariff without a break, up to this plan."""
    since, running = None, False
    for row in session.execute(_listed(tariff_id), execution_options={"unscoped": True}).scalars():
        running = running or row.id == plan_id
        if running and not row.lifeline_adds_up:
            break
        if running:
            since = row.effective_from
    return since


def _listed(tariff_id: int | None) -> Select[tuple[TariffPlan]]:
    """The price lists of a tariff, the newest first."""
    return (
        select(TariffPlan)
        .where(TariffPlan.tariff_id == tariff_id, TariffPlan.parent_id.is_(None))
        .order_by(TariffPlan.effective_from.desc())
    )


def compile_plan(row: TariffPlan, meter_type: MeterType) -> Plan:
    """Translate one plan; a step's own tax rate becomes a tax of that step.

    The row need not be in a session: what is not set counts as its column's default.
    """
    return replace(
        _unrounded(row, meter_type, compile_plan),
        unit_rounding=_rounding(_of(row, "unit_rounding"), _of(row, "unit_quantum")),
        money_rounding=_rounding(row.money_rounding or NO_ROUNDING, row.money_quantum),
    )


def faults_of(row: TariffPlan, meter_type: MeterType) -> tuple[Fault, ...]:
    """Every fault of a plan as it stands in its tables or in a form, told at the row of its list.

    Rows are counted as in `row.steps`, `row.fines`, `row.fees` (channel fees too: where is fee),
    `row.levies`, `row.taxes` (a step's own rate: where is step) and `row.schedules`.
    """
    plan = _unrounded(row, meter_type, _bare)
    found = [_at_its_row(fault, row) for fault in faults(plan)]
    for number, one in ((None, row), *enumerate(row.schedules)):
        found += [Fault(reason, "plan", None, number) for reason in _rounding_faults(one)]
        if number is not None and one.up_to is None:
            found.append(Fault("without_limit", "schedule", number))
    return tuple(found)


def _at_its_row(fault: Fault, row: TariffPlan) -> Fault:
    """A fault of the translated plan, with the place it has in the tables."""
    owner = row if fault.schedule is None else row.schedules[fault.schedule]
    if fault.row is None:
        return fault
    if fault.where == "tax":
        taxed = [number for number, step in enumerate(owner.steps) if step.tax_rate]
        if fault.row < len(taxed):
            return replace(fault, where="step", row=taxed[fault.row])
        return replace(fault, row=fault.row - len(taxed))
    if fault.where in ("fee", "first"):
        places = [place for place, fee in enumerate(owner.fees) if bool(fee.first) == (fault.where == "first")]
        if fault.where == "fee" and owner.fixed_fee:
            places.insert(0, -1)
        place = places[fault.row]
        return replace(fault, where="plan", row=None) if place < 0 else replace(fault, where="fee", row=place)
    return fault


def _rounding_faults(row: TariffPlan) -> Iterator[str]:
    if (row.money_rounding is None) != (row.money_quantum is None):
        yield "money_rounding_incomplete"
    modes = (_of(row, "unit_rounding"), row.money_rounding or NO_ROUNDING)
    if any(mode != NO_ROUNDING and mode not in set(Mode) for mode in modes):
        yield "unknown_rounding"
    if any(quantum is not None and quantum <= 0 for quantum in (row.unit_quantum, row.money_quantum)):
        yield "quantum_not_positive"


def _bare(row: TariffPlan, meter_type: MeterType) -> Plan:
    return _unrounded(row, meter_type, _bare)


def _unrounded(row: TariffPlan, meter_type: MeterType, below: Callable[[TariffPlan, MeterType], Plan]) -> Plan:
    """The plan but for its roundings; `below` translates its schedules."""
    named = tuple(
        Tax(t.code, t.name or "", exact(t.rate), codes(_of(t, "bases")), of_gross=bool(t.of_gross))
        for t in row.taxes
    )
    own_steps, own_taxes = _steps(row, tuple(t.code for t in named))
    return Plan(
        id=row.id,
        name=row.name or "",
        unit=UNIT[meter_type],
        steps=own_steps,
        steps_end=row.steps_end,
        step_period=_of(row, "step_period"),
        step_scale_days=row.step_scale_days,
        fines=tuple(Fine(f.start, exact(f.fine)) for f in row.fines),
        fines_end=row.fines_end,
        fines_taxed=bool(row.fines_taxed),
        fees=_fees(row),
        fee_recovery=_of(row, "fee_recovery"),
        fee_cap_share=_exact(row.fee_cap_share),
        fee_cap_unit=_exact(row.fee_cap_unit),
        taxes=own_taxes + named,
        levies=tuple(Levy(levy.code, levy.name or "", exact(levy.price)) for levy in row.levies),
        fees_first=tuple(
            Charge(f.code, f.name or "", exact(f.amount) * exact(_of(f, "times"))) for f in row.fees if f.first
        ),
        by_total=tuple(Schedule(s.up_to, below(s, meter_type)) for s in row.schedules),
        tax_inclusive=bool(row.tax_inclusive),
        lifeline_adds_up=bool(row.lifeline_adds_up),
        debt_share=_exact(row.debt_share),
    )


def _fees(row: TariffPlan) -> tuple[Fee, ...]:
    """The fee of the simple form first, then the others in their order."""
    fees = [
        Fee(
            f.code, f.name or "", exact(f.amount), f.method, exact(_of(f, "times")),
            bool(f.per_capacity), f.capacity_unit,
        )
        for f in row.fees
        if not f.first
    ]  # fmt: skip
    if row.fixed_fee:
        fees.insert(0, Fee(FIXED_FEE, "", exact(row.fixed_fee), _of(row, "fixed_method")))
    return tuple(fees)


def _steps(row: TariffPlan, named: tuple[str, ...]) -> tuple[tuple[Step, ...], tuple[Tax, ...]]:
    steps, taxes = [], []
    for number, step in enumerate(row.steps, start=1):
        chosen = named if step.taxes is None else codes(step.taxes)
        if step.tax_rate:
            code = f"{STEP_TAX}{number}"
            taxes.append(Tax(code, "", exact(step.tax_rate), (ENERGY,)))
            chosen = (*chosen, code)
        steps.append(Step(step.start, exact(step.price), chosen))
    return tuple(steps), tuple(taxes)


def _rounding(mode: str, quantum: Decimal | None) -> Rounding | None:
    return None if mode == NO_ROUNDING or quantum is None else Rounding(Mode(mode), exact(quantum))


def _of(row: Any, name: str) -> Any:
    """The value of a column; of a row that was not written yet, its default where it has none."""
    value = getattr(row, name)
    return row.__table__.c[name].default.arg if value is None else value


def codes(text: str) -> tuple[str, ...]:
    """The codes of a comma separated list; an empty text is none.

    >>> codes("energy,fixed"), codes("")
    (('energy', 'fixed'), ())
    """
    return tuple(part for part in (word.strip() for word in text.split(",")) if part)


def exact(value: Decimal | int) -> Fraction:
    """The stored decimal as a Fraction, without a detour over floats."""
    return Fraction(value)


def _exact(value: Decimal | None) -> Fraction | None:
    return None if value is None else Fraction(value)
