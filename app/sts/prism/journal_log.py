"""The log in front of the journal's tables: what one write to the disk makes durable for all who wait.

Two files, written in turn.  An *entry* is what was staged in one moment; it is written in one piece and made
durable before `append` returns.  Entries have numbers without a gap.  A file is written over only when the tables
hold all of its entries, so that both together always have what the tables lack.

A crash in mid-write leaves at most one torn entry, the last, which nobody was ever told of: its checksum does not fit,
and it was never made.  Whatever else does not fit is damage, and nothing is served from a damaged log.
"""

from __future__ import annotations

import os
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from struct import Struct

#: Beside the tables: journal.db.log0 and journal.db.log1.
ENDS = (".log0", ".log1")
#: A file that has grown so large gives way to the other one.
FULL = 4 << 20
# Grown by zeros beforehand: a write inside the file changes nothing but its bytes, which a disk does sooner.
_STEP = 1 << 20
_MAGIC = b"STSJ"
_HEAD = Struct(">4sQII")  # magic, number, length, checksum


class Damaged(ValueError):
    """Entries are missing between those that are there: a backup, or the maker, must help."""


class Log:
    """The two files, open for writing. One thread at a time."""

    def __init__(self, path: Path | str, number: int) -> None:
        """Open or make the files of the tables at ``path``; ``number``: the last entry that is in the tables.

        NB: what the files hold is written over; :func:`entries` is read, and put into the tables, before.
        """
        self.number = self.applied = number
        self._files = [_File(f"{path}{end}") for end in ENDS]
        self._now = self._files[0]

    def append(self, payload: bytes) -> int:
        """Write an entry and make it durable; its number. Raises OSError: give the journal up."""
        entry = _entry(self.number + 1, payload)
        if self._now.at + len(entry) > FULL and self._now.at:
            self._turn()
        self._now.write(entry)
        self.number += 1
        self._now.last = self.number
        return self.number

    def has_room(self, size: int) -> bool:
        """Whether `append` can take so many bytes before the tables have taken more."""
        fits = self._now.at + size + _HEAD.size <= FULL or not self._now.at
        return fits or self._other.last <= self.applied

    def close(self) -> None:
        """Close the files."""
        for file in self._files:
            file.close()

    @property
    def _other(self) -> _File:
        return self._files[self._now is self._files[0]]

    def _turn(self) -> None:
        if self._other.last > self.applied:
            raise RuntimeError("a file of the log would lose entries")
        self._now = self._other
        self._now.at = 0


class _File:
    """One file of the log: where the next entry goes, and the number of the last."""

    def __init__(self, path: str) -> None:
        self._handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        self._size = os.fstat(self._handle).st_size
        self.at = self.last = 0
        if not self._size:
            _sync_folder_of(path)  # its name must be as durable as what will be written into it

    def write(self, entry: bytes) -> None:
        while self.at + len(entry) > self._size:
            self._write(bytes(_STEP), self._size)
            self._size += _STEP
            os.fsync(self._handle)
        self._write(entry, self.at)
        os.fdatasync(self._handle)
        self.at += len(entry)

    def _write(self, data: bytes, at: int) -> None:
        done = os.pwrite(self._handle, data, at)
        if done != len(data):  # a full disk
            raise OSError(f"only {done} of {len(data)} bytes were written")

    def close(self) -> None:
        os.close(self._handle)


def _sync_folder_of(path: str) -> None:
    handle = os.open(Path(path).parent, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def files_of(path: Path | str) -> list[Path]:
    """The files of the log of these tables that are there."""
    return [file for end in ENDS if (file := Path(f"{path}{end}")).exists()]


def entries(
    contents: Iterable[bytes], after: int, *, growing: bool = False
) -> Iterator[tuple[int, bytes]]:
    """(number, payload) of the entries behind a number, in their order, from the bytes of both files.

    ``growing``: the files were read while somebody wrote them, so that later entries may be there without earlier
    ones; the first that is missing is the end.  Else it raises Damaged.
    """
    found: dict[int, bytes] = {}
    for content in contents:
        found.update(_read(content))
    wanted = after + 1
    while (payload := found.get(wanted)) is not None:
        yield wanted, payload
        wanted += 1
    beyond = [number for number in found if number > wanted]
    if beyond and not growing:
        raise Damaged(f"entry {wanted} of the journal's log is missing, but {min(beyond)} is there")


def _read(content: bytes) -> Iterator[tuple[int, bytes]]:
    """Every whole entry of a file, also behind damage."""
    at = content.find(_MAGIC)
    while at >= 0 and at + _HEAD.size <= len(content):
        _, number, length, checksum = _HEAD.unpack_from(content, at)
        end = at + _HEAD.size + length
        payload = content[at + _HEAD.size : end]
        if end <= len(content) and checksum == _checksum(number, payload):
            yield number, payload
            at = content.find(_MAGIC, end)
        else:
            at = content.find(_MAGIC, at + 1)


def _entry(number: int, payload: bytes) -> bytes:
    return _HEAD.pack(_MAGIC, number, len(payload), _checksum(number, payload)) + payload


def _checksum(number: int, payload: bytes) -> int:
    return zlib.crc32(payload, zlib.crc32(number.to_bytes(8, "big")))
