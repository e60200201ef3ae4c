"""The audit log: who changed what, from which value to which."""

from __future__ import annotations

import json
from operator import itemgetter
from typing import Any

from flask_appbuilder.models.filters import BaseFilter
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from sqlalchemy import BigInteger, ColumnElement, and_, case, cast, select

from app.access.current import current_scope
from app.access.fab import SafeModelView
from app.access.scope import Scope, criterion, of_own_people
from app.models import AuditEntry, Consumer, Meter, VendingPoint
from app.views import audit_words, figures
from app.views.list_filters import PROGRAM
from app.views.lists import ACTOR, Listed, Rows, begins, days, one_of, typed

ACTIONS = {
    "add": _l("added"), "change": _l("changed"), "delete": _l("deleted"), "merge": _l("took in another place"),
    "import": _l("imported"), "look_up": _l("looked up"), "accept": _l("accepted"),
    "reset": _l("reset"), "invite": _l("invited"), "give_link": _l("gave a link for a new password"), "read_link": _l("opened a message with a link"), "unlock": _l("unlocked"),
    "sign_out": _l("signed out everywhere"),
}  # fmt: skip
TABLES = {
    "ab_role": _l("Rights of the group"), "ab_user": _l("User"), "clock_confirmation": _l("Clock"), "consumer": _l("Consumer"),
    "currency": _l("Currency"), "failed_sign_in": _l("Address of the computer"), "licence": _l("Licence"), "manufacturer": _l("Manufacturer"),
    "import_batch": _l("Import"), "meter": _l("Meter"), "product": _l("Product"), "region": _l("Region"),
    "report_schedule": _l("Report by e-mail"),
    "sale_decision": _l("Decision on a sale"), "reversal_request": _l("Request for a reversal"), "security_module": _l("Security module"),
    "settings": _l("Settings"),
    "supply_group_key": _l("Supply group key"), "tariff": _l("Tariff"), "tariff_plan": _l("Tariff plan"),
    "tariff_step": _l("Tariff step"), "tariff_fine": _l("Tariff fine"), "tariff_fee": _l("Tariff fee"),
    "module_match": _l("Count of a module"), "token": _l("Token"), "training_state": _l("Training meter"), "tariff_tax": _l("Tariff tax"), "tariff_levy": _l("Tariff levy"), "user_group": _l("User group"),
    "vending_point": _l("Vending point"),
}  # fmt: skip


# Kinds of record that are somebody's.
PLACED = (Consumer, Meter, VendingPoint)


class OwnPeople(BaseFilter):
    """What the people of one's own part did there; everything for somebody over everything."""

    name = "own people"
    arg_name = "own_people"

    def apply(self, query: Any, value: Any) -> Any:
        """Keep the entries of one's own people (fail closed)."""
        scope = current_scope()
        if scope.sees_all:
            return query
        mine = of_own_people(AuditEntry.user_id, scope)
        return query.filter(mine, *[~_foreign(model, scope) for model in PLACED])


def _foreign(model: Any, scope: Scope) -> ColumnElement[bool]:
    """Whether an entry tells of a row that lies elsewhere: who did it may have come from there."""
    there = model.__table__.alias()  # NB: the table itself, which the wall does not narrow
    of_it = AuditEntry.table_name == model.__tablename__
    key = case((of_it, cast(AuditEntry.row_id, BigInteger)))  # numbers of other kinds are not read at all
    stands = select(there.c.id).where(there.c.id == key).exists()
    return and_(of_it, stands, ~select(model.id).where(model.id == key, criterion(model, scope)).exists())


def _held(entry: AuditEntry) -> tuple[dict[str, Any], dict[str, Any]]:
    return json.loads(entry.before), json.loads(entry.after)


def value_changes(entry: AuditEntry) -> list[tuple[str, Any, Any]]:
    """Rows of (column, before, after), in words, in the order of the words."""
    (before, after), table = _held(entry), entry.table_name
    rows = [
        (
            audit_words.column_label(table, name),
            audit_words.value(table, name, before.get(name)),
            audit_words.value(table, name, after.get(name)),
        )
        for name in sorted({*before, *after} - audit_words.HIDDEN)
    ]
    return sorted(rows, key=itemgetter(0))  # two columns of one label are not compared by their values


def _summary(entry: AuditEntry) -> str:
    before, after = _held(entry)
    names = sorted(audit_words.column_label(entry.table_name, name) for name in {*before, *after} - audit_words.HIDDEN)
    return figures.listed(names[:4]) + (" …" if len(names) > 4 else "")


def who(entry: AuditEntry) -> str:
    """Who did it: a user name, or that it was the program; the log itself keeps `system`."""
    return _("the program") if entry.actor == PROGRAM else entry.actor or ""


def what(entry: AuditEntry) -> str:
    """The kind of record and its name, in words."""
    name = audit_words.thing(entry)
    return f"{TABLES.get(entry.table_name, entry.table_name)} {name}".strip()


class AuditRows(Rows):
    """Entries of the log, with the names of their rows read for a page at once."""

    def get_values(self, lst: Any, list_columns: Any) -> Any:
        """The columns of each entry."""
        entries = list(lst)
        audit_words.learn_names(entries)
        yield from super().get_values(entries, list_columns)


class AuditEntryView(Listed, SafeModelView):
    """The audit log: who changed what, from which value to which."""

    datamodel = AuditRows(
        AuditEntry,
        computed={
            "what": what,
            "actor": who,
            "action": lambda entry: ACTIONS.get(entry.action, entry.action),
            "columns": _summary,
            "sealed": lambda entry: entry.chain_hash is not None,
        },
    )
    route_base = "/audit"
    include_route_methods = {"list", "show"}
    base_filters = [["id", OwnPeople, None]]
    list_title = title = _l("Audit log")
    show_title = add_title = edit_title = _l("Audit entry")
    empty_text = _l("Nothing was changed yet.")
    label_columns = {
        "what": _l("Record"), "at": _l("Time"), "actor": _l("Who"), "action": _l("Did"), "columns": _l("What"),
        "table_name": _l("Kind of record"), "row_id": _l("Number of the record"), "sealed": _l("Sealed"),
    }  # fmt: skip
    list_columns = ["what", "at", "actor", "action", "columns"]
    show_columns = ["what", "at", "actor", "action", "row_id", "sealed"]
    order_columns = ["at", "actor"]
    base_order = ("id", "desc")
    found_by = {
        "actor": typed(ACTOR, _l("Who")),
        "row_id": begins(_l("Number of the record")),
        "table_name": one_of(_l("Kind of record"), TABLES),
        "action": one_of(_l("Did"), ACTIONS),
        "at": days(_l("Time")),
    }
    list_template = "records/audit_list.html"
    show_template = "records/audit.html"

    def beside(self, pk: str) -> dict[str, Any]:
        """Each column before and after."""
        return {"changes": value_changes(self._row(pk))}
