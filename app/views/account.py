"""What everybody may do for themselves (manual L3): name, address, language, pages, and the password.

A new address asks for the password, because a forgotten password goes there.  What guards the account
otherwise (other browsers, the second factor, the log) stands in `own_security`.
"""

from __future__ import annotations

from typing import Any

from flask import abort, current_app, flash, redirect, request, session, url_for
from flask_appbuilder import expose
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_babel import refresh
from flask_wtf import FlaskForm
from sqlalchemy.exc import IntegrityError
from wtforms import BooleanField, PasswordField, SelectField
from wtforms.validators import EqualTo, InputRequired, Length

from app.access import security_log
from app.access.attempts import OWN_PASSWORD_DOOR
from app.access.current import signed_in
from app.access.fab import SafeBaseView, sentence
from app.access.interface import PAGE_SIZES
from app.domain.errors import ValueTaken
from app.domain.states import SignInAnswer
from app.extensions import db
from app.models import AppUser
from app.services import mail_queue, password_links
from app.views import sessions, start_pages
from app.views.fields import NEEDED, Nobodys, Text, email, telephone
from app.views.language import THEMES, languages
from app.views.passwords import Good, set_password
from app.views.signin import TEXT_MAX, forgive_here, password_fits, tell_failed, too_many_here

NOT_YOURS = _l("This is not your password until now.")


class PasswordForm(FlaskForm):
    """The old password, and twice the new one."""

    person: AppUser | None = None
    old = PasswordField(_l("Password until now"), [InputRequired(_l("Fill this in.")), Length(max=TEXT_MAX)])
    new = PasswordField(_l("New password"), [InputRequired(_l("Fill this in.")), Length(max=TEXT_MAX), Good()])
    again = PasswordField(
        _l("New password again"),
        [InputRequired(_l("Fill this in.")), EqualTo("new", _l("The two are not the same."))],
    )


class ProofForm(FlaskForm):
    """The password, before what guards the account changes."""

    password = PasswordField(_l("Your password"), [InputRequired(_l("Fill this in.")), Length(max=TEXT_MAX)])


class SettingsForm(FlaskForm):
    """What everybody may say about themselves."""

    first_name = Text(_l("First name"), most=64)
    last_name = Text(_l("Last name"), most=64)
    email = Text(
        _l("E-mail"), most=120, rules=[email(), Nobodys(_l("Another user has this address."))]
    )
    phone = Text(_l("Phone"), most=40, required=False, rules=[telephone()], render_kw={"inputmode": "tel"})
    language = SelectField(_l("Language"))
    page_size = SelectField(_l("Rows of a page"))
    start_page = SelectField(_l("First page"), description=_l("Shown after the sign-in."))
    single_keys = BooleanField(
        _l("Single keys"),
        description=_l("Outside fields / goes to the search, a digit begins one, and ? shows all keys of the counter."),
    )
    password = PasswordField(
        _l("Your password"), [Length(max=TEXT_MAX)], description=_l("Needed only for another e-mail address.")
    )

    def offer(self, user: AppUser) -> None:
        """Fill the lists with what this person may choose."""
        names = current_app.config["LANGUAGES"]
        self.language.choices = [("", _("As the browser asks")), *((code, names[code]["name"]) for code in languages())]
        self.page_size.choices = [("", _("Usual")), *((str(size), str(size)) for size in PAGE_SIZES)]
        self.start_page.choices = [("", _("Home")), *start_pages.offered(user).items()]

    def show(self, user: AppUser) -> None:
        """What stands in the lists now; what is not offered any more is the usual one."""
        for field, value in ((self.language, user.language), (self.page_size, user.page_size), (self.start_page, user.start_page)):
            known = {key for key, _word in field.choices}
            field.data = str(value) if str(value or "") in known else ""


class AccountView(SafeBaseView):
    """One's own account.  Needs a sign-in, and no permission."""

    route_base = "/account"
    default_view = "settings"
    open_methods = frozenset({"settings", "password", "language", "theme"})

    @expose("/", methods=["GET", "POST"])
    def settings(self) -> Any:
        """One's own name, address and habits."""
        user = signed_in() or abort(401)
        form = SettingsForm(obj=user)
        form._id = user.id  # noqa: SLF001  (Nobodys passes one's own row by it)
        form.offer(user)
        if not form.is_submitted():
            form.show(user)
        elif form.validate() and self._keep_settings(user.id, form):
            flash(_("Your account is changed."), "success")
            return redirect(url_for("AccountView.settings"), 303)
        page = self.render_template("account/settings.html", title=_("Account settings"), form=form, tab="settings")
        return page, 422 if form.is_submitted() else 200

    def _keep_settings(self, user_id: int, form: SettingsForm) -> bool:
        old_address = db.session.get_one(AppUser, user_id).email
        moved = form.email.data != old_address
        if moved and not proven(user_id, form.password):
            return False
        try:
            self._store(user_id, form, old_address if moved else "")
        except (IntegrityError, ValueTaken):  # somebody was quicker by a moment: the rule sees them now
            db.session.rollback()
            if form.validate():
                form.email.errors = [sentence(ValueTaken())]
            return False
        if moved:
            security_log.tell("address_changed")
        if form.language.data:
            session["locale"] = form.language.data
        refresh()
        return True

    @staticmethod
    def _store(user_id: int, form: SettingsForm, left: str) -> None:
        """`left` is the address until now, if there is another one: it is told, and links that went there end."""
        user = db.session.get_one(AppUser, user_id)
        for name in ("first_name", "last_name", "email", "phone", "single_keys"):
            setattr(user, name, getattr(form, name).data)
        user.language, user.start_page = form.language.data or None, form.start_page.data or None
        user.page_size = int(form.page_size.data) if form.page_size.data else None
        if left:
            password_links.end_all(db.session(), user_id)
            mail_queue.add(db.session(), "notice", {"user": user_id, "what": "email", "to": left})
        db.session.commit()

    @expose("/password", methods=["GET", "POST"])
    def password(self) -> Any:
        """Change the password: the old one is asked for, and all other sessions end."""
        user = signed_in() or abort(401)
        form = PasswordForm()
        form.person = user
        status = 200
        if form.is_submitted():
            status = 422
            if form.validate() and self._change(user.id, form):
                flash(_("The password is changed. Other browsers are signed out."), "success")
                return redirect(url_for(f"{self.appbuilder.indexview.__name__}.index"), 303)
        page = self.render_template(
            "account/password.html", title=_("Change password"), form=form, must=user.must_change_password
        )
        return page, status

    @staticmethod
    def _change(user_id: int, form: PasswordForm) -> bool:
        if not proven(user_id, form.old):
            return False
        if form.old.data == form.new.data:
            form.new.errors = [*form.new.errors, _("The new password is the old one. Choose another.")]
            return False
        set_password(db.session.get_one(AppUser, user_id), form.new.data, must_change=False)
        sessions.end_all(user_id, but_this=True)
        mail_queue.add(db.session(), "notice", {"user": user_id, "what": "password"})
        db.session.commit()
        security_log.tell("password_changed")
        return True

    @expose("/language", methods=["POST"])
    def language(self) -> Any:
        """Speak another language; kept with the person, or with this browser before the sign-in."""
        code = request.form.get("language", "")
        if code not in languages():
            abort(400)
        self._keep("language", "locale", code)
        refresh()
        return redirect(self._back(), 303)

    @expose("/theme", methods=["POST"])
    def theme(self) -> Any:
        """Wear other colours; the page's script asks and needs no page in return."""
        name = request.form.get("theme", "")
        if name not in THEMES:
            abort(400)
        self._keep("theme", "theme", name)
        return "", 204

    @staticmethod
    def _keep(column: str, key: str, value: str) -> None:
        user = signed_in()
        if user is not None and getattr(user, column) != value:
            setattr(user, column, value)
            db.session.commit()
        session[key] = value

    @staticmethod
    def _back() -> str:
        """The page the switch was on, if it is a page of ours that can be opened again."""
        came_from = request.form.get("next", "")
        if came_from.startswith("/") and not came_from.startswith(("//", "/\\")) and came_from.isprintable():
            return came_from
        return url_for("AuthView.login")


def proven(user_id: int, field: Any) -> bool:
    """Whether the field holds the person's own password; counted, told like a sign-in, and refused at the field.

    This browser gets another secret then, so that a copy of its cookie ends.  One that guesses too often is signed out
    and led to the door.
    NB: it ends the transaction of the request: rows that were read before are read anew.
    """
    if not field.data:
        field.errors = [*field.errors, str(NEEDED)]
        return False
    if too_many_here(OWN_PASSWORD_DOOR):
        tell_failed("proof_locked", db.session.get_one(AppUser, user_id), None, SignInAnswer.LOCKED)
        sessions.end_this()
        db.session.commit()
        flash(_("Too many wrong passwords. This browser is signed out."), "warning")
        abort(redirect(url_for("AuthView.login"), 303))
    user = db.session.get_one(AppUser, user_id)
    if not password_fits(user, field.data):
        tell_failed("proof_failed", user, None, SignInAnswer.PASSWORD)
        field.errors = [*field.errors, str(NOT_YOURS)]
        return False
    forgive_here(OWN_PASSWORD_DOOR)
    sessions.renew_this()
    db.session.commit()
    return True
