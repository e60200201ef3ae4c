"""A wish at the desk, priced: the offer that the page shows and the sale must still find true."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from app.access.scope import Scope
from app.domain import errors
from app.domain.money import Currency
from app.domain.plan import Plan
from app.domain.pricing import quote_by_amount, quote_by_quantity
from app.domain.quote import Quote
from app.domain.states import UNIT
from app.extensions import db
from app.models.base import now
from app.services.desk import Desk, Place, read_desk, require_buyable
from app.services.facts import SAME_SALE, Facts, SameSale, purchase_facts, same_sale
from app.services.plans import plan_for_meter
from app.sts.amount import MAX_TENTHS, representable_at_least

CLOCK_AHEAD = timedelta(days=31)


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
    """

    desk: Desk
    plan: Plan
    quote: Quote
    facts: Facts
    same: SameSale | None = None

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


def quote(
    wish: Wish,
    scope: Scope,
    *,
    instant: datetime | None = None,
    ahead: timedelta = CLOCK_AHEAD,
) -> Offer:
    """Price a wish without storing anything.  Raises the refusals a purchase would."""
    session = db.session()
    at = instant or now()
    desk = read_desk(session, wish.meter_number, Place(), at, ahead)
    return price(session, desk, wish, scope, at)


def obstacle(
    meter_number: str, scope: Scope, *, instant: datetime | None = None, ahead: timedelta = CLOCK_AHEAD
) -> errors.Refusal | None:
    """Why this meter may buy nothing at all, whatever is typed; None when nothing stands in the way."""
    at = instant or now()
    try:
        require_buyable(read_desk(db.session(), meter_number, Place(), at, ahead), scope, at)
    except errors.Refusal as refusal:
        return refusal
    return None


def price(session: Session, desk: Desk, wish: Wish, scope: Scope, instant: datetime) -> Offer:
    """Price a wish at a desk that was read before; the meter's limits are held here."""
    require_buyable(desk, scope, instant)
    if wish.value <= 0:
        raise errors.NotPositive(text=str(wish.value))
    if desk.plan is None:
        raise errors.NoPlanInForce(since=desk.first_plan)
    plan = plan_for_meter(session, desk.plan, desk.meter)
    facts = purchase_facts(session, desk, plan)
    work = quote_by_quantity if wish.by_quantity else quote_by_amount
    priced = work(
        plan,
        facts.history,
        wish.value,
        desk.currency,
        desk.settings.settlement,
        representable_at_least,
        MAX_TENTHS,
    )
    _require_within_limits(desk, priced, facts)
    same = None
    if facts.newest_sale is not None and facts.newest_sale > instant - SAME_SALE:
        same = same_sale(session, desk, priced, instant, scope)
    return Offer(desk, plan, priced, facts, same)


def _require_within_limits(desk: Desk, priced: Quote, facts: Facts) -> None:
    meter, units = desk.meter, priced.token_units
    if units and meter.smallest_purchase is not None and units < meter.smallest_purchase:
        raise errors.QuantityTooSmall(minimum=meter.smallest_purchase)
    if meter.largest_purchase is not None and units > meter.largest_purchase:
        raise errors.QuantityTooLarge(maximum=meter.largest_purchase)
    if meter.daily_limit is not None and facts.spent_today + priced.amount_minor > meter.daily_limit:
        left = max(meter.daily_limit - facts.spent_today, 0)
        raise errors.DailyLimit(maximum=meter.daily_limit, left=left)
