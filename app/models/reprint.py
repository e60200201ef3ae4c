"""Reprints of a slip: counted in rows of their own, because neither a sale nor an act is ever changed."""

from __future__ import annotations

from datetime import datetime

from flask_appbuilder import Model
from sqlalchemy import ForeignKey, Index, Integer, text
from sqlalchemy.orm import Mapped, mapped_column

from app.models.base import BigKey, UTCDateTime


def _copies(table: str) -> tuple[Index, Index]:
    """Of the few that are no first printing, by time and by number, with whose they are (report of copies, home)."""
    few, place = text("copy_number > 1"), ("vending_point_id", "point_region_id", "user_id")
    orders = {"printed_at": ("printed_at",), "number": ("copy_number", "id", "printed_at")}
    first, second = (
        Index(f"ix_{table}_copies_{name}", *order, *place, sqlite_where=few, postgresql_where=few)
        for name, order in orders.items()
    )
    return first, second


class _Placed:
    """Whose the slip is: as it says itself, so that copies are counted without their slips.

    No foreign key, the slip has it; a first printing from before these columns has none of it.
    """

    vending_point_id: Mapped[int | None] = mapped_column(Integer)
    point_region_id: Mapped[int | None] = mapped_column(Integer)


class Reprint(_Placed, Model):
    """One more printing of a receipt, by whom and when."""

    __tablename__ = "reprint"
    __table_args__ = (Index(None, "sale_id", "copy_number", unique=True), *_copies("reprint"))

    id: Mapped[int] = mapped_column(BigKey, primary_key=True)
    sale_id: Mapped[int] = mapped_column(ForeignKey("sale.id"))
    copy_number: Mapped[int] = mapped_column(Integer)
    user_id: Mapped[int] = mapped_column(ForeignKey("ab_user.id"))
    printed_at: Mapped[datetime] = mapped_column(UTCDateTime)


class ActReprint(_Placed, Model):
    """One printing of an engineering act's slip, by whom and when."""

    __tablename__ = "act_reprint"
    __table_args__ = (
        Index(None, "record_id", "copy_number", unique=True),
        *_copies("act_reprint"),
    )

    id: Mapped[int] = mapped_column(BigKey, primary_key=True)
    record_id: Mapped[int] = mapped_column(ForeignKey("engineering_record.id"))
    copy_number: Mapped[int] = mapped_column(Integer)
    user_id: Mapped[int] = mapped_column(ForeignKey("ab_user.id"))
    printed_at: Mapped[datetime] = mapped_column(UTCDateTime)
