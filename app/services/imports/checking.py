"""Every row of a file against every rule, some at a time, into the staging table.

Each chunk is one short transaction, so that sales go on.  Nothing is written to the records
themselves; what a row would do stands in its staged row: new, change, same, skip or bad.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import islice
from typing import Any

from sqlalchemy import Row, insert

from app.db import transaction
from app.models import ImportRow
from app.services.imports.entity import CLEARED, Book, Entity, Values
from app.services.imports.fields import Fault
from app.services.imports.layout import Cell, shown

CHUNK_ROWS = 1_000
MEMO_MAX = 2_000
NEW, CHANGE, SAME, SKIP, BAD = "new", "change", "same", "skip", "bad"
WARNED = "warned"  # counted besides: rows that are stored in spite of a warning


class Checker:
    """Checks the rows of one import; `counts` says how many are what."""

    def __init__(
        self,
        entity: Entity,
        book: Book,
        mapping: Sequence[str | None],
        batch_id: int,
        *,
        update: bool,
    ) -> None:
        self.entity, self.book, self.batch_id, self.update = entity, book, batch_id, update
        self.places = [(place, entity.field(name)) for place, name in enumerate(mapping) if name]
        self.mapped = {field.name for _, field in self.places}
        self.counts: Counter[str] = Counter()
        self.seen: dict[str, int] = {}
        self.room: int | None = None
        # What a column's cells have meant so far: a town, a tariff, a day come again and again.
        self.memo: list[dict[Cell, Any]] = [{} for _ in self.places]

    def run(self, rows: Iterable[tuple[int, list[Cell]]], tell: Callable[[int], None]) -> None:
        """Check and stage every row; `tell` hears how many are done and may raise."""
        self.book.begin()
        self.entity.begin(self.book)
        self.room = self.entity.room(self.book.session)
        self.book.session.rollback()
        source, done = iter(rows), 0
        while chunk := list(islice(source, CHUNK_ROWS)):
            staged = self._chunk(chunk)
            self.book.session.rollback()  # the reading ends before the writing begins
            if staged:
                with transaction() as session:
                    session.execute(insert(ImportRow.__table__), staged)
            done += len(chunk)
            tell(done)

    def _chunk(self, chunk: list[tuple[int, list[Cell]]]) -> list[dict[str, Any]]:
        read = [self._read(cells) for _, cells in chunk]
        keys = {values[self.entity.key] for values, _ in read if values.get(self.entity.key)}
        known = self.entity.known(self.book.session, keys) if keys else {}
        self.entity.look(self.book, [values for values, _ in read])
        return [
            self._row(line, cells, values, faults, known)
            for (line, cells), (values, faults) in zip(chunk, read, strict=True)
        ]

    def _read(self, cells: list[Cell]) -> tuple[Values, list[tuple[str, Fault]]]:
        """The values of a row that are there, and the cells that cannot be taken."""
        values: Values = {}
        faults: list[tuple[str, Fault]] = []
        for (place, field), memo in zip(self.places, self.memo, strict=True):
            if place >= len(cells) or cells[place] == "":
                continue
            cell = cells[place]
            if cell in memo:
                values[field.name] = memo[cell]
                continue
            try:
                value = field.read(cell, self.book)
            except Fault as fault:
                faults.append((field.name, fault))
                values[field.name] = None  # said, but not understood
            else:
                if value is not None:
                    values[field.name] = value
                    if len(memo) < MEMO_MAX:
                        memo[cell] = value
        return values, faults

    def _row(
        self,
        line: int,
        cells: list[Cell],
        values: Values,
        faults: list[tuple[str, Fault]],
        known: Mapping[str, Row[Any]],
    ) -> dict[str, Any]:
        """One row as it is staged."""
        key = values.get(self.entity.key)
        staged: dict[str, Any] = {
            "batch_id": self.batch_id, "line": line, "key": key, "data": None, "before": None,
            "target_id": None, "target_version": None, "faults": None,
            "raw": json.dumps([shown(cell) for cell in cells], ensure_ascii=False),
        }  # fmt: skip
        record = known.get(key) if key else None
        if key and key == self.entity.example and record is None:
            self.counts["example"] += 1
            staged["faults"] = json.dumps([[self.entity.key, "example", {}]])
            return self._as(SKIP, staged)
        if key is not None:
            first = self.seen.setdefault(key, line)
            if first != line:
                faults.append((self.entity.key, Fault("twice", line=first)))
            elif record is not None and not self._own(record):
                faults.append((self.entity.key, Fault("taken")))
                record = None
        if record is not None and not faults and not self.update:
            staged["target_id"] = record.id
            return self._as(SKIP, staged)
        self._require(values, record, faults)
        row = self.entity.settle(values, record, self.book, faults)
        if not faults and record is None:
            self._take_room(faults)
        if faults:
            staged["faults"] = _told(faults)
            return self._as(BAD, staged)
        return self._settled(staged, row, record)

    def _settled(
        self, staged: dict[str, Any], row: Values, record: Row[Any] | None
    ) -> dict[str, Any]:
        stored = self.entity.stored(row)
        if record is not None:
            before = self.entity.stored(record._asdict())
            stored = {
                name: before[name] if value is None else value for name, value in stored.items()
            }
            stored = {name: None if value == CLEARED else value for name, value in stored.items()}
            changed = {
                name: before[name] for name in self.entity.columns if before[name] != stored[name]
            }
            staged |= {"target_id": record.id, "target_version": record.version}
            if not changed:
                return self._as(SAME, staged)
            staged["before"] = json.dumps(changed, ensure_ascii=False)
        if warnings := self.entity.warn(row, record, self.book):
            staged["faults"] = _told(warnings)
            self.counts[WARNED] += 1
        more = self.entity.more(row) if record is None else []
        told = [stored[name] for name in self.entity.columns]
        staged["data"] = json.dumps([*told, *more], ensure_ascii=False)
        return self._as(CHANGE if record is not None else NEW, staged)

    def _as(self, action: str, staged: dict[str, Any]) -> dict[str, Any]:
        self.counts[action] += 1
        staged["action"] = action
        return staged

    def _own(self, record: Row[Any]) -> bool:
        scope = self.book.scope
        return scope.sees_all or bool(
            scope.region_path and record.region_path.startswith(scope.region_path)
        )

    def _require(
        self, values: Values, record: Row[Any] | None, faults: list[tuple[str, Fault]]
    ) -> None:
        """A new record has what it cannot be without; a known one keeps what the file leaves out."""
        for field in self.entity.fields:
            missing = field.needed and field.name not in values
            if missing and (record is None or field.name == self.entity.key):
                faults.append(
                    (field.name, Fault("needed" if field.name in self.mapped else "no_column"))
                )

    def _take_room(self, faults: list[tuple[str, Fault]]) -> None:
        """One more record of those that the licence allows."""
        if self.room is None:
            return
        if self.counts[NEW] >= self.room:
            faults.append((self.entity.key, Fault("licence_full", left=self.room)))


def _told(faults: Sequence[tuple[str, Fault]]) -> str:
    return json.dumps([[name, one.code, one.params] for name, one in faults], ensure_ascii=False)
