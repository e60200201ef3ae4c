"""The curve of what a month costs, drawn by the server: points, lines and labels of one SVG.

A first purchase of the month is priced at every size that means something (where a step, a fine or
a schedule begins) and evenly between; costs are exact, only the place on paper is rounded.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise

from babel.numbers import format_compact_decimal
from flask_babel import gettext as _

from app.domain import purchase
from app.domain.compile import CompiledPlan
from app.domain.errors import Refusal
from app.domain.money import Currency
from app.domain.plan import History
from app.domain.ranges import range_for
from app.views import figures

# The box is about as wide as its place, so that its letters are as large as those around it.
WIDTH, HEIGHT = 336, 226
LEFT, RIGHT, TOP, BOTTOM = 54, 324, 30, 186
EVENLY = 48
GRID_LINES = 4
STANDARD = 3000  # tenths: what is shown of a plan of one step
SHORTEST = 1000
LARGE = 100_000  # such sums are written short on the axis: 1.2M
NEAR = 16  # labels of one axis closer than this lie on each other


@dataclass(frozen=True, slots=True)
class Mark:
    """A label on an axis or over the curve, and where it stands."""

    at: str
    text: str


@dataclass(frozen=True, slots=True)
class Chart:
    """Everything that the picture shows; places are text in the units of its box."""

    line: str
    other: str
    steps: tuple[Mark, ...]
    names: tuple[Mark, ...]
    across: tuple[Mark, ...]
    up: tuple[Mark, ...]
    end: tuple[str, str]
    other_end: tuple[str, str] | None
    said: str

    width = WIDTH
    height = HEIGHT
    left, right, top, bottom = LEFT, RIGHT, TOP, BOTTOM


def reach(plan: CompiledPlan) -> int:
    """How many tenths the picture shows: beyond the bounds that matter, round, and not past the end.

    A bound more than ten times the first one is for few; it would flatten what all others pay.
    """
    inner = plan.schedules[-1][1] if plan.schedules else plan
    starts = {int(step.start) for step in inner.plan.steps} | {int(up_to or 0) for up_to, _below in plan.schedules}
    bounds = sorted(start for start in starts if start > 0)
    far = STANDARD
    if bounds:
        far = max(2 * max(bound for bound in bounds if bound <= 10 * bounds[0]), SHORTEST)
        if bounds[-1] > far:
            far = max(far, 6 * bounds[0])
    fines = [int(fine.start) for fine in inner.plan.fines if fine.amount and 0 < fine.start <= 8 * far]
    wanted = _round_up(max([far, *(fine * 6 // 5 for fine in fines[:1])]))
    for end in (inner.plan.steps_end, inner.plan.fines_end):
        if end is not None:
            wanted = min(wanted, int(end))
    return max(wanted, 1)


def _round_up(value: int) -> int:
    power = 10 ** max(len(str(value)) - 1, 0)
    return next(step * power // 10 for step in (10, 12, 15, 20, 25, 30, 40, 50, 60, 80, 100) if step * power >= value * 10)


def costs(plan: CompiledPlan, history: History, far: int, scale: int) -> list[tuple[int, Fraction]]:
    """(tenths, minor units) of a first purchase, from nothing to `far`; sizes that cannot be had are left out."""
    parts = [below for _up_to, below in plan.schedules] or [plan]
    bounds = {int(row.start) for part in parts for row in (*part.plan.steps, *part.plan.fines)}
    bounds |= {int(up_to) for up_to, _below in plan.schedules if up_to is not None}
    evenly = {far * number // EVENLY for number in range(1, EVENLY + 1)}
    found = []
    for tenths in sorted({1, *evenly, *bounds, *(bound + 1 for bound in bounds)}):
        if not 0 < tenths <= far:
            continue
        try:
            where = range_for(plan, history, tenths)
            if where.high is None or tenths <= where.high:
                found.append((tenths, Fraction(purchase.by_quantity(where, history, tenths, scale).total_minor)))
        except Refusal:
            continue
    return found


def draw(
    plan: CompiledPlan, other: CompiledPlan | None, history: History, currency: Currency, unit: str
) -> Chart | None:
    """The picture of `plan`, and of the plan now in force (`other`) behind it."""
    far, scale = reach(plan), currency.minor_per_major
    own = costs(plan, history, far, scale)
    if not own:
        return None
    before = costs(other, history, far, scale) if other is not None else []
    top = _nice(max(cost for _tenths, cost in (*own, *before)))
    line, other_line = _line(own, far, top), _line(before, far, top)
    starts = [int(step.start) for step in plan.plan.steps if 0 < step.start < far]
    return Chart(
        line=" ".join(f"{x},{y}" for x, y in line),
        other=" ".join(f"{x},{y}" for x, y in other_line),
        steps=tuple(Mark(_x(start, far), "") for start in starts),
        names=_names([0, *starts, far], far),
        across=_across([0, *starts, far], far),
        up=tuple(
            Mark(_y(top * number / GRID_LINES, top), _short(top * number / GRID_LINES, currency))
            for number in range(GRID_LINES + 1)
        ),
        end=line[-1],
        other_end=other_line[-1] if other_line else None,
        said=_said(own, currency, unit),
    )


def _nice(most: Fraction) -> Fraction:
    """The round sum above the curve: 1, 2, 3, 4, 6 or 8 of a power of ten."""
    power = Fraction(10) ** (len(str(int(most))) - 1) if most >= 1 else Fraction(1)
    steps = (1, 2, 3, 4, 6, 8, 10, 20)
    return next(step * power for step in steps if step * power >= most)


def _line(points: Iterable[tuple[int, Fraction]], far: int, top: Fraction) -> list[tuple[str, str]]:
    return [(_x(tenths, far), _y(cost, top)) for tenths, cost in points]


def _x(tenths: int, far: int) -> str:
    return _place(LEFT + Fraction((RIGHT - LEFT) * tenths, far))


def _y(cost: Fraction, top: Fraction) -> str:
    return _place(BOTTOM - (BOTTOM - TOP) * cost / top)


def _place(value: Fraction) -> str:
    """A place on the paper, to a tenth."""
    tenths = round(value * 10)
    return f"{tenths // 10}.{tenths % 10}"


def _names(bounds: list[int], far: int) -> tuple[Mark, ...]:
    """"Step 1" over the middle of each step, where there is room for it."""
    if len(bounds) < 3:
        return ()
    spans = list(pairwise(bounds))
    return tuple(
        Mark(_x((low + high) // 2, far), _("Step %(step)s", step=number))
        for number, (low, high) in enumerate(spans, start=1)
        if (high - low) * (RIGHT - LEFT) // far > 3 * NEAR
    )


def _across(bounds: list[int], far: int) -> tuple[Mark, ...]:
    """Where steps begin, as far as the figures do not touch; the first and the last always."""
    room = 2 * NEAR * far // (RIGHT - LEFT)
    kept = [bounds[0]]
    for bound in bounds[1:-1]:
        if bound - kept[-1] >= room and bounds[-1] - bound >= room:
            kept.append(bound)
    kept.append(bounds[-1])
    return tuple(Mark(_x(bound, far), figures.units_short(bound)) for bound in kept)


def _short(minor: Fraction, currency: Currency) -> str:
    major = minor / currency.minor_per_major
    if major >= LARGE:
        return str(format_compact_decimal(int(major), locale=figures.habits(), fraction_digits=1))
    return figures.number(major, 0 if major.denominator == 1 else currency.decimals)


def _said(points: list[tuple[int, Fraction]], currency: Currency, unit: str) -> str:
    """The curve for who does not see it: what a quarter, half and all of it cost."""
    chosen = [points[len(points) * part // 4 - 1] for part in (1, 2, 4) if len(points) * part // 4]
    parts = [
        _(
            "%(units)s cost %(money)s",
            units=figures.ltr(f"{figures.units_short(tenths)} {unit}"),
            money=figures.with_code(figures.number(cost / currency.minor_per_major, currency.decimals), currency.code),
        )
        for tenths, cost in chosen
    ]
    return figures.listed(parts, ";")
