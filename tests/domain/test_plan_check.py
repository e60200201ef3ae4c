"""A plan that contradicts itself is told so at the row."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import pytest

from app.domain.compile import compile_plan, ready
from app.domain.errors import BadPlan
from app.domain.plan import Charge, Fee, Fine, Levy, Plan, Schedule, Step, Tax
from app.domain.plan_check import Fault, faults, range_faults
from app.domain.states import ChargeMethod, Recovery, StepPeriod

ONE = Fraction(1)
GOOD = Plan(
    "good", (Step(0, ONE), Step(100, Fraction(2))), taxes=(Tax("vat", "VAT", Fraction("0.2")),)
)


def fee(code):
    return Fee(code, "", ONE, ChargeMethod.MONTH)


def test_a_sound_plan_has_no_fault():
    assert faults(GOOD) == ()


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"steps": ()}, Fault("missing", "step")),
        ({"steps": (Step(5, ONE),)}, Fault("first_not_zero", "step", 0)),
        ({"steps": (Step(0, ONE), Step(9, ONE), Step(7, ONE))}, Fault("not_ascending", "step", 2)),
        ({"steps": (Step(0, -ONE), Step(9, ONE))}, Fault("negative", "step", 0)),
        ({"steps_end": 100}, Fault("end_before_start", "step", 1)),
        ({"steps": (Step(0, Fraction(0)),)}, Fault("free_without_end", "step", 0)),
        ({"steps": (Step(0, ONE, ("tva",)),)}, Fault("unknown_tax", "step", 0)),
        ({"step_scale_days": 0}, Fault("days_not_positive", "step")),
        ({"fines": (Fine(0, ONE), Fine(0, ONE))}, Fault("not_ascending", "fine", 1)),
        ({"fines": (Fine(0, ONE), Fine(5, Fraction(0)))}, Fault("falls", "fine", 1)),
        ({"fines": (Fine(-1, ONE),)}, Fault("negative_start", "fine", 0)),
        ({"fines": (Fine(5, ONE),), "fines_end": 5}, Fault("end_before_start", "fine", 0)),
        ({"fees": (replace(fee("rent"), times=-ONE),)}, Fault("negative", "fee", 0)),
        ({"fees": (fee("rent"), fee("rent"))}, Fault("code_taken", "fee", 1)),
        ({"levies": (Levy("vat2", "", -ONE),)}, Fault("negative", "levy", 0)),
        ({"levies": (Levy("vat", "", ONE),)}, Fault("code_taken", "tax", 0)),
        ({"fees_first": (Charge("a", "", -ONE),)}, Fault("negative", "first", 0)),
        ({"taxes": (Tax("vat", "", -ONE),)}, Fault("negative", "tax", 0)),
        ({"taxes": (Tax("vat", "", ONE, ("later",)),)}, Fault("unknown_base", "tax", 0)),
        ({"taxes": (Tax("g", "", ONE, (), True),)}, Fault("gross_too_high", "tax")),
        ({"fee_recovery": Recovery.CAPPED}, Fault("cap_not_a_share", "plan")),
        (
            {"fee_recovery": Recovery.CAPPED, "fee_cap_share": ONE, "fee_cap_unit": ONE},
            Fault("two_caps", "plan"),
        ),
        (
            {"fee_recovery": Recovery.CAPPED, "fee_cap_unit": Fraction(0)},
            Fault("cap_not_positive", "plan"),
        ),
        ({"debt_share": Fraction(0)}, Fault("debt_not_a_share", "plan")),
        ({"debt_share": Fraction(2)}, Fault("debt_not_a_share", "plan")),
        (
            {"lifeline_adds_up": True, "step_period": StepPeriod.YEAR},
            Fault("lifeline_needs_month", "plan"),
        ),
        ({"fees": (replace(fee("rent"), capacity_unit="MW"),)}, Fault("unknown_unit", "fee", 0)),
        ({"fees": (fee("a"),), "fees_first": (Charge("a", "", ONE),)}, Fault("code_taken", "first", 0)),
        ({"taxes": (Tax("a", "", ONE, ("a",)),)}, Fault("own_base", "tax", 0)),
        (
            {"taxes": (Tax("a", "", ONE, ("b",)), Tax("b", "", ONE, ("energy", "a")))},
            Fault("circle", "tax", 0),
        ),
        (
            {"taxes": (Tax("g", "", Fraction("0.1"), (), True), Tax("g", "", ONE))},
            Fault("code_taken", "tax", 1),
        ),
        (
            {"by_total": (Schedule(None, GOOD), Schedule(None, GOOD))},
            Fault("open_before_last", "schedule", 0),
        ),
        (
            {"by_total": (Schedule(9, GOOD), Schedule(9, GOOD))},
            Fault("not_ascending", "schedule", 1),
        ),
        (
            {"by_total": (Schedule(9, replace(GOOD, by_total=(Schedule(1, GOOD),))),)},
            Fault("nested", "schedule", 0),
        ),
        ({"by_total": (Schedule(9, replace(GOOD, steps=())),)}, Fault("missing", "step", None, 0)),
    ],
)
def test_a_contradiction_is_found_and_not_priced(change, fault):
    plan = replace(GOOD, **change)
    assert fault in faults(plan)
    with pytest.raises(BadPlan):
        compile_plan(plan)


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"fines": tuple(Fine(n, ONE) for n in range(6))}, Fault("too_many", "fine", 5)),
        ({"taxes": (Tax("vat", "", Fraction(2)),)}, Fault("rate_over_100", "tax", 0)),
    ],
)
def test_what_only_the_form_refuses_has_a_price_all_the_same(change, fault):
    plan = replace(GOOD, **change)
    assert faults(plan) == (fault,)
    assert compile_plan(plan).grain


def test_a_row_of_a_schedule_says_of_which():
    plan = replace(GOOD, by_total=(Schedule(9, GOOD), Schedule(None, replace(GOOD, steps_end=1))))
    assert faults(plan) == (Fault("end_before_start", "step", 1, 1),)


@pytest.mark.parametrize(
    ("rows", "reasons"),
    [
        ([(0, 500), (500, 900), (900, None)], []),
        ([(0, 500), (510, 900), (910, None)], []),  # 0 to 50, 51 to 90: whole units
        ([(0, 500), (520, None)], [("gap", 1)]),
        ([(0, 500), (499, None)], [("overlap", 1)]),
        ([(0, 500), (600, 900), (500, None)], [("gap", 1), ("not_ascending", 2)]),
        ([(0, None), (500, None)], [("open_before_last", 0)]),
        ([(10, 500)], [("first_not_zero", 0)]),
        ([(-10, 500)], [("negative_start", 0)]),
        ([(0, 500), (500, 400)], [("end_before_start", 1)]),
    ],
)
def test_rows_typed_with_both_ends_are_told_at_the_row(rows, reasons):
    assert [(fault.reason, fault.row) for fault in range_faults(rows, "step")] == reasons


def test_fines_may_begin_above_nought():
    assert range_faults([(500, None)], "fine") == ()


def test_a_plan_by_capacity_is_not_priced_before_the_capacity_is_known():
    plan = replace(GOOD, fees=(replace(fee("rent"), per_capacity=True),))
    assert faults(plan) == ()
    with pytest.raises(BadPlan):
        compile_plan(plan)
    assert compile_plan(plan.with_capacity(Fraction("2.2"))).fees[0].cost == 2200


def test_a_levy_makes_a_free_last_step_possible():
    assert (
        faults(replace(GOOD, steps=(Step(0, Fraction(0)),), levies=(Levy("fuel", "", ONE),))) == ()
    )


def test_a_fee_may_be_called_fixed():
    assert faults(replace(GOOD, fees=(fee("fixed"),))) == ()


def test_a_plan_is_compiled_once():
    assert ready(GOOD) is ready(GOOD)
    twin = replace(GOOD)
    assert ready(twin) is not ready(GOOD)
    assert ready(ready(twin)) is ready(twin)
