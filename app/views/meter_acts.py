"""What is done with one meter beside changing its facts: its state, unbinding, looking before saving."""

from __future__ import annotations

from typing import Any

from flask import abort, flash, jsonify, redirect, request, url_for
from flask_appbuilder import expose
from flask_appbuilder.forms import DynamicForm
from flask_appbuilder.security.decorators import has_access, permission_name
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from wtforms import BooleanField

from app.access import permissions as p
from app.access.current import current_scope
from app.domain.calendar import business_date
from app.domain.errors import Refusal
from app.domain.states import Algorithm, MeterStatus
from app.extensions import db
from app.models import Meter
from app.models.base import now
from app.services import meter_states, registration
from app.services.meter_keys import held_key, held_keys
from app.views.choices import METER_STATUS
from app.views.fields import NEEDED, Text, Word
from app.views.installation import time_zone
from app.views.messages import sentence
from app.views.meter_form import Day, look_at, products
from app.views.meter_words import BECOME, ICONS, MEANS, act_word

UNPROCESSABLE = 422


class StateForm(DynamicForm):
    """Another state, and why."""

    state = Word(_l("New state"), METER_STATUS)
    reason = Text(
        _l("Reason"),
        most=meter_states.REASON_MAX,
        required=False,
        description=_l("Needed for blocking, releasing and removing. The counter and the log of changes show it."),
    )
    installed_on = Day(_l("Installed on"), description=_l("Fixed fees are counted from this day."))
    unbind = BooleanField(_l("Also unbind it from its consumer"))


class MeterActs:
    """The acts of `MeterView`; every one is a POST to one's own meter, and needs no script."""

    appbuilder: Any
    _row: Any
    render_template: Any

    @expose("/state/<pk>", methods=["GET", "POST"])
    @has_access
    @permission_name("edit")
    def state(self, pk: str) -> Any:
        """Block, release, install, take into stock, remove: what each means, and why it is done."""
        meter = self._row(pk)
        form = StateForm()
        if request.method == "GET":
            form = StateForm(formdata=None)
            form.state.data = _status(request.args.get("to", ""))
            form.installed_on.data = business_date(now(), time_zone())
        elif form.validate() and self._change_state(meter, form):
            return redirect(url_for("MeterView.show", pk=meter.id), 303)
        refused = request.method == "POST"
        return self._state_page(self._row(pk), form), UNPROCESSABLE if refused else 200

    def _change_state(self, meter: Meter, form: StateForm) -> bool:
        if meter_states.needs_reason(meter.status, form.state.data) and not form.reason.data:
            form.reason.errors = [NEEDED]
            return False
        db.session.rollback()
        try:
            meter_states.change(
                [meter.id],
                form.state.data,
                form.reason.data,
                current_scope(),
                installed_on=form.installed_on.data or business_date(now(), time_zone()),
                unbind=form.unbind.data,
            )
        except Refusal as refusal:
            form.state.errors = [sentence(refusal)]
            return False
        flash(_("Meter %(number)s: %(state)s.", number=meter.meter_number, state=METER_STATUS[form.state.data]), "success")
        return True

    def _state_page(self, meter: Meter, form: StateForm) -> str:
        after = meter_states.may_become(meter.status)
        wanted = form.state.data if form.state.data in after else None
        if wanted is not None and meter_states.needs_reason(meter.status, wanted):
            form.reason.flags.optional = False
        return self.render_template(  # type: ignore[no-any-return]
            "meters/state.html",
            title=act_word(meter.status, wanted) if wanted else _l("Change the state"),
            meter=meter,
            form=form,
            after=after,
            wanted=wanted,
            means=MEANS,
            icons=ICONS,
            act_word=act_word,
            installs=meter.status is MeterStatus.IN_STOCK,
        )

    @expose("/unbind/<pk>", methods=["POST"])
    @has_access
    @permission_name("edit")
    def unbind(self, pk: str) -> Any:
        """Take the meter from its consumer."""
        meter = self._row(pk)
        meter_id, consumer_id, number = meter.id, meter.consumer_id, meter.meter_number
        try:
            freed = consumer_id and registration.unbind([meter_id], consumer_id, current_scope())
        except Refusal as refusal:
            flash(sentence(refusal), "danger")
        else:
            if freed:
                flash(_("Meter %(number)s is unbound.", number=number), "success")
        return redirect(url_for("MeterView.show", pk=meter_id), 303)

    @expose("/look")
    @has_access
    @permission_name("read")
    def look(self) -> Any:
        """What follows from what stands in the form so far; the form's own button asks the same without a script."""
        if not any(self.appbuilder.sm.has_access(*right) for right in (p.ADD_METERS, p.CHANGE_METERS)):  # type: ignore[attr-defined]
            abort(403)
        typed = request.args
        product = next((row for row in products() if str(row.id) == typed.get("product")), None)
        session = db.session()
        held = next((key for key in held_keys(session) if str(key.row.id) == typed.get("key")), None)
        spot = held.spot if held is not None else _typed_spot(typed)
        if held is None and spot is not None:
            held = held_key(session, *spot)
        return jsonify(
            [
                {"field": field, "tone": tone, "text": said}
                for field, tone, said in look_at(typed.get("meter_number", "")[:40], product, spot, held)
            ]
        )

    # --- in the list --------------------------------------------------------------------------

    def row_acts(self, pk: Any, values: Any) -> list[dict[str, Any]]:
        """Block or release, unbind: what a row's menu offers beside opening and changing."""
        if not self.appbuilder.sm.has_access("can_edit", "MeterView"):
            return []
        status = values["status"]
        acts = [
            {"label": act_word(status, to), "icon": ICONS[to], "url": url_for("MeterView.state", pk=pk, to=to.value)}
            for to in meter_states.may_become(status)
            if MeterStatus.BLOCKED in (status, to) or status is MeterStatus.IN_STOCK
            if to is not MeterStatus.REMOVED
        ]
        if values["consumer"] is not None:
            acts.append(
                {
                    "label": _("Unbind"), "icon": "fa-link-slash", "url": url_for("MeterView.unbind", pk=pk), "post": True,
                    "ask": _("Unbind meter %(number)s from %(name)s?", number=values["meter_number"], name=values["consumer"].name),
                    "text": _("It keeps its history and cannot buy until somebody has it again."),
                }
            )  # fmt: skip
        return acts


def _status(text: str) -> MeterStatus | None:
    return next((status for status in BECOME if status.value == text), None)


def _typed_spot(typed: Any) -> tuple[str, int, Algorithm] | None:
    """SGC, KRN and algorithm as they were typed, once they are whole."""
    sgc, krn = typed.get("sgc", ""), typed.get("krn", "")
    algorithm = next((one for one in Algorithm if one.value == typed.get("algorithm")), None)
    whole = sgc.isascii() and sgc.isdigit() and len(sgc) == 6 and krn in tuple("123456789")
    return (sgc, int(krn), algorithm) if whole and algorithm is not None else None
