"""Tariffs and their plans (manual S6), in two steps: name and meter type, then the plan page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from flask import g, redirect, request, url_for
from flask_appbuilder import expose
from flask_appbuilder.security.decorators import has_access
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_babel import ngettext

from app.access.fab import SafeModelView
from app.domain.states import UNIT
from app.extensions import db
from app.models import Tariff, TariffPlan
from app.services import tariffs
from app.views import choices, figures
from app.views.installation import currency
from app.views.lists import Listed, Rows, one_of
from app.views.lists import words as holds
from app.views.switching import WORDS
from app.views.tariff_form import TariffChangeForm, TariffForm, two_steps


@dataclass(frozen=True, slots=True)
class PlanCard:
    """A plan as the tariff's page shows it; one that has sold is frozen, `until` is when the next begins."""

    plan: TariffPlan
    state: str
    frozen: bool
    until: datetime | None = None

    @property
    def more(self) -> list[str]:
        """What stands behind "More", counted."""
        plan = self.plan
        counted = (
            (len(plan.fees), lambda n: ngettext("%(num)d further fee", "%(num)d further fees", n)),
            (len(plan.levies), lambda n: ngettext("%(num)d levy", "%(num)d levies", n)),
            (len(plan.taxes), lambda n: ngettext("%(num)d named tax", "%(num)d named taxes", n)),
            (len(plan.schedules), lambda n: ngettext("%(num)d lifeline schedule", "%(num)d lifeline schedules", n)),
        )
        return [say(number) for number, say in counted if number]

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


def _state(plan: TariffPlan, now: TariffPlan | None) -> str:
    if plan is now:
        return "now"
    return "past" if now is not None and plan.effective_from < now.effective_from else "coming"


def _cards(tariff: Tariff) -> list[PlanCard]:
    """The plans, newest first, each with its state and the moment at which the next one begins."""
    sold = tariffs.sold_plans(db.session(), tariff)
    now = tariffs.in_force(tariff.plans, datetime.now(UTC))
    ends = ([plan.effective_from for plan in tariff.plans[1:]] + [None]) if tariff.plans else []
    cards = [
        PlanCard(plan, _state(plan, now), plan.id in sold, end) for plan, end in zip(tariff.plans, ends, strict=True)
    ]
    return cards[::-1]


def _plan_now(plans: list[TariffPlan]) -> str:
    plan = tariffs.in_force(plans, datetime.now(UTC))
    return plan.name if plan else _("none yet")


class TariffView(Listed, SafeModelView):
    """Tariffs; the page of one shows its plans."""

    datamodel = Rows(Tariff, eager=["plans"])
    route_base = "/tariffs"
    list_title = _l("Tariffs")
    add_title = _l("Add tariff")
    edit_title = _l("Change tariff")
    show_title = _l("Tariff")
    empty_text = _l("No tariffs yet. A meter needs one to buy.")
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
    formatters_columns = {"plans": _plan_now}
    add_form, edit_form = TariffForm, TariffChangeForm
    list_template = "tariffs/list.html"
    show_template = "tariffs/show.html"

    @expose("/add", methods=["GET", "POST"])
    @has_access
    def add(self) -> Any:
        """Step 1; nothing is stored before the plan of step 2 is."""
        return two_steps(self)

    def post_edit_redirect(self) -> Any:
        """Back to the tariff."""
        return redirect(url_for("TariffView.show", pk=request.view_args["pk"]), 303)

    def beside(self, pk: str) -> dict[str, Any]:
        """The plans, newest first, each with its state."""
        tariff = self._row(pk)
        return {
            "tariff": tariff,
            "in_use": bool(self.why_kept(tariff)),
            "plans": _cards(tariff),
            "unit": UNIT[tariff.meter_type],
            "currency": currency(),
            "meters": tariffs.meters_on(db.session(), tariff.id),
            # NB: asked here: Jinja works a filter of constants out once, for whoever comes first.
            "may_change": self.appbuilder.sm.has_access("can_edit", "TariffView"),
            "can_delete_plans": self.appbuilder.sm.has_access("can_delete", "TariffView"),
            "methods": choices.CHARGE_METHOD,
            "periods": choices.STEP_PERIOD,
        }

    def stays(self, pk: Any) -> bool:
        """Whether the tariff is in use; read once for a page."""
        if "_tariffs_in_use" not in g:
            g._tariffs_in_use = tariffs.in_use(db.session())  # noqa: SLF001
        return pk in g._tariffs_in_use  # noqa: SLF001

    def row_acts(self, pk: Any, values: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
        """What is in use is switched off instead."""
        words = WORDS[Tariff]
        if not (self.stays(pk) and values["active"] and self.appbuilder.sm.has_access("can_edit", "TariffView")):
            return ()
        ask = _("%(act)s: %(name)s?", act=words.off, name=values["name"])
        text = figures.sentences(words.meaning, _("It can be undone at any time."))
        url = url_for("TariffView.switch", pk=pk)
        return ({"label": words.off, "icon": "fa-power-off", "url": url, "post": True, "ask": ask, "text": text, "name": "on", "value": "0"},)

    def why_kept(self, item: Tariff) -> Any:
        """A tariff that meters have, or that has sold, stays and can be switched off."""
        count = tariffs.meters_on(db.session(), item.id)
        if count:
            return ngettext(
                "%(num)d meter has this tariff. Nothing was deleted. Switch it off instead: Change, Active.",
                "%(num)d meters have this tariff. Nothing was deleted. Switch it off instead: Change, Active.",
                count,
            )
        if tariffs.newest_sale(db.session(), item.id) is not None:
            return _("It was sold on this tariff. Nothing was deleted. Switch it off instead: Change, Active.")
        return None
