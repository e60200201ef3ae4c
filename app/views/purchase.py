"""What the purchase page says: the meter, the sum with its rules in words, the month, the refusals.

Read only.  Prices are the server's; nothing here adds up money but the change.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from fractions import Fraction

from app.access.scope import Scope
from app.domain.calendar import business_date, day_start_utc, next_month
from app.domain.errors import BadInput, PaidTooLittle, Refusal
from app.domain.money import Currency
from app.domain.states import SaleStatus, StepPeriod
from app.models.base import now
from app.services.pricing import Offer, Wish, obstacle, quote
from app.services.receipts import Sold, sold_under
from app.views import figures
from app.views.messages import sentence
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
REFERENCE = re.compile(r"[A-Za-z0-9._:-]{8,64}").fullmatch
QUICK_UNITS = (10, 20, 50, 100, 200)
YEAR = timedelta(days=366)


@dataclass(frozen=True, slots=True)
class Month:
    """The bar: bought before, this purchase, and where the next step begins (tenths)."""

    before: int
    now: int
    step_at: int | None
    step_no: int | None

    @property
    def end(self) -> int:
        """Where the bar ends: beyond both the purchase and the mark, with some air."""
        return max(self.before + self.now, self.step_at or 0, 1) * 115 // 100 + 1

    def part(self, tenths: int) -> str:
        """A place on a bar of 1000."""
        return str(tenths * 1000 // self.end)


@dataclass(frozen=True, slots=True)
class Circumstances:
    """What a price needs beside the wish: money, unit, whose rows, how far the clock may be ahead."""

    currency: Currency
    unit: str
    scope: Scope
    ahead: timedelta


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
    later: tuple[str, int] | None = None
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


def why_not(meter_number: str, around: Circumstances) -> str | None:
    """The sentence why this meter may buy nothing, whatever is typed; None when it may."""
    refusal = obstacle(meter_number, around.scope, ahead=around.ahead)
    return None if refusal is None else sentence(refusal, around.currency, around.unit)


def _priced(typed: Typed, around: Circumstances) -> Purchase:
    if not typed.value:
        return Purchase(typed, around)
    try:
        wish = Wish(typed.meter_number, typed.by_quantity, typed.wish_value(around.currency))
        offer = quote(wish, around.scope, ahead=around.ahead)
    except Refusal as refusal:
        return Purchase(typed, around, refused=at_field(refusal, around, by_quantity=typed.by_quantity))
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
        month=_month(offer),
        later=_next_month(offer, wish, around),
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
    return {where: sentence(refusal, around.currency, around.unit, decimals)}


def _month(offer: Offer) -> Month | None:
    """The bar of the month; none where the steps do not count by the month or there is one step."""
    if offer.plan.step_period is not StepPeriod.MONTH or not offer.quote.token_units:
        return None
    before, now = offer.units_before, offer.quote.token_units
    starts = [int(step.start) for step in offer.plan.steps]
    if len(starts) < 2 or offer.plan.step_scale_days or offer.plan.by_total:
        return Month(before, now, None, None)
    ahead = [(number, start) for number, start in enumerate(starts, start=1) if start > before]
    number, start = ahead[0] if ahead else (None, None)
    return Month(before, now, start, number)


def _next_month(offer: Offer, wish: Wish, around: Circumstances) -> tuple[str, int] | None:
    """What the same money buys from the first of next month, when that is something else."""
    if wish.by_quantity or offer.plan.step_period is not StepPeriod.MONTH:
        return None
    zone = offer.desk.settings.time_zone
    first = next_month(business_date(now(), zone))
    begins = day_start_utc(first, zone) + timedelta(minutes=1)
    try:
        then = quote(wish, around.scope, instant=begins, ahead=YEAR)
    except Refusal:
        return None
    if then.quote.token_units == offer.quote.token_units:
        return None
    return figures.date_of(first, "d MMMM"), then.quote.token_units


def quick_values(meter_number: str, around: Circumstances) -> list[tuple[str, list[tuple[str, str]]]]:
    """Round values to press, for either side: what is sent and what is read.

    Amounts are round sums near the price of 10 to 500 units; a meter that cannot buy has none.
    """
    units = [(figures.units(10 * number), str(number)) for number in QUICK_UNITS]
    try:
        hundred = quote(Wish(meter_number, True, 1000), around.scope, ahead=around.ahead)
    except Refusal:
        return []
    currency = around.currency
    price = hundred.plan.steps[0].price * currency.minor_per_major
    sums = sorted({_round_sum(price * number) for number in (*QUICK_UNITS, 500)})
    decimals = 0 if all(minor % currency.minor_per_major == 0 for minor in sums) else currency.decimals
    amounts = [
        (
            figures.money(minor, currency.decimals),
            figures.number(Fraction(minor, currency.minor_per_major), decimals),
        )
        for minor in sums
    ]
    return [("amount", amounts), ("quantity", units)]


def _round_sum(minor: Fraction) -> int:
    """The 1, 2, 5, 10, 20, 50 ... of minor units next to `minor`, seldom below it."""
    if minor < 1:
        return 1
    power = 10 ** (len(str(int(minor))) - 1)
    return next(int(step * power) for step in (1, 2, 5, 10) if step * power >= minor * Fraction(9, 10))
