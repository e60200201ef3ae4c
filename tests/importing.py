"""An import from the file to the report, with the worker's steps done at once."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import dataclass, field
from typing import Any

from flask import Flask

from app.extensions import db
from app.models import AppUser, ImportBatch, ImportRow
from app.services.imports import batches
from app.services.tasks import Owner
from app.views import work_runs
from tests.cast import Cast

METER_HEADINGS = ("Meter number", "Product model", "User number", "Region", "Tariff", "SGC", "KRN")
CONSUMER_HEADINGS = ("User number", "Name", "Region", "Phone", "ID number")


def csv_file(headings: Any, *lines: Any) -> bytes:
    """A csv file as somebody would upload it."""
    held = io.StringIO(newline="")
    csv.writer(held).writerows([headings, *lines])
    return held.getvalue().encode()


@dataclass
class Importer:
    """Somebody who imports; `who` is one of the cast."""

    app: Flask
    cast: Cast
    who: str = "chidi"
    count: int = field(default=0)

    @property
    def owner(self) -> Owner:
        """Who asks, as the pages say it."""
        user = db.session.get_one(AppUser, self.cast.users[self.who])
        return Owner(user.id, user.username, "en", self.cast.scope(self.who).region_path)

    def uploads(self, kind: str, content: bytes, consumer: int | None = None, reference: str = "") -> int:
        """Hand a file in; gives the import's id."""
        self.count += 1
        stored, digest, size = work_runs.folder().keep(io.BytesIO(content), 10**8)
        return batches.begin(
            kind, reference or f"{self.who}-{self.count}", self.owner, ("rows.csv", stored, digest, size),
            self.cast.scope(self.who), consumer,
        )  # fmt: skip

    def worker(self) -> None:
        """One piece of long work is done."""
        db.session.rollback()
        work_runs.run_next(self.app)
        db.session.rollback()
        db.session.expire_all()

    def checks(self, kind: str, content: bytes, *, known: str = "update", consumer: int | None = None) -> ImportBatch:
        """Upload, read, check."""
        batch_id = self.uploads(kind, content, consumer)
        self.worker()
        row = self.batch(batch_id)
        assert row.state == "read", (row.state, row.error)
        scope = self.cast.scope(self.who)
        batches.check(batch_id, scope, self.owner, json.loads(row.mapping), whole=True, known=known, mark=".")
        self.worker()
        return self.batch(batch_id)

    def imports(self, kind: str, content: bytes, *, whole: bool = True, **how: Any) -> ImportBatch:
        """Upload, read, check, run."""
        row = self.checks(kind, content, **how)
        assert row.state == "checked", (row.state, row.error)
        batches.run(row.id, self.cast.scope(self.who), self.owner, whole=whole)
        self.worker()
        return self.batch(row.id)

    def batch(self, batch_id: int) -> ImportBatch:
        """The import as it is now."""
        return db.session.get_one(ImportBatch, batch_id, populate_existing=True)

    def faults(self, row: ImportBatch) -> dict[int, list[tuple[str, str]]]:
        """What is wrong, by line: field and code."""
        rows = db.session.query(ImportRow).filter_by(batch_id=row.id, action="bad").order_by(ImportRow.line)
        return {one.line: [(name, code) for name, code, _ in json.loads(one.faults)] for one in rows}


def counts(row: ImportBatch) -> dict[str, int]:
    """How many rows were what."""
    return {name: number for name, number in json.loads(row.counts).items() if number}
