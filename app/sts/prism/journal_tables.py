"""The tables of the module server's journal, and the statements on them.

They take from the log (journal_log) what it has made durable, many entries at once.  One statement writes all rows
of a table: a single step inside SQLite, during which Python's lock is free, so that making tokens and writing them do
not wait for each other row by row.  The number of the last entry taken is written in the same transaction.
"""

from __future__ import annotations

import json
import sqlite3
from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from app.sts.token_id import MAX_TOKEN_ID

#: 1 had no log in front of it, and 2 a log that did not say whose it is; a program that knows only those would not see
#: what the log holds.
VERSION = 3
_TABLES = """
CREATE TABLE IF NOT EXISTS answer (
  id INTEGER PRIMARY KEY, message_id TEXT NOT NULL UNIQUE, request_digest TEXT NOT NULL,
  tokens TEXT NOT NULL, answered_at INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS last_id (
  pan TEXT NOT NULL, base_date INTEGER NOT NULL, token_id INTEGER NOT NULL,
  PRIMARY KEY (pan, base_date)) WITHOUT ROWID;
CREATE TRIGGER IF NOT EXISTS last_id_never_goes_back BEFORE UPDATE ON last_id
  WHEN NEW.token_id <= OLD.token_id
  BEGIN SELECT RAISE(ABORT, 'a token id was drawn twice'); END;
CREATE TABLE IF NOT EXISTS day_count (
  day TEXT NOT NULL, token_class INTEGER NOT NULL, subclass INTEGER NOT NULL, tokens INTEGER NOT NULL,
  PRIMARY KEY (day, token_class, subclass)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS licence (
  serial TEXT PRIMARY KEY, transactions INTEGER NOT NULL, loaded_at INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS fact (name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
"""
# The tokens stand in the batch as JSON inside JSON, and are stored as the text they are.
_ANSWERS = """INSERT INTO answer (message_id, request_digest, tokens, answered_at)
  SELECT value ->> 0, value ->> 1, value -> 2, value ->> 3 FROM json_each(?)"""
_LAST_IDS = """INSERT INTO last_id (pan, base_date, token_id)
  SELECT value ->> 0, value ->> 1, value ->> 2 FROM json_each(?) WHERE true
  ON CONFLICT (pan, base_date) DO UPDATE SET token_id = excluded.token_id"""
_COUNTS = """INSERT INTO day_count (day, token_class, subclass, tokens)
  SELECT value ->> 0, value ->> 1, value ->> 2, value ->> 3 FROM json_each(?) WHERE true
  ON CONFLICT (day, token_class, subclass) DO UPDATE SET tokens = tokens + excluded.tokens"""
_ADD_FACT = """INSERT INTO fact (name, value) VALUES (?, ?)
  ON CONFLICT (name) DO UPDATE SET value = value + excluded.value"""
_SET_FACT = """INSERT INTO fact (name, value) VALUES (?, ?)
  ON CONFLICT (name) DO UPDATE SET value = excluded.value"""


def opened(path: Path | str) -> sqlite3.Connection:
    """Open or make the file, for its owner only. Raises ValueError for an unknown version."""
    Path(path).touch(mode=0o600)
    connection = sqlite3.connect(path, timeout=10, isolation_level=None, check_same_thread=False)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    # The log is used again, not cut: writing over it costs the file system less than growing it.
    connection.execute("PRAGMA wal_autocheckpoint = 4000")
    with connection:
        connection.execute("BEGIN IMMEDIATE")
        if not connection.execute("SELECT 1 FROM sqlite_master").fetchone():
            for statement in _statements():
                connection.execute(statement)
            set_fact(connection, "version", VERSION)
            set_fact(connection, "applied", 0)
        version = fact(connection, "version")
        if version == 1:
            set_fact(connection, "applied", 0)
        if version in {1, 2}:
            set_fact(connection, "version", VERSION)
    if version not in {1, 2, VERSION}:
        connection.close()
        raise ValueError("this version of the journal is not known")
    return connection


@dataclass
class Batch:
    """What is written at once.  ``last``: the number of its last entry of the log.

    ``rows``: by message id one JSON list for each answer: message id, digest, tokens, Unix seconds; then, for the log
    alone, PAN, base date and token id (null without one) and the transactions it took.  The rest are their sums.
    """

    last: int = 0
    rows: dict[str, str] = field(default_factory=dict)
    last_ids: dict[tuple[str, int], int] = field(default_factory=dict)
    counts: Counter[tuple[str, int, int]] = field(default_factory=Counter)
    transactions: int = 0

    def add(self, other: Batch) -> None:
        """Take what came later."""
        self.rows |= other.rows
        self.last_ids |= other.last_ids
        self.counts.update(other.counts)
        self.transactions += other.transactions


def write(connection: sqlite3.Connection, batch: Batch, after: int) -> None:
    """Commit a batch, all or nothing; ``after``: the last entry that the tables have. Raises sqlite3.Error."""
    with connection:
        connection.execute("BEGIN IMMEDIATE")
        moved = connection.execute(
            "UPDATE fact SET value = ? WHERE name = 'applied' AND value = ?", (batch.last, after)
        )
        if moved.rowcount != 1:
            raise sqlite3.IntegrityError("somebody else writes this journal")
        connection.execute(_ANSWERS, (f"[{','.join(batch.rows.values())}]",))
        if batch.last_ids:
            connection.execute(_LAST_IDS, (_rows(batch.last_ids),))
        connection.execute(_COUNTS, (_rows(batch.counts),))
        if batch.transactions:
            connection.execute(_ADD_FACT, ("transactions_used", batch.transactions))


def answer(connection: sqlite3.Connection, message_id: str) -> tuple[str, str] | None:
    """(digest, tokens) of an answer."""
    found: tuple[str, str] | None = connection.execute(
        "SELECT request_digest, tokens FROM answer WHERE message_id = ?", (message_id,)
    ).fetchone()
    return found


def answer_and_last_id(
    connection: sqlite3.Connection, message_id: str, pan: str, base_date: int
) -> tuple[str | None, str | None, int | None]:
    """(digest, tokens) of an answer and the last token id of a meter, in one look."""
    found: tuple[str | None, str | None, int | None] = connection.execute(
        "SELECT request_digest, tokens,"
        " (SELECT token_id FROM last_id WHERE pan = ? AND base_date = ?)"
        " FROM (SELECT 1) LEFT JOIN answer ON message_id = ?",
        (pan, base_date, message_id),
    ).fetchone()
    return found


def counts(
    connection: sqlite3.Connection, first_day: str, last_day: str
) -> list[tuple[str, int, int, int]]:
    """Counts of the days between two, both inclusive."""
    return connection.execute(
        "SELECT day, token_class, subclass, tokens FROM day_count WHERE day BETWEEN ? AND ? ORDER BY 1, 2, 3",
        (first_day, last_day),
    ).fetchall()


def tokens_made(connection: sqlite3.Connection) -> int:
    """All tokens counted."""
    return int(connection.execute("SELECT coalesce(sum(tokens), 0) FROM day_count").fetchone()[0])


def fact(connection: sqlite3.Connection, name: str) -> int | None:
    """A number the journal keeps by name."""
    found = connection.execute("SELECT value FROM fact WHERE name = ?", (name,)).fetchone()
    return None if found is None else int(found[0])


def set_fact(connection: sqlite3.Connection, name: str, value: int) -> None:
    """Keep a number by name."""
    connection.execute(_SET_FACT, (name, value))


def step_ahead(connection: sqlite3.Connection, base_date: int, first: int, by: int) -> None:
    """Raise the last ids of a base date that are at or above one by some, as far as ids go."""
    connection.execute(
        "UPDATE last_id SET token_id = min(token_id + ?, ?) WHERE base_date = ? AND token_id BETWEEN ? AND ?",
        (by, MAX_TOKEN_ID, base_date, first, MAX_TOKEN_ID - 1),
    )


def forget_log(connection: sqlite3.Connection) -> None:
    """Of a copy that no log is beside: the one that it will get is another journal's."""
    connection.execute("DELETE FROM fact WHERE name IN ('journal', 'log_generation', 'log_since')")


def transactions_left(connection: sqlite3.Connection) -> int | None:
    """What the licences allow and is not used; None when there is no licence."""
    bought = connection.execute("SELECT sum(transactions) FROM licence").fetchone()[0]
    return None if bought is None else int(bought) - (fact(connection, "transactions_used") or 0)


def add_licence(
    connection: sqlite3.Connection, serial: str, transactions: int, at: datetime
) -> bool:
    """Add a licence; False when its serial number is there."""
    done = connection.execute(
        "INSERT OR IGNORE INTO licence (serial, transactions, loaded_at) VALUES (?, ?, ?)",
        (serial, transactions, int(at.timestamp())),
    )
    return done.rowcount == 1


def reset_ids(connection: sqlite3.Connection, pattern: str) -> list[str]:
    """Forget the token ids of some PANs; which they were."""
    found = connection.execute(
        "DELETE FROM last_id WHERE pan GLOB ? RETURNING pan", (pattern,)
    ).fetchall()
    return sorted({pan for (pan,) in found})


def _rows(table: dict[tuple[str, int], int] | dict[tuple[str, int, int], int]) -> str:
    return json.dumps([[*spot, value] for spot, value in table.items()])


def _statements() -> list[str]:
    """The statements of _TABLES; the one with a body of its own is kept whole."""
    parts, whole = [], ""
    for line in _TABLES.splitlines():
        whole += line + "\n"
        if sqlite3.complete_statement(whole):
            parts.append(whole)
            whole = ""
    return parts
