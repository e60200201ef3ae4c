"""The audit log in words: what a row and a column are called, and what a stored value means.

A column is called what its form calls it.  A row is called by its own name, as far as the
reader may see it; otherwise by the name its entry holds, or by its number.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from flask import g
from flask_appbuilder import Model
from flask_appbuilder.security.sqla.models import Role
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_babel import lazy_pgettext, pgettext
from sqlalchemy import Date, Enum, inspect, select
from sqlalchemy.orm import selectinload

from app.access.current import current_scope
from app.access.permissions import Permission
from app.domain.states import (
    Algorithm,
    ChargeMethod,
    MeterStatus,
    MeterType,
    Recovery,
    RowScope,
    Settlement,
    StepPeriod,
)
from app.extensions import db
from app.models import AppUser, AuditEntry, Region, UserGroup
from app.models.audit import SECRET
from app.models.base import Minor, Price, Quantity, UTCDateTime
from app.services.regions import in_scope
from app.views import choices, figures, token_words
from app.views.consumers import ConsumerView
from app.views.currencies import CurrencyView
from app.views.four_eyes import in_words as in_words_of_four_eyes
from app.views.group_names import NAMES as SEEDED_NAMES
from app.views.group_names import group_name
from app.views.groups import ROW_SCOPE, UserGroupView, in_words
from app.views.installation import currency
from app.views.menu import LINES
from app.views.meters import MeterView
from app.views.module_keys import SupplyGroupKeyView
from app.views.people import AppUserView
from app.views.plan_form import PlanForm
from app.views.plan_rows import FeeRow, FineRow, LevyRow, StepRow, TaxRow
from app.views.products import ManufacturerView, ProductView
from app.views.report_words import EVERY
from app.views.settings import SettingsView
from app.views.slip_settings import SlipSettingsView
from app.views.tariffs import TariffView
from app.views.vending_points import VendingPointView

PAGES = (
    ConsumerView, MeterView, SupplyGroupKeyView, AppUserView, UserGroupView, ManufacturerView,
    ProductView, CurrencyView, SettingsView, SlipSettingsView, TariffView, VendingPointView,
)  # fmt: skip
FORMS: Mapping[str, Any] = {
    "tariff_plan": PlanForm, "tariff_step": StepRow, "tariff_fine": FineRow, "tariff_fee": FeeRow, "tariff_levy": LevyRow,
    "tariff_tax": TaxRow,
}  # fmt: skip
# Columns that no form shows, in whatever table they stand.
OTHERS: Mapping[str, Any] = {
    "name": lazy_pgettext("thing", "Name"), "code": _l("Code"), "start": _l("From"), "position": _l("Place in the list"),
    "amount": _l("Amount"), "method": _l("Charge method"), "rate": _l("Tax rate"), "price": _l("Unit price"),
    "per_capacity": _l("For each unit of capacity"), "first": _l("Taken first"), "bases": _l("Taxed parts"),
    "of_gross": _l("Taken of the money received"), "plan": _l("Tariff plan"), "tariff": _l("Tariff"),
    "parent": _l("Belongs to"), "level": _l("Level"), "full_name": _l("Full name"), "up_to": _l("Up to"),
    "step_scale_days": _l("Steps grow with the days"), "steps_end": _l("End of the last step"),
    "fines_end": _l("End of the last fine"), "tax_inclusive": _l("Prices hold the tax"),
    "unit_rounding": _l("Rounding of units"), "unit_quantum": _l("Units are rounded to"),
    "money_rounding": _l("Rounding of the sum"), "money_quantum": _l("The sum is rounded to"),
    "fee_cap_unit": _l("Fees, at most for each unit"), "lifeline_adds_up": _l("Unused first steps add up"),
    "file_name": _l("File"), "sha256": _l("SHA-256"), "entity": _l("What"), "whole": _l("All rows or none"),
    "known": _l("Known records"), "added": _l("Added"), "changed": _l("Changed"), "skipped": _l("Left as they are"),
    "refused": _l("Refused"),
    "times": _l("Times"), "capacity_unit": _l("Unit of capacity"), "taxes": _l("Taxes"),
    "debt_share": _l("Share that pays debts"), "debt_minor": _l("Debt"),
    "language": _l("Language"), "theme": _l("Colours"),
    "single_keys": _l("Single keys"), "password": _l("Password"),
    "must_change_password": _l("Must change the password"), "role": _l("Rights"), "roles": _l("Rights"),
    "permissions": _l("They may"), "groups": _l("Groups"), "user": _l("User"),
    "holder": _l("Issued to"), "valid_until": _l("Valid until"), "meters_allowed": _l("Meters allowed"),
    "issued_at": _l("Issued"), "installation": _l("Installation"), "after_sale_id": _l("Newest sale then"),
    "after_token_id": _l("Newest token then"), "after_audit_id": _l("Newest entry then"),
    "signed_text": _l("Licence text"), "confirmed_at": _l("Time"), "after_token": _l("Newest token then"),
    "pending_sgc": _l("SGC to come"), "pending_krn": _l("KRN to come"), "pending_ti": _l("TI to come"),
    "pending_ken": _l("KEN to come"), "pending_tries": _l("Key changes made"), "demonstration": _l("Demonstration"),
    "active": _l("Active"), "dkga": _l("Key generation (DKGA)"), "address": lazy_pgettext("network", "Address"), "port": _l("Port"), "username": _l("User name"),
    "sealed_password": _l("Password"), "trust": _l("Trusted by"), "fingerprint": _l("Fingerprint"),
    "authority": _l("Certificate authority"), "memory_hours": _l("Memory, hours"),
    "serves_legacy": _l("Serves legacy meters"), "serves_sts6": _l("Serves STS6 meters"),
    "made": _l("Made by the module"), "booked": _l("In the books"), "difference": _l("Not explained"), "day": _l("Day (UTC)"),
    "accepted_by": _l("Accepted by"), "sale": _l("Sale"), "kind": _l("Kind"), "status": _l("State"), "reason": _l("Reason"),
    "proposed_by": _l("Proposed by"), "proposed_at": _l("Proposed"), "decided_by": _l("Decided by"),
    "decided_at": _l("Decided"), "merged_into": _l("Merged into"), "merged_place": _l("Merged into it"),
    "moved_places": _l("Places that came along"), "moved_consumers": _l("Consumers that came along"),
    "moved_meters": _l("Meters that came along"), "moved_vending_points": _l("Vending points that came along"),
    "moved_users": _l("Users that came along"), "credit_limit": _l("Credit limit"),
    "outcome": _l("Outcome"), "token": _l("Token"), "for_meter": _l("For meter"),
    "not_handed_over": _l("Token not handed over"),
    "slip_paper": _l("Paper"),
    "phone": _l("Phone"), "page_size": _l("Rows of a page"), "start_page": _l("First page"),
    "totp_sealed": _l("Second factor"),
    "totp_since": _l("Second factor since"),
    "every": _l("How often"), "weekday": _l("Day of the week"), "month_day": _l("Day of the month"), "at_hour": _l("Hour"),
    "form": _l("File"), "addresses": _l("Other e-mail addresses"), "question": _l("Question"), "owner": _l("Owner"),
}  # fmt: skip
# Said by the entry itself, or worked out from what is told.
HIDDEN = frozenset({"id", "path"})
LISTS: Mapping[type[Any], Mapping[Any, Any]] = {
    MeterType: choices.METER_TYPE, MeterStatus: choices.METER_STATUS, Algorithm: choices.ALGORITHM,
    ChargeMethod: choices.CHARGE_METHOD, Recovery: choices.RECOVERY, StepPeriod: choices.STEP_PERIOD,
    Settlement: choices.SETTLEMENT, RowScope: ROW_SCOPE,
}  # fmt: skip
COLUMNS: Mapping[tuple[str, str], Mapping[Any, Any]] = {
    ("consumer", "gender"): choices.GENDER, ("settings", "first_weekday"): choices.WEEKDAY,
    ("report_schedule", "every"): EVERY, ("report_schedule", "weekday"): choices.WEEKDAY,
    ("settings", "slip_paper"): choices.PAPER, ("vending_point", "slip_paper"): choices.PAPER,
    ("meter", "ea"): choices.EA, ("meter", "tct"): choices.TCT, ("supply_group_key", "base_date"): choices.BASE_YEAR,
    ("user_group", "name"): SEEDED_NAMES, ("ab_role", "name"): SEEDED_NAMES,
}  # fmt: skip
SHARES = frozenset({"rate", "tax_rate", "fee_cap_share", "debt_share"})
# Where a row's name stands in its own entry, the best first.
NAMES = ("meter_number", "full_name", "name", "username", "code", "holder", "file_name", "utility_name", "token", "address")


def column_label(table: str, column: str) -> str:
    """What the form of this table calls the column; a column nobody knows keeps its own name."""
    bare = column.removesuffix("_id")
    form = FORMS.get(table)
    if form is not None and hasattr(form, column):
        return str(getattr(form, column).args[0])
    for page in PAGES:
        if page.datamodel.obj.__tablename__ == table:
            known = page.label_columns.get(column) or page.label_columns.get(bare)
            if known:
                return str(known)
    return str(OTHERS.get(column) or OTHERS.get(bare) or column.replace("_", " "))


def _models() -> dict[str, Any]:
    """The model of each table; of two on one table the one that says more."""
    found: dict[str, Any] = {}
    for mapper in Model.registry.mappers:
        known = found.get(mapper.class_.__tablename__)
        if known is None or issubclass(mapper.class_, known):
            found[mapper.class_.__tablename__] = mapper.class_
    return found


# --- what a row is called -----------------------------------------------------------------


def learn_names(entries: Iterable[AuditEntry]) -> None:
    """Read the rows of a whole page of entries at once, one statement for each table."""
    wanted: dict[str, set[int]] = {}
    for entry in entries:
        # What was added or deleted holds its name as it was then.
        if entry.action == "change" or not _own_name(entry):
            wanted.setdefault(entry.table_name, set()).add(_key(entry))
    for table, keys in wanted.items():
        _learn(table, keys)


def learn_values(entries: Iterable[AuditEntry]) -> None:
    """Read the rows that the values of a whole page of entries name, one statement for each table."""
    models, wanted = _models(), {}
    for entry in entries:
        model = models.get(entry.table_name)
        for facts in (json.loads(entry.before), json.loads(entry.after)) if model is not None else ():
            for column, stored in facts.items():
                attribute = inspect(model).column_attrs.get(column)
                target = next(iter(attribute.columns[0].foreign_keys), None) if attribute is not None else None
                if target is not None and stored is not None:
                    wanted.setdefault(target.column.table.name, set()).add(int(stored))
    for table, keys in wanted.items():
        _learn(table, keys)


def _key(entry: AuditEntry) -> int:
    return int(entry.row_id) if entry.row_id.isascii() and entry.row_id.isdigit() else 0


def _own_name(entry: AuditEntry) -> str:
    facts = {**json.loads(entry.before), **json.loads(entry.after)}
    held = next((facts[name] for name in NAMES if facts.get(name)), "")
    return figures.ltr(figures.meter_number(held)) if "meter_number" in facts else str(held)


def _learn(table: str, keys: set[int]) -> None:
    known = g.setdefault("_audit_names", {})
    new = {key for key in keys if (table, key) not in known}
    model = _models().get(table)
    if not new or model is None:
        return
    known.update({(table, key): "" for key in new})
    # NB: only rows of the reader's own scope answer; a foreign one keeps its number.
    if model is Role:  # nobody sees roles; a role is its group's rights
        groups = select(UserGroup.role_id, UserGroup.name).where(UserGroup.role_id.in_(new))
        known.update({(table, role_id): group_name(name) for role_id, name in db.session.execute(groups)})
        return
    rows = select(model).where(model.id.in_(new))
    if model is Region:  # no owner, so the guard lets it pass
        rows = rows.where(in_scope(current_scope()))
    if hasattr(model, "plan"):
        rows = rows.options(selectinload(model.plan))
    for row in db.session.scalars(rows):
        known[table, row.id] = _called(row)


def _called(row: Any) -> str:
    if isinstance(row, AppUser):
        return row.username
    if isinstance(row, UserGroup):
        return group_name(row)
    if row.__tablename__ == "meter":
        return figures.ltr(figures.meter_number(row.meter_number))
    if hasattr(row, "plan"):
        return str(row.plan)
    # Rows without a name of their own (the settings, a confirmation) are called by their kind alone.
    return str(row) if type(row).__str__ is not Model.__str__ and type(row).__str__ is not object.__str__ else ""


def row_name(table: str, key: int) -> str:
    """The name of a row as the reader may know it, or nothing."""
    _learn(table, {key})
    return str(g._audit_names.get((table, key), ""))  # noqa: SLF001


def thing(entry: AuditEntry) -> str:
    """The name of what was changed, from its row, else from the entry; its number as a last resort."""
    held = _own_name(entry)
    if entry.action != "change" and held:
        return held
    name = row_name(entry.table_name, _key(entry)) or held
    return name or ("" if entry.table_name == "settings" else entry.row_id)


# --- what a value means -------------------------------------------------------------------


def value(table: str, column: str, stored: Any) -> Any:
    """A value of an entry in words and figures; booleans and nothing stay what they are."""
    if stored is None or isinstance(stored, bool) or stored == "":
        return stored
    if column in SECRET:
        return pgettext("value", "changed")
    if isinstance(stored, list):
        return _set(stored)
    if (table, column) == ("token", "outcome"):
        return token_words.outcome(stored)
    model = _models().get(table)
    attribute = inspect(model).column_attrs.get(column) if model is not None else None
    if column == "credit_limit":  # told of the vending point, kept in its account
        return figures.money_code(stored, currency().decimals, currency().code)
    return stored if attribute is None else _of_type(table, column, attribute.columns[0], stored)


def _of_type(table: str, column: str, kind: Any, stored: Any) -> Any:  # noqa: PLR0911  (one line for each type)
    target = next(iter(kind.foreign_keys), None)
    if target is not None:
        other = target.column.table.name
        return row_name(other, int(stored)) or (_("outside your own region") if other == "region" else _("number %(id)s", id=stored))
    if column == "four_eyes":
        return in_words_of_four_eyes(stored)
    if (table, column) in COLUMNS:
        return str(COLUMNS[table, column].get(stored, stored))
    if isinstance(kind.type, Enum) and kind.type.enum_class in LISTS:
        return str(LISTS[kind.type.enum_class].get(kind.type.enum_class(stored), stored))
    if column in SHARES:
        return figures.share(Decimal(stored))
    if isinstance(kind.type, Price):
        return figures.price(Decimal(stored), currency().decimals)
    if isinstance(kind.type, Quantity):
        return figures.units_short(stored)
    if isinstance(kind.type, Minor):
        return figures.money_code(stored, currency().decimals, currency().code)
    if isinstance(kind.type, UTCDateTime):
        return figures.moment(datetime.fromisoformat(stored))
    if isinstance(kind.type, Date):
        return figures.date_of(date.fromisoformat(stored))
    return stored


def _set(members: list[Any]) -> str:
    """What was put into or taken out of a set; rights are said by page and act."""
    # NB: the framework writes a right as "can write on ConsumerView".
    rights = [re.fullmatch(r"(.+) on (\w+)", str(member)) for member in members]
    pages = {line.name for line in LINES}
    if rights and all(right and (right[2] in pages or right[1].startswith(("can ", "menu "))) for right in rights):
        return in_words(Permission(right[1].replace(" ", "_"), right[2]) for right in rights if right)
    return figures.listed(members)
