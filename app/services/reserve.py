"""Step one of a sale: hold the money and write down exactly what will be asked of the module.

One transaction.  It starts with a guarded update, never with a read: the account, then the
meter's lock (and the consumer's, if there is a debt), then everything that is read for pricing,
then the sale.  Decision 0003.
"""

from __future__ import annotations

import json
import re
import secrets
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from functools import cache, lru_cache
from typing import Any

from sqlalchemy import Insert, Integer, Select, String, Update, bindparam, insert, select, update
from sqlalchemy.orm import Session

from app.access.scope import Scope, criterion, require
from app.db import transaction
from app.domain import errors
from app.domain.calendar import period_start
from app.domain.states import MeterType, SaleStatus
from app.models import (
    CashAccount,
    Meter,
    MeterLock,
    ModuleHealth,
    Sale,
    SaleFee,
    SaleLine,
    SecurityModule,
    VendingPoint,
)
from app.models.base import PRICE_SCALE
from app.services import debts
from app.services.desk import Desk, Place, read_desk
from app.services.issue import meter_to_ask
from app.services.pricing import Offer, Wish, price
from app.services.reserved import Reserved, facts_of
from app.services.snapshot import line_text, snapshot_text
from app.services.switch_over import minute_to_ask

SUBCLASS = {MeterType.ELECTRICITY: 0, MeterType.WATER: 1, MeterType.GAS: 2, MeterType.TIME: 3}
Alive = Callable[[SecurityModule, ModuleHealth | None], None]
# What makes two orders under one reference the same order.
WISH = ("meter_number", "by_quantity", "value")
# What a page may send.  NB: a reversal stands under `reversal/<id>`, which no page can send; older ones under
# `reversal-<id>`, which none may send.
REFERENCE = re.compile(r"(?!reversal-)[A-Za-z0-9._:-]{8,64}").fullmatch


@dataclass(frozen=True, slots=True)
class Order:
    """One purchase as the page or partner sends it.

    `reference` is made by the sender before sending; the same reference is the same sale,
    however often it arrives.  `shown_amount` (minor units) and `shown_units` (tenths) are
    what the customer saw; when the price has moved meanwhile the order is refused.
    `again_after` is the id of the newest sale of the same that the seller was warned of.
    """

    reference: str
    meter_number: str
    vending_point_id: int
    operator_id: int
    by_quantity: bool
    value: int
    shown_amount: int
    shown_units: int
    received: int | None = None
    only_fees_confirmed: bool = False
    # As the slip prints it.
    operator_name: str = ""
    again_after: int = 0

    @property
    def wish(self) -> Wish:
        """What is asked for, without the circumstances."""
        return Wish(self.meter_number, self.by_quantity, self.value)


def find_by_reference(session: Session, order: Order) -> Sale | None:
    """The sale that stands under the order's reference.  Raises ReferenceTaken, SaleFailed."""
    sale = session.execute(
        select(Sale).where(
            Sale.vending_point_id == order.vending_point_id, Sale.reference == order.reference
        ),
        execution_options={"unscoped": True, "populate_existing": True},
    ).scalar_one_or_none()
    if sale is None:
        return None
    # NB: not what was shown: after the first sale the same money may buy more, its fee being paid.
    asked, wanted = json.loads(sale.snapshot)["order"], _asked(order)
    if any(asked[name] != wanted[name] for name in WISH):
        raise errors.ReferenceTaken(reference=order.reference)
    if sale.status is SaleStatus.FAILED:
        raise errors.SaleFailed(reference=order.reference)
    return sale


class AlreadyThere(Exception):
    """A sale stands under the reference: a second click, a retry, a lost answer.  No error."""


def reserve(
    order: Order,
    scope: Scope,
    instant: datetime,
    ahead: timedelta,
    require_alive: Alive = lambda _module, _health: None,
) -> Reserved:
    """Hold the money and store the sale; `require_alive` refuses a module known to be dead.

    Raises every refusal a purchase can meet, and AlreadyThere; then nothing is stored.  An
    IntegrityError on the reference means that the same page clicked at two meters at once.
    """
    if not REFERENCE(order.reference):
        raise errors.BadReference(text=order.reference[:40])
    with transaction() as session:
        _hold(session, order, scope)
        lock_meter(session, order.meter_number)
        at = Place(order.vending_point_id, order.reference)
        desk = read_desk(session, order.meter_number, at, instant, ahead)
        if desk.sale_there is not None:
            raise AlreadyThere
        _require_point(desk, scope)
        if desk.consumer is not None and desk.consumer.debt_minor:
            debts.lock(session, desk.consumer.id)
        offer = price(session, desk, order.wish, scope, instant)
        _require_as_shown(order, offer)
        if offer.quote.token_units and desk.module is not None:
            require_alive(desk.module, desk.health)
        return _write(session, order, offer, instant)


def _hold(session: Session, order: Order, scope: Scope) -> None:
    """Take the amount out of what the vending point may still sell, or refuse.

    A foreign vending point is none: neither its balance nor its references are told.
    """
    hold, left = _holding(scope)
    # What the page could not read is no price: nothing is held, and it will not be as shown.
    given = {"point_id": order.vending_point_id, "wanted": max(order.shown_amount, 0)}
    if session.execute(hold, given).rowcount == 1:  # type: ignore[attr-defined]
        return
    available = session.execute(left, {"point_id": order.vending_point_id}).scalar_one_or_none()
    if available is None:
        raise errors.NoVendingPoint
    if find_by_reference(session, order) is not None:
        raise AlreadyThere  # the money is spent, on this very sale
    raise errors.InsufficientFunds(available=max(int(available), 0))


@lru_cache(maxsize=256)
def _holding(scope: Scope) -> tuple[Update, Select[Any]]:
    """The guarded update of one seller, and what is left; built once, because building costs more than running."""
    account = CashAccount.__table__
    own = account.c.vending_point_id == bindparam("point_id", type_=Integer)
    if not scope.sees_all:
        own &= account.c.vending_point_id.in_(select(VendingPoint.id).where(criterion(VendingPoint, scope)))
    wanted = bindparam("wanted", type_=account.c.held.type)
    left = account.c.balance + account.c.credit_limit - account.c.held
    enough = account.c.credit_limit.is_(None) | (left >= wanted)
    return update(account).where(own, enough).values(held=account.c.held + wanted), select(left).where(own)


def lock_meter(session: Session, meter_number: str) -> None:
    """Wait for any other sale of this meter: what is read from here on includes it."""
    session.execute(_locking(), {"number": meter_number})


@cache
def _locking() -> Update:
    meter, lock = Meter.__table__.c, MeterLock.__table__
    locked = select(meter.id).where(meter.meter_number == bindparam("number", type_=String)).scalar_subquery()
    return update(lock).where(lock.c.meter_id == locked).values(sales=lock.c.sales + 1)


def _require_point(desk: Desk, scope: Scope) -> None:
    point: VendingPoint | None = desk.point
    if point is None or not point.active:
        raise errors.NoVendingPoint
    try:
        require(point, scope)
    except errors.OutOfScope:
        raise errors.NoVendingPoint from None


def _require_as_shown(order: Order, offer: Offer) -> None:
    priced = offer.quote
    if (priced.amount_minor, priced.token_units) != (order.shown_amount, order.shown_units):
        raise errors.PriceMoved(quote=priced)
    if order.received is not None and order.received < priced.amount_minor:
        raise errors.PaidTooLittle(amount=priced.amount_minor)
    if priced.token_units == 0 and not order.only_fees_confirmed:
        raise errors.OnlyFees(fees=priced.amount_minor)
    if offer.same is not None and offer.same.sale_id > order.again_after:
        raise errors.SameSaleAgo(at=offer.same.at, amount=offer.same.amount)


def _received(order: Order, offer: Offer) -> int | None:
    """What was handed over; nothing typed means the amount named, where not all of it is taken."""
    left = offer.quote.left_minor if order.received is None else 0
    return offer.quote.amount_minor + left if left else order.received


def _write(session: Session, order: Order, offer: Offer, instant: datetime) -> Reserved:
    desk = offer.desk
    if desk.point is None or desk.consumer is None or desk.module is None:
        raise AssertionError("the desk was checked before")
    sale = Sale(
        reference=order.reference,
        message_id=secrets.token_hex(16),
        vending_point_id=desk.point.id,
        operator_id=order.operator_id,
        meter_id=desk.meter.id,
        consumer_id=desk.consumer.id,
        point_region_id=desk.point.region_id,
        consumer_region_id=desk.consumer.region_id,
        plan_id=offer.plan.id,
        meter_type=desk.meter.meter_type,
        reserved_at=instant,
        business_date=desk.today,
        currency=desk.currency.code,
        currency_decimals=desk.currency.decimals,
        by_quantity=order.by_quantity,
        amount=offer.quote.amount_minor,
        received=_received(order, offer),
        token_units=offer.quote.token_units,
        module_id=desk.module.id if offer.quote.token_units else None,
        request=_request(session, desk, offer.quote.token_units, instant) if offer.quote.token_units else None,
        snapshot=snapshot_text(offer, _asked(order), order.operator_name),
    )
    session.add(sale)
    session.flush()
    lines: list[dict[str, Any]] = [
        {"sale_id": sale.id, "line_no": number, "kind": line.kind.value, "code": line.code,
         "name": line.name, "amount": line.amount_minor, "params": line_text(line)}
        for number, line in enumerate(offer.quote.lines, start=1)
    ]  # fmt: skip
    session.execute(_into(SaleLine), lines)
    _write_fees(session, sale, offer)
    return facts_of(sale, tuple((row["kind"], row["code"], row["amount"]) for row in lines))


@cache
def _into(model: type[SaleLine | SaleFee]) -> Insert:
    return insert(model.__table__)


def _write_fees(session: Session, sale: Sale, offer: Offer) -> None:
    weekday = offer.desk.settings.first_weekday
    rows = [
        {"sale_id": sale.id, "meter_id": sale.meter_id, "code": fee.code, "method": fee.method,
         "periods": fee.periods, "assessed": _price(fee.assessed), "taken": _price(fee.taken),
         "charged_through": period_start(sale.business_date, fee.method, weekday)}
        for fee in offer.quote.fees
        if fee.periods or fee.taken or fee.assessed
    ]  # fmt: skip
    if rows:
        session.execute(_into(SaleFee), rows)


def _price(value: Fraction) -> Decimal:
    """A fee's money as it is stored; the pricing rules give it with at most eight decimals."""
    scaled = value * PRICE_SCALE
    if scaled.denominator != 1:
        raise ValueError("a fee has at most eight decimals")
    stored: Decimal = Decimal(scaled.numerator) / PRICE_SCALE
    return stored


def _asked(order: Order) -> dict[str, Any]:
    """What was asked for and what was shown, as the snapshot keeps it."""
    asked = asdict(order)
    return {k: asked[k] for k in (*WISH, "shown_amount", "shown_units")}


def _request(session: Session, desk: Desk, units: int, instant: datetime) -> str:
    """The exact request, so that a resolve sends the same; no secrets.

    A key change under way is asked for again.
    """
    meter = desk.meter
    return json.dumps(
        {
            "kind": "credit",
            "meter": meter_to_ask(meter, credit=True, amendment=desk.change_due(instant)),
            "subclass": SUBCLASS[meter.meter_type],
            "amount": units,
            "issue_time": minute_to_ask(session, desk, instant).isoformat(),
            "offset_minutes": desk.settings.token_offset_minutes,
        },
        sort_keys=True,
    )
