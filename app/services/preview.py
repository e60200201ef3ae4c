"""What a real purchase would have been under a plan that is not in force yet."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.access.scope import Scope, criterion, require
from app.domain.errors import OutOfScope
from app.domain.money import Currency
from app.domain.pricing import quote_by_amount, quote_by_quantity
from app.domain.quote import Quote
from app.domain.states import MeterType, SaleKind, SaleStatus
from app.models import Consumer, Meter, Sale, TariffPlan
from app.services.desk import Place, read_desk
from app.services.facts import purchase_facts
from app.services.plans import capacity_of, compile_plan
from app.sts.amount import MAX_TENTHS, representable_at_least


@dataclass(frozen=True, slots=True)
class Again:
    """A purchase as it was, and the `quote` that the same wish would have got.

    Money in minor units of the sale's currency, units in tenths; `wish` is one or the other.
    """

    sale_id: int
    at: datetime
    meter_number: str
    by_quantity: bool
    wish: int
    amount_minor: int
    units: int
    quote: Quote


def last_purchase_under(
    session: Session, scope: Scope, consumer_id: int, row: TariffPlan, meter_type: MeterType
) -> Again | None:
    """The consumer's newest purchase of this meter type under the plan of `row`, stored or not.

    The meter's past is taken as it was at that moment: units of the period, fees that were due; old
    debts are left out.  None where there is no such purchase within the scope.  Raises OutOfScope
    for a foreign consumer, and the refusals of the plan: MeterWithoutCapacity, PriceRefusal.
    """
    consumer = session.get(Consumer, consumer_id)
    if consumer is None:
        raise OutOfScope
    require(consumer, scope)
    sale = session.execute(
        select(Sale)
        .where(
            Sale.consumer_id == consumer_id,
            Sale.meter_type == meter_type,
            Sale.status == SaleStatus.ISSUED,
            Sale.kind == SaleKind.SALE,
            criterion(Sale, scope),
        )
        .order_by(Sale.id.desc())
        .limit(1)
    ).scalar_one_or_none()
    if sale is None:
        return None
    number = session.execute(
        select(Meter.meter_number).where(Meter.id == sale.meter_id), execution_options={"unscoped": True}
    ).scalar_one()
    desk = read_desk(session, number, Place(), sale.reserved_at, timedelta(0))
    plan = compile_plan(row, meter_type)
    plan = plan.with_capacity(capacity_of(desk.meter, plan))
    facts = purchase_facts(session, replace(desk, today=sale.business_date), plan, before_sale=sale.id)
    wish = json.loads(sale.snapshot)["order"]["value"]
    price = quote_by_quantity if sale.by_quantity else quote_by_amount
    money = Currency(sale.currency, "", sale.currency_decimals)
    rest = (money, desk.settings.settlement, representable_at_least, MAX_TENTHS)
    return Again(
        sale_id=sale.id,
        at=sale.reserved_at,
        meter_number=number,
        by_quantity=sale.by_quantity,
        wish=wish,
        amount_minor=sale.amount,
        units=sale.carried_units or 0,
        quote=price(plan, facts.history, wish, *rest),
    )
