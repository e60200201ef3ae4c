"""Sign-ins that failed, for those who look after people: whose account, from where, how often, and what the answer was.

What was typed is not kept: a name that nobody has may be a password in the wrong field.  Attempts of one hour that
are alike are one row with their count, and an hour has a bounded number of rows, so that a flood of guesses fills no
disk.  How often somebody may try is counted elsewhere (`access.attempts`).
"""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import CursorResult, delete, func, select, update
from sqlalchemy.orm import Session

from app.db import retried, transaction
from app.domain.states import SignInAnswer
from app.models import FailedSignIn
from app.models.base import now

KEPT = timedelta(days=30)
HOUR_ROWS_MAX = 2_000
ADDRESS_LENGTH = 64


def note(user_id: int | None, address: str, answer: SignInAnswer) -> None:
    """Write one attempt down; `user_id` is whose name was typed, None for a name that nobody has."""
    retried(lambda: _note(user_id, address[:ADDRESS_LENGTH], answer))


def _note(user_id: int | None, address: str, answer: SignInAnswer) -> None:
    at = now()
    hour = at.replace(minute=0, second=0, microsecond=0)
    with transaction() as session:
        if _counted(session, user_id, address, answer, hour, at):
            return
        if (session.scalar(select(func.count()).where(FailedSignIn.hour == hour)) or 0) >= HOUR_ROWS_MAX:
            address = ""  # from very many addresses: they share a row
            if _counted(session, user_id, address, answer, hour, at):
                return
        session.add(
            FailedSignIn(user_id=user_id, address=address, answer=answer, hour=hour, first_at=at, last_at=at, times=1)
        )


def _counted(
    session: Session, user_id: int | None, address: str, answer: SignInAnswer, hour: datetime, at: datetime
) -> bool:
    """Count it in the row of its like, if this hour has one.

    NB: two first ones of one moment may make a row each on PostgreSQL; both are told, and none is lost.
    """
    like = select(FailedSignIn.id).where(
        FailedSignIn.hour == hour, FailedSignIn.user_id.is_not_distinct_from(user_id),
        FailedSignIn.address == address, FailedSignIn.answer == answer,
    ).limit(1)  # fmt: skip
    done = session.execute(
        update(FailedSignIn)
        .where(FailedSignIn.id == like.scalar_subquery())
        .values(times=FailedSignIn.times + 1, last_at=at)
        .execution_options(synchronize_session=False)
    )
    return isinstance(done, CursorResult) and done.rowcount == 1


def times_of(session: Session, user_id: int) -> int:
    """How many attempts at this account failed in the time that they are kept."""
    mine = (FailedSignIn.user_id == user_id) & (FailedSignIn.last_at >= now() - KEPT)
    return int(session.execute(select(func.coalesce(func.sum(FailedSignIn.times), 0)).where(mine)).scalar_one())


def addresses(session: Session, since: datetime) -> list[tuple[str, int, int]]:
    """From where attempts failed since then, how often at the most, and the newest row of each.

    NB: in an hour of very many addresses some share a row without theirs, and are not among them.
    """
    rows = (
        select(FailedSignIn.address, func.sum(FailedSignIn.times), func.max(FailedSignIn.id))
        .where(FailedSignIn.last_at > since, FailedSignIn.address != "")
        .group_by(FailedSignIn.address)
        .order_by(FailedSignIn.address)
    )
    return [(address, int(times), newest) for address, times, newest in session.execute(rows)]


def of(session: Session, user_id: int, most: int) -> list[FailedSignIn]:
    """The newest failed attempts at one account."""
    rows = select(FailedSignIn).where(FailedSignIn.user_id == user_id).order_by(FailedSignIn.last_at.desc())
    return list(session.scalars(rows.limit(most)))


def clean() -> int:
    """Forget what is older than KEPT; says how many rows."""
    with transaction() as session:
        return int(session.execute(delete(FailedSignIn).where(FailedSignIn.last_at < now() - KEPT)).rowcount)  # type: ignore[attr-defined]
