"""Long work as rows: asked for, claimed, told how far it is, ended; whoever dies meanwhile.

The web server only asks (`ask`); a worker claims (`claim`), says how far it is (`Work.tell`,
which also hears that somebody wants it to stop) and ends it.  A task whose worker is gone is
claimed again: every kind of work either begins anew or goes on where it was.
"""

from __future__ import annotations

import json
import os
import secrets
import socket
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import or_, select, update
from sqlalchemy.orm import Session

from app.access.scope import Scope, criterion
from app.db import transaction
from app.domain.errors import OutOfScope
from app.domain.states import TaskState
from app.extensions import db
from app.models import BackgroundTask
from app.models.base import now

GONE_AFTER = timedelta(minutes=5)  # a worker of another computer that was not heard of for so long
BEAT_EVERY_S = 1.0
OPEN = (TaskState.WAITING, TaskState.RUNNING)
LISTED = 100
ATTEMPTS_MAX = 3  # what took its worker down so often is not begun again


class Cancelled(Exception):
    """Somebody wants this work to stop; what is stored so far stays as it is."""


class ClaimLost(Cancelled):
    """Another worker has this work now: whatever belongs to it is no longer ours to touch."""


class WorkFailed(Exception):
    """The work cannot be done; `code` and `params` become a sentence on the page."""

    def __init__(self, code: str, **params: Any) -> None:
        self.code, self.params = code, params
        super().__init__(f"{code}({params})")


@dataclass(frozen=True, slots=True)
class Owner:
    """Who asks: their id, name, language, and the subtree they see (None: everything)."""

    user_id: int
    name: str
    language: str
    region_path: str | None


@dataclass(slots=True)
class Work:
    """A claimed task in the hands of its worker."""

    id: int
    kind: str
    owner: Owner
    parameters: Mapping[str, Any]
    claimed_by: str
    result: dict[str, Any] = field(default_factory=dict)
    file_name: str | None = None
    stored: str | None = None
    _told: float = 0.0

    def tell(self, done: int, total: int | None = None, *, at_once: bool = False) -> None:
        """Say how far it is, at most once a second.  Raises Cancelled; never inside a transaction."""
        at = time.monotonic()
        if not at_once and at - self._told < BEAT_EVERY_S:
            return
        self._told = at
        values: dict[str, Any] = {"done": done, "beat_at": now()}
        if total is not None:
            values["total"] = total
        with transaction() as session:
            mine = (BackgroundTask.id == self.id) & (BackgroundTask.claimed_by == self.claimed_by)
            told = session.execute(
                update(BackgroundTask)
                .where(mine)
                .values(**values)
                .returning(BackgroundTask.stop_wanted)
            )
            wanted = told.scalar_one_or_none()
        if wanted is None:
            raise ClaimLost
        if wanted:
            raise Cancelled

    def hold(self, session: Session) -> None:
        """In a transaction that writes: nobody takes this work over before it ends.  Raises ClaimLost."""
        mine = (BackgroundTask.id == self.id) & (BackgroundTask.claimed_by == self.claimed_by)
        found = select(BackgroundTask.id).where(mine, BackgroundTask.state == TaskState.RUNNING)
        held = found.with_for_update(key_share=True)
        if session.execute(held, execution_options={"unscoped": True}).first() is None:
            raise ClaimLost


# What belongs to a kind of work and ends with it, in the same transaction: asked with the task and
# why it came to nothing (None: somebody stopped it).
Undo = Callable[[Session, BackgroundTask, WorkFailed | None], None]
UNDO: dict[str, Undo] = {}


def _undo(session: Session, row: BackgroundTask, failure: WorkFailed | None) -> None:
    if row.kind in UNDO:
        UNDO[row.kind](session, row, failure)


def process_name() -> str:
    """This process by computer, number and a word of its own."""
    return f"{socket.gethostname()[:40]}:{os.getpid()}:{_WORD}"


_WORD = secrets.token_hex(4)


def add(
    session: Session,
    kind: str,
    reference: str,
    owner: Owner,
    parameters: Mapping[str, Any],
    total: int | None = None,
) -> BackgroundTask:
    """Ask for work within a transaction; the same reference is the same task."""
    known = session.scalars(
        select(BackgroundTask).where(BackgroundTask.reference == reference),
        execution_options={"unscoped": True},
    ).one_or_none()
    if known is not None:
        return known
    task = BackgroundTask(
        kind=kind, reference=reference, owner_id=owner.user_id, actor=owner.name, region_path=owner.region_path,
        language=owner.language, parameters=json.dumps(dict(parameters)), total=total,
    )  # fmt: skip
    session.add(task)
    session.flush()
    return task


def ask(
    kind: str, reference: str, owner: Owner, parameters: Mapping[str, Any], total: int | None = None
) -> int:
    """Ask for work; gives the task's id."""
    with transaction() as session:
        return add(session, kind, reference, owner, parameters, total).id


def task(session: Session, task_id: int, scope: Scope) -> BackgroundTask:
    """One task of one's own.  Raises OutOfScope."""
    row = session.scalars(
        select(BackgroundTask).where(BackgroundTask.id == task_id, criterion(BackgroundTask, scope))
    ).one_or_none()
    if row is None:
        raise OutOfScope
    return row


def covers(scope: Scope, row: BackgroundTask) -> bool:
    """Whether somebody with this scope sees today every row that its owner saw when asking."""
    path = row.region_path
    return scope.sees_all or bool(path and scope.region_path and path.startswith(scope.region_path))


def listed(session: Session, scope: Scope) -> list[BackgroundTask]:
    """The newest tasks that this person may see."""
    rows = (
        select(BackgroundTask)
        .where(criterion(BackgroundTask, scope))
        .order_by(BackgroundTask.id.desc())
    )
    return list(session.scalars(rows.limit(LISTED)))


def cancel(task_id: int, scope: Scope) -> None:
    """Want a task to stop: at once if nobody has begun it, else at its next step.  Raises OutOfScope."""
    with transaction() as session:
        row = task(session, task_id, scope)
        session.refresh(row, with_for_update=True)  # no worker begins it meanwhile
        if row.state is TaskState.WAITING:
            row.state, row.finished_at = TaskState.CANCELLED, now()
            _undo(session, row, None)
        elif row.state is TaskState.RUNNING:
            row.stop_wanted = True


def claim(kinds: tuple[str, ...]) -> Work | None:
    """Take the oldest task that waits, or whose worker is gone; None when there is nothing to do."""
    me = process_name()
    session = db.session()
    rows = session.scalars(
        select(BackgroundTask)
        .where(BackgroundTask.state.in_(OPEN), BackgroundTask.kind.in_(kinds))
        .where(or_(BackgroundTask.claimed_by.is_(None), BackgroundTask.claimed_by != me))
        .order_by(BackgroundTask.id)
    ).all()
    wanted = [
        (row.id, row.claimed_by) for row in rows if row.state is TaskState.WAITING or is_gone(row)
    ]
    session.rollback()
    for task_id, by in wanted:
        with transaction() as session:
            same = (
                BackgroundTask.claimed_by.is_(None)
                if by is None
                else BackgroundTask.claimed_by == by
            )
            taken = session.execute(
                update(BackgroundTask)
                .where(BackgroundTask.id == task_id, BackgroundTask.state.in_(OPEN), same)
                .values(
                    state=TaskState.RUNNING, claimed_by=me, beat_at=now(), started_at=now(), error=None,
                    attempts=BackgroundTask.attempts + 1,
                )
            )  # fmt: skip
            if taken.rowcount != 1:  # type: ignore[attr-defined]
                continue
            row = session.get_one(BackgroundTask, task_id)
            if row.attempts > ATTEMPTS_MAX:
                row.state, row.finished_at, row.error = (
                    TaskState.FAILED,
                    now(),
                    json.dumps(["given_up", {}]),
                )
                _undo(session, row, WorkFailed("given_up"))
                continue
            owner = Owner(row.owner_id, row.actor, row.language, row.region_path)
            return Work(row.id, row.kind, owner, json.loads(row.parameters), me)
    return None


def is_gone(row: BackgroundTask) -> bool:
    """Whether the process that claimed it is known to be dead, or was not heard of for long."""
    host, _, rest = (row.claimed_by or "").partition(":")
    pid = rest.partition(":")[0]
    if host == socket.gethostname()[:40] and pid.isdigit():
        if int(pid) == os.getpid():
            return True  # an earlier process of the same number
        return (
            not Path(f"/proc/{pid}").exists() if Path("/proc").is_dir() else not _answers(int(pid))
        )
    return row.beat_at is None or now() - row.beat_at > GONE_AFTER


def _answers(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def end(work: Work, state: TaskState, failure: WorkFailed | None = None) -> None:
    """Write down how it ended, with what belongs to it, if it is still this worker's."""
    with transaction() as session:
        row = session.get(BackgroundTask, work.id, with_for_update=True, populate_existing=True)
        if row is None or row.claimed_by != work.claimed_by:
            return
        row.state, row.finished_at, row.stop_wanted = state, now(), False
        row.error = None if failure is None else json.dumps([failure.code, failure.params])
        row.result = json.dumps(work.result)
        row.file_name, row.stored = work.file_name, work.stored
        if state is TaskState.DONE and row.total is not None:
            row.done = row.total
        if state is not TaskState.DONE:
            _undo(session, row, failure)
