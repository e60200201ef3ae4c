"""Signing in and out.

By user name or e-mail address.  Every failure gives the same answer after the same time:
nobody learns whether a name exists, is switched off, or has another password.  Who has a second factor
is asked for it after the password: until then the cookie says only whose code is awaited, for five minutes.
"""

from __future__ import annotations

import hashlib
import hmac
from pathlib import Path
from typing import Any

from flask import current_app, flash, g, redirect, request, session, url_for
from flask_appbuilder import expose
from flask_appbuilder.utils.base import is_safe_redirect_url
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_login import current_user
from flask_wtf import FlaskForm
from sqlalchemy import select
from werkzeug.security import check_password_hash
from wtforms import PasswordField, StringField
from wtforms.validators import InputRequired, Length

from app.access import attempts, security_log
from app.access.fab import SafeBaseView
from app.domain.states import SignInAnswer
from app.extensions import db
from app.models import AppUser
from app.models.base import now
from app.models.names import alike, opens
from app.services import failed_sign_ins, second_factor
from app.views import known_browsers, sessions, start_pages

TEXT_MAX = 320
HALF_KEY, HALF_S = "half", 300
# How the security log calls what a page calls in words.
REASONS = {SignInAnswer.UNKNOWN: "unknown", SignInAnswer.PASSWORD: "password", SignInAnswer.OFF: "switched_off"}


class SignInForm(FlaskForm):
    """A name and a password."""

    username = StringField(_l("User name or e-mail"), [InputRequired(_l("Fill this in.")), Length(max=TEXT_MAX)])
    password = PasswordField(_l("Password"), [InputRequired(_l("Fill this in.")), Length(max=TEXT_MAX)])


class CodeForm(FlaskForm):
    """The second factor."""

    code = StringField(_l("Code"), [InputRequired(_l("Fill this in.")), Length(max=64)])


def find_user(name: str) -> AppUser | None:
    """The person with this user name or e-mail address; big and small letters alike (nobody else has either)."""
    found = select(AppUser).where(opens(name.strip())).order_by(alike(AppUser.username, name.strip()).desc())
    return db.session.scalars(found.limit(1).execution_options(unscoped=True)).first()


def password_fits(user: AppUser | None, password: str) -> bool:
    """Whether the password is right; takes as long when there is nobody to ask."""
    stored = user.password if user is not None else None
    fits = check_password_hash(stored or current_app.config["AUTH_DB_FAKE_PASSWORD_HASH_CHECK"], password)
    return bool(fits and stored)


def too_many(account: str, door: str = "", limit: str = "LOGIN_RATE_LIMIT") -> bool:
    """Count one attempt on `account` from this address; True when it must wait.

    `door` is what is asked there other than the password, and counted apart; `limit` names its setting.
    """
    if not current_app.config["RATELIMIT_ENABLED"]:
        return False
    return attempts.note_attempt(_subjects(account, door), current_app.config[limit]) is not None


def forgive(account: str, door: str = "") -> None:
    """The password, or the code, was right."""
    if current_app.config["RATELIMIT_ENABLED"]:
        attempts.forgive(_subjects(account, door))


def too_many_here(door: str) -> bool:
    """Count one attempt of this signed-in browser, apart from all others of the person; True when there were too many."""
    if not current_app.config["RATELIMIT_ENABLED"]:
        return False
    return attempts.note_attempt(_this_browser(door), current_app.config["LOGIN_RATE_LIMIT"]) is not None


def forgive_here(door: str) -> None:
    """What this signed-in browser sent was right."""
    if current_app.config["RATELIMIT_ENABLED"]:
        attempts.forgive(_this_browser(door))


def _this_browser(door: str) -> tuple[str, str]:
    """NB: not the address: who guesses beside the owner's computer shall not lock that."""
    session_id = str(sessions.this_id())
    return attempts.subjects(session_id, session_id, current_app.secret_key, door)


def _subjects(account: str, door: str) -> tuple[str, str]:
    return attempts.subjects(account, request.remote_addr or "", current_app.secret_key, door)


def code_fits(user_id: int, typed: str) -> bool:
    """Whether this is the person's second factor of now; counted like passwords.  May raise TooManyCodes."""
    door, name = attempts.CODE_DOOR, str(user_id)
    if too_many(name, door):
        raise TooManyCodes
    if not second_factor.take(user_id, typed, Path(current_app.config["CREDENTIALS_FILE"])):
        return False
    forgive(name, door)
    return True


def tell_failed(event: str, user: AppUser | None, typed: str | None, answer: SignInAnswer, **facts: Any) -> None:
    """Write a failed attempt into the log and onto the page of failed sign-ins.  NB: the same work whoever it is."""
    security_log.tell(event, account=user, typed=typed, **facts)
    failed_sign_ins.note(None if user is None else user.id, request.remote_addr or "", answer)


class TooManyCodes(Exception):
    """So many codes were wrong that the next one must wait."""


def next_page() -> str:
    """Where the person wanted to go, if it is a page of this site; else home."""
    wanted = request.args.get("next", "")
    if wanted.startswith("/") and not wanted.startswith(("//", "/\\", "/login", "/logout")):
        if wanted.isprintable() and is_safe_redirect_url(wanted):
            return wanted
    return url_for(f"{current_app.appbuilder.indexview.__name__}.index")


def _after(user_id: int) -> str:
    """The first page: where the person wanted to go, else their own first page, else home."""
    user = db.session.get(AppUser, user_id)
    if not request.args.get("next") and user is not None and user.start_page:
        return start_pages.address(user) or next_page()
    return next_page()


def _go_halfway(user: AppUser) -> None:
    """The password was right: keep whose code is awaited, and nothing of the session before."""
    kept = {"user": user.id, "at": int(now().timestamp()), "mark": _mark(user)}
    language = session.get("locale")
    session.clear()
    session[HALF_KEY] = kept
    if language:
        session["locale"] = language


def _halfway() -> AppUser | None:
    """Whose code is awaited from this browser, if the password has not changed meanwhile."""
    kept = session.get(HALF_KEY)
    if not isinstance(kept, dict) or not 0 <= now().timestamp() - kept.get("at", 0) <= HALF_S:
        return None
    user = db.session.get(AppUser, kept.get("user"), execution_options={"unscoped": True})
    stands = user is not None and user.active and user.group_id is not None and user.totp_since is not None
    return user if user is not None and stands and hmac.compare_digest(_mark(user), str(kept.get("mark"))) else None


def _mark(user: AppUser) -> str:
    """Another one as soon as the password is another; tells nothing of it."""
    key, stored = str(current_app.secret_key), f"half {user.password}"
    return hmac.new(key.encode(), stored.encode(), hashlib.sha256).hexdigest()[:32]


class AuthView(SafeBaseView):
    """The door.  FAB finds the sign-in page under this class's name and `login`."""

    route_base = ""
    default_view = "login"
    open_methods = frozenset({"login", "code", "logout"})
    login_template = "appbuilder/general/security/login_db.html"

    @expose("/login/", methods=["GET", "POST"])
    def login(self) -> Any:
        """The form, and what was typed into it."""
        if current_user.is_authenticated:
            return redirect(next_page())
        form = SignInForm()
        if not form.validate_on_submit():
            return self._page(form, 422 if form.is_submitted() else 200)
        account = form.username.data
        door = known_browsers.door(find_user(account))
        if too_many(account, door):
            tell_failed("sign_in_locked", find_user(account), account, SignInAnswer.LOCKED)
            flash(_("Too many attempts. Wait a minute, then try again."), "warning")
            return self._page(form, 429)
        user = find_user(account)
        fits = password_fits(user, form.password.data)
        if user is None or not fits or not user.active or user.group_id is None:
            answer = SignInAnswer.UNKNOWN if user is None else SignInAnswer.OFF if fits else SignInAnswer.PASSWORD
            tell_failed("sign_in_failed", user, account, answer, reason=REASONS[answer])
            flash(_("The name or the password is not right. Try again."), "warning")
            return self._page(form, 401)
        forgive(account, door)
        if user.totp_since is not None:
            _go_halfway(user)
            return redirect(url_for(".code", next=request.args.get("next")))
        return self._let_in(user.id)

    @expose("/login/code", methods=["GET", "POST"])
    def code(self) -> Any:
        """The second factor, of who has given the password."""
        if current_user.is_authenticated:
            return redirect(next_page())
        user = _halfway()
        if user is None:
            session.pop(HALF_KEY, None)
            return redirect(url_for(".login", next=request.args.get("next")))
        form, key, status = CodeForm(), user.id, 200
        if form.is_submitted():
            status = 422
            try:
                if form.validate():
                    if code_fits(key, form.code.data):
                        return self._let_in(key)
                    tell_failed("code_failed", db.session.get_one(AppUser, key), None, SignInAnswer.CODE)
                    status = 401
                    form.code.errors = [_("This code is not right, or it was used. Wait for the next one.")]
            except TooManyCodes:
                tell_failed("code_locked", db.session.get_one(AppUser, key), None, SignInAnswer.LOCKED)
                status = 429
                form.code.errors = [_("Too many attempts. Wait a minute, then try again.")]
        return self.render_template("account/code.html", title=_("Sign in"), form=form), status

    def _page(self, form: SignInForm, status: int) -> Any:
        return self.render_template(self.login_template, title=_("Sign in"), form=form), status

    @staticmethod
    def _let_in(user_id: int) -> Any:
        user = db.session.get_one(AppUser, user_id)
        user.login_count = (user.login_count or 0) + 1
        user.fail_login_count = 0
        user.last_login = now().replace(tzinfo=None)
        sessions.begin(user)
        db.session.commit()
        security_log.tell("sign_in", account=user, factor=user.totp_since is not None)
        g.user = current_user
        return known_browsers.remember(redirect(_after(user_id)), user_id)

    @expose("/logout/", methods=["POST"])
    def logout(self) -> Any:
        """End this session here and now; a copy of the cookie is worth nothing afterwards."""
        security_log.tell("sign_out")
        sessions.end_this()
        db.session.commit()
        return redirect(url_for("AuthView.login"))
