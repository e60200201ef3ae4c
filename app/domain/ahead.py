"""What lies beside a priced purchase: the step it ends in, and the sums just below and above a jump.

A fine by the size of a purchase (or the end of a lifeline price list) makes the price jump: some sums
buy no quantity exactly.  The neighbours are solved by the engine itself, on the exact cost of the last
quantity below the jump and of the first one above; nothing is tried out.

>>> from fractions import Fraction
>>> from app.domain.money import Currency
>>> from app.domain.plan import Fine, History, Plan, Step
>>> from app.domain.pricing import quote_by_amount
>>> from app.domain.states import Settlement
>>> plan = Plan("M2", (Step(0, Fraction(1)),), fines=(Fine(5000, Fraction(100)),))
>>> terms = Terms(plan, History(), Currency("USD", "$", 2), Settlement.UP, lambda tenths: tenths, 10**6)
>>> beside = jump(quote_by_amount(plan, History(), 550_00, *terms[2:]), terms)
>>> beside.below, beside.above
(Sellable(amount_minor=50000, token_units=5000), Sellable(amount_minor=60010, token_units=5001))
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import NamedTuple

from app.domain import purchase
from app.domain.compile import TENTHS, CompiledPlan, ready
from app.domain.errors import PriceRefusal
from app.domain.fees import fees_owed
from app.domain.lines import Breakdown
from app.domain.money import Currency, Exact, Mode, round_whole, settle
from app.domain.plan import History, Plan
from app.domain.pricing import Holdable, quote_by_amount, quote_by_quantity
from app.domain.quote import LineKind, Quote
from app.domain.ranges import range_for, ranges
from app.domain.states import ChargeMethod, Settlement


class Terms(NamedTuple):
    """Under which a purchase was priced: what `quote_by_amount` takes beside the wish."""

    plan: Plan | CompiledPlan
    history: History
    currency: Currency
    settlement: Settlement
    representable: Holdable
    maximum: int

    def by_amount(self, amount_minor: int) -> Quote:
        """What the money buys.  Raises PriceRefusal."""
        return quote_by_amount(self.plan, self.history, amount_minor, *self[2:])

    def by_quantity(self, tenths: int) -> Quote:
        """What the quantity costs.  Raises PriceRefusal."""
        return quote_by_quantity(self.plan, self.history, tenths, *self[2:])


@dataclass(frozen=True, slots=True)
class StepAhead:
    """The step that the next unit after a purchase stands on.

    `left` is how many tenths of it are left (None: it is open), `price` what a unit costs with its taxes
    and levies (exact, major units), `next_price` that of the step after it.
    """

    number: int
    left: Exact | None
    price: Fraction
    next_number: int | None
    next_price: Fraction | None


@dataclass(frozen=True, slots=True)
class Sellable:
    """A sum that buys exactly so many tenths, with nothing left over."""

    amount_minor: int
    token_units: int


@dataclass(frozen=True, slots=True)
class Jump:
    """A jump of the price beside a purchase.

    `at` is the largest size below it (tenths) and `fine` the fine beyond it (exact, major units; 0 where a
    lifeline ends).  `crossed`: the purchase lies above the jump and pays for it; else the money stopped below it,
    and `left_minor` of it bought nothing.  `below` and `above` can be sold exactly.
    """

    at: Exact
    fine: Fraction
    crossed: bool
    left_minor: int
    below: Sellable | None
    above: Sellable | None


def fees_due(plan: Plan | CompiledPlan, history: History) -> tuple[Fraction, int]:
    """What the fees of days, weeks, months or years come to at the next purchase, and how many periods were missed.

    Exact major units, their taxes included; fees of each purchase are not due, and what is forgiven is not asked.
    """
    compiled = ready(plan)
    where = next(iter(ranges(compiled, history)), None)
    compiled = compiled if where is None else where.compiled
    owed = [one for one in fees_owed(compiled, history) if one.fee.method is not ChargeMethod.PURCHASE]
    grains = sum((one.asked * one.rate.cost for one in owed), Fraction(0))
    missed = max((round_whole(Fraction(one.asked), Mode.UP) - one.current for one in owed), default=0)
    return Fraction(grains) / compiled.grain, missed


def step_ahead(quote: Quote) -> StepAhead | None:
    """Where the next unit would stand; None where the steps end with this purchase, or it buys none."""
    bought = quote.explanation
    if not isinstance(bought, Breakdown) or not quote.token_units:
        return None
    position = bought.where.before + quote.token_units
    grain = bought.compiled.grain
    segments = [one for one in bought.where.curve.segments if one.end is None or one.end > position]
    if not segments:
        return None
    here, after = segments[0], segments[1] if len(segments) > 1 else None
    return StepAhead(
        here.number,
        None if here.end is None else here.end - position,
        Fraction(here.cost * TENTHS, grain),
        None if after is None else after.number,
        None if after is None else Fraction(after.cost * TENTHS, grain),
    )


def jump(quote: Quote, terms: Terms) -> Jump | None:
    """The jump that left money over, or the one that this purchase has crossed; None where there is none."""
    bought = quote.explanation
    if not isinstance(bought, Breakdown):
        return None
    if quote.left_minor:
        above = _first_above(max(round_whole(Fraction(bought.tenths), Mode.DOWN), quote.token_units), terms)
        fine = Fraction(0) if above is None else _fine(above)
        below = _sellable_for(quote.amount_minor, terms)
        return Jump(bought.tenths, fine, False, quote.left_minor, below, _exactly(above, terms))
    reached = bought.where.curve.fine_at(bought.tenths)
    at: Exact = max(bought.where.low, reached.start if reached is not None and reached.amount else 0)
    if not at or not bought.tenths:
        return None
    fine = reached.amount if reached is not None and at == reached.start else Fraction(0)
    return Jump(at, fine, True, 0, _last_below(at, terms), None)


def _fine(quote: Quote) -> Fraction:
    return sum((line.amount for line in quote.lines if line.kind is LineKind.FINE), Fraction(0))


def _first_above(tenths: int, terms: Terms) -> Quote | None:
    """The smallest quantity beyond these tenths that a token carries; large tokens move in coarser steps."""
    try:
        return terms.by_quantity(tenths + 1)
    except PriceRefusal:
        return None


def _last_below(at: Exact, terms: Terms) -> Sellable | None:
    """The money for the largest purchase that does not cross `at`."""
    compiled = ready(terms.plan)
    where = range_for(compiled, terms.history, at)
    scale = terms.currency.minor_per_major
    total = purchase.by_quantity(where, terms.history, at, scale).total_minor
    return _sellable_for(settle(Fraction(total), terms.settlement), terms)


def _exactly(quote: Quote | None, terms: Terms) -> Sellable | None:
    """The whole money that buys what `quote` does: its exact cost, raised to money that exists."""
    if quote is None or not isinstance(quote.explanation, Breakdown):
        return None
    return _sellable_for(round_whole(Fraction(quote.explanation.total_minor), Mode.UP), terms)


def _sellable_for(amount_minor: int, terms: Terms) -> Sellable | None:
    """The sum with what it buys; None where it buys nothing or not all of it is taken."""
    try:
        quote = terms.by_amount(amount_minor)
    except PriceRefusal:
        return None
    return Sellable(amount_minor, quote.token_units) if quote.token_units and not quote.left_minor else None
