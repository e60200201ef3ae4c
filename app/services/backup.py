"""One encrypted file with all that is needed to come back: books, keys, journal, secrets.

It is made while the site runs.  Inside the envelope (backup_file) lies a tar archive:
`manifest.json`, the books (backup_books), then every file of the instance folder.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import secrets
import sqlite3
import tarfile
import tempfile
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Engine

from app.db import transaction
from app.extensions import db
from app.models import BackupMade
from app.models.base import now
from app.services import backup_books, backup_file
from app.services.backup_modules import modules_elsewhere
from app.sts.prism import folder as module_folder
from app.sts.prism import journal_log, journal_start

FORMAT = 1
BOOKS, FILES, MANIFEST = "books", "files", "manifest.json"
KEPT_APART = "backups"  # in the instance folder: where backups go when nothing else is said
HEAD_OF_CHAIN = "audit.head"
SQLITE_MAGIC = b"SQLite format 3\x00"
# Locks, the queue (its tasks would be done twice), and what SQLite and a module's journal keep beside
# their files: it is inside their copies.
LEFT_OUT_NAMES = frozenset({"setup.lock", "run.lock", "lock", "queue.db"})
LEFT_OUT_ENDS = ("-wal", "-shm", "-journal", ".lock", *journal_log.ENDS)
NAME_MAX = 200


@dataclass(frozen=True, slots=True)
class Made:
    """A backup that is whole and durable: where, its bytes, and how many files besides the books.

    `elsewhere`: the modules whose keys and token ids are not in it, see `backup_modules`.
    """

    path: Path
    size: int
    files: int
    elsewhere: list[dict[str, Any]]


def make(instance: Path, target: Path, passphrase: str, instant: datetime | None = None) -> Made:
    """Write a backup to `target`, which must not exist; notes it in the books.

    Raises FileExistsError, OSError, and ValueError for a pass phrase under twelve characters.
    """
    begun = instant or now()
    if target.exists():
        raise FileExistsError(f"{target} is there already")
    target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    draft = target.with_name(f".{target.name}.{secrets.token_hex(4)}")
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(handle, "wb") as file:
            sealer = backup_file.Sealer(file, passphrase)
            with tempfile.TemporaryDirectory(dir=instance, prefix=".backup-") as work:
                files, elsewhere = _fill(sealer, instance, Path(work), begun)
            sealer.finish()
            file.flush()
            os.fsync(file.fileno())
        target.hardlink_to(draft)  # never over another one
    finally:
        with contextlib.suppress(FileNotFoundError):
            draft.unlink()
    _sync_folder(target.parent)
    made = Made(target, target.stat().st_size, files, elsewhere)
    _note(made, begun)
    return made


def _fill(
    sealer: backup_file.Sealer, instance: Path, work: Path, begun: datetime
) -> tuple[int, list[dict[str, Any]]]:
    engine = db.session().get_bind()
    if not isinstance(engine, Engine):
        raise TypeError("the session is bound to an engine")
    elsewhere = modules_elsewhere(db.session(), instance)
    db.session().rollback()
    # The head of the audit chain goes first: behind the log it does no harm, ahead of it the
    # log would look cut off.
    head = _read(instance / HEAD_OF_CHAIN)
    books = work / BOOKS
    books.mkdir(mode=0o700)
    facts = backup_books.export(engine, books)
    # NB: the books before the module's journal, never after it.  A token is in the journal before
    # it is in the books, so this journal knows every token of these books: no id is drawn again,
    # and what waits in the books finds its answer if there was one.  The other way round the
    # books could hold tokens, and ids, that the journal has never heard of.
    manifest = {
        "format": FORMAT, "begun_at": begun.isoformat(), "books": facts, "modules_elsewhere": elsewhere,
    }  # fmt: skip
    with tarfile.open(fileobj=sealer, mode="w|", format=tarfile.PAX_FORMAT, bufsize=1 << 16) as archive:
        _add_bytes(archive, MANIFEST, json.dumps(manifest).encode())
        for path in sorted(books.iterdir()):
            archive.add(path, f"{BOOKS}/{path.name}", filter=_anonymous)
            path.unlink()
        count = 0
        for path in _files(instance, engine):
            name = f"{FILES}/{path.relative_to(instance).as_posix()}"
            if path.name == HEAD_OF_CHAIN and path.parent == instance:
                _add_bytes(archive, name, head or b"")
            else:
                _add_file(archive, name, path, work)
            count += 1
    return count, elsewhere


def _files(instance: Path, engine: Engine) -> Iterator[Path]:
    """Every file of ours but the books themselves, other backups, and what is only for now."""
    books = Path(str(engine.url.database)).resolve() if engine.dialect.name == "sqlite" else None
    for path in sorted(instance.rglob("*")):
        inside = path.relative_to(instance).parts
        if not path.is_file() or inside[0] == KEPT_APART or any(part.startswith(".") for part in inside):
            continue
        if path.name in LEFT_OUT_NAMES or path.name.endswith(LEFT_OUT_ENDS) or path.resolve() == books:
            continue
        if not backup_file.is_backup(path):
            yield path


def _add_file(archive: tarfile.TarFile, name: str, path: Path, work: Path) -> None:
    """Add a file as it is now; a SQLite file and a module's journal through a copy, since they may be in use."""
    with path.open("rb") as file:
        is_sqlite = file.read(len(SQLITE_MAGIC)) == SQLITE_MAGIC
    if not is_sqlite:
        _add_bytes(archive, name, path.read_bytes())
        return
    copy = work / "copy.db"
    if path.name == module_folder.JOURNAL:
        journal_start.copy(path, copy)
    else:
        with closing(sqlite3.connect(path)) as source, closing(sqlite3.connect(copy)) as target:
            source.backup(target, pages=-1)
    archive.add(copy, name, filter=_anonymous)
    copy.unlink()


def _add_bytes(archive: tarfile.TarFile, name: str, content: bytes) -> None:
    facts = tarfile.TarInfo(name)
    facts.size, facts.mode = len(content), 0o600
    archive.addfile(facts, io.BytesIO(content))


def _anonymous(facts: tarfile.TarInfo) -> tarfile.TarInfo:
    facts.uid = facts.gid = 0
    facts.uname = facts.gname = ""
    facts.mode = 0o600
    return facts


def _read(path: Path) -> bytes | None:
    return path.read_bytes() if path.exists() else None


def _note(made: Made, begun: datetime) -> None:
    row: dict[str, Any] = {"made_at": begun, "file_name": made.path.name[:NAME_MAX], "size": made.size}
    with transaction() as session:
        session.add(BackupMade(**row))


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
