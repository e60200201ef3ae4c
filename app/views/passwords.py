"""Passwords: what a good one is, and how a person gets one.

Any signs are good, twelve at least.  Refused is what somebody else would try: what very many people have, what was
stolen elsewhere (where the installation has such a list), what only repeats or counts on, names and numbers of the
person and of this house.  docs/accounts.md tells these rules; `static/js/password.js` tells some while one types.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Any

from flask import current_app
from flask_babel import gettext as _
from sqlalchemy import select
from werkzeug.security import generate_password_hash
from wtforms.validators import ValidationError

from app.access.known_passwords import is_breached, is_common
from app.extensions import db
from app.models import AppUser, Settings
from app.services import password_links
from app.sts import meter_number
from app.sts.errors import StsError

LENGTH_MIN, LENGTH_MAX = 12, 320
# What is tried first: a password may hold one of these, or of FORBIDDEN_WORDS, beside eight other signs.
COMMON = (
    "password", "passwort", "motdepasse", "qwerty", "azerty", "letmein", "welcome", "changeme", "admin", "vending", "prepaid", "electricity",
)  # fmt: skip
BESIDE = 8
SIGNS_MIN = 5  # different ones


def password_fault(password: str, user: AppUser) -> str | None:
    """What is wrong with a new password, as a sentence, or None."""
    plain = password.casefold()
    own = [part for part in (user.username, (user.email or "").split("@")[0], user.last_name) if part and len(part) > 3]
    hashes = current_app.config["BREACHED_PASSWORDS_FILE"]
    if len(password) < LENGTH_MIN:
        return _("At least %(least)d characters.", least=LENGTH_MIN)
    if len(set(plain)) < SIGNS_MIN or _goes_on(plain) or _is_a_number_of(user, plain) or is_common(password):
        return _("Too easy to guess. Use several words.")
    if any(word in plain and len(plain) < len(word) + BESIDE for word in _words()):
        return _("Too easy to guess. Use several words.")
    if hashes is not None and is_breached(password, hashes):
        return _("Strangers know this password from a theft somewhere. Choose another.")
    if any(part.casefold() in plain for part in own):
        return _("It must not contain your name.")
    return None


def _words() -> set[str]:
    """What is forbidden here: the house's list, the installation's own, and the words of its name."""
    name = db.session.scalar(select(Settings.utility_name)) or ""
    named = [part for part in (*name.casefold().split(), current_app.config["APP_NAME"].casefold().replace(" ", "")) if len(part) > 3]
    return {*COMMON, *current_app.config["FORBIDDEN_WORDS"], *named}


def _goes_on(plain: str) -> bool:
    """Whether it repeats a short piece, or counts: `abcdabcdabcd`, `123456789012`, `zyxwvutsrqpo`."""
    again = any(plain == (plain[:size] * len(plain))[: len(plain)] for size in range(1, len(plain) // 3 + 1))
    steps = {(ord(after) - ord(before)) % (10 if plain.isdecimal() else 0x110000) for before, after in pairwise(plain)}
    return again or len(steps) == 1


def _is_a_number_of(user: AppUser, plain: str) -> bool:
    """Whether it is a meter's number, or the person's own telephone number."""
    digits = "".join(sign for sign in plain if sign.isdecimal())
    if len(digits) < LENGTH_MIN or any(sign.isalpha() for sign in plain):
        return False
    if digits == "".join(sign for sign in user.phone or "" if sign.isdecimal()):
        return True
    try:
        meter_number.validate(digits)
    except StsError:
        return False
    return True


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
