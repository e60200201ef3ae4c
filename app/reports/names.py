"""Names and filters: which vending point, operator, region, tariff, consumer or meter is meant, if it is the reader's.

Whoever is not asked for by an id in rows that were narrowed is looked up under the reader's scope here.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Select, or_, select, true
from sqlalchemy.orm import Session

from app.access.scope import By, Scope, narrow
from app.domain.states import RowScope
from app.models import AppUser, Consumer, Meter, Region, Tariff, VendingPoint
from app.postgresql import OWN_PLAN

# NB: every statement of the reports says its scope itself, because P1 and P6 to P8 are wider than the wall.
UNSCOPED = {"unscoped": True}
# Of statements that read the sales of a period, which may be a day or two years.
OF_A_PERIOD = UNSCOPED | OWN_PLAN
CHOICES_MAX = 200
# Of more ids than that, all between the first and the last are read: to name each costs more than reading the others.
IDS_MAX = 500


@dataclass(frozen=True, slots=True)
class Choice:
    """One thing that may be chosen: what stands in the address, and what is read."""

    key: str
    name: str


@dataclass(frozen=True, slots=True)
class Place:
    """A region: its id, its path and its full name; `alone` without the places within it."""

    id: int
    path: str
    name: str
    alone: bool = False

    def inside(self, column: Any) -> ColumnElement[bool]:
        """Rows of this place and, unless it is meant alone, of those below it."""
        if self.alone:
            return column == self.id  # type: ignore[no-any-return]
        return column.in_(select(Region.id).where(Region.path >= self.path, Region.path < self.path[:-1] + "0"))  # type: ignore[no-any-return]


def own(session: Session, scope: Scope, name: str, text: str) -> Any:
    """What the filter `name` means by `text`: an id, a Place; None if there is no such row of the reader's."""
    if name == "region":
        return _region(session, scope, text)
    if name == "point":
        return _one(session, _points(scope, VendingPoint.id).where(VendingPoint.code == text))
    if name == "operator":
        return _one(session, _operators(scope, AppUser.id).where(AppUser.username == text))
    if name == "tariff":
        number = int(text) if re.fullmatch(r"[0-9]{1,9}", text, re.ASCII) else 0
        return _one(session, select(Tariff.id).where(Tariff.id == number))
    if name == "consumer":
        wanted = select(Consumer.id).where(Consumer.user_number == text)
        return _one(session, narrow(wanted, scope, By.CONSUMER_REGION, Consumer))
    if name == "meter":
        digits = re.sub(r"[\s-]", "", text)
        wanted = select(Meter.id).where(Meter.meter_number == digits)
        return _one(session, narrow(wanted, scope, By.CONSUMER_REGION, Meter))
    raise LookupError(name)


def _one(session: Session, statement: Select[Any]) -> Any:
    return session.execute(statement, execution_options=UNSCOPED).scalar()


def _region(session: Session, scope: Scope, text: str) -> Place | None:
    if not re.fullmatch(r"[0-9]{1,9}", text, re.ASCII):
        return None
    wanted = select(Region.id, Region.path, Region.full_name).where(Region.id == int(text))
    row = session.execute(wanted).first()
    if row is None or not (scope.sees_all or (scope.region_path and row.path.startswith(scope.region_path))):
        return None
    return Place(row.id, row.path, row.full_name)


def _points(scope: Scope, *columns: Any) -> Select[Any]:
    return narrow(select(*columns), scope, By.VENDING_POINT, VendingPoint)


def _operators(scope: Scope, *columns: Any) -> Select[Any]:
    """People of the reader's own vending points and regions, themselves included."""
    wanted = select(*columns)
    if scope.sees_all:
        return wanted.where(true())
    points = _points(scope, VendingPoint.id)
    mine = or_(AppUser.vending_point_id.in_(points), AppUser.id == (scope.user_id or 0))
    if scope.row_scope is not RowScope.VENDING_POINT and scope.region_path:
        low, high = scope.region_path, scope.region_path[:-1] + "0"
        inside = select(Region.id).where(Region.path >= low, Region.path < high)
        mine = or_(mine, AppUser.region_id.in_(inside))
    return wanted.where(mine)


def choices(session: Session, scope: Scope, name: str) -> list[Choice] | None:
    """What a filter may be, by name; None when there are too many for a list and it is typed."""
    if name == "point":
        statement = _points(scope, VendingPoint.code, VendingPoint.name).order_by(VendingPoint.name)
    elif name == "operator":
        statement = _operators(
            scope, AppUser.username, AppUser.first_name + " " + AppUser.last_name
        ).order_by(AppUser.last_name, AppUser.first_name)
    else:
        statement = select(Tariff.id, Tariff.name).order_by(Tariff.name)
    rows = session.execute(statement.limit(CHOICES_MAX + 1), execution_options=UNSCOPED).all()
    return [Choice(str(key), name) for key, name in rows] if len(rows) <= CHOICES_MAX else None


def points(session: Session, ids: Iterable[int]) -> Mapping[int, tuple[str, str]]:
    """Code and name of vending points that stand in narrowed rows."""
    return {
        row[0]: (row[1], row[2])
        for row in _by_ids(session, select(VendingPoint.id, VendingPoint.code, VendingPoint.name), VendingPoint.id, ids)
    }


def regions(session: Session, ids: Iterable[int]) -> Mapping[int, tuple[str, str]]:
    """Path and full name of regions."""
    return {
        row[0]: (row[1], row[2])
        for row in _by_ids(session, select(Region.id, Region.path, Region.full_name), Region.id, ids)
    }


def holding(session: Session, ids: Iterable[int]) -> frozenset[int]:
    """Those regions that have others within them."""
    wanted, found = frozenset(ids), set()
    for column in (Region.parent_id, Region.merged_into_id):
        found |= {row[0] for row in _by_ids(session, select(column).distinct(), column, wanted)}
    return frozenset(found)


def tariffs(session: Session, ids: Iterable[int]) -> Mapping[int, str]:
    """Names of tariffs."""
    return {row[0]: row[1] for row in _by_ids(session, select(Tariff.id, Tariff.name), Tariff.id, ids)}


def _by_ids(session: Session, statement: Select[Any], column: Any, ids: Iterable[int]) -> list[Any]:
    """Rows whose first column, `column`, is one of these."""
    wanted = {one for one in ids if one is not None}
    if not wanted:
        return []
    few = len(wanted) <= IDS_MAX
    within = column.in_(sorted(wanted)) if few else column.between(min(wanted), max(wanted))
    # On the session's connection: the session would look at each row once more.
    found = session.connection().execute(statement.where(within), execution_options=UNSCOPED).all()
    return list(found) if few else [row for row in found if row[0] in wanted]
