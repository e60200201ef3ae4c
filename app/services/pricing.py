"""A wish at the desk, priced: the offer that the page shows and the sale must still find true."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import cached_property

from sqlalchemy.orm import Session

from app.access.scope import Scope
from app.domain import errors
from app.domain.ahead import Jump, Sellable, Terms, jump
from app.domain.money import Currency
from app.domain.plan import Plan
from app.domain.quote import Quote
from app.domain.states import UNIT
from app.extensions import db
from app.models.base import now
from app.services.desk import Desk, Place, read_desk, require_buyable, require_seen
from app.services.facts import SAME_SALE, Facts, Past, SameSale, purchase_facts, same_sale
from app.services.habits import Habit, habit_of
from app.services.plans import plan_for_meter
from app.sts.amount import MAX_TENTHS, representable_at_least

CLOCK_AHEAD = timedelta(days=31)
FactsOf = Callable[[Session, Desk, Plan], Facts]


@dataclass(frozen=True, slots=True)
class Wish:
    """What the customer asks for: minor units of money, or tenths of a unit (`by_quantity`)."""

    meter_number: str
    by_quantity: bool
    value: int


@dataclass(frozen=True, slots=True)
class Offer:
    """A priced wish with everything the page says about it.

    `same` is a sale of the same to this meter minutes ago: selling takes a second, deliberate act.
    `terms` are those it was priced under, for what lies beside it.
    """

    desk: Desk
    plan: Plan
    quote: Quote
    facts: Facts
    same: SameSale | None = None
    terms: Terms | None = None

    @property
    def currency(self) -> Currency:
        """The installation's currency."""
        return self.desk.currency

    @property
    def unit(self) -> str:
        """kWh, m³ or min."""
        return UNIT[self.desk.meter.meter_type]

    @property
    def units_before(self) -> int:
        """Tenths that tokens carried in this step period before this purchase."""
        return int(self.facts.history.units_before)


class Sight:
    """One meter as one page sees it: desk, past and habit are read once, however many prices the page asks for.

    `at` is the moment it is looked at; nothing is stored, so a sale finds it out anew.
    """

    def __init__(
        self, meter_number: str, scope: Scope, *, instant: datetime | None = None, ahead: timedelta = CLOCK_AHEAD
    ) -> None:
        """Read nothing yet."""
        self.meter_number, self.scope, self.at = meter_number, scope, instant or now()
        self._ahead = ahead
        self._facts: dict[int | None, Facts] = {}
        self._known: Past | None = None

    @cached_property
    def desk(self) -> Desk:
        """What a purchase has to know.  Raises UnknownMeter, for a foreign one too."""
        desk = read_desk(db.session(), self.meter_number, Place(), self.at, self._ahead)
        require_seen(desk, self.scope)
        return desk

    @cached_property
    def habit(self) -> Habit:
        """What the meter bought before."""
        return habit_of(db.session(), self.desk, self.scope)

    def obstacle(self) -> errors.Refusal | None:
        """Why this meter may buy nothing at all, whatever is typed; None when nothing stands in the way."""
        try:
            require_buyable(self.desk, self.scope, self.at)
        except errors.Refusal as refusal:
            return refusal
        return None

    def quote(self, *, by_quantity: bool, value: int) -> Offer:
        """Price a wish (as in `Wish`).  Raises the refusals a purchase would."""
        wish = Wish(self.meter_number, by_quantity, value)
        return price(db.session(), self.desk, wish, self.scope, self.at, self._past)

    def later(self, instant: datetime, ahead: timedelta) -> Sight:
        """The same meter at a later moment, as far as that is known today."""
        then = Sight(self.meter_number, self.scope, instant=instant, ahead=ahead)
        desk = self.desk.later(instant, ahead)
        if desk is not None:
            then.desk, then._known = desk, self._known
        return then

    def _past(self, session: Session, desk: Desk, plan: Plan) -> Facts:
        if plan.id not in self._facts:
            self._facts[plan.id] = purchase_facts(session, desk, plan, known=self._known)
            self._known = self._facts[plan.id].past
        return self._facts[plan.id]


def quote(
    wish: Wish,
    scope: Scope,
    *,
    instant: datetime | None = None,
    ahead: timedelta = CLOCK_AHEAD,
) -> Offer:
    """Price a wish without storing anything.  Raises the refusals a purchase would."""
    sight = Sight(wish.meter_number, scope, instant=instant, ahead=ahead)
    return sight.quote(by_quantity=wish.by_quantity, value=wish.value)


def price(
    session: Session, desk: Desk, wish: Wish, scope: Scope, instant: datetime, past: FactsOf = purchase_facts
) -> Offer:
    """Price a wish at a desk that was read before; the meter's limits are held here.

    `past` tells the facts of the desk's meter.
    """
    require_buyable(desk, scope, instant)
    if wish.value <= 0:
        raise errors.NotPositive(text=str(wish.value))
    if desk.plan is None:
        raise errors.NoPlanInForce(since=desk.first_plan)
    plan = plan_for_meter(session, desk.plan, desk.meter)
    facts = past(session, desk, plan)
    terms = Terms(
        plan, facts.history, desk.currency, desk.settings.settlement, representable_at_least, MAX_TENTHS
    )
    priced = terms.by_quantity(wish.value) if wish.by_quantity else terms.by_amount(wish.value)
    _require_within_limits(desk, priced.token_units, priced.amount_minor, facts)
    same = None
    if facts.newest_sale is not None and facts.newest_sale > instant - SAME_SALE:
        same = same_sale(session, desk, priced, instant, scope)
    return Offer(desk, plan, priced, facts, same, terms)


def jump_beside(offer: Offer) -> Jump | None:
    """The jump of the price beside an offer, with the neighbours that this meter may really buy."""
    found = None if offer.terms is None else jump(offer.quote, offer.terms)
    if found is None:
        return None
    return replace(found, below=_allowed(offer, found.below), above=_allowed(offer, found.above))


def _allowed(offer: Offer, sellable: Sellable | None) -> Sellable | None:
    if sellable is None:
        return None
    try:
        _require_within_limits(offer.desk, sellable.token_units, sellable.amount_minor, offer.facts)
    except (errors.PriceRefusal, errors.DailyLimit):
        return None
    return sellable


def _require_within_limits(desk: Desk, units: int, amount_minor: int, facts: Facts) -> None:
    meter = desk.meter
    if units and meter.smallest_purchase is not None and units < meter.smallest_purchase:
        raise errors.QuantityTooSmall(minimum=meter.smallest_purchase)
    if meter.largest_purchase is not None and units > meter.largest_purchase:
        raise errors.QuantityTooLarge(maximum=meter.largest_purchase)
    if meter.daily_limit is not None and facts.spent_today + amount_minor > meter.daily_limit:
        left = max(meter.daily_limit - facts.spent_today, 0)
        raise errors.DailyLimit(maximum=meter.daily_limit, left=left)
