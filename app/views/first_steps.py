"""The checklist of the first set-up (manual G2): what is done, what is missing, the way there and back.

The home page shows it until something was sold; this page shows it always.  Whoever follows one
of its links finds the way back on top of every page, until the checklist is seen again.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from flask import abort, current_app, redirect, session, url_for
from flask_appbuilder import expose
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_babel import ngettext

from app.access import permissions as p
from app.access.current import current_scope
from app.access.fab import SafeBaseView, has_access
from app.access.permissions import Permission
from app.domain.licence import COMMUNITY
from app.extensions import db
from app.models import SecurityModule
from app.services import first_steps, licensing
from app.services.first_steps import Step
from app.views import choices, figures
from app.views.installation import currency, settings

WALKED = "set_up"  # in the session: the step whose link was followed


@dataclass(frozen=True, slots=True)
class About:
    """What the page says of one step; `lacks` by the service's words for what is missing."""

    label: Any
    # What may be done there, and the page that adds one or, where there are some, shows them.
    right: Permission
    add: str
    shown: str
    act: Any
    lacks: dict[str, Any]
    required: bool = False


ABOUT: dict[str, About] = {
    "region": About(
        _l("Region"), p.ADD_REGIONS, "RegionView.tree", "RegionView.tree", _l("Add a region"),
        {"none": _l("Country, province, town: where vending points, consumers and meters are.")},
    ),
    "product": About(
        _l("Product"), p.ADD_PRODUCTS, "ProductView.add", "ProductView.list", _l("Add a product"),
        {"none": _l("The model of your meters and its manufacturer."),
         "manufacturer": _l("The model of your meters. Its manufacturer comes first.")},
        required=True,
    ),
    "vending_point": About(
        _l("Vending point"), p.ADD_VENDING_POINTS, "VendingPointView.add", "VendingPointView.list", _l("Add a vending point"),
        {"none": _l("A shop, counter or kiosk where tokens are sold."),
         "active": _l("There is one, but it is switched off.")},
    ),
    "tariff": About(
        _l("Tariff"), p.ADD_TARIFFS, "TariffView.add", "TariffView.list", _l("Add a tariff"),
        {"none": _l("What a unit costs: its plan with fixed fee, steps and taxes."),
         "plan": _l("There is a tariff, but it has no plan yet.")},
    ),
    "security_module": About(
        _l("Security module"), p.ADD_MODULES, "SecurityModuleView.add", "SecurityModuleView.list", _l("Add a security module"),
        {"none": _l("It makes the tokens: hardware on the network, or the one of this program."),
         "active": _l("There is one, but none is active."),
         "keys": _l("The module is there and holds no key yet. Load its key file.")},
    ),
    "setup": About(
        _l("Set-up"), p.CHANGE_SETTINGS, "SettingsView.edit", "SettingsView.current", _l("Choose currency and settlement"),
        {"unsaved": _l("Name of the utility, currency, settlement and time zone. Currency and time zone stay once something was sold.")},
    ),
    "consumer": About(
        _l("Consumer"), p.ADD_CONSUMERS, "ConsumerView.add", "ConsumerView.list", _l("Add a consumer"),
        {"none": _l("Who buys.")}, required=True,
    ),
    "meter": About(
        _l("Meter"), p.ADD_METERS, "MeterView.add", "MeterView.list", _l("Add a meter"),
        {"none": _l("Its number, product, key, tariff and consumer."),
         "ready": _l("There is one, but none that is installed has both a consumer and a tariff.")},
        required=True,
    ),
}  # fmt: skip
# Where a step that lacks just this is mended, and what the button says.
MENDED: dict[tuple[str, str], tuple[str, str, Any]] = {
    ("product", "manufacturer"): ("ManufacturerView.add", "", _l("Add a manufacturer")),
    ("vending_point", "active"): ("VendingPointView.list", "", _l("Open")),
    ("tariff", "plan"): ("TariffPlanView.add", "tariff_id", _l("Add its plan")),
    ("security_module", "active"): ("SecurityModuleView.list", "", _l("Open")),
    ("security_module", "keys"): ("SecurityModuleView.show", "module_id", _l("Load its keys")),
    ("setup", "unsaved"): ("SettingsView.edit", "pk", _l("Choose currency and settlement")),
    ("meter", "ready"): ("MeterView.edit", "pk", _l("Open")),
}


@dataclass(frozen=True, slots=True)
class Lead:
    """One step as the page shows it; `url` None: this person may not go there."""

    code: str
    number: int
    label: Any
    note: str
    act: Any
    done: bool
    required: bool
    url: str | None


@dataclass(frozen=True, slots=True)
class Walk:
    """Where somebody is who follows the checklist: this step, and the next one that is missing."""

    step: Lead
    count: int
    next: Lead | None


def may_set_up() -> bool:
    """Whether the checklist is this person's business."""
    return _may(p.CHANGE_SETTINGS)


def leads() -> list[Lead]:
    """The eight steps, in the manual's order."""
    every = first_steps.steps(current_scope())
    unseen = next(number for number, step in enumerate(every, start=1) if step.code == "setup")
    if every[unseen - 1].done:
        unseen = 0
    return [_lead(number, step, unseen) for number, step in enumerate(every, start=1)]


def walk() -> Walk | None:
    """The step whose link was followed last; nothing once the checklist was seen again."""
    code = session.get(WALKED)
    if code not in ABOUT or not may_set_up():
        return None
    every = leads()
    [here] = [lead for lead in every if lead.code == code]
    missing = [lead for lead in every if not lead.done and lead.url and lead.code != code]
    after = [lead for lead in missing if lead.number > here.number]
    return Walk(here, len(every), (after or missing or [None])[0])


def seen() -> None:
    """The checklist is on the page, so nobody needs the way back."""
    session.pop(WALKED, None)


class FirstStepsView(SafeBaseView):
    """The checklist as a page of its own, and the way to each step."""

    route_base = "/set-up"
    default_view = "checklist"
    class_permission_name = "SettingsView"
    method_permission_name = {"checklist": "edit", "go": "edit"}
    title = list_title = _l("Set-up checklist")

    @expose("/")
    @has_access
    def checklist(self) -> Any:
        """All eight steps, done or not."""
        seen()
        self.update_redirect()
        return self.render_template(
            "settings/first_steps.html", title=self.title, steps=leads(), sold=first_steps.sold(), sells=_may(p.OPEN_COUNTER)
        )

    @expose("/<code>")
    @has_access
    def go(self, code: str) -> Any:
        """To the page of one step, which then shows the way back."""
        if code not in ABOUT:
            abort(404)
        session[WALKED] = code
        step = next(step for step in first_steps.steps(current_scope()) if step.code == code)
        return redirect(_page(step), 303)


def _lead(number: int, step: Step, unseen: int) -> Lead:
    """One step; `unseen` is the number of the one that chooses the currency while nobody has, else 0."""
    about = ABOUT[step.code]
    act = _("Open") if step.done else MENDED.get((step.code, step.lacks or ""), ("", "", about.act))[2]
    note = _holds(step) if step.done else str(about.lacks[step.lacks or ""])
    if step.code == "tariff" and unseen:
        note += (". " if step.done else " ") + _("Prices are in %(code)s until step %(number)d chooses another currency.", code=currency().code, number=unseen)
    url = url_for("FirstStepsView.go", code=step.code) if _may(about.right) else None
    return Lead(step.code, number, about.label, note, act, step.done, about.required, url)


def _page(step: Step) -> str:
    if step.done:
        return url_for(ABOUT[step.code].shown)
    endpoint, argument, _act = MENDED.get((step.code, step.lacks or ""), (ABOUT[step.code].add, "", ""))
    if step.lacks == "keys" and db.session.get_one(SecurityModule, step.row_id).kind == "prism":
        endpoint = "ModuleKeyView.file"
    wanted = {argument: 1 if step.code == "setup" else step.row_id} if argument else {}
    return url_for(endpoint, **wanted)


def _holds(step: Step) -> str:
    """What a done step holds."""
    if step.code != "setup":
        return ngettext("%(num)s there", "%(num)s there", step.count)
    row, allowed = settings(), licensing.standing(db.session()).terms
    return figures.listed(
        (row.currency.code, str(choices.SETTLEMENT[row.settlement]).lower(), row.time_zone, _("Community licence").lower() if allowed is COMMUNITY else _("licence of %(holder)s", holder=allowed.holder))
    )


def _may(permission: Permission) -> bool:
    return bool(current_app.appbuilder.sm.has_access(permission.action, permission.page))  # type: ignore[attr-defined]
