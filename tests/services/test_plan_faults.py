"""What is wrong with a plan is told at the row of the list that the page shows."""

from __future__ import annotations

from decimal import Decimal

import pytest

from app.domain.plan_check import Fault
from app.domain.states import ChargeMethod, MeterType, Recovery
from app.models import TariffFee, TariffFine, TariffLevy, TariffPlan, TariffStep, TariffTax
from app.services.plans import compile_plan, faults_of

ONE = Decimal(1)


def step(start: int = 0, price: str = "1", **facts: object) -> TariffStep:
    return TariffStep(start=start, price=Decimal(price), **facts)


def fee(code: str, amount: str = "1", **facts: object) -> TariffFee:
    return TariffFee(code=code, name=code, amount=Decimal(amount), method=ChargeMethod.MONTH, **facts)


def tax(code: str, rate: str = "0.1", bases: str = "energy", **facts: object) -> TariffTax:
    return TariffTax(code=code, name=code, rate=Decimal(rate), bases=bases, **facts)


def plan(**facts: object) -> TariffPlan:
    return TariffPlan(name="typed", **({"steps": [step()]} | facts))


def test_a_plan_that_was_never_stored_is_sound_with_the_defaults_of_its_columns():
    assert faults_of(plan(), MeterType.WATER) == ()
    ready = compile_plan(plan(), MeterType.WATER)
    assert (ready.unit, ready.unit_rounding.quantum, ready.money_rounding) == ("m³", Decimal("0.1"), None)


@pytest.mark.parametrize(
    ("facts", "fault"),
    [
        ({"steps": []}, Fault("missing", "step")),
        ({"steps": [step(), step(50), step(40)]}, Fault("not_ascending", "step", 2)),
        ({"steps": [step(), step(50, "-1")]}, Fault("negative", "step", 1)),
        ({"steps": [step(), step(50, tax_rate=Decimal("1.5"))]}, Fault("rate_over_100", "step", 1)),
        ({"steps": [step(), step(50, taxes="vat,levy")]}, Fault("unknown_tax", "step", 1)),
        ({"fines": [TariffFine(start=n, fine=ONE) for n in range(6)]}, Fault("too_many", "fine", 5)),
        ({"fines": [TariffFine(start=9, fine=ONE), TariffFine(start=9, fine=ONE)]}, Fault("not_ascending", "fine", 1)),
        ({"fees": [fee("a", first=True), fee("b"), fee("b")]}, Fault("code_taken", "fee", 2)),
        ({"fees": [fee("a"), fee("b", first=True), fee("c", "-1")]}, Fault("negative", "fee", 2)),
        ({"fees": [fee("a"), fee("b", "-1", first=True)]}, Fault("negative", "fee", 1)),
        ({"fixed_fee": ONE, "fees": [fee("a"), fee("b", "-1")]}, Fault("negative", "fee", 1)),
        ({"fixed_fee": -ONE}, Fault("negative", "plan")),
        ({"fees": [fee("a", per_capacity=True, capacity_unit="MW")]}, Fault("unknown_unit", "fee", 0)),
        ({"levies": [TariffLevy(code="a", name="", price=ONE)] * 2}, Fault("code_taken", "levy", 1)),
        (
            {"steps": [step(tax_rate=Decimal("0.1"))], "taxes": [tax("a"), tax("b", bases="energy,c")]},
            Fault("unknown_base", "tax", 1),
        ),
        ({"taxes": [tax("a", bases="b"), tax("b", bases="a")]}, Fault("circle", "tax", 0)),
        ({"taxes": [tax("a"), tax("b", "-0.1")]}, Fault("negative", "tax", 1)),
        ({"taxes": [tax("a", "0.6", "", of_gross=True), tax("b", "0.6", "", of_gross=True)]}, Fault("gross_too_high", "tax")),
        ({"fee_recovery": Recovery.CAPPED}, Fault("cap_not_a_share", "plan")),
        ({"debt_share": Decimal("1.1")}, Fault("debt_not_a_share", "plan")),
        ({"unit_rounding": "sideways"}, Fault("unknown_rounding", "plan")),
        ({"unit_quantum": Decimal(0)}, Fault("quantum_not_positive", "plan")),
        ({"money_rounding": "up"}, Fault("money_rounding_incomplete", "plan")),
        ({"money_rounding": "odd", "money_quantum": ONE}, Fault("unknown_rounding", "plan")),
        ({"schedules": [plan(up_to=300), plan(up_to=200)]}, Fault("not_ascending", "schedule", 1)),
        ({"schedules": [plan()]}, Fault("without_limit", "schedule", 0)),
        (
            {"schedules": [plan(up_to=300), plan(up_to=400, steps=[step(), step(9, "-1")])]},
            Fault("negative", "step", 1, 1),
        ),
        ({"schedules": [plan(up_to=300, money_quantum=ONE)]}, Fault("money_rounding_incomplete", "plan", None, 0)),
    ],
)  # fmt: skip
def test_a_fault_stands_at_its_row(facts, fault):
    assert fault in faults_of(plan(**facts), MeterType.ELECTRICITY)
