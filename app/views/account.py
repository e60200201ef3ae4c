"""What everybody may do for themselves: change the password, choose language and colours."""

from __future__ import annotations

from typing import Any

from flask import abort, flash, redirect, request, session, url_for
from flask_appbuilder import expose
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_babel import refresh
from flask_wtf import FlaskForm
from werkzeug.security import generate_password_hash
from wtforms import BooleanField, PasswordField
from wtforms.validators import EqualTo, InputRequired, Length, ValidationError

from app.access.current import signed_in
from app.access.fab import SafeBaseView
from app.extensions import db
from app.models import AppUser
from app.views import sessions
from app.views.fields import Text, Unused, email
from app.views.language import THEMES, languages
from app.views.signin import TEXT_MAX, forgive, password_fits, too_many

PASSWORD_LENGTH_MIN = 12
# What is tried first; a password that only repeats or counts is refused as well.
COMMON = ("password", "passwort", "motdepasse", "qwerty", "azerty", "letmein", "welcome", "changeme", "admin")


def password_fault(password: str, user: AppUser) -> str | None:
    """What is wrong with a new password, as a sentence, or None."""
    plain = password.casefold()
    own = [part for part in (user.username, user.email.split("@")[0], user.last_name) if part and len(part) > 3]
    if len(password) < PASSWORD_LENGTH_MIN:
        return _("At least %(least)d characters.", least=PASSWORD_LENGTH_MIN)
    if len(set(plain)) < 5 or plain.isdigit():
        return _("Too easy to guess. Use several words.")
    if any(word in plain and len(plain) < len(word) + 8 for word in COMMON):
        return _("Too easy to guess. Use several words.")
    if any(part.casefold() in plain for part in own):
        return _("It must not contain your name.")
    return None


def set_password(user: AppUser, password: str, *, must_change: bool) -> None:
    """Give `user` a new password.  The caller ends sessions and commits."""
    user.password = generate_password_hash(password, method="scrypt", salt_length=16)
    user.must_change_password = must_change


class NewPassword:
    """A validator: the password is good enough for the signed-in person."""

    def __call__(self, form: Any, field: Any) -> None:
        """Refuse a weak password with its sentence."""
        user = signed_in()
        fault = password_fault(field.data or "", user) if user else None
        if fault:
            raise ValidationError(fault)


class PasswordForm(FlaskForm):
    """The old password, and twice the new one."""

    old = PasswordField(_l("Password until now"), [InputRequired(_l("Fill this in.")), Length(max=TEXT_MAX)])
    new = PasswordField(
        _l("New password"), [InputRequired(_l("Fill this in.")), Length(max=TEXT_MAX), NewPassword()]
    )
    again = PasswordField(
        _l("New password again"),
        [InputRequired(_l("Fill this in.")), EqualTo("new", _l("The two are not the same."))],
    )


class SettingsForm(FlaskForm):
    """What everybody may say about themselves."""

    first_name = Text(_l("First name"), most=64)
    last_name = Text(_l("Last name"), most=64)
    email = Text(
        _l("E-mail"), most=120, rules=[email(), Unused(AppUser.email, _l("Another user has this address."))]
    )
    single_keys = BooleanField(
        _l("Single keys"),
        description=_l("Outside fields / goes to the search, a digit begins one, and ? shows all keys of the counter."),
    )


class AccountView(SafeBaseView):
    """One's own account.  Needs a sign-in, and no permission."""

    route_base = "/account"
    default_view = "settings"
    open_methods = frozenset({"settings", "password", "language", "theme"})

    @expose("/", methods=["GET", "POST"])
    def settings(self) -> Any:
        """One's own name and address."""
        user = signed_in() or abort(401)
        form = SettingsForm(obj=user)
        form._id = user.id  # noqa: SLF001  (Unused passes one's own row by it)
        if form.validate_on_submit():
            form.populate_obj(user)
            db.session.commit()
            flash(_("Your account is changed."), "success")
            return redirect(url_for("AccountView.settings"), 303)
        page = self.render_template("account/settings.html", title=_("Account settings"), form=form)
        return page, 422 if form.is_submitted() else 200

    @expose("/password", methods=["GET", "POST"])
    def password(self) -> Any:
        """Change the password: the old one is asked for, and all other sessions end."""
        user = signed_in() or abort(401)
        form = PasswordForm()
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
        name = f"password-of-{user_id}"
        if too_many(name):
            form.old.errors = [*form.old.errors, _("Too many attempts. Wait a minute, then try again.")]
            return False
        user = db.session.get_one(AppUser, user_id)
        if not password_fits(user, form.old.data):
            form.old.errors = [*form.old.errors, _("This is not your password until now.")]
            return False
        if form.old.data == form.new.data:
            form.new.errors = [*form.new.errors, _("The new password is the old one. Choose another.")]
            return False
        forgive(name)
        user = db.session.get_one(AppUser, user_id)
        set_password(user, form.new.data, must_change=False)
        sessions.end_all(user_id, but_this=True)
        db.session.commit()
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
