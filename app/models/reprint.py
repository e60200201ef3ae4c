"""Reprints of a slip: counted in rows of their own, because neither a sale nor an act is ever changed."""

from __future__ import annotations

from datetime import datetime

from flask_appbuilder import Model
from sqlalchemy import ForeignKey, Index, Integer, text
from sqlalchemy.orm import Mapped, mapped_column

from app.models.base import BigKey, UTCDateTime


def _copies(name: str) -> Index:
    """Of the few that are no first printing: by time (report of copies, home page)."""
    few = text("copy_number > 1")
    return Index(name, "printed_at", sqlite_where=few, postgresql_where=few)


class Reprint(Model):
    """One more printing of a receipt, by whom and when."""

    __tablename__ = "reprint"
    __table_args__ = (Index(None, "sale_id", "copy_number", unique=True), _copies("ix_reprint_copies_printed_at"))

    id: Mapped[int] = mapped_column(BigKey, primary_key=True)
    sale_id: Mapped[int] = mapped_column(ForeignKey("sale.id"))
    copy_number: Mapped[int] = mapped_column(Integer)
    user_id: Mapped[int] = mapped_column(ForeignKey("ab_user.id"))
    printed_at: Mapped[datetime] = mapped_column(UTCDateTime)


class ActReprint(Model):
    """One printing of an engineering act's slip, by whom and when."""

    __tablename__ = "act_reprint"
    __table_args__ = (
        Index(None, "record_id", "copy_number", unique=True),
        _copies("ix_act_reprint_copies_printed_at"),
    )

    id: Mapped[int] = mapped_column(BigKey, primary_key=True)
    record_id: Mapped[int] = mapped_column(ForeignKey("engineering_record.id"))
    copy_number: Mapped[int] = mapped_column(Integer)
    user_id: Mapped[int] = mapped_column(ForeignKey("ab_user.id"))
    printed_at: Mapped[datetime] = mapped_column(UTCDateTime)
