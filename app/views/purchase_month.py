"""The month of a purchase: bought before and now, what is left in the step, and the same money from the 1st."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from fractions import Fraction

from flask_babel import gettext as _

from app.domain.ahead import StepAhead, step_ahead
from app.domain.calendar import day_start_utc, next_month
from app.domain.errors import FeesNotCovered, Refusal
from app.domain.money import Currency
from app.domain.quote import LineKind, Quote
from app.domain.states import StepPeriod
from app.services.pricing import Offer, Sight
from app.views import figures

YEAR = timedelta(days=366)
FEES = (LineKind.FEE, LineKind.ARREARS)


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
class Then:
    """What the same money buys from the first of next month (tenths; None: nothing), and why."""

    day: str
    units: int | None
    why: tuple[str, ...]


def month_of(offer: Offer) -> Month | None:
    """The bar of the month; none where the steps do not count by the month or there is one step."""
    if offer.plan.step_period is not StepPeriod.MONTH or not offer.quote.token_units:
        return None
    before, bought = offer.units_before, offer.quote.token_units
    starts = [int(step.start) for step in offer.plan.steps]
    if len(starts) < 2 or offer.plan.step_scale_days or offer.plan.by_total:
        return Month(before, bought, None, None)
    ahead = [(number, start) for number, start in enumerate(starts, start=1) if start > before]
    number, start = ahead[0] if ahead else (None, None)
    return Month(before, bought, start, number)


def step_words(offer: Offer, currency: Currency, unit: str) -> str:
    """What is left in the step that this purchase ends in, and what the next one costs; nothing for one price."""
    ahead = step_ahead(offer.quote)
    if ahead is None or (ahead.number == 1 and ahead.next_number is None):
        return ""
    if ahead.left is None:
        return _("Each further %(unit)s costs %(price)s (step %(step)s).", unit=unit, step=ahead.number,
                 price=figures.price(ahead.price, currency.decimals))  # fmt: skip
    left = figures.ltr(f"{figures.number(Fraction(ahead.left, 10), 1)}{figures.NBSP}{unit}")
    if ahead.next_number is None:
        return _("After this, %(left)s are left at %(price)s each; then the tariff ends.", left=left,
                 price=figures.price(ahead.price, currency.decimals))  # fmt: skip
    return _step_and_next(ahead, left, currency)


def _step_and_next(ahead: StepAhead, left: str, currency: Currency) -> str:
    return _(
        "After this, %(left)s are left in step %(step)s at %(price)s each; step %(next)s costs %(dear)s each.",
        left=left, step=ahead.number, price=figures.price(ahead.price, currency.decimals), next=ahead.next_number,
        dear=figures.price(ahead.next_price or Fraction(0), currency.decimals),
    )  # fmt: skip


def then_of(offer: Offer, sight: Sight, money: int) -> Then | None:
    """The same money (minor units) on the first of next month; None where that cannot be told."""
    zone = offer.desk.settings.time_zone
    first = next_month(offer.desk.today)
    begins = day_start_utc(first, zone) + timedelta(minutes=1)
    day, currency = figures.date_of(first, "d MMMM"), offer.currency
    try:
        then = sight.later(begins, YEAR).quote(by_quantity=False, value=money)
    except FeesNotCovered as refusal:
        fees = figures.money_code(int(refusal.params["fees"]), currency.decimals, currency.code)
        return Then(day, None, (_("Fees of %(fees)s are due then, more than this money.", fees=fees),))
    except Refusal:
        return None
    return Then(day, then.quote.token_units, tuple(_why(offer, then)))


def _why(offer: Offer, then: Offer) -> list[str]:
    said = []
    if then.plan.id != offer.plan.id:
        said.append(_("Another price list begins."))
    elif offer.plan.step_period is StepPeriod.MONTH and offer.units_before and len(offer.plan.steps) > 1:
        said.append(_("New month: step 1 starts again."))
    currency, due = offer.currency, _fees(then.quote)
    if due > _fees(offer.quote):
        fees = figures.money_code(due, currency.decimals, currency.code)
        said.append(_("Fees of %(fees)s are due then.", fees=fees))
    more = then.quote.token_units - offer.quote.token_units
    amount = figures.ltr(f"{figures.units(abs(more))}{figures.NBSP}{offer.unit}")
    if more > 0:
        said.append(_("%(units)s more.", units=amount))
    elif more < 0:
        said.append(_("%(units)s less.", units=amount))
    return said


def _fees(quoted: Quote) -> int:
    return sum(line.amount_minor for line in quoted.lines if line.kind in FEES)
