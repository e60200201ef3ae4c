"""Settings of the installation: one row each of what there is one of.

Currency, licence and clock confirmations have tables of their own, because their past
matters: a sale names the currency it was made in.
"""

from __future__ import annotations

import base64
import secrets
from datetime import date, datetime

from flask_appbuilder import Model
from sqlalchemy import (
    Boolean,
    CheckConstraint,
    Date,
    ForeignKey,
    Integer,
    LargeBinary,
    String,
    Text,
    true,
)
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.domain.states import Paper, Settlement
from app.models.base import BigKey, Stamped, UTCDateTime, words

FOUR_EYES = "clear_credit,clear_tamper_condition,reversal"


def new_installation() -> str:
    """A name for an installation that no other has: 60 bits as twelve letters in three groups."""
    letters = base64.b32encode(secrets.token_bytes(8)).decode("ascii")[:12]
    return "-".join(letters[at : at + 4] for at in range(0, 12, 4))


class Currency(Stamped, Model):
    """A currency unit: code, symbol and 0 to 3 decimals."""

    __tablename__ = "currency"
    __table_args__ = (
        CheckConstraint("decimals BETWEEN 0 AND 3", name="decimals_range"),
        {"sqlite_autoincrement": True},
    )

    id: Mapped[int] = mapped_column(Integer, primary_key=True)
    code: Mapped[str] = mapped_column(String(3), unique=True)
    name: Mapped[str] = mapped_column(String(60))
    symbol: Mapped[str] = mapped_column(String(8))
    decimals: Mapped[int] = mapped_column(Integer, default=2)
    # Off: not offered any more; what was sold in it keeps it.
    active: Mapped[bool] = mapped_column(Boolean, default=True, server_default=true())

    def __str__(self) -> str:
        return self.code


class Settings(Stamped, Model):
    """The installation itself; there is exactly one row, with id 1."""

    __tablename__ = "settings"
    __table_args__ = (CheckConstraint("id = 1", name="only_one"),)

    id: Mapped[int] = mapped_column(Integer, primary_key=True, default=1)
    utility_name: Mapped[str] = mapped_column(String(100), default="Prepaid utility")
    utility_address: Mapped[str | None] = mapped_column(String(200))
    utility_telephone: Mapped[str | None] = mapped_column(String(60))
    tax_number: Mapped[str | None] = mapped_column(String(60))
    currency_id: Mapped[int] = mapped_column(ForeignKey("currency.id"))
    settlement: Mapped[Settlement] = mapped_column(words(Settlement), default=Settlement.UP)
    # Locked after the first sale.
    time_zone: Mapped[str] = mapped_column(String(40), default="UTC")
    first_weekday: Mapped[int] = mapped_column(Integer, default=0)
    # Minutes added to UTC for token ids; locked after the first token.
    token_offset_minutes: Mapped[int] = mapped_column(Integer, default=0)
    slip_header: Mapped[str | None] = mapped_column(String(200))
    slip_footer: Mapped[str | None] = mapped_column(String(200))
    mask_id_number: Mapped[bool] = mapped_column(Boolean, default=False)
    # Words for everybody, and for the customers of one utility; under COPY on a reprint.
    slip_message: Mapped[str | None] = mapped_column(String(200))
    slip_message_electricity: Mapped[str | None] = mapped_column(String(200))
    slip_message_water: Mapped[str | None] = mapped_column(String(200))
    slip_message_gas: Mapped[str | None] = mapped_column(String(200))
    slip_copy_text: Mapped[str | None] = mapped_column(String(100))
    # The name of a `SlipLogo`; empty: no picture.
    slip_logo: Mapped[str | None] = mapped_column(String(64))
    # A `Paper`, where neither the person nor the vending point has one of their own.
    slip_paper: Mapped[str] = mapped_column(String(8), default=Paper.ROLL_80.value, server_default=Paper.ROLL_80.value)
    default_language: Mapped[str] = mapped_column(String(8), default="en")
    demonstration: Mapped[bool] = mapped_column(Boolean, default=False)
    # What a licence may be bound to; it goes with the books, a backup's too.
    installation: Mapped[str | None] = mapped_column(String(14), default=new_installation)
    # What takes a second person: names of functions, comma separated.
    four_eyes: Mapped[str] = mapped_column(String(400), default=FOUR_EYES, server_default=FOUR_EYES)

    currency: Mapped[Currency] = relationship()


class SlipLogo(Model):
    """A picture that stood on slips, by the SHA-256 of its bytes: an old slip keeps its own."""

    __tablename__ = "slip_logo"

    digest: Mapped[str] = mapped_column(String(64), primary_key=True)
    # PNG as this program wrote it, never the bytes that were uploaded.
    picture: Mapped[bytes] = mapped_column(LargeBinary)
    width: Mapped[int] = mapped_column(Integer)
    height: Mapped[int] = mapped_column(Integer)
    added_at: Mapped[datetime] = mapped_column(UTCDateTime)


class Licence(Stamped, Model):
    """A licence as it was loaded; the newest row counts, and rows are never changed (triggers refuse it).

    What counts is the signed text; the columns beside it are for reading.  A row without a
    text is the built-in community licence.
    """

    __tablename__ = "licence"

    id: Mapped[int] = mapped_column(Integer, primary_key=True)
    holder: Mapped[str] = mapped_column(String(100))
    valid_until: Mapped[date | None] = mapped_column(Date)
    meters_allowed: Mapped[int | None] = mapped_column(Integer)
    issued_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    # The signed text it came from; empty for the built-in community licence.
    signed_text: Mapped[str] = mapped_column(Text, default="")
    # The newest rows when it was loaded: what a wrong clock wrote up to there says nothing of its days.
    after_sale_id: Mapped[int] = mapped_column(BigKey, default=0, server_default="0")
    after_token_id: Mapped[int] = mapped_column(BigKey, default=0, server_default="0")
    after_audit_id: Mapped[int] = mapped_column(BigKey, default=0, server_default="0")

    def __str__(self) -> str:
        return self.holder


class ClockConfirmation(Model):
    """Somebody said that the clock is right, although tokens say otherwise."""

    __tablename__ = "clock_confirmation"

    id: Mapped[int] = mapped_column(Integer, primary_key=True)
    confirmed_at: Mapped[datetime] = mapped_column(UTCDateTime)
    # Tokens up to this id no longer speak about the clock.
    after_token_id: Mapped[int] = mapped_column(Integer, default=0)
    user_id: Mapped[int] = mapped_column(ForeignKey("ab_user.id"))
