"""Training meters on the screen: choose one, type tokens into it, use units, open its cover, begin anew.

They exist for demonstration meters only, under public test keys, and only while the setting TRAINING says so.
"""

from __future__ import annotations

from typing import Any

from flask import abort, current_app, flash, redirect, request, url_for
from flask_appbuilder import expose
from flask_appbuilder.security.decorators import has_access, permission_name
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l

from app.access.current import current_scope
from app.access.fab import SafeBaseView
from app.domain import errors
from app.domain.errors import Refusal
from app.domain.money import parse_decimal
from app.extensions import db
from app.services import training
from app.services.training import Screen
from app.sts.virtual_meter import CAPACITY_TENTHS
from app.views import training_words as words
from app.views.choices import TOKEN_KIND
from app.views.figures import decimal_mark, plain_number
from app.views.meter_lookup import number_refusal
from app.views.token_desk import TYPED_MAX, bare
from app.views.typed import TEXT_MAX, shown


class TrainingView(SafeBaseView):
    """Engineering > Training meters."""

    route_base = "/training"
    default_view = "list"
    title = list_title = _l("Training meters")

    @expose("/")
    @has_access
    @permission_name("read")
    def list(self) -> Any:
        """Meters to choose from: those tried last, then others; a search finds the rest."""
        _require_on()
        typed = " ".join(request.args.get("q", "").split())[:TEXT_MAX]
        rows = training.meters(db.session(), current_scope(), typed)
        self.update_redirect()
        return self.render_template("training/list.html", title=self.title, rows=rows, q=typed, unit=words.unit)

    @expose("/<meter>")
    @has_access
    @permission_name("read")
    def show(self, meter: str) -> Any:
        """One training meter as it stands."""
        screen = _screen(meter)
        token = bare(request.args.get("token", ""))[:TYPED_MAX]
        if not token:  # digits do not belong into the history of a cookie
            self.update_redirect()
        return self._page(screen, token=token)

    @expose("/<meter>/enter", methods=["POST"])
    @has_access
    @permission_name("use")
    def enter(self, meter: str) -> Any:
        """Type a token in."""
        screen = _screen(meter)
        digits = bare(request.form.get("token", "")[:TYPED_MAX])
        if not digits:
            return self._page(screen, wrong={"token": _("Type the twenty digits of a token.")}), 422
        if not (digits.isascii() and digits.isdigit()) or len(digits) != 20:
            said = _("The meter waits for twenty digits, these are %(count)s.", count=len(digits))
            if not (digits.isascii() and digits.isdigit()):
                said = _("The keys of a meter have the digits 0 to 9 only.")
            return self._page(screen, token=digits, wrong={"token": said}), 422
        training.enter(meter, digits, _turn(), current_scope(), current_app.config["STA_TABLES"])
        return _back(meter)

    @expose("/<meter>/consume", methods=["POST"])
    @has_access
    @permission_name("use")
    def consume(self, meter: str) -> Any:
        """Use units."""
        screen = _screen(meter)
        typed = (request.form.get("pick") or request.form.get("units", "")).strip()[:TEXT_MAX]
        try:
            tenths = int(parse_decimal(plain_number(typed), decimals=1) * 10)
        except Refusal:
            tenths = 0
        if not 0 < tenths <= CAPACITY_TENTHS:
            said = _("A number of units like 12%(mark)s5, more than zero, with one decimal at most.", mark=decimal_mark())
            return self._page(screen, units=typed, wrong={"units": said}), 422
        training.consume(meter, tenths, _turn(), current_scope(), current_app.config["STA_TABLES"])
        return _back(meter)

    @expose("/<meter>/open-cover", methods=["POST"])
    @has_access
    @permission_name("use")
    def open_cover(self, meter: str) -> Any:
        """Tamper with it."""
        _screen(meter)
        training.open_cover(meter, _turn(), current_scope(), current_app.config["STA_TABLES"])
        return _back(meter)

    @expose("/<meter>/reset", methods=["POST"])
    @has_access
    @permission_name("use")
    def reset(self, meter: str) -> Any:
        """Begin anew."""
        _screen(meter)
        training.reset(meter, current_scope())
        flash(_("A new training meter hangs here: no credit, nothing remembered, under the registered key."), "success")
        return _back(meter)

    def _page(
        self, screen: Screen, token: str = "", units: str = "", wrong: dict[str, str] | None = None
    ) -> Any:
        access = self.appbuilder.sm.has_access
        return self.render_template(
            "training/meter.html",
            title=_("Training meter"),
            screen=screen,
            words=words,
            last=screen.log[0] if screen.log else None,
            tokens=training.tokens_to_try(db.session(), screen.meter_id, current_scope()),
            kinds=TOKEN_KIND,
            token=token,
            units=units,
            wrong=wrong or {},
            may_use=access("can_use", "TrainingView"),
            may_desk=access("can_read", "TokenDeskView"),
            may_engineer=access("can_read", "EngineeringView"),
        )


def _require_on() -> None:
    if not current_app.config["TRAINING"]:
        abort(404)


def _screen(meter: str) -> Screen:
    """One's own training meter; anything else does not exist."""
    _require_on()
    if number_refusal(meter) is not None:
        abort(404)
    try:
        return training.screen(meter, current_scope(), current_app.config["STA_TABLES"])
    except errors.UnknownMeter:
        abort(404)


def _turn() -> int:
    """How often something had been done to the meter when the page was drawn."""
    return max(0, shown(request.form.get("turn", "")))


def _back(meter: str) -> Any:
    return redirect(url_for("TrainingView.show", meter=meter), 303)
