"""What mail says, and the worker's way with it: written when it is sent, in the language of whom it goes to."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from flask import Flask, current_app
from flask_babel import force_locale
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l

from app.db import transaction
from app.extensions import db
from app.models import AppUser
from app.models.base import now
from app.services import mail, mail_queue, password_links
from app.services.mail_queue import Letter
from app.views import figures
from app.views.forgotten import link_to
from app.views.signin import find_user

log = logging.getLogger("app.mail")
AT_ONCE = 50


@dataclass(frozen=True, slots=True)
class Written:
    """A message as it goes out."""

    to: str
    subject: str
    text: str


def post(app: Flask) -> bool:
    """Send what waits; what fails is tried again later, or given up with its reason on the page."""
    with app.app_context():
        for _each in range(AT_ONCE):
            letter = mail_queue.take()
            if letter is None:
                break
            _send(letter)
    return True


def _send(letter: Letter) -> None:
    try:
        written = WRITERS[letter.kind](letter)
        db.session.rollback()  # nothing is held while the server thinks
        if written is not None:
            mail.send(written.to, written.subject, written.text)
    except mail.MailFailed as failure:
        again = mail_queue.failed(letter, failure)
        log.warning("mail %s (%s): %s%s", letter.id, letter.kind, failure.code, "" if again else ", given up")
    else:
        mail_queue.sent(letter)
    finally:
        db.session.rollback()


def receiver(user_id: Any) -> AppUser | None:
    """Who it goes to, if they may sign in."""
    user = db.session.get(AppUser, int(user_id), populate_existing=True)
    return user if user is not None and user.active and user.email else None


def speaking(user: AppUser) -> Any:
    """Their language, else the installation's, around what is written to them."""
    offered = current_app.config["LANGUAGES"]
    wanted = user.language if user.language in offered else current_app.config["BABEL_DEFAULT_LOCALE"]
    return force_locale(wanted)


def page(*parts: str) -> str:
    """Paragraphs, and at the end which site wrote."""
    return "\n\n".join((*parts, f"{current_app.config['APP_NAME']}\n{current_app.config['SITE_URL']}")) + "\n"


def _trial(letter: Letter) -> Written | None:
    user = receiver(letter.facts["user"])
    if user is None:
        return None
    with speaking(user):
        return Written(
            user.email,
            _("A test message"),
            page(
                _("Hello %(name)s,", name=user.person),
                _("mail from this program reaches you. You asked for this message on the page “Outbox”."),
            ),
        )


def _reset(letter: Letter) -> Written | None:
    """To whoever has the name or address that was typed; to nobody else, and no later than the link would live."""
    user = find_user(str(letter.facts["typed"])) if now() - letter.created_at < password_links.ASKED_FOR else None
    if user is None or not user.active or not user.email or user.group_id is None:
        return None
    key, address = user.id, user.email
    with transaction() as session:
        secret = password_links.make(session, key, password_links.RESET, password_links.ASKED_FOR)
    user = db.session.get_one(AppUser, key)
    with speaking(user):
        return Written(
            address,
            _("A new password"),
            page(
                _("Hello %(name)s,", name=user.person),
                _("somebody, probably you, asked for a new password for your account. Choose it here within 30 minutes:"),
                link_to(secret),
                _("It was not you? Then do nothing: your password stays as it is."),
            ),
        )


def _link(letter: Letter) -> Written | None:
    """A link from an administrator: into a new account, or in place of a password that they ended."""
    user = receiver(letter.facts["user"])
    if user is None:
        return None
    invited = letter.facts["purpose"] == password_links.INVITE
    lives = password_links.INVITATION if invited else password_links.GIVEN
    key, address, made_by = user.id, user.email, letter.facts["by"]
    with transaction() as session:
        secret = password_links.make(session, key, letter.facts["purpose"], lives, made_by)
    user = db.session.get_one(AppUser, key)
    with speaking(user):
        if invited:
            return Written(
                address,
                _("Your account"),
                page(
                    _("Hello %(name)s,", name=user.person),
                    _("an account was made for you; you sign in as %(username)s. Choose a password here within 7 days:", username=user.username),
                    link_to(secret),
                ),
            )
        return Written(
            address,
            _("A new password"),
            page(
                _("Hello %(name)s,", name=user.person),
                _("an administrator ended your password. Choose a new one here within 24 hours:"),
                link_to(secret),
            ),
        )


CHANGED = {
    "password": _l("your password was changed on %(time)s."),
    "email": _l("the e-mail address of your account was changed on %(time)s."),
    "factor_on": _l("since %(time)s a second factor guards your account."),
    "factor_off": _l("the second factor of your account was taken away on %(time)s."),
}


def _notice(letter: Letter) -> Written | None:
    """What guards the account has changed: told to the address that was there before."""
    user = db.session.get(AppUser, int(letter.facts["user"]), populate_existing=True)
    address = letter.facts.get("to") or (user.email if user is not None else None)
    if user is None or not address:
        return None
    with speaking(user):
        return Written(
            address,
            _("Your account was changed"),
            page(
                _("Hello %(name)s,", name=user.person),
                str(CHANGED[letter.facts["what"]]) % {"time": figures.moment(letter.created_at)},
                _("It was not you? Tell an administrator at once."),
            ),
        )


WRITERS: dict[str, Callable[[Letter], Written | None]] = {
    "trial": _trial, "reset": _reset, "link": _link, "notice": _notice,
}  # fmt: skip
