"""From staging into the records: one insert and one update for all rows of an import.

Both happen in one transaction, after a look at what has changed since the check.  What only
follows from the records (the words to search by, which record a staged row became) is made
afterwards in short steps that can be taken up again.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from sqlalchemy import CursorResult, Row, String, TextClause, bindparam, select, text, update
from sqlalchemy.dialects import postgresql
from sqlalchemy.orm import Session

from app.access.scope import Scope
from app.db import retried, transaction
from app.domain.states import ImportState
from app.models import AppUser, AuditEntry, ImportBatch, ImportRow
from app.models.base import UTCDateTime, now
from app.models.triggers import DIFFERS
from app.services.imports.entity import Entity
from app.services.tasks import Cancelled, WorkFailed

STEP_ROWS = 500
NOW, WHO = bindparam("now", type_=UTCDateTime()), bindparam("who", type_=String())


class Statements:
    """The SQL of one entity on one database."""

    def __init__(self, entity: Entity, dialect: str) -> None:
        self.entity, self.dialect = entity, dialect
        self.table = entity.model.__table__
        self.values = {name: self._value(place, name) for place, name in enumerate(entity.columns)}

    def _value(self, place: int, name: str) -> str:
        """One column out of a staged row's JSON, in the column's own type."""
        if self.dialect == "sqlite":
            return f"json_extract(r.data, '$[{place}]')"
        kind = self.table.c[name].type
        text_of = f"(CAST(r.data AS json) ->> {place})"
        if isinstance(kind, String):
            return text_of
        return f"CAST({text_of} AS {kind.compile(dialect=postgresql.dialect())})"  # type: ignore[no-untyped-call]

    def insert(self) -> str:
        """Every new row, with the columns that the file does not know at their defaults."""
        into = dict(self.values)
        for column in self.table.columns:
            if column.name in into or column.primary_key:
                continue
            if column.name in self.entity.on_new:
                into[column.name] = self.entity.on_new[column.name]
            elif column.name in ("created_at", "changed_at"):
                into[column.name] = ":now"
            elif column.default is not None and column.default.is_scalar:
                into[column.name] = _literal(column.default.arg)
        names, values = ", ".join(into), ", ".join(into.values())
        return (
            f"INSERT INTO {self.table.name} ({names}) SELECT {values} FROM import_row AS r"  # noqa: S608
            " WHERE r.batch_id = :batch AND r.action = 'new' ORDER BY r.key"
        )

    def update(self) -> str:
        """Every changed row whose record is still the one that was looked at."""
        name = self.table.name
        sets = {column: value for column, value in self.values.items() if column != self.entity.key}
        for column, rule in self.entity.on_change.items():
            sets[column] = rule.format(differs=DIFFERS[self.dialect], **self.values)
        told = ", ".join(f"{column} = {value}" for column, value in sets.items())
        return (
            f"UPDATE {name} SET {told}, changed_at = :now, version = {name}.version + 1 FROM import_row AS r"  # noqa: S608
            f" WHERE r.batch_id = :batch AND r.action = 'change' AND {name}.id = r.target_id"
            f" AND {name}.version = r.target_version"
        )

    def stale(self) -> str:
        """Marks rows that may no longer be written as they were checked, with the reason, in one pass.

        A record came, went or changed; a region, or what else the row names, is gone, belongs to
        others or was switched off since.  What a record has already it keeps, as in the check.
        """
        name, key, differs = self.table.name, self.entity.key, DIFFERS[self.dialect]
        own = "(:low = '' OR (g.path >= :low AND g.path < :high))"
        whens = [
            (f"s.action = 'new' AND EXISTS (SELECT 1 FROM {name} AS k WHERE k.{key} = s.key)", "", "changed_since"),  # noqa: S608
            ("s.action = 'change' AND (o.id IS NULL OR o.version <> s.target_version)", "", "changed_since"),
            (
                _missing("s.region_id", f"region AS g WHERE g.merged_into_id IS NULL AND {own} AND g.id"),
                "region",
                "gone_since",
            ),
        ]
        for column, table in {"region_id": "region", **self.entity.links}.items():
            given, field = f"o.{column} {differs} s.{column} AND ", column.removesuffix("_id")
            if table == "consumer":
                theirs = f"consumer AS t JOIN region AS g ON g.id = t.region_id WHERE {own} AND t.id"
                whens.append((given + _missing(f"s.{column}", theirs), field, "gone_since"))
            whens.append((given + _missing(f"s.{column}", f"{table} AS t WHERE t.active AND t.id"), field, "off_since"))
        cases = " ".join(f"WHEN {when} THEN '{json.dumps([[field, code, {}]])}'" for when, field, code in whens)
        read = ", ".join(f"{self.values[column]} AS {column}" for column in ("region_id", *self.entity.links))
        return (
            "UPDATE import_row SET action = 'stale', faults = w.why FROM ("  # noqa: S608
            f"WITH s AS MATERIALIZED (SELECT r.id, r.action, r.key, r.target_id, r.target_version, {read}"
            " FROM import_row AS r WHERE r.batch_id = :batch AND r.action IN ('new', 'change'))"
            f" SELECT s.id, CASE {cases} END AS why FROM s LEFT JOIN {name} AS o ON o.id = s.target_id"
            ") AS w WHERE import_row.id = w.id AND w.why IS NOT NULL"
        )


def _missing(value: str, among: str) -> str:
    return f"{value} IS NOT NULL AND NOT EXISTS (SELECT 1 FROM {among} = {value})"  # noqa: S608


def _literal(value: Any) -> str:
    """A column's own default as SQL: a whole number, a truth or a word."""
    plain = getattr(value, "value", value)
    if isinstance(plain, bool):
        return "TRUE" if plain else "FALSE"
    if isinstance(plain, int):
        return str(plain)
    if isinstance(plain, str) and plain.isalnum():
        return f"'{plain}'"
    raise LookupError(f"no literal for {value!r}")


def apply(batch_id: int, entity: Entity, scope: Scope, hold: Callable[[Session], None]) -> None:
    """Write what was checked, whole or its good rows; all in one transaction, once.

    `hold` keeps the task from being taken over meanwhile.  Raises what it raises, WorkFailed 'moved'
    (all or nothing, and rows are no longer what was checked), and what the entity's claim refuses;
    nothing is stored then.
    """
    with transaction() as session:
        hold(session)
        batch = session.get_one(
            ImportBatch, batch_id, with_for_update=True, populate_existing=True
        )
        if batch.state is not ImportState.RUNNING:
            if batch.applied_at is None:
                raise Cancelled  # it is no longer to be run
            return  # applied before; only what follows is left
        said = Statements(entity, session.get_bind().dialect.name)
        low = "" if scope.sees_all else (scope.region_path or "/none/")
        limits = {"batch": batch_id, "low": low, "high": low[:-1] + "0" if low else ""}
        stale = _rows(session.execute(text(said.stale()), limits))
        if stale and batch.whole:
            raise WorkFailed("moved", rows=stale)
        at = now()
        entity.claim(session, json.loads(batch.counts).get("new", 0))
        written = {"batch": batch_id, "now": at, "who": _name(session, batch.owner_id)}
        changed = _rows(session.execute(*_bound(said.update(), written)))
        added = _rows(session.execute(*_bound(said.insert(), written)))
        if entity.beside:
            session.execute(text(entity.beside), {"batch": batch_id})
        counts = json.loads(batch.counts) | {"added": added, "changed": changed, "stale": stale}
        batch.counts, batch.state, batch.applied_at = (
            json.dumps(counts),
            ImportState.FINISHING,
            at,
        )
        session.add(_entry(batch, counts))


def _bound(said: str, values: Mapping[str, Any]) -> tuple[TextClause, dict[str, Any]]:
    """A statement with those of the values that it names, in their types."""
    named = {name: value for name, value in values.items() if f":{name}" in said}
    return text(said).bindparams(*[one for one in (NOW, WHO) if one.key in named]), named


def _name(session: Session, user_id: int) -> str:
    """What a person is called."""
    user = session.get_one(AppUser, user_id)
    return f"{user.first_name or ''} {user.last_name or ''}".strip()[:64]


def _rows(result: Any) -> int:
    return int(result.rowcount) if isinstance(result, CursorResult) else 0


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
