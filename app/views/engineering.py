"""The engineering desk (manual E1 to E3): find the meter, choose the function, give the reason, get the token.

Each function is a permission of its own.  What takes a second person becomes a proposal first.
"""

from __future__ import annotations

from typing import Any

from flask import abort, flash, redirect, request, url_for
from flask_appbuilder import expose
from flask_appbuilder.security.decorators import has_access, permission_name
from flask_babel import lazy_gettext as _l

from app.access.current import current_scope
from app.access.fab import SafeBaseView
from app.domain import errors
from app.domain.engineering import FUNCTIONS, KEY_CHANGE, METER_TEST
from app.domain.errors import Refusal
from app.extensions import db
from app.models import Meter
from app.models.base import now
from app.services import engineering, key_changes
from app.services.engineering_lists import (
    key_choices,
    meter_of,
    open_proposals,
    recent_acts,
    same_act,
)
from app.services.four_eyes import needs_second_person
from app.services.key_changes import Outcome
from app.views.counter import operator_name
from app.views.engineering_acts import modules_of_app, words_of
from app.views.engineering_forms import ActForm, TestForm, function_form, key_form
from app.views.engineering_papers import ActPapers
from app.views.engineering_words import TOLD
from app.views.four_eyes import why_still_two
from app.views.messages import sentence
from app.views.meter_lookup import look_up, number_refusal
from app.views.token_desk import may_train
from app.views.troubles import status_of

CONFLICT = 409


class EngineeringView(ActPapers, SafeBaseView):
    """Engineering > Engineering desk."""

    route_base = "/engineering"
    default_view = "desk"
    title = list_title = _l("Engineering desk")

    # --- the desk -------------------------------------------------------------------------

    @expose("/")
    @has_access
    @permission_name("read")
    def desk(self) -> Any:
        """The search, what waits for a second person, what was made last."""
        found = look_up(request.args.get("q", ""))
        self.update_redirect()
        page = self.render_template(
            "engineering/desk.html",
            title=self.title,
            proposals=open_proposals(current_scope()),
            recent=recent_acts(current_scope()),
            **(words_of(self) | found),
        )
        return page, found["status"]

    @expose("/meter/<meter_number>")
    @has_access
    @permission_name("read")
    def meter(self, meter_number: str) -> Any:
        """One meter: what it is under, what is under way, what may be done."""
        meter = _meter(meter_number)
        self.update_redirect()
        return self._meter_page(meter)

    def _meter_page(self, meter: Meter, status: int = 200) -> Any:
        functions = [
            (name, TOLD[name]) for name, facts in FUNCTIONS.items()
            if meter.meter_type in facts.meter_types and self.may(name)
        ]  # fmt: skip
        page = self.render_template(
            "engineering/meter.html",
            title=self.title,
            meter=meter,
            under_way=key_changes.under_way(meter),
            functions=functions,
            train=may_train(meter.meter_number),
            recent=recent_acts(current_scope(), meter.id),
            **words_of(self),
        )
        return page, status

    # --- one meter's functions ------------------------------------------------------------

    @expose("/meter/<meter_number>/maximum-power-limit", methods=["GET", "POST"])
    @has_access
    @permission_name("maximum_power_limit")
    def maximum_power_limit(self, meter_number: str) -> Any:
        """Limit the power."""
        return self._function("maximum_power_limit", meter_number)

    @expose("/meter/<meter_number>/clear-credit", methods=["GET", "POST"])
    @has_access
    @permission_name("clear_credit")
    def clear_credit(self, meter_number: str) -> Any:
        """Clear the balance."""
        return self._function("clear_credit", meter_number)

    @expose("/meter/<meter_number>/clear-tamper", methods=["GET", "POST"])
    @has_access
    @permission_name("clear_tamper_condition")
    def clear_tamper_condition(self, meter_number: str) -> Any:
        """Clear the tamper condition."""
        return self._function("clear_tamper_condition", meter_number)

    @expose("/meter/<meter_number>/phase-unbalance-limit", methods=["GET", "POST"])
    @has_access
    @permission_name("maximum_phase_unbalance_limit")
    def maximum_phase_unbalance_limit(self, meter_number: str) -> Any:
        """Limit the unbalance of the phases."""
        return self._function("maximum_phase_unbalance_limit", meter_number)

    @expose("/meter/<meter_number>/tariff-rate", methods=["GET", "POST"])
    @has_access
    @permission_name("set_tariff_rate")
    def set_tariff_rate(self, meter_number: str) -> Any:
        """Set the meter's own rate."""
        return self._function("set_tariff_rate", meter_number)

    @expose("/meter/<meter_number>/water-meter-factor", methods=["GET", "POST"])
    @has_access
    @permission_name("water_meter_factor")
    def water_meter_factor(self, meter_number: str) -> Any:
        """Set the factor of a water meter."""
        return self._function("water_meter_factor", meter_number)

    def _function(self, name: str, meter_number: str) -> Any:
        meter = _meter(meter_number)
        form = function_form(name)()
        if request.method == "GET" or not form.validate():
            return self._form("engineering/function.html", form, name, meter)
        value = form.value.data if "value" in form else 0
        return self._made(form, name, meter, "engineering/function.html", value=value)

    # --- key change -----------------------------------------------------------------------

    @expose("/meter/<meter_number>/key-change", methods=["GET", "POST"])
    @has_access
    @permission_name("key_change")
    def key_change(self, meter_number: str) -> Any:
        """From the present key data to new ones."""
        meter = _meter(meter_number)
        keys = {key.id: key for key in key_choices(meter)}
        form = key_form(list(keys.values()), (meter.sgc, meter.krn, meter.ti))()
        template, more = "engineering/key_change.html", {"keys": keys}
        if request.method == "GET" or not form.validate():
            return self._form(template, form, KEY_CHANGE, meter, **more)
        key = keys[form.key.data]
        return self._made(
            form, KEY_CHANGE, meter, template, more, target=(key.sgc, key.krn, int(form.ti.data))
        )

    @expose("/meter/<meter_number>/confirm", methods=["POST"])
    @has_access
    @permission_name("key_change")
    def confirm(self, meter_number: str) -> Any:
        """Say what became of the set: taken, not taken, given up."""
        meter = _meter(meter_number)
        try:
            outcome = Outcome(request.form.get("outcome", ""))
        except ValueError:
            abort(400)
        try:
            key_changes.confirm(meter.id, outcome, request.form.get("of", ""), current_scope())
        except Refusal as refusal:
            db.session.rollback()
            flash(sentence(refusal), "danger")
            return self._meter_page(_meter(meter_number), status_of(refusal))
        flash(str(CONFIRMED[outcome]), "success")
        if request.form.get("from") == "meter" and self.appbuilder.sm.has_access("can_read", "MeterView"):
            return redirect(url_for("MeterView.show", pk=meter.id), 303)
        return redirect(url_for("EngineeringView.meter", meter_number=meter.meter_number), 303)

    # --- any meter's functions ------------------------------------------------------------

    @expose("/tests", methods=["GET", "POST"])
    @has_access
    @permission_name("meter_test")
    def tests(self) -> Any:
        """The nineteen functions as a board."""
        form = TestForm()
        if request.method == "GET" or not form.validate():
            return self._form("engineering/tests.html", form, METER_TEST, None)
        return self._made(
            form, METER_TEST, None, "engineering/tests.html", tests=form.numbers, maker=form.maker.data
        )

    # --- inside ---------------------------------------------------------------------------

    def _form(
        self, template: str, form: ActForm, function: str, meter: Meter | None, status: int = 0, **more: Any
    ) -> Any:
        page = self.render_template(
            template, title=TOLD[function].name, form=form, function=function, told=TOLD[function], meter=meter,
            second=needs_second_person(db.session(), function), still_two=why_still_two(function), **(words_of(self) | more),
        )  # fmt: skip
        return page, status or (200 if request.method == "GET" else 422)

    def _made(
        self, form: ActForm, function: str, meter: Meter | None, template: str,
        more: dict[str, Any] | None = None, **wish: Any,
    ) -> Any:  # fmt: skip
        number = meter.meter_number if meter is not None else None
        try:
            point = _point(form)
            wanted = engineering.Wanted(
                reference=form.reference.data or "", function=function, vending_point_id=point,
                operator_id=current_scope().user_id or 0, reason=form.reason.data, meter_number=number,
                operator_name=operator_name(), **wish,
            )  # fmt: skip
            same = same_act(wanted, current_scope(), now())
            if same is not None and form.again.data != str(same.id):
                return self._form(template, form, function, _meter(number or ""), CONFLICT, same=same, **(more or {}))
            record_id = engineering.make(wanted, current_scope(), modules_of_app())
        except Refusal as refusal:
            db.session.rollback()
            field = refusal.field if refusal.field in form else None
            if field:
                form[field].errors = [*form[field].errors, sentence(refusal)]
            else:
                flash(sentence(refusal), "danger")
            meter = _meter(number) if number else None
            return self._form(template, form, function, meter, status_of(refusal), **(more or {}))
        return redirect(url_for("EngineeringView.act", record_id=record_id), 303)


CONFIRMED = {
    Outcome.TAKEN: _l("The meter is registered under its new key."),
    Outcome.NOT_TAKEN: _l("The set goes out with the next three tokens again."),
    Outcome.GIVEN_UP: _l("The key change is dropped; the meter stays under its present key."),
}


def _meter(meter_number: str) -> Meter:
    """One of one's own meters; anything else does not exist."""
    if number_refusal(meter_number) is not None:
        abort(404)
    try:
        return meter_of(meter_number, current_scope())
    except errors.UnknownMeter:
        abort(404)


def _point(form: ActForm) -> int:
    own = current_scope().vending_point_id
    if own is not None:
        return own
    return int(form.point.data.id)
