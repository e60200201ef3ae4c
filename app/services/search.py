"""The counter's quick query: from the first digits or letters to at most ten meter cards.

Every way in is a range of an index: the meter number, or the consumer's words, user
number, telephone and ID number.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, select
from sqlalchemy.orm import joinedload

from app.access.scope import Scope, criterion
from app.domain import errors
from app.domain.states import Algorithm, MeterStatus, MeterType
from app.extensions import db
from app.models import Consumer, ConsumerTerm, Meter
from app.models.consumer import digits_of, fold
from app.services.facts import Last, last_purchases

LIMIT = 10
SHORTEST = 2
LONGEST = 60
CANDIDATES = 400


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
    # Why it cannot buy, as far as the card itself can tell; None when nothing stands in the way.
    cannot_buy: errors.Refusal | None


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
        for meter in _meters(Meter.meter_number.between(number, number + "~"), scope, limit):
            found[meter.id] = meter
    if len(found) < limit:
        for meter in _meters(Meter.consumer_id.in_(_consumers(typed, number)), scope, limit):
            found.setdefault(meter.id, meter)
    return _cards(list(found.values())[:limit])


def _consumers(typed: str, number: str) -> Select[Any]:
    """Consumers whose terms begin with every word typed."""
    words = fold(typed).split()
    if number and len(number) >= SHORTEST and not any(c.isalpha() for c in typed):
        words = [number]  # "0700 123 456" is one telephone number
    matching = select(ConsumerTerm.consumer_id).where(_begins(words[0])).limit(CANDIDATES)
    for word in words[1:5]:
        matching = (
            select(ConsumerTerm.consumer_id)
            .where(_begins(word), ConsumerTerm.consumer_id.in_(matching))
            .limit(CANDIDATES)
        )
    return matching


def _begins(word: str) -> ColumnElement[bool]:
    """`word` is a prefix: a range of the index, for no sign sorts after U+10FFFF."""
    return ConsumerTerm.term.between(word, word + "\U0010ffff")


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
    return _cards(meters)[0]


def _cards(meters: list[Meter]) -> list[MeterCard]:
    last = last_purchases(db.session(), [meter.id for meter in meters])
    return [card(meter, last.get(meter.id)) for meter in meters]


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
        cannot_buy=_obstacle(meter),
    )


def _obstacle(meter: Meter) -> errors.Refusal | None:
    if meter.status is not MeterStatus.INSTALLED:
        return errors.MeterBlocked(
            meter_number=meter.meter_number, status=meter.status, reason=meter.status_reason or ""
        )
    if meter.consumer_id is None:
        return errors.MeterWithoutConsumer(meter_number=meter.meter_number)
    if meter.tariff_id is None:
        return errors.MeterWithoutTariff(meter_number=meter.meter_number)
    return None
