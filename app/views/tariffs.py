"""Tariffs and their plans (manual S6), in two steps: name and meter type, then the plan page."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from flask import g, redirect, request, url_for
from flask_appbuilder.forms import DynamicForm
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_babel import ngettext
from sqlalchemy import func, select
from wtforms import BooleanField
from wtforms.validators import ValidationError

from app.access.fab import SafeModelView
from app.domain.states import UNIT
from app.extensions import db
from app.models import Meter, Sale, Tariff, TariffPlan
from app.services import tariffs
from app.views import choices
from app.views.fields import Text, Unused, Word
from app.views.installation import currency
from app.views.lists import Listed, Rows, one_of
from app.views.lists import words as holds


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
        if tariff is not None and tariff.meter_type is not field.data and (tariff.plans or _meters(own)):
            raise ValidationError(_("The tariff has plans or meters of the other type. Add another tariff instead."))


class TariffChangeForm(TariffForm):
    """A name, and whether new meters may take the tariff."""

    active = BooleanField(
        _l("Active"), default=True, description=_l("A tariff that is switched off is not offered to meters any more.")
    )


@dataclass(frozen=True, slots=True)
class PlanCard:
    """A plan as the tariff's page shows it; one that has sold is frozen."""

    plan: TariffPlan
    state: str
    frozen: bool

    @property
    def steps(self) -> list[tuple[int, int | None, Any, Any]]:
        """Rows of (from, to, price, tax rate)."""
        ends = [step.start for step in self.plan.steps[1:]] + [self.plan.steps_end]
        return [(s.start, end, s.price, s.tax_rate) for s, end in zip(self.plan.steps, ends, strict=True)]

    @property
    def fines(self) -> list[tuple[int, int | None, Any]]:
        """Rows of (from, to, fine)."""
        ends = ([f.start for f in self.plan.fines[1:]] + [self.plan.fines_end]) if self.plan.fines else []
        return [(f.start, end, f.fine) for f, end in zip(self.plan.fines, ends, strict=True)]


def in_force(plans: list[TariffPlan]) -> TariffPlan | None:
    """The plan that counts now: the last one that has begun."""
    now = datetime.now(UTC)
    begun = [plan for plan in plans if plan.effective_from <= now]
    return begun[-1] if begun else None


def _state(plan: TariffPlan, now: TariffPlan | None) -> str:
    if plan is now:
        return "now"
    return "past" if now is not None and plan.effective_from < now.effective_from else "coming"


def _sold(tariff: Tariff) -> set[int]:
    ids = [plan.id for plan in tariff.plans]
    found = select(Sale.plan_id).where(Sale.plan_id.in_(ids)).distinct()
    return set(db.session.execute(found, execution_options={"unscoped": True}).scalars())


def _meters(tariff_id: int) -> int:
    query = select(func.count()).where(Meter.tariff_id == tariff_id)
    return db.session.execute(query, execution_options={"unscoped": True}).scalar_one()


class TariffView(Listed, SafeModelView):
    """Tariffs; the page of one shows its plans."""

    datamodel = Rows(Tariff, eager=["plans"])
    route_base = "/tariffs"
    list_title = _l("Tariffs")
    add_title = _l("Add tariff")
    edit_title = _l("Change tariff")
    show_title = _l("Tariff")
    empty_text = _l("No tariffs yet. A meter needs one to buy.")
    add_row_message = _l("The tariff is added. Now its first plan.")
    edit_row_message = _l("The tariff is changed.")
    delete_row_message = _l("The tariff is deleted.")
    label_columns = {
        "name": _l("Tariff name"), "meter_type": _l("Meter type"), "active": _l("Active"),
        "plans": _l("Plan in force"),
    }  # fmt: skip
    list_columns = ["name", "meter_type", "plans", "active"]
    show_columns = ["name", "meter_type", "active"]
    add_columns = ["name", "meter_type"]
    edit_columns = ["name", "meter_type", "active"]
    order_columns = ["name", "meter_type", "active"]
    base_order = ("name", "asc")
    found_by = {
        "name": holds(_l("Tariff name")),
        "meter_type": one_of(_l("Meter type"), choices.METER_TYPE),
    }
    formatters_columns = {"plans": lambda plans: plan.name if (plan := in_force(plans)) else _("none yet")}
    add_form, edit_form = TariffForm, TariffChangeForm
    add_template = "tariffs/add.html"
    show_template = "tariffs/show.html"

    def post_add(self, item: Tariff) -> None:
        """Remember the new tariff for the rest of the request."""
        g.new_tariff_id = item.id

    def post_add_redirect(self) -> Any:
        """Step 2 follows at once."""
        return redirect(url_for("TariffPlanView.add", tariff_id=g.new_tariff_id), 303)

    def post_edit_redirect(self) -> Any:
        """Back to the tariff."""
        return redirect(url_for("TariffView.show", pk=request.view_args["pk"]), 303)

    def beside(self, pk: str) -> dict[str, Any]:
        """The plans, newest first, each with its state."""
        tariff = self._row(pk)
        sold = _sold(tariff)
        now = in_force(tariff.plans)
        return {
            "tariff": tariff,
            "plans": [PlanCard(plan, _state(plan, now), plan.id in sold) for plan in reversed(tariff.plans)],
            "unit": UNIT[tariff.meter_type],
            "currency": currency(),
            "meters": _meters(tariff.id),
            # NB: asked here: Jinja works a filter of constants out once, for whoever comes first.
            "can_write": self.appbuilder.sm.has_access("can_write", "TariffView"),
            "can_delete_plans": self.appbuilder.sm.has_access("can_delete", "TariffView"),
            "methods": choices.CHARGE_METHOD,
            "periods": choices.STEP_PERIOD,
        }

    def why_kept(self, item: Tariff) -> Any:
        """A tariff that meters have, or that has sold, stays and can be switched off."""
        count = _meters(item.id)
        if count:
            return ngettext(
                "%(num)d meter has this tariff. Nothing was deleted. Switch it off instead: Change, Active.",
                "%(num)d meters have this tariff. Nothing was deleted. Switch it off instead: Change, Active.",
                count,
            )
        if tariffs.newest_sale(db.session(), item.id) is not None:
            return _("It was sold on this tariff. Nothing was deleted. Switch it off instead: Change, Active.")
        return None
