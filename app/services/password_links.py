"""Links that let somebody choose a password: drawn once, kept as a hash, used once, and dead in time.

A newer link from an administrator ends the older ones, and so does a new password or another address
(`end_all`); what anybody can ask for by a name ends no link that an administrator gave.  Somebody who was
switched off has no link that works.
"""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import ColumnElement, delete, select, update
from sqlalchemy.orm import Session

from app.models import AppUser, PasswordLink
from app.models.base import now

ASKED_FOR = timedelta(minutes=30)  # by the person, who is waiting for it
GIVEN = timedelta(hours=24)  # by an administrator
INVITATION = timedelta(days=7)
RESET, INVITE = "reset", "invitation"
SECRET_MAX = 64


@dataclass(frozen=True, slots=True)
class Found:
    """A link that works."""

    id: int
    user_id: int
    purpose: str


def make(session: Session, user_id: int, purpose: str, lives: timedelta, made_by_id: int | None = None) -> str:
    """A new link's secret, in the caller's transaction; the person's older links end.

    NB: without a maker only those that were asked for, or a stranger who knows a name would end invitations.
    """
    if made_by_id is None:
        _end(session, user_id, PasswordLink.made_by_id.is_(None))
    else:
        end_all(session, user_id)
    secret = secrets.token_urlsafe(32)
    ends, digest = now() + lives, _digest(secret)
    session.add(
        PasswordLink(user_id=user_id, purpose=purpose, secret_hash=digest, expires_at=ends, made_by_id=made_by_id)
    )
    return secret


def find(session: Session, secret: str) -> Found | None:
    """The link of this secret if it still works."""
    if not secret or len(secret) > SECRET_MAX:
        return None
    link = session.execute(
        select(PasswordLink.id, PasswordLink.user_id, PasswordLink.purpose)
        .join(AppUser, AppUser.id == PasswordLink.user_id)
        .where(
            PasswordLink.secret_hash == _digest(secret),
            PasswordLink.used_at.is_(None),
            PasswordLink.expires_at > now(),
            AppUser.active.is_(True),
        ),
        execution_options={"unscoped": True},
    ).one_or_none()
    return None if link is None else Found(*link)


def use(session: Session, secret: str) -> Found | None:
    """Use the link up in the caller's transaction: of two at one moment one gets it."""
    found = find(session, secret)
    if found is None:
        return None
    unused = (PasswordLink.id == found.id) & PasswordLink.used_at.is_(None)
    taken = session.execute(update(PasswordLink).where(unused).values(used_at=now()))
    return found if taken.rowcount == 1 else None  # type: ignore[attr-defined]


def end_all(session: Session, user_id: int) -> None:
    """No link of this person works any more."""
    _end(session, user_id)


def end_given(session: Session, user_id: int) -> bool:
    """No link that an administrator gave works any more; whether there was one.

    Whoever drew it may have kept it: it must not open what the person may do by now.
    """
    return _end(session, user_id, PasswordLink.made_by_id.is_not(None)) > 0


def _end(session: Session, user_id: int, *which: ColumnElement[bool]) -> int:
    done = session.execute(
        delete(PasswordLink).where(PasswordLink.user_id == user_id, PasswordLink.used_at.is_(None), *which),
        execution_options={"synchronize_session": False},
    )
    return int(done.rowcount)  # type: ignore[attr-defined]


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()
