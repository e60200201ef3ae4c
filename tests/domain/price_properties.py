"""The properties of every price, as functions of random data; short and deep tests run them."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction

from hypothesis import assume
from hypothesis import strategies as st

from app.domain.compile import ready
from app.domain.errors import (
    AmountBeyondLastStep,
    AmountTooLarge,
    AmountTooSmall,
    BeyondLastFine,
    FeesNotCovered,
    QuantityBeyondLastStep,
    QuantityTooLarge,
    QuantityTooSmall,
)
from app.domain.plan import History, Plan
from app.domain.pricing import quote_by_amount, quote_by_quantity
from app.domain.purchase import by_quantity
from app.domain.quote import Quote
from app.domain.ranges import range_for
from app.domain.states import Settlement
from tests.domain import naive, plans

HONEST_NO = (
    AmountBeyondLastStep,
    AmountTooLarge,
    AmountTooSmall,
    BeyondLastFine,
    FeesNotCovered,
    QuantityBeyondLastStep,
    QuantityTooLarge,
    QuantityTooSmall,
)
settlements = st.sampled_from(list(Settlement))


def _buy(data: st.DataObject, plan: Plan, past: History) -> tuple[Quote, int]:
    """A quote by amount or by quantity, and the money handed over (minor units)."""
    currency, settlement = data.draw(plans.CURRENCIES), data.draw(settlements)
    rest = (currency, settlement, plans.representable, plans.MAXIMUM)
    by_amount = data.draw(st.booleans())
    wish = data.draw(st.integers(1, 10_000_000 if by_amount else 60_000))
    try:
        quote = (quote_by_amount if by_amount else quote_by_quantity)(plan, past, wish, *rest)
    except HONEST_NO:
        assume(False)
        raise
    return quote, wish if by_amount else quote.amount_minor


def lines_add_up(data: st.DataObject) -> None:
    """The printed lines, and the exact ones, are the amount, always; change is never lost."""
    plan = data.draw(plans.full_plans())
    quote, tender = _buy(data, plan, data.draw(plans.pasts(plan)))
    assert sum(line.amount_minor for line in quote.lines) == quote.amount_minor
    scale = quote.explanation.minor_per_major
    assert sum(line.amount for line in quote.lines) == Fraction(quote.amount_minor, scale)
    assert quote.amount_minor + quote.left_minor == tender
    assert quote.left_minor >= 0
    rounding = quote.explanation.compiled.plan.money_rounding
    quantum = Fraction(1, scale) + (rounding.quantum if rounding else 0)
    assert abs(quote.lines[-1].amount) < quantum
    assert all(line.amount >= 0 for line in quote.lines[:-1])


def token_carries_what_is_priced(data: st.DataObject) -> None:
    """Never less than the priced units, and always what a token can hold."""
    plan = data.draw(plans.full_plans())
    quote, _ = _buy(data, plan, data.draw(plans.pasts(plan)))
    assert Fraction(quote.token_units, 10) >= quote.priced_units
    assert plans.representable(quote.token_units) == quote.token_units


def shares_are_shares(data: st.DataObject) -> None:
    """Taxes of the gross, capped fees and the part of a debt are shares of the tender."""
    plan = data.draw(plans.full_plans())
    past = data.draw(plans.pasts(plan))
    quote, _ = _buy(data, plan, past)
    told = {}
    for line in quote.lines[:-1]:
        # The taxes of a channel fee belong to it.
        kind = "channel" if line.params.get("part") == "first" else line.kind.value
        key = (kind, "channel" if kind == "channel" else line.code)
        told[key] = told.get(key, 0) + line.amount
    paid = sum(line.amount for line in quote.lines[:-1])
    purchase = paid - told.get(("channel", "channel"), 0)
    debt = told.get(("debt", "debt"), 0)
    gross = Fraction("0.03") * paid * any(tax.of_gross for tax in plan.taxes)
    assert told.get(("tax", "gross"), 0) == gross
    if past.debt:
        assert debt == min(past.debt.balance, past.debt.share * paid, max(purchase - gross, 0))
    if plan.fee_cap_share is not None:
        limit = plan.fee_cap_share * paid + Fraction(1, 10**6)
        assert sum(fee.taken for fee in quote.fees) <= limit
    if plan.fee_cap_unit is not None:
        limit = plan.fee_cap_unit * quote.exact_units + Fraction(1, 10**6)
        assert sum(fee.taken for fee in quote.fees) <= limit


def cost_is_the_naive_one(data: st.DataObject) -> None:
    """A second reading of the rules comes to the same exact cost: it leaves just what the units cost."""
    plan = data.draw(plans.full_plans())
    past = data.draw(plans.pasts(plan))
    tenths = data.draw(st.integers(1, 60_000))
    own = naive.chosen(plan, past, Fraction(tenths))
    assume(own is not None and naive.within(own, past, Fraction(tenths)))
    exact = by_quantity(range_for(ready(plan), past, tenths), past, tenths, 1).total_minor
    left = naive.left_for_units(own, past, Fraction(exact))
    assert left == naive.units_cost(own, past, Fraction(tenths))
    if exact > 0:
        less = naive.left_for_units(own, past, Fraction(exact) * Fraction(999_999, 10**6))
        assert less < left or not left


def cost_never_falls(data: st.DataObject) -> None:
    """More units never cost less, whatever is deducted before them."""
    plan = data.draw(plans.full_plans())
    assume(not plan.by_total)
    past = data.draw(plans.pasts(plan))
    less, more = sorted(data.draw(st.tuples(st.integers(1, 40_000), st.integers(1, 40_000))))
    where = range_for(ready(plan), past, more)
    assume(where.high is None or more <= where.high)
    assert (
        by_quantity(where, past, less, 1).total_minor
        <= by_quantity(where, past, more, 1).total_minor
    )


def amount_buys_the_most(data: st.DataObject) -> None:
    """The exact units cost at most the tender, and any more would cost more than it."""
    plan = data.draw(plans.full_plans())
    past = data.draw(plans.pasts(plan))
    currency = data.draw(plans.CURRENCIES)
    tender = data.draw(st.integers(1, 10_000_000))
    rest = (currency, Settlement.UP, plans.representable, plans.MAXIMUM)
    try:
        quote = quote_by_amount(plan, past, tender, *rest)
    except HONEST_NO:
        assume(False)
        raise
    money = Fraction(tender, currency.minor_per_major)
    exact = quote.exact_units * 10
    assert _affordable(plan, past, exact, money)
    for more in (Fraction(1, 10**9), Fraction(1), data.draw(st.integers(1, 40_000))):
        assert _affordable(plan, past, exact + more, money) is not True


def _affordable(plan: Plan, past: History, tenths: Fraction, money: Fraction) -> bool | None:
    """Whether so many units cost at most so much, by the plain reading; None where there are none."""
    own = naive.chosen(plan, past, tenths)
    if own is None or not naive.within(own, past, tenths):
        return None
    return naive.left_for_units(own, past, money) >= naive.units_cost(own, past, tenths)


def there_and_back(data: st.DataObject) -> None:
    """By quantity, then by amount: at most a unit step and a money quantum's worth apart.

    The quantum is the currency's unit, or what the plan rounds the sum to; a plan that rounds
    units to more than a tenth adds that.
    """
    plan = data.draw(plans.full_plans())
    past = data.draw(plans.pasts(plan))
    currency, settlement = data.draw(plans.CURRENCIES), data.draw(settlements)
    rest = (currency, settlement, plans.representable, plans.MAXIMUM)
    try:
        there = quote_by_quantity(plan, past, data.draw(st.integers(1, 60_000)), *rest)
        back = quote_by_amount(plan, past, max(there.amount_minor, 1), *rest)
    except HONEST_NO:
        assume(False)
        raise
    assume(not plan.by_total)  # a cliff is a jump
    paid = there.explanation
    curve, before = paid.where.curve, paid.where.before
    touched = curve.parts(before, max(there.token_units, back.explanation.tenths))
    cheapest = min(segment.cost for segment, _ in touched)
    assume(cheapest)
    money = Fraction(1, currency.minor_per_major)
    if plan.money_rounding:
        money += plan.money_rounding.quantum
    worth = money * paid.compiled.grain / cheapest / 10
    step = Fraction(plans.representable(there.token_units + 1) - there.token_units, 10)
    quantum = plan.unit_rounding.quantum if plan.unit_rounding else 0
    apart = back.token_units - there.token_units
    if back.left_minor or _jumps(plan, there, back):
        return
    # What the plan rounds to more than a tenth is then raised to a step of the token as well.
    coarse = step + quantum if quantum > Fraction(1, 10) else step
    assert abs(Fraction(apart, 10)) <= coarse + worth


def _jumps(plan: Plan, there: Quote, back: Quote) -> bool:
    """Whether a fine begins between the two purchases."""
    fine = there.explanation.where.curve.fine_at
    return fine(there.explanation.tenths) != fine(back.explanation.tenths)


def splitting_gains_a_step(data: st.DataObject) -> None:
    """Monthly steps that do not fall: two purchases carry at most a unit step each more than one."""
    plan = plans.by_the_month(data.draw(plans.simple_plans(fines=False)))
    past = History(units_before=data.draw(st.integers(0, 39_000)))
    costs = [segment.cost for segment in ready(plan).curve(None, 1).segments]
    assume(costs == sorted(costs) and costs[0])
    first, second = data.draw(st.tuples(st.integers(1, 500_000), st.integers(1, 500_000)))
    currency = data.draw(plans.CURRENCIES)
    rest = (currency, Settlement.UP, plans.representable, plans.MAXIMUM)
    try:
        whole = quote_by_amount(plan, past, first + second, *rest)
        one = quote_by_amount(plan, past, first, *rest)
        then = History(units_before=past.units_before + one.token_units)
        two = quote_by_amount(plan, then, second, *rest)
    except HONEST_NO:
        assume(False)
        raise
    steps = sum(
        plans.representable(quote.token_units + 1) - quote.token_units for quote in (one, two)
    )
    assert one.token_units + two.token_units <= whole.token_units + steps


PROPERTIES: tuple[Callable[[st.DataObject], None], ...] = (
    lines_add_up,
    token_carries_what_is_priced,
    shares_are_shares,
    cost_is_the_naive_one,
    cost_never_falls,
    amount_buys_the_most,
    there_and_back,
    splitting_gains_a_step,
)
