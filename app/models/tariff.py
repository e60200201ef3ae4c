"""Tariff and its dated plans.

A meter points to a tariff; the plan in force at the moment of sale counts.  A step or a
fine stores only where it starts, unique in its plan, and ends at the next start or at the
plan's end: overlaps and gaps cannot be written.  A plan that has sold is frozen.
"""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

from flask_appbuilder import Model
from sqlalchemy import (
    Boolean,
    CheckConstraint,
    ForeignKey,
    Index,
    Integer,
    String,
    UniqueConstraint,
    event,
    text,
)
from sqlalchemy.orm import Mapped, Session, mapped_column, relationship

from app.domain.states import ChargeMethod, MeterType, Recovery, StepPeriod
from app.models.base import Price, Quantity, Stamped, UTCDateTime, now, words

CHILDREN = "all, delete-orphan"


class Tariff(Stamped, Model):
    """A name for prices of one meter type."""

    __tablename__ = "tariff"
    __table_args__ = {"sqlite_autoincrement": True}

    id: Mapped[int] = mapped_column(Integer, primary_key=True)
    name: Mapped[str] = mapped_column(String(100), unique=True)
    meter_type: Mapped[MeterType] = mapped_column(words(MeterType), index=True)
    active: Mapped[bool] = mapped_column(Boolean, default=True)

    plans: Mapped[list[TariffPlan]] = relationship(
        back_populates="tariff",
        order_by="TariffPlan.effective_from",
        cascade=CHILDREN,
        primaryjoin="and_(Tariff.id == TariffPlan.tariff_id, TariffPlan.parent_id.is_(None))",
    )

    def __str__(self) -> str:
        return self.name


class TariffPlan(Stamped, Model):
    """The rules of a tariff from `effective_from` until the next plan begins."""

    __tablename__ = "tariff_plan"
    __table_args__ = (
        Index(
            "uq_tariff_plan_tariff_id_effective_from",
            "tariff_id",
            "effective_from",
            unique=True,
            sqlite_where=text("parent_id IS NULL"),
            postgresql_where=text("parent_id IS NULL"),
        ),
        CheckConstraint("(parent_id IS NULL) OR (up_to IS NOT NULL)", name="schedule_has_limit"),
        CheckConstraint("fixed_fee >= 0", name="fixed_fee_not_negative"),
        CheckConstraint("unit_quantum > 0", name="unit_quantum_positive"),
        {"sqlite_autoincrement": True},
    )

    id: Mapped[int] = mapped_column(Integer, primary_key=True)
    tariff_id: Mapped[int] = mapped_column(ForeignKey("tariff.id"), index=True)
    name: Mapped[str] = mapped_column(String(100))
    effective_from: Mapped[datetime] = mapped_column(UTCDateTime)
    # A lifeline schedule is a plan of its own below this one: it counts while the period's
    # total, the purchase included, is at most `up_to`.
    parent_id: Mapped[int | None] = mapped_column(ForeignKey("tariff_plan.id", ondelete="CASCADE"))
    up_to: Mapped[int | None] = mapped_column(Quantity)

    # The simple form: one fixed fee.  More fees stand in `fees`.
    fixed_fee: Mapped[Decimal] = mapped_column(Price, default=Decimal(0))
    fixed_method: Mapped[ChargeMethod] = mapped_column(words(ChargeMethod), default=ChargeMethod.MONTH)
    fee_recovery: Mapped[Recovery] = mapped_column(words(Recovery), default=Recovery.WHOLE)
    # The cap of Recovery.CAPPED, one of the two: a share of the tender, or money on every unit.
    fee_cap_share: Mapped[Decimal | None] = mapped_column(Price)
    fee_cap_unit: Mapped[Decimal | None] = mapped_column(Price)

    step_period: Mapped[StepPeriod] = mapped_column(words(StepPeriod), default=StepPeriod.MONTH)
    step_scale_days: Mapped[int | None] = mapped_column(Integer)
    # The first steps of whole months without units may be used later.
    lifeline_adds_up: Mapped[bool] = mapped_column(Boolean, default=False)
    # Where the last step and the last fine end; NULL leaves them open.
    steps_end: Mapped[int | None] = mapped_column(Quantity)
    fines_end: Mapped[int | None] = mapped_column(Quantity)
    fines_taxed: Mapped[bool] = mapped_column(Boolean, default=False)
    tax_inclusive: Mapped[bool] = mapped_column(Boolean, default=False)
    # Rounding of the priced units: mode up, down, half_up to a quantum in units (0.1), or none.
    unit_rounding: Mapped[str] = mapped_column(String(8), default="up")
    unit_quantum: Mapped[Decimal] = mapped_column(Price, default=Decimal("0.1"))
    # Rounding of the sum of a wished quantity, in major units; NULL leaves it to the settlement.
    money_rounding: Mapped[str | None] = mapped_column(String(8))
    money_quantum: Mapped[Decimal | None] = mapped_column(Price)
    # The share of each purchase that goes to an old debt; NULL recovers none.
    debt_share: Mapped[Decimal | None] = mapped_column(Price)

    tariff: Mapped[Tariff] = relationship(back_populates="plans")
    schedules: Mapped[list[TariffPlan]] = relationship(order_by="TariffPlan.up_to", cascade=CHILDREN)
    steps: Mapped[list[TariffStep]] = relationship(
        back_populates="plan", order_by="TariffStep.start", cascade=CHILDREN
    )
    fines: Mapped[list[TariffFine]] = relationship(
        back_populates="plan", order_by="TariffFine.start", cascade=CHILDREN
    )
    fees: Mapped[list[TariffFee]] = relationship(
        back_populates="plan", order_by="TariffFee.position", cascade=CHILDREN
    )
    taxes: Mapped[list[TariffTax]] = relationship(
        back_populates="plan", order_by="TariffTax.position", cascade=CHILDREN
    )
    levies: Mapped[list[TariffLevy]] = relationship(
        back_populates="plan", order_by="TariffLevy.position", cascade=CHILDREN
    )

    def __str__(self) -> str:
        return self.name


class TariffStep(Model):
    """From `start` on (exclusive of what came before) a unit costs `price`, taxed at `tax_rate`."""

    __tablename__ = "tariff_step"
    __table_args__ = (
        UniqueConstraint("plan_id", "start"),
        CheckConstraint("start >= 0", name="start_not_negative"),
        CheckConstraint("price >= 0", name="price_not_negative"),
        CheckConstraint("tax_rate >= 0", name="tax_rate_not_negative"),
        {"sqlite_autoincrement": True},
    )

    id: Mapped[int] = mapped_column(Integer, primary_key=True)
    plan_id: Mapped[int] = mapped_column(ForeignKey("tariff_plan.id", ondelete="CASCADE"))
    start: Mapped[int] = mapped_column(Quantity)
    price: Mapped[Decimal] = mapped_column(Price)
    # A share: 0.075 is 7.5 %.
    tax_rate: Mapped[Decimal] = mapped_column(Price, default=Decimal(0))
    # Which named taxes the energy of this step bears: comma separated codes; NULL is all of them.
    taxes: Mapped[str | None] = mapped_column(String(200))

    plan: Mapped[TariffPlan] = relationship(back_populates="steps")


class TariffFine(Model):
    """A purchase of more than `start` units pays `fine` once."""

    __tablename__ = "tariff_fine"
    __table_args__ = (
        UniqueConstraint("plan_id", "start"),
        CheckConstraint("start >= 0", name="start_not_negative"),
        CheckConstraint("fine >= 0", name="fine_not_negative"),
        {"sqlite_autoincrement": True},
    )

    id: Mapped[int] = mapped_column(Integer, primary_key=True)
    plan_id: Mapped[int] = mapped_column(ForeignKey("tariff_plan.id", ondelete="CASCADE"))
    start: Mapped[int] = mapped_column(Quantity)
    fine: Mapped[Decimal] = mapped_column(Price)

    plan: Mapped[TariffPlan] = relationship(back_populates="fines")


class _Named:
    """What a fee, a tax and a levy share."""

    id: Mapped[int] = mapped_column(Integer, primary_key=True)
    plan_id: Mapped[int] = mapped_column(ForeignKey("tariff_plan.id", ondelete="CASCADE"))
    position: Mapped[int] = mapped_column(Integer, default=0)
    code: Mapped[str] = mapped_column(String(30))
    name: Mapped[str] = mapped_column(String(60))


class TariffFee(_Named, Model):
    """A further fee: `amount` times `times`; `per_capacity` multiplies it by the meter's capacity too.

    `capacity_unit` says in what that capacity is stated.  `first` makes it a channel fee, taken
    before anything else.
    """

    __tablename__ = "tariff_fee"
    __table_args__ = (Index(None, "plan_id", "code", unique=True), {"sqlite_autoincrement": True})

    amount: Mapped[Decimal] = mapped_column(Price)
    method: Mapped[ChargeMethod] = mapped_column(words(ChargeMethod))
    times: Mapped[Decimal] = mapped_column(Price, default=Decimal(1))
    per_capacity: Mapped[bool] = mapped_column(Boolean, default=False)
    capacity_unit: Mapped[str | None] = mapped_column(String(8))
    first: Mapped[bool] = mapped_column(Boolean, default=False)

    plan: Mapped[TariffPlan] = relationship(back_populates="fees")


class TariffTax(_Named, Model):
    """A named tax: `rate` times the lines named in `bases` (comma separated codes)."""

    __tablename__ = "tariff_tax"
    __table_args__ = (Index(None, "plan_id", "code", unique=True), {"sqlite_autoincrement": True})

    rate: Mapped[Decimal] = mapped_column(Price)
    bases: Mapped[str] = mapped_column(String(200), default="energy")
    of_gross: Mapped[bool] = mapped_column(Boolean, default=False)

    plan: Mapped[TariffPlan] = relationship(back_populates="taxes")


class TariffLevy(_Named, Model):
    """Money per unit for a third party."""

    __tablename__ = "tariff_levy"
    __table_args__ = (Index(None, "plan_id", "code", unique=True), {"sqlite_autoincrement": True})

    price: Mapped[Decimal] = mapped_column(Price)

    plan: Mapped[TariffPlan] = relationship(back_populates="levies")


@event.listens_for(Session, "before_flush")
def _touch_plan(session: Session, _context: object, _instances: object) -> None:
    """A change of a row is a change of its plan: its version rises, and compiled copies are stale."""
    for row in [*session.new, *session.dirty, *session.deleted]:  # FAB's ViewMenu has no hash
        if isinstance(row, TariffStep | TariffFine | TariffFee | TariffTax | TariffLevy):
            plan = row.plan
            if plan is not None and plan not in session.new and plan not in session.deleted:
                plan.changed_at = now()
