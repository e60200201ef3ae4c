"""One line for every route: who may, and whose rows it opens.

Letters: O operator, M manager, A auditor, R administrator of a region, E administrator over
all.  `everybody` needs no sign-in; `signed_in` is open to every letter.  This table is
written by hand, apart from `access/roles.py`: the one is held against the other.
"""

from __future__ import annotations

from dataclasses import dataclass

EVERYBODY = "*"
SIGNED_IN = "OMARE"
READERS = "OMARE"


@dataclass(frozen=True)
class Line:
    """Who may open a route; `row` is the kind of row in its address, `answers` what GET gives."""

    who: str
    row: str | None = None
    answers: frozenset[int] = frozenset({200})
    # A row of the whole utility: there is no foreign one.
    common: bool = False


def crud(
    view: str, row: str, *, read: str, write: str = "", delete: str = "", common: bool = False, switch: bool = True
) -> dict[str, Line]:
    """The six routes of a page of reference data, as far as it has them."""
    lines = {f"{view}.list": Line(read), f"{view}.show": Line(read, row, common=common)}
    if write:
        lines |= {f"{view}.add": Line(write), f"{view}.edit": Line(write, row, common=common)}
        if switch:
            lines[f"{view}.switch"] = Line(write, row, common=common)
    if delete:
        lines[f"{view}.delete"] = Line(delete, row, common=common)
    return lines


LINES: dict[str, Line] = {
    # --- doors and one's own account
    "static": Line(EVERYBODY, "file", common=True),
    "appbuilder.static": Line(EVERYBODY, "fab_file", common=True),
    "healthz": Line(EVERYBODY),
    "readyz": Line(EVERYBODY),
    "AuthView.login": Line(EVERYBODY, answers=frozenset({200, 302})),
    "AuthView.logout": Line(SIGNED_IN),
    "AccountView.language": Line(EVERYBODY),
    "AccountView.theme": Line(SIGNED_IN),
    "AuthView.code": Line(EVERYBODY, answers=frozenset({302})),  # nobody has given a password
    "ForgottenPasswordView.ask": Line(EVERYBODY),
    "ForgottenPasswordView.enter": Line(EVERYBODY, "secret", answers=frozenset({302}), common=True),
    "ForgottenPasswordView.choose": Line(EVERYBODY, answers=frozenset({410})),
    "OwnSecurityView.security": Line(SIGNED_IN),
    "OwnSecurityView.end": Line(SIGNED_IN),
    "OwnSecurityView.log": Line(SIGNED_IN),
    **{f"SecondFactorView.{name}": Line(SIGNED_IN) for name in ("page", "begin", "confirm", "codes", "drop")},
    "AccountView.settings": Line(SIGNED_IN),
    "AccountView.password": Line(SIGNED_IN),
    "UtilView.back": Line(SIGNED_IN, answers=frozenset({302})),
    # --- home and counter
    "HomeView.index": Line(SIGNED_IN),
    "HomeView.resolve": Line("OMRE", "sale"),
    "HomeView.confirm_clock": Line("MRE"),
    "DecisionView.show": Line("MARE", "sale"),
    "DecisionView.propose": Line("MRE", "sale"),
    "DecisionView.approve": Line("MRE", "sale"),
    "DecisionView.decline": Line("MRE", "sale"),
    "DecisionView.carry_out": Line("MRE", "sale"),
    "CounterView.page": Line("OMRE"),
    "CounterView.search": Line("OMRE"),
    "CounterView.meter": Line("OMRE", "meter_number"),
    "CounterView.quote": Line("OMRE", answers=frozenset({200, 404, 422})),
    "CounterView.sell": Line("OMRE", answers=frozenset({404, 422})),
    "WhereaboutsView.ask": Line(READERS),
    "ReceiptView.show": Line(READERS, "sale"),
    "ReceiptView.paper": Line(READERS, "sale"),
    "ReceiptView.pdf": Line("OMRE", "sale"),
    "ReceiptView.state": Line(READERS, "sale"),
    "ReceiptView.printed": Line("OMRE", "sale"),
    "ReversalView.show": Line(READERS, "sale"),
    "ReversalView.propose": Line("OMRE", "sale"),
    "ReversalView.approve": Line("MRE", "sale"),
    "ReversalView.decline": Line("OMRE", "sale"),
    # --- records
    **crud("SaleView", "sale", read=READERS),
    **crud("SaleRecordView", "sale", read=READERS),
    **crud("TokenView", "token", read=READERS),
    **crud("EngineeringRecordView", "engineering", read=READERS),
    **crud("AuditEntryView", "audit", read="ARE"),
    "AuditFilesView.csv": Line("ARE"),
    "ReportView.index": Line(READERS),
    **{f"ReportView.{form}": Line(READERS, "report", common=True) for form in ("show", "xlsx", "pdf", "csv", "json", "prepare")},
    # Chidi's own: nobody else's is there, whoever asks.
    "SavedQuestionView.add": Line(SIGNED_IN, "report", common=True),
    "SavedQuestionView.rename": Line(SIGNED_IN, "question", answers=frozenset({200, 404})),
    "SavedQuestionView.overwrite": Line(SIGNED_IN, "question", answers=frozenset({303, 404})),
    "SavedQuestionView.delete": Line(SIGNED_IN, "question", answers=frozenset({303, 404})),
    "ReportScheduleView.list": Line(SIGNED_IN),
    "ReportScheduleView.add": Line(SIGNED_IN, "question", answers=frozenset({200, 404})),
    "ReportScheduleView.show": Line(SIGNED_IN, "schedule", answers=frozenset({200, 404})),
    **{f"ReportScheduleView.{act}": Line(SIGNED_IN, "schedule", answers=frozenset({303, 404})) for act in ("switch", "send", "delete")},
    "ReportScheduleView.addresses": Line("RE", "schedule", answers=frozenset({303, 404})),
    "BookCheckView.page": Line("MARE"),
    "BookCheckView.ledger": Line("MARE"),
    "BookCheckView.audit": Line("MARE"),
    "BookCheckView.match": Line("MARE"),
    "BookCheckView.accept": Line("E"),
    # --- engineering
    "EngineeringView.desk": Line(READERS),
    "EngineeringView.meter": Line(READERS, "meter_number"),
    "EngineeringView.maximum_power_limit": Line("MRE", "meter_number"),
    "EngineeringView.clear_credit": Line("MRE", "meter_number"),
    "EngineeringView.clear_tamper_condition": Line("MRE", "meter_number"),
    "EngineeringView.maximum_phase_unbalance_limit": Line("MRE", "meter_number"),
    "EngineeringView.set_tariff_rate": Line("MRE", "meter_number"),
    "EngineeringView.water_meter_factor": Line("MRE", "meter_number"),
    "EngineeringView.key_change": Line("MRE", "meter_number"),
    "EngineeringView.confirm": Line("MRE", "meter_number"),
    "EngineeringView.tests": Line("OMRE"),
    "EngineeringView.act": Line(READERS, "engineering"),
    "EngineeringView.paper": Line(READERS, "engineering"),
    "EngineeringView.printed": Line("OMRE", "engineering"),
    "EngineeringView.pdf": Line("OMRE", "engineering"),
    "EngineeringView.approve": Line("MRE", "engineering"),
    "EngineeringView.decline": Line("MRE", "engineering"),
    "EngineeringView.resolve": Line("OMRE", "engineering"),
    "TokenDeskView.ask": Line(READERS),
    "TrainingView.list": Line(READERS),
    "TrainingView.show": Line(READERS, "meter_number"),
    **{f"TrainingView.{name}": Line("OMRE", "meter_number") for name in ("enter", "consume", "open_cover", "reset")},
    # --- registration
    **crud("ConsumerView", "consumer", read=READERS, write="MRE", delete="MRE"),
    "ConsumerView.bind": Line("MRE", "consumer"),
    "ConsumerView.unbind": Line("MRE", "consumer"),
    "ConsumerView.debt": Line("MRE", "consumer"),
    **crud("MeterView", "meter", read=READERS, write="MRE", delete="MRE", switch=False),
    "MeterView.state": Line("MRE", "meter"),
    "MeterView.unbind": Line("MRE", "meter"),
    "MeterView.look": Line("MRE"),
    "PickView.pick": Line("MRE", "source", common=True),
    "ImportView.list": Line("MRE"),
    "ImportView.add": Line("MRE", "kind", common=True),
    "ImportView.template": Line("MRE", "kind", common=True),
    **{f"ImportView.{name}": Line("MRE", "import") for name in (
        "show", "state", "read", "check", "run", "drop", "marked",
    )},
    "ExportView.csv": Line("MARE", "kind", common=True),
    "ExportView.workbook": Line("MARE", "kind", common=True),
    "BulkView.choose": Line("MRE", "kind", common=True),
    "BulkView.run": Line("MRE", "kind", common=True),
    "WorkView.list": Line("OMARE"),
    # Operator and auditor have none of their own there, and see nobody else's; this task made no file.
    "WorkView.show": Line("OMARE", "task", answers=frozenset({200, 404})),
    "WorkView.state": Line("OMARE", "task", answers=frozenset({200, 404})),
    "WorkView.file": Line("OMARE", "task", answers=frozenset({404})),
    "WorkView.cancel": Line("OMRE", "task", answers=frozenset({303, 404})),
    # --- system
    "RegionView.tree": Line("MARE"),
    "RegionView.add": Line("RE"),
    "RegionView.rename": Line("RE", "region"),
    "RegionView.move": Line("RE", "region"),
    "RegionView.merge": Line("RE", "region"),
    "RegionView.switch": Line("RE", "region"),
    "RegionView.delete": Line("RE", "region"),
    **crud("VendingPointView", "point", read="MARE", write="RE", delete="RE"),
    **crud("UserGroupView", "group", read="ARE", write="RE", delete="RE", common=True),
    "UserGroupView.compare": Line("ARE"),
    **crud("AppUserView", "user", read="ARE", write="RE"),
    "PeopleFilesView.csv": Line("ARE"),
    "PeopleFilesView.xlsx": Line("ARE"),
    "PeopleFilesView.template": Line("RE"),
    "PeopleFilesView.add": Line("RE"),
    "FailedSignInView.list": Line("ARE"),
    "FailedSignInView.unlock": Line("E"),
    **{f"AppUserView.{name}": Line("RE", "user") for name in ("link", "unlock", "drop_factor", "sign_out")},
    **crud("ManufacturerView", "manufacturer", read="MARE", write="E", delete="E", common=True),
    **crud("ProductView", "product", read="MARE", write="E", delete="E", common=True),
    **crud("TariffView", "tariff", read="MARE", write="E", delete="E", common=True),
    "TariffPlanView.new": Line("E", answers=frozenset({303})),  # step 1 comes first
    "TariffPlanView.add": Line("E", "tariff", common=True),
    "TariffPlanView.preview": Line("E", answers=frozenset({404, 405})),
    "TariffPlanView.read": Line("MARE", "plan", common=True),
    "TariffCatalogueView.entries": Line("E"),
    "TariffPlanView.edit": Line("E", "plan", answers=frozenset({303}), common=True),  # it has sold
    "TariffPlanView.delete": Line("E", "plan", common=True),
    "SecurityModuleView.list": Line("ARE"),
    "SecurityModuleView.show": Line("ARE", "module", common=True),
    "SecurityModuleView.add": Line("E"),
    "SecurityModuleView.change": Line("E", "module", common=True),
    "SecurityModuleView.test": Line("E", "module", common=True),
    "SecurityModuleView.activate": Line("E", "module", common=True),
    "SecurityModuleView.stand_down": Line("E", "module", common=True),
    "SecurityModuleView.delete": Line("E", "module", common=True),
    # The world's module is inside the program: it has no key file and no key letter.
    "ModuleKeyView.file": Line("E", "module", answers=frozenset({404}), common=True),
    "ModuleKeyView.type_in": Line("E", "module", answers=frozenset({404}), common=True),
    "ModuleKeyView.refresh": Line("E", "module", common=True),
    "ModuleKeyView.forget": Line("E", "module", answers=frozenset({404}), common=True),
    **crud("SupplyGroupKeyView", "key", read="MARE", common=True),
    **crud("CurrencyView", "currency", read="ARE", write="E", delete="E", common=True),
    "SettingsView.current": Line("ARE", answers=frozenset({200, 302, 303})),
    "SettingsView.show": Line("ARE", "settings", common=True),
    "SettingsView.edit": Line("E", "settings", common=True),
    "SlipSettingsView.current": Line("ARE", answers=frozenset({200, 302, 303})),
    "SlipSettingsView.show": Line("ARE", "settings", common=True),
    "SlipSettingsView.edit": Line("E", "settings", common=True),
    "SlipSettingsView.preview": Line("E"),
    "FirstStepsView.checklist": Line("E"),
    "FirstStepsView.go": Line("E", "step", answers=frozenset({303}), common=True),
    "GuideView.contents": Line(SIGNED_IN),
    "GuideView.chapter": Line(SIGNED_IN, "chapter", common=True),
    "GuideView.picture": Line(SIGNED_IN, "picture", common=True),
    "LicenceView.details": Line("MARE"),
    "LicenceView.load": Line("E"),
    "LicenceView.fall_back": Line("E"),
    # A region's administrator has the permission, and not the rows (permissions.WHOLE).
    "OutboxView.page": Line("E"),
    "OutboxView.show": Line("E", "message", common=True),
    "OutboxView.trial": Line("E"),
}
