"""An act that the module is asked for: once, under the record's own message id, whatever happens on the way.

Class 1 is made here, because the same twenty digits start every meter and no key is in them.  A lost answer to
anything else is fetched; only when the module never took the message is the same request sent again, by one
process.  Past the module's memory the record fails: its token, if one was made, was never shown to anybody.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import func, insert, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from app.db import retried, transaction
from app.domain import errors
from app.domain.engineering import ActStatus
from app.domain.states import TokenKind
from app.extensions import db
from app.models import EngineeringRecord, Token
from app.models.base import now
from app.services import key_changes
from app.services.health import note_silence
from app.services.issue import leave_transaction, meter_asked_for, token_columns
from app.services.resolve import Patience, memory_of
from app.services.security_module import Modules
from app.services.vending import Known
from app.sts import asked, meter_test
from app.sts.errors import StsError, sentence
from app.sts.module import Amendment, IssuedToken, ModuleError

log = logging.getLogger(__name__)
FORGOTTEN = "Forgotten"
MANAGEMENT_CLASS, TEST_CLASS = 2, 1


@dataclass(frozen=True, slots=True)
class Act:
    """The facts of a record that asking and settling need; `request` is None while it is a proposal."""

    record_id: int
    message_id: str
    module_id: int | None
    request: str | None
    meter_id: int | None
    vending_point_id: int | None
    created_at: datetime
    sent_at: datetime

    @classmethod
    def of(cls, record: EngineeringRecord) -> Act:
        """Take them from a row."""
        return cls(
            record.id, record.message_id, record.module_id, record.request, record.meter_id,
            record.vending_point_id, record.created_at,
            record.asked_at or record.decided_at or record.created_at,
        )  # fmt: skip

    @property
    def asks(self) -> dict[str, Any]:
        """The stored request."""
        made: dict[str, Any] = json.loads(self.request or "{}")
        return made


def read_act(session: Session, record_id: int) -> Act | None:
    """An act that waits for its answer, or None when it does not."""
    record = session.get(EngineeringRecord, record_id, populate_existing=True, execution_options={"unscoped": True})
    waits = record is not None and record.status == ActStatus.RESERVED
    return Act.of(record) if record is not None and waits else None


def complete(act: Act, modules: Modules, clock: Callable[[], datetime] = now, *, again: bool = False) -> None:
    """Ask and settle; a silent module leaves the record waiting.

    `again`: it was sent before, so a refusal counts only when the module still knows of nothing.
    Raises ModuleRefused after making the record FAILED.
    """
    try:
        tokens = _ask(act, modules)
    except ModuleError as error:
        if not error.permanent:
            log.warning("engineering record %s waits: the module answered %s", act.record_id, error)
            if act.module_id is not None:
                note_silence(act.module_id, error, clock())  # so that no other process waits for it
            return
        if again and settle_if_known(act, modules, clock) is not Known.NEVER_TAKEN:
            return
        _fail(act, error.code, clock())
        raise errors.ModuleRefused(module_code=error.code) from error
    _settle_answer(act, tokens, clock())


def settle_if_known(act: Act, modules: Modules, clock: Callable[[], datetime] = now) -> Known:
    """Ask the module what it answered, by message id, and settle that; never issues."""
    if act.module_id is None:
        return Known.SETTLED if _settle_answer(act, _ask(act, modules), clock()) else Known.UNUSABLE
    leave_transaction()
    try:
        tokens = modules.by_id(act.module_id, act.asks["offset_minutes"]).fetch(act.message_id)
    except errors.NoModule:
        return Known.SILENT
    except ModuleError as error:
        if error.code == "ECacheMiss":
            return Known.NEVER_TAKEN
        log.warning("engineering record %s still waits: the module answered %s", act.record_id, error)
        return Known.SILENT
    return Known.SETTLED if _settle_answer(act, tokens, clock()) else Known.UNUSABLE


def resolve_act(
    record_id: int, modules: Modules, patience: Patience | None = None, clock: Callable[[], datetime] = now
) -> ActStatus:
    """Bring a waiting act to its end where that can be done safely; gives its status."""
    patience = patience or Patience()
    act = read_act(db.session(), record_id)
    known = Known.SETTLED if act is None else settle_if_known(act, modules, clock)
    if act is not None and known in {Known.NEVER_TAKEN, Known.UNUSABLE}:
        if clock() - act.sent_at > memory_of(act.module_id, patience):
            _fail(act, FORGOTTEN, clock())  # an answer that the books refuse was not shown to anybody either
        elif known is Known.NEVER_TAKEN and _claim(act, patience.wait, clock()):
            try:
                complete(act, modules, clock, again=True)
            except errors.ModuleRefused as refused:
                log.warning("engineering record %s failed: %s", record_id, refused)
    status = select(EngineeringRecord.status).where(EngineeringRecord.id == record_id)
    return ActStatus(db.session().execute(status, execution_options={"unscoped": True}).scalar_one())


def waiting_acts(until: datetime | None = None) -> list[int]:
    """Ids of the acts that wait for an answer, oldest first; those made before `until`, if it is given."""
    found = (
        select(EngineeringRecord.id)
        .where(EngineeringRecord.status == ActStatus.RESERVED)
        .order_by(EngineeringRecord.created_at)
    )
    if until is not None:
        found = found.where(EngineeringRecord.created_at < until)
    return list(db.session().execute(found, execution_options={"unscoped": True}).scalars())


# --- inside -------------------------------------------------------------------------------


def _ask(act: Act, modules: Modules) -> tuple[IssuedToken, ...]:
    """Send the stored request.  Raises ModuleError."""
    request = act.asks
    if request["kind"] == "meter_test":
        return (_test_token(request),)
    if act.module_id is None:
        raise AssertionError("all but class 1 asks a module")
    leave_transaction()
    try:
        module = modules.by_id(act.module_id, request["offset_minutes"])
    except errors.NoModule as gone:
        raise ModuleError("EService", permanent=False, detail=str(gone)) from gone
    meter = meter_asked_for(request)
    if request["kind"] == "key_change":
        return module.key_change_tokens(act.message_id, meter, Amendment(*request["target"]))
    issue_time = datetime.fromisoformat(request["issue_time"])
    return module.management_token(act.message_id, meter, request["subclass"], request["value"], issue_time)


def _test_token(request: dict[str, Any]) -> IssuedToken:
    """Class 1, as a token of no meter and no key."""
    subclass = request["subclass"]
    digits = meter_test.issue(subclass, request["control"], request["maker"])
    return IssuedToken(digits, "", 0, 0, "", 0, 0, TEST_CLASS, subclass, None, 0, None, None, "")


def _settle_answer(act: Act, tokens: Sequence[IssuedToken], instant: datetime) -> bool:
    """Write the tokens; an answer that is not what was asked for leaves the record waiting."""
    told = _difference(act, tokens)
    try:
        if not told:
            retried(lambda: _settle(act, tuple(tokens), instant))
    except IntegrityError:
        told = "the books refuse its tokens"  # such as a token id that this meter has had from another module
    if told:
        log.error("engineering record %s waits: %s", act.record_id, told)
    return not told


def _difference(act: Act, tokens: Sequence[IssuedToken]) -> str:
    request = act.asks
    try:
        if request["kind"] == "meter_test":
            return "" if tuple(tokens) == (_test_token(request),) else "not the token of these tests"
        meter = meter_asked_for(request)
        if request["kind"] == "key_change":
            return asked.change_difference(tokens, meter, Amendment(*request["target"]))
        return asked.difference(tokens, meter, MANAGEMENT_CLASS, request["subclass"], request["value"])
    except StsError as error:
        return sentence(error)


def _settle(act: Act, tokens: tuple[IssuedToken, ...], instant: datetime) -> None:
    with transaction() as session:
        if act.meter_id is not None:
            key_changes.note_advice(session, act.meter_id, tokens)
        if not _move(session, act, status=ActStatus.ISSUED, settled_at=instant):
            session.rollback()  # somebody else was first
            return
        session.execute(insert(Token.__table__), [_row(act, n, token) for n, token in enumerate(tokens, start=1)])


def _fail(act: Act, code: str, instant: datetime) -> None:
    def work() -> None:
        with transaction() as session:
            if not _move(session, act, status=ActStatus.FAILED, failure=code[:60], settled_at=instant):
                session.rollback()

    retried(work)


def _move(session: Session, act: Act, **values: object) -> bool:
    """The guarded step out of RESERVED; says whether this call made it."""
    table = EngineeringRecord.__table__
    reserved = (table.c.id == act.record_id) & (table.c.status == ActStatus.RESERVED)
    return bool(session.execute(update(table).where(reserved).values(**values)).rowcount == 1)  # type: ignore[attr-defined]


def _claim(act: Act, wait: timedelta, instant: datetime) -> bool:
    """Whether this process may send the request again: a guarded update lets one through."""
    table = EngineeringRecord.__table__
    sent = func.coalesce(table.c.asked_at, table.c.decided_at, table.c.created_at)

    def work() -> bool:
        with transaction() as session:
            mine = (table.c.id == act.record_id) & (table.c.status == ActStatus.RESERVED) & (sent <= instant - wait)
            moved = session.execute(update(table).where(mine).values(asked_at=instant))
            return bool(moved.rowcount == 1)  # type: ignore[attr-defined]

    return retried(work)


def _row(act: Act, position: int, token: IssuedToken) -> dict[str, object]:
    change = asked.is_key_change(token)
    return {
        "kind": TokenKind.KEY_CHANGE if change else TokenKind.ENGINEERING,
        "engineering_id": act.record_id,
        "meter_id": act.meter_id,
        "vending_point_id": act.vending_point_id,
        "position": position,
        **token_columns(token),
        "module_id": act.module_id,
        "issued_at": act.sent_at,  # the clock; the minute asked for may run ahead of it
    }
