"""Mail that is asked for by a request and sent by the worker: rows, taken one at a time, tried again.

The row holds what the message is about and never a secret: a link is made when its message is
written.  Whoever asks learns nothing of how it ended, and waits for no server.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import delete, func, select, update
from sqlalchemy.orm import Session

from app.db import transaction
from app.extensions import db
from app.models import MailRequest
from app.models.base import now
from app.services.mail import MailFailed

FIRST_PAUSE, LAST_PAUSE = timedelta(minutes=1), timedelta(hours=1)
LEASE = timedelta(minutes=10)  # a worker that died with it has lost it by then
ATTEMPTS_MAX = 12  # about seven hours
LISTED_MAX = 50


@dataclass(frozen=True, slots=True)
class Letter:
    """One message in the hands of the worker that sends it."""

    id: int
    kind: str
    facts: Mapping[str, Any]
    created_at: datetime
    attempts: int


def add(session: Session, kind: str, facts: Mapping[str, Any]) -> None:
    """Ask for a message within the caller's transaction; `facts` hold no secret."""
    session.add(MailRequest(kind=kind, facts=json.dumps(dict(facts))))


def ask(kind: str, facts: Mapping[str, Any]) -> None:
    """Ask for a message."""
    with transaction() as session:
        add(session, kind, facts)


def take() -> Letter | None:
    """The oldest message whose time has come, held for a while; None when none waits."""
    at = now()
    due = select(MailRequest.id).where(MailRequest.next_try_at <= at).order_by(MailRequest.id).limit(1)
    found = db.session().scalar(due)
    db.session().rollback()
    if found is None:
        return None
    with transaction() as session:
        held = session.execute(
            update(MailRequest)
            .where(MailRequest.id == found, MailRequest.next_try_at <= at)
            .values(next_try_at=at + LEASE, attempts=MailRequest.attempts + 1)
        )
        if held.rowcount != 1:  # type: ignore[attr-defined]
            return None
        row = session.get_one(MailRequest, found, populate_existing=True)
        return Letter(row.id, row.kind, json.loads(row.facts), row.created_at, row.attempts)


def sent(letter: Letter) -> None:
    """It has left, or there was nothing to send any more."""
    _settle(letter, next_try_at=None, sent_at=now(), failure=None)


def failed(letter: Letter, failure: MailFailed) -> bool:
    """Note why it did not leave; whether it will be tried again."""
    again = not failure.permanent and letter.attempts < ATTEMPTS_MAX
    pause = min(FIRST_PAUSE * 2 ** (letter.attempts - 1), LAST_PAUSE)
    ends: dict[str, Any] = {"next_try_at": now() + pause} if again else {"next_try_at": None, "failed_at": now()}
    _settle(letter, failure=failure.code, **ends)
    return again


def _settle(letter: Letter, **values: Any) -> None:
    with transaction() as session:
        session.execute(update(MailRequest).where(MailRequest.id == letter.id).values(**values))


def unsent(session: Session) -> tuple[list[MailRequest], int]:
    """The newest messages that failed and were not sent since, and how many there are."""
    rows = select(MailRequest).where(MailRequest.failure.is_not(None), MailRequest.sent_at.is_(None))
    count = session.scalar(select(func.count()).select_from(rows.subquery())) or 0
    return list(session.scalars(rows.order_by(MailRequest.id.desc()).limit(LISTED_MAX))), count


def clean(days: int) -> int:
    """Remove what was over `days` ago; says how many rows."""
    with transaction() as session:
        old = (MailRequest.created_at < now() - timedelta(days=days)) & MailRequest.next_try_at.is_(None)
        return int(session.execute(delete(MailRequest).where(old)).rowcount)  # type: ignore[attr-defined]
