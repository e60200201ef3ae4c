"""Registration: finding consumers, and whose meter is whose."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from sqlalchemy import func, select
from sqlalchemy.orm import Session, selectinload

from app.access.scope import Scope, asked_last, criterion, require
from app.db import transaction
from app.domain.errors import ConsumerLeft, MeterTaken, OutOfScope, StepForbidden
from app.domain.states import MeterStatus
from app.models import Consumer, Meter
from app.models.consumer import digits_of
from app.services import meter_states
from app.services.consumer_words import row_ids


def find_consumers(session: Session, text: str, scope: Scope, limit: int = 10) -> list[Consumer]:
    """Consumers of this scope by the first letters of name, number, telephone or ID number; none switched off."""
    ids = row_ids(session, text, Consumer, scope, Consumer.name, limit)
    statement = select(Consumer).where(Consumer.id.in_(ids), Consumer.active, criterion(Consumer, scope))
    return list(session.execute(statement.order_by(Consumer.name)).scalars())


def find_unbound_meters(
    session: Session, text: str, scope: Scope, limit: int = 10, page: int = 0
) -> tuple[list[Meter], bool]:
    """Meters of this scope that nobody has, by the first digits of their number; removed ones are gone.

    At most `limit` of the page (from 0), and whether more follow.
    """
    begins = digits_of(text)
    # NB: ids first, by the range of the number's index: the guard's list of regions would be walked instead.
    ids = (
        select(Meter.id)
        .where(
            Meter.meter_number.between(begins, begins + "~"),
            Meter.consumer_id.is_(None),
            Meter.status != MeterStatus.REMOVED,
            asked_last(Meter, scope),
        )
        .order_by(Meter.meter_number)
        .limit(limit + 1)
        .offset(page * limit)
    )
    found = list(session.execute(ids, execution_options={"unscoped": True}).scalars())
    statement = select(Meter).where(Meter.id.in_(found[:limit]), criterion(Meter, scope))
    ordered = statement.options(selectinload(Meter.product)).order_by(Meter.meter_number)
    return list(session.execute(ordered).scalars()), len(found) > limit


def meters_of(
    session: Session, consumer_id: int, digits: str, limit: int, page: int = 0
) -> tuple[list[Meter], int]:
    """A consumer's meters by the first digits of their number, a page of `limit`, and how many there are."""
    own = (Meter.consumer_id == consumer_id, Meter.meter_number.between(digits, digits + "~"))
    rows = select(Meter).where(*own).options(selectinload(Meter.product)).order_by(Meter.meter_number)
    meters = list(session.execute(rows.limit(limit).offset(page * limit)).scalars())
    if not page and len(meters) < limit:
        return meters, len(meters)
    return meters, int(session.execute(select(func.count(Meter.id)).where(*own)).scalar_one())


def bind(meter_ids: Sequence[int], consumer_id: int, scope: Scope, installed_on: date | None = None) -> int:
    """Give unbound meters to a consumer; all or none.  Returns how many changed hands.

    A meter that is already this consumer's is left alone (a second click).  With `installed_on`, meters
    in stock become installed on that day.  Raises OutOfScope, ConsumerLeft, UnknownMeter, MeterTaken,
    StepForbidden (a removed meter goes into stock first).
    """
    with transaction() as session:
        consumer = session.get(Consumer, consumer_id)
        if consumer is None:
            raise OutOfScope
        require(consumer, scope)
        bound = 0
        for meter_id in meter_ids:
            meter = meter_states.own_meter(session, meter_id, scope)
            if meter.consumer_id == consumer_id:
                continue
            if meter.consumer_id is not None:
                raise MeterTaken(meter_number=meter.meter_number)
            if not meter_states.may_be_given(meter.status, consumer_id, meter.consumer_id):
                raise StepForbidden(
                    meter_number=meter.meter_number, old=meter.status, new=MeterStatus.INSTALLED
                )
            meter.consumer_id = consumer_id
            if installed_on is not None and meter.status is MeterStatus.IN_STOCK:
                meter_states.apply(meter, MeterStatus.INSTALLED, None, installed_on)
            bound += 1
        # NB: asked under the consumer's lock, which comes after the meters' as in a sale: whoever switches the
        # consumer off meanwhile unbinds only the meters that are theirs then.
        active = select(Consumer.active).where(Consumer.id == consumer_id).with_for_update(key_share=True)
        if not session.execute(active).scalar_one():
            raise ConsumerLeft
        return bound


def unbind(meter_ids: Sequence[int], consumer_id: int, scope: Scope) -> int:
    """Take meters from their consumer; the meters stay.  Raises UnknownMeter.

    A meter that is no longer this consumer's is left alone.
    """
    with transaction() as session:
        freed = 0
        for meter_id in meter_ids:
            meter = meter_states.own_meter(session, meter_id, scope)
            if meter.consumer_id == consumer_id:
                meter.consumer_id = None
                freed += 1
        return freed
