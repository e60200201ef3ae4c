"""The SQL that takes the staged rows of one import into the records, on either database.

What can be worked out before anything is locked is worked out then: the JSON of the staged rows
becomes typed columns in a table of this connection alone, in the order in which they are written,
and the columns that change at all are counted.  What is left within the lock is one plain UPDATE,
one plain INSERT and the look at what has changed since the check.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from sqlalchemy import CursorResult, String, TextClause, bindparam, text
from sqlalchemy.dialects import postgresql
from sqlalchemy.orm import Session

from app.access.scope import Scope
from app.models import Region
from app.models.base import UTCDateTime
from app.models.triggers import DIFFERS
from app.services.imports.entity import Entity
from app.services.regions import offered

# Tables of one connection: the rows in their types, and which records their columns name.
STAGED, NAMED = "import_staged", "import_named"
NOW, WHO = bindparam("now", type_=UTCDateTime()), bindparam("who", type_=String())


class Writing:
    """The rows of one import on their way into the records, within one session."""

    def __init__(self, entity: Entity, batch_id: int) -> None:
        self.entity, self.batch_id = entity, int(batch_id)
        self.table = entity.model.__table__
        self.differs = ""
        # Columns that at least one row changes; the others are not touched, and neither are their indexes.
        self.changing: frozenset[str] = frozenset()

    def lay_out(self, session: Session) -> None:
        """Turn the staged rows into typed columns.  Locks nothing; nobody else sees them.

        NB: on SQLite it runs before the transaction begins, so the table may be left by one that
        was undone; on PostgreSQL it goes with the transaction.
        """
        dialect = session.get_bind().dialect.name
        self.differs = DIFFERS[dialect]
        mine = f"r.batch_id = {self.batch_id} AND r.action"
        if dialect == "postgresql":
            # Parsed once a row: without OFFSET the planner would parse it for each column.
            source = (
                "(SELECT r.*, CAST(r.data AS jsonb) AS told FROM import_row AS r"  # noqa: S608
                f" WHERE {mine} IN ('new', 'change') OFFSET 0)"
            )
            kind, keys = "ON COMMIT DROP AS", "json_object_keys(CAST(r.before AS json)) AS j(key)"
        else:
            source, kind, keys = "import_row", "AS", "json_each(r.before) AS j"
            for table in (STAGED, NAMED):
                session.execute(text(f"DROP TABLE IF EXISTS temp.{table}"))
        columns = ", ".join(
            f"{self._value(dialect, place, name)} AS {name}"
            for place, name in enumerate(self.entity.columns)
        )
        session.execute(
            text(
                f"CREATE TEMPORARY TABLE {STAGED} {kind} SELECT r.id AS row_id, r.action, r.key, r.target_id,"  # noqa: S608
                f" r.target_version, {columns} FROM {source} AS r WHERE {mine} IN ('new', 'change') ORDER BY r.key"
            )
        )
        named = " UNION ALL ".join(
            f"SELECT DISTINCT '{column}' AS link, {column} AS it FROM {STAGED} WHERE {column} IS NOT NULL"  # noqa: S608
            for column in self._links()
        )
        session.execute(text(f"CREATE TEMPORARY TABLE {NAMED} {kind} {named}"))
        if dialect == "postgresql":
            session.execute(text(f"ANALYZE {STAGED}, {NAMED}"))
        said = f"SELECT DISTINCT j.key FROM import_row AS r, {keys} WHERE {mine} = 'change'"  # noqa: S608
        self.changing = frozenset(session.execute(text(said)).scalars())

    def _value(self, dialect: str, place: int, name: str) -> str:
        """One column out of a staged row's JSON, in the column's own type."""
        if dialect == "sqlite":
            return f"json_extract(r.data, '$[{place}]')"
        kind = self.table.c[name].type
        text_of = f"(r.told ->> {place})"
        if isinstance(kind, String):
            return text_of
        return f"CAST({text_of} AS {kind.compile(dialect=postgresql.dialect())})"  # type: ignore[no-untyped-call]

    def mark_stale(self, session: Session, scope: Scope) -> int:
        """Mark rows that may no longer be written as they were checked, with the reason; how many they are.

        A record came, went or changed; a region, or what else the row names, is gone, belongs to
        others or was switched off since.  What a record has already it keeps, as in the check.
        """
        low = "" if scope.sees_all else (scope.region_path or "/none/")
        whens = [*self._moved(low), *self._off(session, low), *self._again()]
        cases = " ".join(
            f"WHEN {when} THEN '{json.dumps([[field, code, {}]])}'" for when, field, code in whens
        )
        said = (
            "UPDATE import_row SET action = 'stale', faults = w.why FROM ("  # noqa: S608
            f"SELECT s.row_id, CASE {cases} END AS why FROM {STAGED} AS s"
            f" LEFT JOIN {self.table.name} AS o ON o.id = s.target_id"
            ") AS w WHERE import_row.id = w.row_id AND w.why IS NOT NULL"
        )
        limits = {"low": low, "high": low[:-1] + "0"} if low else {}
        found = count_of(session.execute(text(said), limits))
        if found:
            stale = "SELECT r.id FROM import_row AS r WHERE r.batch_id = :batch AND r.action = 'stale'"
            gone = f"DELETE FROM {STAGED} WHERE row_id IN ({stale})"  # noqa: S608
            session.execute(text(gone), {"batch": self.batch_id})
        return found

    def _moved(self, low: str) -> list[tuple[str, str, str]]:
        """The record itself, and the region it shall lie in."""
        name, key = self.table.name, self.entity.key
        living = f"region AS g WHERE g.merged_into_id IS NULL AND {_own(low)} AND g.id"
        return [
            (f"s.action = 'new' AND EXISTS (SELECT 1 FROM {name} AS k WHERE k.{key} = s.key)", "", "changed_since"),  # noqa: S608
            ("s.action = 'change' AND (o.id IS NULL OR o.version <> s.target_version)", "", "changed_since"),
            (_missing("region_id", living), "region", "gone_since"),
        ]  # fmt: skip

    def _off(self, session: Session, low: str) -> list[tuple[str, str, str]]:
        """What else a row names: others' by now, or switched off."""
        whens = []
        for column, table in self._links().items():
            given = f"o.{column} {self.differs} s.{column} AND "
            field = column.removesuffix("_id")
            if table == "consumer":
                theirs = f"consumer AS t JOIN region AS g ON g.id = t.region_id WHERE {_own(low)} AND t.id"
                whens.append((given + _missing(column, theirs), field, "gone_since"))
            fine = _offered(session) if table == "region" else f"{table} AS t WHERE t.active AND t.id"
            whens.append((given + _missing(column, fine), field, "off_since"))
        return whens

    def _links(self) -> dict[str, str]:
        """The columns that name a record, and its table."""
        return {"region_id": "region", **self.entity.links}

    def _again(self) -> list[tuple[str, str, str]]:
        """What the kind of record itself asks again."""
        asked = self.entity.again.items()
        return [(rule.format(differs=self.differs), field, code) for (field, code), rule in asked]

    def new(self, session: Session) -> int:
        """How many records would be added."""
        said = f"SELECT count(*) FROM {STAGED} WHERE action = 'new'"  # noqa: S608
        return int(session.execute(text(said)).scalar_one())

    def change(self, session: Session, values: Mapping[str, Any]) -> int:
        """Change every record that is still the one that was looked at; only the columns that any row changes."""
        changing = [name for name in self.entity.columns if name in self.changing]
        if not changing:
            return 0
        sets = {name: f"s.{name}" for name in changing}
        named = {name: f"s.{name}" for name in self.entity.columns}
        for column, rule in self.entity.on_change.items():
            if any(f"{{{name}}}" in rule for name in changing):
                sets[column] = rule.format(differs=self.differs, **named)
        told, name = ", ".join(f"{column} = {value}" for column, value in sets.items()), self.table.name
        said = (
            f"UPDATE {name} SET {told}, changed_at = :now, version = {name}.version + 1 FROM {STAGED} AS s"  # noqa: S608
            f" WHERE s.action = 'change' AND {name}.id = s.target_id AND {name}.version = s.target_version"
        )
        return count_of(session.execute(*_bound(said, values)))

    def add(self, session: Session, values: Mapping[str, Any]) -> int:
        """Add every new record, with the columns that the file does not know at their defaults."""
        into = {name: f"s.{name}" for name in self.entity.columns}
        for column in self.table.columns:
            if column.name in into or column.primary_key:
                continue
            if column.name in self.entity.on_new:
                into[column.name] = self.entity.on_new[column.name]
            elif column.name in ("created_at", "changed_at"):
                into[column.name] = ":now"
            elif column.default is not None and column.default.is_scalar:
                into[column.name] = _literal(column.default.arg)
        names, given = ", ".join(into), ", ".join(into.values())
        said = (
            f"INSERT INTO {self.table.name} ({names}) SELECT {given} FROM {STAGED} AS s"  # noqa: S608
            " WHERE s.action = 'new' ORDER BY s.key"
        )
        if session.get_bind().dialect.name == "sqlite":
            said = said.removesuffix(" ORDER BY s.key")  # it lies in that order, and is read so
        added = count_of(session.execute(*_bound(said, values)))
        if added and self.entity.beside:
            session.execute(text(self.entity.beside.format(staged=STAGED)))
        return added

    def clear(self, session: Session) -> None:
        """The typed rows are not needed any more."""
        for table in (STAGED, NAMED):
            session.execute(text(f"DROP TABLE {table}"))


def _own(low: str) -> str:
    return "g.path >= :low AND g.path < :high" if low else "1 = 1"


def _offered(session: Session) -> str:
    """The places that may be given anew, as all doors ask it; it has no values but truths."""
    rule = offered().compile(session.get_bind(), compile_kwargs={"literal_binds": True})
    return f"{Region.__tablename__} WHERE {rule} AND {Region.__tablename__}.id"


def _missing(column: str, among: str) -> str:
    """That what a column names is not among these; asked once for each that is named, not for each row."""
    named = f"SELECT d.it FROM {NAMED} AS d WHERE d.link = '{column}'"  # noqa: S608
    return f"s.{column} IN ({named} AND NOT EXISTS (SELECT 1 FROM {among} = d.it))"  # noqa: S608


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


def _bound(said: str, values: Mapping[str, Any]) -> tuple[TextClause, dict[str, Any]]:
    """A statement with those of the values that it names, in their types."""
    named = {name: value for name, value in values.items() if f":{name}" in said}
    return text(said).bindparams(*[one for one in (NOW, WHO) if one.key in named]), named


def count_of(result: Any) -> int:
    """How many rows a statement has written."""
    return int(result.rowcount) if isinstance(result, CursorResult) else 0
