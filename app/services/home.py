"""What the home page shows: what needs a person, today's figures, the last sales."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import Select, case, func, select
from sqlalchemy.orm import joinedload, undefer

from app.access.scope import By, Scope, narrow
from app.domain.calendar import business_date
from app.domain.money import Currency
from app.domain.states import SaleKind, SaleStatus
from app.extensions import db
from app.models import Currency as CurrencyRow
from app.models import Sale, Settings
from app.models.base import now

WAITING_MAX = 20


@dataclass(frozen=True, slots=True)
class Today:
    """Today in one's own rows: minor units that should be in the drawer, and how many sales were issued."""

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
    return Currency(*db.session().execute(_currency(), execution_options={"unscoped": True}).one())


@cache
def _currency() -> Select[Any]:
    """Three columns, because a quote wants nothing else of the settings."""
    settings, money = Settings.__table__.c, CurrencyRow.__table__.c
    return (
        select(money.code, money.symbol, money.decimals)
        .join(Settings.__table__, settings.currency_id == money.id)
        .where(settings.id == 1)
    )


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
    """Sums of the business day in the installation's currency.

    The amount is the day sheet's cash expected: what waits is held already, what was reversed went back.
    """
    row = settings_row()
    day = business_date(instant or now(), row.time_zone)
    money = row.currency
    back = Sale.kind == SaleKind.REVERSAL
    cash = func.coalesce(func.sum(case((back, -Sale.amount), else_=Sale.amount)), 0)
    issued = func.count(case((~back & (Sale.status == SaleStatus.ISSUED), 1)))
    amount, sales = db.session().execute(
        narrow(select(cash, issued), scope, By.VENDING_POINT).where(
            Sale.business_date == day,
            Sale.status.in_((SaleStatus.ISSUED, SaleStatus.RESERVED)),
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
        .options(
            joinedload(Sale.meter), joinedload(Sale.consumer), joinedload(Sale.vending_point), undefer(Sale.undone)
        )
        .order_by(Sale.id.desc())
        .limit(limit)
    )
    return list(db.session().execute(statement).scalars())
