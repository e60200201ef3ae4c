"""The books into a backup and out of it: one consistent picture while everybody goes on selling.

SQLite is copied by its own online backup; of PostgreSQL every table is read through COPY within
one REPEATABLE READ transaction.  No program of the database is needed, in neither direction.
"""

from __future__ import annotations

import errno
import shutil
import sqlite3
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any, BinaryIO

from sqlalchemy import Connection, Engine, inspect, text

BOOKS = "books.db"
CHUNK = 1 << 18
REVISIONS = "alembic_version"


class NotEmpty(Exception):
    """There are tables already; a backup is never put over somebody's books."""


def kind_of(engine: Engine) -> str:
    """'sqlite' or 'postgresql'."""
    return str(engine.dialect.name)


def revision_of(connection: Connection) -> str:
    """The migration that the database stands at."""
    return str(connection.execute(text(f"SELECT version_num FROM {REVISIONS}")).scalar_one())  # noqa: S608


def export(engine: Engine, folder: Path) -> dict[str, Any]:
    """Write the books into an empty folder; gives what is needed to bring them back."""
    return _export_sqlite(engine, folder) if kind_of(engine) == "sqlite" else _export_tables(engine, folder)


def _export_sqlite(engine: Engine, folder: Path) -> dict[str, Any]:
    # NB: in one step: with a write-ahead log a reader holds up nobody, and a copy in steps would
    # begin again with every sale.
    with closing(sqlite3.connect(str(engine.url.database))) as source, closing(
        sqlite3.connect(folder / BOOKS)
    ) as copy:
        source.backup(copy, pages=-1)
        (revision,) = copy.execute(f"SELECT version_num FROM {REVISIONS}").fetchone()  # noqa: S608
    return {"kind": "sqlite", "revision": revision}


def _export_tables(engine: Engine, folder: Path) -> dict[str, Any]:
    with engine.connect().execution_options(isolation_level="REPEATABLE READ") as connection:
        connection.execute(text("SET TRANSACTION READ ONLY"))
        tables = []
        for number, name in enumerate(_tables_in_order(connection)):
            columns = [column["name"] for column in inspect(connection).get_columns(name)]
            with (folder / f"{number:03d}.copy").open("wb") as file:
                rows = _copy_out(connection, _copy_words(name, columns, "TO STDOUT"), file)
            tables.append({"name": name, "columns": columns, "rows": rows})
        numbers = connection.execute(
            text("SELECT sequencename, last_value FROM pg_sequences WHERE schemaname = current_schema()")
        )
        sequences = {name: last for name, last in numbers if last is not None}
        revision = revision_of(connection)
        connection.rollback()
    return {"kind": "postgresql", "revision": revision, "tables": tables, "sequences": sequences}


def _tables_in_order(connection: Connection) -> list[str]:
    """Every table, each after those it refers to."""
    found = inspect(connection).get_sorted_table_and_fkc_names()
    if circles := [keys for name, keys in found if name is None and keys]:
        raise AssertionError(f"tables refer to each other in a circle: {circles}")
    return [name for name, _ in found if name is not None and name != REVISIONS]


def _copy_words(table: str, columns: Iterable[str], way: str) -> str:
    """A COPY statement in the text format, which every version of PostgreSQL reads."""
    named = ", ".join(f'"{column}"' for column in columns)
    return f'COPY "{table}" ({named}) {way}'


def _copy_out(connection: Connection, statement: str, file: BinaryIO) -> int:
    driver: Any = connection.connection.driver_connection
    with driver.cursor() as cursor:
        with cursor.copy(statement) as copy:
            file.writelines(copy)
        return int(cursor.rowcount)


def require_empty(engine: Engine) -> None:
    """Raises NotEmpty when the database holds any table; makes no file."""
    if kind_of(engine) == "sqlite":
        path = Path(str(engine.url.database))
        if path.exists() and path.stat().st_size:
            raise NotEmpty(f"{path.name} is there already")
        return
    with engine.connect() as connection:
        tables = set(inspect(connection).get_table_names()) - {REVISIONS}
    if tables:
        raise NotEmpty(f"the database has {len(tables)} tables already")


def check_copy(facts: dict[str, Any], folder: Path) -> None:
    """Have SQLite look through its copy.  Raises ValueError when it finds damage."""
    if facts["kind"] != "sqlite":
        return
    with closing(sqlite3.connect(folder / BOOKS)) as copy:
        found = copy.execute("PRAGMA integrity_check(1)").fetchone()[0]
        loose = copy.execute("PRAGMA foreign_key_check").fetchone()
    if found != "ok" or loose is not None:
        raise ValueError("the copy of the books is damaged")


def put_back(
    engine: Engine,
    facts: dict[str, Any],
    folder: Path,
    upgrade: Callable[[str], None],
    mark: Callable[[Any], None],
) -> None:
    """Bring exported books back into an empty database, `mark` them, and make both durable at once.

    `upgrade` makes the tables of a revision; `mark` gets a connection inside the transaction.
    """
    if facts["kind"] == "sqlite":
        _put_file(engine, folder, mark)
    else:
        _put_tables(engine, facts, folder, upgrade, mark)


def _put_file(engine: Engine, folder: Path, mark: Callable[[Any], None]) -> None:
    from sqlalchemy import create_engine
    from sqlalchemy.pool import NullPool

    copy = folder / BOOKS
    marking = create_engine(f"sqlite:///{copy}", poolclass=NullPool)
    with marking.begin() as connection:
        mark(connection)
    with closing(sqlite3.connect(copy)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    target = Path(str(engine.url.database))
    target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    copy.chmod(0o600)
    # NB: a link, unlike a rename, never replaces what came there meanwhile.
    try:
        target.hardlink_to(copy)
    except OSError as error:
        if error.errno != errno.EXDEV:
            raise
        draft = target.with_name(f".{target.name}.restored")
        shutil.copy(copy, draft)
        target.hardlink_to(draft)
        draft.unlink()


def _put_tables(
    engine: Engine,
    facts: dict[str, Any],
    folder: Path,
    upgrade: Callable[[str], None],
    mark: Callable[[Any], None],
) -> None:
    upgrade(facts["revision"])
    with engine.begin() as connection:
        for number, table in enumerate(facts["tables"]):
            words = _copy_words(table["name"], table["columns"], "FROM STDIN")
            rows = _copy_in(connection, words, folder / f"{number:03d}.copy")
            if rows != table["rows"]:
                raise ValueError(f"{table['name']} has {rows} rows, not {table['rows']}")
        for name, last in facts["sequences"].items():
            connection.execute(text("SELECT setval(CAST(:name AS regclass), :last)"), {"name": name, "last": last})
        mark(connection)


def _copy_in(connection: Connection, statement: str, path: Path) -> int:
    driver: Any = connection.connection.driver_connection
    with driver.cursor() as cursor:
        with cursor.copy(statement) as copy:
            for piece in _pieces(path):
                copy.write(piece)
        return int(cursor.rowcount)


def _pieces(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while piece := file.read(CHUNK):
            yield piece
