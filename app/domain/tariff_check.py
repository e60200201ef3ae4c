"""Runs worked tariff cases against the engine and says where it comes out differently.

A case passes when every figure stated for every purchase of it comes out within the stated
tolerance.  Units are judged as the plan rounds them (rule b), amounts as the case rounds
money, lines before any rounding.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Final

from app.domain import purchase
from app.domain.case_file import Case, CasePurchase, CaseState, read_cases
from app.domain.case_shape import FIGURES, LINE, CaseError
from app.domain.compile import TENTHS, CompiledPlan, compile_plan
from app.domain.errors import Refusal
from app.domain.lines import Breakdown, plain
from app.domain.money import Exact, whole_or_fraction
from app.domain.plan import ENERGY, FIXED, FeeState, History, Plan
from app.domain.quote import LineKind
from app.domain.ranges import range_for

# Exact figures are compared; the minor unit only says in what the tender is handed over.
MINOR_PER_MAJOR: Final = 1
# What is summed over lines, beside the lines themselves and each kind of them.
TOTALS: Final = frozenset({"fixed_taken", "fixed_carried", "energy_money", "penalty"})
FIXED_KINDS: Final = frozenset({LineKind.FEE, LineKind.ARREARS})


@dataclass
class _Run:
    """The state a case's purchases share: what those before have delivered."""

    compiled: CompiledPlan
    known: frozenset[str]
    delivered: Exact = 0
    faults: list[str] = field(default_factory=list)


def run(files: Iterable[str | Path], case_ids: Iterable[str] = ()) -> tuple[int, int, list[str]]:
    """Run the cases of `files` (only those in `case_ids`, if any): passed, failed, a line each fault.

    A file or case that cannot be read, and an id that is in no file, count as failed.
    """
    wanted = list(dict.fromkeys(case_ids))
    passed, lines, seen = 0, list[str](), set[str]()
    failed = 0
    for path in files:
        try:
            cases = read_cases(path)
        except CaseError as error:
            failed += 1
            lines.append(str(error))
            continue
        for name, case in cases:
            if wanted and name not in wanted:
                continue
            seen.add(name)
            faults = [str(case)] if isinstance(case, CaseError) else check_case(case)
            passed, failed = passed + (not faults), failed + bool(faults)
            lines += [f"{name}: {fault}" for fault in faults]
    for name in wanted:
        if name not in seen:
            failed += 1
            lines.append(f"{name}: no such case")
    return passed, failed, lines


def check_case(case: Case) -> list[str]:
    """What comes out differently in one case; empty if nothing does."""
    try:
        state = _Run(compile_plan(case.plan), _known_figures(case.plan))
        for index, wish in enumerate(case.purchases, start=1):
            for fault in _check_purchase(state, case, wish):
                state.faults.append(f"purchase {index}: {fault}")
    except Refusal as refusal:
        return [str(refusal)]
    except (ArithmeticError, LookupError, TypeError, ValueError) as error:
        # NB: whatever one odd case brings about is its own fault; the others are judged all the same.
        return [*state.faults, f"the engine broke off: {type(error).__name__}: {error}"]
    return state.faults


def _check_purchase(state: _Run, case: Case, wish: CasePurchase) -> list[str]:
    history = _history(case.plan, wish.state, state.delivered if wish.continues else 0)
    try:
        if wish.by == "amount":
            bought = purchase.by_amount(state.compiled, history, wish.wish, MINOR_PER_MAJOR)
        else:
            bought = _by_quantity(state.compiled, history, whole_or_fraction(wish.wish * TENTHS))
    except Refusal as refusal:
        return [str(refusal)]
    figures = _figures(wish, bought)
    state.delivered = history.units_before + whole_or_fraction(figures["units"] * TENTHS)
    faults = []
    for key, stated in wish.expect.items():
        nothing = Fraction(0) if key in state.known and key.startswith(LINE) else None
        found = figures.get(key, nothing)
        if found is None:
            faults.append(f"expect.{key} is not a figure of this purchase")
        elif abs(found - stated) > wish.tolerance[key]:
            faults.append(f"{key} is {plain(found)}, stated {plain(stated)}")
    return faults


def _by_quantity(compiled: CompiledPlan, history: History, wish: Exact) -> Breakdown:
    where = range_for(compiled, history, wish)
    if where.high is not None and wish > where.high:
        raise where.refusal(maximum=where.high)
    return purchase.by_quantity(where, history, wish, MINOR_PER_MAJOR)


def _history(plan: Plan, state: CaseState, delivered: Exact) -> History:
    """The meter's past; months due count for every fee, and are one where nothing is said."""
    months = state.months_due
    due = months.numerator // months.denominator
    fees = {
        fee.code: FeeState(due, (months - due) * fee.amount * fee.times) for fee in plan.all_fees
    }
    return History(
        units_before=delivered if state.units_before is None else state.units_before,
        fees=fees,
        days_in_month=state.days_in_month,
        lifeline_months=state.lifeline_months,
        debt=state.debt,
    )


def _known_figures(plan: Plan) -> frozenset[str]:
    """Every figure that a purchase under the plan can have: a line of it may well come to nothing."""
    kinds = [kind.value for kind in LineKind if kind is not LineKind.ROUNDING]
    lines = {*kinds, *(f"{kind}_total" for kind in kinds), *TOTALS, ENERGY, FIXED}
    for one in (plan, *(schedule.plan for schedule in plan.by_total)):
        lines |= {fee.code for fee in one.fees} | {fee.code for fee in one.fees_first}
        lines |= {levy.code for levy in one.levies} | {tax.code for tax in one.taxes}
    return FIGURES | {f"{LINE}{line}" for line in lines}


def _figures(wish: CasePurchase, bought: Breakdown) -> dict[str, Fraction]:
    """Every figure a case may state, by its key."""
    lines = bought.lines(0)[:-1]
    sums: dict[str, Fraction] = {}
    for line in lines:
        keys = {line.code, f"{line.kind.value}_total"}
        if line.kind in FIXED_KINDS:
            keys |= {"fixed", "fixed_taken"}
        if line.kind is LineKind.FINE:
            keys |= {"penalty"}
        for key in keys:
            sums[f"line.{key}"] = sums.get(f"line.{key}", Fraction(0)) + line.amount
    for kind in LineKind:  # "line.levy" is all levies, unless one is called so
        if (total := sums.get(f"line.{kind.value}_total")) is not None:
            sums.setdefault(f"line.{kind.value}", total)
    fees = bought.fees()
    owed = sum((one.state.carried for one in bought.deductions.owed), Fraction(0))
    sums["line.fixed_carried"] = owed + sum((fee.assessed - fee.taken for fee in fees), Fraction(0))
    sums["line.energy_money"] = Fraction(bought.taken.left, bought.compiled.grain)
    amount = Fraction(bought.total_minor)
    plan = bought.compiled.plan
    units = Fraction(bought.tenths, TENTHS)
    rounded = wish.by == "amount" and plan.unit_rounding
    sums["units"] = rounded.apply(units) if rounded else units
    if wish.by == "amount":
        sums["change"] = wish.wish - amount
    sums["amount"] = plan.money_rounding.apply(amount) if plan.money_rounding else amount
    return sums
