"""One's own second factor: set up with a QR code, confirmed by its first code, taken away with the password."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import segno
from flask import abort, current_app, flash, redirect, session, url_for
from flask_appbuilder import expose
from flask_babel import gettext as _

from app.access import security_log
from app.access.attempts import FIRST_CODE_DOOR
from app.access.current import signed_in
from app.access.fab import SafeBaseView
from app.db import transaction
from app.extensions import db
from app.models import AppUser
from app.models.base import now
from app.services import mail_queue, second_factor
from app.views import sessions
from app.views.account import ProofForm, proven
from app.views.signin import CodeForm, forgive_here, too_many_here

# A secret that waits for its first code is shown to the browser that gave the password, and for so long.
BEGUN_KEY, BEGUN_S = "factor_begun", 900


class SecondFactorView(SafeBaseView):
    """One's own second factor.  Needs a sign-in, and no permission."""

    route_base = "/account/factor"
    default_view = "page"
    open_methods = frozenset({"page", "begin", "confirm", "codes", "drop"})

    @expose("/")
    def page(self) -> Any:
        """How it stands: none, being set up, or in use."""
        return self._page()

    @expose("/begin", methods=["POST"])
    def begin(self) -> Any:
        """Draw a secret; it counts once its first code was typed.  Without the password nobody replaces one."""
        user = signed_in() or abort(401)
        key, form = user.id, ProofForm()
        if user.totp_since is not None:
            return redirect(url_for("SecondFactorView.page"), 303)
        if not form.validate() or not proven(key, form.password):
            return self._page(proof=form, status=422)
        second_factor.begin(key, key_file())
        session[BEGUN_KEY] = int(now().timestamp())
        return redirect(url_for("SecondFactorView.page"), 303)

    @expose("/confirm", methods=["POST"])
    def confirm(self) -> Any:
        """The first code: from now on it counts, and the recovery codes are shown once."""
        user = signed_in() or abort(401)
        key, form = user.id, CodeForm()
        if user.totp_since is not None or not _begun_here():
            return redirect(url_for("SecondFactorView.page"), 303)
        if not form.validate():
            return self._page(code=form, status=422)
        if too_many_here(FIRST_CODE_DOOR):
            security_log.tell("code_locked")
            form.code.errors = [_("Too many attempts. Wait a minute, then try again.")]
            return self._page(code=form, status=429)
        codes = second_factor.confirm(key, form.code.data, key_file())
        if codes is None:
            security_log.tell("code_failed")
            form.code.errors = [_("This code is not right. Type the one that the app shows now.")]
            return self._page(code=form, status=422)
        forgive_here(FIRST_CODE_DOOR)
        session.pop(BEGUN_KEY, None)
        sessions.renew_this()
        sessions.end_all(key, but_this=True)  # they came in without it
        _tell(key, "factor_on")
        return self._codes(codes)

    @expose("/codes", methods=["POST"])
    def codes(self) -> Any:
        """New recovery codes; the older ones end."""
        user = signed_in() or abort(401)
        key, form = user.id, ProofForm()
        if user.totp_since is None:
            return redirect(url_for("SecondFactorView.page"), 303)
        if not form.validate() or not proven(key, form.password):
            return self._page(proof=form, status=422)
        with transaction() as session:
            codes = second_factor.renew_codes(session, key)
        security_log.tell("recovery_codes_renewed")
        return self._codes(codes)

    @expose("/drop", methods=["POST"])
    def drop(self) -> Any:
        """No second factor any more; a group that needs it asks for a new one at once."""
        user = signed_in() or abort(401)
        key, form = user.id, ProofForm()
        if not form.validate() or not proven(key, form.password):
            return self._page(proof=form, status=422)
        second_factor.drop(db.session(), db.session.get_one(AppUser, key))
        _tell(key, "factor_off")
        flash(_("The second factor is taken away."), "success")
        return redirect(url_for("SecondFactorView.page"), 303)

    def _page(self, *, proof: ProofForm | None = None, code: CodeForm | None = None, status: int = 200) -> Any:
        user = signed_in() or abort(401)
        waits = user.totp_since is None and _begun_here()
        secret = second_factor.secret_of(user, key_file()) if waits else None
        page = self.render_template(
            "account/factor.html", title=_("Second factor"), user=user, secret=secret and _grouped(secret),
            picture=secret and _picture(secret, user.username), proof=proof or ProofForm(formdata=None),
            code=code or CodeForm(formdata=None), left=second_factor.codes_left(db.session(), user.id),
            compulsory=user.group is not None and user.group.second_factor,
        )  # fmt: skip
        return page, status

    def _codes(self, codes: list[str]) -> Any:
        return self.render_template("account/codes.html", title=_("Recovery codes"), codes=codes)


def key_file() -> Path:
    """What opens the sealed secrets."""
    return Path(current_app.config["CREDENTIALS_FILE"])


def _begun_here() -> bool:
    """Whether this browser gave the password for it just now: a stolen session sets no factor up."""
    at = session.get(BEGUN_KEY)
    return isinstance(at, int) and 0 <= now().timestamp() - at <= BEGUN_S


def _tell(user_id: int, what: str) -> None:
    mail_queue.add(db.session(), "notice", {"user": user_id, "what": what})
    db.session.commit()
    security_log.tell(what)


def _grouped(secret: str) -> str:
    return " ".join(secret[at : at + 4] for at in range(0, len(secret), 4))


def _picture(secret: str, name: str) -> str:
    """The QR code for the app; black on white in every theme."""
    site = current_app.config["SITE_URL"].partition("//")[2]
    issuer = f"{current_app.config['APP_NAME']} {site}".replace(":", " ")
    code = segno.make(second_factor.address(secret, name, issuer), error="m")
    return str(code.svg_data_uri(scale=5, border=4, dark="#000", light="#fff"))
