"""The exact types and the few habits that every table shares.

`Numeric` is forbidden: SQLite keeps it as a float.  Money is an integer of minor units,
quantity an integer of base units (0.1 kWh, 0.1 m3, 0.1 min), prices and rates are scaled
integers of 10**-8.  Time is UTC with a zone.  Decision 0002.
"""

from __future__ import annotations

import enum
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import BigInteger, DateTime, Dialect, Enum, Integer, String, TypeDecorator
from sqlalchemy.orm import Mapped, declared_attr, mapped_column

PRICE_DIGITS = 8
PRICE_SCALE = 10**PRICE_DIGITS

# A 64-bit key that SQLite still numbers by itself.
BigKey = BigInteger().with_variant(Integer(), "sqlite")


def binary_string(length: int) -> String:
    """Text that both databases compare byte by byte, so that a prefix is a range of the index."""
    return String(length).with_variant(String(length, collation="C"), "postgresql")


class Minor(TypeDecorator[int]):
    """Money: a whole number of minor units of the row's currency."""

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: int | None, dialect: Dialect) -> int | None:
        """Refuse anything but an int; a float would round money silently."""
        return _whole(value)


class Quantity(Minor):
    """Quantity: a whole number of base units (0.1 kWh, 0.1 m3, 0.1 min)."""

    cache_ok = True


class Price(TypeDecorator[Decimal]):
    """A price, fee or rate with up to eight decimals, kept as an integer of 10**-8."""

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: Decimal | int | None, dialect: Dialect) -> int | None:
        """Scale exactly; more than eight decimals is a programming error, not a rounding."""
        if value is None:
            return None
        if not isinstance(value, Decimal | int) or isinstance(value, bool):
            raise TypeError(f"a price is a Decimal, not {type(value).__name__}")
        scaled = Decimal(value) * PRICE_SCALE
        if scaled != scaled.to_integral_value():
            raise ValueError("a price has at most eight decimals")
        return int(scaled)

    def process_result_value(self, value: int | None, dialect: Dialect) -> Decimal | None:
        """Give the Decimal back without trailing zeros."""
        if value is None:
            return None
        exact = Decimal(value) / PRICE_SCALE
        return exact.quantize(Decimal(1)) if exact == exact.to_integral_value() else exact.normalize()


class UTCDateTime(TypeDecorator[datetime]):
    """An instant.  A naive datetime is refused; what comes back has the zone UTC."""

    impl = DateTime
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Store the instant as naive UTC, the one form both databases sort alike."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise TypeError("an instant has a time zone")
        return value.astimezone(UTC).replace(tzinfo=None)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Put the zone back on."""
        return None if value is None else value.replace(tzinfo=UTC)


def words(kind: type[enum.Enum]) -> Enum:
    """Store an enumeration by its value, as text that a check constraint guards."""
    return Enum(
        kind,
        values_callable=lambda members: [m.value for m in members],
        native_enum=False,
        create_constraint=True,
        validate_strings=True,
        length=24,
        name=kind.__name__.lower(),
    )


def _whole(value: Any) -> int | None:
    if value is None:
        return None
    if not isinstance(value, int) or isinstance(value, bool):
        raise TypeError(f"a whole number is wanted, not {type(value).__name__}")
    return value


def now() -> datetime:
    """Say what time it is, in UTC."""
    return datetime.now(UTC)


class Stamped:
    """When a row of reference data was made and last changed, and its version.

    Who did it stands in the audit log; FAB's own AuditMixin fails outside a request.
    """

    created_at: Mapped[datetime] = mapped_column(UTCDateTime, default=now)
    changed_at: Mapped[datetime] = mapped_column(UTCDateTime, default=now, onupdate=now)
    version: Mapped[int] = mapped_column(Integer, default=1)

    @declared_attr.directive
    def __mapper_args__(cls) -> dict[str, Any]:  # noqa: N805
        """Two people at once: the second save of one version raises StaleDataError."""
        return {"version_id_col": cls.__table__.c.version}  # type: ignore[attr-defined]
