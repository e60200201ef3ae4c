"""The rounding rules (a) to (g), and what a purchase is refused for."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import pytest

from app.domain.errors import (
    AmountBeyondLastStep,
    AmountTooLarge,
    AmountTooSmall,
    BadPlan,
    BeyondLastFine,
    FeesNotCovered,
    NotPositive,
    QuantityBeyondLastStep,
    QuantityTooCoarse,
    QuantityTooLarge,
)
from app.domain.money import Currency, Mode, Rounding
from app.domain.plan import Fee, FeeState, Fine, History, Plan, Step, Tax
from app.domain.pricing import quote_by_amount, quote_by_quantity
from app.domain.states import ChargeMethod, Settlement, StepPeriod
from tests.domain.plans import MAXIMUM, representable

USD = Currency("USD", "$", 2)
XOF = Currency("XOF", "F", 0)
FLAT = Plan("flat", (Step(0, Fraction(1)),))
THIRD = Plan("third", (Step(0, Fraction(3)),))
MANUAL = Plan(
    "the manual's own",
    (Step(0, Fraction(3), ("t1",)), Step(1500, Fraction(4), ("t2",))),
    steps_end=20_000,
    taxes=(Tax("t1", "Tax 1", Fraction("0.001")), Tax("t2", "Tax 2", Fraction("0.002"))),
)
FINES = Plan(
    "the manual's fines",
    (Step(0, Fraction(1)),),
    step_period=StepPeriod.PURCHASE,
    fines=(Fine(0, Fraction(0)), Fine(5000, Fraction(100)), Fine(20_000, Fraction(500))),
    fines_end=50_000,
)
RENT = Fee("rent", "Meter rent", Fraction(150), ChargeMethod.MONTH)
RENTED = replace(FLAT, fees=(RENT,))


def by_amount(plan, minor, history=None, currency=USD, settlement=Settlement.UP):
    past = history or History()
    return quote_by_amount(plan, past, minor, currency, settlement, representable, MAXIMUM)


def by_quantity(plan, tenths, history=None, currency=USD, settlement=Settlement.UP):
    past = history or History()
    return quote_by_quantity(plan, past, tenths, currency, settlement, representable, MAXIMUM)


@pytest.mark.parametrize(
    ("settlement", "minor"), [(Settlement.UP, 65085), (Settlement.DOWN, 65085)]
)
def test_an_exact_sum_is_not_rounded(settlement, minor):
    assert by_quantity(MANUAL, 2000, settlement=settlement).amount_minor == minor


@pytest.mark.parametrize(("settlement", "minor"), [(Settlement.UP, 651), (Settlement.DOWN, 650)])
def test_a_money_is_settled_up_or_down(settlement, minor):
    quote = by_quantity(MANUAL, 2000, currency=XOF, settlement=settlement)
    assert quote.amount_minor == minor
    assert quote.lines[-1].amount == minor - Fraction("650.85")


@pytest.mark.parametrize(
    ("rounding", "priced", "token"),
    [
        (Rounding(Mode.UP, Fraction(1, 10)), "33.4", 334),
        (Rounding(Mode.DOWN, Fraction(1, 10)), "33.3", 333),
        (Rounding(Mode.HALF_UP, Fraction(1, 100)), "33.33", 334),
        (Rounding(Mode.UP, Fraction(1)), "34", 340),
        (Rounding(Mode.DOWN, Fraction(1)), "33", 330),
    ],
)
def test_b_and_c_the_plan_rounds_units_and_the_token_carries_no_less(rounding, priced, token):
    quote = by_amount(replace(THIRD, unit_rounding=rounding), 100_00)
    assert quote.exact_units == Fraction(100, 3)
    assert quote.priced_units == Fraction(priced)
    assert quote.token_units == token
    assert quote.given_away == Fraction(token, 10) - Fraction(100, 3)


def test_c_a_large_token_is_raised_to_what_it_can_hold():
    quote = by_amount(FLAT, 1700_00)
    assert (quote.priced_units, quote.token_units) == (1700, 17004)
    assert quote.amount_minor == 1700_00
    assert quote.given_away == Fraction("0.4")


def test_d_a_wish_is_raised_to_what_a_token_holds_and_that_is_charged():
    quote = by_quantity(FLAT, 17_000)
    assert (quote.token_units, quote.amount_minor, quote.given_away) == (17_004, 1700_40, 0)


def test_e_by_amount_the_lines_are_for_the_exact_money():
    quote = by_amount(MANUAL, 650_00)
    steps = [line for line in quote.lines if line.kind == "step"]
    assert (
        sum(line.quantity for line in steps) == quote.exact_units < Fraction(quote.token_units, 10)
    )
    assert sum(line.amount for line in quote.lines[:-1]) == 650


def test_f_a_rounding_line_closes_every_sum():
    three = Plan(
        "x", (Step(0, Fraction("0.005")), Step(10, Fraction("0.005")), Step(20, Fraction("0.005")))
    )
    quote = by_quantity(three, 30, settlement=Settlement.DOWN)
    assert [line.amount_minor for line in quote.lines] == [1, 1, 1, -2]
    assert quote.amount_minor == 1
    assert quote.lines[-1].kind == "rounding"


def test_g_the_steps_count_what_tokens_carried():
    before = by_quantity(MANUAL, 1000, History(units_before=1000))
    assert before.amount_minor == 350_55
    assert [line.params.get("step") for line in before.lines] == [1, 1, 2, 2, None]


def test_each_line_says_the_figures_of_its_rule():
    first, tax, second, *_ = by_quantity(MANUAL, 2000).lines
    assert dict(first.params) == {"step": 1, "from": "0", "to": "150", "price": "3"}
    assert dict(tax.params) == {"rate": "0.001", "base": "450", "part": "step", "step": 1}
    assert second.params["to"] == "2000"


@pytest.mark.parametrize(
    ("tenths", "minor"), [(5000, 500_00), (5001, 600_10), (20_004, 2500_40), (16_383, 1738_30)]
)
def test_a_fine_goes_by_the_units_of_one_purchase(tenths, minor):
    assert by_quantity(FINES, tenths).amount_minor == minor


def test_money_that_no_quantity_costs_is_handed_back():
    quote = by_amount(FINES, 550_00)
    assert (quote.token_units, quote.amount_minor, quote.left_minor) == (5000, 500_00, 50_00)


def test_the_price_of_the_next_range_is_not_its_first_purchase():
    assert by_amount(FINES, 600_00).token_units == 5000
    assert by_amount(FINES, 600_01).token_units == 5001


def test_beyond_the_last_fine_a_purchase_is_refused():
    with pytest.raises(BeyondLastFine) as refused:
        by_quantity(FINES, 50_001)
    assert refused.value.params == {"maximum": 49_994}
    with pytest.raises(BeyondLastFine):
        by_amount(FINES, 5500_01)


def test_an_open_last_fine_refuses_nothing():
    assert by_amount(replace(FINES, fines_end=None), 5600_00).exact_units == 5100


@pytest.mark.parametrize(("taxed", "minor"), [(False, 610_00), (True, 620_00)])
def test_a_fine_is_taxed_only_if_the_plan_says_so(taxed, minor):
    plan = replace(FINES, taxes=(Tax("vat", "VAT", Fraction("0.1")),), fines_taxed=taxed)
    cost = by_quantity(plan, 5100).amount_minor
    assert cost == minor + 51_00


def test_beyond_the_last_step_the_maximum_is_named():
    with pytest.raises(QuantityBeyondLastStep) as refused:
        by_quantity(MANUAL, 2001, History(units_before=18_000))
    assert refused.value.params == {"maximum": 2000}
    with pytest.raises(AmountBeyondLastStep) as refused:
        by_amount(MANUAL, 802_00, History(units_before=18_000))
    assert refused.value.params == {"maximum": 801_60, "quantity": 2000}
    assert by_amount(MANUAL, 801_60, History(units_before=18_000)).token_units == 2000


def test_where_only_the_tokens_steps_are_in_the_way_both_figures_are_named():
    """2,000.0 are left, but a token near that carries 1,999.4 or 2,000.4 (standard 6.2.4)."""
    with pytest.raises(QuantityTooCoarse) as refused:
        by_quantity(MANUAL, 20_000)
    assert refused.value.params == {"maximum": 19_994, "left": 20_000}
    assert by_quantity(MANUAL, 19_994).token_units == 19_994


def test_nothing_is_left_at_the_end_of_the_plan():
    with pytest.raises(QuantityBeyondLastStep) as refused:
        by_quantity(MANUAL, 1, History(units_before=20_000))
    assert refused.value.params == {"maximum": 0}


def test_missed_months_are_taken_whole():
    past = History(fees={"rent": FeeState(periods_due=3)})
    quote = by_amount(RENTED, 500_00, past)
    assert [(line.kind, line.amount_minor) for line in quote.lines] == [
        ("arrears", 300_00),
        ("fee", 150_00),
        ("step", 50_00),
        ("rounding", 0),
    ]
    [taken] = quote.fees
    assert (taken.periods, taken.assessed, taken.taken) == (3, 450, 450)


def test_a_fee_paid_already_stands_there_as_nothing():
    quote = by_amount(RENTED, 500_00, History(fees={"rent": FeeState(periods_due=0)}))
    fee = quote.lines[0]
    assert (fee.kind, fee.amount_minor, fee.params["reason"]) == ("fee", 0, "paid")
    assert quote.token_units == 5000


def test_money_for_the_fees_alone_gives_no_token():
    quote = by_amount(RENTED, 150_00)
    assert (quote.token_units, quote.amount_minor, quote.exact_units) == (0, 150_00, 0)
    assert [line.kind for line in quote.lines] == ["fee", "rounding"]


def test_money_below_the_fees_is_refused_with_what_it_takes():
    with pytest.raises(FeesNotCovered) as refused:
        by_amount(RENTED, 149_99)
    assert refused.value.params == {"fees": 150_00}


def test_a_fine_on_every_purchase_needs_more_than_itself():
    plan = replace(FLAT, fines=(Fine(0, Fraction(10)),))
    with pytest.raises(AmountTooSmall) as refused:
        by_amount(plan, 10_00)
    assert refused.value.params == {"minimum": 10_10}
    assert by_amount(plan, 10_10).token_units == 1


def test_money_too_little_for_a_unit_is_refused_with_the_least():
    plan = replace(THIRD, unit_rounding=Rounding(Mode.DOWN, Fraction(1)))
    with pytest.raises(AmountTooSmall) as refused:
        by_amount(plan, 2_99)
    assert refused.value.params == {"minimum": 3_00}


def test_a_cent_still_buys_the_least_token():
    assert by_amount(THIRD, 1).token_units == 1


def test_more_than_one_token_holds_is_refused_with_the_most():
    with pytest.raises(AmountTooLarge) as refused:
        by_amount(FLAT, 99_999_999_00)
    most = refused.value.params["maximum"]
    assert by_amount(FLAT, most).token_units == MAXIMUM
    with pytest.raises(AmountTooLarge):
        by_amount(FLAT, most + 1)
    with pytest.raises(QuantityTooLarge):
        by_quantity(FLAT, MAXIMUM + 1)


@pytest.mark.parametrize("wish", [0, -1])
def test_nothing_cannot_be_bought(wish):
    with pytest.raises(NotPositive):
        by_amount(FLAT, wish)
    with pytest.raises(NotPositive):
        by_quantity(FLAT, wish)


def test_a_free_first_step_is_not_lost():
    plan = Plan("free basic", (Step(0, Fraction(0)), Step(500, Fraction(2))))
    assert by_amount(plan, 10_00).token_units == 550
    assert by_quantity(plan, 500).amount_minor == 0


def test_a_contradictory_plan_is_not_priced():
    with pytest.raises(BadPlan):
        by_amount(Plan("x", ()), 100)
