"""Where transactions begin and end.

`transaction()` is the only commit outside FAB's own CRUD of reference data, and only
services (and the module journal) call it.  It begins with the database's write lock on
SQLite (``BEGIN IMMEDIATE``), commits at the end and rolls back on any exception.
Decision 0003.
"""

from __future__ import annotations

import random
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

from sqlalchemy import Engine, TextClause, bindparam, event, text
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from app.extensions import db

T = TypeVar("T")

SQLITE_BUSY_MS = 15_000
ANALYSED_ROWS = 1_000
RETRIES = 8
# PostgreSQL: serialization_failure, deadlock_detected, lock_not_available.
PASSING_STATES = frozenset({"40001", "40P01", "55P03"})


class TransactionMisuse(RuntimeError):
    """A transaction was opened over unsaved changes or inside another one."""


@contextmanager
def transaction(first: Callable[[Session], None] | None = None) -> Iterator[Session]:
    """One unit of work: everything in it is durable at the end, or nothing of it happened.

    `first` may read, and make tables that only its connection sees; on SQLite it is done before the
    write lock is taken, so others go on writing meanwhile, and what it read may have moved by then.

    A plain ``session.begin()`` fails inside a request, because loading the user has begun a
    read; that read is ended here first.  Raises :class:`TransactionMisuse` when there are
    unsaved changes, or inside another transaction.
    """
    session = db.session()
    if session.info.get("in_transaction"):
        raise TransactionMisuse("a transaction inside a transaction")
    if session.new or session.dirty or session.deleted:
        raise TransactionMisuse("unsaved changes before a transaction")
    session.rollback()
    session.info["in_transaction"] = True
    try:
        if first is not None:
            first(session)
        with _write_lock(session):
            try:
                yield session
                session.commit()
            except BaseException:
                session.rollback()
                raise
    except BaseException:
        session.rollback()
        raise
    finally:
        session.info["in_transaction"] = False


@contextmanager
def _write_lock(session: Session) -> Iterator[None]:
    """On SQLite, the one writer's place from before the first read to the end; PostgreSQL locks rows by itself.

    NB: left alone, the driver begins only at the first write; taking the lock before the first read is what makes
    read-then-write safe.  And SQLite would ask again after 1, 2, 5 and up to 100 ms, in each thread: the
    place stood empty for longer than a sale takes.  Here one thread of a process asks, every millisecond.
    """
    engine = session.get_bind()
    if engine.dialect.name != "sqlite":
        yield
        return
    until = time.monotonic() + SQLITE_BUSY_MS / 1000
    turn = _turns.setdefault(str(engine.engine.url), threading.Lock())
    if not turn.acquire(timeout=SQLITE_BUSY_MS / 1000):
        raise OperationalError("BEGIN IMMEDIATE", {}, sqlite3.OperationalError("database is locked"))
    try:
        _begin(session.connection().connection.driver_connection, until)
        yield
    finally:
        turn.release()


_turns: dict[str, threading.Lock] = {}


def _begin(driver: Any, until: float) -> None:
    """Take SQLite's write lock, or raise the OperationalError of a busy file after `until` (monotonic seconds)."""
    driver.execute("PRAGMA busy_timeout=0")
    try:
        while True:
            try:
                driver.execute("BEGIN IMMEDIATE")
                return
            except sqlite3.OperationalError as error:
                # NB: the lowest byte is the kind; after a crash the file is busy with its recovery for a moment.
                if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > until:
                    raise OperationalError("BEGIN IMMEDIATE", {}, error) from error
            time.sleep(0.001)
    finally:
        driver.execute(f"PRAGMA busy_timeout={SQLITE_BUSY_MS}")


def is_passing(error: BaseException) -> bool:
    """Whether the same work may succeed when it is tried again: a deadlock, a busy file."""
    original = getattr(error, "orig", None)
    if isinstance(original, sqlite3.OperationalError):
        return "locked" in str(original) or "busy" in str(original)
    return getattr(original, "sqlstate", None) in PASSING_STATES


def retried(work: Callable[[], T]) -> T:
    """Run `work` again when the database refuses it in passing; the last refusal is raised.

    `work` opens its own transaction and is safe to repeat, because it carries its reference.
    """
    for attempt in range(RETRIES):
        try:
            return work()
        except OperationalError as error:
            if attempt == RETRIES - 1 or not is_passing(error):
                raise
            # Jitter keeps two that met once from meeting again; it is no secret.
            time.sleep(random.uniform(0.005, 0.05) * (attempt + 1))  # noqa: S311
    raise AssertionError("unreachable")


def prepared(statement: Any, dialect: str) -> TextClause:
    """Compile an upsert once, into text with typed parameters; the caller keeps what it gets.

    SQLAlchemy keeps the compiled form of every statement but those of a dialect of its own, so
    an upsert would be compiled anew for each sale, which costs more than running it.
    """
    kind = postgresql.dialect if dialect == "postgresql" else sqlite.dialect
    compiled = statement.compile(dialect=kind(paramstyle="named"))
    given = [bindparam(key, type_=bind.type) if bind.required else bindparam(key, bind.value, bind.type)
             for key, bind in compiled.binds.items()]  # fmt: skip
    return text(str(compiled)).bindparams(*given)


def learn_sizes() -> None:
    """Let SQLite count what its indexes hold, by samples: it chooses among them by that.

    PostgreSQL does so by itself; SQLite, without it, takes any condition for a rare one.
    """
    session = db.session()
    if session.get_bind().dialect.name == "sqlite":
        with transaction() as writing:
            writing.execute(text(f"PRAGMA analysis_limit={ANALYSED_ROWS}"))
            writing.execute(text("ANALYZE"))


def configure_sqlite(engine: Engine) -> None:
    """Durable, concurrent and strict SQLite: WAL, synchronous=FULL, foreign keys, patience."""

    @event.listens_for(engine, "connect")
    def _connect(connection: sqlite3.Connection, _record: object) -> None:
        # NB: the driver sends BEGIN IMMEDIATE before the first write of FAB's own CRUD; a
        # deferred one would fail at once (BUSY_SNAPSHOT) whenever a sale came in between.
        connection.isolation_level = "IMMEDIATE"
        cursor = connection.cursor()
        cursor.execute(f"PRAGMA busy_timeout={SQLITE_BUSY_MS}")
        cursor.execute("PRAGMA journal_mode=WAL")
        cursor.execute("PRAGMA synchronous=FULL")
        cursor.execute("PRAGMA foreign_keys=ON")
        # INSERT OR REPLACE deletes too, and only so do the triggers of the books see it.
        cursor.execute("PRAGMA recursive_triggers=ON")
        cursor.close()
