"""The two files of the journal's log while they are written: one write makes durable what all wait for.

An entry is written in one piece and made durable before `append` returns.  A file is written over only when the tables
hold all of its entries, so that both together always have what the tables lack.  The first file is held by a lock: two
programs on one journal could draw the same token id.
"""

from __future__ import annotations

import os
import secrets
import time
from dataclasses import replace
from pathlib import Path

from app.sts.prism import journal_log as logs

#: A file whose entries have so many bytes gives way to the other one.
FULL = 4 << 20
# Grown by zeros beforehand: a write inside the file changes nothing but its bytes, which a disk does sooner.
_STEP = 1 << 20
# A backup holds the lock while it reads the files of a module that is stopped.
_PATIENCE_S = 2.0


class Log:
    """The two files. One thread at a time."""

    def __init__(self, path: Path | str) -> None:
        """Open the files that are there. Raises OSError when another program holds them."""
        self._path, self._handle = path, -1
        self.number = self.applied = 0
        self._files: list[_File] = []
        first = f"{path}{logs.ENDS[0]}"
        if Path(first).exists():
            self._handle = _held(first)

    def begin(self, number: int, journal: int, generation: int) -> None:
        """Begin a generation behind the last entry that is in the tables.

        NB: what the files hold is written over; it is read, and put into the tables, before.
        """
        self.number = self.applied = number
        for end in logs.ENDS:
            file = _File(f"{self._path}{end}")
            self._files.append(file)
            file.begin(logs.Header(journal, generation, 0, number + 1, 0, 0))
        if self._handle < 0:
            self._handle = _held(f"{self._path}{logs.ENDS[0]}")
        self._now = self._files[0]

    def append(self, payload: bytes) -> int:
        """Write an entry and make it durable; its number. Raises OSError: give the journal up."""
        if self._now.used and self._now.used + self._now.needs(payload) > FULL:
            self._turn()
        self._now.write(self.number + 1, payload)
        self.number += 1
        self._now.last = self.number
        return self.number

    def has_room(self, payload: bytes) -> bool:
        """Whether `append` can take it before the tables have taken more."""
        fits = self._now.used + self._now.needs(payload) <= FULL or not self._now.used
        return fits or self._other.last <= self.applied

    def close(self) -> None:
        """Close the files and let go of them."""
        for file in self._files:
            file.close()
        if self._handle >= 0:
            os.close(self._handle)
        self._files, self._handle = [], -1

    @property
    def _other(self) -> _File:
        return self._files[self._now is self._files[0]]

    def _turn(self) -> None:
        if self._other.last > self.applied:
            raise RuntimeError("a file of the log would lose entries")
        self._now = self._other
        self._now.begin(replace(self._now.header, first=self.number + 1))


class _File:
    """One file of the log: where the next entry goes, and the number of the last."""

    def __init__(self, path: str) -> None:
        self._handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        self._size = os.fstat(self._handle).st_size
        self.at = self.last = 0
        before = logs.header_of(os.pread(self._handle, logs.START, 0))
        self._sequence = 0 if before is None else before.sequence
        if not self._size:
            _sync_folder_of(path)  # its name must be as durable as what will be written into it
        if self._size < logs.START + _STEP:
            self._grow(logs.START + _STEP)

    @property
    def used(self) -> int:
        """Bytes of entries."""
        return self.at - logs.START

    def needs(self, payload: bytes) -> int:
        """Bytes of an entry and of the zeros behind it."""
        return len(payload) + 2 * len(logs.END)

    def begin(self, header: logs.Header) -> None:
        """Begin a run: nothing that was written before counts any more."""
        self.at = logs.START
        self._write(logs.END, self.at)
        self._put(replace(header, run=secrets.randbits(64)))
        os.fsync(self._handle)

    def write(self, number: int, payload: bytes) -> None:
        entry = logs.entry(self.header.run, number, payload)
        if self.at + len(entry) + len(logs.END) > self._size:
            self._grow(self.at + len(entry) + len(logs.END))
            self._put(self.header)
        self._write(entry + logs.END, self.at)
        os.fdatasync(self._handle)
        self.at += len(entry)

    def _grow(self, size: int) -> None:
        while self._size < size:
            self._write(bytes(_STEP), self._size)
            self._size += _STEP
        os.fsync(self._handle)

    def _put(self, header: logs.Header) -> None:
        """Write the header, in the place of the older one."""
        self._sequence += 1
        self.header = replace(header, size=self._size, sequence=self._sequence)
        self._write(self.header.packed(), self._sequence % 2 * logs.SLOT)

    def _write(self, data: bytes, at: int) -> None:
        done = os.pwrite(self._handle, data, at)
        if done != len(data):  # a full disk
            raise OSError(f"only {done} of {len(data)} bytes were written")

    def close(self) -> None:
        os.close(self._handle)


def in_use(path: Path | str) -> bool:
    """Whether a program works with the log of these tables now."""
    first = f"{path}{logs.ENDS[0]}"
    if not Path(first).exists():
        return False
    try:
        os.close(_held(first, patient=False))
    except BlockingIOError:
        return True
    return False


def _held(path: str, *, patient: bool = True) -> int:
    """A handle that holds a file for this program. Raises BlockingIOError when another does."""
    import fcntl

    handle, until = os.open(path, os.O_RDWR | os.O_CLOEXEC), time.monotonic() + _PATIENCE_S
    while True:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if not patient or time.monotonic() > until:
                os.close(handle)
                raise BlockingIOError(f"another module server uses {Path(path).name}") from None
            time.sleep(0.05)
        else:
            return handle


def _sync_folder_of(path: str) -> None:
    handle = os.open(Path(path).parent, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
