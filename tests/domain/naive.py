"""A second, plain reading of the price rules, to hold the engine against.

It follows the words of the rules on the amounts themselves (each line, then each tax on its
bases), without grains, curves or compiled plans, and knows only the forward direction.  It
leaves out what is a share of the purchase.
"""

from __future__ import annotations

from fractions import Fraction

from app.domain.plan import History, Plan
from app.domain.states import ChargeMethod, StepPeriod

Component = tuple[set[str], Fraction, tuple[str, ...] | None]


def cost(plan: Plan, history: History, tenths: Fraction) -> Fraction:
    """What `tenths` cost in major units, with the fees that are due."""
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
    for fee in plan.fees:
        state = history.fees[fee.code]
        periods = 1 if fee.method is ChargeMethod.PURCHASE else state.periods_due
        components.append(
            ({"fixed", fee.code}, periods * fee.amount * fee.times + state.carried, None)
        )
    fines = [fine for fine in plan.fines if tenths > fine.start]
    if fines:
        taxed = plan.fines_taxed
        names = {"fine", "energy"} if taxed else {"fine"}
        components.append((names, fines[-1].amount, reached.taxes if taxed else None))
    return sum((_with_taxes(plan, component) for component in components), Fraction(0))


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
        if allowed is not None and tax.code not in allowed:
            continue
        base = amount if names & set(tax.bases) else Fraction(0)
        base += sum(due.get(code, Fraction(0)) for code in tax.bases)
        due[tax.code] = tax.rate * base
    return amount + sum(due.values(), Fraction(0))
