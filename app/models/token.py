"""Tokens that were made, each in the books with its sale or engineering record.

Rows are never changed or deleted (triggers refuse it).  Within one key's base date a meter
never gets the same token id twice; key-change tokens have none.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from flask_appbuilder import Model
from sqlalchemy import ForeignKey, Index, Integer, String, Text, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.domain.states import TokenKind
from app.models.base import BigKey, UTCDateTime, words
from app.models.meter import Meter
from app.models.region import Region
from app.models.user import AppUser
from app.models.vending_point import VendingPoint

if TYPE_CHECKING:
    from app.models.sale import Sale


class Token(Model):
    """Twenty digits and what they carry."""

    __tablename__ = "token"
    __table_args__ = (
        Index(
            "uq_token_pan_base_date_token_id",
            "pan",
            "base_date",
            "token_id",
            unique=True,
            sqlite_where=text("token_id IS NOT NULL"),
            postgresql_where=text("token_id IS NOT NULL"),
        ),
        # Of the few that are no credit: engineering tokens and key changes, by time (reports P3, P4).
        Index(
            "ix_token_acts_issued_at",
            "issued_at",
            sqlite_where=text("kind <> 'credit'"),
            postgresql_where=text("kind <> 'credit'"),
        ),
        Index(None, "digits"),
        Index(None, "sale_id", "position", unique=True),
    )

    id: Mapped[int] = mapped_column(BigKey, primary_key=True)
    kind: Mapped[TokenKind] = mapped_column(words(TokenKind))
    sale_id: Mapped[int | None] = mapped_column(ForeignKey("sale.id"))
    engineering_id: Mapped[int | None] = mapped_column(ForeignKey("engineering_record.id"), index=True)
    meter_id: Mapped[int | None] = mapped_column(ForeignKey("meter.id"), index=True)
    vending_point_id: Mapped[int | None] = mapped_column(ForeignKey("vending_point.id"), index=True)
    position: Mapped[int] = mapped_column(Integer, default=1)
    digits: Mapped[str] = mapped_column(String(20))
    pan: Mapped[str] = mapped_column(String(18))
    token_class: Mapped[int] = mapped_column(Integer)
    subclass: Mapped[int] = mapped_column(Integer)
    base_date: Mapped[int] = mapped_column(Integer)
    token_id: Mapped[int | None] = mapped_column(Integer)
    # Base units (or 10**-5 of a currency) that the token really carries.
    amount: Mapped[int | None] = mapped_column(BigKey)
    sgc: Mapped[str] = mapped_column(String(6))
    krn: Mapped[int] = mapped_column(Integer)
    ti: Mapped[int] = mapped_column(Integer)
    ea: Mapped[int] = mapped_column(Integer)
    tct: Mapped[int] = mapped_column(Integer)
    kcv: Mapped[str] = mapped_column(String(6))
    module_id: Mapped[int | None] = mapped_column(ForeignKey("security_module.id"))
    # The clock at issue; the token id may run minutes ahead of it.
    issued_at: Mapped[datetime] = mapped_column(UTCDateTime, index=True)

    sale: Mapped[Sale | None] = relationship(back_populates="tokens")
    if TYPE_CHECKING:
        shown_digits: Mapped[str | None]  # app/models/sale.py


class EngineeringRecord(Model):
    """One engineering or key-change act: who, where, which meter, why.

    `status` is a word of `ActStatus`.  The request to the module is written once: at reserve, or when a second
    person has approved the proposal.
    """

    __tablename__ = "engineering_record"
    __table_args__ = (Index(None, "vending_point_id", "reference", unique=True),)

    id: Mapped[int] = mapped_column(BigKey, primary_key=True)
    kind: Mapped[TokenKind] = mapped_column(words(TokenKind))
    reference: Mapped[str] = mapped_column(String(64))
    message_id: Mapped[str] = mapped_column(String(32), unique=True)
    status: Mapped[str] = mapped_column(String(12), default="reserved")
    function: Mapped[str] = mapped_column(String(40))
    reason: Mapped[str] = mapped_column(String(200), default="")
    vending_point_id: Mapped[int | None] = mapped_column(ForeignKey("vending_point.id"), index=True)
    point_region_id: Mapped[int | None] = mapped_column(ForeignKey("region.id"), index=True)
    operator_id: Mapped[int] = mapped_column(ForeignKey("ab_user.id"), index=True)
    approver_id: Mapped[int | None] = mapped_column(ForeignKey("ab_user.id"))
    meter_id: Mapped[int | None] = mapped_column(ForeignKey("meter.id"), index=True)
    module_id: Mapped[int | None] = mapped_column(ForeignKey("security_module.id"))
    # Values asked for and, for a key change, the data before and after; JSON.
    details: Mapped[str] = mapped_column(String(2000), default="{}")
    # The exact request, and when it was last sent again; what the slip is drawn from.  JSON, no secrets.
    request: Mapped[str | None] = mapped_column(Text)
    asked_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    snapshot: Mapped[str] = mapped_column(Text, default="{}", server_default="{}")
    failure: Mapped[str | None] = mapped_column(String(60))
    created_at: Mapped[datetime] = mapped_column(UTCDateTime, index=True)
    decided_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    settled_at: Mapped[datetime | None] = mapped_column(UTCDateTime)

    meter: Mapped[Meter | None] = relationship()
    vending_point: Mapped[VendingPoint | None] = relationship()
    point_region: Mapped[Region | None] = relationship()
    operator: Mapped[AppUser] = relationship(foreign_keys="EngineeringRecord.operator_id")
    approver: Mapped[AppUser | None] = relationship(foreign_keys="EngineeringRecord.approver_id")
    tokens: Mapped[list[Token]] = relationship(order_by="Token.position")
