"""Registration: finding consumers, and whose meter is whose."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session, selectinload

from app.access.scope import Scope, criterion, require
from app.db import transaction
from app.domain.errors import MeterTaken, OutOfScope, UnknownMeter
from app.models import Consumer, Meter
from app.models.consumer import digits_of
from app.services.consumer_words import row_ids


def find_consumers(session: Session, text: str, scope: Scope, limit: int = 10) -> list[Consumer]:
    """Consumers of this scope by the first letters of name, number, telephone or ID number."""
    ids = row_ids(session, text, Consumer, scope, Consumer.name, limit)
    statement = select(Consumer).where(Consumer.id.in_(ids), criterion(Consumer, scope)).order_by(Consumer.name)
    return list(session.execute(statement).scalars())


def find_unbound_meters(session: Session, text: str, scope: Scope, limit: int = 10) -> list[Meter]:
    """Meters of this scope that nobody has, by the first digits of their number."""
    begins = digits_of(text)
    statement = (
        select(Meter)
        .where(criterion(Meter, scope), Meter.consumer_id.is_(None), Meter.meter_number.startswith(begins))
        .options(selectinload(Meter.product))
        .order_by(Meter.meter_number)
        .limit(limit)
    )
    return list(session.execute(statement).scalars())


def bind(meter_ids: Sequence[int], consumer_id: int, scope: Scope) -> int:
    """Give unbound meters to a consumer; all or none.  Returns how many changed hands.

    A meter that is already this consumer's is left alone (a second click).
    Raises OutOfScope, UnknownMeter, MeterTaken.
    """
    with transaction() as session:
        consumer = session.get(Consumer, consumer_id)
        if consumer is None:
            raise OutOfScope
        require(consumer, scope)
        bound = 0
        for meter_id in meter_ids:
            meter = _meter(session, meter_id, scope)
            if meter.consumer_id == consumer_id:
                continue
            if meter.consumer_id is not None:
                raise MeterTaken(meter_number=meter.meter_number)
            meter.consumer_id = consumer_id
            bound += 1
        return bound


def unbind(meter_ids: Sequence[int], consumer_id: int, scope: Scope) -> int:
    """Take meters from their consumer; the meters stay.  Raises OutOfScope, UnknownMeter."""
    with transaction() as session:
        freed = 0
        for meter_id in meter_ids:
            meter = _meter(session, meter_id, scope)
            if meter.consumer_id == consumer_id:
                meter.consumer_id = None
                freed += 1
        return freed


def _meter(session: Session, meter_id: int, scope: Scope) -> Meter:
    meter = session.get(Meter, meter_id, with_for_update=True)
    if meter is None:
        raise UnknownMeter
    try:
        require(meter, scope)
    except OutOfScope:
        raise UnknownMeter from None
    return meter
