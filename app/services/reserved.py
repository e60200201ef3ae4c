"""The facts of a reserved sale that the next steps need: they never change again.

Reserving hands them on, so that issuing and settling need not read them back; a resolve
reads them from the tables.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import select
from sqlalchemy.orm import Session, selectinload

from app.domain.states import MeterType, SaleStatus
from app.models import Sale


@dataclass(frozen=True, slots=True)
class Reserved:
    """One sale as it was reserved; money in minor units, units in tenths."""

    sale_id: int
    message_id: str
    module_id: int | None
    request: str | None
    vending_point_id: int
    point_region_id: int
    consumer_region_id: int
    meter_id: int
    consumer_id: int | None
    meter_type: MeterType
    business_date: date
    reserved_at: datetime
    currency: str
    amount: int
    token_units: int
    # Kind, code and amount of every line of the sum.
    lines: tuple[tuple[str, str, int], ...]


def facts_of(sale: Sale, lines: tuple[tuple[str, str, int], ...]) -> Reserved:
    """The facts of a row that was just written or read."""
    return Reserved(
        sale_id=sale.id,
        message_id=sale.message_id,
        module_id=sale.module_id,
        request=sale.request,
        vending_point_id=sale.vending_point_id,
        point_region_id=sale.point_region_id,
        consumer_region_id=sale.consumer_region_id,
        meter_id=sale.meter_id,
        consumer_id=sale.consumer_id,
        meter_type=sale.meter_type,
        business_date=sale.business_date,
        reserved_at=sale.reserved_at,
        currency=sale.currency,
        amount=sale.amount,
        token_units=sale.token_units,
        lines=lines,
    )


def read_reserved(session: Session, sale_id: int) -> Reserved | None:
    """The facts of a sale that still waits, or None when it does not."""
    sale = session.execute(
        select(Sale).where(Sale.id == sale_id).options(selectinload(Sale.lines)),
        execution_options={"unscoped": True, "populate_existing": True},
    ).scalar_one()
    if sale.status is not SaleStatus.RESERVED:
        return None
    return facts_of(sale, tuple((line.kind, line.code, line.amount) for line in sale.lines))
