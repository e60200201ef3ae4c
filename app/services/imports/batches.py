"""One import from the upload to the report: its states, and who may do what with it when.

reading -> read (columns shown) -> checking -> checked (preview) -> running -> finishing -> done;
a file that cannot be read ends as failed, one that is given up as dropped.  Each step is
asked for once: its task carries the import's number and the count of its tries.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import String, cast, false, func, select
from sqlalchemy.orm import Session

from app.access.scope import Scope, criterion
from app.db import transaction
from app.domain.errors import FieldMissing, FieldTwice, ImportMoved, OutOfScope
from app.domain.states import ImportState, TaskState
from app.models import AuditEntry, BackgroundTask, Consumer, ImportBatch, ImportRow
from app.services import tasks
from app.services.imports.catalogue import ENTITIES
from app.services.imports.entity import Entity
from app.services.imports.layout import Layout
from app.services.tasks import Owner, Work, WorkFailed

LISTED = 100
# What may still be told anew which column is which.
OPEN = (ImportState.READ, ImportState.CHECKED)


def begin(
    kind: str,
    reference: str,
    owner: Owner,
    file: tuple[str, str, str, int],
    scope: Scope,
    consumer_id: int | None = None,
) -> int:
    """A file has come in: (its name, stored name, SHA-256, size).  Gives the import's id.

    The same reference again is the same import.  Raises OutOfScope for a consumer of others.
    """
    name, stored, digest, size = file
    with transaction() as session:
        known = session.scalars(
            select(ImportBatch).where(ImportBatch.reference == reference),
            execution_options={"unscoped": True},
        ).one_or_none()
        if known is not None:
            if known.owner_id != owner.user_id:
                raise OutOfScope
            return known.id
        if consumer_id is not None:
            own = select(Consumer.id).where(Consumer.id == consumer_id, criterion(Consumer, scope))
            if session.execute(own).first() is None:
                raise OutOfScope
        batch = ImportBatch(
            entity=kind, reference=reference, owner_id=owner.user_id, actor=owner.name, region_path=owner.region_path,
            file_name=name[:200], stored=stored, sha256=digest, size=size, consumer_id=consumer_id,
        )  # fmt: skip
        session.add(batch)
        session.flush()
        _ask(session, batch, "import_read", owner, {})
        return batch.id


def batch(session: Session, batch_id: int, scope: Scope) -> ImportBatch:
    """One import of one's own.  Raises OutOfScope."""
    row = session.scalars(
        select(ImportBatch).where(ImportBatch.id == batch_id, criterion(ImportBatch, scope))
    ).one_or_none()
    if row is None:
        raise OutOfScope
    return row


def listed(session: Session, scope: Scope) -> list[ImportBatch]:
    """The newest imports that this person may see."""
    rows = select(ImportBatch).where(criterion(ImportBatch, scope)).order_by(ImportBatch.id.desc())
    return list(session.scalars(rows.limit(LISTED)))


def entity_of(row: ImportBatch) -> Entity:
    """What kind of record it brings."""
    return ENTITIES[row.entity]


def layout_of(row: ImportBatch) -> Layout:
    """How its file was read."""
    return Layout(**json.loads(row.layout))


def same_file(session: Session, row: ImportBatch) -> ImportBatch | None:
    """The newest import of the very same file that has run before this one."""
    rows = select(ImportBatch).where(
        ImportBatch.sha256 == row.sha256, ImportBatch.entity == row.entity,
        ImportBatch.id < row.id, ImportBatch.applied_at.is_not(None),
    )  # fmt: skip
    return session.scalars(rows.order_by(ImportBatch.id.desc()).limit(1)).first()


def _ask(
    session: Session, row: ImportBatch, kind: str, owner: Owner, parameters: Mapping[str, Any]
) -> None:
    """Ask for the next step; the number of steps so far makes its reference."""
    prefix = f"import-{row.id}-"
    steps = session.execute(
        select(func.count())
        .select_from(BackgroundTask)
        .where(BackgroundTask.reference.startswith(prefix)),
        execution_options={"unscoped": True},
    ).scalar_one()
    task = tasks.add(session, kind, f"{prefix}{steps + 1}", owner, {"batch": row.id, **parameters})
    row.task_id, row.error = task.id, None


def read_again(batch_id: int, scope: Scope, owner: Owner, wishes: Mapping[str, str]) -> None:
    """Read the file otherwise: another encoding, separator or sheet.  Raises ImportMoved."""
    with transaction() as session:
        row = _open(session, batch_id, scope, (*OPEN, ImportState.FAILED))
        if row.stored is None or row.applied_at is not None:
            raise ImportMoved
        row.state = ImportState.READING
        _ask(session, row, "import_read", owner, {"wishes": dict(wishes)})


def check(
    batch_id: int,
    scope: Scope,
    owner: Owner,
    mapping: Sequence[str | None],
    *,
    whole: bool,
    known: str,
    mark: str,
) -> None:
    """Say which column is which, and have every row checked.

    Raises ImportMoved, FieldTwice, FieldMissing.
    """
    with transaction() as session:
        row = _open(session, batch_id, scope, OPEN)
        entity = entity_of(row)
        names = [name for name in mapping if name]
        for name in names:
            if names.count(name) > 1:
                raise FieldTwice(name=name)
        if entity.key not in names:
            raise FieldMissing(name=entity.key)
        row.mapping, row.whole, row.known = json.dumps(list(mapping)), whole, known
        row.columns, row.state = json.dumps(entity.columns), ImportState.CHECKING
        _ask(session, row, "import_check", owner, {"mark": mark})


def run(batch_id: int, scope: Scope, owner: Owner, *, whole: bool) -> None:
    """Have the checked rows written.  A second click finds it running.  Raises ImportMoved.

    An import whose rows are in, and whose work has ended before all that follows was made, goes on.
    """
    with transaction() as session:
        row = batch(session, batch_id, scope)
        session.refresh(row, with_for_update=True)
        if halted(session, row):
            _ask(session, row, "import_run", owner, {})
            return
        if row.state in (ImportState.RUNNING, ImportState.FINISHING, ImportState.DONE):
            return
        counts = json.loads(row.counts)
        if row.state is not ImportState.CHECKED or (whole and counts.get("bad")):
            raise ImportMoved
        row.whole, row.state = whole, ImportState.RUNNING
        _ask(session, row, "import_run", owner, {})


def halted(session: Session, row: ImportBatch) -> bool:
    """Whether its rows are in, what follows from them is not all made, and nobody is at it."""
    if row.state is not ImportState.FINISHING:
        return False
    task = session.get(BackgroundTask, row.task_id) if row.task_id else None
    return task is None or task.state not in tasks.OPEN


def drop(batch_id: int, scope: Scope) -> None:
    """Give an import up before it has changed anything; work on it ends.  Raises ImportMoved."""
    with transaction() as session:
        row = batch(session, batch_id, scope)
        if row.applied_at is not None or row.state in (ImportState.RUNNING, ImportState.FINISHING):
            raise ImportMoved
        task = session.get(BackgroundTask, row.task_id) if row.task_id else None
        if task is not None and task.state is TaskState.RUNNING:
            task.stop_wanted = True
        elif task is not None and task.state is TaskState.WAITING:
            task.state = TaskState.CANCELLED
        row.state = ImportState.DROPPED


def _open(
    session: Session, batch_id: int, scope: Scope, states: Sequence[ImportState]
) -> ImportBatch:
    row = batch(session, batch_id, scope)
    if row.state not in states:
        raise ImportMoved
    return row


# --- what the worker's steps leave --------------------------------------------------------


def settle(work: Work, state: ImportState, **values: Any) -> None:
    """The end of a step, unless the import was given up meanwhile.  Raises ClaimLost."""
    with transaction() as session:
        work.hold(session)
        row = session.get_one(ImportBatch, int(work.parameters["batch"]), with_for_update=True)
        if row.state is not ImportState.DROPPED:
            row.state = state
            for name, value in values.items():
                setattr(row, name, value)


def failed(session: Session, task: BackgroundTask, fault: WorkFailed | None) -> None:
    """A step did not come to its end: back to where a person can go on, with the reason.

    Said in the transaction that ends the task, whether its worker, a later one or a person ends it;
    an import that is at another step by now is left alone.
    """
    batch_id = int(json.loads(task.parameters)["batch"])
    row = session.get(ImportBatch, batch_id, with_for_update=True, populate_existing=True)
    if row is None or row.task_id != task.id:
        return
    back = {
        ImportState.READING: ImportState.FAILED,
        ImportState.CHECKING: ImportState.READ,
        ImportState.RUNNING: ImportState.CHECKED,
    }
    row.state = back.get(row.state, row.state)
    row.error = json.dumps([fault.code, fault.params]) if fault else None


tasks.UNDO |= dict.fromkeys(("import_read", "import_check", "import_run"), failed)


# --- what the pages show ------------------------------------------------------------------


def rows_of(
    session: Session, batch_id: int, actions: Sequence[str], after: int = 0, limit: int = 50
) -> list[ImportRow]:
    """Staged rows of these kinds in the order of the file, behind a line."""
    rows = select(ImportRow).where(
        ImportRow.batch_id == batch_id, ImportRow.action.in_(actions), ImportRow.line > after
    )
    return list(session.scalars(rows.order_by(ImportRow.line).limit(limit)))


def warned_rows(session: Session, batch_id: int, after: int = 0, limit: int = 50) -> list[ImportRow]:
    """Rows that are stored in spite of a warning, in the order of the file, behind a line."""
    rows = select(ImportRow).where(
        ImportRow.batch_id == batch_id, ImportRow.action.in_(("new", "change")),
        ImportRow.faults.is_not(None), ImportRow.line > after,
    )  # fmt: skip
    return list(session.scalars(rows.order_by(ImportRow.line).limit(limit)))


def imported_entries(table: str, row_id: int) -> Any:
    """The condition on entries of the audit log that are imports of this record."""
    kinds = {
        name: entity for name, entity in ENTITIES.items() if entity.model.__tablename__ == table
    }
    if not kinds:
        return false()
    entity = next(iter(kinds.values()))
    known_by = (
        select(getattr(entity.model, entity.key)).where(entity.model.id == row_id).scalar_subquery()
    )
    of_row = (
        select(cast(ImportRow.batch_id, String))
        .join(ImportBatch, ImportBatch.id == ImportRow.batch_id)
        .where(
            ImportRow.key == known_by,
            ImportRow.action.in_(("new", "change")),
            ImportBatch.entity.in_(kinds),
            ImportBatch.applied_at.is_not(None),
        )
    )
    return (AuditEntry.table_name == "import_batch") & AuditEntry.row_id.in_(of_row)
