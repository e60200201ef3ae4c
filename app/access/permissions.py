"""Every permission by name.  An auditor has this one page to read; a typing error is an AttributeError.

A permission is an action on a page.  A page of reference data has four: read (list and one
row), add, edit (change, switch off), delete.  A page that acts has one per act.  A test holds this
list against the registered pages: neither may have more than the other.
"""

from __future__ import annotations

from typing import NamedTuple


class Permission(NamedTuple):
    """What may be done (`can_...`) on which page (FAB calls it a view menu)."""

    action: str
    page: str

    def __str__(self) -> str:
        return f"{self.action} on {self.page}"


# --- Vending ------------------------------------------------------------------------------
OPEN_COUNTER = Permission("can_read", "CounterView")
SELL = Permission("can_sell", "CounterView")
RESOLVE_SALES = Permission("can_resolve", "HomeView")
CONFIRM_CLOCK = Permission("can_confirm_clock", "HomeView")
ASK_WHAT_BECAME = Permission("can_read", "WhereaboutsView")
READ_RECEIPTS = Permission("can_read", "ReceiptView")
PRINT_RECEIPTS = Permission("can_print", "ReceiptView")
READ_REVERSALS = Permission("can_read", "ReversalView")
PROPOSE_REVERSALS = Permission("can_propose", "ReversalView")
APPROVE_REVERSALS = Permission("can_approve", "ReversalView")
READ_SALES = Permission("can_read", "SaleView")
# A sale that no module remembers: one person proposes, another one approves.
READ_DECISIONS = Permission("can_read", "DecisionView")
PROPOSE_DECISIONS = Permission("can_propose", "DecisionView")
APPROVE_DECISIONS = Permission("can_approve", "DecisionView")

# --- Registration -------------------------------------------------------------------------
READ_CONSUMERS = Permission("can_read", "ConsumerView")
ADD_CONSUMERS = Permission("can_add", "ConsumerView")
CHANGE_CONSUMERS = Permission("can_edit", "ConsumerView")
DELETE_CONSUMERS = Permission("can_delete", "ConsumerView")
READ_METERS = Permission("can_read", "MeterView")
ADD_METERS = Permission("can_add", "MeterView")
CHANGE_METERS = Permission("can_edit", "MeterView")
DELETE_METERS = Permission("can_delete", "MeterView")
LOOK_UP = Permission("can_pick", "Pick")
# Many rows at once; which ones and which columns the permissions above still say.
IMPORT_ROWS = Permission("can_import", "ImportView")
EXPORT_ROWS = Permission("can_read", "ExportView")
CHANGE_MANY = Permission("can_change", "BulkView")
READ_WORK = Permission("can_read", "WorkView")
CANCEL_WORK = Permission("can_cancel", "WorkView")

# --- Engineering and report ---------------------------------------------------------------
READ_ENGINEERING = Permission("can_read", "EngineeringRecordView")
OPEN_DESK = Permission("can_read", "EngineeringView")
LIMIT_POWER = Permission("can_maximum_power_limit", "EngineeringView")
CLEAR_CREDIT = Permission("can_clear_credit", "EngineeringView")
CLEAR_TAMPER = Permission("can_clear_tamper_condition", "EngineeringView")
LIMIT_UNBALANCE = Permission("can_maximum_phase_unbalance_limit", "EngineeringView")
SET_TARIFF_RATE = Permission("can_set_tariff_rate", "EngineeringView")
SET_WATER_FACTOR = Permission("can_water_meter_factor", "EngineeringView")
PRINT_ACTS = Permission("can_print", "EngineeringView")
CHANGE_KEYS = Permission("can_key_change", "EngineeringView")
TEST_METERS = Permission("can_meter_test", "EngineeringView")
LOOK_UP_TOKENS = Permission("can_read", "TokenDeskView")
OPEN_TRAINING = Permission("can_read", "TrainingView")
USE_TRAINING = Permission("can_use", "TrainingView")
APPROVE_ACTS = Permission("can_approve", "EngineeringView")
DECLINE_ACTS = Permission("can_decline", "EngineeringView")
ASK_ACTS_AGAIN = Permission("can_ask_again", "EngineeringView")
# Opens the reports; what each of them shows needs its own permission besides (app/reports/catalogue.py).
READ_REPORTS = Permission("can_read", "ReportView")
# Lets the own reports, which are sent to oneself without any permission, go to other addresses too.
SEND_ELSEWHERE = Permission("can_send_elsewhere", "ReportScheduleView")
READ_SALE_RECORDS = Permission("can_read", "SaleRecordView")
READ_TOKENS = Permission("can_read", "TokenView")
READ_AUDIT_LOG = Permission("can_read", "AuditEntryView")
SEE_CHANGES = Permission("can_read", "RecordChanges")
# To see what checks of the books have found is to ask for them, too: a look changes nothing.
READ_CHECKS = Permission("can_read", "BookCheckView")
ACCEPT_COUNTS = Permission("can_accept", "BookCheckView")

# --- System -------------------------------------------------------------------------------
READ_REGIONS = Permission("can_read", "RegionView")
ADD_REGIONS = Permission("can_add", "RegionView")
CHANGE_REGIONS = Permission("can_edit", "RegionView")
DELETE_REGIONS = Permission("can_delete", "RegionView")
READ_VENDING_POINTS = Permission("can_read", "VendingPointView")
ADD_VENDING_POINTS = Permission("can_add", "VendingPointView")
CHANGE_VENDING_POINTS = Permission("can_edit", "VendingPointView")
SEE_ACCOUNTS = Permission("can_read", "PointAccounts")
DELETE_VENDING_POINTS = Permission("can_delete", "VendingPointView")
READ_GROUPS = Permission("can_read", "UserGroupView")
ADD_GROUPS = Permission("can_add", "UserGroupView")
CHANGE_GROUPS = Permission("can_edit", "UserGroupView")
DELETE_GROUPS = Permission("can_delete", "UserGroupView")
READ_USERS = Permission("can_read", "AppUserView")
ADD_USERS = Permission("can_add", "AppUserView")
CHANGE_USERS = Permission("can_edit", "AppUserView")
READ_FAILED_SIGN_INS = Permission("can_read", "FailedSignInView")
# A whole address that is locked: it may be a shop's, or a stranger's who goes on guessing at everybody.
UNLOCK_ADDRESSES = Permission("can_unlock", "FailedSignInView")
READ_MANUFACTURERS = Permission("can_read", "ManufacturerView")
ADD_MANUFACTURERS = Permission("can_add", "ManufacturerView")
CHANGE_MANUFACTURERS = Permission("can_edit", "ManufacturerView")
DELETE_MANUFACTURERS = Permission("can_delete", "ManufacturerView")
READ_PRODUCTS = Permission("can_read", "ProductView")
ADD_PRODUCTS = Permission("can_add", "ProductView")
CHANGE_PRODUCTS = Permission("can_edit", "ProductView")
DELETE_PRODUCTS = Permission("can_delete", "ProductView")
READ_TARIFFS = Permission("can_read", "TariffView")
ADD_TARIFFS = Permission("can_add", "TariffView")
CHANGE_TARIFFS = Permission("can_edit", "TariffView")
DELETE_TARIFFS = Permission("can_delete", "TariffView")
READ_MODULES = Permission("can_read", "SecurityModuleView")
ADD_MODULES = Permission("can_add", "SecurityModuleView")
CHANGE_MODULES = Permission("can_edit", "SecurityModuleView")
DELETE_MODULES = Permission("can_delete", "SecurityModuleView")
READ_KEYS = Permission("can_read", "SupplyGroupKeyView")
READ_CURRENCIES = Permission("can_read", "CurrencyView")
ADD_CURRENCIES = Permission("can_add", "CurrencyView")
CHANGE_CURRENCIES = Permission("can_edit", "CurrencyView")
DELETE_CURRENCIES = Permission("can_delete", "CurrencyView")
READ_SETTINGS = Permission("can_read", "SettingsView")
CHANGE_SETTINGS = Permission("can_edit", "SettingsView")
READ_SLIPS = Permission("can_read", "SlipSettingsView")
CHANGE_SLIPS = Permission("can_edit", "SlipSettingsView")
READ_LICENCE = Permission("can_read", "LicenceView")
LOAD_LICENCE = Permission("can_load", "LicenceView")
# Mail that was not sent lies there with its links, which open accounts: for somebody over everything only.
OPEN_OUTBOX = Permission("can_open", "OutboxView")

# Pages whose rows are of a place or a person, by which whoever is kept to a region is kept there, too.  What any
# other page shows is the whole installation's: one row of it is a price, a key, a currency for everybody.
PLACED = frozenset({
    "CounterView", "HomeView", "WhereaboutsView", "ReceiptView", "ReversalView", "DecisionView",
    "ConsumerView", "MeterView", "Pick", "ImportView", "BulkView", "WorkView", "EngineeringView", "TrainingView",
    "ReportScheduleView", "RegionView", "VendingPointView", "UserGroupView", "AppUserView",
})  # fmt: skip


def every() -> dict[str, Permission]:
    """All permissions by their name here, in the order of this page."""
    return {name: value for name, value in globals().items() if isinstance(value, Permission)}


# What a role of somebody with a region does not give, whatever stands in it: changing what holds for everybody, and
# mail that opens accounts.
# NB: worked out, so that a page that is new belongs to it until somebody says whose rows it shows.
WHOLE = frozenset(right for right in every().values() if right.action != "can_read" and right.page not in PLACED)
