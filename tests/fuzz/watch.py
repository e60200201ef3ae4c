"""What a request did to the database: what it wrote, whose rows it changed; and the way back.

Every statement of the engine is seen.  A request that wrote without an end (`COMMIT`) wrote nothing.
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from flask import Flask
from sqlalchemy import event, text

from app.extensions import db
from app.services import plans
from tests.fixtures import ready
from tests.world import World

WRITES = re.compile(r"\s*(?:INSERT\s+INTO|UPDATE|DELETE\s+FROM|REPLACE\s+INTO)\s+\"?(\w+)", re.IGNORECASE)
# Whose region is the coast: nothing of Harbour is theirs.  Those who may look over everything are left out.
COAST = {"operator", "manager", "auditor", "region administrator"}
STRANGERS = {
    "sale": "sale", "meter": "meter", "consumer": "consumer", "point": "vending_point", "region": "region", "user": "ab_user",
    "engineering": "engineering_record", "task": "background_task", "import": "import_batch", "question": "saved_question",
    "schedule": "report_schedule",
}  # fmt: skip
KEEP_EVERY = 60  # requests after which the database is as it was, so that nobody is shut out for good


class Watch:
    """Watches the engine of one application."""

    def __init__(self, app: Flask, world: World) -> None:
        self.app, self.world = app, world
        self.wrote: set[str] = set()
        self._open: set[str] = set()
        self._since = 0
        with app.app_context():
            self.engine = db.engine
            self._tables = {kind: name for kind, name in STRANGERS.items() if name in db.metadata.tables}
        assert len(self._tables) == len(STRANGERS), "a table has another name"
        self._file = Path(self.engine.url.database or "") if self.engine.dialect.name == "sqlite" else None
        self._saved: Path | None = None
        event.listen(self.engine, "before_cursor_execute", self._statement)
        event.listen(self.engine, "commit", self._commit)
        event.listen(self.engine, "rollback", self._rollback)

    def close(self) -> None:
        """Watch no more."""
        event.remove(self.engine, "before_cursor_execute", self._statement)
        event.remove(self.engine, "commit", self._commit)
        event.remove(self.engine, "rollback", self._rollback)

    def remember(self) -> None:
        """From here on, this is how the database was."""
        if self._file is not None:
            self._saved = self._file.with_name(f"{self._file.name}-before")
            self._saved.unlink(missing_ok=True)
            self._copy(self._file, self._saved)
        self.strangers = self._of_strangers()

    def _statement(self, _connection: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        if found := WRITES.match(statement):
            self._open.add(found[1])

    def _commit(self, _connection: Any) -> None:
        self.wrote |= self._open
        self._open.clear()

    def _rollback(self, _connection: Any) -> None:
        self._open.clear()

    @contextmanager
    def of_one_request(self) -> Iterator[None]:
        """What is written in here is one request's."""
        self.wrote.clear()
        self._open.clear()
        yield

    def told(self, who: str, page: str) -> list[str]:
        """Words of a foreign row in a page."""
        return [secret for secret in self.world.secrets if secret in page] if who in COAST else []

    def settle(self, who: str, *, again: bool = False) -> list[str]:
        """Which foreign rows are not what they were; puts the database back where that is due."""
        harm: list[str] = []
        if self.wrote and who in COAST | {"anonymous"}:
            now = self._of_strangers()
            harm = [kind for kind, row in now.items() if row != self.strangers[kind]]
        self._since += 1
        # Who may change everything could hand Harbour over: what follows would be no foreign row.
        out = bool({"user_session", "ab_user"} & self.wrote)  # whoever signs out would stay a stranger
        if self.wrote and (who not in COAST or harm or again or out or self._since > KEEP_EVERY):
            self.put_back()
        return harm

    def put_back(self) -> None:
        """As it was remembered (SQLite; elsewhere it stays)."""
        self._since = 0
        if self._file is None or self._saved is None:
            return
        self._copy(self._saved, self._file)
        for key in [key for key in plans._compiled if key[0] not in ready.plans]:
            del plans._compiled[key]

    def forget(self) -> None:
        """Remove the copy."""
        if self._saved is not None:
            self._saved.unlink(missing_ok=True)

    @staticmethod
    def _copy(source: Path, target: Path) -> None:
        with closing(sqlite3.connect(source)) as old, closing(sqlite3.connect(target, timeout=15)) as new:
            old.backup(new)

    def _of_strangers(self) -> dict[str, str]:
        """Bento's rows."""
        with self.engine.connect() as connection:
            return {
                kind: repr(connection.execute(text(f'SELECT * FROM "{name}" WHERE id = :id'), {"id": self.world.rows[kind]["harbour"]}).all())  # noqa: S608
                for kind, name in self._tables.items()
            }
