"""What keeps the installation running, as rows: decisions about lost sales, backups and restores, signs of life."""

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
    false,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from app.models.base import BigKey, UTCDateTime


class SaleDecision(Model):
    """What two people decide of a sale that no module remembers any more (four eyes).

    `kind` is 'release' (no token was handed out: the money is given back) or 'ask_again' (the same
    request is sent once more).  One person proposes, another carries it out or declines it.
    """

    __tablename__ = "sale_decision"
    __table_args__ = (
        CheckConstraint("kind IN ('release', 'ask_again')", name="kind_known"),
        CheckConstraint("status IN ('proposed', 'done', 'declined')", name="status_known"),
        CheckConstraint("(status = 'proposed') = (decided_by IS NULL)", name="decided_by_somebody"),
        CheckConstraint("status <> 'done' OR decided_by <> proposed_by", name="four_eyes"),
        Index(
            "uq_sale_decision_proposed",
            "sale_id",
            unique=True,
            sqlite_where=text("status = 'proposed'"),
            postgresql_where=text("status = 'proposed'"),
        ),
    )

    id: Mapped[int] = mapped_column(BigKey, primary_key=True)
    sale_id: Mapped[int] = mapped_column(ForeignKey("sale.id"), index=True)
    kind: Mapped[str] = mapped_column(String(12))
    status: Mapped[str] = mapped_column(String(12), default="proposed")
    reason: Mapped[str] = mapped_column(String(200))
    proposed_by: Mapped[int] = mapped_column(ForeignKey("ab_user.id"))
    proposed_at: Mapped[datetime] = mapped_column(UTCDateTime)
    decided_by: Mapped[int | None] = mapped_column(ForeignKey("ab_user.id"))
    decided_at: Mapped[datetime | None] = mapped_column(UTCDateTime)


class ReversalRequest(Model):
    """Somebody wants a sale undone, with a reason; another person approves or declines (four eyes)."""

    __tablename__ = "reversal_request"
    __table_args__ = (
        CheckConstraint("status IN ('proposed', 'done', 'declined')", name="status_known"),
        CheckConstraint("(status = 'proposed') = (decided_by IS NULL)", name="decided_by_somebody"),
        Index(
            "uq_reversal_request_open",
            "sale_id",
            unique=True,
            sqlite_where=text("status <> 'declined'"),
            postgresql_where=text("status <> 'declined'"),
        ),
    )

    id: Mapped[int] = mapped_column(BigKey, primary_key=True)
    sale_id: Mapped[int] = mapped_column(ForeignKey("sale.id"), index=True)
    status: Mapped[str] = mapped_column(String(12), default="proposed")
    reason: Mapped[str] = mapped_column(String(200))
    # What the person who asks has said: nobody outside has the token.  False where there was no token.
    not_handed_over: Mapped[bool] = mapped_column(Boolean, default=False, server_default=false())
    proposed_by: Mapped[int] = mapped_column(ForeignKey("ab_user.id"))
    proposed_at: Mapped[datetime] = mapped_column(UTCDateTime)
    decided_by: Mapped[int | None] = mapped_column(ForeignKey("ab_user.id"))
    decided_at: Mapped[datetime | None] = mapped_column(UTCDateTime)


class BackupMade(Model):
    """One backup that was written whole; the newest one tells whether it is time again."""

    __tablename__ = "backup_made"

    id: Mapped[int] = mapped_column(Integer, primary_key=True)
    made_at: Mapped[datetime] = mapped_column(UTCDateTime, index=True)
    # Its name without the folder, and its size in bytes.
    file_name: Mapped[str] = mapped_column(String(200))
    size: Mapped[int] = mapped_column(BigInteger)


class RestoreDone(Model):
    """That these books came back from a backup: what was promised between the two is not in them.

    A module's "never heard of it" proves nothing about a sale reserved before `restored_at`.
    """

    __tablename__ = "restore_done"

    id: Mapped[int] = mapped_column(Integer, primary_key=True)
    restored_at: Mapped[datetime] = mapped_column(UTCDateTime)
    # When the backup was begun.
    backup_of: Mapped[datetime] = mapped_column(UTCDateTime)


class SignOfLife(Model):
    """When a background process last said that it works ('worker')."""

    __tablename__ = "sign_of_life"

    name: Mapped[str] = mapped_column(String(40), primary_key=True)
    at: Mapped[datetime] = mapped_column(UTCDateTime)
