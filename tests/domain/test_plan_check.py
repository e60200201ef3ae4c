"""A plan that contradicts itself is told so at the row."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import pytest

from app.domain.compile import compile_plan, ready
from app.domain.errors import BadPlan
from app.domain.plan import Charge, Fee, Fine, Levy, Plan, Schedule, Step, Tax
from app.domain.plan_check import Fault, faults
from app.domain.states import ChargeMethod, Recovery

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
        ({"fines": tuple(Fine(n, ONE) for n in range(6))}, Fault("too_many", "fine", 5)),
        ({"fines": (Fine(0, ONE), Fine(0, ONE))}, Fault("not_ascending", "fine", 1)),
        ({"fines": (Fine(0, ONE), Fine(5, Fraction(0)))}, Fault("falls", "fine", 1)),
        ({"fines": (Fine(-1, ONE),)}, Fault("negative_start", "fine", 0)),
        ({"fines": (Fine(5, ONE),), "fines_end": 5}, Fault("end_before_start", "fine", 0)),
        ({"fees": (replace(fee("rent"), times=-ONE),)}, Fault("negative", "fee", 0)),
        ({"fees": (fee("rent"), fee("rent"))}, Fault("code_taken", "fee", 1)),
        ({"levies": (Levy("vat2", "", -ONE),)}, Fault("negative", "levy", 0)),
        ({"levies": (Levy("vat", "", ONE),)}, Fault("code_taken", "tax", 0)),
        ({"fees_first": (Charge("a", "", -ONE),)}, Fault("negative", "first", 0)),
        ({"taxes": (Tax("vat", "", Fraction(2)),)}, Fault("rate_over_100", "tax", 0)),
        ({"taxes": (Tax("vat", "", -ONE),)}, Fault("negative", "tax", 0)),
        ({"taxes": (Tax("vat", "", ONE, ("later",)),)}, Fault("unknown_base", "tax", 0)),
        ({"taxes": (Tax("g", "", ONE, (), True),)}, Fault("gross_too_high", "tax")),
        ({"fee_recovery": Recovery.CAPPED}, Fault("cap_not_a_share", "fee")),
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
        ({"by_total": (Schedule(9, replace(GOOD, steps=())),)}, Fault("missing", "step")),
    ],
)
def test_a_contradiction_is_found_and_not_priced(change, fault):
    plan = replace(GOOD, **change)
    assert fault in faults(plan)
    with pytest.raises(BadPlan):
        compile_plan(plan)


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
