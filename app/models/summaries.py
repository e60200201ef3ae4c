"""Daily sums that statistics read, written in the sale's own transaction.

They are kept for speed and recounted from the facts by ``flask ledger check``.
"""

from __future__ import annotations

from datetime import date

from flask_appbuilder import Model
from sqlalchemy import Boolean, Date, ForeignKey, Index, Integer, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from app.domain.states import MeterType
from app.models.base import BigKey, Minor, Quantity, words

# What every summary adds up, in the order in which its sums are read.
COUNTED = ("sales", "reversals", "amount", "units", "energy", "fees", "taxes")


class _Sums:
    """What every summary counts."""

    id: Mapped[int] = mapped_column(BigKey, primary_key=True)
    meter_type: Mapped[MeterType] = mapped_column(words(MeterType))
    currency: Mapped[str] = mapped_column(String(3))
    sales: Mapped[int] = mapped_column(Integer, default=0)
    reversals: Mapped[int] = mapped_column(Integer, default=0)
    amount: Mapped[int] = mapped_column(Minor, default=0)
    units: Mapped[int] = mapped_column(Quantity, default=0)
    energy: Mapped[int] = mapped_column(Minor, default=0)
    fees: Mapped[int] = mapped_column(Minor, default=0)
    taxes: Mapped[int] = mapped_column(Minor, default=0)


class SaleDay(_Sums, Model):
    """Business date x vending point x its region x meter type x currency (report P1)."""

    __tablename__ = "sale_day"
    __table_args__ = (
        UniqueConstraint(
            "business_date", "vending_point_id", "region_id", "meter_type", "currency", name="uq_sale_day_key"
        ),
    )

    business_date: Mapped[date] = mapped_column(Date)
    vending_point_id: Mapped[int] = mapped_column(ForeignKey("vending_point.id"), index=True)
    region_id: Mapped[int] = mapped_column(ForeignKey("region.id"), index=True)


class PurchaseDay(_Sums, Model):
    """Business date x consumer's region x meter type x currency (report P6)."""

    __tablename__ = "purchase_day"
    __table_args__ = (
        UniqueConstraint("business_date", "region_id", "meter_type", "currency", name="uq_purchase_day_key"),
    )

    business_date: Mapped[date] = mapped_column(Date)
    region_id: Mapped[int] = mapped_column(ForeignKey("region.id"), index=True)


class SaleMonth(_Sums, Model):
    """Closed months of `sale_day`; `month` is the first day."""

    __tablename__ = "sale_month"
    __table_args__ = (
        UniqueConstraint(
            "month", "vending_point_id", "region_id", "meter_type", "currency", name="uq_sale_month_key"
        ),
        # By vending point in their order, with all that is added up: for two years nothing is sorted and no row read.
        Index("ix_sale_month_points", "vending_point_id", "meter_type", "currency", "month", "region_id", *COUNTED),
    )

    month: Mapped[date] = mapped_column(Date)
    vending_point_id: Mapped[int] = mapped_column(ForeignKey("vending_point.id"))
    region_id: Mapped[int] = mapped_column(ForeignKey("region.id"), index=True)


class SaleTen(_Sums, Model):
    """Closed tens of days of `sale_day` for the parts of months by vending point; `first` is the 1st, 11th or 21st."""

    __tablename__ = "sale_ten"
    __table_args__ = (
        UniqueConstraint("first", "vending_point_id", "region_id", "meter_type", "currency", name="uq_sale_ten_key"),
    )

    first: Mapped[date] = mapped_column(Date)
    vending_point_id: Mapped[int] = mapped_column(ForeignKey("vending_point.id"), index=True)
    region_id: Mapped[int] = mapped_column(ForeignKey("region.id"), index=True)


class SaleQuarter(_Sums, Model):
    """Closed quarters of `sale_day`, for years by vending point; `first` is the first day."""

    __tablename__ = "sale_quarter"
    __table_args__ = (
        UniqueConstraint(
            "first", "vending_point_id", "region_id", "meter_type", "currency", name="uq_sale_quarter_key"
        ),
        Index("ix_sale_quarter_points", "vending_point_id", "meter_type", "currency", "first", "region_id", *COUNTED),
    )

    first: Mapped[date] = mapped_column(Date)
    vending_point_id: Mapped[int] = mapped_column(ForeignKey("vending_point.id"))
    region_id: Mapped[int] = mapped_column(ForeignKey("region.id"), index=True)


class PurchaseMonth(_Sums, Model):
    """Closed months of `purchase_day`; `month` is the first day."""

    __tablename__ = "purchase_month"
    __table_args__ = (
        UniqueConstraint("month", "region_id", "meter_type", "currency", name="uq_purchase_month_key"),
    )

    month: Mapped[date] = mapped_column(Date)
    region_id: Mapped[int] = mapped_column(ForeignKey("region.id"), index=True)


class RegionDay(_Sums, Model):
    """Closed days of `sale_day` without the vending point: what most questions of P1 need of two thousand of them."""

    __tablename__ = "region_day"
    __table_args__ = (
        UniqueConstraint("business_date", "region_id", "meter_type", "currency", name="uq_region_day_key"),
    )

    business_date: Mapped[date] = mapped_column(Date)
    region_id: Mapped[int] = mapped_column(ForeignKey("region.id"), index=True)


class RegionMonth(_Sums, Model):
    """Closed months of `sale_day` without the vending point; `month` is the first day."""

    __tablename__ = "region_month"
    __table_args__ = (
        UniqueConstraint("month", "region_id", "meter_type", "currency", name="uq_region_month_key"),
    )

    month: Mapped[date] = mapped_column(Date)
    region_id: Mapped[int] = mapped_column(ForeignKey("region.id"), index=True)


class DaySums(Model):
    """Whether a day's sums stand in `region_day`; without a row they do not."""

    __tablename__ = "day_sums"

    business_date: Mapped[date] = mapped_column(Date, primary_key=True)
    closed: Mapped[bool] = mapped_column(Boolean)


class MonthSums(Model):
    """Whether a month's sums stand in the three tables of months; without a row they do not."""

    __tablename__ = "month_sums"

    month: Mapped[date] = mapped_column(Date, primary_key=True)
    closed: Mapped[bool] = mapped_column(Boolean)


class TenSums(Model):
    """Whether the sums of ten days stand in `sale_ten`; without a row they do not."""

    __tablename__ = "ten_sums"

    first: Mapped[date] = mapped_column(Date, primary_key=True)
    closed: Mapped[bool] = mapped_column(Boolean)


class QuarterSums(Model):
    """Whether a quarter's sums stand in `sale_quarter`; without a row they do not."""

    __tablename__ = "quarter_sums"

    first: Mapped[date] = mapped_column(Date, primary_key=True)
    closed: Mapped[bool] = mapped_column(Boolean)


class InactiveDay(Model):
    """Consumers with a meter in a region, and those who bought nothing in the thirty days that end with `day`."""

    __tablename__ = "inactive_day"
    __table_args__ = (UniqueConstraint("day", "region_id", name="uq_inactive_day_key"),)

    id: Mapped[int] = mapped_column(BigKey, primary_key=True)
    day: Mapped[date] = mapped_column(Date)
    # No foreign key: a place that nobody lives in any more may be deleted, what was counted stays told.
    region_id: Mapped[int] = mapped_column(Integer)
    consumers: Mapped[int] = mapped_column(Integer)
    inactive: Mapped[int] = mapped_column(Integer)
