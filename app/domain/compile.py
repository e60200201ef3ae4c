"""A sound plan made ready to price: every sum of its rules as whole grains.

>>> from app.domain.plan import Step
>>> plan = Plan("x", (Step(0, Fraction("0.41")), Step(500, Fraction("0.91"))))
>>> ready = compile_plan(plan)
>>> ready.grain, [segment.cost for segment in ready.curve(None, 1).segments]
(1000, [41, 91])
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from fractions import Fraction
from math import lcm
from typing import Final

from app.domain.curve import Curve, FineRange, Rate, Segment
from app.domain.errors import BadPlan
from app.domain.money import Exact, whole_or_fraction
from app.domain.plan import Plan
from app.domain.plan_check import require_sound
from app.domain.states import Recovery
from app.domain.taxing import (
    Load,
    gross_taxes,
    load_energy,
    load_fee,
    load_fine,
    load_first,
    load_levy,
)

# Every grain divides the thousandth of a major unit, the finest minor unit there is.
FINEST_MINOR: Final = 1000
TENTHS: Final = 10

# Net, each tax, total: major units, before they are made whole.
Row = tuple[Fraction, ...]

KEPT_MAX: Final = 256


@dataclass(frozen=True, slots=True)
class CompiledPlan:
    """A plan in grains: `grain` of them make one major unit.

    `first` and `fees` are rates for one charge and one period, `steps` and `levies` for one
    tenth of a unit, `fines` for one fine by the step reached, all in the plan's order;
    `unit_fees` are what a tenth pays to each fee where that is capped per unit, else empty;
    `first_cost` is what all channel fees come to, `gross` are the shares of the money handed
    over.  `schedules` are the lifeline schedules, lowest total first, each compiled on its own;
    without any the plan is its own schedule.
    """

    plan: Plan
    grain: int
    first: tuple[Rate, ...]
    fees: tuple[Rate, ...]
    unit_fees: tuple[Rate, ...]
    steps: tuple[Rate, ...]
    levies: tuple[Rate, ...]
    fines: tuple[tuple[Rate, ...], ...]
    gross: tuple[Fraction, ...]
    schedules: tuple[tuple[Exact | None, CompiledPlan], ...]
    first_cost: int
    _curves: dict[tuple[int | None, int], Curve] = field(
        default_factory=dict, repr=False, compare=False
    )

    def curve(self, days: int | None, lifeline_months: int) -> Curve:
        """The steps for a month of `days` in which `lifeline_months` first steps may be used."""
        key = (days if self.plan.step_scale_days else None, lifeline_months)
        curve = self._curves.get(key)
        if curve is None:
            curve = self._curves[key] = self._make_curve(*key)
        return curve

    def _make_curve(self, days: int | None, lifeline_months: int) -> Curve:
        starts, end = step_bounds(self.plan, days, lifeline_months)
        segments = (
            Segment(number, start, stop, step.price, rate.net, rate.taxes, rate.cost)
            for number, (start, stop, step, rate) in enumerate(
                zip(starts, (*starts[1:], end), self.plan.steps, self.steps, strict=True), start=1
            )
        )
        ends = (*(fine.start for fine in self.plan.fines), self.plan.fines_end)[1:]
        fines = (
            FineRange(number, fine.start, stop, fine.amount, rates)
            for number, (fine, stop, rates) in enumerate(
                zip(self.plan.fines, ends, self.fines, strict=True), start=1
            )
        )
        return Curve(tuple(segments), tuple(levy.net for levy in self.levies), tuple(fines))


_kept: dict[int, CompiledPlan] = {}


def step_bounds(
    plan: Plan, days: int | None, lifeline_months: int
) -> tuple[tuple[Exact, ...], Exact | None]:
    """Starts of the steps and the end of the last, in tenths, for this month and meter.

    Steps stated for a month of N days are scaled by the real days.  When the first steps of
    several months may be used now, the first grows by its own length for each, and what
    follows moves up with it.

    >>> from app.domain.plan import Step
    >>> step_bounds(Plan("x", (Step(0, Fraction(1)), Step(150, Fraction(2)))), None, 3)
    ((0, 450), None)
    """
    scale = Fraction(1)
    if plan.step_scale_days and days is not None:
        scale = Fraction(days, plan.step_scale_days)
    starts: list[Exact] = [whole_or_fraction(step.start * scale) for step in plan.steps]
    end = None if plan.steps_end is None else whole_or_fraction(plan.steps_end * scale)
    first_end = starts[1] if len(starts) > 1 else end
    if first_end is not None and lifeline_months != 1:
        extra = first_end * (lifeline_months - 1)
        starts[1:] = [start + extra for start in starts[1:]]
        end = None if end is None else end + extra
    return tuple(starts), end


def compile_plan(plan: Plan) -> CompiledPlan:
    """Check and compile `plan` (and its schedules); BadPlan if it contradicts itself."""
    require_sound(plan)
    return _compile(plan)


def ready(plan: Plan | CompiledPlan) -> CompiledPlan:
    """The compiled form of a plan, kept for plan objects that are priced again and again.

    The store goes by identity: a plan is immutable, and the compiled one holds on to it, so
    an id is never taken over by another plan while it is here.
    """
    if isinstance(plan, CompiledPlan):
        return plan
    known = _kept.get(id(plan))
    if known is None or known.plan is not plan:
        known = compile_plan(plan)
        if len(_kept) >= KEPT_MAX:
            _kept.clear()
        _kept[id(plan)] = known
    return known


def _compile(plan: Plan) -> CompiledPlan:
    if plan.capacity_fees:
        raise BadPlan(reason="fee.capacity_unknown")
    first = [_row(fee.amount, load_first(plan, fee.code)) for fee in plan.fees_first]
    fees = [_row(fee.amount * fee.times, load_fee(plan, fee)) for fee in plan.fees]
    unit_fees = []
    if plan.fee_recovery is Recovery.CAPPED and plan.fee_cap_unit is not None:
        cap = plan.fee_cap_unit / TENTHS
        unit_fees = [_row(cap, load_fee(plan, fee)) for fee in plan.fees]
    levies = [_row(levy.price / TENTHS, load_levy(plan, levy)) for levy in plan.levies]
    steps = [
        _with_levies(_row(step.price / TENTHS, load_energy(plan, step)), levies)
        for step in plan.steps
    ]
    fines = [
        [_row(fine.amount, load_fine(plan, step)) for step in plan.steps] for fine in plan.fines
    ]
    of_fines = (row for fine in fines for row in fine)
    rows: Iterable[Row] = (*first, *fees, *unit_fees, *levies, *steps, *of_fines)
    grain = lcm(FINEST_MINOR, *(value.denominator for row in rows for value in row))
    return CompiledPlan(
        plan,
        grain,
        _rates(first, grain),
        _rates(fees, grain),
        _rates(unit_fees, grain),
        _rates(steps, grain),
        _rates(levies, grain),
        tuple(_rates(fine, grain) for fine in fines),
        tuple(tax.rate for tax in gross_taxes(plan)),
        _schedules(plan),
        sum(rate.cost for rate in _rates(first, grain)),
    )


def _schedules(plan: Plan) -> tuple[tuple[Exact | None, CompiledPlan], ...]:
    """The lifeline schedules; a plan with steps of its own counts beyond the last of them."""
    found = [(schedule.up_to, _compile(schedule.plan)) for schedule in plan.by_total]
    if found and plan.steps and found[-1][0] is not None:
        found.append((None, _compile(replace(plan, by_total=()))))
    return tuple(found)


def _row(stated: Fraction, share: Load) -> Row:
    return stated * share.net, *(stated * tax for tax in share.taxes), stated * share.total


def _with_levies(step: Row, levies: list[Row]) -> Row:
    """The row of a step with the levies' taxes and totals in it, but not their net."""
    net, *others = step
    return net, *(
        value + sum(levy[i] for levy in levies) for i, value in enumerate(others, start=1)
    )


def _rates(rows: Iterable[Row], grain: int) -> tuple[Rate, ...]:
    whole = (tuple((value * grain).numerator for value in row) for row in rows)
    return tuple(Rate(row[0], row[1:-1], row[-1]) for row in whole)
