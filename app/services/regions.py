"""Reading the region tree: what is in one's own part of it, what is found, how much each place holds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any

from sqlalchemy import ColumnElement, and_, case, false, func, or_, select, true
from sqlalchemy.orm import Session, aliased

from app.access.scope import Scope
from app.domain.folding import fold
from app.models import AppUser, Consumer, EngineeringRecord, Meter, Region, Sale, VendingPoint


@dataclass(frozen=True, slots=True)
class Counts:
    """How much belongs to a place and to what lies below it (`places` counts only what lies below)."""

    places: int = 0
    vending_points: int = 0
    users: int = 0
    consumers: int = 0
    meters: int = 0

    def said(self) -> dict[str, int]:
        """What is there, by its word; nothing that is zero."""
        named = {field.name: getattr(self, field.name) for field in fields(self)}
        return {word: count for word, count in named.items() if count}


# --- conditions ---------------------------------------------------------------------------


def living() -> ColumnElement[bool]:
    """Places that were not merged into another one."""
    return Region.merged_into_id.is_(None)


def within(path: str, column: Any = Region.path) -> ColumnElement[bool]:
    """The subtree of a place by its path, the place itself included; a range of the path's index."""
    return and_(column >= path, column < path[:-1] + "0")  # '0' follows '/'


def in_scope(scope: Scope) -> ColumnElement[bool]:
    """The condition under which a region lies in the scope."""
    if scope.sees_all:
        return true()
    return false() if scope.region_path is None else within(scope.region_path)


def may_see(region: Region, scope: Scope) -> bool:
    """Whether the region lies in the scope."""
    return scope.sees_all or bool(scope.region_path and region.path.startswith(scope.region_path))


def offered() -> ColumnElement[bool]:
    """Places that may be chosen for something new: alive, and neither they nor one above is switched off.

    One condition however many are off: each list of the three levels is read once for a statement.
    """
    top, middle = aliased(Region), aliased(Region)
    off = select(top.id).where(top.active.is_(False))
    below_off = select(middle.id).where(middle.parent_id.in_(off))
    above = and_(Region.parent_id.not_in(off), Region.parent_id.not_in(below_off))
    return and_(living(), Region.active.is_(True), or_(Region.parent_id.is_(None), above))


def is_offered(session: Session, region_id: int) -> bool:
    """Whether this place may be chosen for something new."""
    return session.scalar(select(Region.id).where(Region.id == region_id, offered())) is not None


def literal(text: str) -> str:
    """Text whose % and _ stand for themselves in LIKE."""
    return text.replace("!", "!!").replace("%", "!%").replace("_", "!_")


def holds(text: str) -> ColumnElement[bool]:
    """Places whose full name holds every word that was typed, in whatever case and with or without accents."""
    words = fold(text).replace(",", " ").split()
    return and_(true(), *[Region.search_name.like(f"%{literal(word)}%", escape="!") for word in words])


# --- finding ------------------------------------------------------------------------------


def visible(
    session: Session, scope: Scope, text: str = "", limit: int | None = None, *,
    for_new: bool = False, level: int | None = None,
) -> list[Region]:  # fmt: skip
    """The living regions of this scope; with `text` those that hold its words, the likeliest first.

    `for_new` leaves out what is switched off, `level` what is of another one.
    """
    statement = select(Region).where(in_scope(scope), offered() if for_new else living())
    if level is not None:
        statement = statement.where(Region.level == level)
    words = fold(text)
    if not words:
        return list(session.scalars(statement.order_by(Region.full_name).limit(limit)))
    begins, inside = f"{literal(words)}%", f"% {literal(words)}%"
    rank = case(
        (Region.search_name == words, 0),
        (Region.search_name.like(begins, escape="!"), 1),
        (Region.search_name.like(inside, escape="!"), 2),
        else_=3,
    )
    order = (rank, Region.level, Region.search_name)
    return list(session.scalars(statement.where(holds(text)).order_by(*order).limit(limit)))


def by_full_name(session: Session, scope: Scope, name: str) -> Region | None:
    """The region of exactly this full name (`Town, Province, Country`), case and accents aside.

    Two neighbours may differ in an accent alone; then the one that is written so is meant.
    """
    wanted = " ".join(name.split())
    same = select(Region).where(in_scope(scope), living(), Region.search_name == fold(wanted))
    found = list(session.scalars(same))
    if len(found) == 1:
        return found[0]
    written = [region for region in found if region.full_name.casefold() == wanted.casefold()]
    return written[0] if len(written) == 1 else None


def root(session: Session, scope: Scope) -> Region | None:
    """The highest place of somebody with a region of their own; None for who is over everything, or nowhere."""
    if scope.sees_all or scope.region_path is None:
        return None
    return session.scalars(select(Region).where(Region.path == scope.region_path)).one_or_none()


def below(
    session: Session, parent: Region | None, limit: int, offset: int = 0, *, for_new: bool = False
) -> tuple[list[Region], int]:
    """The living places directly below `parent` (None: the countries), by name, and how many there are.

    `for_new` leaves out what is switched off.
    """
    alive = offered() if for_new else living()
    own = and_(alive, Region.parent_id == parent.id if parent else Region.parent_id.is_(None))
    count = session.execute(select(func.count()).select_from(Region).where(own)).scalar_one()
    rows = select(Region).where(own).order_by(Region.search_name, Region.id).limit(limit).offset(offset)
    return list(session.scalars(rows)), count


def holding(session: Session, keys: Sequence[int]) -> dict[int, int]:
    """How many living places stand directly below each of these."""
    if not keys:
        return {}
    own = select(Region.parent_id, func.count()).where(Region.parent_id.in_(keys), living()).group_by(Region.parent_id)
    return {int(key): count for key, count in session.execute(own)}


def standing_before(session: Session, region: Region) -> int:
    """How many neighbours stand before it in the order of `below`: which page it is on."""
    parent = Region.parent_id == region.parent_id if region.parent_id else Region.parent_id.is_(None)
    before = or_(
        Region.search_name < region.search_name, and_(Region.search_name == region.search_name, Region.id < region.id)
    )
    statement = select(func.count()).select_from(Region).where(living(), parent, before)
    return session.execute(statement).scalar_one()


def merged_into(session: Session, region_id: int) -> list[Region]:
    """The places that were merged into this one, by name."""
    statement = select(Region).where(Region.merged_into_id == region_id).order_by(Region.full_name)
    return list(session.scalars(statement))


# --- how much there is --------------------------------------------------------------------


def counts(session: Session, shown: Sequence[Region]) -> dict[int, Counts]:
    """What belongs to each of these places and to what lies below it.

    Rows are counted by their own region, a walk along an index, and summed up the tree here: three
    levels make it a few thousand additions, where the database would join each place with all that
    lies below it.  In a request the guard keeps it to one's own rows.
    """
    if not shown:
        return {}
    above = _parents(session)
    found = {
        word: _summed(session, model, above)
        for word, model in (
            ("vending_points", VendingPoint),
            ("users", AppUser),
            ("consumers", Consumer),
            ("meters", Meter),
        )
    }
    places: dict[int, int] = {}
    for key in above:
        for higher in _line(key, above)[1:]:
            places[higher] = places.get(higher, 0) + 1
    found["places"] = places
    keys = [region.id for region in shown]
    return {key: Counts(**{word: by_key.get(key, 0) for word, by_key in found.items()}) for key in keys}


def _parents(session: Session) -> dict[int, int | None]:
    """Every living place and the one above it."""
    rows = session.execute(select(Region.id, Region.parent_id).where(living()))
    return {key: parent for key, parent in rows}  # noqa: C416  (a Row is not a pair to mypy)


def _line(key: int, above: dict[int, int | None]) -> list[int]:
    """The place and those above it, the highest last."""
    line, at = [], key if key in above else None
    while at is not None:
        line.append(at)
        at = above.get(at)
    return line


def _summed(session: Session, model: Any, above: dict[int, int | None]) -> dict[int, int]:
    own = select(model.region_id, func.count()).where(model.region_id.is_not(None)).group_by(model.region_id)
    sums: dict[int, int] = {}
    for key, count in session.execute(own):
        for place in _line(key, above):
            sums[place] = sums.get(place, 0) + count
    return sums


def uses(session: Session, region_id: int) -> dict[str, int]:
    """How many rows hold on to this very place, so that it cannot be deleted; by their word.

    Counted unscoped: a foreign row keeps a region as well.  Only what is there is named.
    """
    owners: dict[str, tuple[Any, ColumnElement[bool]]] = {
        "places": (Region, Region.parent_id == region_id),
        "merged": (Region, Region.merged_into_id == region_id),
        "vending_points": (VendingPoint, VendingPoint.region_id == region_id),
        "users": (AppUser, AppUser.region_id == region_id),
        "consumers": (Consumer, Consumer.region_id == region_id),
        "meters": (Meter, Meter.region_id == region_id),
        "sales": (Sale, (Sale.point_region_id == region_id) | (Sale.consumer_region_id == region_id)),
        "records": (EngineeringRecord, EngineeringRecord.point_region_id == region_id),
    }
    columns = [
        select(func.count()).select_from(model).where(condition).scalar_subquery().label(word)
        for word, (model, condition) in owners.items()
    ]
    row = session.execute(select(*columns), execution_options={"unscoped": True}).one()
    found = dict(row._mapping)  # noqa: SLF001  (a Row names its columns only here)
    return {word: count for word, count in found.items() if count}
