"""Random sound plans and pasts, for properties that every price must have."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

from hypothesis import strategies as st

from app.domain.money import Currency, Mode, Rounding
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
from app.domain.states import ChargeMethod, Recovery, StepPeriod

MAXIMUM = 18_201_624
CURRENCIES = st.sampled_from(
    [Currency("XOF", "F", 0), Currency("USD", "$", 2), Currency("TND", "DT", 3)]
)
prices = st.integers(1, 5000).map(lambda cents: Fraction(cents, 100))
rates = st.sampled_from(["0.001", "0.025", "0.05", "0.16", "0.18", "0.5"]).map(Fraction)
times = st.sampled_from(["1", "1", "2.2", "40"]).map(Fraction)
shares = st.sampled_from(["0.1", "0.25", "0.5", "0.8"]).map(Fraction)
roundings = st.sampled_from(
    [
        Rounding(Mode.UP, Fraction(1, 10)),
        Rounding(Mode.UP, Fraction(1)),
        Rounding(Mode.HALF_UP, Fraction(1, 10)),
        Rounding(Mode.DOWN, Fraction(1, 10)),
        Rounding(Mode.UP, Fraction(5, 2)),
        Rounding(Mode.DOWN, Fraction(1, 100)),
        None,
    ]
)
sum_roundings = st.sampled_from(
    [
        None,
        Rounding(Mode.HALF_UP, Fraction(1, 20)),
        Rounding(Mode.UP, Fraction(5)),
        Rounding(Mode.DOWN, Fraction(1, 10)),
        Rounding(Mode.HALF_UP, Fraction(1, 100_000)),
    ]
)
UP = Rounding(Mode.UP, Fraction(1, 10))


def representable(tenths: int) -> int:
    """The least amount at or above `tenths` that a token holds: ten to the e, from 2**14 on."""
    exponent, start = 0, 0
    while tenths > start + (2**14 - 1) * 10**exponent:
        start += 2**14 * 10**exponent
        exponent += 1
    step = 10**exponent
    return start + -((start - tenths) // step) * step


@st.composite
def starts(draw: st.DrawFn, most: int) -> list[int]:
    """0 and up to `most` - 1 further starts, ascending (tenths)."""
    return [0, *sorted(draw(st.sets(st.integers(1, 30_000), max_size=most - 1)))]


@st.composite
def taxes(draw: st.DrawFn, levy_codes: list[str]) -> tuple[Tax, ...]:
    """Up to three taxes, each on energy, fees, levies or a tax before it."""
    found: list[Tax] = []
    for number in range(draw(st.integers(0, 3))):
        bases = ["energy", "fixed", *levy_codes, *(tax.code for tax in found)]
        chosen = draw(st.lists(st.sampled_from(bases), min_size=1, unique=True))
        found.append(Tax(f"tax{number}", f"Tax {number}", draw(rates), tuple(chosen)))
    return tuple(found)


@st.composite
def simple_plans(draw: st.DrawFn, *, fines: bool = True) -> Plan:
    """Steps, taxes, levies, fees taken whole and (if asked for) fines: nothing that is a share."""
    levies = tuple(Levy(f"levy{n}", "", draw(prices) / 100) for n in range(draw(st.integers(0, 2))))
    own = draw(taxes([levy.code for levy in levies]))
    codes = (
        st.lists(st.sampled_from([tax.code for tax in own]), unique=True) if own else st.just([])
    )
    steps = [
        Step(start, draw(prices), tuple(draw(codes)) if draw(st.booleans()) else None)
        for start in draw(starts(4))
    ]
    if len(steps) > 1 and draw(st.booleans()):
        steps[0] = replace(steps[0], price=Fraction(0))
    fees = tuple(
        Fee(f"fee{n}", f"Fee {n}", draw(prices), draw(st.sampled_from(list(ChargeMethod))), draw(times))
        for n in range(draw(st.integers(0, 3)))
    )
    amounts = sorted(draw(st.lists(prices, max_size=4))) if fines else []
    fine_starts = draw(
        st.lists(st.integers(0, 30_000), unique=True, min_size=len(amounts), max_size=4)
    )
    return Plan(
        "random",
        tuple(steps),
        steps_end=draw(st.sampled_from([None, 40_000])),
        step_period=draw(st.sampled_from(list(StepPeriod))),
        step_scale_days=draw(st.sampled_from([None, 30])),
        fines=tuple(map(Fine, sorted(fine_starts)[: len(amounts)], amounts)),
        fines_end=draw(st.sampled_from([None, 50_000])),
        fines_taxed=draw(st.booleans()),
        fees=fees,
        taxes=own,
        levies=levies,
        tax_inclusive=draw(st.booleans()),
        unit_rounding=draw(roundings),
    )


def by_the_month(plan: Plan) -> Plan:
    """The plan without fees, its steps counted by the month and their prices not falling."""
    prices = sorted(step.price for step in plan.steps)
    steps = (replace(step, price=price) for step, price in zip(plan.steps, prices, strict=True))
    return replace(
        plan, steps=tuple(steps), fees=(), step_period=StepPeriod.MONTH, unit_rounding=UP
    )


@st.composite
def full_plans(draw: st.DrawFn) -> Plan:
    """Everything the engine knows, shares, caps and lifeline schedules included."""
    plan = replace(draw(simple_plans()), money_rounding=draw(sum_roundings))
    match draw(st.sampled_from(["whole", "share", "unit", "forgiven"])):
        case "share":
            plan = replace(plan, fee_recovery=Recovery.CAPPED, fee_cap_share=draw(shares))
        case "unit":
            plan = replace(plan, fee_recovery=Recovery.CAPPED, fee_cap_unit=draw(prices) / 100)
        case "forgiven":
            plan = replace(plan, fee_recovery=Recovery.FORGIVEN)
    if draw(st.booleans()):
        gross = Tax("gross", "Of the gross", Fraction("0.03"), (), of_gross=True)
        plan = replace(plan, taxes=(*plan.taxes, gross))
    if draw(st.booleans()):
        plan = replace(plan, fees_first=(Charge("channel", "Channel", draw(prices)),))
        if draw(st.booleans()):
            plan = replace(plan, taxes=(*plan.taxes, Tax("on_channel", "", draw(rates), ("channel",))))
    if draw(st.booleans()):
        small = replace(plan, steps=(Step(0, draw(prices)),), fees=plan.fees[:1])
        ends = (draw(st.integers(1, 3000)), None)
        plan = replace(plan, steps=(), by_total=tuple(map(Schedule, ends, (small, plan))))
    return plan


@st.composite
def pasts(draw: st.DrawFn, plan: Plan, *, debt: bool = True) -> History:
    """A past that fits the plan's fees."""
    fees = {
        fee.code: FeeState(
            draw(st.integers(0, 4)), draw(st.sampled_from([Fraction(0), Fraction(7, 4)]))
        )
        for fee in plan.all_fees
    }
    owed = Debt(draw(prices) * 10, draw(shares)) if debt and draw(st.booleans()) else None
    return History(
        units_before=draw(st.integers(0, 39_000)),
        fees=fees,
        days_in_month=draw(st.sampled_from([None, 28, 30, 31])),
        lifeline_months=draw(st.integers(1, 3)),
        debt=owed,
    )
