"""The memory of the in-process security module, kept in two tables.

Implements `app.sts.journal.Journal`.  The row of (PAN, base date) is locked before the
answer is looked up, so that two workers never draw the same token id, and the answer is
durable before any digits leave the module.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

from sqlalchemy import String, bindparam, case, func, insert, literal_column, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session, aliased

from app.db import prepared, retried, transaction
from app.extensions import db
from app.models import ModuleAnswer, ModuleTokenId
from app.models.base import now
from app.sts.journal import Answer, Drawing, same_request, tokens_from_json, tokens_to_json
from app.sts.module import IssuedToken, ModuleError

Tokens = tuple[IssuedToken, ...]
# The row of no meter: after a restore, the id that no meter's next one may be at or below.
EVERY_METER = ""


class DatabaseJournal:
    """One journal for every worker of the installation."""

    def answer(self, message_id: str) -> Answer | None:
        """See Journal."""
        return _known(db.session(), message_id)

    def issue(self, asked: Drawing) -> Tokens:
        """See Journal; one transaction."""

        def work() -> Tokens:
            with transaction() as session:
                drawn, known = _draw(session, asked.pan, asked.row, asked.message_id, _earliest(asked.wanted))
                if known is not None:
                    return same_request(known, asked.request_digest)
                token_id = asked.wanted(drawn - 1 if drawn else None)
                tokens = asked.make(token_id)
                if token_id != drawn:  # the rule steps over a reserved minute
                    ids = ModuleTokenId.__table__
                    session.execute(
                        update(ids)
                        .where(ids.c.pan == asked.pan, ids.c.base_date == asked.row)
                        .values(token_id=token_id)
                    )
                _remember(session, asked.message_id, asked.request_digest, tokens)
                return tokens

        try:
            return retried(work)
        except IntegrityError:
            # The same message came twice at once: the other one answered while we waited.
            known = self.answer(asked.message_id)
            if known is None:
                raise
            return same_request(known, asked.request_digest)

    def keep(self, message_id: str, request_digest: str, make: Callable[[], Tokens]) -> Tokens:
        """See Journal; made twice they are the same digits."""

        def work() -> Tokens:
            with transaction() as session:
                known = _known(session, message_id)
                if known is not None:
                    return same_request(known, request_digest)
                tokens = make()
                _remember(session, message_id, request_digest, tokens)
                return tokens

        return retried(work)


def _known(session: Session, message_id: str) -> Answer | None:
    row = session.execute(
        select(ModuleAnswer.request_digest, ModuleAnswer.tokens).where(ModuleAnswer.message_id == message_id)
    ).one_or_none()
    return None if row is None else Answer(row.request_digest, tokens_from_json(row.tokens))


def _remember(session: Session, message_id: str, request_digest: str, tokens: Tokens) -> None:
    session.execute(
        insert(ModuleAnswer.__table__).values(
            message_id=message_id,
            request_digest=request_digest,
            tokens=tokens_to_json(tokens),
            answered_at=now(),
        )
    )


def _earliest(wanted: Callable[[int | None], int]) -> int:
    """The id of a meter that has had none; 0 where the rule refuses even that, and will refuse again."""
    try:
        return wanted(None)
    except ModuleError:
        return 0


def _draw(
    session: Session, pan: str, base_date: int, message_id: str, earliest: int
) -> tuple[int, Answer | None]:
    """Lock the meter's row, made where it is missing, and draw its next id: `earliest`, or one above the last.

    Gives that id and the answer, if this message already has one; then none is drawn.
    """
    row = session.execute(
        _draw_statement(session.get_bind().dialect.name),
        {"pan": pan, "base_date": base_date, "earliest": earliest, "message": message_id},
    ).one()
    return int(row[0]), None if row[1] is None else Answer(row[1], tokens_from_json(row[2]))


@cache
def _draw_statement(dialect: str) -> Any:
    build: Any = postgresql.insert if dialect == "postgresql" else sqlite.insert
    ids, floor = ModuleTokenId.token_id, aliased(ModuleTokenId)
    earliest, one = bindparam("earliest", type_=ids.type), literal_column("1", ids.type)
    above_all = (
        select(case((func.max(floor.token_id) >= earliest, func.max(floor.token_id) + one), else_=earliest))
        .where(floor.pan == bindparam("every_meter", EVERY_METER, String), floor.base_date == bindparam("base_date"))
        .scalar_subquery()
    )
    insertion = build(ModuleTokenId).values(
        pan=bindparam("pan"), base_date=bindparam("base_date"), token_id=above_all
    )
    of_message = ModuleAnswer.message_id == bindparam("message", type_=String)
    free = insertion.excluded.token_id
    drawn = insertion.on_conflict_do_update(
        index_elements=["pan", "base_date"],
        set_={
            "token_id": case(
                (select(ModuleAnswer.message_id).where(of_message).exists(), ids), (ids < free, free), else_=ids + one
            )
        },
    ).returning(
        ids,
        select(ModuleAnswer.request_digest).where(of_message).scalar_subquery(),
        select(ModuleAnswer.tokens).where(of_message).scalar_subquery(),
    )
    return prepared(drawn, dialect)
