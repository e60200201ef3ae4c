"""The outbox: mail that became files because no server is set, and mail that could not be sent.

For somebody over everything only (`permissions.WHOLE`): a message may hold a link that opens an account.  Its text is
shown on demand then, and the log tells who opened whose: that counts as a link that they gave (`services.four_eyes`).
"""

from __future__ import annotations

from typing import Any

from flask import abort, current_app, flash, redirect, request, url_for
from flask_appbuilder import expose
from flask_appbuilder.security.decorators import has_access, permission_name
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l

from app.access import security_log
from app.access.current import current_scope, signed_in
from app.access.fab import SafeBaseView
from app.db import transaction
from app.extensions import db
from app.models import AppUser
from app.models.audit import note
from app.services import mail, mail_queue, outbox, password_links
from app.services.four_eyes import READ_LINK, entered
from app.views.forgotten import secrets_in

FAILURES = {
    "address": _l("No mailbox has this address"),
    "refused": _l("The mail server refused it"),
    "sign_in": _l("The mail server did not take our name and password"),
    "encryption": _l("The mail server does not speak the encryption that is set"),
    "silent": _l("The mail server did not answer"),
    "disk": _l("The file could not be written"),
}
KINDS = {
    "trial": _l("Test message"), "reset": _l("A new password"), "link": _l("Link from an administrator"),
    "notice": _l("Notice of a change"),
}


class OutboxView(SafeBaseView):
    """Mail that lies here."""

    route_base = "/outbox"
    default_view = "page"
    title = list_title = _l("Outbox")

    @expose("/")
    @has_access
    @permission_name("open")
    def page(self) -> Any:
        """The newest messages, and what could not be sent."""
        _require_everything()
        self.update_redirect()
        messages, count = outbox.listed(current_app.config["OUTBOX_DIR"])
        unsent, unsent_count = mail_queue.unsent(db.session())
        return self.render_template(
            "outbox/page.html", title=self.title, messages=messages, count=count, unsent=unsent, unsent_count=unsent_count,
            server=mail.way().server, kinds=KINDS, failures=FAILURES, days=current_app.config["FILES_KEEP_DAYS"],
        )  # fmt: skip

    @expose("/<name>", methods=["GET", "POST"])
    @has_access
    @permission_name("open")
    def show(self, name: str) -> Any:
        """One message as it would have been sent; with a link that works its text is asked for (POST)."""
        _require_everything()
        message = outbox.read(current_app.config["OUTBOX_DIR"], name) or abort(404)
        found = (password_links.find(db.session(), secret) for secret in secrets_in(message.text))
        link = next(filter(None, found), None)
        asked = request.method == "POST"
        if link is not None and asked:
            _note_opened(link.user_id)
        return self.render_template(
            "outbox/show.html", title=_("Message"), message=message, hidden=link is not None and not asked,
            entered=link is not None and entered(db.session(), link.user_id),
        )  # fmt: skip

    @expose("/trial", methods=["POST"])
    @has_access
    @permission_name("open")
    def trial(self) -> Any:
        """Ask for a message to oneself."""
        _require_everything()
        user = signed_in() or abort(403)
        address = user.email
        mail_queue.ask("trial", {"user": user.id})
        flash(_("A test message to %(address)s is asked for. The worker sends it within seconds.", address=address), "success")
        return redirect(url_for("OutboxView.page"), 303)


def _note_opened(key: int) -> None:
    """Whoever reads the link can choose this person's password; the database has it before the page does."""
    with transaction() as session:
        note(session, READ_LINK, "ab_user", key, {}, {})
    security_log.tell("link_read", account=db.session.get_one(AppUser, key))


def _require_everything() -> None:
    """The second wall: `has_access` has asked already."""
    if not current_scope().sees_all:
        abort(403)
