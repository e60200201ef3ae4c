"""Tariff plan + wish + history -> Quote, in both directions, exactly.

Rounding happens where the rules say and nowhere else: (a) the sum of a quantity is rounded as
the plan says, if it does, then by the settlement method to the currency's unit; (b) the plan
rounds the units an amount buys; (c) the token carries those, raised to what a token can hold;
(d) a wished quantity is first raised to what a token can hold, and that is charged; (e) by
amount the lines are for the exact money; (f) a rounding line closes the sum.  Steps count what
tokens carried (g): that is `History.units_before`.

>>> plan = Plan("demo", (Step(0, Fraction(3)), Step(1500, Fraction(4))))
>>> usd = Currency("USD", "$", 2)
>>> quote = quote_by_quantity(plan, History(), 2000, usd, Settlement.UP, lambda tenths: tenths, 10**6)
>>> quote.amount_minor, [(line.code, line.amount_minor) for line in quote.lines]
(65000, [('energy', 45000), ('energy', 20000), ('rounding', 0)])
>>> quote_by_amount(plan, History(), 65000, usd, Settlement.UP, lambda tenths: tenths, 10**6).token_units
2000
"""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction

from app.domain import purchase
from app.domain.compile import TENTHS, CompiledPlan, compile_plan, ready
from app.domain.errors import (
    AmountBeyondLastStep,
    AmountTooLarge,
    AmountTooSmall,
    BeyondLastFine,
    FeesNotCovered,
    NotPositive,
    QuantityBeyondLastStep,
    QuantityTooCoarse,
    QuantityTooLarge,
    QuantityTooSmall,
)
from app.domain.lines import Breakdown
from app.domain.money import Currency, Exact, Mode, round_whole, settle, whole_or_fraction
from app.domain.plan import (
    Charge,
    Debt,
    Fee,
    FeeState,
    Fine,
    History,
    Levy,
    Plan,
    Schedule,
    Step,
    Tax,
)
from app.domain.quote import By, FeeTaken, Line, LineKind, Quote
from app.domain.ranges import range_for, ranges
from app.domain.states import Settlement

__all__ = [
    "By", "Charge", "CompiledPlan", "Debt", "Fee", "FeeState", "FeeTaken", "Fine", "History", "Levy",
    "Line", "LineKind", "Plan", "Quote", "Schedule", "Step", "Tax", "compile_plan", "quote_by_amount",
    "quote_by_quantity",
]  # fmt: skip

Holdable = Callable[[int], int]


def quote_by_amount(
    plan: Plan | CompiledPlan,
    history: History,
    amount_minor: int,
    currency: Currency,
    settlement: Settlement,
    representable: Holdable,
    maximum: int,
) -> Quote:
    """What `amount_minor` buys.

    `representable` raises tenths to what a token can hold, `maximum` is the most it holds.
    Raises NotPositive, AmountTooSmall, AmountTooLarge, FeesNotCovered, and where the plan
    ends QuantityBeyondLastStep or BeyondLastFine, all with what would be possible.
    """
    if amount_minor <= 0:
        raise NotPositive(text=str(amount_minor))
    compiled = ready(plan)
    scale = currency.minor_per_major
    bought = purchase.by_amount(compiled, history, amount_minor, scale)
    charged = amount_minor
    if bought.total_minor != amount_minor:
        _refuse_more_than_there_is(compiled, history, bought, amount_minor)
        # NB: a plan may round to more than was handed over; then that is what it costs.
        charged = min(_sum(bought, settlement), amount_minor)
    rounding = bought.compiled.plan.unit_rounding
    exact = Fraction(bought.tenths.numerator, bought.tenths.denominator * TENTHS)
    priced = exact if rounding is None else rounding.apply(exact)
    wanted = -(-priced.numerator * TENTHS // priced.denominator)
    if wanted > maximum:
        raise AmountTooLarge(maximum=_most_money(compiled, history, maximum, scale))
    if not wanted and (bought.tenths or not bought.takes_something):
        raise AmountTooSmall(minimum=_least_money(compiled, history, representable, scale))
    token = representable(wanted) if wanted else 0
    return Quote(By.AMOUNT, charged, exact, priced, token, bought, amount_minor - charged)


def quote_by_quantity(
    plan: Plan | CompiledPlan,
    history: History,
    quantity_tenths: int,
    currency: Currency,
    settlement: Settlement,
    representable: Holdable,
    maximum: int,
) -> Quote:
    """What `quantity_tenths` cost, once raised to what a token can hold (rule d).

    Raises NotPositive, QuantityTooLarge, QuantityBeyondLastStep (QuantityTooCoarse where only
    the token's own steps are in the way), BeyondLastFine; QuantityTooSmall where the sum would
    be rounded to nothing.
    """
    if quantity_tenths <= 0:
        raise NotPositive(text=str(quantity_tenths))
    if quantity_tenths > maximum:
        raise QuantityTooLarge(maximum=maximum)
    compiled = ready(plan)
    token = representable(quantity_tenths)
    where = range_for(compiled, history, token)
    if where.high is not None and token > where.high:
        most = _largest_holdable(where.high, representable)
        if quantity_tenths <= where.high and where.refusal is QuantityBeyondLastStep:
            raise QuantityTooCoarse(maximum=most, left=round_whole(Fraction(where.high), Mode.DOWN))
        raise where.refusal(maximum=most)
    bought = purchase.by_quantity(where, history, token, currency.minor_per_major)
    amount = _sum(bought, settlement)
    if not amount and bought.total_minor:
        raise QuantityTooSmall(minimum=_least_quantity(compiled, history, bought, settlement, representable))
    units = Fraction(token, TENTHS)
    return Quote(By.QUANTITY, amount, units, units, token, bought)


def _sum(bought: Breakdown, settlement: Settlement) -> int:
    """The minor units that an exact purchase comes to (rule a)."""
    exact, rounding = Fraction(bought.total_minor), bought.compiled.plan.money_rounding
    if rounding is not None:
        scale = bought.minor_per_major
        exact = rounding.apply(exact / scale) * scale
    return settle(exact, settlement)


def _least_quantity(
    compiled: CompiledPlan,
    history: History,
    nothing: Breakdown,
    settlement: Settlement,
    representable: Holdable,
) -> int | None:
    """The least tenths above those of `nothing` that cost something, or None if none do.

    The sum leaves nothing at one quantum at the latest: what that buys is solved exactly.
    """
    rounding, scale = nothing.compiled.plan.money_rounding, nothing.minor_per_major
    quantum = max(Fraction(1), Fraction(0) if rounding is None else rounding.quantum * scale)
    for tender in (quantum / 2, quantum, 2 * quantum):
        try:
            tenths = purchase.by_amount(compiled, history, whole_or_fraction(tender), scale).tenths
        except FeesNotCovered:
            continue
        least = representable(max(1, round_whole(Fraction(tenths), Mode.UP)))
        where = range_for(compiled, history, least)
        if where.high is not None and least > where.high:
            return None
        if _sum(purchase.by_quantity(where, history, least, scale), settlement):
            return least
    return None


def _refuse_more_than_there_is(
    compiled: CompiledPlan, history: History, bought: Breakdown, amount_minor: int
) -> None:
    """Money that is left because the plan ends (not because of a jump) is not taken at all."""
    *_, last = ranges(compiled, history)
    most = round_whole(Fraction(bought.total_minor), Mode.UP)
    if last.high is not None and bought.tenths >= last.high and amount_minor > most:
        tenths = round_whole(Fraction(bought.tenths), Mode.DOWN)
        if last.refusal is BeyondLastFine:
            raise BeyondLastFine(maximum=tenths)
        raise AmountBeyondLastStep(maximum=most, quantity=tenths)


def _most_money(compiled: CompiledPlan, history: History, maximum: int, scale: int) -> int:
    """The minor units that buy the most one token holds."""
    where = range_for(compiled, history, maximum)
    total = purchase.by_quantity(where, history, maximum, scale).total_minor
    return round_whole(Fraction(total), Mode.DOWN)


def _least_money(
    compiled: CompiledPlan, history: History, representable: Holdable, scale: int
) -> int | None:
    """The minor units of the smallest purchase, or None if there is nothing left to buy."""
    where = range_for(compiled, history, 1)
    rounding = where.compiled.plan.unit_rounding
    quantum = Fraction(0) if rounding is None else rounding.quantum
    least = representable(max(1, round_whole(quantum * TENTHS, Mode.UP)))
    if where.high is not None and least > where.high:
        return None
    total = purchase.by_quantity(where, history, least, scale).total_minor
    return round_whole(Fraction(total), Mode.UP)


def _largest_holdable(limit: Exact, representable: Holdable) -> int:
    """The most tenths within `limit` that a token can hold exactly.

    Holdable quantities are 1, 10, 100 or 1000 tenths apart, so the one below is found by
    stepping back from the one above.
    """
    whole = round_whole(Fraction(limit), Mode.DOWN)
    if whole <= 0:
        return 0
    above = representable(whole)
    for step in (0, 1, 10, 100, 1000):
        below = above - step
        if 0 < below <= whole and representable(below) == below:
            return below
    return 0
