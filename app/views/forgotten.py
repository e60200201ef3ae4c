"""A password by a link: asked for by whoever forgot theirs, or given by an administrator (manual L1).

The answer is the same, after the same time, whether somebody has the name or not: a request writes down
what was typed and looks nobody up.  The link's secret leaves the address at once for the session cookie.
"""

from __future__ import annotations

import re
from typing import Any

from flask import current_app, flash, redirect, request, session, url_for
from flask_appbuilder import expose
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_wtf import FlaskForm
from wtforms import PasswordField, StringField
from wtforms.validators import EqualTo, InputRequired, Length

from app.access import security_log
from app.access.fab import SafeBaseView
from app.db import transaction
from app.extensions import db
from app.models import AppUser
from app.services import mail, mail_queue, password_links
from app.views import known_browsers, sessions
from app.views.passwords import LENGTH_MAX, Good, set_password
from app.views.signin import TEXT_MAX, forgive, too_many

LINK_KEY = "link"
LINK = re.compile(r"/password/link/([\w-]+)")
GONE = 410


class AskForm(FlaskForm):
    """Who asks."""

    username = StringField(_l("User name or e-mail"), [InputRequired(_l("Fill this in.")), Length(max=TEXT_MAX)])


class ChooseForm(FlaskForm):
    """A new password, twice."""

    person: AppUser | None = None
    new = PasswordField(_l("New password"), [InputRequired(_l("Fill this in.")), Length(max=LENGTH_MAX), Good()])
    again = PasswordField(
        _l("New password again"),
        [InputRequired(_l("Fill this in.")), EqualTo("new", _l("The two are not the same."))],
    )


def link_to(secret: str) -> str:
    """The address that a message carries; the host is the setting's, never the browser's."""
    return f"{current_app.config['SITE_URL']}{url_path(secret)}"


def url_path(secret: str) -> str:
    """The link's path, also outside a request."""
    return current_app.url_map.bind("localhost").build("ForgottenPasswordView.enter", {"secret": secret})


def secrets_in(text: str) -> list[str]:
    """What may be secrets of links in a message: all of it, for a person's name in it may look like a link, too."""
    return LINK.findall(text)


class ForgottenPasswordView(SafeBaseView):
    """A new password without the old one.  Needs no sign-in."""

    route_base = "/password"
    default_view = "ask"
    open_methods = frozenset({"ask", "enter", "choose"})

    @expose("/forgotten", methods=["GET", "POST"])
    def ask(self) -> Any:
        """Ask for a link."""
        form = AskForm()
        if not form.validate_on_submit():
            return self._asking(form, 422 if form.is_submitted() else 200)
        if too_many(form.username.data, "forgotten ", "RESET_RATE_LIMIT"):
            security_log.tell("link_asked_locked", typed=form.username.data)
            flash(_("Too many attempts. Wait a while, then try again."), "warning")
            return self._asking(form, 429)
        security_log.tell("link_asked", typed=form.username.data)
        mail_queue.ask("reset", {"typed": form.username.data.strip()})
        return redirect(url_for("ForgottenPasswordView.ask", sent=1), 303)

    def _asking(self, form: AskForm, status: int) -> Any:
        page = self.render_template(
            "account/forgotten.html", title=_("Forgot your password?"), form=form, mailed=bool(mail.way().server),
            sent="sent" in request.args,
        )  # fmt: skip
        return page, status

    @expose("/link/<secret>")
    def enter(self, secret: str) -> Any:
        """Take the secret out of the address; whether it works is said on the next page."""
        session[LINK_KEY] = secret[: password_links.SECRET_MAX + 1]
        return redirect(url_for("ForgottenPasswordView.choose"))

    @expose("/choose", methods=["GET", "POST"])
    def choose(self) -> Any:
        """Choose the password, once."""
        found = password_links.find(db.session(), str(session.get(LINK_KEY, "")))
        if found is None:
            security_log.tell("link_failed")
            return self._gone()
        user = db.session.get_one(AppUser, found.user_id, execution_options={"unscoped": True})
        form = ChooseForm()
        form.person = user
        if form.validate_on_submit():
            if not _take(form.new.data):
                security_log.tell("link_failed")
                return self._gone()
            security_log.tell("password_set_by_link", account=user, purpose=found.purpose)
            flash(_("The password is set. Sign in with it."), "success")
            return redirect(url_for("AuthView.login"), 303)
        page = self.render_template(
            "account/choose.html", title=_("Choose a password"), form=form, user=user,
            invited=found.purpose == password_links.INVITE,
        )  # fmt: skip
        return page, 422 if form.is_submitted() else 200

    def _gone(self) -> Any:
        return self.render_template("account/link_gone.html", title=_("This link does not work any more.")), GONE


def _take(password: str) -> bool:
    """Use the link up and set the password; every session of the person ends, and their lock."""
    secret = str(session.get(LINK_KEY, ""))
    with transaction() as work:
        found = password_links.use(work, secret)
        if found is None:
            return False
        user = work.get_one(AppUser, found.user_id, execution_options={"unscoped": True})
        # NB: a link is used by nobody who is signed in; the log names whose account it was.
        work.info["actor"] = (user.id, user.username)
        set_password(user, password, must_change=False)
        sessions.end_all(user.id)
        mail_queue.add(work, "notice", {"user": user.id, "what": "password"})
        names = (user.username, user.email)
    session.pop(LINK_KEY, None)
    for name in names:
        for door in ("", known_browsers.DOOR):
            forgive(name, door)
    return True
