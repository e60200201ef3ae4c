"""Questions that people keep of reports, when they are sent by e-mail, and what became of each sending.

A question is kept as the words of its address, so that "last month" stays last month.  A sending is
one row for each due time: whoever makes the row has the right to send, and nobody sends twice.
"""

from __future__ import annotations

from datetime import datetime

from flask_appbuilder import Model
from sqlalchemy import (
    Boolean,
    CheckConstraint,
    ForeignKey,
    Index,
    Integer,
    String,
    Text,
    UniqueConstraint,
)
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.domain.states import Every, SendingState
from app.models.base import BigKey, UTCDateTime, now, words

NAME_MAX = 80


class SavedQuestion(Model):
    """A report with its filters under a name; nobody but its owner sees it."""

    __tablename__ = "saved_question"
    __table_args__ = (UniqueConstraint("owner_id", "report", "name"), {"sqlite_autoincrement": True})

    id: Mapped[int] = mapped_column(BigKey, primary_key=True)
    owner_id: Mapped[int] = mapped_column(ForeignKey("ab_user.id"))
    report: Mapped[str] = mapped_column(String(40))
    name: Mapped[str] = mapped_column(String(NAME_MAX))
    query: Mapped[str] = mapped_column(Text)
    created_at: Mapped[datetime] = mapped_column(UTCDateTime, default=now)
    changed_at: Mapped[datetime] = mapped_column(UTCDateTime, default=now, onupdate=now)


class ReportSchedule(Model):
    """When a saved question is answered and sent by e-mail, in which form and language, and to whom besides."""

    __tablename__ = "report_schedule"
    __table_args__ = (
        CheckConstraint("at_hour BETWEEN 0 AND 23", name="hour_of_a_day"),
        CheckConstraint("weekday BETWEEN 0 AND 6", name="day_of_a_week"),
        CheckConstraint("month_day BETWEEN 1 AND 31", name="day_of_a_month"),
        CheckConstraint("form IN ('xlsx', 'pdf', 'csv')", name="form_is_known"),
        {"sqlite_autoincrement": True},
    )

    id: Mapped[int] = mapped_column(BigKey, primary_key=True)
    owner_id: Mapped[int] = mapped_column(ForeignKey("ab_user.id"), index=True)
    question_id: Mapped[int] = mapped_column(ForeignKey("saved_question.id", ondelete="CASCADE"), index=True)
    every: Mapped[Every] = mapped_column(words(Every))
    # 0 is Monday; a month that has no such day is sent on its last.
    weekday: Mapped[int] = mapped_column(Integer, default=0)
    month_day: Mapped[int] = mapped_column(Integer, default=1)
    at_hour: Mapped[int] = mapped_column(Integer)
    form: Mapped[str] = mapped_column(String(8))
    language: Mapped[str] = mapped_column(String(8))
    # E-mail addresses besides the owner's, one a line.
    addresses: Mapped[str] = mapped_column(Text, default="")
    active: Mapped[bool] = mapped_column(Boolean, default=True)
    # The next due time, and the time zone by which it was reckoned.
    next_at: Mapped[datetime] = mapped_column(UTCDateTime, index=True)
    reckoned_in: Mapped[str] = mapped_column(String(64))
    # Why nothing was sent at the last due time, as a code; it is looked at again at the next.
    paused: Mapped[str | None] = mapped_column(String(24))
    created_at: Mapped[datetime] = mapped_column(UTCDateTime, default=now)

    question: Mapped[SavedQuestion] = relationship(SavedQuestion)


class ReportSending(Model):
    """One due time of a schedule, and what became of it."""

    __tablename__ = "report_sending"
    __table_args__ = (
        UniqueConstraint("schedule_id", "due_at"),
        Index(None, "state", "try_at"),
        {"sqlite_autoincrement": True},
    )

    id: Mapped[int] = mapped_column(BigKey, primary_key=True)
    schedule_id: Mapped[int] = mapped_column(ForeignKey("report_schedule.id", ondelete="CASCADE"))
    due_at: Mapped[datetime] = mapped_column(UTCDateTime)
    by_hand: Mapped[bool] = mapped_column(Boolean, default=False)
    state: Mapped[SendingState] = mapped_column(words(SendingState), default=SendingState.WAITING)
    attempts: Mapped[int] = mapped_column(Integer, default=0)
    try_at: Mapped[datetime] = mapped_column(UTCDateTime)
    # Which process sends it, when it was last heard of, and to which address it is handing the letter just now.
    claimed_by: Mapped[str | None] = mapped_column(String(80))
    beat_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    handing: Mapped[str | None] = mapped_column(String(254))
    # Who has it already, one a line: a second try sends to the others.
    reached: Mapped[str] = mapped_column(Text, default="")
    ended_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    # Why it failed or was left out, as a code, and what the mail server said.
    reason: Mapped[str | None] = mapped_column(String(24))
    detail: Mapped[str] = mapped_column(String(300), default="")
    # The task that prepares a file too large for a letter.
    task_id: Mapped[int | None] = mapped_column(ForeignKey("background_task.id", ondelete="SET NULL"))
