"""Product: a meter model with its kind and its manufacturer."""

from __future__ import annotations

from flask_appbuilder import Model
from sqlalchemy import Boolean, ForeignKey, Integer, String, true
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.domain.states import MeterType
from app.models.base import Stamped, words


class Manufacturer(Stamped, Model):
    """Who makes meters; `code` is the STS manufacturer code of two or four digits."""

    __tablename__ = "manufacturer"
    __table_args__ = {"sqlite_autoincrement": True}

    id: Mapped[int] = mapped_column(Integer, primary_key=True)
    name: Mapped[str] = mapped_column(String(100), unique=True)
    code: Mapped[str | None] = mapped_column(String(4), unique=True)
    # Off: not offered to new products.
    active: Mapped[bool] = mapped_column(Boolean, default=True, server_default=true())

    def __str__(self) -> str:
        return f"{self.name} ({self.code})" if self.code else self.name


class Product(Stamped, Model):
    """A meter model as it is bought and installed."""

    __tablename__ = "product"
    __table_args__ = {"sqlite_autoincrement": True}

    id: Mapped[int] = mapped_column(Integer, primary_key=True)
    model: Mapped[str] = mapped_column(String(60), unique=True)
    name: Mapped[str] = mapped_column(String(100))
    meter_type: Mapped[MeterType] = mapped_column(words(MeterType), index=True)
    manufacturer_id: Mapped[int] = mapped_column(ForeignKey("manufacturer.id"), index=True)
    # Off: not offered to new meters.
    active: Mapped[bool] = mapped_column(Boolean, default=True, server_default=true())

    manufacturer: Mapped[Manufacturer] = relationship()

    def __str__(self) -> str:
        return f"{self.name} {self.model}"
