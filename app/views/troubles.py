"""What went wrong, as a page with its status: refusals, database errors, HTTP errors.

Nothing of the program's inside is shown; a fault of ours gets a reference that stands in the
log.  A foreign row and a missing one are the same 404.
"""

from __future__ import annotations

import logging
import secrets
from typing import Any

from flask import Flask, current_app, g, render_template, request
from flask_babel import gettext as _
from flask_wtf.csrf import CSRFError
from sqlalchemy.exc import DataError, IntegrityError, OperationalError, SQLAlchemyError
from sqlalchemy.orm.exc import StaleDataError
from werkzeug.exceptions import HTTPException

from app.access import security_log
from app.access.current import signed_in
from app.db import is_passing
from app.domain import errors
from app.domain.errors import Refusal
from app.extensions import db
from app.views.messages import sentence
from app.views.way_back import way_back

log = logging.getLogger(__name__)
PAGES = frozenset({400, 403, 404, 405, 409, 413, 429, 500, 503})

# A refusal's status, by its class or the nearest one above it; else 422.
STATUS: dict[type[Refusal], int] = {
    errors.OutOfScope: 404,
    errors.NotAllowed: 403,
    errors.StaleRow: 409,
    errors.ValueTaken: 409,
    errors.StillReferred: 409,
    errors.InUse: 409,
    errors.ReferenceTaken: 409,
    errors.PriceMoved: 409,
    errors.KeyChangeMoved: 409,
    errors.NothingToDecide: 409,
    errors.ProposalOpen: 409,
    errors.ProposalClosed: 409,
    errors.ModuleSilent: 503,
}
UNPROCESSABLE = 422


def status_of(refusal: Refusal) -> int:
    """The HTTP status that says this refusal."""
    return next((STATUS[kind] for kind in type(refusal).__mro__ if kind in STATUS), UNPROCESSABLE)


def page(
    status: int, reason: str | None = None, reference: str | None = None, back: str | None = None
) -> tuple[str, int]:
    """The page of one status; one without a page of its own takes its family's.

    `back` is where the person came from, if the page can say it better than the browser.
    """
    _know_the_person()
    name = status if status in PAGES else (400 if status < 500 else 500)
    return render_template(f"errors/{name}.html", reason=reason, reference=reference, back=back), status


def _know_the_person() -> None:
    """Let the page stand even when the database cannot say who asks: then it is a stranger's page."""
    try:
        signed_in()
    except SQLAlchemyError:
        db.session.rollback()
        g._login_user = current_app.login_manager.anonymous_user()  # type: ignore[attr-defined]  # noqa: SLF001


def refused(refusal: Refusal) -> tuple[str, int]:
    """A refusal that no form has caught."""
    db.session.rollback()
    security_log.because(type(refusal).__name__)
    if isinstance(refusal, errors.OutOfScope):
        return page(404)
    return page(status_of(refusal), sentence(refusal))


def of_http(error: HTTPException) -> Any:
    """What Flask itself refuses: not found, not allowed, too large."""
    if error.code is None or error.code < 400:
        return error
    body, status = page(error.code)
    kept = [(k, v) for k, v in error.get_headers() if k in ("Allow", "Retry-After")]
    return body, status, kept


def of_csrf(_error: CSRFError) -> tuple[str, int]:
    """A form without its token: the page is too old, or another site sent it."""
    security_log.because("form_token")
    reason = _("This page was open for too long, or somebody signed in anew meanwhile. Nothing was stored and no money was taken.")
    return page(400, reason, back=way_back())


def of_data(_error: Exception) -> tuple[str, int]:
    """A value that no column can hold: too large a number, a sign that cannot be stored."""
    db.session.rollback()
    return _while_selling(400) or page(400, _("Something in this request cannot be stored. Nothing was changed."))


def of_stale(_error: StaleDataError) -> tuple[str, int]:
    """Two people changed one record."""
    db.session.rollback()
    return page(409, sentence(errors.StaleRow()))


def of_integrity(error: IntegrityError) -> tuple[str, int]:
    """The database kept a rule that the page did not know."""
    db.session.rollback()
    log.warning("integrity error reached the door", exc_info=error)
    return _while_selling(409) or page(409, sentence(errors.ValueTaken()))


def of_operation(error: OperationalError) -> tuple[str, int]:
    """A busy database passes; anything else is a fault."""
    db.session.rollback()
    if is_passing(error):
        return _while_selling(503) or page(503, _("The database is busy. Nothing was changed. Try again in a moment."))
    return of_fault(error)


def of_fault(error: Exception) -> tuple[str, int]:
    """A fault of ours: a reference for the person, the rest for the log."""
    db.session.rollback()
    reference = secrets.token_hex(4)
    log.error("fault %s", reference, exc_info=error)
    return _while_selling(500, reference) or page(500, reference=reference)


def _while_selling(status: int, reference: str | None = None) -> tuple[str, int] | None:
    """What is said while a purchase is sold: the fault may have come before the money was held, or after the token.

    Never "nothing was taken", which nobody knows here: the purchase's own page, found by its reference, knows.
    """
    if request.endpoint != "CounterView.sell":
        return None
    reason = _(
        "The answer was lost while this purchase was sold. Its money is taken once or not at all, however often it is"
        " sent. Go back to it: its page says whether it was sold, and if not, sells it."
    )
    return page(status, reason, reference, back=way_back())


def install(app: Flask) -> None:
    """Hang the pages up."""
    app.register_error_handler(Refusal, refused)
    app.register_error_handler(HTTPException, of_http)
    app.register_error_handler(CSRFError, of_csrf)
    app.register_error_handler(DataError, of_data)
    app.register_error_handler(OverflowError, of_data)
    app.register_error_handler(StaleDataError, of_stale)
    app.register_error_handler(IntegrityError, of_integrity)
    app.register_error_handler(OperationalError, of_operation)
    if not app.config["TESTING"]:  # a test wants to see the fault itself
        app.register_error_handler(Exception, of_fault)
