"""Vending point: where tokens are sold, and its cash account.

The account's `balance` is the money the vending point has with the utility, in minor
units: a sale lowers it, so a counter that sells for cash is below zero until it banks.
`held` is what reserved sales may still take.  `credit_limit` NULL means unlimited; a
number makes the point prepaid: balance + credit_limit - held never falls below zero.
"""

from __future__ import annotations

from typing import Any

from flask_appbuilder import Model
from sqlalchemy import (
    Boolean,
    CheckConstraint,
    Connection,
    ForeignKey,
    Integer,
    String,
    UniqueConstraint,
    event,
)
from sqlalchemy.orm import Mapped, Mapper, mapped_column, relationship

from app.models.base import Minor, Stamped
from app.models.region import Region


class VendingPoint(Stamped, Model):
    """A shop, counter or kiosk of the utility."""

    __tablename__ = "vending_point"
    __table_args__ = {"sqlite_autoincrement": True}

    id: Mapped[int] = mapped_column(Integer, primary_key=True)
    name: Mapped[str] = mapped_column(String(100), unique=True)
    # The short sign in front of its receipt numbers.
    code: Mapped[str] = mapped_column(String(12), unique=True)
    region_id: Mapped[int] = mapped_column(ForeignKey("region.id"), index=True)
    address: Mapped[str | None] = mapped_column(String(200))
    contact_person: Mapped[str | None] = mapped_column(String(100))
    telephone: Mapped[str | None] = mapped_column(String(40))
    email: Mapped[str | None] = mapped_column(String(120))
    active: Mapped[bool] = mapped_column(Boolean, default=True)
    # The `Paper` of its printer; empty: as the settings say.
    slip_paper: Mapped[str | None] = mapped_column(String(8))

    region: Mapped[Region] = relationship()

    def __str__(self) -> str:
        return self.name


class CashAccount(Model):
    """The money side of a vending point; changed by `services` only, and recounted from postings."""

    __tablename__ = "cash_account"
    __table_args__ = (
        UniqueConstraint("vending_point_id"),
        CheckConstraint("held >= 0", name="held_not_negative"),
        CheckConstraint("receipts >= 0", name="receipts_not_negative"),
    )

    id: Mapped[int] = mapped_column(Integer, primary_key=True)
    vending_point_id: Mapped[int] = mapped_column(ForeignKey("vending_point.id"))
    balance: Mapped[int] = mapped_column(Minor, default=0)
    held: Mapped[int] = mapped_column(Minor, default=0)
    credit_limit: Mapped[int | None] = mapped_column(Minor)
    # The newest receipt number of the point; drawn at settle, without gaps.
    receipts: Mapped[int] = mapped_column(Integer, default=0)

    vending_point: Mapped[VendingPoint] = relationship()


@event.listens_for(VendingPoint, "after_insert")
def _open_account(_mapper: Mapper[Any], connection: Connection, point: VendingPoint) -> None:
    """Every vending point has its cash account from the start, however it was made."""
    connection.execute(
        CashAccount.__table__.insert().values(vending_point_id=point.id, balance=0, held=0, receipts=0)
    )
