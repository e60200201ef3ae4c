"""What comes off a purchase before energy, and back: from the energy to the purchase.

The order is: channel fees (taken before anything else), recovered debt, taxes of the gross,
fixed fees with their taxes; the rest buys units.  Every share (taxes of the gross, the cap of
fees, the share of a debt) is one of the tender, all the money that is handed over.  A debt takes
no more than channel fees and the taxes of the gross leave.  Fees that are capped per unit come
off with the units themselves: the first ones cost more until the fees are covered.  All sums are grains.
"""

from __future__ import annotations

from fractions import Fraction
from typing import Final, NamedTuple

from app.domain.compile import CompiledPlan
from app.domain.fees import FeeOwed, fees_owed
from app.domain.money import Exact, whole_or_fraction
from app.domain.plan import History
from app.domain.states import Recovery


class Taken(NamedTuple):
    """How a purchase splits (grains; fees in periods); `left` buys units, below 0 it cannot be."""

    debt: Exact
    gross: tuple[Exact, ...]
    fees: tuple[Exact, ...]
    left: Exact


class Stretch(NamedTuple):
    """The units of a purchase from `start` to `end` tenths on which one fee is recovered.

    Each tenth costs `extra` grains more, and the units below have paid `below` grains in all.
    """

    start: Exact
    end: Exact | None
    extra: int
    below: Exact


class Deductions(NamedTuple):
    """The deductions of one meter at one moment under one plan.

    `first` and `fees` are the grains of channel and fixed fees asked for, taxes included.
    `stretches` are there where fees are capped per unit: one for each fee, then one that is
    free of fees; `fees` is 0 then.
    """

    owed: tuple[FeeOwed, ...]
    first: int
    fees: Exact
    cap_share: Fraction | None
    gross: tuple[Fraction, ...]
    debt: Exact
    debt_share: Fraction
    stretches: tuple[Stretch, ...] = ()

    @property
    def fixed(self) -> bool:
        """Whether no deduction depends on the size of the purchase."""
        return self.cap_share is None and not self.gross and not self.debt

    def split(self, purchase: Exact) -> Taken:
        """Split a purchase (grains, channel fees already off)."""
        whole = (0,) * len(self.owed) if self.stretches else tuple([owed.asked for owed in self.owed])
        if self.fixed:
            return Taken(0, (), whole, purchase - self.fees)
        tender = purchase + self.first
        gross = tuple(rate * tender for rate in self.gross)
        left = purchase - sum(gross)
        debt = min(self.debt, self.debt_share * tender, max(left, 0))
        left -= debt
        if self.cap_share is None:
            return Taken(debt, gross, whole, left - self.fees)
        allowance = self.cap_share * tender
        taken = []
        for owed in self.owed:
            periods = owed.asked
            if owed.stated:
                room = Fraction(max(left, 0), owed.rate.cost)
                periods = min(periods, Fraction(allowance, owed.stated), room)
            allowance -= periods * owed.stated
            left -= periods * owed.rate.cost
            taken.append(whole_or_fraction(periods))
        return Taken(debt, gross, tuple(taken), left)

    def on_units(self, tenths: Exact) -> Exact:
        """The grains of fees that `tenths` carry, where fees are capped per unit."""
        stretch = next((one for one in reversed(self.stretches) if tenths > one.start), None)
        return stretch.below + (tenths - stretch.start) * stretch.extra if stretch else 0

    def with_units(self, taken: Taken, tenths: Exact) -> Taken:
        """`taken` with the fees that `tenths` carry."""
        if not self.stretches:
            return taken
        periods = (
            whole_or_fraction(Fraction((min(tenths, part.end) - part.start) * part.extra, owed.rate.cost))
            if part.end is not None and tenths > part.start and owed.rate.cost
            else 0
            for owed, part in zip(self.owed, self.stretches, strict=False)
        )
        return taken._replace(fees=tuple(periods), left=taken.left - self.on_units(tenths))

    def purchase_for(self, energy: Exact) -> Exact:
        """The smallest purchase (grains) that leaves `energy` grains for units.

        What is left is piecewise linear in the purchase and its slope only grows, where the
        debt and each capped fee are covered: find the piece, solve it.
        """
        if self.fixed:
            return energy + self.fees
        if not energy and (self.cap_share is not None or not self.fees):
            return self._least()
        low, below = Fraction(0), self._left(0)
        for high in self._bends():
            above = self._left(high)
            if above >= energy and above > below:
                break
            low, below = high, above
        else:
            # Beyond the last bend one more grain leaves a constant share of itself.
            high, above = low + 1, self._left(low + 1)
        return low + (energy - below) * Fraction(high - low, 1) / Fraction(above - below)

    def _least(self) -> Fraction:
        """The purchase that just covers the taxes of the gross: debt and capped fees take what there is."""
        rate = sum(self.gross, Fraction(0))
        return self.first * rate / (1 - rate)

    def _left(self, purchase: Exact) -> Fraction:
        """What is left, even below zero where debt and fees would be cut to what there is."""
        tender = purchase + self.first
        debt = min(self.debt, self.debt_share * tender)
        left = purchase - debt - tender * sum(self.gross, Fraction(0))
        if self.cap_share is None:
            return left - self.fees
        allowance = self.cap_share * tender
        for owed in self.owed:
            stated = min(owed.asked * owed.stated, allowance)
            allowance -= stated
            left -= stated * Fraction(owed.rate.cost, owed.stated) if owed.stated else 0
        return left

    def _bends(self) -> list[Fraction]:
        """Purchases at which the debt or a capped fee is covered, ascending."""
        bends = []
        if self.debt and self.debt_share:
            bends.append(self.debt / self.debt_share - self.first)
        if self.cap_share is not None:
            covered: Exact = 0
            for owed in self.owed:
                covered += owed.asked * owed.stated
                bends.append(covered / self.cap_share - self.first)
        return sorted(bend for bend in bends if bend > 0)


ZERO: Final = Fraction(0)  # NB: made once, because making one costs more than a step of the walk
NOTHING: Final = Deductions((), 0, 0, None, (), 0, ZERO)


def deductions(compiled: CompiledPlan, history: History) -> Deductions:
    """What `history` makes of the plan's deductions."""
    if not (compiled.plan.fees or compiled.first or compiled.gross or history.debt):
        return NOTHING
    owed = fees_owed(compiled, history)
    debt, first, gross = history.debt, compiled.first_cost, compiled.gross
    balance = whole_or_fraction(debt.balance * compiled.grain) if debt and debt.share else 0
    share = debt.share if debt else ZERO
    if compiled.unit_fees:
        return Deductions(owed, first, 0, None, gross, balance, share, _stretches(owed))
    capped = owed and compiled.plan.fee_recovery is Recovery.CAPPED
    cap_share = compiled.plan.fee_cap_share if capped else None
    fees: Exact = 0
    for fee in owed:
        fees += fee.asked * fee.rate.cost
    return Deductions(owed, first, fees, cap_share, gross, balance, share)


def _stretches(owed: tuple[FeeOwed, ...]) -> tuple[Stretch, ...]:
    """One fee after the other is recovered, in the plan's order."""
    found: list[Stretch] = []
    start: Exact = 0
    below: Exact = 0
    for fee in owed:
        extra = fee.on_unit.cost if fee.on_unit else 0
        asked = fee.asked * fee.rate.cost
        end = start + whole_or_fraction(Fraction(asked, extra)) if extra else start
        found.append(Stretch(start, end, extra, below))
        start, below = end, below + asked
    return (*found, Stretch(start, None, 0, below))
