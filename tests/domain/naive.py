"""A second, plain reading of the price rules, to hold the engine against.

It follows the words of the rules on the amounts themselves (each line, then each tax on its
bases), without grains, curves or compiled plans, and knows only the forward direction: what a
quantity costs beyond the deductions (`units_cost`), and what the deductions leave of a purchase
(`left_for_units`).  A price is right when both are the same.
"""

from __future__ import annotations

from fractions import Fraction

from app.domain.plan import Fee, History, Plan
from app.domain.states import ChargeMethod, Recovery, StepPeriod

Component = tuple[set[str], Fraction, tuple[str, ...] | None]
NOTHING = Fraction(0)


def cost(plan: Plan, history: History, tenths: Fraction) -> Fraction:
    """What `tenths` cost in major units with the fees that are due, where nothing is a share."""
    fees = sum((_with_taxes(plan, _fee(fee, money)) for fee, money in _asked(plan, history)), NOTHING)
    return units_cost(plan, history, tenths) + fees


def chosen(plan: Plan, history: History, tenths: Fraction) -> Plan | None:
    """The schedule that the period's total selects, or None beyond the last."""
    if not plan.by_total:
        return plan
    for schedule in plan.by_total:
        if schedule.up_to is None or history.units_before + tenths <= schedule.up_to:
            return schedule.plan
    return plan if plan.steps else None


def within(plan: Plan, history: History, tenths: Fraction) -> bool:
    """Whether steps and fines of a schedule provide for so many units."""
    before = 0 if plan.step_period is StepPeriod.PURCHASE else history.units_before
    *_, (_, _, end) = _bounds(plan, history)
    return (end is None or (before + tenths) / Fraction(10) <= end) and (
        not plan.fines or plan.fines_end is None or tenths <= plan.fines_end
    )


def units_cost(plan: Plan, history: History, tenths: Fraction) -> Fraction:
    """Steps, levies, a fine and, where fees go by the unit, those: with their taxes."""
    units = Fraction(tenths) / 10
    components: list[Component] = []
    reached = plan.steps[0]
    for step, low, high in _bounds(plan, history):
        before = Fraction(0) if plan.step_period is StepPeriod.PURCHASE else history.units_before
        before = Fraction(before) / 10
        inside = (
            min(before + units, high) - max(before, low)
            if high is not None
            else (before + units - max(before, low))
        )
        if inside > 0:
            reached = step
            components.append(({"energy"}, inside * step.price, step.taxes))
    components += [({levy.code}, units * levy.price, None) for levy in plan.levies]
    fines = [fine for fine in plan.fines if tenths > fine.start]
    if fines:
        taxed = plan.fines_taxed
        names = {"fine", "energy"} if taxed else {"fine"}
        components.append((names, fines[-1].amount, reached.taxes if taxed else None))
    if plan.fee_recovery is Recovery.CAPPED and plan.fee_cap_unit is not None:
        allowance = units * plan.fee_cap_unit
        for fee, money in _asked(plan, history):
            paid = min(money, allowance)
            allowance -= paid
            components.append(_fee(fee, paid))
    return sum((_with_taxes(plan, component) for component in components), NOTHING)


def left_for_units(plan: Plan, history: History, tender: Fraction) -> Fraction:
    """What a tender leaves for units: channel fees, debt, taxes of the gross and fees come first."""
    firsts = [({fee.code}, fee.amount, None) for fee in plan.fees_first]
    purchase = tender - sum((_with_taxes(plan, first) for first in firsts), NOTHING)
    left = purchase - sum((tax.rate for tax in plan.taxes if tax.of_gross), NOTHING) * tender
    if history.debt:  # the tax is owed on all that is handed over, so the debt waits for it
        left -= max(NOTHING, min(history.debt.balance, history.debt.share * tender, left))
    if plan.fee_recovery is Recovery.CAPPED and plan.fee_cap_unit is not None:
        return left
    allowance = None if plan.fee_cap_share is None else plan.fee_cap_share * tender
    for fee, money in _asked(plan, history):
        if allowance is None:
            left -= _with_taxes(plan, _fee(fee, money))
            continue
        paid = min(money, allowance)
        whole = _with_taxes(plan, _fee(fee, paid))
        if whole > left:  # the fee and its taxes take what there is
            there = max(left, NOTHING)
            paid, whole = paid * there / whole, there
        allowance, left = allowance - paid, left - whole
    return left


def _asked(plan: Plan, history: History) -> list[tuple[Fee, Fraction]]:
    """What each fee asks for, as the price list states it."""
    found = []
    for fee in plan.fees:
        state = history.fees[fee.code]
        periods = 1 if fee.method is ChargeMethod.PURCHASE else state.periods_due
        price = fee.amount * fee.times
        if plan.fee_recovery is Recovery.FORGIVEN:
            found.append((fee, min(periods, 1) * price))
        else:
            found.append((fee, periods * price + state.carried))
    return found


def _fee(fee: Fee, money: Fraction) -> Component:
    return ({"fixed", fee.code}, money, None)


def _bounds(plan: Plan, history: History):
    """Each step with its bounds in units, scaled and with the lifeline of missed months."""
    scale = Fraction(1)
    if plan.step_scale_days and history.days_in_month:
        scale = Fraction(history.days_in_month, plan.step_scale_days)
    edges = [step.start * scale / 10 for step in plan.steps]
    end = None if plan.steps_end is None else plan.steps_end * scale / 10
    highs = [*edges[1:], end]
    longer = (highs[0] or 0) * (history.lifeline_months - 1)
    for number, (step, low, high) in enumerate(zip(plan.steps, edges, highs, strict=True)):
        yield step, low + longer if number else low, None if high is None else high + longer


def _with_taxes(plan: Plan, component: Component) -> Fraction:
    names, amount, allowed = component
    if plan.tax_inclusive:
        return amount
    due: dict[str, Fraction] = {}
    for tax in plan.taxes:
        if tax.of_gross or (allowed is not None and tax.code not in allowed):
            continue
        base = amount if names & set(tax.bases) else Fraction(0)
        base += sum(due.get(code, Fraction(0)) for code in tax.bases)
        due[tax.code] = tax.rate * base
    return amount + sum(due.values(), Fraction(0))
