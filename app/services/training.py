"""Training meters: the virtual meter of each demonstration meter, stored, so that tokens can be tried on a screen.

There is one only for a meter whose key is a public compliance test key, in the books and in every module that
holds a key of that name; no real key ever comes here, and no module is asked.  What is done to a meter is one
transaction under its row's lock: the same token typed in two tabs is accepted once.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, and_, exists, or_, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from app.access.scope import Scope, criterion
from app.db import retried, transaction
from app.domain import errors
from app.domain.states import MeterType, TokenKind
from app.extensions import db
from app.models import Consumer, Meter, SupplyGroupKey, Token, TrainingState
from app.models.audit import note
from app.models.base import now
from app.services import record_history
from app.services.meter_keys import UNIQUE_KEY
from app.services.search import find_meters
from app.sts.meter_memory import Memory
from app.sts.meter_number import pan_from_drn
from app.sts.module import MeterConfig
from app.sts.training_meter import TrainingMeter, public_spots

REGISTER = {MeterType.ELECTRICITY: 0, MeterType.WATER: 1, MeterType.GAS: 2, MeterType.TIME: 3}
LOG_MAX, PAGE, TRY_MAX = 12, 25, 6
UNSCOPED = {"unscoped": True, "populate_existing": True}
TOKEN, CONSUME, COVER = "token", "consume", "cover"


@dataclass(frozen=True, slots=True)
class Done:
    """One thing that was done to the meter: `said` is its answer (a Result for a token), `changed` before and after.

    `shown`: values that a test token displays; `units`: what was consumed, in tenths; `tail`: the last four digits.
    """

    at: datetime
    what: str
    said: str
    shown: tuple[tuple[str, int | str], ...]
    changed: tuple[tuple[str, Any, Any], ...]
    units: int
    tail: str


@dataclass(frozen=True, slots=True)
class Screen:
    """The meter as the page shows it.  Credit in tenths of its unit; `at_home`: its key is the registered one."""

    meter_id: int
    meter_number: str
    meter_type: MeterType
    consumer: str | None
    memory: Memory
    spot: tuple[str, int, int]
    registered: tuple[str, int, int]
    pending: tuple[str, int, int] | None
    credit: int
    supplied: bool
    turn: int
    log: tuple[Done, ...]

    @property
    def at_home(self) -> bool:
        """Whether the books know the key that the meter is under."""
        return self.spot in {self.registered, self.pending}


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the list: a meter that has, or may have, a training meter."""

    meter_number: str
    meter_type: MeterType
    consumer: str | None
    tried_at: datetime | None
    credit: int | None


def meters(session: Session, scope: Scope, text: str = "") -> list[Row]:
    """The asker's demonstration meters that fit what was typed; without a word those tried last, then the first.

    At most PAGE: who looks for another one types its number or its consumer's name.
    """
    known = TrainingState.meter_id == Meter.id
    found = (
        select(
            Meter.id, Meter.meter_number, Meter.meter_type, Consumer.name, TrainingState.changed_at,
            TrainingState.memory,
        )
        .select_from(Meter)
        .outerjoin(Consumer, and_(Consumer.id == Meter.consumer_id, criterion(Consumer, scope)))
        .where(_trainable(), criterion(Meter, scope))
        .limit(PAGE)
    )  # fmt: skip
    if text:
        ids = [card.meter_id for card in find_meters(text, scope, PAGE)]
        wanted = found.outerjoin(TrainingState, known).where(Meter.id.in_(ids)).order_by(Meter.meter_number)
        return [_row(row) for row in session.execute(wanted, execution_options=UNSCOPED)]
    tried = found.join(TrainingState, known).order_by(TrainingState.changed_at.desc(), Meter.id)
    others = found.outerjoin(TrainingState, known).order_by(Meter.meter_number)
    rows = {row.id: row for one in (tried, others) for row in session.execute(one, execution_options=UNSCOPED)}
    return [_row(row) for row in list(rows.values())[:PAGE]]


def screen(meter_number: str, scope: Scope, tables: str) -> Screen:
    """The meter as it stands.  Raises UnknownMeter for any but one's own demonstration meters."""
    session = db.session()
    meter = _own(session, meter_number, scope)
    row = session.get(TrainingState, meter.id, populate_existing=True)
    trained = _wake(meter, row, tables)
    register = REGISTER[meter.meter_type]
    pending = None
    if meter.pending_sgc is not None and meter.pending_krn is not None and meter.pending_ti is not None:
        pending = (meter.pending_sgc, meter.pending_krn, meter.pending_ti)
    return Screen(
        meter.id, meter.meter_number, meter.meter_type, _consumer(session, meter, scope),
        trained.meter.memory(), trained.spot, (meter.sgc, meter.krn, meter.ti), pending,
        trained.meter.registers[register], trained.meter.supplies(register), 0 if row is None else row.turn,
        () if row is None else tuple(_done(one) for one in json.loads(row.log)),
    )  # fmt: skip


def tokens_to_try(session: Session, meter_id: int, scope: Scope) -> list[tuple[str, TokenKind, int | None, datetime]]:
    """The newest tokens of the meter that were handed out and that the asker may see: digits, kind, amount, time.

    Those of a reversed sale were not: the money went back, and the token would still work.
    """
    part = record_history.tokens(session, scope, and_(Token.meter_id == meter_id, Token.shown_digits.is_not(None)))
    return [(made.digits, made.kind, made.amount, made.at) for made in part.rows[:TRY_MAX]]


def enter(
    meter_number: str, digits: str, turn: int, scope: Scope, tables: str, clock: Callable[[], datetime] = now
) -> None:
    """Type a token in.  The same digits sent twice from one page are typed once.  Raises UnknownMeter."""

    def work(trained: TrainingMeter, _meter: Meter, at: datetime) -> dict[str, Any]:
        reply = trained.enter(digits, at)
        return {"said": reply.result.value, "shown": list(reply.shown), "tail": digits[-4:], "print": _print(digits)}

    _act(meter_number, TOKEN, turn, scope, tables, clock, work, again=_print(digits))


def consume(
    meter_number: str, tenths: int, turn: int, scope: Scope, tables: str, clock: Callable[[], datetime] = now
) -> None:
    """Use units, as far as there are some (tenths, 0..CAPACITY_TENTHS).  Raises UnknownMeter."""

    def work(trained: TrainingMeter, meter: Meter, _at: datetime) -> dict[str, Any]:
        taken = trained.meter.consume(REGISTER[meter.meter_type], tenths)
        return {"said": "used" if taken else "off", "units": taken, "print": f"{tenths}"}

    _act(meter_number, CONSUME, turn, scope, tables, clock, work, again=f"{tenths}")


def open_cover(
    meter_number: str, turn: int, scope: Scope, tables: str, clock: Callable[[], datetime] = now
) -> None:
    """Tamper with the meter.  Raises UnknownMeter."""

    def work(trained: TrainingMeter, _meter: Meter, _at: datetime) -> dict[str, Any]:
        trained.meter.open_cover()
        return {"said": "tampered", "print": ""}

    _act(meter_number, COVER, turn, scope, tables, clock, work, again="")


def reset(meter_number: str, scope: Scope) -> None:
    """Put a new meter in its place, under the registered key, without credit or memory.  Raises UnknownMeter."""

    def work() -> None:
        with transaction() as session:
            meter = _own(session, meter_number, scope)
            row = session.get(TrainingState, meter.id, with_for_update=True, populate_existing=True)
            if row is None:
                return
            session.delete(row)
            note(session, "reset", "training_state", meter.id, {}, {"meter_number": meter.meter_number})

    retried(work)


# --- inside -------------------------------------------------------------------------------


def _act(
    meter_number: str, what: str, turn: int, scope: Scope, tables: str, clock: Callable[[], datetime],
    work: Callable[[TrainingMeter, Meter, datetime], dict[str, Any]], again: str,
) -> None:  # fmt: skip
    """Do one thing to the meter: read under its lock, act, write.

    What the page sends a second time (`turn` is the page's) changes nothing.
    """

    def once() -> None:
        at = clock()
        with transaction() as session:
            meter = _own(session, meter_number, scope)
            row = session.get(TrainingState, meter.id, with_for_update=True, populate_existing=True)
            log = [] if row is None else json.loads(row.log)
            if row is not None and row.turn == turn + 1 and log and (log[0]["what"], log[0]["print"]) == (what, again):
                return
            trained = _wake(meter, row, tables)
            before = trained.meter.memory()
            said = {"at": at.isoformat(), "what": what, "shown": [], "units": 0, "tail": ""} | work(trained, meter, at)
            said["changed"] = _changed(before, trained.meter.memory())
            facts = {
                "sgc": trained.spot[0], "krn": trained.spot[1], "ti": trained.spot[2],
                "memory": trained.meter.memory().to_json(), "log": json.dumps([said, *log][:LOG_MAX]), "changed_at": at,
            }  # fmt: skip
            if row is None:
                session.add(TrainingState(meter_id=meter.id, turn=1, **facts))
                return
            for name, value in facts.items():
                setattr(row, name, value)
            row.turn += 1

    try:
        retried(once)
    except IntegrityError:  # its first row was made by somebody else at this moment
        retried(once)


def _wake(meter: Meter, row: TrainingState | None, tables: str) -> TrainingMeter:
    if row is None:
        config = MeterConfig(
            pan_from_drn(meter.meter_number), ea=meter.ea, tct=meter.tct, sgc=meter.sgc, krn=meter.krn, ti=meter.ti,
            ken=meter.ken,
        )  # fmt: skip
        return TrainingMeter.fresh(config, tables)
    return TrainingMeter.recalled(Memory.from_json(row.memory), (row.sgc, row.krn, row.ti), tables)


def _changed(before: Memory, after: Memory) -> list[list[Any]]:
    """What is different now: name, before, after; registers by their number."""
    told: list[list[Any]] = [
        [f"register {at}", old, new]
        for at, (old, new) in enumerate(zip(before.registers, after.registers, strict=True))
        if old != new
    ]
    for name in ("power_limit_watts", "phase_unbalance_limit_watts", "tariff_rate", "water_meter_factor", "tampered"):
        old, new = getattr(before, name), getattr(after, name)
        if old != new:
            told.append([name, old, new])
    for name in ("sgc", "krn", "ti", "ken"):
        old, new = getattr(before.config, name), getattr(after.config, name)
        if old != new:
            told.append([name, old, new])
    return told


def _row(row: Any) -> Row:
    credit = None if row.memory is None else Memory.from_json(row.memory).registers[REGISTER[row.meter_type]]
    return Row(row.meter_number, row.meter_type, row.name, row.changed_at, credit)


def _print(digits: str) -> str:
    """Tells the same digits again without keeping them."""
    return hashlib.sha256(digits.encode()).hexdigest()[:16]


def _done(said: dict[str, Any]) -> Done:
    return Done(
        at=datetime.fromisoformat(said["at"]),
        what=said["what"],
        said=said["said"],
        shown=tuple((name, value) for name, value in said["shown"]),
        changed=tuple((name, old, new) for name, old, new in said["changed"]),
        units=said["units"],
        tail=said["tail"],
    )


def _trainable() -> ColumnElement[bool]:
    """The meter's key is one of the public ones by name, and by the check value of every key of that name."""
    key = and_(
        SupplyGroupKey.sgc == Meter.sgc, SupplyGroupKey.krn == Meter.krn, SupplyGroupKey.key_type == UNIQUE_KEY
    )
    public = exists().where(key, SupplyGroupKey.demonstration)
    real = exists().where(key, SupplyGroupKey.demonstration.is_(False))
    named = or_(*(and_(Meter.sgc == sgc, Meter.krn == krn) for sgc, krn in sorted(public_spots())))
    return and_(named, public.correlate(Meter), ~real.correlate(Meter))


def _own(session: Session, meter_number: str, scope: Scope) -> Meter:
    statement = (
        select(Meter)
        .where(Meter.meter_number == meter_number, _trainable(), criterion(Meter, scope))
    )
    meter: Meter | None = session.execute(statement, execution_options=UNSCOPED).scalar_one_or_none()
    if meter is None:
        raise errors.UnknownMeter(meter_number=meter_number)
    return meter


def _consumer(session: Session, meter: Meter, scope: Scope) -> str | None:
    statement = select(Consumer.name).where(Consumer.id == meter.consumer_id, criterion(Consumer, scope))
    name: str | None = session.execute(statement, execution_options=UNSCOPED).scalar_one_or_none()
    return name


def is_trainable(session: Session, meter_number: str, scope: Scope) -> bool:
    """Whether a page may offer the training meter of this one."""
    statement = select(Meter.id).where(Meter.meter_number == meter_number, _trainable(), criterion(Meter, scope))
    return session.execute(statement, execution_options=UNSCOPED).first() is not None
