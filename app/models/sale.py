"""Sale: one purchase, from the reservation to the receipt.

Written twice and never again: reserved (the money is held, the exact request to the module
is stored), then settled (issued with its receipt number) or failed.  Its snapshot is what
the slip is drawn from, so that a later change of a name does not rewrite the past.
Decision 0003.
"""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING

from flask_appbuilder import Model
from sqlalchemy import (
    Boolean,
    CheckConstraint,
    Date,
    ForeignKey,
    Index,
    Integer,
    String,
    Text,
    UniqueConstraint,
    case,
    select,
    text,
)
from sqlalchemy.orm import Mapped, column_property, mapped_column, relationship

from app.domain.states import ChargeMethod, MeterType, SaleKind, SaleStatus
from app.models.base import BigKey, Minor, Price, Quantity, UTCDateTime, words
from app.models.consumer import Consumer
from app.models.meter import Meter
from app.models.region import Region
from app.models.security_module import SecurityModule
from app.models.token import Token
from app.models.user import AppUser
from app.models.vending_point import VendingPoint

# Of the indexes of these orders: a reversal takes back what its sale gave.  NB: to the line as PostgreSQL writes it,
# or it would not be known for the same.
SIGNED = "(\nCASE\n    WHEN {sale}reverses_id IS NULL THEN {what}\n    ELSE - {what}\nEND)"


def by_amount(sale: str = "") -> str:
    """The amount with its sign, as its index says it; `sale` stands before each column."""
    return SIGNED.format(sale=sale, what=f"{sale}amount")


def by_units(sale: str = "") -> str:
    """The units with their sign, as their index says it."""
    return SIGNED.format(sale=sale, what=f"COALESCE({sale}carried_units, {sale}token_units)")


class Sale(Model):
    """One purchase.  Amounts are minor units of `currency`, units are base units (0.1)."""

    __tablename__ = "sale"
    __table_args__ = (
        UniqueConstraint("vending_point_id", "reference"),
        UniqueConstraint("vending_point_id", "receipt_number"),
        CheckConstraint("amount >= 0", name="amount_not_negative"),
        CheckConstraint("(status = 'issued') = (receipt_number IS NOT NULL)", name="issued_has_receipt"),
        CheckConstraint("(kind = 'reversal') = (reverses_id IS NOT NULL)", name="reversal_names_sale"),
        Index(None, "meter_id", "business_date"),
        Index(None, "vending_point_id", "business_date"),
        Index(None, "status", "reserved_at"),
        # The newest of somebody, whom they served last.
        Index(None, "operator_id", "id"),
        # NB: it holds every column that today's figures are made of, so that no row is read for them (day_figures), and
        # those that sales of a period are put in order by (reports.records).
        Index(
            "ix_sale_day_figures", "business_date", "status", "kind", "currency", "meter_type", "reserved_at",
            "point_region_id", "amount", "currency_decimals", "carried_units", "token_units", "consumer_region_id",
            postgresql_include=["id"],
        ),
        # Lists of years in another order than that of time: a page is read from their ends (reports.records).
        Index("ix_sale_by_amount", text(by_amount()), "id", "business_date"),
        Index("ix_sale_by_units", text(by_units()), "id", "business_date"),
        Index("ix_sale_by_type", "meter_type", "id", "business_date"),
        # The few that gave no token of credit (report P5).
        Index(
            "ix_sale_apart", "business_date", "status", "kind", "currency", "meter_type", "vending_point_id",
            "point_region_id", "carried_units",
            sqlite_where=text("token_units = 0 OR kind = 'reversal'"),
            postgresql_where=text("token_units = 0 OR kind = 'reversal'"),
        ),
    )  # fmt: skip

    id: Mapped[int] = mapped_column(BigKey, primary_key=True)
    kind: Mapped[SaleKind] = mapped_column(words(SaleKind), default=SaleKind.SALE)
    status: Mapped[SaleStatus] = mapped_column(words(SaleStatus), default=SaleStatus.RESERVED)
    reference: Mapped[str] = mapped_column(String(64))
    message_id: Mapped[str] = mapped_column(String(32), unique=True)
    reverses_id: Mapped[int | None] = mapped_column(ForeignKey("sale.id"), unique=True)
    failure: Mapped[str | None] = mapped_column(String(60))

    vending_point_id: Mapped[int] = mapped_column(ForeignKey("vending_point.id"))
    operator_id: Mapped[int] = mapped_column(ForeignKey("ab_user.id"))
    meter_id: Mapped[int] = mapped_column(ForeignKey("meter.id"))
    consumer_id: Mapped[int | None] = mapped_column(ForeignKey("consumer.id"), index=True)
    # Whose region: of the vending point and of the consumer, as they were at the sale.
    point_region_id: Mapped[int] = mapped_column(ForeignKey("region.id"), index=True)
    consumer_region_id: Mapped[int] = mapped_column(ForeignKey("region.id"), index=True)
    plan_id: Mapped[int] = mapped_column(ForeignKey("tariff_plan.id"), index=True)
    meter_type: Mapped[MeterType] = mapped_column(words(MeterType))
    # Room for shifts (their table does not exist yet).
    shift_id: Mapped[int | None] = mapped_column(Integer)

    reserved_at: Mapped[datetime] = mapped_column(UTCDateTime)
    settled_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    business_date: Mapped[date] = mapped_column(Date)

    currency: Mapped[str] = mapped_column(String(3))
    currency_decimals: Mapped[int] = mapped_column(Integer)
    by_quantity: Mapped[bool] = mapped_column(Boolean, default=False)
    amount: Mapped[int] = mapped_column(Minor)
    received: Mapped[int | None] = mapped_column(Minor)
    # Units: asked of the module, and what its token really carries (known at settle).
    token_units: Mapped[int] = mapped_column(Quantity)
    carried_units: Mapped[int | None] = mapped_column(Quantity)

    module_id: Mapped[int | None] = mapped_column(ForeignKey("security_module.id"))
    # The exact request, so that a resolve sends the same; JSON, no secrets.
    request: Mapped[str | None] = mapped_column(Text)
    # When the request was last sent again; NULL: only once, at reserve.  Whoever moves it may send.
    asked_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    snapshot: Mapped[str] = mapped_column(Text)
    receipt_number: Mapped[int | None] = mapped_column(Integer)

    lines: Mapped[list[SaleLine]] = relationship(order_by="SaleLine.line_no", back_populates="sale")
    tokens: Mapped[list[Token]] = relationship(order_by="Token.position", back_populates="sale")
    vending_point: Mapped[VendingPoint] = relationship()
    point_region: Mapped[Region] = relationship(foreign_keys="Sale.point_region_id")
    operator: Mapped[AppUser] = relationship()
    meter: Mapped[Meter] = relationship()
    consumer: Mapped[Consumer | None] = relationship()
    module: Mapped[SecurityModule | None] = relationship()
    if TYPE_CHECKING:
        undone: Mapped[bool]


class SaleLine(Model):
    """One line of the sum, as it is printed.  The lines of a sale add up to its amount."""

    __tablename__ = "sale_line"
    __table_args__ = (UniqueConstraint("sale_id", "line_no"),)

    id: Mapped[int] = mapped_column(BigKey, primary_key=True)
    sale_id: Mapped[int] = mapped_column(ForeignKey("sale.id"))
    line_no: Mapped[int] = mapped_column(Integer)
    kind: Mapped[str] = mapped_column(String(12))
    code: Mapped[str] = mapped_column(String(30))
    name: Mapped[str] = mapped_column(String(60), default="")
    amount: Mapped[int] = mapped_column(Minor)
    # Plain numbers for the rule in words, as JSON.
    params: Mapped[str] = mapped_column(Text, default="{}")

    sale: Mapped[Sale] = relationship(back_populates="lines")


class SaleFee(Model):
    """What a sale took of a fee: periods newly charged, assessed, taken.

    Over the standing sales of a meter, assessed less taken is what is carried; a reversed
    sale no longer counts, which opens its periods again.
    """

    __tablename__ = "sale_fee"
    __table_args__ = (UniqueConstraint("sale_id", "code"), Index(None, "meter_id", "code"))

    id: Mapped[int] = mapped_column(BigKey, primary_key=True)
    sale_id: Mapped[int] = mapped_column(ForeignKey("sale.id"))
    meter_id: Mapped[int] = mapped_column(ForeignKey("meter.id"))
    code: Mapped[str] = mapped_column(String(30))
    method: Mapped[ChargeMethod] = mapped_column(words(ChargeMethod))
    periods: Mapped[int] = mapped_column(Integer)
    charged_through: Mapped[date] = mapped_column(Date)
    assessed: Mapped[Decimal] = mapped_column(Price)
    taken: Mapped[Decimal] = mapped_column(Price)


_undoing = Sale.__table__.alias()
# Whether a reversal undid the sale, in SQL and (where a statement asks for it) on a row.  A reversal is booked
# whole or not at all, and never taken back, so that there is one is all that counts.
Sale.undone = column_property(
    select(_undoing.c.id).where(_undoing.c.reverses_id == Sale.__table__.c.id).exists(), deferred=True
)
# The digits as they may be shown: none of a reversed sale, because a meter takes them and the money went back.
Token.shown_digits = column_property(
    case(
        (select(_undoing.c.id).where(_undoing.c.reverses_id == Token.__table__.c.sale_id).exists(), None),
        else_=Token.__table__.c.digits,
    ),
    deferred=True,
)
