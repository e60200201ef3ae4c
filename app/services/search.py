"""The counter's quick query: from the first digits or letters to at most ten meter cards.

Every way in is a range of an index: the meter number, or the consumer's words (`consumer_words`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any

from sqlalchemy import Integer, Select, String, bindparam, literal_column, select
from sqlalchemy.orm import Session

from app.access.scope import Scope, asked_last, require
from app.domain import errors
from app.domain.states import Algorithm, MeterStatus, MeterType
from app.extensions import db
from app.models import Consumer, Meter
from app.models.base import now
from app.models.consumer import digits_of
from app.services.consumer_words import row_ids
from app.services.desk import Desk, Prospect, desks_of, prospect
from app.services.due import Due, due_of
from app.services.habits import Last, last_purchases
from app.services.pricing import Sight

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
    session = db.session()
    number = digits_of(typed)
    by_number: list[int] = []
    if number and not any(c.isalpha() for c in typed):
        by_number = _by_number(number, scope, limit)
    by_word: list[int] = []
    if len(by_number) < limit:
        by_word = row_ids(session, typed, Meter, scope, Meter.meter_number, limit)
    instant = now()
    desks = desks_of(session, {*by_number, *by_word}, instant)
    # The numbers that begin so come first; each part stands in the order of its numbers.
    desks.sort(key=lambda desk: (desk.meter.id not in by_number, desk.meter.meter_number))
    return cards_of(session, [desk for desk in desks if _seen(desk.meter, scope)][:limit], scope, instant)


def _by_number(number: str, scope: Scope, limit: int) -> list[int]:
    """Ids of the scope's meters whose numbers begin so, in the order of the index."""
    given = {"low": number, "high": number + "~"}
    return list(db.session().execute(_numbers(scope, limit), given, execution_options={"unscoped": True}).scalars())


@lru_cache(maxsize=256)
def _numbers(scope: Scope, limit: int) -> Select[Any]:
    """The statement of one reader, built once: building it costs more than running it."""
    begins = Meter.meter_number.between(bindparam("low", type_=String), bindparam("high", type_=String))
    found = select(Meter.id).where(begins, asked_last(Meter, scope)).order_by(Meter.meter_number)
    return found.limit(literal_column(str(limit), Integer))  # a figure, which the planner can reckon with


def _seen(row: Meter | Consumer, scope: Scope) -> bool:
    try:
        require(row, scope)
    except errors.OutOfScope:
        return False
    return True


def card_of(sight: Sight) -> MeterCard:
    """The card of one meter.  Raises UnknownMeter, for a foreign one too."""
    return cards_of(db.session(), [sight.desk], sight.scope, sight.at)[0]


def cards_of(session: Session, desks: Sequence[Desk], scope: Scope, instant: datetime) -> list[MeterCard]:
    """The cards of desks in the scope, with what each meter bought last, what it owes, and why it may buy nothing."""
    if not desks:
        return []
    last = last_purchases(session, [desk.meter.id for desk in desks])
    due = due_of(session, desks)
    return [_card(desk, scope, last.get(desk.meter.id), prospect(desk, scope, instant), due) for desk in desks]


def _card(
    desk: Desk, scope: Scope, last: Last | None, stands: Prospect, due: Mapping[int, Due]
) -> MeterCard:
    meter, consumer = desk.meter, desk.consumer
    if consumer is not None and consumer.region_id != meter.region_id and not _seen(consumer, scope):
        consumer = None  # somebody else's, with a meter in this region
    return MeterCard(
        meter_id=meter.id,
        meter_number=meter.meter_number,
        meter_type=meter.meter_type,
        product=str(desk.product),
        consumer_name=consumer.name if consumer else None,
        user_number=consumer.user_number if consumer else None,
        region=desk.region.full_name,
        address=meter.address or (consumer.address if consumer else None),
        sgc=meter.sgc,
        krn=meter.krn,
        ti=meter.ti,
        ea=meter.ea,
        algorithm=meter.algorithm,
        tariff_name=desk.tariff.name if desk.tariff else None,
        status=meter.status,
        last_sale_at=last[0] if last else None,
        last_units=last[1] if last else None,
        cannot_buy=stands.why,
        key_change=stands.change is not None,
        due=due[meter.id],
    )
