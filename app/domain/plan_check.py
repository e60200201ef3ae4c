"""Whether a plan is sound: every contradiction in it, each with the row it stands in.

The page shows them beside the rows; the engine refuses to price an unsound plan.

>>> [fault.reason for fault in faults(Plan("x", (Step(0, Fraction(1)), Step(0, Fraction(2)))))]
['not_ascending']
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Final

from app.domain.errors import BadPlan
from app.domain.money import Exact
from app.domain.plan import ENERGY, FINE, FIXED, Fine, Plan, Step
from app.domain.states import Recovery
from app.domain.taxing import gross_taxes, load_energy, net_taxes

FINES_MAX: Final = 5


@dataclass(frozen=True, slots=True)
class Fault:
    """One contradiction: `reason` is a code, `where` the kind of row, `row` its index from 0."""

    reason: str
    where: str
    row: int | None = None


def faults(plan: Plan) -> tuple[Fault, ...]:
    """All faults of a plan; those of its schedules too, or instead if it has no steps itself."""
    if plan.by_total:
        own = faults(replace(plan, by_total=())) if plan.steps else ()
        return (*_of_schedules(plan), *own)
    return tuple(
        fault
        for check in (_of_steps, _of_fines, _of_sums, _of_shares, _of_codes)
        for fault in check(plan)
    )


def require_sound(plan: Plan) -> None:
    """Raise BadPlan with the first fault, if there is one."""
    for fault in faults(plan):
        raise BadPlan(reason=f"{fault.where}.{fault.reason}")


def _of_steps(plan: Plan) -> Iterator[Fault]:
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
    if plan.step_scale_days is not None and plan.step_scale_days <= 0:
        yield Fault("days_not_positive", "step")


def _of_fines(plan: Plan) -> Iterator[Fault]:
    if len(plan.fines) > FINES_MAX:
        yield Fault("too_many", "fine", FINES_MAX)
    yield from _of_starts(plan.fines, plan.fines_end, "fine")
    for row, (lower, upper) in enumerate(zip(plan.fines, plan.fines[1:], strict=False), start=1):
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


def _of_shares(plan: Plan) -> Iterator[Fault]:
    if sum((tax.rate for tax in gross_taxes(plan)), Fraction(0)) >= 1:
        yield Fault("gross_too_high", "tax")
    for row, tax in enumerate(plan.taxes):
        if tax.rate > 1:
            yield Fault("rate_over_100", "tax", row)
    if plan.fee_recovery is Recovery.CAPPED and not (
        plan.fee_cap_share and 0 < plan.fee_cap_share <= 1
    ):
        yield Fault("cap_not_a_share", "fee")


def _of_codes(plan: Plan) -> Iterator[Fault]:
    """Codes are unique; a tax names known bases, and other taxes only if they come earlier."""
    known = {ENERGY, FIXED, FINE}
    for where, codes in (
        ("fee", [fee.code for fee in plan.fees]),
        ("first", [fee.code for fee in plan.fees_first]),
        ("levy", [levy.code for levy in plan.levies]),
    ):
        for row, code in enumerate(codes):
            # A fee may well be called "fixed": as a base that word means all fees anyway.
            if code in known and (where, code) != ("fee", FIXED):
                yield Fault("code_taken", where, row)
            known.add(code)
    for row, tax in enumerate(net_taxes(plan)):
        if tax.code in known:
            yield Fault("code_taken", "tax", row)
        if not known.issuperset(tax.bases):
            yield Fault("unknown_base", "tax", row)
        known.add(tax.code)
    taxes = {tax.code for tax in plan.taxes}
    for row, step in enumerate(plan.steps):
        if step.taxes is not None and not taxes.issuperset(step.taxes):
            yield Fault("unknown_tax", "step", row)


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
        yield from faults(schedule.plan)
