"""Whether a plan is sound: every contradiction in it, each with the row it stands in.

The page shows them beside the rows; the engine refuses to price what contradicts itself.  What
only the page refuses (POLICY) has a clear price all the same.

>>> [fault.reason for fault in faults(Plan("x", (Step(0, Fraction(1)), Step(0, Fraction(2)))))]
['not_ascending']
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import pairwise
from typing import Final

from app.domain.errors import BadPlan
from app.domain.money import Exact
from app.domain.plan import ENERGY, FINE, FIXED, Fine, Plan, Step
from app.domain.states import CapacityUnit, Recovery, StepPeriod
from app.domain.taxing import gross_taxes, load_energy

FINES_MAX: Final = 5
WHOLE_UNIT: Final = 10
# Against the manual or against sense, but no contradiction: the form refuses it, the engine prices it.
POLICY: Final = frozenset({"too_many", "rate_over_100"})
CAPACITY_UNITS: Final = frozenset(unit.value for unit in CapacityUnit)


@dataclass(frozen=True, slots=True)
class Fault:
    """One contradiction: `reason` is a code, `where` the kind of row, `row` its index from 0.

    `where` is step, fine, fee, first (a channel fee), levy, tax, schedule, or plan for what has no
    row; `schedule` is the index of the lifeline schedule that the row belongs to, None for the
    plan's own rows.
    """

    reason: str
    where: str
    row: int | None = None
    schedule: int | None = None


def faults(plan: Plan) -> tuple[Fault, ...]:
    """All faults of a plan; those of its schedules too, or instead if it has no steps itself."""
    if plan.by_total:
        own = _own_faults(replace(plan, by_total=())) if plan.steps else _of_shares(plan)
        return (*_of_schedules(plan), *own)
    return tuple(_own_faults(plan))


def require_sound(plan: Plan) -> None:
    """Raise BadPlan with the first contradiction, if there is one."""
    for fault in faults(plan):
        if fault.reason not in POLICY:
            raise BadPlan(reason=f"{fault.where}.{fault.reason}")


def range_faults(rows: Sequence[tuple[Exact, Exact | None]], where: str) -> tuple[Fault, ...]:
    """What is wrong with rows that were typed with both their ends (tenths; None: open).

    A row that begins at most one unit after the one before leaves no gap: price lists in whole
    units say "0 to 50, 51 to 200".

    >>> [fault.reason for fault in range_faults([(0, 500), (400, 900), (1000, None)], "step")]
    ['overlap', 'gap']
    """
    found = []
    if where == "step" and rows and rows[0][0] > 0:
        found.append(Fault("first_not_zero", where, 0))
    for row, (start, end) in enumerate(rows):
        if start < 0:
            found.append(Fault("negative_start", where, row))
        if end is not None and end <= start:
            found.append(Fault("end_before_start", where, row))
        if end is None and row < len(rows) - 1:
            found.append(Fault("open_before_last", where, row))
    for row, ((above, end), (start, _)) in enumerate(pairwise(rows), start=1):
        if start <= above:
            found.append(Fault("not_ascending", where, row))
        elif end is not None and start < end:
            found.append(Fault("overlap", where, row))
        elif end is not None and start - end > WHOLE_UNIT:
            found.append(Fault("gap", where, row))
    return tuple(found)


def _own_faults(plan: Plan) -> tuple[Fault, ...]:
    checks = (_of_steps, _of_fines, _of_sums, _of_shares, _of_codes, _of_taxes)
    return tuple(fault for check in checks for fault in check(plan))


def _of_steps(plan: Plan) -> Iterator[Fault]:
    if plan.step_scale_days is not None and plan.step_scale_days <= 0:
        yield Fault("days_not_positive", "step")
    if not plan.steps:
        yield Fault("missing", "step")
        return
    if plan.steps[0].start != 0:
        yield Fault("first_not_zero", "step", 0)
    yield from _of_starts(plan.steps, plan.steps_end, "step")
    if plan.steps_end is None:
        last = plan.steps[-1]
        levied = any(levy.price > 0 for levy in plan.levies)
        if last.price * load_energy(plan, last).total == 0 and not levied:
            yield Fault("free_without_end", "step", len(plan.steps) - 1)


def _of_fines(plan: Plan) -> Iterator[Fault]:
    if len(plan.fines) > FINES_MAX:
        yield Fault("too_many", "fine", FINES_MAX)
    yield from _of_starts(plan.fines, plan.fines_end, "fine")
    for row, (lower, upper) in enumerate(pairwise(plan.fines), start=1):
        if upper.amount < lower.amount:
            yield Fault("falls", "fine", row)


def _of_starts(rows: Sequence[Step | Fine], end: Exact | None, where: str) -> Iterator[Fault]:
    starts = [row.start for row in rows]
    for row in range(1, len(starts)):
        if starts[row] <= starts[row - 1]:
            yield Fault("not_ascending", where, row)
    if starts and starts[0] < 0:
        yield Fault("negative_start", where, 0)
    if starts and end is not None and end <= starts[-1]:
        yield Fault("end_before_start", where, len(starts) - 1)


def _of_sums(plan: Plan) -> Iterator[Fault]:
    sums: dict[str, list[Fraction]] = {
        "step": [step.price for step in plan.steps],
        "fine": [fine.amount for fine in plan.fines],
        "fee": [min(fee.amount, fee.times) for fee in plan.fees],
        "levy": [levy.price for levy in plan.levies],
        "first": [fee.amount for fee in plan.fees_first],
        "tax": [tax.rate for tax in plan.taxes],
    }
    for where, values in sums.items():
        for row, value in enumerate(values):
            if value < 0:
                yield Fault("negative", where, row)
    for row, fee in enumerate(plan.fees):
        if fee.capacity_unit is not None and fee.capacity_unit not in CAPACITY_UNITS:
            yield Fault("unknown_unit", "fee", row)


def _of_shares(plan: Plan) -> Iterator[Fault]:
    """What the plan says once for all its rows."""
    if plan.fee_recovery is Recovery.CAPPED:
        share, unit = plan.fee_cap_share, plan.fee_cap_unit
        if share is not None and unit is not None:
            yield Fault("two_caps", "plan")
        elif unit is not None and unit <= 0:
            yield Fault("cap_not_positive", "plan")
        elif unit is None and (share is None or not 0 < share <= 1):
            yield Fault("cap_not_a_share", "plan")
    if plan.debt_share is not None and not 0 < plan.debt_share <= 1:
        yield Fault("debt_not_a_share", "plan")
    if plan.lifeline_adds_up and plan.step_period is not StepPeriod.MONTH:
        yield Fault("lifeline_needs_month", "plan")


def _of_codes(plan: Plan) -> Iterator[Fault]:
    """A code means one thing: among fees, channel fees, levies and taxes each stands once."""
    known = {ENERGY, FIXED, FINE}
    lists = {
        "fee": [fee.code for fee in plan.fees],
        "first": [fee.code for fee in plan.fees_first],
        "levy": [levy.code for levy in plan.levies],
        "tax": [tax.code for tax in plan.taxes],
    }
    for where, codes in lists.items():
        for row, code in enumerate(codes):
            # A fee may well be called "fixed": as a base that word means all fees anyway.
            if code in known and (where, code) != ("fee", FIXED):
                yield Fault("code_taken", where, row)
            known.add(code)


def _of_taxes(plan: Plan) -> Iterator[Fault]:
    """Rates are shares; a tax names parts that there are, and other taxes only if they come earlier."""
    if sum((tax.rate for tax in gross_taxes(plan)), Fraction(0)) >= 1:
        yield Fault("gross_too_high", "tax")
    known = {ENERGY, FIXED, FINE, *(fee.code for fee in plan.fees)}
    known |= {fee.code for fee in plan.fees_first} | {levy.code for levy in plan.levies}
    later = {tax.code: set(tax.bases) for tax in plan.taxes if not tax.of_gross}
    for row, tax in enumerate(plan.taxes):
        if tax.rate > 1:
            yield Fault("rate_over_100", "tax", row)
        if tax.of_gross:
            continue
        if tax.code in tax.bases:
            yield Fault("own_base", "tax", row)
        elif not known.issuperset(tax.bases):
            yield Fault("circle" if _reaches(later, tax.code) else "unknown_base", "tax", row)
        known.add(tax.code)
    codes = {tax.code for tax in plan.taxes}
    for row, step in enumerate(plan.steps):
        if step.taxes is not None and not codes.issuperset(step.taxes):
            yield Fault("unknown_tax", "step", row)


def _reaches(bases: dict[str, set[str]], code: str) -> bool:
    """Whether a tax is in the end a base of itself."""
    seen: set[str] = set()
    ahead = set(bases[code])
    while ahead:
        if code in ahead:
            return True
        seen |= ahead
        ahead = {base for one in ahead for base in bases.get(one, ())} - seen
    return False


def _of_schedules(plan: Plan) -> Iterator[Fault]:
    ends = [schedule.up_to for schedule in plan.by_total]
    for row, (schedule, end) in enumerate(zip(plan.by_total, ends, strict=True)):
        if end is None and row < len(ends) - 1:
            yield Fault("open_before_last", "schedule", row)
        before = ends[row - 1] if row else 0
        if end is not None and before is not None and end <= before:
            yield Fault("not_ascending", "schedule", row)
        if schedule.plan.by_total:
            yield Fault("nested", "schedule", row)
            continue
        yield from (replace(fault, schedule=row) for fault in faults(schedule.plan))
