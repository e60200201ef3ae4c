"""Lifeline schedules: the period's total chooses the whole price list."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import pytest

from app.domain.errors import QuantityBeyondLastStep
from app.domain.money import Currency
from app.domain.plan import Fee, FeeState, History, Plan, Schedule, Step
from app.domain.pricing import quote_by_amount, quote_by_quantity
from app.domain.states import ChargeMethod, Settlement
from tests.domain.plans import MAXIMUM, representable

REST = (Currency("USD", "$", 2), Settlement.UP, representable, MAXIMUM)
SMALL = Fee("small", "Small charge", Fraction(2), ChargeMethod.MONTH)
LARGE = Fee("large", "Service charge", Fraction(10), ChargeMethod.MONTH)
LIFELINE = Plan("lifeline", (Step(0, Fraction(1)),), fees=(SMALL,))
PLAN = Plan("plan", (Step(0, Fraction(2)),), fees=(LARGE,), by_total=(Schedule(300, LIFELINE),))
ONLY = replace(PLAN, steps=(), fees=())


@pytest.mark.parametrize(
    ("before", "tenths", "minor"),
    [(0, 300, 32_00), (0, 301, 70_20), (299, 1, 2_10), (300, 1, 10_20)],
)
def test_beyond_the_last_schedule_the_plan_itself_counts(before, tenths, minor):
    assert (
        quote_by_quantity(PLAN, History(units_before=before), tenths, *REST).amount_minor == minor
    )


def test_money_between_two_schedules_comes_back():
    quote = quote_by_amount(PLAN, History(), 70_00, *REST)
    assert (quote.token_units, quote.amount_minor, quote.left_minor) == (300, 32_00, 38_00)


def test_a_fee_of_the_other_schedule_is_not_asked_for():
    lines = quote_by_amount(PLAN, History(), 100_00, *REST).lines
    assert [line.code for line in lines] == ["large", "energy", "rounding"]


def test_a_paid_fee_of_either_schedule_stays_paid():
    past = History(100, {"small": FeeState(0), "large": FeeState(0)})
    assert quote_by_quantity(PLAN, past, 100, *REST).amount_minor == 10_00
    assert {fee.code for fee in PLAN.all_fees} == {"small", "large"}


def test_a_plan_made_only_of_schedules_ends_with_the_last():
    with pytest.raises(QuantityBeyondLastStep) as refused:
        quote_by_quantity(ONLY, History(units_before=100), 201, *REST)
    assert refused.value.params == {"maximum": 200}
    with pytest.raises(QuantityBeyondLastStep) as refused:
        quote_by_amount(ONLY, History(units_before=301), 100_00, *REST)
    assert refused.value.params == {"maximum": 0}
