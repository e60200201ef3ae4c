"""Builds the security module that serves a meter, from values handed in as arguments.

What it is built from (key store, pass phrase, tables, the key of sealed passwords) is read on floor 5;
here nothing knows a setting's name.  A module in this process is built on first use, because opening a
key store costs a deliberate tenth of a second.  A module on the network has one line for all threads,
and a new one when its row has changed; the facts of its keys are read anew when they have changed.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Protocol

from sqlalchemy import Integer, Select, bindparam, func, select

from app.domain import errors
from app.extensions import db
from app.models import ModuleHealth, SupplyGroupKey
from app.models import SecurityModule as ModuleRow
from app.models.base import now
from app.services.credentials import CannotUnseal, unseal
from app.services.health import note_silence
from app.sts.module import KeyFacts, ModuleError, SecurityModule
from app.sts.prism.breaker import Breaker, Permit
from app.sts.prism.client import PrismModule
from app.sts.prism.line import Line
from app.sts.prism.place import Place

NETWORK = "prism"
EAS = {2: (7,), 4: (7, 11)}


@dataclass(frozen=True, slots=True)
class Timing:
    """Seconds that a counter waits: to connect, for a module away for a moment, for an answer, for all of it."""

    connect_s: float = 2.0
    patience_s: float = 3.0
    answer_s: float = 5.0
    whole_s: float = 7.0

    @classmethod
    def within(cls, wait_s: float) -> Timing:
        """So that whatever is asked has ended well before a lost request may be sent again.

        A module that may work for minutes is not waited for at a counter: a late answer is fetched by `resolve`.
        """
        share = min(wait_s / 30, 1.0)
        return cls(2 * share, 3 * share, 5 * share, 7 * share)


class MustBeTried(Exception):
    """A module was dead a while ago, or was never asked yet: `probe` should look at it first."""

    def __init__(self, module_id: int, name: str) -> None:
        super().__init__(name)
        self.module_id, self.name = module_id, name


class Modules(Protocol):
    """Where services find the module of a sale."""

    def by_id(self, module_id: int, offset_minutes: int = 0) -> SecurityModule:
        """The module with this row id.  Raises NoModule, or ModuleError when it cannot be opened."""
        ...

    def require_alive(self, module: ModuleRow, health: ModuleHealth | None) -> None:
        """Refuse to begin what a dead module could not finish.  Asks no network.

        Raises ModuleDown, or MustBeTried: then `probe` and ask again.
        """
        ...

    def probe(self, module_id: int) -> None:
        """Look whether a module has come back, over the network.  Raises ModuleDown."""
        ...

    def known_dead(self, module_id: int, health: ModuleHealth | None) -> bool:
        """Whether `require_alive` would refuse, for all that is known.  Asks no network."""
        ...


@dataclass(slots=True)
class _Wired:
    """A module on the network as its row was when it was built."""

    name: str
    version: int
    line: Line
    keys_stamp: tuple[Any, ...] = ()
    facts: tuple[KeyFacts, ...] = ()


class InstalledModules:
    """The modules of this installation, shared by all threads of this process."""

    def __init__(
        self,
        software: Callable[[str, int], SecurityModule],
        credentials_file: Path | None = None,
        timing: Timing | None = None,
    ) -> None:
        """Build software modules by `software(name, offset_minutes)`; `credentials_file` opens passwords."""
        self._software, self._credentials_file = software, credentials_file
        self._timing = timing or Timing()
        self._built: dict[tuple[int, int], SecurityModule] = {}
        self._wired: dict[int, _Wired] = {}
        self._lock = threading.Lock()

    def by_id(self, module_id: int, offset_minutes: int = 0) -> SecurityModule:
        """See Modules."""
        built = self._built.get((module_id, offset_minutes))
        if built is not None:
            return built
        row = _row(module_id)
        if row is None:
            raise errors.NoModule(algorithm=None)
        if row.kind != NETWORK:
            with self._lock:
                return self._built.setdefault(
                    (module_id, offset_minutes), self._software(row.name, offset_minutes)
                )
        wired = self._wire(row)
        return PrismModule(
            wired.name, wired.line.place, lambda: wired.facts, tid_offset_minutes=offset_minutes, line=wired.line
        )

    def require_alive(self, module: ModuleRow, health: ModuleHealth | None) -> None:
        """See Modules."""
        wired = self._wired.get(module.id)
        if module.kind != NETWORK:
            return
        if wired is None or wired.version != module.version:
            # Never asked by this process: a sale must not be the first.
            raise MustBeTried(module.id, module.name)
        breaker = _told(wired, health)
        permit = breaker.may_ask()
        if permit is Permit.TRY:
            raise MustBeTried(module.id, module.name)
        if permit is Permit.STOP:
            raise errors.ModuleDown(name=wired.name, since=breaker.since)

    def probe(self, module_id: int) -> None:
        """See Modules."""
        row = _row(module_id)
        if row is None:
            raise errors.NoModule(algorithm=None)
        try:
            wired = self._wire(row)
        except ModuleError:
            raise errors.ModuleDown(name=row.name, since=now()) from None
        try:
            wired.line.probe()
        except ModuleError as error:
            note_silence(module_id, error)
            raise errors.ModuleDown(name=wired.name, since=wired.line.breaker.since) from error

    def known_dead(self, module_id: int, health: ModuleHealth | None) -> bool:
        """See Modules."""
        wired = self._wired.get(module_id)
        if wired is None:
            return health is not None and not health.up
        return _told(wired, health).dead

    def close(self) -> None:
        """Hang up on every module (a process that ends, a test)."""
        with self._lock:
            for wired in self._wired.values():
                wired.line.close()
            self._wired.clear()

    def _wire(self, row: Any) -> _Wired:
        """The line to the module of a row, and what is known of its keys now."""
        with self._lock:
            wired = self._wired.get(row.id)
            if wired is None or wired.version != row.version:
                timing = self._timing
                line = Line(self.place_of(row), patience_s=timing.patience_s, whole_s=timing.whole_s)
                fresh = _Wired(row.name, row.version, line)
                if wired is not None:
                    wired.line.close()
                self._wired[row.id] = wired = fresh
            stamp = (row.key_count, row.key_changed_at)
            if wired.keys_stamp != stamp:
                wired.facts, wired.keys_stamp = key_facts(row.id), stamp
            return wired

    def place_of(self, row: Any) -> Place:
        """Raises ModuleError when the row's password cannot be opened or the place is none."""
        if self._credentials_file is None or row.sealed_password is None:
            raise ModuleError("ECredentials", permanent=False, detail=f"no password for {row.name}")
        try:
            password = unseal(row.sealed_password, self._credentials_file)
            return Place(
                row.address, row.port, row.username or "", password, row.trust, row.fingerprint, row.authority,
                self._timing.connect_s, self._timing.answer_s,
            )  # fmt: skip
        except (CannotUnseal, ValueError) as error:
            raise ModuleError("ECredentials", permanent=False, detail=str(error)) from error


def _told(wired: _Wired, health: ModuleHealth | None) -> Breaker:
    """The breaker of a line, with what other processes learned."""
    breaker = wired.line.breaker
    if health is not None:
        breaker.heard(health.up, health.since, health.checked_at, health.failure)
    return breaker


def _row(module_id: int) -> Any:
    """A module's row beside a stamp that changes with its keys.

    NB: on a connection of its own, returned at once: nobody waits for a network in a transaction.
    """
    with db.engine.connect() as connection:
        return connection.execute(_module(), {"module_id": module_id}).one_or_none()


@cache
def _module() -> Select[Any]:
    """Built once: building it costs more than running it."""
    table, key = ModuleRow.__table__, SupplyGroupKey.__table__.c
    wanted = bindparam("module_id", type_=Integer)
    keys = select(func.count(key.id)).where(key.module_id == wanted)
    changed = select(func.max(key.changed_at)).where(key.module_id == wanted)
    return select(
        table, keys.scalar_subquery().label("key_count"), changed.scalar_subquery().label("key_changed_at")
    ).where(table.c.id == wanted)


def key_facts(module_id: int) -> tuple[KeyFacts, ...]:
    """What is known of the vending keys of a module."""
    key = SupplyGroupKey.__table__.c
    with db.engine.connect() as connection:
        rows = connection.execute(select(SupplyGroupKey.__table__).where(key.module_id == module_id)).all()
    return tuple(
        KeyFacts(
            row.sgc, row.krn, row.key_type, row.dkga, row.base_date, row.ken, row.kcv, row.active_from,
            row.active_to, EAS.get(row.dkga, ()),
        )
        for row in rows
    )  # fmt: skip
