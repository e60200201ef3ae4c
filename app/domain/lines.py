"""The lines of a sum, in the order they stand on the slip, each with the figures of its rule.

=========  ============================================================================
kind       params (ints, decimal text, code words)
=========  ============================================================================
channel    price
debt       balance (before), share
arrears    periods (missed, newly due), price, times, method; carried; left (still owed)
fee        periods, price, times, method; left; per_unit (cap); reason 'paid' and paid_on if 0.00
step       step, from, to (absent: open), price; units are counted over the step period
levy       price
fine       fine (its number), above, up_to (absent: open), price
tax        rate, base (money), part: fixed, step (with its number), fine, first or gross
rounding   exact (what the other lines come to exactly)
=========  ============================================================================
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from fractions import Fraction
from typing import Final, NamedTuple

from app.domain.compile import TENTHS, CompiledPlan
from app.domain.deductions import Deductions, Taken
from app.domain.fees import FeeOwed, fee_taken
from app.domain.money import Exact
from app.domain.plan import DEBT, ENERGY, FINE, ROUNDING, History
from app.domain.quote import FeeTaken, Line, LineKind
from app.domain.ranges import Range
from app.domain.taxing import gross_taxes, net_taxes

PLACES: Final = 10**8

Params = dict[str, int | str]


def plain(value: Exact) -> str:
    """A number as decimal text; thirds and the like to eight decimals.

    >>> plain(Fraction("29.50")), plain(150), plain(Fraction(-1, 3))
    ('29.5', '150', '-0.33333333')
    """
    if isinstance(value, int):
        return str(value)
    # NB: plain integers, because every figure of every line goes through here.
    top, bottom = value.numerator * PLACES, value.denominator
    scaled = (2 * top + bottom) // (2 * bottom)
    whole, part = divmod(abs(scaled), PLACES)
    sign = "-" if scaled < 0 else ""
    return f"{sign}{whole}.{part:08d}".rstrip("0").rstrip(".") if part else f"{sign}{whole}"


class Breakdown(NamedTuple):
    """One exact purchase: `tenths` of a unit for `total_minor`; makes its lines on demand."""

    where: Range
    history: History
    deductions: Deductions
    taken: Taken
    tenths: Exact
    total_minor: Exact
    minor_per_major: int

    @property
    def compiled(self) -> CompiledPlan:
        """The plan, or the schedule of it, that the purchase falls under."""
        return self.where.compiled

    @property
    def takes_something(self) -> bool:
        """Whether a fee or a debt is paid, even if no unit is bought."""
        return bool(self.taken.debt) or any(self.taken.fees)

    def fees(self) -> tuple[FeeTaken, ...]:
        """What became of each fixed fee."""
        pairs = zip(self.deductions.owed, self.taken.fees, strict=True)
        return tuple(fee_taken(owed, periods) for owed, periods in pairs)

    def lines(self, amount_minor: int) -> tuple[Line, ...]:
        """Every line, closed by the rounding line that makes them add up to `amount_minor`."""
        found = [*self._first(), *self._debt(), *self._fixed(), *self._steps()]
        found += [*self._levies(), *self._fine(), *self._gross()]
        exact = Fraction(self.total_minor) / self.minor_per_major
        rest = amount_minor - sum(line.amount_minor for line in found)
        rounded = Fraction(amount_minor, self.minor_per_major) - exact
        params: Params = {"exact": plain(exact)}
        found.append(Line(LineKind.ROUNDING, ROUNDING, "", params, None, rounded, rest))
        return tuple(found)

    def _line(
        self,
        kind: LineKind,
        code: str,
        name: str,
        grains: Exact,
        params: Params,
        tenths: Exact | None = None,
    ) -> Line:
        grain = self.compiled.grain
        printed = (2 * grains * self.minor_per_major + grain) // (2 * grain)
        quantity = None if tenths is None else Fraction(tenths, TENTHS)
        return Line(kind, code, name, params, quantity, Fraction(grains, grain), printed)

    def _taxes(self, grains: Iterable[Exact], params: Params) -> Iterator[Line]:
        """A line for each tax of one part of the sum that is not zero."""
        for tax, amount in zip(net_taxes(self.compiled.plan), grains, strict=True):
            if amount:
                base = Fraction(amount, self.compiled.grain) / tax.rate
                rule: Params = {"rate": plain(tax.rate), "base": plain(base), **params}
                yield self._line(LineKind.TAX, tax.code, tax.name, amount, rule)

    def _first(self) -> Iterator[Line]:
        for charge, rate in zip(self.compiled.plan.fees_first, self.compiled.first, strict=True):
            params: Params = {"price": plain(charge.amount)}
            yield self._line(LineKind.CHANNEL, charge.code, charge.name, rate.net, params)
            yield from self._taxes(rate.taxes, {"part": "first"})

    def _debt(self) -> Iterator[Line]:
        debt = self.history.debt
        if debt is not None and debt.balance:
            params: Params = {"balance": plain(debt.balance), "share": plain(debt.share)}
            yield self._line(LineKind.DEBT, DEBT, "", self.taken.debt, params)

    def _fixed(self) -> Iterator[Line]:
        taxes: list[Exact] = [0] * len(net_taxes(self.compiled.plan))
        for owed, periods in zip(self.deductions.owed, self.taken.fees, strict=True):
            # What is owed longest is paid first.
            arrears = min(owed.arrears, periods)
            if owed.arrears:
                yield self._fee(LineKind.ARREARS, owed, arrears, owed.arrears - arrears)
            yield self._fee(
                LineKind.FEE, owed, periods - arrears, owed.current - (periods - arrears)
            )
            taxes = [tax + periods * one for tax, one in zip(taxes, owed.rate.taxes, strict=True)]
        yield from self._taxes(taxes, {"part": "fixed"})

    def _fee(self, kind: LineKind, owed: FeeOwed, periods: Exact, left: Exact) -> Line:
        fee, state = owed.fee, owed.state
        params: Params = {
            "periods": owed.current if kind is LineKind.FEE else owed.due - owed.current,
            "price": plain(fee.amount),
            "times": plain(fee.times),
            "method": fee.method.value,
        }
        if kind is LineKind.ARREARS and owed.carried:
            params["carried"] = plain(state.carried)
        if owed.on_unit and self.compiled.plan.fee_cap_unit is not None:
            params["per_unit"] = plain(self.compiled.plan.fee_cap_unit)
        if left:
            params["left"] = plain(left * fee.amount * fee.times)
        if kind is LineKind.FEE and owed.forgiven:
            params["forgiven"] = plain(owed.forgiven)
        if kind is LineKind.FEE and not owed.current:
            params["reason"] = "paid"
            if state.paid_on is not None:
                params["paid_on"] = state.paid_on.isoformat()
        return self._line(kind, fee.code, fee.name, periods * owed.rate.net, params)

    def _steps(self) -> Iterator[Line]:
        if not self.tenths:
            return
        for segment, tenths in self.where.curve.parts(self.where.before, self.tenths):
            params: Params = {
                "step": segment.number,
                "from": plain(Fraction(segment.start, TENTHS)),
                "price": plain(segment.price),
            }
            if segment.end is not None:
                params["to"] = plain(Fraction(segment.end, TENTHS))
            yield self._line(LineKind.STEP, ENERGY, "", tenths * segment.net, params, tenths)
            taxes = (tenths * tax for tax in segment.taxes)
            yield from self._taxes(taxes, {"part": "step", "step": segment.number})

    def _levies(self) -> Iterator[Line]:
        if self.tenths:
            for levy, rate in zip(self.compiled.plan.levies, self.where.curve.levies, strict=True):
                params: Params = {"price": plain(levy.price)}
                yield self._line(
                    LineKind.LEVY, levy.code, levy.name, self.tenths * rate, params, self.tenths
                )

    def _fine(self) -> Iterator[Line]:
        fine = self.where.curve.fine_at(self.tenths) if self.tenths else None
        if fine is None or not fine.amount:
            return
        reached = self.where.curve.parts(self.where.before, self.tenths)[-1][0]
        rate = fine.rates[reached.number - 1]
        params: Params = {
            "fine": fine.number,
            "above": plain(Fraction(fine.start, TENTHS)),
            "price": plain(fine.amount),
        }
        if fine.end is not None:
            params["up_to"] = plain(Fraction(fine.end, TENTHS))
        yield self._line(LineKind.FINE, FINE, "", rate.net, params)
        yield from self._taxes(rate.taxes, {"part": "fine", "step": reached.number})

    def _gross(self) -> Iterator[Line]:
        for tax, amount in zip(gross_taxes(self.compiled.plan), self.taken.gross, strict=True):
            base = Fraction(amount, self.compiled.grain) / tax.rate if tax.rate else Fraction(0)
            params: Params = {"rate": plain(tax.rate), "base": plain(base), "part": "gross"}
            yield self._line(LineKind.TAX, tax.code, tax.name, amount, params)
