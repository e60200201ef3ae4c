"""What lies beside a purchase: the step it ends in, and the sums that can be sold next to a jump."""

from __future__ import annotations

from fractions import Fraction

import pytest

from app.domain.ahead import Sellable, Terms, jump, step_ahead
from app.domain.money import Currency, Mode, Rounding
from app.domain.plan import Fee, FeeState, Fine, History, Plan, Schedule, Step, Tax
from app.domain.states import ChargeMethod, Settlement, StepPeriod
from app.sts.amount import MAX_TENTHS, representable_at_least

USD = Currency("USD", "$", 2)
UP_TENTHS = Rounding(Mode.UP, Fraction(1, 10))
# The user manual's own example, case M2: 0 to 500: 0, 500 to 2 000: 100, 2 000 to 5 000: 500.
M2 = Plan(
    "M2", (Step(0, Fraction(1)),), step_period=StepPeriod.PURCHASE, unit_rounding=UP_TENTHS,
    fines=(Fine(0, Fraction(0)), Fine(5000, Fraction(100)), Fine(20000, Fraction(500))), fines_end=50000,
)  # fmt: skip


def terms(plan: Plan = M2, history: History | None = None, settlement: Settlement = Settlement.UP) -> Terms:
    return Terms(plan, history or History(), USD, settlement, representable_at_least, MAX_TENTHS)


@pytest.mark.parametrize(
    ("typed", "below", "above", "fine"),
    [
        (550_00, Sellable(500_00, 5000), Sellable(600_10, 5001), 100),
        (600_00, Sellable(500_00, 5000), Sellable(600_10, 5001), 100),
        # A token of this size counts in whole units: both carry more than they were priced for.
        (2_200_00, Sellable(2_100_00, 20004), Sellable(2_501_40, 20014), 500),
    ],
)
def test_money_that_nothing_costs_has_two_sums_beside_it(typed, below, above, fine):
    beside = jump(terms().by_amount(typed), terms())
    assert not beside.crossed
    assert (beside.below, beside.above, beside.fine) == (below, above, fine)


@pytest.mark.parametrize("settlement", list(Settlement))
@pytest.mark.parametrize("price", [Fraction(1), Fraction(1, 3), Fraction(2999, 1000)])
def test_what_is_offered_is_sold_to_the_last_cent(price, settlement):
    plan = Plan("odd", (Step(0, price),), fines=(Fine(3333, Fraction(41, 3)),), unit_rounding=UP_TENTHS)
    ask = terms(plan, settlement=settlement)
    quote = ask.by_amount(int(price * 33330 + 700))
    assert quote.left_minor
    beside = jump(quote, ask)
    for offered in (beside.below, beside.above):
        sold = ask.by_amount(offered.amount_minor)
        assert (sold.amount_minor, sold.token_units, sold.left_minor) == (offered.amount_minor, offered.token_units, 0)
    assert beside.below.token_units <= 3333 < beside.above.token_units


@pytest.mark.parametrize("typed", [600_10, 700_00, 2_100_00])
def test_a_purchase_with_a_fine_knows_the_largest_without_it(typed):
    beside = jump(terms().by_amount(typed), terms())
    assert beside.crossed
    assert (beside.at, beside.fine, beside.below) == (5000, 100, Sellable(500_00, 5000))


def test_a_purchase_by_quantity_knows_it_too():
    beside = jump(terms().by_quantity(5001), terms())
    assert (beside.crossed, beside.below) == (True, Sellable(500_00, 5000))


def test_a_purchase_below_every_fine_has_no_jump():
    assert jump(terms().by_amount(500_00), terms()) is None
    assert jump(terms().by_amount(1_00), terms()) is None


def test_the_end_of_a_lifeline_is_a_jump_without_a_fine():
    cheap = Plan("cheap", (Step(0, Fraction(1)),))
    dear = Plan("dear", (Step(0, Fraction(2)),))
    plan = Plan("by total", (Step(0, Fraction(1)),), by_total=(Schedule(1000, cheap), Schedule(None, dear)))
    ask = terms(plan)
    left = jump(ask.by_amount(150_00), ask)
    assert (left.crossed, left.fine, left.below) == (False, 0, Sellable(100_00, 1000))
    assert left.above == Sellable(200_20, 1001)
    beyond = jump(ask.by_amount(300_00), ask)
    assert (beyond.crossed, beyond.at, beyond.fine, beyond.below) == (True, 1000, 0, Sellable(100_00, 1000))


def test_the_last_row_of_fines_has_nothing_above_it():
    plan = Plan("closed", (Step(0, Fraction(1)),), fines=(Fine(0, Fraction(0)),), fines_end=5000)
    assert jump(terms(plan).by_amount(500_00), terms(plan)) is None


def test_fees_stay_in_the_sums_that_are_offered():
    fee = Fee("fixed_fee", "", Fraction(7), ChargeMethod.MONTH)
    plan = Plan("fee", (Step(0, Fraction(1)),), fines=(Fine(5000, Fraction(100)),), fees=(fee,))
    ask = terms(plan, History(fees={"fixed_fee": FeeState(periods_due=1)}))
    beside = jump(ask.by_amount(550_00), ask)
    assert (beside.below, beside.above) == (Sellable(507_00, 5000), Sellable(607_10, 5001))


def test_the_step_ahead_tells_what_is_left_and_what_the_next_one_costs():
    tax = Tax("vat", "VAT", Fraction(1, 10), ("energy",))
    plan = Plan("home", (Step(0, Fraction(20), ()), Step(1500, Fraction(30), ("vat",))), taxes=(tax,))
    ask = terms(plan, History(units_before=1120))
    here = step_ahead(ask.by_quantity(100))
    assert (here.number, here.left, here.price, here.next_number, here.next_price) == (1, 280, 20, 2, 33)
    beyond = step_ahead(ask.by_quantity(380))
    assert (beyond.number, beyond.left, beyond.price, beyond.next_price) == (2, None, 33, None)


def test_steps_of_one_purchase_start_anew():
    plan = Plan("per purchase", (Step(0, Fraction(1)), Step(100, Fraction(2))), step_period=StepPeriod.PURCHASE)
    ask = terms(plan, History(units_before=5000))
    assert step_ahead(ask.by_quantity(40)).left == 60
