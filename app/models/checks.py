"""What was looked at and what was found: checks of the books, counts of the modules (append-only).

The newest row counts.  Nothing here is a fact of the books: every row can be made again by
looking once more.
"""

from __future__ import annotations

from datetime import date, datetime

from flask_appbuilder import Model
from sqlalchemy import CheckConstraint, Date, Index, Integer, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from app.models.base import BigKey, UTCDateTime


class BookCheck(Model):
    """One look at the whole of the books ('ledger'), the log of changes ('audit') or the modules ('match')."""

    __tablename__ = "book_check"
    __table_args__ = (
        CheckConstraint("kind IN ('ledger', 'audit', 'match')", name="kind_known"),
        Index(None, "kind", "id"),
        {"sqlite_autoincrement": True},
    )

    id: Mapped[int] = mapped_column(BigKey, primary_key=True)
    kind: Mapped[str] = mapped_column(String(12))
    started_at: Mapped[datetime] = mapped_column(UTCDateTime)
    finished_at: Mapped[datetime] = mapped_column(UTCDateTime)
    # Who asked for it: a user name; empty for the worker, 'shell' for a command.
    actor: Mapped[str] = mapped_column(String(64), default="")
    # How many things are wrong; the first of them, and what was looked at, as JSON.
    wrong: Mapped[int] = mapped_column(Integer)
    findings: Mapped[str] = mapped_column(Text, default="[]")
    counts: Mapped[str] = mapped_column(Text, default="{}")


class ModuleMatch(Model):
    """One module's own count of a span beside the books: `made` by the module, `booked` here (tokens).

    `source` says how the module counts: 'day' (it tells each UTC day), 'journal' (its answers stand in
    this database), 'total' (it tells a running total, and the span lies between two looks), 'none' (it
    does not count), 'silent' (it did not answer).  `difference` is what nothing explains; NULL when the
    module told no count.
    """

    __tablename__ = "module_match"
    __table_args__ = (
        CheckConstraint("source IN ('day', 'journal', 'total', 'none', 'silent')", name="source_known"),
        CheckConstraint("(made IS NULL) = (difference IS NULL)", name="difference_of_a_count"),
        Index(None, "module_id", "day", "id"),
        {"sqlite_autoincrement": True},
    )

    id: Mapped[int] = mapped_column(BigKey, primary_key=True)
    # No foreign key: a module that never sold may be deleted, what it counted stays told.
    module_id: Mapped[int] = mapped_column(Integer)
    # The UTC day it is told under, and the span that was counted.
    day: Mapped[date] = mapped_column(Date, index=True)
    begins_at: Mapped[datetime] = mapped_column(UTCDateTime)
    ends_at: Mapped[datetime] = mapped_column(UTCDateTime)
    checked_at: Mapped[datetime] = mapped_column(UTCDateTime)
    source: Mapped[str] = mapped_column(String(8))
    made: Mapped[int | None] = mapped_column(Integer)
    booked: Mapped[int] = mapped_column(Integer)
    difference: Mapped[int | None] = mapped_column(Integer)
    # What may explain that `made` is not `booked`: counts by reason, as JSON.
    explained: Mapped[str] = mapped_column(Text, default="{}")
    # The running total that the module told, where it tells one.
    total: Mapped[int | None] = mapped_column(BigKey)
    # The same count once more, which somebody accepts for a reason: it no longer warns.
    accepted_by: Mapped[str | None] = mapped_column(String(64))
    reason: Mapped[str | None] = mapped_column(String(200))


class SetClock(Model):
    """Tokens whose date in the books was set: a demonstration makes its past within minutes.

    Tokens after `after_token_id` up to `through_token_id` were made between the two instants,
    whatever their rows say.
    """

    __tablename__ = "set_clock"

    id: Mapped[int] = mapped_column(Integer, primary_key=True)
    after_token_id: Mapped[int] = mapped_column(BigKey)
    through_token_id: Mapped[int] = mapped_column(BigKey)
    begun_at: Mapped[datetime] = mapped_column(UTCDateTime)
    ended_at: Mapped[datetime] = mapped_column(UTCDateTime)
