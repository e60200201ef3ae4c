"""What the home page shows: what needs a person, today's figures, the last sales."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import joinedload

from app.access.scope import By, Scope, narrow
from app.domain.calendar import business_date
from app.domain.money import Currency
from app.domain.states import SaleKind, SaleStatus
from app.extensions import db
from app.models import Sale, Settings
from app.models.base import now

WAITING_MAX = 20


@dataclass(frozen=True, slots=True)
class Today:
    """Today's issued sales in one's own rows: money in minor units."""

    amount: int
    sales: int
    waiting: int
    currency: Currency


def settings_row() -> Settings:
    """The installation's settings with their currency."""
    statement = select(Settings).where(Settings.id == 1).options(joinedload(Settings.currency))
    row: Settings = db.session().execute(statement).scalar_one()
    return row


def currency() -> Currency:
    """The installation's currency."""
    row = settings_row().currency
    return Currency(row.code, row.symbol, row.decimals)


def waiting_sales(scope: Scope) -> list[Sale]:
    """Reserved sales of one's own, oldest first, at most twenty."""
    statement = (
        narrow(select(Sale), scope, By.VENDING_POINT)
        .where(Sale.status == SaleStatus.RESERVED)
        .options(joinedload(Sale.meter), joinedload(Sale.consumer), joinedload(Sale.vending_point))
        .order_by(Sale.reserved_at)
        .limit(WAITING_MAX)
    )
    return list(db.session().execute(statement).scalars())


def today(scope: Scope, instant: datetime | None = None) -> Today:
    """Sums of the business day in the installation's currency."""
    row = settings_row()
    day = business_date(instant or now(), row.time_zone)
    money = row.currency
    issued = narrow(select(func.coalesce(func.sum(Sale.amount), 0), func.count(Sale.id)), scope, By.VENDING_POINT)
    amount, sales = db.session().execute(
        issued.where(
            Sale.business_date == day,
            Sale.status == SaleStatus.ISSUED,
            Sale.kind == SaleKind.SALE,
            Sale.currency == money.code,
        )
    ).one()
    waiting = db.session().execute(
        narrow(select(func.count(Sale.id)), scope, By.VENDING_POINT).where(Sale.status == SaleStatus.RESERVED)
    )
    return Today(
        int(amount), int(sales), int(waiting.scalar_one()), Currency(money.code, money.symbol, money.decimals)
    )


def last_sales(scope: Scope, limit: int = 5) -> list[Sale]:
    """The newest sales of one's own, whatever became of them."""
    statement = (
        narrow(select(Sale), scope, By.VENDING_POINT)
        .options(joinedload(Sale.meter), joinedload(Sale.consumer), joinedload(Sale.vending_point))
        .order_by(Sale.id.desc())
        .limit(limit)
    )
    return list(db.session().execute(statement).scalars())
