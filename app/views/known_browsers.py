"""Browsers in which a person has signed in before: a stranger's guesses lock the door for strangers, not for them.

Whoever knows a user name could else keep its owner from signing in, by guessing wrong again and again.  After a
sign-in a cookie says whose it was, signed and bound to the door; attempts from such a browser are counted apart, for
all known browsers of an account together, under the same limits.  It opens nothing: the password is asked all the same.
"""

from __future__ import annotations

from datetime import timedelta

from flask import current_app, request
from itsdangerous import BadData, URLSafeTimedSerializer
from werkzeug import Response

from app.models import AppUser

PATH, LIVES = "/login", timedelta(days=90)
DOOR = "known "
# So many people share a browser at a counter; the one who came in longest ago is forgotten first.
PEOPLE_MAX = 8


def door(user: AppUser | None) -> str:
    """The door at which an attempt of this browser at this account is counted."""
    return DOOR if user is not None and user.id in _known() else ""


def remember(answer: Response, user_id: int) -> Response:
    """Note in the browser that this person has signed in there."""
    people = [user_id, *(one for one in _known() if one != user_id)][:PEOPLE_MAX]
    answer.set_cookie(
        _name(), _signer().dumps(people), max_age=LIVES, path=PATH, httponly=True, samesite="Lax",
        secure=bool(current_app.config["SESSION_COOKIE_SECURE"]),
    )  # fmt: skip
    return answer


def _name() -> str:
    return "__Secure-known" if current_app.config["SESSION_COOKIE_SECURE"] else "known"


def _known() -> list[int]:
    try:
        people = _signer().loads(request.cookies.get(_name(), ""), max_age=int(LIVES.total_seconds()))
    except BadData:
        return []
    return people if isinstance(people, list) else []


def _signer() -> URLSafeTimedSerializer:
    return URLSafeTimedSerializer(str(current_app.secret_key), salt="known browser")
