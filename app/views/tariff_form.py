"""Step 1 of a tariff: its form, and its page, which keeps what was typed in step 2."""

from __future__ import annotations

from typing import Any

from flask import redirect, request, url_for
from flask_appbuilder.forms import DynamicForm
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from wtforms import BooleanField
from wtforms.validators import ValidationError

from app.extensions import db
from app.models import Tariff
from app.services import tariffs
from app.views import choices, plan_page
from app.views.fields import Text, Unused, Word

UNPROCESSABLE = 422


class TariffForm(DynamicForm):
    """Step 1: a name, and what kind of meter it is for."""

    name = Text(_l("Tariff name"), most=100, rules=[Unused(Tariff.name, _l("A tariff of this name is known already."))])
    meter_type = Word(
        _l("Meter type"), choices.METER_TYPE, description=_l("The units follow it: kWh, m³ or minutes.")
    )

    def validate_meter_type(self, field: Any) -> None:
        """A tariff with meters or plans keeps its type."""
        own = getattr(self, "_id", None)
        if own is None or field.data is None:
            return
        tariff = db.session.get(Tariff, own)
        if tariff is None or tariff.meter_type is field.data:
            return
        if tariff.plans or tariffs.meters_on(db.session(), own):
            raise ValidationError(_("The tariff has plans or meters of the other type. Add another tariff instead."))


class TariffChangeForm(TariffForm):
    """A name, and whether new meters may take the tariff."""

    active = BooleanField(
        _l("Active"), default=True, description=_l("A tariff that is switched off is not offered to meters any more.")
    )


def first_step(view: Any, form: TariffForm, kept: str = "") -> Any:
    """The page of step 1; `kept` is what was typed in step 2 already."""
    entry = plan_page.chosen_entry()
    text = view.render_template("tariffs/add.html", form=form, kept=kept, entry=entry)
    return text, UNPROCESSABLE if form.errors else 200


def two_steps(view: Any) -> Any:
    """Step 1 opened, sent, or come back to from step 2 by Previous."""
    if request.method == "GET":
        entry = plan_page.chosen_entry()
        given = {"name": entry.name[:100], "meter_type": entry.meter_type} if entry else {}
        return first_step(view, TariffForm(formdata=None, data=given))
    if "back" in request.form:
        typed = TariffForm(formdata=request.args)
        return first_step(view, typed, plan_page.kept_fields())
    form = TariffForm()
    kept = request.form.get("kept", "")
    if not form.validate():
        return first_step(view, form, kept)
    tariff = plan_page.new_tariff(form.name.data, form.meter_type.data)
    subject = plan_page.Subject(tariff, entry=plan_page.chosen_entry())
    if kept:
        return plan_page.page(view, plan_page.sent(subject, plan_page.taken_back(kept)), subject)
    return redirect(url_for("TariffPlanView.new", **subject.address), 303)
