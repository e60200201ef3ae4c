"""What the log in front of the journal's tables looks like on the disk, and how it is read and judged.

Two files, written in turn (journal_files).  Each begins with a header, kept twice, that says whose it is: the journal's
id, the *generation* (one for each opening of the journal, noted in the tables too) and the *run* that is written into
it, a number by chance that stands in each of its entries.  An *entry* is what was staged in one moment; entries have
numbers without a gap over both files.  Behind the last one stand zeros.

A crash in mid-write leaves at most one torn entry, the last, which nobody was ever told of.  Whatever else does not fit
is damage, and nothing is served from a damaged log.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from struct import Struct

#: Beside the tables: journal.db.log0 and journal.db.log1.
ENDS = (".log0", ".log1")
#: Each of the two places of a header has a sector of its own, so that a torn write leaves the other.
SLOT = 4096
#: Where entries begin.
START = 2 * SLOT
_HEADER_MAGIC, _MAGIC = b"\xf1STH", b"\xf1STE"  # no entry's text has such a byte
_HEADER = Struct(">4sQQQQQQI")  # magic, then the facts of a header, checksum
_HEAD = Struct(">4sQQII")  # magic, run, number, length, checksum
#: Zeros behind the last entry, by which a clean end is known.
END = bytes(_HEAD.size)
# Of the version before headers.
_OLD_MAGIC = b"STSJ"
_OLD_HEAD = Struct(">4sQII")


class Damaged(ValueError):
    """The log is not what the tables say it must be: a backup, or a decision, must help."""


@dataclass(frozen=True, slots=True)
class Header:
    """Whose a file is.

    ``first``: the number of its first entry; ``size``: bytes it surely has; ``sequence``: of two, the later counts.
    """

    journal: int
    generation: int
    run: int
    first: int
    size: int
    sequence: int

    def packed(self) -> bytes:
        """As it stands in the file."""
        facts = (self.journal, self.generation, self.run, self.first, self.size, self.sequence)
        content = _HEADER.pack(_HEADER_MAGIC, *facts, 0)[:-4]
        return content + zlib.crc32(content).to_bytes(4, "big")


@dataclass(frozen=True, slots=True)
class Expected:
    """What the tables note of their log.

    ``generation`` 0: no file need be there yet. ``applied``: the last entry that the tables have; ``since``: the last
    that they had when this generation began, so that later ones stand in the files.
    """

    journal: int
    generation: int
    applied: int
    since: int


class FileRead:
    """What one file holds; ``torn``: something that is no entry stands at its end."""

    def __init__(self, name: str, content: bytes) -> None:
        """Read it; never raises for damage."""
        self.name, self.size = name, len(content)
        self.header = header_of(content)
        self.entries: dict[int, bytes] = {}
        self.torn = self.more_follows = False
        if self.header is None:
            self.entries.update(_old_entries(content))
            return
        end = START
        for number, payload, behind in _entries(content, self.header.run):
            self.entries[number], end = payload, behind
        mark = _mark(self.header.run)
        head = content.find(mark, end)
        self.torn = content[end : end + len(END)].strip(b"\0") != b""
        self.more_follows = head > end or content.find(mark, end + 1) > 0

    def may_be_of(self, journal: int) -> bool:
        """Whether it does not say that it is another journal's."""
        return self.header is None or self.header.journal == journal

    @property
    def next(self) -> int:
        """The number of the entry that comes behind those it has."""
        first = self.header.first if self.header is not None else 1
        return max(self.entries, default=first - 1) + 1


def files_of(path: Path | str) -> list[Path]:
    """The files of the log of these tables that are there."""
    return [file for end in ENDS if (file := Path(f"{path}{end}")).exists()]


def read(path: Path | str) -> list[FileRead]:
    """Read the files that are there. Raises OSError."""
    return [FileRead(file.name, file.read_bytes()) for file in files_of(path)]


def judge(path: Path | str, files: Sequence[FileRead], expected: Expected) -> bool:
    """Whether the log ends in a torn entry; raises Damaged when it is not the log that the tables know."""
    _require_whose(Path(path), files, expected)
    found = {number for file in files for number in file.entries}
    wanted = expected.applied + len(following(files, expected.applied)) + 1
    beyond = [number for number in found if number > wanted]
    if beyond:
        raise Damaged(f"entry {wanted} of the journal's log is missing, but {min(beyond)} is there")
    starts = [file.header.first for file in files if file.header is not None and file.header.first > wanted]
    if starts:
        raise Damaged(f"entry {wanted} of the journal's log is missing, but a file begins with {min(starts)}")
    if any(file.more_follows and file.next > expected.applied for file in files):
        raise Damaged(f"more than one entry of the journal's log is damaged, from {wanted} on")
    if expected.applied > expected.since and not found & {expected.applied, expected.applied + 1}:
        raise Damaged(f"the journal's log ends before entry {expected.applied}, which {Path(path).name} has")
    return any(file.torn and file.next == wanted for file in files)


def following(files: Sequence[FileRead], after: int) -> list[tuple[int, bytes]]:
    """(number, payload) of the entries behind a number, in their order, up to the first that is missing."""
    found = {number: payload for file in files for number, payload in file.entries.items()}
    made: list[tuple[int, bytes]] = []
    while (payload := found.get(after + len(made) + 1)) is not None:
        made.append((after + len(made) + 1, payload))
    return made


def header_of(content: bytes) -> Header | None:
    """The later of the two headers of a file that are whole."""
    found = []
    for at in (0, SLOT):
        packed = content[at : at + _HEADER.size]
        if len(packed) == _HEADER.size and packed.startswith(_HEADER_MAGIC):
            header = Header(*_HEADER.unpack(packed)[1:-1])
            if header.packed() == packed:
                found.append(header)
    return max(found, key=lambda header: header.sequence, default=None)


def entry(run: int, number: int, payload: bytes) -> bytes:
    """An entry as it stands in the file, without the zeros behind it."""
    return _HEAD.pack(_MAGIC, run, number, len(payload), _checksum(run, number, payload)) + payload


def _require_whose(path: Path, files: Sequence[FileRead], expected: Expected) -> None:
    """That every file which should be there is, and is of this journal and this time."""
    missing = {f"{path.name}{end}" for end in ENDS} - {file.name for file in files}
    if missing and expected.generation:
        raise Damaged(f"the journal's log is not whole: {' and '.join(sorted(missing))} should be there")
    for file in files:
        header = file.header
        if header is None:
            if expected.generation:
                raise Damaged(f"{file.name} of the journal's log is empty, or its beginning is damaged")
        elif not file.may_be_of(expected.journal):
            raise Damaged(f"{file.name} is the log of another journal than {path.name}")
        elif header.generation < expected.generation:
            raise Damaged(f"{file.name} of the journal's log is an older one than {path.name} knows of")
        elif header.generation > expected.generation + 1:
            raise Damaged(f"{path.name} is an older one than {file.name} of its log")
        elif file.size < header.size:
            raise Damaged(f"{file.name} of the journal's log was cut: it had {header.size} bytes")


def _entries(content: bytes, run: int) -> Iterator[tuple[int, bytes, int]]:
    """(number, payload, where it ends) of every whole entry of a run, also behind damage."""
    mark = _mark(run)
    at = content.find(mark, START)
    while at >= 0 and at + _HEAD.size <= len(content):
        _, _, number, length, checksum = _HEAD.unpack_from(content, at)
        end = at + _HEAD.size + length
        payload = content[at + _HEAD.size : end]
        if end <= len(content) and checksum == _checksum(run, number, payload):
            yield number, payload, end
            at = content.find(mark, end)
        else:
            at = content.find(mark, at + 1)


def _mark(run: int) -> bytes:
    """How each entry of a run begins."""
    return _HEAD.pack(_MAGIC, run, 0, 0, 0)[:12]


def _checksum(run: int, number: int, payload: bytes) -> int:
    return zlib.crc32(payload, zlib.crc32(run.to_bytes(8, "big") + number.to_bytes(8, "big")))


def _old_entries(content: bytes) -> Iterator[tuple[int, bytes]]:
    """The whole entries of a file from before there were headers."""
    at = content.find(_OLD_MAGIC)
    while at >= 0 and at + _OLD_HEAD.size <= len(content):
        _, number, length, checksum = _OLD_HEAD.unpack_from(content, at)
        end = at + _OLD_HEAD.size + length
        payload = content[at + _OLD_HEAD.size : end]
        if end <= len(content) and checksum == zlib.crc32(payload, zlib.crc32(number.to_bytes(8, "big"))):
            yield number, payload
            at = content.find(_OLD_MAGIC, end)
        else:
            at = content.find(_OLD_MAGIC, at + 1)
