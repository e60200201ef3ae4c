"""What guards one's own account: signed-in browsers, the state of the second factor, one's own log.

The log tells what the person did (their entries of the log of changes) and where they signed in.  Nobody
else's rows come in, and values in it are worded as on the pages of the records.
"""

from __future__ import annotations

from typing import Any

from flask import abort, flash, redirect, request, url_for
from flask_appbuilder import expose
from flask_babel import gettext as _
from sqlalchemy import func, select

from app.access import security_log
from app.access.current import signed_in
from app.access.fab import SafeBaseView
from app.extensions import db
from app.models import AppUser, AuditEntry, UserSession
from app.services import failed_sign_ins, second_factor
from app.views import changes, sessions
from app.views.account import ProofForm, proven
from app.views.devices import browser, browsers
from app.views.failed_sign_ins import REASONS, place
from app.views.typed import row_id

SIGN_INS_SHOWN = 10


class OwnSecurityView(SafeBaseView):
    """The guards of one's own account.  Needs a sign-in, and no permission."""

    route_base = "/account"
    default_view = "security"
    open_methods = frozenset({"security", "end", "log"})

    @expose("/security")
    def security(self) -> Any:
        """Password, second factor, signed-in browsers."""
        return self._page(ProofForm(formdata=None)), 200

    @expose("/sessions/end", methods=["POST"])
    def end(self) -> Any:
        """Sign another browser out, or all others: with the password, so that a stolen session shuts nobody out."""
        user = signed_in() or abort(401)
        user_id, form = user.id, ProofForm()
        key = row_id(request.form.get("browser", ""))
        if key is None and request.form.get("browser") != "others":
            abort(400)
        if not form.validate() or not proven(user_id, form.password):
            return self._page(form), 422
        if key is None:
            sessions.end_all(user_id, but_this=True)
        elif key == sessions.this_id() or not sessions.end_one(user_id, key):
            abort(404)
        db.session.commit()
        security_log.tell("sessions_ended", which=key or "others")
        flash(_("The browser is signed out.") if key else _("All other browsers are signed out."), "success")
        return redirect(url_for("OwnSecurityView.security") + "#browsers", 303)

    def _page(self, proof: ProofForm) -> Any:
        user = signed_in() or abort(401)
        return self.render_template(
            "account/security.html", title=_("Account settings"), tab="security", browsers=browsers(user.id), proof=proof,
            since=user.totp_since, codes=second_factor.codes_left(db.session(), user.id),
            compulsory=user.group is not None and user.group.second_factor,
        )  # fmt: skip

    @expose("/log")
    def log(self) -> Any:
        """What one did, and where one signed in."""
        user = signed_in() or abort(401)
        rows = select(UserSession).where(UserSession.user_id == user.id).order_by(UserSession.id.desc())
        return self.render_template(
            "account/log.html", title=_("Account settings"), tab="log", told=_own_changes(user),
            failed=[(row, REASONS[row.answer], place(row)) for row in failed_sign_ins.of(db.session(), user.id, SIGN_INS_SHOWN)],
            sign_ins=[browser(row, request.remote_addr, sessions.this_id()) for row in db.session.scalars(rows.limit(SIGN_INS_SHOWN))],
        )  # fmt: skip


def _own_changes(user: AppUser) -> changes.Changes:
    mine = AuditEntry.user_id == user.id
    count = db.session.scalar(select(func.count()).select_from(AuditEntry).where(mine)) or 0
    return changes.page_of(mine, count)
