"""What a report needs to know of the installation: its day, its week, its money and its name."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.domain.calendar import business_date
from app.models import Currency, Settings


@dataclass(frozen=True, slots=True)
class Installation:
    """`decimals` tells how many places each currency has."""

    name: str
    time_zone: str
    first_weekday: int
    today: date
    now: datetime
    currency: str
    decimals: dict[str, int]
    demonstration: bool


def installation(session: Session, now: datetime) -> Installation:
    """The installation at the instant `now` (aware)."""
    row = session.get_one(Settings, 1)
    places = {code: decimals for code, decimals in session.execute(select(Currency.code, Currency.decimals))}  # noqa: C416
    return Installation(
        name=row.utility_name,
        time_zone=row.time_zone,
        first_weekday=row.first_weekday,
        today=business_date(now, row.time_zone),
        now=now,
        currency=row.currency.code,
        decimals=places,
        demonstration=row.demonstration,
    )
