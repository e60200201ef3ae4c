"""What the home page shows of sales: those that wait, and the last ones."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from functools import cache
from typing import Any

from sqlalchemy import Select, func, literal_column, select
from sqlalchemy.orm import joinedload, undefer

from app.access.scope import By, Scope, narrow
from app.domain.money import Currency
from app.domain.states import RowScope, SaleStatus
from app.extensions import db
from app.models import ActReprint, Reprint, Sale, Settings
from app.models import Currency as CurrencyRow
from app.postgresql import OWN_PLAN

WAITING_SHOWN = 5
WEEK = 7


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


def waiting_sales(scope: Scope) -> tuple[list[Sale], int]:
    """The oldest reserved sales of one's own, and how many there are besides these."""
    statement = (
        narrow(select(Sale, func.count().over()), scope, By.VENDING_POINT)
        .where(Sale.status == SaleStatus.RESERVED)
        .options(
            joinedload(Sale.meter), joinedload(Sale.consumer), joinedload(Sale.vending_point), joinedload(Sale.module)
        )
        .order_by(Sale.reserved_at, Sale.id)
        .limit(WAITING_SHOWN)
    )
    rows = db.session().execute(statement).all()
    return [sale for sale, _all in rows], (int(rows[0][1]) - len(rows) if rows else 0)


def waiting_since(scope: Scope) -> tuple[int, date | None]:
    """How many sales of one's own wait for an answer, and the business day of the oldest."""
    wanted = narrow(select(func.count(Sale.id), func.min(Sale.business_date)), scope, By.VENDING_POINT)
    wanted = wanted.where(Sale.status == SaleStatus.RESERVED)
    count, first = db.session().execute(wanted, execution_options=OWN_PLAN).one()
    return int(count), first


def copies(scope: Scope, since: datetime) -> int:
    """How many copies of slips of one's own sales and acts were printed since then; a first printing is none."""
    found = 0
    for copy in (Reprint, ActReprint):
        again = copy.copy_number > literal_column("1")  # as the small index of copies says it
        statement = select(func.count()).select_from(copy).where(copy.printed_at >= since, again)
        statement = narrow(statement, scope, By.VENDING_POINT, copy)
        found += int(db.session().execute(statement, execution_options={"unscoped": True} | OWN_PLAN).scalar_one())
    return found


def last_sales(scope: Scope, day: date, limit: int = 5) -> list[Sale]:
    """The newest sales of one's own of today, else of the week before, whatever became of them.

    NB: without the days, those of a region would be looked for through all that was ever sold in it.
    """
    ids = select(Sale.id)
    if scope.sees_all:
        return _rows(ids.order_by(Sale.id.desc()).limit(limit))
    if scope.row_scope is RowScope.VENDING_POINT:
        own = narrow(ids, scope, By.VENDING_POINT).order_by(Sale.business_date.desc(), Sale.id.desc())
        return _rows(own.limit(limit))
    week = [day - timedelta(days=n) for n in range(WEEK + 1)]
    for days in ([day], week):
        mine = narrow(ids, scope, By.VENDING_POINT)
        mine = mine.where(Sale.business_date.in_(days), Sale.status.in_(list(SaleStatus)))
        found = _rows(mine.order_by(Sale.reserved_at.desc(), Sale.id.desc()).limit(limit))
        if len(found) == limit:
            break
    return found


def _rows(ids: Select[Any]) -> list[Sale]:
    """These sales with what is shown of them, the newest first."""
    session = db.session()
    wanted = list(session.execute(ids, execution_options=OWN_PLAN).scalars())
    if not wanted:
        return []
    statement = (
        select(Sale)
        .where(Sale.id.in_(wanted))
        .options(
            joinedload(Sale.meter), joinedload(Sale.consumer), joinedload(Sale.vending_point), undefer(Sale.undone)
        )
        .order_by(Sale.id.desc())
    )
    return list(session.execute(statement).scalars())
