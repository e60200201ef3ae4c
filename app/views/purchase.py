"""What the purchase page says: the meter, the sum with its rules in words, the month, the refusals.

Read only.  Prices are the server's; nothing here adds up money but the change.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from fractions import Fraction

from app.access.scope import Scope
from app.domain.errors import BadInput, PaidTooLittle, Refusal
from app.domain.money import Currency
from app.domain.states import SaleStatus
from app.services.pricing import Offer, Sight
from app.services.receipts import Sold, sold_under
from app.services.reserve import REFERENCE
from app.views import figures
from app.views.messages import sentence
from app.views.purchase_month import Month, Then, month_of, step_words, then_of
from app.views.sale_notes import Note, notes_of
from app.views.sum_lines import Worded, worded
from app.views.typed import TENTHS, Typed, row_id

# Which field of the page a refusal's field is.
PLACES = {
    "amount": "value",
    "quantity": "value",
    "received": "received",
    "meter_number": "meter",
    "no_vending_point": "point",
    "only_fees": "sale",
    "same_sale_ago": "again",
}
# What stands in the way of pressing Sell once more: said of the whole sale, not of what is typed.
OF_THE_SALE = frozenset({"sale", "point", "again"})
QUICK_UNITS = (10, 20, 50, 100, 200)
QUICK_SUMS = 6
LIKED = 3


@dataclass(frozen=True, slots=True)
class Circumstances:
    """What a price needs beside the wish: money, unit, and the meter as this person sees it."""

    currency: Currency
    unit: str
    sight: Sight

    @property
    def scope(self) -> Scope:
        """Whose rows."""
        return self.sight.scope


@dataclass(frozen=True, slots=True)
class Purchase:
    """One answer to what was typed: an offer with its words, or refusals at their fields.

    `sold` is the sale that this very purchase has become already (the page came back).
    """

    typed: Typed
    around: Circumstances
    offer: Offer | None = None
    lines: tuple[Worded, ...] = ()
    change: int | None = None
    month: Month | None = None
    then: Then | None = None
    ahead: str = ""
    notes: tuple[Note, ...] = ()
    refused: Mapping[str, str] = field(default_factory=dict)
    sold: Sold | None = None

    @property
    def only_fees(self) -> bool:
        """Whether the money buys no unit, which takes an explicit confirmation."""
        return self.offer is not None and self.offer.quote.token_units == 0

    @property
    def sellable(self) -> bool:
        """Whether the page may offer to sell: priced, and nothing typed is wrong.

        What is said of the whole sale (a price that moved) does not stand in the way.
        """
        return self.offer is not None and self.sold is None and not (set(self.refused) - OF_THE_SALE)

    def refuse(self, sentences: Mapping[str, str]) -> Purchase:
        """The same answer with one more refusal."""
        return replace(self, refused={**self.refused, **sentences})


def price_typed(typed: Typed, around: Circumstances) -> Purchase:
    """Price what was typed; nothing typed is no refusal."""
    sold = _sold(typed, around)
    if sold is not None and (sold.status is SaleStatus.FAILED or sold.meter_number != typed.meter_number):
        typed, sold = replace(typed, reference=""), None  # used up: the page gets a new one
    return replace(_priced(typed, around), sold=sold)


def _sold(typed: Typed, around: Circumstances) -> Sold | None:
    """The sale that stands under the purchase's reference already."""
    point = around.scope.vending_point_id or row_id(typed.point)
    if not REFERENCE(typed.reference) or point is None:
        return None
    return sold_under(typed.reference, point, around.scope)


def _priced(typed: Typed, around: Circumstances) -> Purchase:
    if not typed.value:
        return Purchase(typed, around)
    try:
        value = typed.wish_value(around.currency)
        offer = around.sight.quote(by_quantity=typed.by_quantity, value=value)
    except Refusal as refusal:
        return Purchase(typed, around, refused=at_field(refusal, around, by_quantity=typed.by_quantity))
    notes = notes_of(offer, around.sight, by_quantity=typed.by_quantity)
    refused: Mapping[str, str] = {}
    change = None
    try:
        change = _change(typed, offer)
    except Refusal as refusal:
        refused = at_field(refusal, around, place="received")
    return Purchase(
        typed=typed,
        around=around,
        offer=offer,
        lines=tuple(
            worded(offer.quote.lines, offer.quote.given_away, around.unit, around.currency, offer.quote.token_units)
        ),
        change=change,
        month=month_of(offer),
        then=then_of(offer, around.sight, offer.quote.amount_minor if typed.by_quantity else value),
        ahead=step_words(offer, around.currency, around.unit),
        notes=notes,
        refused=refused,
    )


def _change(typed: Typed, offer: Offer) -> int | None:
    """What to hand back; where nothing was typed, what is left of the amount that was named."""
    received = typed.received_minor(offer.currency)
    if received is None:
        return offer.quote.left_minor or None
    if received < offer.quote.amount_minor:
        raise PaidTooLittle(amount=offer.quote.amount_minor)
    return received - offer.quote.amount_minor


def at_field(
    refusal: Refusal, around: Circumstances, place: str = "value", *, by_quantity: bool = False
) -> dict[str, str]:
    """The refusal's sentence under the field it belongs to; `sale` when it belongs to none.

    `place` is the field whose text was being read, `by_quantity` whether it held units.
    """
    if isinstance(refusal, BadInput) and refusal.field is None:
        where = place
    else:
        where = PLACES.get(type(refusal).code) or PLACES.get(refusal.field or "", "sale")
    decimals = TENTHS.decimals if by_quantity and where == "value" else around.currency.decimals
    return {where: sentence(refusal, around.currency, around.unit, decimals, till=True)}


def quick_values(around: Circumstances) -> list[tuple[str, list[tuple[str, str]]]]:
    """Round values to press, for either side: what is sent and what is read.

    Amounts are what the meter liked before, beside round sums near the price of 10 to 500 units; a meter that
    cannot buy has none.
    """
    units = [(figures.units(10 * number), str(number)) for number in QUICK_UNITS]
    try:
        hundred = around.sight.quote(by_quantity=True, value=1000)
    except Refusal:
        return []
    currency = around.currency
    price = hundred.plan.steps[0].price * currency.minor_per_major
    liked = around.sight.habit.sums[:LIKED]
    rounded = sorted({_round_sum(price * number) for number in (*QUICK_UNITS, 500)} - set(liked))
    sums = sorted({*liked, *rounded[: QUICK_SUMS - len(liked)]})
    shown = [figures.money(minor, currency.decimals) for minor in sums]
    amounts = list(zip(shown, shown, strict=True))  # as the box and the sum write it
    return [("amount", amounts), ("quantity", units)]


def _round_sum(minor: Fraction) -> int:
    """The 1, 2, 5, 10, 20, 50 ... of minor units next to `minor`, seldom below it."""
    if minor < 1:
        return 1
    power = 10 ** (len(str(int(minor))) - 1)
    return next(int(step * power) for step in (1, 2, 5, 10) if step * power >= minor * Fraction(9, 10))
