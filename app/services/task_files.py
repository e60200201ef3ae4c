"""Files that came in or were made by long work: in one folder, for this program's user only.

Names are drawn, never taken from a browser.  What nobody fetched is cleaned away after some
days; the rows of imports that ran stay.
"""

from __future__ import annotations

import hashlib
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import IO, Any

from sqlalchemy import delete, select, update

from app.db import transaction
from app.domain.states import ImportState, TaskState
from app.extensions import db
from app.models import BackgroundTask, ImportBatch, ImportRow
from app.models.base import now

CHUNK = 1 << 18
ROWS_AT_ONCE = 2_000
# Imports that have changed something keep their rows for good.
RAN = (ImportState.RUNNING, ImportState.FINISHING, ImportState.DONE)


class FileTooLarge(Exception):
    """More bytes than the setting allows; nothing of it is kept."""


class Folder:
    """The folder of these files; made when it is first needed."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def new_name(self, ending: str = "") -> str:
        """A name that nobody has and nobody guesses."""
        return secrets.token_hex(16) + ending

    def place(self, name: str) -> Path:
        """Where the file of this name is.  Raises ValueError for anything but a name of ours."""
        if not name.replace(".", "", 1).isalnum():
            raise ValueError("not a name of ours")
        self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
        return self.path / name

    @contextmanager
    def writing(self, name: str) -> Iterator[IO[bytes]]:
        """A new file that only this user may read; gone again if writing fails."""
        place = self.place(name)
        handle = os.open(place, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            with os.fdopen(handle, "wb") as file:
                yield file
        except BaseException:
            place.unlink(missing_ok=True)
            raise

    def keep(self, source: IO[bytes], most: int) -> tuple[str, str, int]:
        """Store what is read from `source`: its name here, SHA-256 and size.  Raises FileTooLarge."""
        name, digest, size = self.new_name(), hashlib.sha256(), 0
        with self.writing(name) as file:
            while chunk := source.read(CHUNK):
                size += len(chunk)
                if size > most:
                    raise FileTooLarge
                digest.update(chunk)
                file.write(chunk)
        return name, digest.hexdigest(), size

    def drop(self, name: str | None) -> None:
        """Remove a file; one that is gone already is fine."""
        if name:
            self.place(name).unlink(missing_ok=True)


def clean(folder: Folder, days: int) -> int:
    """Remove files older than `days`, and the rows of imports that never ran; says how many files."""
    if not folder.path.is_dir():
        return 0
    before = now() - timedelta(days=days)
    with transaction() as session:
        ended = BackgroundTask.state.not_in([TaskState.WAITING, TaskState.RUNNING])
        old = BackgroundTask.created_at < before
        session.execute(
            update(BackgroundTask)
            .where(old, ended, BackgroundTask.stored.is_not(None))
            .values(stored=None)
        )
        session.execute(
            update(ImportBatch)
            .where(ImportBatch.created_at < before, ImportBatch.stored.is_not(None))
            .values(stored=None)
        )
    forget_rows(
        select(ImportBatch.id).where(ImportBatch.created_at < before, ImportBatch.state.not_in(RAN))
    )
    kept: set[Any] = set()
    for column in (BackgroundTask.stored, ImportBatch.stored):
        kept |= set(db.session.scalars(select(column).where(column.is_not(None))))
    db.session.rollback()
    gone = 0
    for place in folder.path.iterdir():
        age_s = now().timestamp() - place.stat().st_mtime
        if (
            place.name.split(".")[0] not in kept
            and place.name not in kept
            and age_s > days * 86_400
        ):
            place.unlink(missing_ok=True)
            gone += 1
    return gone


def forget_rows(batches: Any) -> None:
    """Delete the staged rows of these imports, some at a time, so that no sale waits for it."""
    for batch_id in db.session.scalars(batches).all():
        while True:
            with transaction() as session:
                some = (
                    select(ImportRow.id).where(ImportRow.batch_id == batch_id).limit(ROWS_AT_ONCE)
                )
                gone = session.execute(delete(ImportRow).where(ImportRow.id.in_(some))).rowcount  # type: ignore[attr-defined]
            if gone < ROWS_AT_ONCE:
                break
