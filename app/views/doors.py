"""The front wall: nobody passes without a sign-in, and every answer carries its safety headers.

Open without one: the sign-in page, the switch of languages, static files, and the two pages
that say whether the program lives.  GET changes nothing, but for `user_session.seen`.
"""

from __future__ import annotations

import hashlib
import secrets
from functools import lru_cache
from pathlib import Path
from typing import Any

from flask import Flask, abort, current_app, flash, g, redirect, render_template, request, url_for
from flask.sessions import SecureCookieSessionInterface, SessionMixin
from flask_babel import gettext as _
from sqlalchemy import text
from werkzeug import Response
from werkzeug.middleware.proxy_fix import ProxyFix

import config
from app.access import security_log
from app.access.current import signed_in
from app.extensions import db
from app.views import changes, frame, page_words, sessions, troubles
from app.views.language import chosen_language
from app.views.way_back import way_back

STATIC = frozenset({"static", "appbuilder.static"})
OPEN = STATIC | {
    "AuthView.login", "AuthView.code", "AccountView.language", "healthz", "readyz",
    "ForgottenPasswordView.ask", "ForgottenPasswordView.enter", "ForgottenPasswordView.choose",
}  # fmt: skip
# What somebody may do who must choose a new password first.
UNTIL_CHANGED = OPEN | {"AccountView.password", "AccountView.theme", "AuthView.logout"}
# And who must set up a second factor first.
UNTIL_GUARDED = OPEN | {"AccountView.theme", "AuthView.logout"} | {
    f"SecondFactorView.{name}" for name in ("page", "begin", "confirm")
}
YEAR_S = 31_536_000
# Signs of the door's address with the page that was asked for within it; the rest is for what else its first line says.
DOOR_MAX = config.ADDRESS_MAX - 200
# The names under which our forms take files.
FILE_FIELDS = frozenset({"file", "key_file", "logo"})
# Words that steer the making of an address: pages hand what stands in theirs on to the next one's.
STEERING = frozenset({"endpoint", "_anchor", "_external", "_method", "_scheme"})


def install(app: Flask) -> None:
    """Put up the wall, the headers, the error pages and the two signs of life."""
    proxies = app.config["TRUSTED_PROXIES"]
    if proxies:  # else the address of every attempt would be the proxy's
        app.wsgi_app = ProxyFix(  # type: ignore[method-assign]
            app.wsgi_app, x_for=proxies, x_proto=proxies, x_host=proxies
        )
    app.extensions["babel"].locale_selector = chosen_language
    app.appbuilder.bm.get_locale = chosen_language  # type: ignore[attr-defined]
    app.jinja_env.globals["csp_nonce"] = nonce
    # NB: before the check of a form's token, which cannot fit when the session that made it is over:
    # a stranger is asked to sign in and comes back to what was typed.
    app.url_value_preprocessor(take_large_files)
    app.before_request_funcs.setdefault(None, []).insert(0, keep_out)
    app.before_request(refuse_stray_files)
    app.before_request(refuse_steering)
    app.after_request(note_and_close)
    app.session_interface = Cookies()
    app.url_defaults(with_version)
    app.add_url_rule("/healthz", "healthz", healthz)
    app.add_url_rule("/readyz", "readyz", readyz)
    page_words.install(app)
    frame.install(app)
    changes.install(app)
    troubles.install(app)


# --- who passes ---------------------------------------------------------------------------


def take_large_files(endpoint: str | None, _values: dict[str, Any] | None) -> None:
    """One door takes more bytes than the others; this runs before anybody reads the form.

    A stranger's bytes are not read for it: the limit of everybody else holds until the sign-in.
    """
    if endpoint == "ImportView.add" and request.method == "POST" and signed_in() is not None:
        request.max_content_length = (current_app.config["IMPORT_FILE_MAX_MB"] + 1) * 1024 * 1024


def refuse_stray_files() -> None:
    """A file in the place of a text is no form of ours: no field for text knows what to do with one."""
    if not FILE_FIELDS.issuperset(request.files):
        security_log.because("stray_file")
        abort(400)


def refuse_steering() -> None:
    """No address of ours holds such a word: it would turn the links of the page elsewhere, or break them."""
    if not STEERING.isdisjoint(request.args):
        security_log.because("steering")
        abort(400)


def keep_out() -> Any:
    """Send strangers to the sign-in page; name the person for the audit log."""
    endpoint = request.endpoint
    if endpoint in STATIC or endpoint in ("healthz", "readyz"):
        return None
    user = signed_in()
    if user is None:
        # NB: an unknown address asks for a sign-in as well, so that nobody maps the house.
        return None if endpoint in OPEN else _to_the_door()
    g.actor = db.session().info["actor"] = (user.id, user.username)
    if user.must_change_password and endpoint not in UNTIL_CHANGED:
        return redirect(url_for("AccountView.password"))
    lacks = user.totp_since is None and user.group is not None and user.group.second_factor
    if lacks and not user.must_change_password and endpoint not in UNTIL_GUARDED:
        return redirect(url_for("SecondFactorView.page"))
    return None


def _to_the_door() -> Any:
    if request.method != "GET" and not request.headers.get("HX-Request") and not _wants_data():
        page = render_template("errors/401.html", back=url_for("AuthView.login", next=way_back()))
        return Response(page, 401, content_type="text/html; charset=utf-8")
    if g.get("session_over"):
        flash(_("Your session is over. Sign in again."), "warning")
    if request.method != "GET" or request.headers.get("HX-Request") or _wants_data():
        answer = Response(_("Your session is over. Sign in again."), 401, content_type="text/plain; charset=utf-8")
        answer.headers["HX-Redirect"] = url_for("AuthView.login")
        return answer
    wanted = request.full_path.rstrip("?")
    door = url_for("AuthView.login", next=wanted if wanted != "/" else None)
    # Within another address a long one grows by half: the web server, not we, would answer that.
    return redirect(door if len(door) < DOOR_MAX else url_for("AuthView.login"))


def _wants_data() -> bool:
    accepted = request.accept_mimetypes
    return accepted.best_match(["text/html", "application/json"]) == "application/json"


# --- what every answer carries ------------------------------------------------------------


def nonce() -> str:
    """The word of this answer by which its own scripts are known."""
    if "csp_nonce" not in g:
        g.csp_nonce = secrets.token_urlsafe(16)
    word: str = g.csp_nonce
    return word


def policy() -> str:
    """The content security policy: nothing from elsewhere, no script in the page itself."""
    word = f"'nonce-{nonce()}'"
    return "; ".join(
        (
            "default-src 'none'",
            "object-src 'none'",
            f"script-src 'self' {word}",
            f"style-src 'self' {word}",
            "style-src-attr 'unsafe-inline'",  # FAB's select boxes carry their width
            "img-src 'self' data:",
            "font-src 'self'",
            "connect-src 'self'",
            "form-action 'self'",
            "base-uri 'none'",
            "frame-ancestors 'none'",
        )
    )


def note_and_close(answer: Response) -> Response:
    """Write the safety headers; then note that this browser was here."""
    headers = answer.headers
    headers["X-Content-Type-Options"] = "nosniff"
    headers["Referrer-Policy"] = "same-origin"
    headers["X-Frame-Options"] = "DENY"
    headers["Content-Security-Policy"] = policy()
    headers["Cross-Origin-Opener-Policy"] = "same-origin"
    if current_app.config["BEHIND_TLS"]:
        headers["Strict-Transport-Security"] = f"max-age={YEAR_S}; includeSubDomains"
    if _is_file(answer):
        if "v" in request.args:
            headers["Cache-Control"] = f"public, max-age={YEAR_S}, immutable"
    else:
        headers["Cache-Control"] = "no-store"
        security_log.tell_refusal(answer.status_code)
        sessions.note_seen()
    return answer


def _is_file(answer: Response) -> bool:
    """Whether the answer is a static file, or a part of one; under such an address may also stand a page of errors, with names."""
    return request.endpoint in STATIC and answer.status_code in (200, 206, 304)


class Cookies(SecureCookieSessionInterface):
    """The session in its signed cookie, which static files have nothing to do with.

    They are the same for everybody: an answer that varies with the cookie is asked for anew by every
    browser whose cookie has changed, thirty files at each sign-in and after each notice on a page.
    """

    def save_session(self, app: Flask, session: SessionMixin, response: Any) -> None:
        """Write the cookie where it has changed, and say that the answer depends on it."""
        if not _is_file(response):
            super().save_session(app, session, response)


# --- static files by version --------------------------------------------------------------


def with_version(endpoint: str, values: dict[str, Any]) -> None:
    """Name the content of a static file in its address, so that it may be kept for a year."""
    if endpoint in STATIC and "filename" in values:
        version = version_of(endpoint, values["filename"])
        if version:
            values["v"] = version


def version_of(endpoint: str, filename: str) -> str | None:
    """A short hash of the file, or None when there is no such file."""
    owner: Any = current_app if endpoint == "static" else current_app.blueprints["appbuilder"]
    path = Path(owner.static_folder) / filename
    try:
        return _hash(path, path.stat().st_mtime_ns)
    except OSError:
        return None


@lru_cache(maxsize=512)
def _hash(path: Path, _changed: int) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()[:12]


# --- signs of life ------------------------------------------------------------------------


def healthz() -> tuple[str, int]:
    """The process answers."""
    return "ok", 200


def readyz() -> tuple[str, int]:
    """The database answers, and its tables are those of this release."""
    from alembic.script import ScriptDirectory
    from sqlalchemy.exc import SQLAlchemyError

    try:
        stands = db.session.execute(text("SELECT version_num FROM alembic_version")).scalar()
    except SQLAlchemyError:
        db.session.rollback()
        return "no database", 503
    head = ScriptDirectory(current_app.extensions["migrate"].directory).get_current_head()
    return ("ready", 200) if stands == head else ("migrations are missing", 503)
