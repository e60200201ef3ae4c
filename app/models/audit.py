"""The audit log: who changed what, when, from which value to which.

Entries are written in the same transaction as the change itself, by the flush listener
below, so that a change without its entry cannot be committed.  The chain columns stay
empty until the sealer fills them, once; triggers refuse everything else.
"""

from __future__ import annotations

import enum
import json
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from flask_appbuilder import Model
from sqlalchemy import (
    ForeignKey,
    Index,
    Integer,
    String,
    Text,
    cast,
    event,
    insert,
    inspect,
    literal,
    select,
)
from sqlalchemy.orm import Mapped, Session, UOWTransaction, mapped_column

from app.models.base import BigKey, UTCDateTime, now

# What is audited: reference data and people.  Facts of the ledger are their own record.
AUDITED = frozenset(
    {
        "region", "manufacturer", "product", "vending_point", "user_group", "ab_user", "tariff",
        "tariff_plan", "tariff_step", "tariff_fine", "tariff_fee", "tariff_tax", "tariff_levy",
        "security_module", "supply_group_key", "currency", "settings", "licence",
        "clock_confirmation", "consumer", "meter", "ab_role", "sale_decision",
        "reversal_request", "report_schedule",
    }
)  # fmt: skip
# Never written down, not even as a hash; and what changes by itself at every sign-in.
SILENT = frozenset(
    {
        "password", "sealed_password", "changed_at", "created_at", "version", "login_count", "fail_login_count",
        "last_login", "changed_on", "created_on", "changed_by_fk", "created_by_fk",
        "tariff_since",  # follows from the tariff
        "search_name",  # follows from the full name
        "totp_sealed", "totp_step",
        "next_at", "reckoned_in", "paused",  # follow from when a report is sent
        "status_since", "status_by",  # follow from the state; the entry itself says when and who
    }
)  # fmt: skip

# Silent, but that they changed is told.
SECRET = frozenset({"password", "sealed_password", "totp_sealed"})


class AuditEntry(Model):
    """One change: the row, the values before and after (JSON), and whose hand it was."""

    __tablename__ = "audit_entry"
    __table_args__ = (Index(None, "table_name", "row_id"),)

    id: Mapped[int] = mapped_column(BigKey, primary_key=True)
    at: Mapped[datetime] = mapped_column(UTCDateTime, index=True)
    # NULL is the system itself: set-up, the worker, a command.
    user_id: Mapped[int | None] = mapped_column(ForeignKey("ab_user.id"), index=True)
    actor: Mapped[str] = mapped_column(String(64), default="system")
    action: Mapped[str] = mapped_column(String(12))
    table_name: Mapped[str] = mapped_column(String(40))
    row_id: Mapped[str] = mapped_column(String(40), default="")
    before: Mapped[str] = mapped_column(Text, default="{}")
    after: Mapped[str] = mapped_column(Text, default="{}")
    # The chain: position, hash of the entry before, own hash.  Filled by the sealer, once.
    chain_no: Mapped[int | None] = mapped_column(Integer, unique=True)
    chain_before: Mapped[str | None] = mapped_column(String(64))
    chain_hash: Mapped[str | None] = mapped_column(String(64))


def plain(value: Any) -> Any:
    """Give a column's value as JSON can carry it; exact numbers become text."""
    if isinstance(value, enum.Enum):
        return value.value
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, Decimal):
        return format(value, "f")
    return value


def _changes(row: Any, action: str) -> tuple[dict[str, Any], dict[str, Any]]:
    before: dict[str, Any] = {}
    after: dict[str, Any] = {}
    state = inspect(row)
    for column in state.mapper.column_attrs:
        name = column.key
        history = state.attrs[name].history
        if name in SILENT:
            if name in SECRET and history.has_changes():
                after[name] = "changed"
            continue
        if action == "delete":
            before[name] = plain(getattr(row, name))
        elif history.has_changes():
            if history.deleted and action == "change":
                before[name] = plain(history.deleted[0])
            after[name] = plain(history.added[0]) if history.added else None
    if action != "delete":
        _note_sets(state, before, after)
    return before, after


def _note_sets(state: Any, before: dict[str, Any], after: dict[str, Any]) -> None:
    """What was taken out of and put into a set of another table, such as the rights of a role."""
    for relation in state.mapper.relationships:
        history = state.attrs[relation.key].history
        if relation.secondary is None or not history.has_changes():
            continue
        before[relation.key] = sorted(str(item) for item in history.deleted or ())
        after[relation.key] = sorted(str(item) for item in history.added or ())


def record(session: Session, action: str, row: Any) -> AuditEntry | None:
    """Write the entry for one row; nothing when nothing worth telling changed."""
    before, after = _changes(row, action)
    if not before and not after:
        return None
    key = inspect(row).mapper.primary_key_from_instance(row)
    return _entry(session, action, row.__tablename__, str(key[0]), before, after)


def _entry(
    session: Session, action: str, table: str, row_id: str, before: dict[str, Any], after: dict[str, Any]
) -> AuditEntry:
    user_id, actor = session.info.get("actor") or (None, "system")
    return AuditEntry(
        at=now(), user_id=user_id, actor=actor, action=action, table_name=table, row_id=row_id,
        before=_written(before), after=_written(after),
    )  # fmt: skip


def _written(facts: dict[str, Any]) -> str:
    return json.dumps(facts, sort_keys=True, ensure_ascii=False)


def note(
    session: Session, action: str, table: str, row_id: int, before: dict[str, Any], after: dict[str, Any]
) -> None:
    """Write an entry for what no column of the row itself tells; in the caller's transaction."""
    session.add(_entry(session, action, table, str(row_id), before, after))


def note_moved(session: Session, model: Any, column: str, before: int, after: int) -> None:
    """Write an entry for every row of `model` whose `column` is about to go from `before` to `after`.

    One statement, for bulk updates, which the flush listener does not see.
    """
    user_id, actor = session.info.get("actor") or (None, "system")
    facts: dict[Any, Any] = {
        AuditEntry.at: literal(now(), UTCDateTime),
        AuditEntry.user_id: literal(user_id, Integer),
        AuditEntry.actor: literal(actor),
        AuditEntry.action: literal("change"),
        AuditEntry.table_name: literal(model.__tablename__),
        AuditEntry.row_id: cast(model.id, String(40)),
        AuditEntry.before: literal(_written({column: before})),
        AuditEntry.after: literal(_written({column: after})),
    }
    rows = select(*facts.values()).where(getattr(model, column) == before)
    names = [entry_column.key for entry_column in facts]
    session.execute(
        insert(AuditEntry).from_select(names, rows, include_defaults=False),
        execution_options={"unscoped": True},
    )


@event.listens_for(Session, "before_flush")
def _note_deleted(session: Session, _context: UOWTransaction, _instances: object) -> None:
    for row in list(session.deleted):
        _note(session, "delete", row)


@event.listens_for(Session, "after_flush")
def _note_written(session: Session, _context: UOWTransaction) -> None:
    """New rows have their key only after the flush, and changed ones the keys of their relations.

    The history is still there; the entries go with the next flush, which the commit makes.
    """
    for action, rows in (("add", session.new), ("change", session.dirty)):
        for row in list(rows):
            _note(session, action, row)


def _note(session: Session, action: str, row: Any) -> None:
    if getattr(row, "__tablename__", None) in AUDITED and (entry := record(session, action, row)):
        session.add(entry)
