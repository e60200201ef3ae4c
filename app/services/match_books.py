"""What the books say that a module made within a span, and how surely.

A module counts a token when it makes it; the books know between which two instants that was: the request went
out (`issued_at`), the answer was in the books (`settled_at`).  Where a border of the span lies between the two,
or close by, the token may be counted on either side.  A sale that waits, or was given up after it had been asked
for, may have been made or not.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, and_, case, func, literal, or_, select
from sqlalchemy.orm import Session

from app.domain.engineering import ActStatus
from app.domain.states import SaleStatus
from app.models import EngineeringRecord, ModuleAnswer, Sale, SetClock, Token
from app.models.base import UTCDateTime
from app.services.decisions import RELEASED
from app.services.engineering_tokens import FORGOTTEN

EVERYTHING = {"unscoped": True}
# So far may the clock of a module be from ours.
SKEW = timedelta(minutes=2)
# A sale waits for its token at most so long before people decide.
WAITS_MOST = timedelta(days=35)
KEY_CHANGE_SET_MAX = 4


@dataclass(frozen=True, slots=True)
class Booked:
    """Tokens of a span: `booked` by the date of the books; `least` surely made in it; `reasons` for more."""

    booked: int
    least: int
    reasons: dict[str, int] = field(default_factory=dict)

    def unexplained(self, made: int) -> int:
        """What of a module's count nothing explains: above 0 too many were made, below too few."""
        most = self.least + sum(self.reasons.values())
        return min(0, made - self.least) or max(0, made - most)


def of_span(
    session: Session, module_id: int, begins: datetime, ends: datetime, looks: Collection[datetime] = ()
) -> Booked:
    """What the books say of a module that counts by its own clock, [begins, ends).

    `looks`: borders that are the moment of a look and no midnight; tokens close to them are told as 'looked'.
    """
    begun, ended, candidates = _moments(session, begins, ends)
    inside = and_(begun >= begins + SKEW, ended <= ends - SKEW)
    touches = and_(begun <= ends + SKEW, ended >= begins - SKEW)
    dated = and_(begun >= begins, begun < ends)
    early = and_(touches, begun < begins + SKEW)
    counts = select(*(func.coalesce(func.sum(case((one, 1), else_=0)), 0) for one in (dated, inside, touches, early)))
    booked, least, possible, first = session.execute(
        counts.select_from(Token)
        .outerjoin(Sale, Sale.id == Token.sale_id)
        .outerjoin(EngineeringRecord, EngineeringRecord.id == Token.engineering_id)
        .where(Token.module_id == module_id, candidates),
        execution_options=EVERYTHING,
    ).one()
    reasons = {"border": 0, "looked": 0}
    for border, near in ((begins, int(first)), (ends, int(possible) - int(least) - int(first))):
        reasons["looked" if border in looks else "border"] += near
    reasons |= _perhaps_made(session, module_id, begins, ends)
    return Booked(int(booked), int(least), {name: count for name, count in reasons.items() if count})


def _moments(session: Session, begins: datetime, ends: datetime) -> tuple[Any, Any, ColumnElement[bool]]:
    """Between which two instants a token was made, and which tokens need be looked at."""
    settled = func.coalesce(Sale.settled_at, EngineeringRecord.settled_at, Token.issued_at)
    near = and_(Token.issued_at >= begins - WAITS_MOST, Token.issued_at <= ends + SKEW, settled >= begins - SKEW)
    clocks = session.scalars(select(SetClock)).all()
    if not clocks:
        return Token.issued_at, settled, near
    of_clock = [(_through(clock), clock) for clock in clocks]
    begun = case(*((rows, literal(c.begun_at, UTCDateTime())) for rows, c in of_clock), else_=Token.issued_at)
    ended = case(*((rows, literal(c.ended_at, UTCDateTime())) for rows, c in of_clock), else_=settled)
    return begun, ended, or_(near, *(rows for rows, _clock in of_clock))


def _through(clock: SetClock) -> ColumnElement[bool]:
    return and_(Token.id > clock.after_token_id, Token.id <= clock.through_token_id)


def _perhaps_made(session: Session, module_id: int, begins: datetime, ends: datetime) -> dict[str, int]:
    """Tokens that were asked for and are in no book: of what waits, and of what was given up."""
    counts = {"waiting": 0, "released": 0}
    for model, waits, given_up, since in (
        (Sale, Sale.status == SaleStatus.RESERVED, Sale.failure == RELEASED, Sale.reserved_at),
        (
            EngineeringRecord, EngineeringRecord.status == ActStatus.RESERVED,
            EngineeringRecord.failure == FORGOTTEN, EngineeringRecord.created_at,
        ),
    ):  # fmt: skip
        rows = session.execute(
            select(waits, model.request).where(
                model.module_id == module_id, model.request.is_not(None), or_(waits, given_up),
                since <= ends + SKEW, or_(model.settled_at.is_(None), model.settled_at >= begins - SKEW),
            ),
            execution_options=EVERYTHING,
        )  # fmt: skip
        for waiting, request in rows:
            counts["waiting" if waiting else "released"] += _tokens_of(json.loads(request))
    return counts


def _tokens_of(request: dict[str, Any]) -> int:
    """How many tokens a request can have made."""
    if request.get("kind") == "key_change":
        return KEY_CHANGE_SET_MAX
    return 1 + (KEY_CHANGE_SET_MAX if request.get("meter", {}).get("amendment") else 0)


def of_journal(
    session: Session, module_id: int, begins: datetime, ends: datetime, *, orphans: bool
) -> tuple[int, Booked]:
    """The module in this process: what its journal has of a span, and the books, answer by answer.

    All such modules share one journal; `orphans`: this one also takes the answers that nobody here asked for.
    """
    rows = session.execute(
        select(ModuleAnswer.tokens, Sale.module_id, Sale.status, EngineeringRecord.module_id, EngineeringRecord.status)
        .outerjoin(Sale, Sale.message_id == ModuleAnswer.message_id)
        .outerjoin(EngineeringRecord, EngineeringRecord.message_id == ModuleAnswer.message_id)
        .where(ModuleAnswer.answered_at >= begins, ModuleAnswer.answered_at < ends),
        execution_options=EVERYTHING | {"yield_per": 1_000},
    )
    made, reasons = 0, {"waiting": 0, "released": 0}
    for answer, sale_module, sale_status, act_module, act_status in rows:
        asked_by = sale_module or act_module
        if asked_by != module_id and not (asked_by is None and orphans):
            continue
        tokens = len(json.loads(answer))
        made += tokens
        status = sale_status.value if sale_status is not None else act_status
        if status == SaleStatus.RESERVED.value:
            reasons["waiting"] += tokens
        elif status == SaleStatus.FAILED.value:
            reasons["released"] += tokens
    booked = _answered(session, module_id, begins, ends)
    return made, Booked(booked, booked, {name: count for name, count in reasons.items() if count})


def _answered(session: Session, module_id: int, begins: datetime, ends: datetime) -> int:
    """Tokens in the books whose answer is of this span; those without any answer go by their own date."""
    message = func.coalesce(Sale.message_id, EngineeringRecord.message_id)
    within = or_(
        and_(ModuleAnswer.answered_at >= begins, ModuleAnswer.answered_at < ends),
        and_(ModuleAnswer.message_id.is_(None), Token.issued_at >= begins, Token.issued_at < ends),
    )
    count = session.execute(
        select(func.count(Token.id))
        .outerjoin(Sale, Sale.id == Token.sale_id)
        .outerjoin(EngineeringRecord, EngineeringRecord.id == Token.engineering_id)
        .outerjoin(ModuleAnswer, ModuleAnswer.message_id == message)
        .where(Token.module_id == module_id, within),
        execution_options=EVERYTHING,
    )
    return int(count.scalar_one())


def first_journal(ids: Iterable[int]) -> int | None:
    """Which of the modules in this process takes the answers that nobody asked for."""
    return min(ids, default=None)
