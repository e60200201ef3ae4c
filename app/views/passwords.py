"""Passwords: what a good one is, how strong one is in words, and how a person gets one."""

from __future__ import annotations

from typing import Any

from flask_babel import gettext as _
from werkzeug.security import generate_password_hash
from wtforms.validators import ValidationError

from app.extensions import db
from app.models import AppUser
from app.services import password_links

LENGTH_MIN, LENGTH_MAX = 12, 320
# What is tried first; a password that only repeats or counts is refused as well.
COMMON = ("password", "passwort", "motdepasse", "qwerty", "azerty", "letmein", "welcome", "changeme", "admin")


def password_fault(password: str, user: AppUser) -> str | None:
    """What is wrong with a new password, as a sentence, or None."""
    plain = password.casefold()
    own = [part for part in (user.username, (user.email or "").split("@")[0], user.last_name) if part and len(part) > 3]
    if len(password) < LENGTH_MIN:
        return _("At least %(least)d characters.", least=LENGTH_MIN)
    if len(set(plain)) < 5 or plain.isdigit():
        return _("Too easy to guess. Use several words.")
    if any(word in plain and len(plain) < len(word) + 8 for word in COMMON):
        return _("Too easy to guess. Use several words.")
    if any(part.casefold() in plain for part in own):
        return _("It must not contain your name.")
    return None


def set_password(user: AppUser, password: str, *, must_change: bool) -> None:
    """Give `user` a new password; no link works any more.  The caller ends sessions and commits."""
    user.password = generate_password_hash(password, method="scrypt", salt_length=16)
    user.must_change_password = must_change
    if user.id is not None:
        password_links.end_all(db.session(), user.id)


class Good:
    """A validator: the password is good enough for `form.person`."""

    def __call__(self, form: Any, field: Any) -> None:
        """Refuse a weak password with its sentence."""
        fault = password_fault(field.data or "", form.person) if form.person is not None else None
        if fault:
            raise ValidationError(fault)
