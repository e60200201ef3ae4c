"""What the money of a purchase buys on the first of next month, once this purchase is made.

Nothing is read for it: the meter's past of that day is its past of today with this purchase behind it, under the same
price list.  What is still missing then (another price list, another debt) the caller has to know.

>>> from fractions import Fraction
>>> from app.domain.money import Currency
>>> from app.domain.plan import History, Plan, Step
>>> from app.domain.states import Settlement
>>> plan = Plan("two", (Step(0, Fraction(10)), Step(500, Fraction(20))))
>>> money = Currency("KES", "KSh", 2)
>>> terms = Terms(plan, History(units_before=500), money, Settlement.UP, lambda tenths: tenths, 10**6)
>>> same_money_then(terms.by_amount(100_00), terms, date(2026, 11, 26)).units
100
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from fractions import Fraction

from app.domain.ahead import Terms
from app.domain.calendar import MONDAY, days_in_month, next_month, period_index
from app.domain.errors import FeesNotCovered, PriceRefusal
from app.domain.plan import Debt, Fee, FeeState, History, Plan
from app.domain.quote import By, FeeTaken, LineKind, Quote
from app.domain.states import ChargeMethod, StepPeriod

FEES = frozenset({LineKind.FEE, LineKind.ARREARS})


@dataclass(frozen=True, slots=True)
class Then:
    """The same money on `day`: tenths of a unit (None: the fees of that day take all of it), and why.

    `fees_minor` are the fees due then, where they are more than today's; `new_steps`: the steps begin anew.
    """

    day: date
    units: int | None
    fees_minor: int
    new_steps: bool


def same_money_then(quote: Quote, terms: Terms, today: date, first_weekday: int = MONDAY) -> Then | None:
    """The same money on the first of next month; None where it buys just as much, or cannot be told.

    The terms are those of today's purchase, with a plan of rules (not a compiled one).
    """
    plan, day = terms.plan, next_month(today)
    if not isinstance(plan, Plan):
        raise TypeError("the rules of the plan are needed, not what was compiled of them")
    money = quote.amount_minor + (quote.left_minor if quote.by is By.AMOUNT else 0)
    by_steps = plan.step_period is StepPeriod.MONTH and bool(len(plan.steps) > 1 or plan.by_total)
    new_steps = by_steps and terms.history.units_before > 0
    later = terms._replace(history=_history(quote, plan, terms, today, day, first_weekday))
    try:
        then = later.by_amount(money)
    except FeesNotCovered as refusal:
        return Then(day, None, int(refusal.params["fees"]), new_steps)
    except PriceRefusal:
        return None
    if then.token_units == quote.token_units:
        return None
    due, paid = _fees(then), _fees(quote)
    return Then(day, then.token_units, due if due > paid else 0, new_steps)


def _fees(quote: Quote) -> int:
    return sum(line.amount_minor for line in quote.lines if line.kind in FEES)


def _history(quote: Quote, plan: Plan, terms: Terms, today: date, day: date, weekday: int) -> History:
    past, taken = terms.history, {fee.code: fee for fee in quote.fees}
    kept = plan.step_period is StepPeriod.YEAR and day.year == today.year
    return History(
        units_before=past.units_before + quote.token_units if kept else 0,
        fees={
            fee.code: _state(fee, past.fees.get(fee.code, FeeState()), taken.get(fee.code), today, day, weekday)
            for fee in plan.all_fees
        },
        days_in_month=days_in_month(day),
        lifeline_months=1 if quote.token_units else past.lifeline_months + 1,
        debt=_debt(quote, past.debt, terms.currency.minor_per_major),
    )


def _state(fee: Fee, before: FeeState, taken: FeeTaken | None, today: date, day: date, weekday: int) -> FeeState:
    if fee.method is ChargeMethod.PURCHASE:
        return FeeState(periods_due=1)
    begun = period_index(day, fee.method, weekday) - period_index(today, fee.method, weekday)
    if taken is None:
        return FeeState(before.periods_due + begun, before.carried, before.paid_on)
    return FeeState(
        before.periods_due - taken.periods + begun,
        before.carried + taken.assessed - taken.taken,
        today if taken.taken else before.paid_on,
    )


def _debt(quote: Quote, debt: Debt | None, minor_per_major: int) -> Debt | None:
    if debt is None:
        return None
    paid = sum(line.amount_minor for line in quote.lines if line.kind is LineKind.DEBT)
    left = debt.balance - Fraction(paid, minor_per_major)
    return Debt(left, debt.share) if left > 0 else None
