"""One purchase, solved exactly: which schedule it falls under, its units and its total.

Nothing is rounded here.
"""

from __future__ import annotations

from fractions import Fraction

from app.domain.compile import CompiledPlan
from app.domain.deductions import Deductions, deductions
from app.domain.errors import BadPlan, FeesNotCovered, QuantityBeyondLastStep
from app.domain.lines import Breakdown
from app.domain.money import Exact, Mode, round_whole
from app.domain.plan import History
from app.domain.ranges import Range, ranges


def by_quantity(where: Range, history: History, tenths: Exact, minor_per_major: int) -> Breakdown:
    """The exact cost of `tenths`, which must lie within `where`."""
    owed = deductions(where.compiled, history)
    return _cost(where, history, owed, tenths, minor_per_major)


def by_amount(
    compiled: CompiledPlan, history: History, tender_minor: Exact, minor_per_major: int
) -> Breakdown:
    """The largest purchase whose exact cost is not above the tender.

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
            return _cost(where, history, owed, tenths, minor_per_major)
        return Breakdown(where, history, owed, taken, tenths, tender_minor, minor_per_major)
    lowest = found[0]
    least = _cost(lowest, history, deductions(lowest.compiled, history), 0, minor_per_major)
    raise FeesNotCovered(fees=round_whole(Fraction(least.total_minor), Mode.UP))


def _cost(
    where: Range, history: History, owed: Deductions, tenths: Exact, minor_per_major: int
) -> Breakdown:
    energy = where.curve.cost(where.before, tenths) if tenths else 0
    purchase = owed.purchase_for(energy)
    taken = owed.split(purchase)
    if taken.left != energy:
        raise BadPlan(reason="deductions_leave_nothing")
    total = Fraction((owed.first + purchase) * minor_per_major, where.compiled.grain)
    return Breakdown(where, history, owed, taken, tenths, total, minor_per_major)
