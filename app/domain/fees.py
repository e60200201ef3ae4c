"""Which fixed fees a purchase owes, counted in periods.

A fee falls due once per period, at the first purchase in it; missed periods add up.  The
plan takes them whole, takes at most a share of the tender or so much on every unit and
carries the rest, or forgives what was missed.  Counting in periods keeps whole periods whole numbers.
"""

from __future__ import annotations

from fractions import Fraction
from typing import NamedTuple

from app.domain.compile import CompiledPlan
from app.domain.curve import Rate
from app.domain.money import Exact, exact_decimal, whole_or_fraction
from app.domain.plan import Fee, FeeState, History
from app.domain.quote import FeeTaken
from app.domain.states import ChargeMethod, Recovery

NOT_SEEN = FeeState()


class FeeOwed(NamedTuple):
    """One fee at this purchase: `due` new periods, `carried` ones from before, `asked` now.

    `forgiven` are missed periods and carried rests that nobody asks for any more; `stated`
    are the grains of one period as the price list states it, `rate` those with taxes apart;
    `on_unit` is what a tenth pays to it, where the plan caps fees per unit.
    """

    fee: Fee
    rate: Rate
    stated: int
    state: FeeState
    due: int
    carried: Exact
    asked: Exact
    forgiven: Exact
    on_unit: Rate | None = None

    @property
    def arrears(self) -> Exact:
        """Periods asked for beyond the current one."""
        return self.asked - self.current

    @property
    def current(self) -> int:
        """1 if the current period is asked for, else 0 (it was paid already)."""
        return min(self.due, 1)


def fees_owed(compiled: CompiledPlan, history: History) -> tuple[FeeOwed, ...]:
    """What every fee of the plan asks for at this purchase."""
    plan = compiled.plan
    owed = []
    forgiving, by_unit = plan.fee_recovery is Recovery.FORGIVEN, compiled.unit_fees
    for place, (fee, rate) in enumerate(zip(plan.fees, compiled.fees, strict=True)):
        state = history.fees.get(fee.code, NOT_SEEN)
        due = 1 if fee.method is ChargeMethod.PURCHASE else state.periods_due
        carried: Exact = 0
        forgiven: Exact = 0
        if state.carried and rate.cost:
            carried = whole_or_fraction(state.carried / (fee.amount * fee.times))
        asked = due + carried
        if forgiving:
            asked, forgiven = min(due, 1), asked - min(due, 1)
        stated = rate.cost if plan.tax_inclusive else rate.net
        on_unit = by_unit[place] if by_unit else None
        owed.append(FeeOwed(fee, rate, stated, state, due, carried, asked, forgiven, on_unit))
    return tuple(owed)


def fee_taken(owed: FeeOwed, periods: Exact) -> FeeTaken:
    """The record of a fee of which `periods` were taken, to eight decimals of a major unit.

    What is forgiven is taken off what is newly assessed, so that nothing of it is carried.
    """
    price = owed.fee.amount * owed.fee.times
    return FeeTaken(
        code=owed.fee.code,
        method=owed.fee.method,
        periods=owed.due,
        assessed=Fraction(exact_decimal((owed.due - owed.forgiven) * price)),
        taken=Fraction(exact_decimal(periods * price)),
    )
