"""Two versions of one row: what somebody typed, and what somebody else stored meanwhile.

A save that comes too late is refused (`StaleRow`), and the page shows both versions field by
field.  Nothing typed is lost; the next save carries the new version and is meant.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select
from wtforms import Field, HiddenField, PasswordField

from app.extensions import db
from app.models import AuditEntry

TAKE = "theirs"  # the button that takes one field from the stored row names the field under it


@dataclass(frozen=True, slots=True)
class Difference:
    """One field that holds one thing here and another in the stored row."""

    mine: Field
    theirs: Field


@dataclass(frozen=True, slots=True)
class Versions:
    """Who stored the other version and when (None where no entry tells it), and what differs."""

    actor: str | None
    at: datetime | None
    differences: tuple[Difference, ...]


def compare(mine: Any, theirs: Any, row: Any) -> Versions:
    """Set the form that was sent against a form filled from the stored row.

    A field may say by a property `counted` what of its data is compared.  Passwords and what
    is not seen are left out.
    """
    # NB: what changed below the row (a plan's steps) has entries of its own; an old one is not blamed for it.
    told = select(AuditEntry).where(
        AuditEntry.table_name == row.__tablename__,
        AuditEntry.row_id == str(row.id),
        AuditEntry.action == "change",
        AuditEntry.at >= row.changed_at,
    )
    entry = db.session.scalars(told.order_by(AuditEntry.id.desc()).limit(1)).first()
    pairs = [(field, theirs[name]) for name, field in mine._fields.items() if name in theirs and _seen(field)]
    return Versions(
        entry and entry.actor,
        entry and entry.at,
        tuple(Difference(one, other) for one, other in pairs if _counted(one) != _counted(other)),
    )


def take(mine: Any, theirs: Any, name: str) -> None:
    """Put the stored row's value into one field of the form that was sent."""
    if name in mine and name in theirs and _seen(mine[name]):
        mine._fields[name] = theirs._fields[name]
        setattr(mine, name, theirs._fields[name])


def _seen(field: Field) -> bool:
    return not isinstance(field, HiddenField | PasswordField)


def _counted(field: Field) -> Any:
    return getattr(field, "counted", field.data)
