"""The installation's own settings, as the pages need them: once per request."""

from __future__ import annotations

from flask import Flask, g, has_request_context
from flask_babel import get_babel

from app.domain.calendar import zone
from app.domain.money import Currency
from app.extensions import db
from app.models import Settings


def settings() -> Settings:
    """The one row of settings, read once per request."""
    row = db.session.get_one(Settings, 1)
    g.settings_row = row  # NB: the session forgets a row that nobody holds, and a form asks fifty times
    return row


def time_zone() -> str:
    """The IANA name of the installation's time zone."""
    return settings().time_zone


def install(app: Flask) -> None:
    """Show every instant in the installation's time zone, whoever looks."""
    # NB: the zone itself, not its name: the names that pytz knows are not the system's.
    get_babel(app).timezone_selector = lambda: zone(time_zone())


def currency() -> Currency:
    """The currency that prices are typed in, read once for a request: a list asks it for every row."""
    if has_request_context() and "_currency" in g:
        return g._currency  # type: ignore[no-any-return]  # noqa: SLF001
    row = settings().currency
    money = Currency(row.code, row.symbol, row.decimals)
    if has_request_context():
        g._currency = money  # noqa: SLF001
    return money
