"""Fixed fees over several purchases: whole, capped and carried, forgiven; debt and shares."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from fractions import Fraction

import pytest

from app.domain.errors import FeesNotCovered
from app.domain.money import Currency
from app.domain.plan import Charge, Debt, Fee, FeeState, History, Plan, Step, Tax
from app.domain.pricing import quote_by_amount, quote_by_quantity
from app.domain.states import ChargeMethod, Recovery, Settlement
from tests.domain.plans import MAXIMUM, representable

USD = Currency("USD", "$", 2)
RENT = Fee("rent", "Meter rent", Fraction(200), ChargeMethod.MONTH)
FLAT = Plan("flat", (Step(0, Fraction(1)),), fees=(RENT,))
CAPPED = replace(FLAT, fee_recovery=Recovery.CAPPED, fee_cap_share=Fraction(1, 2))
REST = (USD, Settlement.UP, representable, MAXIMUM)


def owes(periods=1, carried=0, **history):
    return History(fees={"rent": FeeState(periods, Fraction(carried))}, **history)


def taken_over(plan, purchases):
    """Buy one after the other (minor units, newly due periods); what each took and what is carried."""
    carried, told = Fraction(0), []
    for minor, due in purchases:
        quote = quote_by_amount(plan, owes(due, carried), minor, *REST)
        [fee] = quote.fees
        carried += fee.assessed - fee.taken
        told.append((fee.taken, carried, quote.exact_units))
    return told


def test_a_capped_fee_is_carried_until_it_is_paid():
    assert taken_over(
        CAPPED, [(200_00, 1), (100_00, 0), (500_00, 0), (500_00, 0), (500_00, 1)]
    ) == [
        (100, 100, 100),
        (50, 50, 50),
        (50, 0, 450),
        (0, 0, 500),
        (200, 0, 300),
    ]


def test_what_is_carried_stands_as_arrears_with_what_stays_owed():
    line = quote_by_amount(CAPPED, owes(0, 100), 100_00, *REST).lines[0]
    assert (line.kind, line.amount_minor) == ("arrears", 50_00)
    assert line.params["carried"] == "100"
    assert line.params["left"] == "50"


def test_a_new_month_is_added_to_what_is_carried():
    arrears, fee, *_ = quote_by_amount(CAPPED, owes(1, 30), 100_00, *REST).lines
    assert (arrears.amount_minor, fee.amount_minor) == (30_00, 20_00)
    assert fee.params["left"] == "180"


def test_a_third_of_a_cent_is_carried_to_eight_decimals():
    plan = replace(CAPPED, fee_cap_share=Fraction(1, 3))
    [fee] = quote_by_amount(plan, owes(), 100, *REST).fees
    assert fee.taken == Fraction("0.33333333")


def test_forgiven_months_leave_nothing_behind():
    plan = replace(FLAT, fee_recovery=Recovery.FORGIVEN)
    assert taken_over(plan, [(500_00, 5), (500_00, 0)]) == [(200, 0, 300), (0, 0, 500)]
    carried = quote_by_amount(plan, owes(1, 120), 500_00, *REST).fees[0]
    assert carried.assessed + 120 - carried.taken == 0


def test_whole_recovery_takes_what_an_earlier_plan_had_carried():
    [fee] = quote_by_amount(FLAT, owes(1, 30), 500_00, *REST).fees
    assert (fee.assessed, fee.taken) == (200, 230)


def test_a_fee_of_each_purchase_is_never_paid_already():
    plan = replace(FLAT, fees=(replace(RENT, method=ChargeMethod.PURCHASE),))
    assert quote_by_amount(plan, owes(0), 500_00, *REST).exact_units == 300


def test_a_fee_by_capacity_says_so():
    plan = replace(FLAT, fees=(replace(RENT, amount=Fraction(600), times=Fraction("2.2")),))
    fee = quote_by_amount(plan, owes(), 3000_00, *REST).lines[0]
    assert (fee.amount_minor, fee.params["price"], fee.params["times"]) == (1320_00, "600", "2.2")


def test_the_line_of_a_paid_fee_knows_the_day():
    past = History(fees={"rent": FeeState(0, paid_on=date(2026, 3, 2))})
    fee = quote_by_amount(FLAT, past, 500_00, *REST).lines[0]
    assert fee.params["paid_on"] == "2026-03-02"


@pytest.mark.parametrize("minor", [1, 99, 100_00, 399_99, 400_00, 400_01, 1500_00])
def test_a_quantity_costs_what_buys_it_back_under_a_cap(minor):
    there = quote_by_amount(CAPPED, owes(), minor, *REST)
    back = quote_by_quantity(CAPPED, owes(), there.token_units, *REST)
    assert abs(back.amount_minor - there.amount_minor) <= 20  # a tenth at 2.00 with the cap


def test_a_debt_takes_its_share_and_no_more_than_itself():
    plan = replace(FLAT, fees=())
    past = History(debt=Debt(Fraction(30), Fraction(1, 2)))
    half, rest = (quote_by_amount(plan, past, minor, *REST) for minor in (40_00, 100_00))
    assert [line.amount_minor for line in half.lines] == [20_00, 20_00, 0]
    assert [line.amount_minor for line in rest.lines] == [30_00, 70_00, 0]


def test_fees_after_a_debt_need_a_larger_purchase():
    with pytest.raises(FeesNotCovered) as refused:
        quote_by_amount(FLAT, owes(debt=Debt(Fraction(900), Fraction(1, 2))), 399_99, *REST)
    assert refused.value.params == {"fees": 400_00}


def test_a_debt_that_takes_everything_leaves_a_receipt_without_token():
    past = History(debt=Debt(Fraction(900), Fraction(1)))
    quote = quote_by_amount(replace(FLAT, fees=()), past, 100_00, *REST)
    assert (quote.token_units, quote.amount_minor) == (0, 100_00)


def test_the_order_is_channel_debt_fees_units_gross():
    plan = replace(
        FLAT,
        fees_first=(Charge("channel", "Channel", Fraction(5)),),
        taxes=(
            Tax("vat", "VAT", Fraction("0.1"), ("fixed", "energy")),
            Tax("g", "G", Fraction("0.1"), (), True),
        ),
    )
    past = owes(2, debt=Debt(Fraction(50), Fraction(1, 2)))
    lines = quote_by_amount(plan, past, 1055_00, *REST).lines
    assert [(line.kind.value, line.amount_minor) for line in lines] == [
        ("channel", 5_00),
        ("debt", 50_00),
        ("arrears", 200_00),
        ("fee", 200_00),
        ("tax", 40_00),
        ("step", 413_18),
        ("tax", 41_32),
        ("tax", 105_50),
        ("rounding", 0),
    ]


CHANNEL = (Charge("channel", "Channel", Fraction(10)),)
GROSS = (Tax("g", "G", Fraction("0.1"), (), True),)


def sums(quote):
    return [(line.code, line.amount_minor) for line in quote.lines[:-1]]


def test_a_tax_of_the_gross_and_a_debt_are_shares_of_the_tender_and_not_of_what_channel_fees_leave():
    plan = replace(FLAT, fees=(), fees_first=CHANNEL, taxes=GROSS)
    by_amount = quote_by_amount(plan, History(), 100_00, *REST)
    assert sums(by_amount) == [("channel", 10_00), ("energy", 80_00), ("g", 10_00)]
    assert sums(quote_by_quantity(plan, History(), 800, *REST)) == sums(by_amount)
    indebted = History(debt=Debt(Fraction(500), Fraction(1, 2)))
    owing = quote_by_amount(plan, indebted, 100_00, *REST)
    assert sums(owing) == [("channel", 10_00), ("debt", 50_00), ("energy", 30_00), ("g", 10_00)]
    assert sums(quote_by_quantity(plan, indebted, 300, *REST)) == sums(owing)


def test_a_cap_is_a_share_of_the_tender_and_not_of_what_channel_fees_leave():
    plan = replace(CAPPED, fees_first=CHANNEL)
    by_amount = quote_by_amount(plan, owes(), 100_00, *REST)
    assert sums(by_amount) == [("channel", 10_00), ("rent", 50_00), ("energy", 40_00)]
    assert sums(quote_by_quantity(plan, owes(), 400, *REST)) == sums(by_amount)
    # The allowance of the channel fee itself may cover a small fee before a unit is bought.
    small = owes(0, 4)
    assert sums(quote_by_amount(plan, small, 20_00, *REST))[1:] == [
        ("rent", 4_00), ("rent", 0), ("energy", 6_00),
    ]  # fmt: skip
    assert quote_by_quantity(plan, small, 60, *REST).amount_minor == 20_00


def test_a_debt_takes_no_more_than_the_taxes_of_the_gross_leave():
    plan = replace(FLAT, fees=(), taxes=GROSS)
    past = History(debt=Debt(Fraction(45), Fraction(1)))
    small, large = (quote_by_amount(plan, past, minor, *REST) for minor in (40_00, 100_00))
    assert sums(small) == [("debt", 36_00), ("g", 4_00)]
    assert small.token_units == 0
    assert sums(large) == [("debt", 45_00), ("energy", 45_00), ("g", 10_00)]
    assert quote_by_quantity(plan, past, 450, *REST).amount_minor == 100_00


def test_a_tender_that_channel_fee_and_tax_of_the_gross_use_up_is_refused_with_what_it_takes():
    plan = replace(CAPPED, fees_first=CHANNEL, taxes=GROSS)
    with pytest.raises(FeesNotCovered) as refused:
        quote_by_amount(plan, owes(), 11_11, *REST)
    assert refused.value.params == {"fees": 11_12}
    assert sums(quote_by_amount(plan, owes(), 11_12, *REST))[1] == ("rent", 1)


def test_free_units_cost_what_stands_before_all_units():
    free = replace(CAPPED, steps=(Step(0, Fraction(0)), Step(100, Fraction(1))), fees_first=CHANNEL, taxes=GROSS)
    quote = quote_by_quantity(free, owes(debt=Debt(Fraction(50), Fraction(1))), 100, *REST)
    assert quote.amount_minor == 11_12
