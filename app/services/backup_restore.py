"""The way back: a backup becomes an installation again, in an empty place and nowhere else.

Everything is decrypted, checked and marked in a folder of its own first; then the files are put
in place and the books last, so that whatever stops it leaves no half installation that sells.
"""

from __future__ import annotations

import io
import json
import shutil
import tarfile
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path, PurePosixPath
from typing import Any

from sqlalchemy import Connection, Engine, func, insert, select

from app.models import ModuleTokenId, RestoreDone
from app.models.base import now
from app.services import backup_books
from app.services.backup import BOOKS, FILES, FORMAT, KEPT_APART, MANIFEST
from app.services.backup_file import BadBackup, Opener, is_backup
from app.services.module_journal import EVERY_METER
from app.sts import errors, token_id

# Token ids begin so much after the instant of the restore: several tokens sold to one meter in
# one minute run ahead of the clock, and this machine's clock may be a little behind the lost one's.
AHEAD = timedelta(minutes=15)
NO_HINDRANCE = frozenset({KEPT_APART, "setup.lock", "run.lock"})


class CannotRestore(Exception):
    """Why nothing was restored, in a sentence."""


@dataclass(frozen=True, slots=True)
class Restored:
    """What came back: when the backup had been begun, when this was, how many files.

    `elsewhere`: the modules that the books name and the backup does not hold.
    """

    backup_of: datetime
    restored_at: datetime
    files: int
    elsewhere: list[dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Way:
    """The means of a restore: the database, and its migrations up to a revision and back to none."""

    engine: Engine
    instance: Path
    module_folder: Path
    upgrade: Callable[[str], None]
    downgrade: Callable[[], None]


def restore(source: Path, passphrase: str, way: Way, instant: datetime | None = None) -> Restored:
    """Bring a backup back.  Raises CannotRestore, BadBackup; then the place is as empty as before."""
    at = instant or now()
    _require_empty(way, source)
    way.instance.mkdir(mode=0o700, parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=way.instance, prefix=".restore-") as work:
        folder = Path(work)
        manifest = _unpack(source, passphrase, folder)
        facts = manifest["books"]
        if facts["kind"] != backup_books.kind_of(way.engine):
            raise CannotRestore(
                f"the backup is of {facts['kind']}, but DATABASE_URL names {backup_books.kind_of(way.engine)}"
            )
        backup_of = datetime.fromisoformat(manifest["begun_at"])
        _check(facts, folder / BOOKS)
        _raise_floors(folder / FILES, way, at + AHEAD)
        placed = _place(folder / FILES, way.instance)
        try:
            backup_books.put_back(
                way.engine, facts, folder / BOOKS, way.upgrade, lambda books: _mark(books, at, backup_of)
            )
        except BaseException:
            _undo(way, placed, facts["kind"])
            raise
        inside = [found for path in placed for found in (path, *path.rglob("*"))]
    # A backup of an older release says nothing of them.
    elsewhere = manifest.get("modules_elsewhere", [])
    return Restored(backup_of, at, sum(path.is_file() for path in inside), elsewhere)


def _require_empty(way: Way, source: Path) -> None:
    try:
        backup_books.require_empty(way.engine)
    except backup_books.NotEmpty as error:
        raise CannotRestore(f"this installation is not empty: {error}") from None
    if not way.instance.exists():
        return
    there = [
        path.name
        for path in sorted(way.instance.iterdir())
        if path.name not in NO_HINDRANCE and path != source.resolve()
        and not (path.is_file() and is_backup(path))
    ]  # fmt: skip
    if there:
        raise CannotRestore(f"this installation is not empty: {way.instance} holds {', '.join(there)}")


def _unpack(source: Path, passphrase: str, folder: Path) -> dict[str, Any]:
    """Decrypt all of it into `folder`; nothing of it is used before its last piece was authentic."""
    with source.open("rb") as file:
        opener = io.BufferedReader(Opener(file, passphrase), 1 << 16)
        try:
            with tarfile.open(fileobj=opener, mode="r|") as archive:
                for member in archive:
                    _unpack_one(archive, member, folder)
        except tarfile.TarError:
            raise BadBackup("the file is damaged") from None
        while opener.read(1 << 20):  # to its true end, which the reader of archives need not see
            pass
    manifest: dict[str, Any] = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
    if manifest["format"] != FORMAT:
        raise CannotRestore(f"contents of version {manifest['format']} are not known to this program")
    (folder / FILES).mkdir(exist_ok=True)
    return manifest


def _unpack_one(archive: tarfile.TarFile, member: tarfile.TarInfo, folder: Path) -> None:
    name = PurePosixPath(member.name)
    content = archive.extractfile(member)
    if name.is_absolute() or ".." in name.parts or content is None:
        raise BadBackup(f"it holds {member.name!r}, which no backup does")
    target = folder.joinpath(*name.parts)
    target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    target.touch(mode=0o600)
    with target.open("wb") as file:
        shutil.copyfileobj(content, file)


def _check(facts: dict[str, Any], books: Path) -> None:
    try:
        backup_books.check_copy(facts, books)
    except ValueError as error:
        raise BadBackup(str(error)) from None


def _raise_floors(files: Path, way: Way, instant: datetime) -> None:
    """No meter gets a token id that the lost installation may have given out after the backup.

    Every module whose folder lies in the instance counts, also one that was added by hand; one
    that never made a token has no journal yet.
    """
    from app.sts.prism import folder as module
    from app.sts.prism.journal_start import raise_floor

    first = files / way.module_folder.relative_to(way.instance)
    found = {path.parent for name in (module.CERTIFICATE, module.JOURNAL) for path in files.rglob(name)}
    for folder in found | ({first} if first.exists() else set()):
        raise_floor(folder / module.JOURNAL, instant)


def _mark(books: Connection, at: datetime, backup_of: datetime) -> None:
    """Write into the books that they were restored, and from which minute the module inside goes on."""
    books.execute(insert(RestoreDone).values(restored_at=at, backup_of=backup_of))
    for base_date in token_id.BASE_DATES:
        try:
            floor = token_id.clock_minute(at + AHEAD, base_date)
        except errors.TokenIdOutOfRange:
            continue  # over, or not yet begun
        before = select(func.max(ModuleTokenId.token_id)).where(
            ModuleTokenId.pan == EVERY_METER, ModuleTokenId.base_date == base_date
        )
        known = books.execute(before).scalar_one()
        rows = ModuleTokenId.__table__
        books.execute(rows.delete().where(rows.c.pan == EVERY_METER, rows.c.base_date == base_date))
        books.execute(
            insert(ModuleTokenId).values(pan=EVERY_METER, base_date=base_date, token_id=max(floor, known or 0))
        )


def _place(files: Path, instance: Path) -> list[Path]:
    """Move what was unpacked into the instance folder; gives what is there now."""
    return [path.rename(instance / path.name) for path in sorted(files.iterdir())]


def _undo(way: Way, placed: list[Path], kind: str) -> None:
    for path in placed:
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink()
    if kind == "postgresql":
        way.engine.dispose()
        way.downgrade()
