"""Long work and imports: tasks of the worker, files that came in, and the rows they held.

A task is known by its row before anything of it happens, so that nothing is lost with a
queue, a process or a page that was left.  The rows of an import stay when it is done: they
are what its one entry in the audit log stands for.
"""

from __future__ import annotations

from datetime import datetime

from flask_appbuilder import Model
from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    ForeignKey,
    Index,
    Integer,
    String,
    Text,
)
from sqlalchemy.orm import Mapped, mapped_column

from app.domain.states import ImportState, TaskState
from app.models.base import BigKey, UTCDateTime, binary_string, now, words


class Owned:
    """Whose it is: seen by that person and by administrators over the region they had then."""

    owner_id: Mapped[int] = mapped_column(ForeignKey("ab_user.id"), index=True)
    actor: Mapped[str] = mapped_column(String(64))
    # The owner's own subtree when it was made; NULL for somebody over everything.
    region_path: Mapped[str | None] = mapped_column(binary_string(120))
    created_at: Mapped[datetime] = mapped_column(UTCDateTime, default=now)


class BackgroundTask(Owned, Model):
    """One piece of long work: how far it is, how it ended, the file it made."""

    __tablename__ = "background_task"
    __table_args__ = (Index(None, "state", "id"),)

    id: Mapped[int] = mapped_column(BigKey, primary_key=True)
    kind: Mapped[str] = mapped_column(String(24))
    # Made by whoever asks for it: the same again is the same task.
    reference: Mapped[str] = mapped_column(String(80), unique=True)
    state: Mapped[TaskState] = mapped_column(words(TaskState), default=TaskState.WAITING)
    # The language of the words it writes, and what it needs to know (JSON).
    language: Mapped[str] = mapped_column(String(8), default="en")
    parameters: Mapped[str] = mapped_column(Text, default="{}")
    done: Mapped[int] = mapped_column(Integer, default=0)
    total: Mapped[int | None] = mapped_column(Integer)
    started_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    finished_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    # Who does it and when that process was last heard of.
    claimed_by: Mapped[str | None] = mapped_column(String(80))
    beat_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    attempts: Mapped[int] = mapped_column(Integer, default=0)
    stop_wanted: Mapped[bool] = mapped_column(Boolean, default=False)
    # What came of it, or the code of what went wrong with its parameters (JSON).
    result: Mapped[str] = mapped_column(Text, default="{}")
    error: Mapped[str | None] = mapped_column(Text)
    # The file to fetch: its name for people, and its name in the folder (NULL once cleaned away).
    file_name: Mapped[str | None] = mapped_column(String(200))
    stored: Mapped[str | None] = mapped_column(String(80))


class ImportBatch(Owned, Model):
    """One file that came in: how it is read, what it may do, and what came of it."""

    __tablename__ = "import_batch"
    __table_args__ = (
        CheckConstraint("known IN ('update', 'skip')", name="known_is_known"),
        Index(None, "sha256"),
        {"sqlite_autoincrement": True},
    )

    id: Mapped[int] = mapped_column(BigKey, primary_key=True)
    entity: Mapped[str] = mapped_column(String(24))
    reference: Mapped[str] = mapped_column(String(80), unique=True)
    state: Mapped[ImportState] = mapped_column(words(ImportState), default=ImportState.READING)
    file_name: Mapped[str] = mapped_column(String(200))
    sha256: Mapped[str] = mapped_column(String(64))
    size: Mapped[int] = mapped_column(BigInteger)
    stored: Mapped[str | None] = mapped_column(String(80))
    # How the file is read: encoding, separator, sheet, headings, first rows (JSON), and which
    # column is which field.
    layout: Mapped[str] = mapped_column(Text, default="{}")
    mapping: Mapped[str] = mapped_column(Text, default="[]")
    # What is done: all rows or none; known ones updated or left; meters bound to one consumer.
    whole: Mapped[bool] = mapped_column(Boolean, default=True)
    known: Mapped[str] = mapped_column(String(8), default="update")
    consumer_id: Mapped[int | None] = mapped_column(
        ForeignKey("consumer.id", ondelete="SET NULL"), index=True
    )
    # The columns of a row's `data`, in their order (JSON), and how many rows are what (JSON).
    columns: Mapped[str] = mapped_column(Text, default="[]")
    counts: Mapped[str] = mapped_column(Text, default="{}")
    error: Mapped[str | None] = mapped_column(Text)
    task_id: Mapped[int | None] = mapped_column(
        ForeignKey("background_task.id", ondelete="SET NULL"), index=True
    )
    applied_at: Mapped[datetime | None] = mapped_column(UTCDateTime)


class ImportRow(Model):
    """One row of a file: as it came, as it was understood, and what it did.

    `action` is 'new', 'change', 'same', 'skip' or 'bad'; 'stale' is a row whose record changed
    between check and run.
    """

    __tablename__ = "import_row"
    __table_args__ = (
        Index(None, "batch_id", "line", unique=True),
        Index(None, "batch_id", "action", "line"),
        Index(None, "key", "batch_id"),
        {"sqlite_autoincrement": True},
    )

    id: Mapped[int] = mapped_column(BigKey, primary_key=True)
    batch_id: Mapped[int] = mapped_column(ForeignKey("import_batch.id", ondelete="CASCADE"))
    line: Mapped[int] = mapped_column(Integer)
    action: Mapped[str] = mapped_column(String(8))
    # The value by which its record is known: a meter number, a user number.
    key: Mapped[str | None] = mapped_column(binary_string(60))
    raw: Mapped[str] = mapped_column(Text)
    data: Mapped[str | None] = mapped_column(Text)
    # For a change: the values before it, and the version that was looked at.
    before: Mapped[str | None] = mapped_column(Text)
    target_id: Mapped[int | None] = mapped_column(BigInteger)
    target_version: Mapped[int | None] = mapped_column(Integer)
    # [field, code, parameters] for each thing that is wrong.
    faults: Mapped[str | None] = mapped_column(Text)
