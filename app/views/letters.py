"""What mail says, and the worker's way with it: written when it is sent, in the language of whom it goes to."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from flask import Flask, current_app
from flask_babel import force_locale
from flask_babel import gettext as _

from app.extensions import db
from app.models import AppUser
from app.services import mail, mail_queue
from app.services.mail_queue import Letter

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


WRITERS: dict[str, Callable[[Letter], Written | None]] = {"trial": _trial}
