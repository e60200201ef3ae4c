"""What belongs to people's accounts beside their row: links for a password, recovery codes, mail to be sent.

No secret stands in any of these tables: of links and codes only their hash is kept, and a message
is written when it is sent.
"""

from __future__ import annotations

from datetime import datetime

from flask_appbuilder import Model
from sqlalchemy import CheckConstraint, ForeignKey, Integer, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from app.models.base import BigKey, UTCDateTime, now


class PasswordLink(Model):
    """One link that lets somebody choose a password once; a new one, or a new password, ends it."""

    __tablename__ = "password_link"
    __table_args__ = (
        CheckConstraint("purpose IN ('reset', 'invitation')", name="purpose_is_known"),
        {"sqlite_autoincrement": True},
    )

    id: Mapped[int] = mapped_column(BigKey, primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("ab_user.id", ondelete="CASCADE"), index=True)
    purpose: Mapped[str] = mapped_column(String(12))
    secret_hash: Mapped[str] = mapped_column(String(64), unique=True)
    made_at: Mapped[datetime] = mapped_column(UTCDateTime, default=now)
    expires_at: Mapped[datetime] = mapped_column(UTCDateTime)
    # The administrator who made it; NULL when the person asked for it.
    made_by_id: Mapped[int | None] = mapped_column(ForeignKey("ab_user.id", ondelete="SET NULL"), index=True)
    used_at: Mapped[datetime | None] = mapped_column(UTCDateTime)


class RecoveryCode(Model):
    """One code that stands in for the second factor, once."""

    __tablename__ = "recovery_code"
    __table_args__ = ({"sqlite_autoincrement": True},)

    id: Mapped[int] = mapped_column(BigKey, primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("ab_user.id", ondelete="CASCADE"), index=True)
    code_hash: Mapped[str] = mapped_column(String(64))
    used_at: Mapped[datetime | None] = mapped_column(UTCDateTime)


class MailRequest(Model):
    """One message that the worker shall write and send; what it says follows from `kind` and `facts` (JSON)."""

    __tablename__ = "mail_request"
    __table_args__ = ({"sqlite_autoincrement": True},)

    id: Mapped[int] = mapped_column(BigKey, primary_key=True)
    kind: Mapped[str] = mapped_column(String(24))
    facts: Mapped[str] = mapped_column(Text, default="{}")
    created_at: Mapped[datetime] = mapped_column(UTCDateTime, default=now)
    # NULL once it is over: sent, of no use any more, or given up.
    next_try_at: Mapped[datetime | None] = mapped_column(UTCDateTime, default=now, index=True)
    attempts: Mapped[int] = mapped_column(Integer, default=0)
    sent_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    failed_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    # The code of what went wrong last.
    failure: Mapped[str | None] = mapped_column(String(60))
