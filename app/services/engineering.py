"""An act of the engineering desk, once: wanted, approved where two people must, asked for, in the books.

    want      one transaction: the record, with the exact request, or as a proposal without one
    approve   one transaction: another person agrees, and the request is written
    complete  no transaction while the module is asked; then one with the tokens (`engineering_tokens`)

The same reference is the same act, however often it arrives.  Nothing here moves money.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable
from datetime import datetime
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session, joinedload

from app.access.scope import Scope, require
from app.db import retried, transaction
from app.domain import errors
from app.domain.engineering import KEY_CHANGE, ActStatus
from app.domain.states import TokenKind
from app.extensions import db
from app.models import EngineeringRecord, VendingPoint
from app.models.base import now
from app.services.engineering_request import Prepared, Wanted, prepare
from app.services.engineering_tokens import Act, complete, read_act, settle_if_known
from app.services.four_eyes import needs_second_person, require_two
from app.services.pricing import CLOCK_AHEAD
from app.services.reserve import REFERENCE
from app.services.security_module import Modules, MustBeTried

KINDS = {KEY_CHANGE: TokenKind.KEY_CHANGE}


class _AlreadyThere(Exception):
    """An act stands under the reference.  No error."""


def make(wanted: Wanted, scope: Scope, modules: Modules, clock: Callable[[], datetime] = now) -> int:
    """Make the act's tokens, or propose it; gives the id of its record.

    The record is PROPOSED, ISSUED, or RESERVED while the module is silent.  Raises the refusals of `prepare`,
    BadReference, NoVendingPoint, ActReferenceTaken, ModuleDown (then nothing is stored) and ModuleRefused (then the
    record is FAILED).
    """
    if not REFERENCE(wanted.reference):
        raise errors.BadReference(text=wanted.reference[:40])
    if not wanted.reason.strip():
        raise AssertionError("an act has a reason")
    try:
        act = _alive(lambda: retried(lambda: _write(wanted, scope, modules, clock())), modules, clock)
    except (_AlreadyThere, IntegrityError):
        record = _by_reference(db.session(), wanted)
        if record is None:
            raise
        waiting = read_act(db.session(), record.id)
        if waiting is not None:
            settle_if_known(waiting, modules, clock)
        return record.id
    if act.request is not None:
        complete(act, modules, clock)
    return act.record_id


def approve(record_id: int, scope: Scope, modules: Modules, clock: Callable[[], datetime] = now) -> ActStatus:
    """Agree to somebody else's proposal, and make its tokens.

    Raises OutOfScope, ProposalClosed, FourEyes, SameHand and what `make` raises.
    """

    def work() -> Act:
        return retried(lambda: _approve(record_id, scope, modules, clock()))

    complete(_alive(work, modules, clock), modules, clock)
    return ActStatus(record_of(record_id, scope).status)


def decline(record_id: int, scope: Scope, clock: Callable[[], datetime] = now, *, may_approve: bool = True) -> None:
    """Refuse a proposal, or take one's own back; somebody else's refuses who may approve it.

    Raises OutOfScope, ProposalClosed, NotAllowed.
    """
    if record_of(record_id, scope).operator_id != scope.user_id and not may_approve:
        raise errors.NotAllowed
    with transaction() as session:
        _move(session, record_id, status=ActStatus.DECLINED, approver_id=scope.user_id, decided_at=clock())


def record_of(record_id: int, scope: Scope) -> EngineeringRecord:
    """A record of one's own.  Raises OutOfScope."""
    found = (
        select(EngineeringRecord)
        .where(EngineeringRecord.id == record_id)
        .options(joinedload(EngineeringRecord.point_region))
    )
    record: EngineeringRecord | None = db.session().execute(
        found, execution_options={"unscoped": True, "populate_existing": True}
    ).scalar_one_or_none()
    if record is None:
        raise errors.OutOfScope
    require(record, scope)
    return record


# --- inside -------------------------------------------------------------------------------


def _alive(work: Callable[[], Act], modules: Modules, clock: Callable[[], datetime]) -> Act:
    """Do it once more after looking at a module that was dead a while ago.  Raises ModuleDown."""
    try:
        try:
            return work()
        except MustBeTried as dead:
            modules.probe(dead.module_id)
            return work()
    except MustBeTried as dead:
        raise errors.ModuleDown(name=dead.name, since=clock()) from dead


def _write(wanted: Wanted, scope: Scope, modules: Modules, instant: datetime) -> Act:
    with transaction() as session:
        point = _point(session, wanted.vending_point_id, scope)
        if _by_reference(session, wanted) is not None:
            raise _AlreadyThere
        proposed = needs_second_person(session, wanted.function)
        ready = prepare(session, wanted, point, scope, instant, CLOCK_AHEAD)
        if ready.module is not None and not proposed:
            modules.require_alive(ready.module, ready.health)
        record = EngineeringRecord(
            kind=KINDS.get(wanted.function, TokenKind.ENGINEERING),
            reference=wanted.reference,
            message_id=secrets.token_hex(16),
            status=ActStatus.PROPOSED if proposed else ActStatus.RESERVED,
            function=wanted.function,
            reason=wanted.reason.strip()[:200],
            vending_point_id=point.id,
            point_region_id=point.region_id,
            operator_id=wanted.operator_id,
            meter_id=ready.meter_id,
            details=wanted.stored,
            created_at=instant,
            **({} if proposed else _request(ready)),
        )
        session.add(record)
        session.flush()
        return Act.of(record)


def _approve(record_id: int, scope: Scope, modules: Modules, instant: datetime) -> Act:
    record = record_of(record_id, scope)
    if record.status != ActStatus.PROPOSED:
        raise errors.ProposalClosed
    if scope.user_id is None:
        raise errors.FourEyes
    require_two(db.session(), record.operator_id, scope.user_id, instant)
    wanted = _wanted(record)
    with transaction() as session:
        point = session.get_one(VendingPoint, record.vending_point_id, execution_options={"unscoped": True})
        ready = prepare(session, wanted, point, scope, instant, CLOCK_AHEAD)
        if ready.module is not None:
            modules.require_alive(ready.module, ready.health)
        _move(
            session, record_id, status=ActStatus.RESERVED, approver_id=scope.user_id, decided_at=instant,
            **_request(ready),
        )  # fmt: skip
    act = read_act(db.session(), record_id)
    if act is None:
        raise errors.ProposalClosed
    return act


def _request(ready: Prepared) -> dict[str, Any]:
    return {
        "module_id": None if ready.module is None else ready.module.id,
        "request": ready.request,
        "snapshot": ready.snapshot,
    }


def _wanted(record: EngineeringRecord) -> Wanted:
    """The order of a stored proposal."""
    details = json.loads(record.details)
    target = details["target"]
    return Wanted(
        reference=record.reference, function=record.function, vending_point_id=record.vending_point_id or 0,
        operator_id=record.operator_id, reason=record.reason, meter_number=details["meter_number"],
        value=details["value"], target=None if target is None else (target[0], target[1], target[2]),
        tests=tuple(details["tests"]), maker=details["maker"],
        operator_name=record.operator.person,
    )  # fmt: skip


def _move(session: Session, record_id: int, **values: object) -> None:
    """The guarded step out of PROPOSED.  Raises ProposalClosed."""
    table = EngineeringRecord.__table__
    proposed = (table.c.id == record_id) & (table.c.status == ActStatus.PROPOSED)
    moved = session.execute(update(table).where(proposed).values(**values))
    if moved.rowcount != 1:  # type: ignore[attr-defined]
        raise errors.ProposalClosed


def _point(session: Session, point_id: int, scope: Scope) -> VendingPoint:
    found = select(VendingPoint).where(VendingPoint.id == point_id).options(joinedload(VendingPoint.region))
    point: VendingPoint | None = session.execute(
        found, execution_options={"unscoped": True}
    ).scalar_one_or_none()
    if point is None or not point.active:
        raise errors.NoVendingPoint
    try:
        require(point, scope)
    except errors.OutOfScope:
        raise errors.NoVendingPoint from None
    return point


def _by_reference(session: Session, wanted: Wanted) -> EngineeringRecord | None:
    """The act that stands under the reference.  Raises ActReferenceTaken when it is another one."""
    found = select(EngineeringRecord).where(
        EngineeringRecord.vending_point_id == wanted.vending_point_id,
        EngineeringRecord.reference == wanted.reference,
    )
    record: EngineeringRecord | None = session.execute(
        found, execution_options={"unscoped": True, "populate_existing": True}
    ).scalar_one_or_none()
    if record is None:
        return None
    if record.function != wanted.function or json.loads(record.details) != wanted.details:
        raise errors.ActReferenceTaken(reference=wanted.reference)
    return record


