"""From staging into the records: one insert and one update for all rows of an import.

Both happen in one transaction, after a look at what has changed since the check; whatever can be
made ready is made before it (`statements`), because on SQLite nobody sells meanwhile.  What only
follows from the records (the words to search by, which record a staged row became) is made
afterwards in short steps that can be taken up again.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from sqlalchemy import Row, select, update
from sqlalchemy.orm import Session

from app.access.scope import Scope
from app.db import retried, transaction
from app.domain.states import ImportState
from app.models import AppUser, AuditEntry, ImportBatch, ImportRow
from app.models.base import now
from app.services.imports.entity import Entity
from app.services.imports.statements import Writing
from app.services.tasks import Cancelled, WorkFailed

STEP_ROWS = 500


def apply(batch_id: int, entity: Entity, scope: Scope, hold: Callable[[Session], None]) -> None:
    """Write what was checked, whole or its good rows; all in one transaction, once.

    `hold` keeps the task from being taken over meanwhile.  Raises what it raises, WorkFailed 'moved'
    (all or nothing, and rows are no longer what was checked), and what the entity's claim refuses;
    nothing is stored then.
    """
    writing = Writing(entity, batch_id)
    with transaction(first=writing.lay_out) as session:
        hold(session)
        batch = session.get_one(
            ImportBatch, batch_id, with_for_update=True, populate_existing=True
        )
        if batch.state is not ImportState.RUNNING:
            if batch.applied_at is None:
                raise Cancelled  # it is no longer to be run
            return  # applied before; only what follows is left
        stale = writing.mark_stale(session, scope)
        if stale and batch.whole:
            raise WorkFailed("moved", rows=stale)
        at = now()
        entity.claim(session, writing.new(session))
        written = {"now": at, "who": _name(session, batch.owner_id)}
        changed, added = writing.change(session, written), writing.add(session, written)
        writing.clear(session)
        counts = json.loads(batch.counts) | {"added": added, "changed": changed, "stale": stale}
        batch.counts, batch.state, batch.applied_at = (
            json.dumps(counts),
            ImportState.FINISHING,
            at,
        )
        session.add(_entry(batch, counts))


def _name(session: Session, user_id: int) -> str:
    """What a person is called."""
    user = session.get_one(AppUser, user_id)
    return f"{user.first_name or ''} {user.last_name or ''}".strip()[:64]


def _entry(batch: ImportBatch, counts: dict[str, int]) -> AuditEntry:
    """The one entry of the audit log: whose import it was, of which file, with how many rows."""
    after = {
        "file_name": batch.file_name, "sha256": batch.sha256, "entity": batch.entity, "whole": batch.whole,
        "known": batch.known, "added": counts["added"], "changed": counts["changed"],
        "skipped": counts.get("same", 0) + counts.get("skip", 0), "refused": counts.get("bad", 0) + counts["stale"],
    }  # fmt: skip
    return AuditEntry(
        at=now(), user_id=batch.owner_id, actor=batch.actor, action="import", table_name="import_batch",
        row_id=str(batch.id), before="{}", after=json.dumps(after, sort_keys=True, ensure_ascii=False),
    )  # fmt: skip


def finish(batch_id: int, entity: Entity, tell: Callable[[int], None]) -> None:
    """What follows from the rows that are in, in short steps; begun again it does no harm."""
    after = done = 0
    while rows := retried(lambda: _step(batch_id, entity, after)):  # noqa: B023  (asked at once)
        after, done = rows[-1].line, done + len(rows)
        tell(done)
    with transaction() as session:
        session.execute(
            update(ImportBatch)
            .where(ImportBatch.id == batch_id, ImportBatch.state == ImportState.FINISHING)
            .values(state=ImportState.DONE)
        )


def _step(batch_id: int, entity: Entity, after: int) -> list[Row[Any]]:
    """What follows from the next rows behind a line; gives them."""
    if entity.after is None:
        return []
    with transaction() as session:
        rows = _next_rows(session, batch_id, entity, after)
        if rows:
            entity.after(session, [row.id for row in rows])
        if rows and entity.extras:
            _follow(session, entity, batch_id, rows)
        return rows


def _next_rows(session: Session, batch_id: int, entity: Entity, after: int) -> list[Row[Any]]:
    """Staged rows behind a line, with the record that each became or changed."""
    model = entity.model
    rows = (
        select(ImportRow.line, ImportRow.action, ImportRow.data, model.id)
        .join(model, getattr(model, entity.key) == ImportRow.key)
        .where(
            ImportRow.batch_id == batch_id,
            ImportRow.line > after,
            ImportRow.action.in_(("new", "change")),
        )
    )
    return list(session.execute(rows.order_by(ImportRow.line).limit(STEP_ROWS)))


def _follow(session: Session, entity: Entity, batch_id: int, rows: list[Row[Any]]) -> None:
    """What new rows bring besides their record; each carries a reference of its own, so it comes once."""
    owner_id = session.get_one(ImportBatch, batch_id).owner_id
    for row in rows:
        more = json.loads(row.data)[len(entity.columns) :] if row.action == "new" else []
        if any(value is not None for value in more):
            told = dict(zip(entity.extras, more, strict=True))
            entity.follow(session, row.id, told, f"import:{batch_id}:{row.line}", owner_id)
