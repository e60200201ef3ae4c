"""The installation's own settings, as the pages need them: once per request."""

from __future__ import annotations

from app.domain.money import Currency
from app.extensions import db
from app.models import Settings


def settings() -> Settings:
    """The one row of settings (the session keeps it for the request)."""
    return db.session.get_one(Settings, 1)


def time_zone() -> str:
    """The IANA name of the installation's time zone."""
    return settings().time_zone


def currency() -> Currency:
    """The currency that prices are typed in."""
    row = settings().currency
    return Currency(row.code, row.symbol, row.decimals)
