"""Which sizes of a next purchase fall under which schedule, and where there is no more to buy.

A plan without lifeline schedules is one range of sizes; with them each schedule owns the
sizes that bring the period's total into its reach.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from app.domain.compile import CompiledPlan
from app.domain.curve import Curve, lower_end
from app.domain.errors import BeyondLastFine, PriceRefusal, QuantityBeyondLastStep
from app.domain.money import Exact
from app.domain.plan import History
from app.domain.states import StepPeriod


class Range(NamedTuple):
    """Sizes of a purchase (low, high] under one schedule; `refusal` says what ends it."""

    compiled: CompiledPlan
    curve: Curve
    before: Exact
    low: Exact
    high: Exact | None
    reach: Exact | None
    refusal: type[PriceRefusal]


def ranges(compiled: CompiledPlan, history: History) -> Iterator[Range]:
    """The schedules that a next purchase can fall under, the smallest sizes first."""
    low: Exact = 0
    for up_to, schedule in compiled.schedules or ((None, compiled),):
        reach = None if up_to is None else up_to - history.units_before
        if reach is not None and reach < low:
            continue
        curve = schedule.curve(history.days_in_month, history.lifeline_months)
        # Steps per purchase start anew every time, whatever was bought before.
        before = 0 if schedule.plan.step_period is StepPeriod.PURCHASE else history.units_before
        room = None if curve.steps_end is None else max(curve.steps_end - before, 0)
        high = lower_end(room, lower_end(curve.fines_end, reach))
        by_fine = high is not None and high == curve.fines_end
        yield Range(
            schedule,
            curve,
            before,
            low,
            high,
            reach,
            BeyondLastFine if by_fine else QuantityBeyondLastStep,
        )
        if reach is None:
            return
        low = reach


def range_for(compiled: CompiledPlan, history: History, tenths: Exact) -> Range:
    """The range that a purchase of `tenths` falls under, or the last one if it is too much."""
    found = None
    for found in ranges(compiled, history):
        if found.reach is None or tenths <= found.reach:
            return found
    if found is None:
        # NB: the period's total is beyond the last schedule already.
        raise QuantityBeyondLastStep(maximum=0)
    return found
