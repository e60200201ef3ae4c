"""Changing the region tree: adding, renaming, moving, merging, switching and deleting places.

All of it is one at a time, on both databases: whoever changes the tree has it to themselves
until the end of the transaction.  Who is put into a place at that moment is waited for
(`models/triggers.py` refuses a place that is gone).  Every change is audited, those of the
consumers, meters, vending points and people who come along with a merged place as well.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import exists, func, select, text, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from app.access.scope import Scope
from app.db import retried, transaction
from app.domain.errors import OutOfScope, RegionInUse, StaleRow, ValueTaken
from app.domain.folding import fold
from app.models import AppUser, Consumer, Meter, Region, Sale, VendingPoint
from app.models.audit import note, note_moved
from app.models.base import now
from app.models.region import LEVELS, carry_along
from app.services.regions import living, may_see, uses, within

# What belongs to a place, and comes along when it is merged.
BELONGS: tuple[tuple[str, Any], ...] = (
    ("consumers", Consumer),
    ("meters", Meter),
    ("vending_points", VendingPoint),
    ("users", AppUser),
)


def add(name: str, parent_id: int | None, scope: Scope) -> int:
    """Add a country (no parent; only for somebody over everything), a province or a town.

    Raises OutOfScope for a foreign, merged or unknown parent and below a town, ValueTaken for a
    name that a neighbour has.
    """
    with transaction() as session:
        _lock_tree(session)
        parent = None
        if parent_id is not None:
            parent = _own(session, parent_id, scope)
            if parent.level + 1 >= len(LEVELS):
                raise OutOfScope
        elif not scope.sees_all:
            raise OutOfScope
        _require_free(session, name, parent)
        region = Region(name=name, parent_id=parent_id)
        session.add(region)
        session.flush()
        return region.id


def rename(region_id: int, name: str, scope: Scope) -> None:
    """Give a place another name; full names below it follow.  Raises OutOfScope, ValueTaken."""
    with transaction() as session:
        _lock_tree(session)
        region = _own(session, region_id, scope)
        _require_free(session, name, region.parent, but=region_id)
        region.name = name


def move(region_id: int, parent_id: int, scope: Scope) -> None:
    """Hang a province under another country, or a town under another province, with all that lies below.

    Sales keep the region they were made in.  Raises OutOfScope, also for a wrong level, and
    ValueTaken when a neighbour there has the name.
    """
    with transaction() as session:
        _lock_tree(session)
        region, parent = _own(session, region_id, scope), _own(session, parent_id, scope)
        if parent.level + 1 != region.level:
            raise OutOfScope
        _require_free(session, region.name, parent, but=region_id)
        region.parent_id = parent_id


def switch(region_id: int, scope: Scope, *, on: bool) -> None:
    """Offer a place, and what lies below it, for new things again or no more.  Raises OutOfScope."""
    with transaction() as session:
        _lock_tree(session)
        _own(session, region_id, scope).active = on


def delete(region_id: int, scope: Scope) -> None:
    """Delete a place that nothing uses.  Raises OutOfScope, RegionInUse."""
    with transaction() as session:
        _lock_tree(session)
        region = _own(session, region_id, scope)
        used = uses(session, region_id)
        if used:
            raise RegionInUse(count=sum(used.values()))
        session.delete(region)
        try:
            session.flush()
        except IntegrityError:  # somebody was put into it just now
            raise RegionInUse(count=1) from None


# --- merging ------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Merging:
    """What would happen if one place were merged into another, as it stands now.

    `twins` are places below both that bear one name: they are merged as well.  `moved` counts
    what comes along by its word, `sales` what stays with the region it was made in.  `seen` is
    the pair of versions this was worked out from.
    """

    source: Region
    target: Region
    twins: tuple[tuple[Region, Region], ...]
    moved: dict[str, int]
    sales: int
    seen: str


def merging(session: Session, source_id: int, target_id: int, scope: Scope) -> Merging:
    """Work out what a merge would do.  Raises OutOfScope, also for one place and itself or another level."""
    source, target = _pair(session, source_id, target_id, scope)
    inside = select(Region.id).where(within(source.path))
    moved = {"places": _count(session, Region, living(), within(source.path), Region.id != source.id)}
    moved |= {word: _count(session, model, model.region_id.in_(inside)) for word, model in BELONGS}
    of_sale = Sale.point_region_id.in_(inside) | Sale.consumer_region_id.in_(inside)
    return Merging(
        source, target, tuple(_twins(session, source, target)), {w: n for w, n in moved.items() if n},
        _count(session, Sale, of_sale), f"{source.version}-{target.version}",
    )  # fmt: skip


def merge(source_id: int, target_id: int, seen: str, scope: Scope) -> None:
    """Put everything of one place into another of the same level; the sales keep their region.

    `seen` is what the person was shown (`Merging.seen`).  Raises OutOfScope, and StaleRow when
    either place was renamed, moved, merged or switched meanwhile.
    """

    def work() -> None:
        with transaction() as session:
            _lock_tree(session)
            source, target = _pair(session, source_id, target_id, scope)
            if f"{source.version}-{target.version}" != seen:
                raise StaleRow
            # NB: the places themselves too: who is just being put into them is waited for.
            ids = select(Region.id).where(within(source.path) | (Region.id == target_id)).order_by(Region.id)
            session.execute(ids.with_for_update()).all()
            _merge(session, source, target)

    retried(work)


def _merge(session: Session, source: Region, target: Region) -> None:
    there = _there(session, source)
    if "places" in there:
        for child, twin in _twins(session, source, target):
            _merge(session, child, twin)
    told: dict[str, Any] = {"merged_place": source.full_name}
    for word, model in BELONGS:
        if word in there:
            told[f"moved_{word}"] = _hand_over(session, model, source, target)
    if "places" in there or "merged" in there:
        places = _hang_under(session, source, target)
        told |= {"moved_places": places} if places else {}
    source.parent_id, source.merged_into_id = None, target.id
    target.changed_at = now()  # its version rises: what others were shown of it is old
    session.flush()
    note(session, "merge", "region", target.id, {}, told)
    session.flush()
    session.expire(source)
    session.expire(target)


def _there(session: Session, source: Region) -> set[str]:
    """What there is to hand over, asked in one statement."""
    conditions: list[tuple[str, Any]] = [
        ("places", Region.parent_id == source.id), ("merged", Region.merged_into_id == source.id),
        *[(word, model.region_id == source.id) for word, model in BELONGS],
    ]  # fmt: skip
    asked = [exists().where(condition).label(word) for word, condition in conditions]
    row = session.execute(select(*asked), execution_options={"unscoped": True}).one()
    return {word for word, is_there in row._mapping.items() if is_there}  # noqa: SLF001  (as in uses)


def _hand_over(session: Session, model: Any, source: Region, target: Region) -> int:
    """Give the rows of one place to another; each has its entry in the audit log, and its version rises."""
    own = model.region_id == source.id
    note_moved(session, model, "region_id", source.id, target.id)
    values: dict[str, Any] = {"region_id": target.id, "version": model.version + 1}
    if hasattr(model, "changed_at"):
        values["changed_at"] = now()
    done: Any = session.execute(
        update(model).where(own).values(values).execution_options(synchronize_session=False, unscoped=True)
    )
    return int(done.rowcount)


def _hang_under(session: Session, source: Region, target: Region) -> int:
    """What lies below the one place lies below the other, in four statements however much it is."""
    note_moved(session, Region, "parent_id", source.id, target.id)
    done: Any = session.execute(
        update(Region)
        .where(Region.parent_id == source.id)
        .values(parent_id=target.id, version=Region.version + 1, changed_at=now())
        .execution_options(synchronize_session=False)
    )
    session.execute(
        update(Region)
        .where(Region.merged_into_id == source.id)
        .values(merged_into_id=target.id)
        .execution_options(synchronize_session=False)
    )
    carry_along(session.connection(), source, target)
    session.expire_all()
    return int(done.rowcount)


def _pair(session: Session, source_id: int, target_id: int, scope: Scope) -> tuple[Region, Region]:
    source, target = _own(session, source_id, scope), _own(session, target_id, scope)
    if source.id == target.id or source.level != target.level:
        raise OutOfScope
    return source, target


def _twins(session: Session, source: Region, target: Region) -> list[tuple[Region, Region]]:
    """The places directly below both that bear one name, in whatever case."""
    rows = session.scalars(
        select(Region).where(living(), Region.parent_id.in_([source.id, target.id])).order_by(Region.id)
    )
    by_parent: dict[int | None, list[Region]] = {source.id: [], target.id: []}
    for row in rows:
        by_parent[row.parent_id].append(row)
    known = {row.name.casefold(): row for row in by_parent[target.id]}
    return [(row, known[row.name.casefold()]) for row in by_parent[source.id] if row.name.casefold() in known]


# --- inside -------------------------------------------------------------------------------


def _lock_tree(session: Session) -> None:
    """Have the tree to oneself until the end.  On SQLite the transaction has the whole file already.

    NB: the mode lets others read places and refer to them (a foreign key's lock) meanwhile.
    """
    if session.get_bind().dialect.name == "postgresql":
        session.execute(text("LOCK TABLE region IN SHARE ROW EXCLUSIVE MODE"))


def _own(session: Session, region_id: int, scope: Scope) -> Region:
    region = session.get(Region, region_id, populate_existing=True)
    if region is None or region.merged_into_id is not None or not may_see(region, scope):
        raise OutOfScope
    return region


def _count(session: Session, model: Any, *conditions: Any) -> int:
    statement = select(func.count()).select_from(model).where(*conditions)
    return int(session.execute(statement, execution_options={"unscoped": True}).scalar_one())


def _require_free(session: Session, name: str, parent: Region | None, but: int = 0) -> None:
    """No two neighbours have one name, in whatever case (the databases know only their own letters' cases)."""
    full = f"{name}, {parent.full_name}" if parent else name
    same = select(Region.name).where(
        living(),
        Region.search_name == fold(full),
        Region.parent_id.is_not_distinct_from(parent and parent.id),
        Region.id != but,
    )
    if any(taken.casefold() == name.casefold() for taken in session.scalars(same)):
        raise ValueTaken
