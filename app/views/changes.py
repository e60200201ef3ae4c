"""The changes of one record, shown on its own page: who, when, before and after, in words.

Who may open the record and holds SEE_CHANGES sees all of its changes, whoever made them.  Names
of rows outside the reader's own part stay hidden, as in the audit log.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from operator import itemgetter
from typing import Any

from flask import Flask, current_app, request, url_for
from sqlalchemy import ColumnElement, and_, false, func, or_, select

from app.access.fab import SafeBaseView
from app.access.permissions import READ_AUDIT_LOG, SEE_ACCOUNTS, SEE_CHANGES
from app.extensions import db
from app.models import (
    AuditEntry,
    SecurityModule,
    SupplyGroupKey,
    Tariff,
    TariffFee,
    TariffFine,
    TariffLevy,
    TariffPlan,
    TariffStep,
    TariffTax,
    UserGroup,
)
from app.models.audit import AUDITED
from app.views import audit_words
from app.views.audit import ACTIONS, TABLES, who

PAGE = 10
PAGE_MAX = 100_000
ARGUMENT = "changes"
# Entries that are about many rows (an import) join here: a function of the row gives their condition.
ALSO: list[Callable[[Any], ColumnElement[bool] | None]] = []


@dataclass(frozen=True, slots=True)
class Change:
    """One entry in words; `what` is empty for the record itself, else the part of it that changed."""

    at: datetime
    actor: str
    action: str
    did: Any
    what: str
    rows: list[tuple[str, Any, Any]]
    url: str


@dataclass(frozen=True, slots=True)
class Changes:
    """One page of a record's changes, the newest first."""

    entries: list[Change]
    count: int
    page: int

    @property
    def pages(self) -> int:
        """How many pages there are."""
        return max(1, -(-self.count // PAGE))

    @staticmethod
    def turned(page: int) -> str:
        """The address of another page of them."""
        kept = {**(request.view_args or {}), **request.args.to_dict(), ARGUMENT: page}
        return url_for(request.endpoint or "", **kept) + "#changes"


class ChangesView(SafeBaseView):
    """No page: it stands for the right to see a record's changes on the record's own page."""

    route_base = "/changes"
    class_permission_name = "RecordChanges"
    base_permissions = ["can_read"]


def install(app: Flask) -> None:
    """Let every template ask for the changes of a row."""
    app.jinja_env.globals.update(changes_of=changes_of, changes_count=changes_count)


def changes_of(row: Any) -> Changes | None:
    """One page of the row's changes; nothing for who may not see them, and for what is not audited."""
    if row is None or not may_see(row):
        return None
    return page_of(told_of(row), _count(row), row)


def page_of(told: ColumnElement[bool], count: int, row: Any = None) -> Changes:
    """One page of entries in words; with `row` what it is called itself is left out."""
    entries = db.session.scalars(
        select(AuditEntry).where(told).order_by(AuditEntry.id.desc()).limit(PAGE).offset(_page() * PAGE)
    ).all()
    audit_words.learn_names(entries)
    audit_words.learn_values(entries)
    linked = current_app.appbuilder.sm.has_access(*READ_AUDIT_LOG)  # type: ignore[attr-defined]
    return Changes([_in_words(entry, row, linked=linked) for entry in entries], count, _page())


def changes_count(row: Any) -> int | None:
    """How many changes the row has had, for the head of a tab; None for who may not see them."""
    return _count(row) if may_see(row) else None


def may_see(row: Any) -> bool:
    """Whether the reader of this page may see the changes of the row."""
    audited = getattr(row, "__tablename__", None) in AUDITED
    return audited and current_app.appbuilder.sm.has_access(*SEE_CHANGES)  # type: ignore[attr-defined, no-any-return]


def _page() -> int:
    text = request.args.get(ARGUMENT, "")
    return min(int(text), PAGE_MAX) if text.isascii() and text.isdigit() and len(text) < 7 else 0


def _count(row: Any) -> int:
    return db.session.execute(select(func.count()).select_from(AuditEntry).where(told_of(row))).scalar_one()


def _in_words(entry: AuditEntry, row: Any, *, linked: bool) -> Change:
    before, after = json.loads(entry.before), json.loads(entry.after)
    table = entry.table_name
    rows = [
        (
            audit_words.column_label(table, name),
            audit_words.value(table, name, before.get(name)),
            audit_words.value(table, name, after.get(name)),
        )
        for name in sorted({*before, *after} - _hidden())
    ]
    rows.sort(key=itemgetter(0))  # two columns of one label are not compared by their values
    own = row is not None and table == row.__tablename__ and entry.row_id == str(row.id)
    # On a group's page its rights have no name but the group's own.
    nameless = row is not None and table == "ab_role"
    part = "" if own else f"{TABLES.get(table, table)} {'' if nameless else audit_words.thing(entry)}".strip()
    return Change(
        entry.at, who(entry), entry.action,
        ACTIONS.get(entry.action, entry.action), part, [line for line in rows if any(_said(side) for side in line[1:])],
        url_for("AuditEntryView.show", pk=entry.id) if linked else "",
    )  # fmt: skip


def _hidden() -> frozenset[str]:
    """Columns that this reader is not told of."""
    sees = current_app.appbuilder.sm.has_access(*SEE_ACCOUNTS)  # type: ignore[attr-defined]
    return audit_words.HIDDEN if sees else audit_words.HIDDEN | {"credit_limit"}


def _said(value: Any) -> bool:
    return value is not None and value != ""


# --- which entries tell of a record ---------------------------------------------------------


def told_of(row: Any) -> ColumnElement[bool]:
    """The condition under which an entry is about this row, or about a part of it."""
    conditions = [and_(AuditEntry.table_name == row.__tablename__, AuditEntry.row_id == str(row.id))]
    conditions += PARTS.get(type(row), _no_parts)(row)
    conditions += [told for also in ALSO if (told := also(row)) is not None]
    return or_(*conditions)


def _no_parts(_row: Any) -> list[ColumnElement[bool]]:
    return []


def _rows(table: str, keys: Iterable[str]) -> ColumnElement[bool]:
    wanted = sorted(set(keys))
    return and_(AuditEntry.table_name == table, AuditEntry.row_id.in_(wanted)) if wanted else false()


def _parts_ever(model: Any, column: str, owners: Iterable[str]) -> set[str]:
    """The keys of the parts of these owners: those that are there, and those that entries remember."""
    owners = list(owners)
    if not owners:
        return set()
    own = getattr(model, column)
    there = db.session.scalars(select(model.id).where(own.in_([int(owner) for owner in owners])))
    named = [f'%"{column}": {owner}{end}%' for owner in owners for end in (",", "}")]
    told = or_(*[side.like(text) for text in named for side in (AuditEntry.before, AuditEntry.after)])
    gone = db.session.scalars(select(AuditEntry.row_id).where(AuditEntry.table_name == model.__tablename__, told))
    return {str(key) for key in there} | set(gone)


def _of_tariff(tariff: Tariff) -> list[ColumnElement[bool]]:
    plans = _parts_ever(TariffPlan, "tariff_id", [str(tariff.id)])
    parts = (TariffStep, TariffFine, TariffFee, TariffTax, TariffLevy)
    return [_rows("tariff_plan", plans)] + [_rows(m.__tablename__, _parts_ever(m, "plan_id", plans)) for m in parts]


PARTS: dict[Any, Callable[[Any], list[ColumnElement[bool]]]] = {
    Tariff: _of_tariff,
    SecurityModule: lambda row: [_rows("supply_group_key", _parts_ever(SupplyGroupKey, "module_id", [str(row.id)]))],
    UserGroup: lambda row: [_rows("ab_role", [str(row.role_id)])],
}
