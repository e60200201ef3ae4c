"""Today in figures for the home page: by hour and kind of meter beside the same weekday of the last weeks.

A seller's figures are those of the day sheet, with the money of sales that wait (it is in the drawer); everybody
else's are those of the sales statistics.  All of it is one statement over five days of an index that holds all it
asks for; the rest reads sums of the day.  Two currencies are never added: the installation's own is shown.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

from sqlalchemy import and_, case, func, literal_column, select
from sqlalchemy.orm import Session

from app.access.scope import By, Scope, criterion, narrow
from app.domain.calendar import business_date, day_start_utc, zone
from app.domain.money import Currency
from app.domain.states import MeterType, RowScope, SaleKind, SaleStatus
from app.models import Region, Sale, SaleDay, VendingPoint
from app.postgresql import OWN_PLAN

WEEKS = 4
_DAY, _WEEK = timedelta(days=1), timedelta(days=7)
UNSCOPED = {"unscoped": True}


@dataclass(frozen=True, slots=True)
class Sums:
    """Minor units and how many sales; `usual` is the mean on the same weekdays, minor units."""

    amount: int
    sales: int
    usual: int


@dataclass(frozen=True, slots=True)
class Today:
    """The business day so far, in the installation's currency.

    `usual` is None while no same weekday of the last four weeks had a sale; `weeks` is how many had.
    `own` is what the asking person took of it.
    `hours` runs from the first hour in which something is sold, today or usually, to the last.
    `others` has each other currency that was sold in: code, places, minor units.
    """

    day: date
    hour: int
    currency: Currency
    drawer: bool
    amount: int
    sales: int
    reversals: int
    given_back: int
    own: int
    usual: int | None
    weeks: int
    hours: dict[int, Sums]
    kinds: dict[MeterType, Sums]
    others: tuple[tuple[str, int, int], ...]


@dataclass(frozen=True, slots=True)
class PointDay:
    """A vending point with its sums of today, or with what it usually has on this weekday (minor units)."""

    code: str
    name: str
    place: str
    amount: int
    sales: int


@dataclass(frozen=True, slots=True)
class Points:
    """Those that sold most today, and those that usually sell on this weekday and have not today; how many in all."""

    best: tuple[PointDay, ...]
    quiet: tuple[PointDay, ...]
    selling: int
    silent: int
    active: int


def by_drawer(scope: Scope) -> bool:
    """Whether this person's figures are those of a drawer: one vending point, waiting sales included."""
    return scope.row_scope is RowScope.VENDING_POINT


def same_weekdays(day: date) -> list[date]:
    """The same weekday of the last four weeks.

    >>> same_weekdays(date(2026, 11, 26))[0]
    datetime.date(2026, 11, 19)
    """
    return [day - n * _WEEK for n in range(1, WEEKS + 1)]


def today(session: Session, scope: Scope, currency: Currency, time_zone: str, at: datetime) -> Today:
    """The day so far of one's own rows; `at` is now (aware)."""
    day = business_date(at, time_zone)
    past = same_weekdays(day)
    statement = _statement(session, scope, day, past, at, time_zone)
    rows = session.execute(statement, execution_options=UNSCOPED | OWN_PLAN).all()
    mine = [_Read.of(row, time_zone) for row in rows if row.currency == currency.code]
    so_far = [row for row in mine if row.day == day]
    then = [row for row in mine if row.day != day]
    weeks = len({row.day for row in then if row.counts})
    busy = {row.hour for row in mine if row.counts or row.day == day}
    span = range(min(busy), max(busy) + 1) if busy else range(0)
    known = {row.kind for row in mine if row.counts or row.day == day}
    others: dict[tuple[str, int], int] = {}
    for row in rows:
        if row.currency != currency.code and row.business_date == day:
            key, sign = (row.currency, row.currency_decimals), -1 if row.kind is SaleKind.REVERSAL else 1
            others[key] = others.get(key, 0) + sign * int(row.amount)
    return Today(
        day=day, hour=at.astimezone(zone(time_zone)).hour, currency=currency, drawer=by_drawer(scope),
        amount=sum(row.amount for row in so_far), sales=sum(row.sales for row in so_far),
        reversals=sum(row.reversals for row in so_far),
        given_back=-sum(row.amount for row in so_far if row.reversals), own=sum(row.own for row in so_far),
        usual=_mean(sum(row.early for row in then), weeks) if weeks else None, weeks=weeks,
        hours={
            hour: _sums(
                (row for row in so_far if row.hour == hour), (row.amount for row in then if row.hour == hour), weeks
            ) for hour in span
        },
        kinds={
            kind: _sums(
                (row for row in so_far if row.kind is kind), (row.early for row in then if row.kind is kind), weeks
            ) for kind in MeterType if kind in known
        },
        others=tuple((code, places, amount) for (code, places), amount in sorted(others.items())),
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Read:
    """One line of the statement; `early` is the part of `amount` up to this time of day."""

    day: date
    hour: int
    kind: MeterType
    sales: int
    reversals: int
    amount: int
    early: int
    own: int

    @classmethod
    def of(cls, row: Any, time_zone: str) -> _Read:
        """A row of the statement, its hour in the installation's zone."""
        undoes = row.kind is SaleKind.REVERSAL
        sign, count = -1 if undoes else 1, int(row.count)
        issued = row.status is SaleStatus.ISSUED
        return cls(
            row.business_date, _hour(row.slot, time_zone), row.meter_type, count if issued and not undoes else 0,
            count if undoes else 0, sign * int(row.amount), sign * int(row.early), sign * int(row.own),
        )  # fmt: skip

    @property
    def counts(self) -> bool:
        """Whether anything was taken: a day on which something was only given back is no day of selling."""
        return not self.reversals


def _statement(session: Session, scope: Scope, day: date, past: list[date], at: datetime, time_zone: str) -> Any:
    """Sums of today and of the same weekdays by slot of the clock and by what the sums are told apart by."""
    statuses = (SaleStatus.ISSUED, SaleStatus.RESERVED) if by_drawer(scope) else (SaleStatus.ISSUED,)
    # NB: the same time by the clock, not the same hours since midnight: in between summer time may have begun.
    clock = at.astimezone(zone(time_zone)).time()
    until = {one: datetime.combine(one, clock, zone(time_zone)).astimezone(UTC) for one in past}
    early = Sale.reserved_at <= case(until, value=Sale.business_date, else_=at)
    key = (
        Sale.business_date, _slot(session, day, past, time_zone), Sale.meter_type, Sale.kind, Sale.status,
        Sale.currency, Sale.currency_decimals,
    )  # fmt: skip
    own = case((Sale.operator_id == scope.user_id, Sale.amount), else_=0) if by_drawer(scope) else literal_column("0")
    statement = (
        select(
            *key, func.count().label("count"), func.sum(Sale.amount).label("amount"),
            func.sum(case((early, Sale.amount), else_=0)).label("early"), func.sum(own).label("own"),
        )
        .where(Sale.business_date.in_([day, *past]), Sale.status.in_(statuses))
        .group_by(*key)
    )  # fmt: skip
    return narrow(statement, scope, By.VENDING_POINT)


def _slot(session: Session, day: date, past: list[date], time_zone: str) -> Any:
    """The hour of an instant in UTC, or its minute where the zone is not whole hours from UTC."""
    edges = [day_start_utc(one, time_zone) for one in (day, *past)]
    whole = all(edge.minute == 0 for edge in edges)
    if session.get_bind().dialect.name == "postgresql":
        # NB: constants, or PostgreSQL takes the one in GROUP BY for another.
        return func.date_trunc(literal_column("'hour'" if whole else "'minute'"), Sale.reserved_at).label("slot")
    return func.substr(Sale.reserved_at, literal_column("1"), literal_column("13" if whole else "16")).label("slot")


def _hour(slot: Any, time_zone: str) -> int:
    """The hour of the day, 0 to 23, in the installation's zone."""
    text = slot if isinstance(slot, str) else slot.isoformat(sep=" ")
    instant = datetime.fromisoformat(text if len(text) > len("2026-11-26 14") else f"{text}:00").replace(tzinfo=UTC)
    return instant.astimezone(zone(time_zone)).hour


def _sums(rows: Iterable[_Read], then: Iterable[int], weeks: int) -> Sums:
    found = list(rows)
    return Sums(sum(row.amount for row in found), sum(row.sales for row in found), _mean(sum(then), weeks))


def _mean(total: int, count: int) -> int:
    """To the nearest minor unit, a half upwards; nought of none."""
    return (2 * total + count) // (2 * count) if count else 0


# --- vending points -------------------------------------------------------------------------


def points(session: Session, scope: Scope, currency: Currency, day: date, limit: int = 5) -> Points:
    """Vending points of one's region by what they sold today, and those that sell nothing but usually do."""
    mine = and_(VendingPoint.active, criterion(VendingPoint, scope))
    sold = (
        narrow(select(SaleDay.vending_point_id), scope, By.POINT_REGION, SaleDay)
        .where(SaleDay.business_date == day, SaleDay.currency == currency.code)
        .group_by(SaleDay.vending_point_id)
    )
    selling = sold.having(func.sum(SaleDay.sales) > 0)
    sums = (func.sum(SaleDay.amount), func.sum(SaleDay.sales), func.count().over())
    best = _ranked(session, selling.add_columns(*sums), limit)
    usual = (
        narrow(select(SaleDay.vending_point_id), scope, By.POINT_REGION, SaleDay)
        .join(VendingPoint, VendingPoint.id == SaleDay.vending_point_id)
        .where(
            SaleDay.business_date.in_(same_weekdays(day)), SaleDay.currency == currency.code, mine,
            SaleDay.vending_point_id.not_in(selling),
        )
        .group_by(SaleDay.vending_point_id)
        .having(func.sum(SaleDay.sales) > 0)
    )  # fmt: skip
    mean = func.sum(SaleDay.amount) // func.count(SaleDay.business_date.distinct())
    quiet = _ranked(session, usual.add_columns(mean, literal_column("0"), func.count().over()), limit)
    active = session.execute(select(func.count(VendingPoint.id)).where(mine), execution_options=UNSCOPED).scalar_one()
    return Points(best[0], quiet[0], best[1], quiet[1], int(active))


def _ranked(session: Session, statement: Any, limit: int) -> tuple[tuple[PointDay, ...], int]:
    """The first ones by amount with their names, and how many there are."""
    order = (statement.selected_columns[1].desc(), SaleDay.vending_point_id)
    rows = session.execute(statement.order_by(*order).limit(limit), execution_options=UNSCOPED | OWN_PLAN).all()
    if not rows:
        return (), 0
    names = session.execute(
        select(VendingPoint.id, VendingPoint.code, VendingPoint.name, Region.name)
        .join(Region, Region.id == VendingPoint.region_id)
        .where(VendingPoint.id.in_([row[0] for row in rows])),
        execution_options=UNSCOPED,
    )
    known = {key: (code, name, place) for key, code, name, place in names}
    ranked = [(known[key], amount, sales) for key, amount, sales, _all in rows]
    return tuple(PointDay(*who, int(amount), int(sales)) for who, amount, sales in ranked), int(rows[0][3])
