"""Is everything well?  Probes of the modules, signs of life, and what the home page must warn of.

A probe speaks over the network first and stores what it learned afterwards, in a short
transaction of its own.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Protocol

from sqlalchemy import func, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from app.db import retried, transaction
from app.extensions import db
from app.models import AuditEntry, BackupMade, ModuleHealth, SecurityModule, Settings, SignOfLife
from app.models.base import now
from app.sts.module import ModuleError

WORKER = "worker"
WORKER_SILENT_AFTER = timedelta(minutes=2)
UNSEALED_AFTER = timedelta(minutes=10)  # the worker seals within seconds when it is well
FAILURE_MAX, DETAIL_MAX, VERSION_MAX = 60, 300, 60


class Trial(Protocol):
    """What a connect test found, see app/sts/prism/trial.py."""

    @property
    def steps(self) -> tuple[Any, ...]:
        """The steps in their order; the last one is the one that failed, if any did."""
        ...

    @property
    def version(self) -> str | None:
        """The module's own version."""
        ...

    @property
    def alerts(self) -> Iterable[str]:
        """The module's own warnings, as sentences."""
        ...


@dataclass(frozen=True, slots=True)
class Heard:
    """What is known after a module was asked: it answered, or why not."""

    up: bool
    round_trip_ms: int | None = None
    version: str | None = None
    failure: str | None = None
    detail: str | None = None
    alerts: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Down:
    """An active module that does not answer, since when, with the code and words of the failure."""

    module_id: int
    name: str
    since: datetime
    checked_at: datetime
    failure: str | None
    detail: str | None


@dataclass(frozen=True, slots=True)
class Facts:
    """What the home page says of the installation's health; nothing here is a sentence yet.

    `backup_made_at` None: never; `backup_old`: the newest one, or for want of any the set-up
    itself, is longer ago than is allowed.
    `worker_seen_at` None: it has never run; `worker_silent`: not within two minutes.
    `unsealed`: entries of the audit log that have waited longer than ten minutes for the chain.
    """

    down: tuple[Down, ...]
    backup_made_at: datetime | None
    backup_old: bool
    worker_seen_at: datetime | None
    worker_silent: bool
    unsealed: int


def heard_in(trial: Trial) -> Heard:
    """The gist of a connect test; the round trip is that of its ping."""
    failed = next((step for step in trial.steps if not step.ok), None)
    ping = next((step.ms for step in trial.steps if step.name == "ping" and step.ok), None)
    return Heard(
        up=failed is None,
        round_trip_ms=ping,
        version=trial.version,
        failure=(failed.code or failed.name) if failed else None,
        detail=failed.detail if failed else None,
        alerts=tuple(trial.alerts),
    )


def note(module_id: int, heard: Heard, instant: datetime | None = None) -> ModuleHealth:
    """Store what was heard of a module; `since` moves only when it comes up or goes down."""

    def work() -> ModuleHealth:
        with transaction() as session:
            return _note(session, module_id, heard, instant or now())

    try:
        return retried(work)
    except IntegrityError:  # the very first two answers came at the same instant
        return retried(work)


def note_silence(module_id: int, error: ModuleError, instant: datetime | None = None) -> None:
    """Tell every process, and the frame of every page, of a module that the network did not reach; no other error."""
    if error.code.startswith("ENetwork."):
        note(module_id, Heard(up=False, failure=error.code, detail=error.detail), instant)


def _note(session: Session, module_id: int, heard: Heard, at: datetime) -> ModuleHealth:
    row = session.get(ModuleHealth, module_id)
    if row is None:
        row = ModuleHealth(module_id=module_id, up=heard.up, since=at)
        session.add(row)
    elif row.up != heard.up:
        row.up, row.since = heard.up, at
    row.checked_at = at
    row.round_trip_ms = heard.round_trip_ms
    # A module that is silent keeps the version it last told.
    row.version = heard.version[:VERSION_MAX] if heard.version else row.version
    row.failure = heard.failure[:FAILURE_MAX] if heard.failure else None
    row.detail = heard.detail[:DETAIL_MAX] if heard.detail else None
    row.alerts = json.dumps(list(heard.alerts), ensure_ascii=False)
    return row


def probe(module_id: int, ask: Callable[[], Trial]) -> ModuleHealth:
    """Ask one module by `ask`, its connect test, and store what came of it."""
    db.session().rollback()  # no transaction is open while the network is waited for
    return note(module_id, heard_in(ask()))


def probe_all(ask: Callable[[SecurityModule], Trial]) -> tuple[int, ...]:
    """Probe every active module on the network; gives the ids of those that have come up again."""
    session = db.session()
    rows = list(
        session.execute(
            select(SecurityModule)
            .where(SecurityModule.active, SecurityModule.kind == "prism")
            .order_by(SecurityModule.id)
        ).scalars()
    )
    was_down = {down.module_id for down in _down(session)}
    session.expunge_all()  # the rows must outlive the transactions that store each answer
    recovered = []
    for row in rows:
        health = probe(row.id, lambda row=row: ask(row))  # type: ignore[misc]
        if health.up and row.id in was_down:
            recovered.append(row.id)
    return tuple(recovered)


def sign_of_life(name: str = WORKER, instant: datetime | None = None) -> None:
    """Say that a background process works."""

    def work() -> None:
        with transaction() as session:
            row = session.get(SignOfLife, name)
            if row is None:
                session.add(SignOfLife(name=name, at=instant or now()))
            else:
                row.at = instant or now()

    retried(work)


def facts(backup_warn_days: int, instant: datetime | None = None) -> Facts:
    """What needs a person, for the home page; `backup_warn_days` is the setting of that name."""
    session, at = db.session(), instant or now()
    made = session.execute(select(func.max(BackupMade.made_at))).scalar_one()
    begun = session.execute(select(Settings.created_at).where(Settings.id == 1)).scalar_one_or_none()
    seen = session.execute(select(SignOfLife.at).where(SignOfLife.name == WORKER)).scalar_one_or_none()
    unsealed = session.execute(
        select(func.count(AuditEntry.id)).where(
            AuditEntry.chain_no.is_(None), AuditEntry.at < at - UNSEALED_AFTER
        )
    ).scalar_one()
    return Facts(
        down=tuple(_down(session)),
        backup_made_at=made,
        backup_old=at - (made or begun or at) > timedelta(days=backup_warn_days),
        worker_seen_at=seen,
        worker_silent=seen is None or at - seen > WORKER_SILENT_AFTER,
        unsealed=int(unsealed),
    )


def modules_only() -> Facts:
    """As `facts`, for somebody who does not run the installation: only what stops selling."""
    return Facts(
        down=tuple(_down(db.session())), backup_made_at=None, backup_old=False, worker_seen_at=None,
        worker_silent=False, unsealed=0,
    )  # fmt: skip


def active_modules(session: Session) -> int:
    """How many modules are in use."""
    return int(session.execute(select(func.count(SecurityModule.id)).where(SecurityModule.active)).scalar_one())


def _down(session: Session) -> Iterable[Down]:
    rows = session.execute(
        select(SecurityModule.name, ModuleHealth)
        .join(ModuleHealth, ModuleHealth.module_id == SecurityModule.id)
        .where(SecurityModule.active, ModuleHealth.up.is_(False))
        .order_by(ModuleHealth.since, SecurityModule.id)
    )
    return [
        Down(health.module_id, name, health.since, health.checked_at, health.failure, health.detail)
        for name, health in rows
    ]
