"""The menu in one list: category, label, icon and page, in the manual's words and order.

A line names its page as ``module:Class``.  A page without a category has no line of its own
(another page leads there); its label, if it has one, names it in the rights of a group.  What may not be opened is absent from the menu: an item shows
for whoever has any permission of its page.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from typing import Any

from flask import current_app
from flask_babel import lazy_gettext as _l


@dataclass(frozen=True, slots=True)
class Category:
    """A heading of the menu; `name` is its stable key."""

    name: str
    label: Any
    icon: str


@dataclass(frozen=True, slots=True)
class Line:
    """A page and its place; `category` None keeps it out of the menu."""

    category: str | None
    page: str
    label: Any = ""
    icon: str = ""
    # A line that is there only while a setting says so.
    setting: str = ""
    # Of a page without a line of its own: the page whose line stays lit while it is open.
    under: str = ""

    def offered(self) -> bool:
        """Whether the line shows in this installation."""
        return not self.setting or bool(current_app.config[self.setting])

    @property
    def name(self) -> str:
        """The stable key of the line: the page's class."""
        return self.page.split(":")[1]

    def view(self) -> Any:
        """The page's class."""
        module, name = self.page.split(":")
        return getattr(import_module(f"app.views.{module}"), name)


CATEGORIES = (
    Category("Vending", _l("Vending"), "fa-cash-register"),
    Category("Registration", _l("Registration"), "fa-address-card"),
    Category("Engineering", _l("Engineering"), "fa-screwdriver-wrench"),
    Category("Report", _l("Report"), "fa-chart-column"),
    Category("System", _l("System"), "fa-gear"),
)

LINES: tuple[Line, ...] = (
    Line("Vending", "counter:CounterView", _l("Purchase"), "fa-bolt"),
    Line("Vending", "whereabouts:WhereaboutsView", _l("What became of it?"), "fa-magnifying-glass"),
    Line(None, "receipts:ReceiptView", under="CounterView"),
    Line(None, "decisions:DecisionView"),
    Line(None, "reversals:ReversalView", under="SaleView"),
    Line("Vending", "records:SaleView", _l("Sales"), "fa-receipt"),
    Line("Registration", "consumers:ConsumerView", _l("Consumers"), "fa-users"),
    Line("Registration", "meters:MeterView", _l("Meters"), "fa-gauge-high"),
    Line("Registration", "imports:ImportView", _l("Imports"), "fa-file-import"),
    Line("Registration", "work:WorkView", _l("Background work"), "fa-list-check"),
    Line(None, "exports:ExportView"),
    Line(None, "bulk:BulkView"),
    Line("Engineering", "engineering:EngineeringView", _l("Engineering desk"), "fa-screwdriver-wrench"),
    Line("Engineering", "token_desk:TokenDeskView", _l("Token desk"), "fa-magnifying-glass"),
    Line("Engineering", "training:TrainingView", _l("Training meters"), "fa-graduation-cap", setting="TRAINING"),
    Line("Engineering", "records:EngineeringRecordView", _l("Engineering records"), "fa-wrench"),
    Line("Report", "reports:ReportView", _l("Reports"), "fa-chart-column"),
    Line(None, "report_saved:SavedQuestionView", under="ReportView"),
    # The reports P2 and P5 tell the same and more; these lists stay for links to them, and for the rights they name.
    Line(None, "records:SaleRecordView", _l("Sales records"), under="ReportView"),
    Line(None, "records:TokenView", _l("Token records"), under="ReportView"),
    Line(None, "report_schedules:ReportScheduleView", under="ReportView"),
    Line("Report", "audit:AuditEntryView", _l("Audit log"), "fa-clipboard-list"),
    Line(None, "audit_files:AuditFilesView", under="AuditEntryView"),
    Line("Report", "book_checks:BookCheckView", _l("Checks"), "fa-check-double"),
    Line("System", "regions:RegionView", _l("Regions"), "fa-map"),
    Line("System", "vending_points:VendingPointView", _l("Vending points"), "fa-store"),
    Line(None, "vending_points:PointAccountView", under="VendingPointView"),
    Line(None, "changes:ChangesView"),
    Line("System", "groups:UserGroupView", _l("User groups"), "fa-people-group"),
    Line("System", "people:AppUserView", _l("Users"), "fa-user"),
    Line(None, "people_files:PeopleFilesView", under="AppUserView"),
    Line("System", "failed_sign_ins:FailedSignInView", _l("Failed sign-ins"), "fa-user-lock"),
    Line("System", "products:ManufacturerView", _l("Manufacturers"), "fa-industry"),
    Line("System", "products:ProductView", _l("Products"), "fa-box"),
    Line("System", "tariffs:TariffView", _l("Tariffs"), "fa-scale-balanced"),
    Line(None, "tariff_plans:TariffPlanView", under="TariffView"),
    Line(None, "tariff_catalogue:TariffCatalogueView", under="TariffView"),
    Line(None, "pickers:PickView"),
    Line("System", "modules:SecurityModuleView", _l("Security modules"), "fa-shield-halved"),
    Line(None, "module_keys:ModuleKeyView", under="SecurityModuleView"),
    Line("System", "module_keys:SupplyGroupKeyView", _l("Supply group keys"), "fa-key"),
    Line("System", "currencies:CurrencyView", _l("Currencies"), "fa-coins"),
    Line("System", "settings:SettingsView", _l("Settings"), "fa-sliders"),
    Line("System", "slip_settings:SlipSettingsView", _l("Slips"), "fa-receipt"),
    Line(None, "first_steps:FirstStepsView"),
    Line(None, "guide:GuideView"),
    Line("System", "licence:LicenceView", _l("Licence"), "fa-certificate"),
    Line("System", "outbox:OutboxView", _l("Outbox"), "fa-envelope"),
)
UNDER = {line.name: line.under for line in LINES if line.under}
