"""The counter's quick query: from the first digits or letters to at most ten meter cards.

Every way in is a range of an index: the meter number, or the consumer's words (`consumer_words`).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from functools import lru_cache
from typing import Any

from sqlalchemy import ColumnElement, Select, String, bindparam, select
from sqlalchemy.orm import joinedload

from app.access.scope import Scope, criterion
from app.domain import errors
from app.domain.states import Algorithm, MeterStatus, MeterType
from app.extensions import db
from app.models import Consumer, Meter
from app.models.base import now
from app.models.consumer import digits_of
from app.services.consumer_words import asked_last, row_ids
from app.services.desk import desks_of, prospect
from app.services.due import Due, due_of
from app.services.habits import Last, last_purchases

LIMIT = 10
SHORTEST = 2
LONGEST = 60
OF_A_KEY_CHANGE = (errors.KeyExpired, errors.KeyChangeUnconfirmed)


@dataclass(frozen=True, slots=True)
class MeterCard:
    """What the counter shows of a meter before anything is sold (V1)."""

    meter_id: int
    meter_number: str
    meter_type: MeterType
    product: str
    consumer_name: str | None
    user_number: str | None
    region: str
    address: str | None
    sgc: str
    krn: int
    ti: int
    ea: int
    algorithm: Algorithm
    tariff_name: str | None
    status: MeterStatus
    last_sale_at: datetime | None
    last_units: int | None
    # Why it cannot buy; None when nothing of the meter itself stands in the way.
    cannot_buy: errors.Refusal | None = None
    # Whether the next sale brings the tokens of a key change first.
    key_change: bool = False
    due: Due | None = None

    @property
    def state(self) -> str:
        """What its pill says: the status, or that a key change is due."""
        changes = self.key_change or isinstance(self.cannot_buy, OF_A_KEY_CHANGE)
        return "key_change_due" if changes else self.status.value


def find_meters(text: str, scope: Scope, limit: int = LIMIT) -> list[MeterCard]:
    """Cards of the meters that match what was typed, the exact number first.

    Nothing for fewer than two signs.  All words must match ("wanj ach").
    """
    typed = " ".join(text.split())[:LONGEST]
    if len(typed) < SHORTEST:
        return []
    found: dict[int, Meter] = {}
    number = digits_of(typed)
    if number and not any(c.isalpha() for c in typed):
        for meter in _meters(Meter.id.in_(_by_number(number, scope, limit)), scope, limit):
            found[meter.id] = meter
    if len(found) < limit:
        ids = row_ids(db.session(), typed, Meter, scope, Meter.meter_number, limit)
        for meter in _meters(Meter.id.in_(ids), scope, limit):
            found.setdefault(meter.id, meter)
    return _cards(list(found.values())[:limit], scope)


def _by_number(number: str, scope: Scope, limit: int) -> list[int]:
    """Ids of the scope's meters whose numbers begin so, in the order of the index."""
    begins = Meter.meter_number.between(number, number + "~")
    found = select(Meter.id).where(begins, asked_last(Meter, scope)).order_by(Meter.meter_number).limit(limit)
    return list(db.session().execute(found, execution_options={"unscoped": True}).scalars())


def _meters(condition: ColumnElement[bool], scope: Scope, limit: int) -> list[Meter]:
    statement = (
        select(Meter)
        .where(condition, criterion(Meter, scope))
        .options(
            joinedload(Meter.product),
            joinedload(Meter.consumer),
            joinedload(Meter.region),
            joinedload(Meter.tariff),
        )
        .order_by(Meter.meter_number)
        .limit(limit)
    )
    return list(db.session().execute(statement).scalars())


def meter_card(meter_number: str, scope: Scope) -> MeterCard:
    """The card of one meter by its whole number.  Raises UnknownMeter, for a foreign one too."""
    meters = _meters(Meter.meter_number == meter_number, scope, 1)
    if not meters:
        raise errors.UnknownMeter(meter_number=meter_number)
    return _cards(meters, scope)[0]


def meter_kind(meter_number: str, scope: Scope) -> MeterType:
    """What one meter counts.  Raises UnknownMeter, for a foreign one too."""
    asked = db.session().execute(_kind(scope), {"number": meter_number}, execution_options={"unscoped": True})
    kind: MeterType | None = asked.scalar_one_or_none()
    if kind is None:
        raise errors.UnknownMeter(meter_number=meter_number)
    return kind


@lru_cache(maxsize=256)
def _kind(scope: Scope) -> Select[Any]:
    """The statement of one reader, built once: building it costs more than running it."""
    wanted = Meter.meter_number == bindparam("number", type_=String)
    return select(Meter.meter_type).where(wanted, criterion(Meter, scope))


def _cards(meters: list[Meter], scope: Scope) -> list[MeterCard]:
    session = db.session()
    last = last_purchases(session, [meter.id for meter in meters])
    cards = [card(meter, last.get(meter.id)) for meter in meters]
    if not cards:
        return []
    # NB: after the cards are made, because it reads the rows anew, whoever owns their neighbours.
    instant = now()
    desks = desks_of(session, [one.meter_number for one in cards], instant)
    stands = {desk.meter.id: prospect(desk, scope, instant) for desk in desks}
    due = due_of(session, desks)
    return [
        replace(one, cannot_buy=stands[one.meter_id].why, key_change=stands[one.meter_id].change is not None,
                due=due[one.meter_id])
        for one in cards
    ]  # fmt: skip


def card(meter: Meter, last: Last | None) -> MeterCard:
    """One card from a loaded meter and its last purchase."""
    consumer: Consumer | None = meter.consumer
    return MeterCard(
        meter_id=meter.id,
        meter_number=meter.meter_number,
        meter_type=meter.meter_type,
        product=str(meter.product),
        consumer_name=consumer.name if consumer else None,
        user_number=consumer.user_number if consumer else None,
        region=meter.region.full_name,
        address=meter.address or (consumer.address if consumer else None),
        sgc=meter.sgc,
        krn=meter.krn,
        ti=meter.ti,
        ea=meter.ea,
        algorithm=meter.algorithm,
        tariff_name=meter.tariff.name if meter.tariff else None,
        status=meter.status,
        last_sale_at=last[0] if last else None,
        last_units=last[1] if last else None,
    )

