"""The memory of the in-process security module, kept in two tables.

Implements `app.sts.journal.Journal`.  The row of (PAN, base date) is locked before the
answer is looked up, so that two workers never draw the same token id, and the answer is
durable before any digits leave the module.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

from sqlalchemy import String, bindparam, func, insert, literal_column, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session, aliased

from app.db import prepared, retried, transaction
from app.extensions import db
from app.models import ModuleAnswer, ModuleTokenId
from app.models.base import now
from app.sts.journal import Answer, same_request, tokens_from_json, tokens_to_json
from app.sts.module import IssuedToken

Tokens = tuple[IssuedToken, ...]
NO_TOKEN_YET = -1
# The row of no meter: after a restore, the id that no meter's next one may be at or below.
EVERY_METER = ""


class DatabaseJournal:
    """One journal for every worker of the installation."""

    def answer(self, message_id: str) -> Answer | None:
        """Return what was answered to a message id, or None when it was never taken."""
        return _known(db.session(), message_id)

    def issue(
        self,
        message_id: str,
        request_digest: str,
        pan: str,
        base_date: int,
        wanted: Callable[[int | None], int],
        make: Callable[[int], Tokens],
    ) -> Tokens:
        """Draw a token id, make the tokens and remember both in one transaction; see Journal."""

        def work() -> Tokens:
            with transaction() as session:
                last, known = _lock(session, pan, base_date, message_id)
                if known is not None:
                    return same_request(known, request_digest)
                token_id = wanted(None if last == NO_TOKEN_YET else last)
                tokens = make(token_id)
                ids = ModuleTokenId.__table__
                session.execute(
                    update(ids).where(ids.c.pan == pan, ids.c.base_date == base_date).values(token_id=token_id)
                )
                _remember(session, message_id, request_digest, tokens)
                return tokens

        try:
            return retried(work)
        except IntegrityError:
            # The same message came twice at once: the other one answered while we waited.
            known = self.answer(message_id)
            if known is None:
                raise
            return same_request(known, request_digest)

    def keep(self, message_id: str, request_digest: str, make: Callable[[], Tokens]) -> Tokens:
        """Remember tokens without a token id; made twice they are the same digits."""

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


def _lock(session: Session, pan: str, base_date: int, message_id: str) -> tuple[int, Answer | None]:
    """Make the row if it is missing and lock it.

    Gives the id that the next must be above (-1: none yet) and the answer, if this message already has one.
    """
    row = session.execute(
        _lock_statement(session.get_bind().dialect.name),
        {"pan": pan, "base_date": base_date, "token_id": NO_TOKEN_YET, "message": message_id},
    ).one()
    known = None if row[1] is None else Answer(row[1], tokens_from_json(row[2]))
    return max(int(row[0]), int(row[3])), known


@cache
def _lock_statement(dialect: str) -> Any:
    build: Any = postgresql.insert if dialect == "postgresql" else sqlite.insert
    upsert = build(ModuleTokenId).values(
        pan=bindparam("pan"), base_date=bindparam("base_date"), token_id=bindparam("token_id")
    )
    floor = aliased(ModuleTokenId)
    of_message = ModuleAnswer.message_id == bindparam("message", type_=String)
    locked = upsert.on_conflict_do_update(
        index_elements=["pan", "base_date"], set_={"token_id": ModuleTokenId.token_id}
    ).returning(
        ModuleTokenId.token_id,
        select(ModuleAnswer.request_digest).where(of_message).scalar_subquery(),
        select(ModuleAnswer.tokens).where(of_message).scalar_subquery(),
        select(func.coalesce(func.max(floor.token_id), literal_column(str(NO_TOKEN_YET))))
        .where(floor.pan == bindparam("every_meter", EVERY_METER, String), floor.base_date == bindparam("base_date"))
        .scalar_subquery(),
    )
    return prepared(locked, dialect)
