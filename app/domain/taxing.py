"""How one unit of stated money splits into what the utility keeps and each tax.

Taxes are linear, so every component of a price (a step's energy, a levy, a fee, a fine) can
be loaded on its own and added up later; that is what makes the inverse exact.

>>> excise = Tax("excise", "Excise", Fraction("0.03"))
>>> vat = Tax("vat", "VAT", Fraction("0.16"), ("energy", "excise"))
>>> share = load((excise, vat), frozenset({"energy"}))
>>> share.taxes, share.total
((Fraction(3, 100), Fraction(103, 625)), Fraction(2987, 2500))
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from app.domain.plan import ENERGY, FINE, FIXED, Fee, Levy, Plan, Step, Tax


@dataclass(frozen=True, slots=True)
class Load:
    """Per one unit of stated money: the net part, each tax (in the plan's order), the total."""

    net: Fraction
    taxes: tuple[Fraction, ...]
    total: Fraction


def load(
    taxes: tuple[Tax, ...],
    names: frozenset[str],
    allowed: tuple[str, ...] | None = None,
    inclusive: bool = False,
) -> Load:
    """Split one unit of a component that answers to `names` as a base.

    `allowed` limits which taxes may touch it (a step's own list); a tax on an earlier tax
    then falls away with it.  `inclusive`: the stated money already contains its taxes.
    """
    amounts: dict[str, Fraction] = {}
    for tax in taxes:
        touched = allowed is None or tax.code in allowed
        base = sum((amounts.get(code, Fraction(0)) for code in tax.bases), Fraction(0))
        if not names.isdisjoint(tax.bases):
            base += 1
        amounts[tax.code] = tax.rate * base if touched else Fraction(0)
    shares = tuple(amounts[tax.code] for tax in taxes)
    total = 1 + sum(shares, Fraction(0))
    if inclusive:
        return Load(1 / total, tuple(share / total for share in shares), Fraction(1))
    return Load(Fraction(1), shares, total)


def net_taxes(plan: Plan) -> tuple[Tax, ...]:
    """The taxes on net lines; those on the gross are taken elsewhere."""
    return tuple(tax for tax in plan.taxes if not tax.of_gross)


def gross_taxes(plan: Plan) -> tuple[Tax, ...]:
    """The taxes that are a share of the money handed over."""
    return tuple(tax for tax in plan.taxes if tax.of_gross)


def load_energy(plan: Plan, step: Step) -> Load:
    """The load on the energy of a step."""
    return load(net_taxes(plan), frozenset({ENERGY}), step.taxes, plan.tax_inclusive)


def load_levy(plan: Plan, levy: Levy) -> Load:
    """The load on a levy; a step's list of taxes is about its energy, not about levies."""
    return load(net_taxes(plan), frozenset({levy.code}), None, plan.tax_inclusive)


def load_fee(plan: Plan, fee: Fee) -> Load:
    """The load on a fixed fee."""
    return load(net_taxes(plan), frozenset({FIXED, fee.code}), None, plan.tax_inclusive)


def load_first(plan: Plan, code: str) -> Load:
    """The load on a channel fee: untaxed unless a tax names it."""
    return load(net_taxes(plan), frozenset({code}), None, plan.tax_inclusive)


def load_fine(plan: Plan, step: Step) -> Load:
    """The load on a fine: untaxed unless a tax names it, or the plan taxes it like energy.

    `step` is the highest step the purchase reaches: its taxes are the ones that count.
    """
    if plan.fines_taxed:
        return load(net_taxes(plan), frozenset({FINE, ENERGY}), step.taxes, plan.tax_inclusive)
    return load(net_taxes(plan), frozenset({FINE}), None, plan.tax_inclusive)
