"""Meter: the standard's attributes of one payment meter, and what may be sold to it.

SGC, KRN, TI, EA, TCT and the KEN it was given are what its decoder key follows from
(IEC 62055-41); `tariff` says what a unit costs; they are different things.
"""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from flask_appbuilder import Model
from sqlalchemy import (
    CheckConstraint,
    Connection,
    Date,
    ForeignKey,
    Index,
    Integer,
    String,
    event,
    inspect,
    text,
)
from sqlalchemy.orm import Mapped, Mapper, mapped_column, object_session, relationship

from app.domain.states import Algorithm, MeterStatus, MeterType
from app.models.base import (
    BigKey,
    Minor,
    Price,
    Quantity,
    Stamped,
    UTCDateTime,
    binary_string,
    now,
    words,
)
from app.models.consumer import Consumer
from app.models.product import Product
from app.models.region import Region
from app.models.tariff import Tariff


class Meter(Stamped, Model):
    """One meter.  A consumer has many; a meter has at most one consumer and one tariff."""

    __tablename__ = "meter"
    __table_args__ = (
        CheckConstraint("krn BETWEEN 1 AND 9", name="krn_range"),
        CheckConstraint("ti BETWEEN 0 AND 99", name="ti_range"),
        CheckConstraint("ken BETWEEN 0 AND 255", name="ken_range"),
        CheckConstraint("ea IN (7, 11)", name="ea_known"),
        CheckConstraint("ea = 7 OR algorithm = 'sts6'", name="misty1_needs_sts6"),
        CheckConstraint("length(meter_number) IN (11, 13)", name="meter_number_length"),
        # Whether any meter has a key, of keys that end soon (home), and who has it (bulk key changes).
        Index(None, "sgc", "krn", "status"),
        {"sqlite_autoincrement": True},
    )

    id: Mapped[int] = mapped_column(BigKey, primary_key=True)
    meter_number: Mapped[str] = mapped_column(binary_string(13), unique=True)
    meter_type: Mapped[MeterType] = mapped_column(words(MeterType), index=True)
    product_id: Mapped[int] = mapped_column(ForeignKey("product.id"), index=True)
    tariff_id: Mapped[int | None] = mapped_column(ForeignKey("tariff.id"), index=True)
    # Since when it is on this tariff, if it once was on another or on none: fees count from there.
    tariff_since: Mapped[datetime | None] = mapped_column(UTCDateTime)
    consumer_id: Mapped[int | None] = mapped_column(ForeignKey("consumer.id"), index=True)
    region_id: Mapped[int] = mapped_column(ForeignKey("region.id"), index=True)
    address: Mapped[str | None] = mapped_column(String(200))

    algorithm: Mapped[Algorithm] = mapped_column(words(Algorithm))
    ea: Mapped[int] = mapped_column(Integer, default=7)
    tct: Mapped[int] = mapped_column(Integer, default=2)
    sgc: Mapped[str] = mapped_column(String(6))
    krn: Mapped[int] = mapped_column(Integer, default=1)
    ti: Mapped[int] = mapped_column(Integer, default=1)
    ken: Mapped[int] = mapped_column(Integer, default=255)

    status: Mapped[MeterStatus] = mapped_column(words(MeterStatus), default=MeterStatus.INSTALLED, index=True)
    status_reason: Mapped[str | None] = mapped_column(String(200))
    status_since: Mapped[datetime | None] = mapped_column(UTCDateTime)
    # Who set the state, as people are called; kept by the mapper events below.
    status_by: Mapped[str | None] = mapped_column(String(64))
    installed_on: Mapped[date | None] = mapped_column(Date)

    # What a fee may be multiplied by and its unit (CapacityUnit), and limits of a purchase.
    capacity: Mapped[Any | None] = mapped_column(Price)
    capacity_unit: Mapped[str | None] = mapped_column(String(8))
    smallest_purchase: Mapped[int | None] = mapped_column(Quantity)
    largest_purchase: Mapped[int | None] = mapped_column(Quantity)
    daily_limit: Mapped[int | None] = mapped_column(Minor)

    # Where a key change that is under way leads; taken over when it is confirmed.
    pending_sgc: Mapped[str | None] = mapped_column(String(6))
    pending_krn: Mapped[int | None] = mapped_column(Integer)
    pending_ti: Mapped[int | None] = mapped_column(Integer)
    pending_ken: Mapped[int | None] = mapped_column(Integer)
    pending_tries: Mapped[int] = mapped_column(Integer, default=0)

    product: Mapped[Product] = relationship()
    tariff: Mapped[Tariff | None] = relationship()
    consumer: Mapped[Consumer | None] = relationship()
    region: Mapped[Region] = relationship()

    def __str__(self) -> str:
        return self.meter_number


class MeterLock(Model):
    """The counter that a sale raises first, so that two sales of one meter wait for each other.

    It stands beside the meter, not in it: selling must not change the version of a row that
    an administrator may be editing.
    """

    __tablename__ = "meter_lock"

    meter_id: Mapped[int] = mapped_column(ForeignKey("meter.id", ondelete="CASCADE"), primary_key=True)
    sales: Mapped[int] = mapped_column(Integer, default=0)


@event.listens_for(Meter, "before_update")
def _note_tariff(_mapper: Mapper[Any], _connection: Connection, meter: Meter) -> None:
    if inspect(meter).attrs.tariff_id.history.has_changes():
        meter.tariff_since = now()


@event.listens_for(Meter, "before_insert")
@event.listens_for(Meter, "before_update")
def _note_status(_mapper: Mapper[Any], connection: Connection, meter: Meter) -> None:
    """Since when the meter is in its state, and by whom; what is said explicitly stands."""
    state = inspect(meter)
    told = state.attrs.status_since.history.has_changes() and meter.status_since is not None
    if told or not (state.attrs.status.history.has_changes() or state.transient or state.pending):
        return
    session = object_session(meter)
    actor = session.info.get("actor") if session is not None else None
    meter.status_since = now()
    meter.status_by = None if actor is None else _name_of(connection, actor[0])


def _name_of(connection: Connection, user_id: int) -> str | None:
    found = connection.execute(text("SELECT first_name, last_name FROM ab_user WHERE id = :id"), {"id": user_id})
    row = found.first()
    return None if row is None else f"{row.first_name or ''} {row.last_name or ''}".strip()[:64] or None


@event.listens_for(Meter, "after_insert")
def _make_lock(_mapper: Mapper[Any], connection: Connection, meter: Meter) -> None:
    connection.execute(MeterLock.__table__.insert().values(meter_id=meter.id, sales=0))
