"""The region tree: adding, renaming, moving and deleting places."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, and_, false, func, select, true
from sqlalchemy.orm import Session

from app.access.scope import Scope
from app.db import transaction
from app.domain.errors import OutOfScope, RegionInUse, ValueTaken
from app.models import AppUser, Consumer, Meter, Region, Sale, VendingPoint
from app.models.region import LEVELS


def visible(session: Session, scope: Scope, text: str = "", limit: int | None = None) -> list[Region]:
    """The regions of this scope in the order of the tree, with those that hold `text` only."""
    statement = select(Region).where(in_scope(scope)).order_by(Region.full_name)
    if text.strip():
        pattern = f"%{literal(text.strip().lower())}%"
        statement = statement.where(func.lower(Region.full_name).like(pattern, escape="!"))
    return list(session.execute(statement.limit(limit)).scalars())


def in_scope(scope: Scope) -> ColumnElement[bool]:
    """The condition under which a region lies in the scope."""
    if scope.sees_all:
        return true()
    if scope.region_path is None:
        return false()
    return and_(Region.path >= scope.region_path, Region.path < scope.region_path[:-1] + "0")


def may_see(region: Region, scope: Scope) -> bool:
    """Whether the region lies in the scope."""
    return scope.sees_all or bool(scope.region_path and region.path.startswith(scope.region_path))


def add(name: str, parent_id: int | None, scope: Scope) -> int:
    """Add a country (no parent; only for somebody over everything), a province or a town.

    Raises OutOfScope for a foreign or unknown parent and below a town, ValueTaken for a name
    that a neighbour has.
    """
    with transaction() as session:
        if parent_id is None:
            if not scope.sees_all:
                raise OutOfScope
        else:
            parent = _own(session, parent_id, scope)
            if parent.level + 1 >= len(LEVELS):
                raise OutOfScope
        _require_free(session, name, parent_id)
        region = Region(name=name, parent_id=parent_id)
        session.add(region)
        session.flush()
        return region.id


def rename(region_id: int, name: str, scope: Scope) -> None:
    """Give a place another name; full names below it follow.  Raises OutOfScope, ValueTaken."""
    with transaction() as session:
        region = _own(session, region_id, scope)
        _require_free(session, name, region.parent_id, but=region_id)
        region.name = name


def move(region_id: int, parent_id: int, scope: Scope) -> None:
    """Hang a province under another country, or a town under another province.

    Sales keep the region they were made in.  Raises OutOfScope, also for a wrong level, and
    ValueTaken when a neighbour there has the name.
    """
    with transaction() as session:
        region, parent = _own(session, region_id, scope), _own(session, parent_id, scope)
        if parent.level + 1 != region.level:
            raise OutOfScope
        _require_free(session, region.name, parent_id, but=region_id)
        region.parent_id = parent_id


def uses(session: Session, region_id: int) -> dict[str, int]:
    """How many places, vending points, people, consumers, meters and sales hold on to it.

    Counted unscoped: a foreign row keeps a region as well.  Only what is there is named.
    """
    of_sale = (Sale.point_region_id == region_id) | (Sale.consumer_region_id == region_id)
    owners: dict[str, tuple[Any, Any]] = {
        "places": (Region, Region.parent_id == region_id),
        "vending_points": (VendingPoint, VendingPoint.region_id == region_id),
        "users": (AppUser, AppUser.region_id == region_id),
        "consumers": (Consumer, Consumer.region_id == region_id),
        "meters": (Meter, Meter.region_id == region_id),
        "sales": (Sale, of_sale),
    }
    columns = [
        select(func.count()).select_from(model).where(condition).scalar_subquery().label(word)
        for word, (model, condition) in owners.items()
    ]
    row = session.execute(select(*columns), execution_options={"unscoped": True}).one()
    found = dict(row._mapping)  # noqa: SLF001  (a Row names its columns only here)
    return {word: count for word, count in found.items() if count}


def delete(region_id: int, scope: Scope) -> None:
    """Delete a place that nothing uses.  Raises OutOfScope, RegionInUse."""
    with transaction() as session:
        region = _own(session, region_id, scope)
        used = uses(session, region_id)
        if used:
            raise RegionInUse(count=sum(used.values()))
        session.delete(region)


def _own(session: Session, region_id: int, scope: Scope) -> Region:
    region = session.get(Region, region_id)
    if region is None or not may_see(region, scope):
        raise OutOfScope
    return region


def _require_free(session: Session, name: str, parent_id: int | None, but: int = 0) -> None:
    """No two neighbours have one name, in whatever case (the database allows it to countries)."""
    same = select(Region.id).where(
        func.lower(Region.name) == name.lower(), Region.parent_id.is_not_distinct_from(parent_id), Region.id != but
    )
    if session.execute(same.limit(1)).first():
        raise ValueTaken


def literal(text: str) -> str:
    """Text whose % and _ stand for themselves in LIKE."""
    return text.replace("!", "!!").replace("%", "!%").replace("_", "!_")
