"""One purchase, solved exactly: which schedule it falls under, its units and its total.

Nothing is rounded here.  A plan without lifeline schedules is one range of sizes without an
end; with them each schedule owns the sizes that bring the period's total into its reach.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction

from app.domain.compile import CompiledPlan
from app.domain.curve import Curve, lower_end
from app.domain.deductions import Deductions, deductions
from app.domain.errors import (
    BadPlan,
    BeyondLastFine,
    FeesNotCovered,
    PriceRefusal,
    QuantityBeyondLastStep,
)
from app.domain.lines import Breakdown
from app.domain.money import Exact, Mode, round_whole
from app.domain.plan import History
from app.domain.states import StepPeriod


@dataclass(frozen=True, slots=True)
class Purchase:
    """An exact purchase: `tenths` of a unit for `total_minor`, and its breakdown."""

    tenths: Exact
    total_minor: Exact
    breakdown: Breakdown

    @property
    def takes_something(self) -> bool:
        """Whether a fee or a debt is paid, even if no unit is bought."""
        taken = self.breakdown.taken
        return bool(taken.debt) or any(taken.fees)


@dataclass(frozen=True, slots=True)
class Range:
    """Sizes of a purchase (low, high] under one schedule; `refusal` says what ends it."""

    compiled: CompiledPlan
    curve: Curve
    before: Exact
    low: Exact
    high: Exact | None
    reach: Exact | None
    refusal: type[PriceRefusal]


def ranges(compiled: CompiledPlan, history: History) -> Iterator[Range]:
    """The schedules that a next purchase can fall under, the smallest sizes first."""
    low: Exact = 0
    for up_to, schedule in compiled.schedules or ((None, compiled),):
        reach = None if up_to is None else up_to - history.units_before
        if reach is not None and reach < low:
            continue
        curve = schedule.curve(history.days_in_month, history.lifeline_months)
        # Steps per purchase start anew every time, whatever was bought before.
        before = 0 if schedule.plan.step_period is StepPeriod.PURCHASE else history.units_before
        room = None if curve.steps_end is None else max(curve.steps_end - before, 0)
        high = lower_end(room, lower_end(curve.fines_end, reach))
        by_fine = high is not None and high == curve.fines_end
        yield Range(
            schedule,
            curve,
            before,
            low,
            high,
            reach,
            BeyondLastFine if by_fine else QuantityBeyondLastStep,
        )
        if reach is None:
            return
        low = reach


def range_for(compiled: CompiledPlan, history: History, tenths: Exact) -> Range:
    """The range that a purchase of `tenths` falls under, or the last one if it is too much."""
    found = None
    for found in ranges(compiled, history):
        if found.reach is None or tenths <= found.reach:
            return found
    if found is None:
        # NB: the period's total is beyond the last schedule already.
        raise QuantityBeyondLastStep(maximum=0)
    return found


def by_quantity(where: Range, history: History, tenths: Exact, minor_per_major: int) -> Purchase:
    """The exact cost of `tenths`, which must lie within `where`."""
    owed = deductions(where.compiled, history)
    return _cost(where, history, owed, tenths, minor_per_major)


def by_amount(
    compiled: CompiledPlan, history: History, tender_minor: Exact, minor_per_major: int
) -> tuple[Purchase, Range]:
    """The largest purchase whose exact cost is not above the tender, and its range.

    Raises FeesNotCovered when not even the fees due are covered.
    """
    found = list(ranges(compiled, history))
    if not found:
        raise QuantityBeyondLastStep(maximum=0)
    for where in reversed(found):
        owed = deductions(where.compiled, history)
        grain = where.compiled.grain
        tender = tender_minor * (grain // minor_per_major)
        if tender < owed.first:
            continue
        taken = owed.split(tender - owed.first)
        best = where.curve.largest(where.before, taken.left, where.low, where.high)
        if best is None:
            continue
        tenths, unspent = best
        if unspent:
            return _cost(where, history, owed, tenths, minor_per_major), where
        breakdown = Breakdown(
            where.compiled, where.curve, history, owed, taken, where.before, tenths, minor_per_major
        )
        return Purchase(tenths, tender_minor, breakdown), where
    lowest = found[0]
    least = _cost(lowest, history, deductions(lowest.compiled, history), 0, minor_per_major)
    raise FeesNotCovered(fees=round_whole(Fraction(least.total_minor), Mode.UP))


def _cost(
    where: Range, history: History, owed: Deductions, tenths: Exact, minor_per_major: int
) -> Purchase:
    energy = where.curve.cost(where.before, tenths) if tenths else 0
    purchase = owed.purchase_for(energy)
    taken = owed.split(purchase)
    if taken.left != energy:
        raise BadPlan(reason="deductions_leave_nothing")
    breakdown = Breakdown(
        where.compiled, where.curve, history, owed, taken, where.before, tenths, minor_per_major
    )
    total = owed.first + purchase
    minor: Exact = Fraction(total * minor_per_major, where.compiled.grain)
    return Purchase(tenths, minor, breakdown)
