"""Security modules as the administrator keeps them: added, changed, switched, taken away.

At most one active module serves an algorithm.  The database holds that (two partial unique
indexes); here it is looked at first, so that the refusal can name who serves it.  No function
of this file asks a network: what a module said is handed in.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

from sqlalchemy import func, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session
from sqlalchemy.orm.exc import StaleDataError

from app.db import transaction
from app.domain import errors
from app.domain.states import Algorithm, SaleStatus
from app.extensions import db
from app.models import (
    EngineeringRecord,
    Meter,
    ModuleHealth,
    Sale,
    SecurityModule,
    SupplyGroupKey,
    Token,
)
from app.models.names import alike
from app.services.module_keys import write_keys
from app.sts.module import KeyFacts

ALGORITHMS = (Algorithm.LEGACY, Algorithm.STS6)


@dataclass(frozen=True, slots=True)
class Draft:
    """A module as the form gives it.

    `sealed_password` None keeps the one that is stored; `take_over` makes whoever serves the
    algorithms now the stand-by.  `memory_hours` None is the setting of the installation.
    """

    name: str
    address: str
    port: int
    username: str
    trust: str
    fingerprint: str | None
    authority: str | None
    memory_hours: int | None
    serves_legacy: bool
    serves_sts6: bool
    active: bool
    take_over: bool = False
    sealed_password: str | None = field(default=None, repr=False)

    def serves(self) -> tuple[Algorithm, ...]:
        """The algorithms it is meant for."""
        return tuple(a for a in ALGORITHMS if (self.serves_legacy if a is Algorithm.LEGACY else self.serves_sts6))


def register(draft: Draft, keys: Iterable[KeyFacts] = ()) -> int:
    """Add a module on the network with the keys it told; gives its id.

    Raises ServesNothing, AlgorithmServed, and ValueTaken for a name that another module has.
    """
    with _told() as session:
        _require_free(session, draft, own=None)
        row = SecurityModule(kind="prism", active=False)
        _fill(row, draft)
        session.add(row)
        session.flush()
        if draft.active:
            _activate(session, row, draft.serves())
        write_keys(session, row.id, keys)
        return row.id


def require_free(draft: Draft) -> None:
    """Refuse a new module early, before anything is asked of it.  Raises what `register` raises."""
    _require_free(db.session(), draft, own=None)


def change(module_id: int, draft: Draft, version: int) -> None:
    """Change name, place, sign-in and algorithms.  `version` is the one the form was filled with.

    Raises StaleRow, OutOfScope, ModuleAwaited (the place may not change while sales wait for an
    answer of this very module), and what `register` raises.
    """
    with _told() as session:
        row = _row(session, module_id)
        if row.version != version:
            raise errors.StaleRow
        moved = row.kind == "prism" and (row.address, row.port) != (draft.address, draft.port)
        if moved and (count := awaited(session, module_id)):
            raise errors.ModuleAwaited(count=count)
        _require_free(session, draft, own=row)
        if (row.active, row.serves_legacy, row.serves_sts6) != (draft.active, draft.serves_legacy, draft.serves_sts6):
            row.active = False  # no two of one algorithm, not for an instant
            session.flush()
        _fill(row, draft)
        session.flush()
        if draft.active:
            _activate(session, row, draft.serves())


def make_active(module_id: int, take_from: Iterable[int] = ()) -> None:
    """Let a stand-by serve its algorithms, taking them from the modules named.

    `take_from` is whom the page named to the person; when somebody else serves by now it is
    refused.  A module that keeps another algorithm stays active for that one.
    Raises OutOfScope, AlgorithmServed.
    """
    named = set(take_from)
    with _told() as session:
        row = _row(session, module_id)
        wanted = tuple(a for a in ALGORITHMS if row.serves(a))
        for algorithm, holder in serving(session).items():
            if algorithm in wanted and holder.id != module_id and holder.id not in named:
                raise errors.AlgorithmServed(algorithm=algorithm, module=holder.name)
        _activate(session, row, wanted)


def stand_down(module_id: int) -> None:
    """Make a module the stand-by: nothing new is asked of it.  Raises OutOfScope.

    Sales that wait for its answer are still resolved by it.
    """
    with _told() as session:
        _row(session, module_id).active = False


def delete(module_id: int) -> None:
    """Take a module away that nothing depends on.  Raises OutOfScope, ModuleInUse."""
    with _told() as session:
        row = _row(session, module_id)
        if used := sum(uses(session, row).values()):
            raise errors.ModuleInUse(count=used)
        for key in session.scalars(select(SupplyGroupKey).where(SupplyGroupKey.module_id == module_id)):
            session.delete(key)
        health = session.get(ModuleHealth, module_id)
        if health is not None:
            session.delete(health)
        session.flush()
        session.delete(row)


# --- questions ----------------------------------------------------------------------------


def module(module_id: int) -> SecurityModule:
    """The row.  Raises OutOfScope when there is none."""
    return _row(db.session(), module_id)


def serving(session: Session) -> Mapping[Algorithm, SecurityModule]:
    """Which active module serves each algorithm; an algorithm without one is absent."""
    rows = session.scalars(select(SecurityModule).where(SecurityModule.active)).all()
    return {a: row for a in ALGORITHMS for row in rows if row.serves(a)}


def uses(session: Session, row: SecurityModule) -> Mapping[str, int]:
    """What depends on a module, counted; words with a count of nothing are absent.

    Meters depend on it while it is the active one of their algorithm.
    """
    counts = {}
    if row.active:
        served = [a for a in ALGORITHMS if row.serves(a)]
        counts["meters"] = _count(session, select(func.count(Meter.id)).where(Meter.algorithm.in_(served)))
    for word, table in (("sales", Sale), ("tokens", Token), ("records", EngineeringRecord)):
        counts[word] = _count(session, select(func.count(table.id)).where(table.module_id == row.id))
    return {word: count for word, count in counts.items() if count}


def awaited(session: Session, module_id: int) -> int:
    """How many sales and engineering records wait for an answer of this module."""
    sales = select(func.count(Sale.id)).where(Sale.module_id == module_id, Sale.status == SaleStatus.RESERVED)
    acts = select(func.count(EngineeringRecord.id)).where(
        EngineeringRecord.module_id == module_id, EngineeringRecord.status == SaleStatus.RESERVED.value
    )
    return _count(session, sales) + _count(session, acts)


# --- inside -------------------------------------------------------------------------------


@contextmanager
def _told() -> Iterator[Session]:
    """A transaction over all modules, whose broken constraint is told as the refusal it means.

    All rows are locked, in one order: who serves must not change between the question and the step, and two who
    give algorithms to each other's modules must not wait for each other.  Sales, which only refer to a module, go on.
    """
    try:
        with transaction() as session:
            session.execute(
                select(SecurityModule.id).order_by(SecurityModule.id).with_for_update(key_share=True)
            )
            yield session
    except IntegrityError as broken:
        raise _refusal(broken) from broken
    except StaleDataError as broken:
        raise errors.StaleRow from broken


def _refusal(broken: IntegrityError) -> errors.Refusal:
    """What was broken: PostgreSQL names the index, SQLite the column.

    Both mean that somebody was quicker, because the same was looked at just before.
    """
    text = str(broken.orig)
    for algorithm in ALGORITHMS:
        if f"serves_{algorithm.value}" in text or f"active_{algorithm.value}" in text:
            holder = serving(db.session()).get(algorithm)
            return errors.AlgorithmServed(algorithm=algorithm, module=holder.name if holder else "–")
    if "FOREIGN KEY" in text.upper():
        return errors.StillReferred()
    return errors.ValueTaken()


def _row(session: Session, module_id: int) -> SecurityModule:
    row = session.get(SecurityModule, module_id)
    if row is None:
        raise errors.OutOfScope
    return row


def _count(session: Session, statement: object) -> int:
    # The whole utility's: a number, never a row.
    return int(session.execute(statement, execution_options={"unscoped": True}).scalar_one())  # type: ignore[call-overload]


def _require_free(session: Session, draft: Draft, own: SecurityModule | None) -> None:
    """Nobody else has the name, or serves what this one is to serve."""
    own_id = None if own is None else own.id
    if not draft.serves():
        raise errors.ServesNothing
    named = session.scalars(select(SecurityModule.id).where(alike(SecurityModule.name, draft.name))).first()
    if named is not None and named != own_id:
        raise errors.ValueTaken
    if not draft.active or draft.take_over:
        return
    for algorithm, holder in serving(session).items():
        if algorithm in draft.serves() and holder.id != own_id:
            raise errors.AlgorithmServed(algorithm=algorithm, module=holder.name)


def _fill(row: SecurityModule, draft: Draft) -> None:
    row.name = draft.name
    row.serves_legacy, row.serves_sts6 = draft.serves_legacy, draft.serves_sts6
    row.memory_hours = draft.memory_hours
    if row.kind != "prism":
        return  # the module in this program has no place
    row.address, row.port, row.username = draft.address, draft.port, draft.username
    row.trust = draft.trust
    row.fingerprint = draft.fingerprint if draft.trust == "pinned" else None
    row.authority = draft.authority if draft.trust == "authority" else None
    if draft.sealed_password is not None:
        row.sealed_password = draft.sealed_password


def _activate(session: Session, row: SecurityModule, wanted: tuple[Algorithm, ...]) -> None:
    """Take each algorithm from whoever serves it, then serve it; in this order, for the indexes."""
    for algorithm, holder in serving(session).items():
        if algorithm not in wanted or holder.id == row.id:
            continue
        if all(a in wanted for a in ALGORITHMS if holder.serves(a)):
            holder.active = False
        elif algorithm is Algorithm.LEGACY:
            holder.serves_legacy = False
        else:
            holder.serves_sts6 = False
    session.flush()
    row.active = True
    session.flush()
