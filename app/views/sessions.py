"""Signed-in browsers: one row of `user_session` each, asked at every request.

The cookie carries a random secret, the table only its hash.  A row that is ended, idle for
too long or too old stops its cookie at the next request, a copied cookie included.  `seen`
is the one thing a GET may write: at most once a minute, in its own short transaction at the
end of the request, and dropped when the database is busy.
"""

from __future__ import annotations

import hashlib
import secrets
from datetime import timedelta
from functools import cache
from typing import Any

from flask import current_app, g, request, session
from sqlalchemy import (
    CursorResult,
    Integer,
    Select,
    String,
    Update,
    bindparam,
    select,
    text,
    update,
)
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import contains_eager, joinedload

from app.access.current import forget_scope
from app.access.held import held_by
from app.db import SQLITE_BUSY_MS
from app.extensions import db
from app.models import AppUser, UserGroup, UserSession, VendingPoint
from app.models.base import now

COOKIE_KEY = "sid"
# Where a request keeps what roles hold, as texts by the role's id.
HELD = "_held"
SEEN_EVERY = timedelta(minutes=1)
AGENT_LENGTH = 200


def digest(secret: str) -> str:
    """What the table keeps of a secret."""
    return hashlib.sha256(secret.encode()).hexdigest()


def begin(user: AppUser) -> None:
    """Sign `user` in with a new session; nothing of the session before survives (fixation).

    The caller commits.
    """
    language = session.get("locale")
    session.clear()
    secret = secrets.token_urlsafe(32)
    session[COOKIE_KEY] = secret
    session["_user_id"] = str(user.id)
    session["_fresh"] = True
    session.permanent = True
    if language:
        session["locale"] = language
    at = now()
    db.session.add(
        UserSession(
            secret_hash=digest(secret),
            user_id=user.id,
            started=at,
            seen=at,
            address=(request.remote_addr or "")[:64],
            agent=request.user_agent.string[:AGENT_LENGTH],
        )
    )
    g.pop("_login_user", None)
    forget_scope()


def user_of_request(user_id: str) -> AppUser | None:
    """The person behind this cookie, or None when their session does not stand any more."""
    secret = session.get(COOKIE_KEY)
    if not isinstance(secret, str) or not user_id.isascii() or not user_id.isdigit():
        return None
    given = {"secret": digest(secret), "user_id": int(user_id)}
    found = db.session.execute(_standing(), given, execution_options={"unscoped": True}).first()
    if found is None or _too_old(found[0]):
        g.session_over = True
        return None
    g.user_session = found[0]
    g.session_seen = (found[0].id, found[0].seen)
    user: AppUser = found[1]
    if user.group is not None:
        g.setdefault(HELD, {})[user.group.role_id] = found[2]
    return user


@cache
def _standing() -> Select[Any]:
    """A session that was not ended, with its person and what they may do; built once, because every request asks it."""
    return (
        select(UserSession, AppUser, held_by(UserGroup.role_id))
        .join(AppUser, AppUser.id == UserSession.user_id)
        .outerjoin(UserGroup, UserGroup.id == AppUser.group_id)
        .where(
            UserSession.secret_hash == bindparam("secret", type_=String),
            UserSession.ended.is_(None),
            AppUser.id == bindparam("user_id", type_=Integer),
            AppUser.active.is_(True),
        )
        .options(
            contains_eager(AppUser.group),
            joinedload(AppUser.region),
            joinedload(AppUser.vending_point).joinedload(VendingPoint.region),
        )
    )


def _too_old(row: Any) -> bool:
    idle: timedelta = current_app.config["SESSION_IDLE"]
    at = now()
    return bool(
        at - row.seen > idle
        or at - row.started > current_app.permanent_session_lifetime
        or row.started > at + SEEN_EVERY  # the clock was set back over the sign-in
    )


def end_this() -> None:
    """Sign this browser out.  The caller commits."""
    secret = session.get(COOKIE_KEY)
    if isinstance(secret, str):
        db.session.execute(_ending().where(UserSession.secret_hash == digest(secret)))
    language = session.get("locale")
    session.clear()
    if language:
        session["locale"] = language
    g.pop("_login_user", None)
    forget_scope()


def renew_this() -> None:
    """Give this browser another secret: with the one until now, copied or not, nobody comes in any more.

    The caller commits.
    """
    until_now, secret = session.get(COOKIE_KEY), secrets.token_urlsafe(32)
    if not isinstance(until_now, str):
        return
    own = update(UserSession).where(UserSession.secret_hash == digest(until_now), UserSession.ended.is_(None))
    renewed = db.session.execute(own.values(secret_hash=digest(secret)).execution_options(synchronize_session=False))
    if isinstance(renewed, CursorResult) and renewed.rowcount == 1:
        session[COOKIE_KEY] = secret


def end_all(user_id: int, *, but_this: bool = False) -> int:
    """End every session of one person; with `but_this` the asking browser stays.  The caller commits."""
    ending = _ending().where(UserSession.user_id == user_id)
    secret = session.get(COOKIE_KEY) if but_this else None
    if isinstance(secret, str):
        ending = ending.where(UserSession.secret_hash != digest(secret))
    ended = db.session.execute(ending)
    return ended.rowcount if isinstance(ended, CursorResult) else 0


def end_one(user_id: int, session_id: int) -> bool:
    """End one session of this person; whether there was one.  The caller commits."""
    ended = db.session.execute(_ending().where(UserSession.user_id == user_id, UserSession.id == session_id))
    return isinstance(ended, CursorResult) and ended.rowcount == 1


def standing(user_id: int) -> list[UserSession]:
    """The person's sessions that still stand, the last seen first."""
    rows = select(UserSession).where(UserSession.user_id == user_id, UserSession.ended.is_(None))
    return [row for row in db.session.scalars(rows.order_by(UserSession.seen.desc())) if not _too_old(row)]


def this_id() -> int | None:
    """The number of this browser's own session."""
    found: int | None = g.get("session_seen", (None, None))[0]
    return found


def _ending() -> Update:
    return (
        update(UserSession)
        .where(UserSession.ended.is_(None))
        .values(ended=now())
        .execution_options(synchronize_session=False)
    )


def note_seen() -> None:
    """Write down that this browser is still there; never waits and never fails a request."""
    session_id, seen = g.get("session_seen", (None, None))
    at = now()
    if session_id is None or at - seen < SEEN_EVERY:
        return
    statement = update(UserSession).where(UserSession.id == session_id).values(seen=at)
    sqlite = db.engine.dialect.name == "sqlite"
    with db.engine.connect() as connection:
        try:
            connection.execute(text("PRAGMA busy_timeout=0" if sqlite else "SET LOCAL lock_timeout='50ms'"))
            connection.execute(statement)
            connection.commit()
        except OperationalError:
            connection.rollback()  # busy: the next request will say it
        finally:
            if sqlite:
                connection.execute(text(f"PRAGMA busy_timeout={SQLITE_BUSY_MS}"))
                connection.rollback()


