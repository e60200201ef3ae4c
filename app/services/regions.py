"""The region tree: adding, renaming, moving and deleting places."""

from __future__ import annotations

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.access.scope import Scope
from app.db import transaction
from app.domain.errors import OutOfScope, RegionInUse
from app.models import AppUser, Consumer, Meter, Region, Sale, VendingPoint
from app.models.region import LEVELS


def visible(session: Session, scope: Scope, text: str = "", limit: int | None = None) -> list[Region]:
    """The regions of this scope in the order of the tree, with those that hold `text` only."""
    statement = select(Region).order_by(Region.full_name)
    if not scope.sees_all:
        path = scope.region_path or "?"  # no path begins so: nothing is seen
        statement = statement.where(Region.path >= path, Region.path < path[:-1] + "0")
    if text.strip():
        pattern = f"%{_literal(text.strip().lower())}%"
        statement = statement.where(func.lower(Region.full_name).like(pattern, escape="!"))
    return list(session.execute(statement.limit(limit)).scalars())


def may_see(region: Region, scope: Scope) -> bool:
    """Whether the region lies in the scope."""
    return scope.sees_all or bool(scope.region_path and region.path.startswith(scope.region_path))


def add(name: str, parent_id: int | None, scope: Scope) -> int:
    """Add a country (no parent; only for somebody over everything), a province or a town.

    Raises OutOfScope for a foreign or unknown parent and below a town.
    """
    with transaction() as session:
        if parent_id is None:
            if not scope.sees_all:
                raise OutOfScope
        else:
            parent = _own(session, parent_id, scope)
            if parent.level + 1 >= len(LEVELS):
                raise OutOfScope
        region = Region(name=name, parent_id=parent_id)
        session.add(region)
        session.flush()
        return region.id


def rename(region_id: int, name: str, scope: Scope) -> None:
    """Give a place another name; full names below it follow.  Raises OutOfScope."""
    with transaction() as session:
        region = _own(session, region_id, scope)
        region.name = name


def move(region_id: int, parent_id: int, scope: Scope) -> None:
    """Hang a province under another country, or a town under another province.

    Sales keep the region they were made in.  Raises OutOfScope, also for a wrong level.
    """
    with transaction() as session:
        region, parent = _own(session, region_id, scope), _own(session, parent_id, scope)
        if parent.level + 1 != region.level:
            raise OutOfScope
        region.parent_id = parent_id


def uses(session: Session, region_id: int) -> dict[str, int]:
    """How many places, vending points, people, consumers, meters and sales hold on to it.

    Counted unscoped: a foreign row keeps a region as well.  Only what is there is named.
    """
    counts = {
        "places": select(func.count()).where(Region.parent_id == region_id),
        "vending_points": select(func.count()).where(VendingPoint.region_id == region_id),
        "users": select(func.count()).where(AppUser.region_id == region_id),
        "consumers": select(func.count()).where(Consumer.region_id == region_id),
        "meters": select(func.count()).where(Meter.region_id == region_id),
        "sales": select(func.count()).where(
            (Sale.point_region_id == region_id) | (Sale.consumer_region_id == region_id)
        ),
    }
    found = {
        word: session.execute(query, execution_options={"unscoped": True}).scalar_one()
        for word, query in counts.items()
    }
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


def _literal(text: str) -> str:
    """Text whose % and _ stand for themselves in LIKE."""
    return text.replace("!", "!!").replace("%", "!%").replace("_", "!_")
