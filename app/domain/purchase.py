"""One purchase, solved exactly: which schedule it falls under, its units and its total.

Nothing is rounded here.
"""

from __future__ import annotations

from fractions import Fraction

from app.domain.compile import CompiledPlan
from app.domain.curve import lower_end
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
        if owed.stretches:
            best = _largest_with_fees(where, owed, taken.left)
        else:
            best = where.curve.largest(where.before, taken.left, where.low, where.high)
        if best is None:
            continue
        tenths, unspent = best
        if unspent:
            return _cost(where, history, owed, tenths, minor_per_major)
        taken = owed.with_units(taken, tenths)
        return Breakdown(where, history, owed, taken, tenths, tender_minor, minor_per_major)
    lowest = found[0]
    least = _cost(lowest, history, deductions(lowest.compiled, history), 0, minor_per_major)
    raise FeesNotCovered(fees=round_whole(Fraction(least.total_minor), Mode.UP))


def _largest_with_fees(where: Range, owed: Deductions, money: Exact) -> tuple[Exact, Exact] | None:
    """The most units and the money left, where the first ones carry fees too: the last stretch first."""
    for part in reversed(owed.stretches):
        low, high = max(where.low, part.start), lower_end(where.high, part.end)
        if high is not None and high <= low and low > 0:
            continue
        # What this stretch's rate would put on the units below it is not what they pay.
        spare = money - (part.below - part.start * part.extra)
        best = where.curve.largest(where.before, spare, low, high, part.extra)
        if best is not None:
            return best
    return None


def _cost(
    where: Range, history: History, owed: Deductions, tenths: Exact, minor_per_major: int
) -> Breakdown:
    energy = where.curve.cost(where.before, tenths) + owed.on_units(tenths) if tenths else 0
    purchase = owed.purchase_for(energy)
    taken = owed.split(purchase)
    if taken.left != energy:
        raise BadPlan(reason="deductions_leave_nothing")
    taken = owed.with_units(taken, tenths)
    total = Fraction((owed.first + purchase) * minor_per_major, where.compiled.grain)
    return Breakdown(where, history, owed, taken, tenths, total, minor_per_major)
