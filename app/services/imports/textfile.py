"""A text file as rows of cells: which encoding it is in, what separates its columns.

Runs in the process of `reader`.  The encoding is known from the file's first bytes, or from
what can be decoded at all; between the two that decode nearly everything (cp1252, gb18030) the
way the bytes stand in pairs decides.  What was decided is told, and a person may change it.
"""

from __future__ import annotations

import codecs
import csv
import io
from collections.abc import Generator
from pathlib import Path
from typing import IO

from app.services.imports.layout import CELL_MAX, COLUMNS_MAX, Cell, Unreadable

ENCODINGS = ("utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "cp1252", "gb18030")
SEPARATORS = (",", ";", "\t", "|")
LINE_MAX = 200_000
LOOKED_AT = 1 << 20
LINE_LOOKED_AT = 5_000
BOMS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, ""),
    (codecs.BOM_UTF32_BE, ""),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
PAIRS_SHARE = 9  # of ten: so many signs beyond ASCII stand as two high bytes in Chinese text


def encoding_of(path: Path) -> str:
    """The encoding of a text file.  Raises Unreadable when it is no text, or in none we know."""
    with path.open("rb") as file:
        head = file.read(LOOKED_AT)
    for mark, name in BOMS:
        if head.startswith(mark):
            if not name:
                raise Unreadable("encoding")
            return name
    if head[:200].count(0) > len(head[:200]) // 4:
        return "utf-16-le" if head[1:200:2].count(0) > head[:200:2].count(0) else "utf-16-be"
    if b"\x00" in head:
        raise Unreadable("not_a_table")
    if _decodes(path, "utf-8"):
        return "utf-8"
    if _looks_chinese(head) and _decodes(path, "gb18030"):
        return "gb18030"
    if _decodes(path, "cp1252"):
        return "cp1252"
    raise Unreadable("encoding")


def _decodes(path: Path, encoding: str) -> bool:
    decoder = codecs.getincrementaldecoder(encoding)()
    try:
        with path.open("rb") as file:
            while chunk := file.read(LOOKED_AT):
                decoder.decode(chunk)
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return False
    return True


def _looks_chinese(head: bytes) -> bool:
    """Whether high bytes come in pairs; in Western text they stand alone among letters."""
    pairs = alone = at = 0
    while at < len(head):
        if head[at] < 0x81:
            at += 1
        elif at + 1 < len(head) and head[at + 1] >= 0xA1:
            pairs, at = pairs + 1, at + 2
        else:
            alone, at = alone + 1, at + 1
    return pairs > 0 and pairs * 10 >= (pairs + alone) * PAIRS_SHARE


def separator_of(lines: list[str]) -> str:
    """The sign that splits the first lines most evenly; the comma when none does."""
    best, points = ",", 0
    for sign in SEPARATORS:
        widths = [len(row) for row in csv.reader(lines, delimiter=sign) if row]
        widest = max(widths, default=0)
        same = sum(1 for width in widths if width == widest)
        if widest > 1 and widest * same > points:
            best, points = sign, widest * same
    return best


def rows(
    path: Path, encoding: str, separator: str
) -> Generator[tuple[int, list[Cell]], None, None]:
    """The number of the line where each row begins, and its cells; blank rows are left out."""
    with path.open("r", encoding=encoding, newline="") as file:
        source = _Lines(file)
        table = csv.reader(source, delimiter=separator, strict=True)
        csv.field_size_limit(LINE_MAX)
        while True:
            line = source.number + 1
            try:
                values = next(table)
            except StopIteration:
                return
            except UnicodeDecodeError:
                raise Unreadable("wrong_encoding", encoding=encoding) from None
            except csv.Error:
                raise Unreadable("quotes", line=line) from None
            while values and not values[-1].strip():
                values.pop()
            if len(values) > COLUMNS_MAX:
                raise Unreadable("wide", columns=len(values), most=COLUMNS_MAX)
            if values:
                yield line, [value[:CELL_MAX] for value in values]


class _Lines:
    """The lines of a file, counted; one without an end is refused before it fills the memory."""

    def __init__(self, file: IO[str]) -> None:
        self._file, self.number = file, 0

    def __iter__(self) -> _Lines:
        return self

    def __next__(self) -> str:
        line = self._file.readline(LINE_MAX)
        if not line:
            raise StopIteration
        self.number += 1
        if len(line) >= LINE_MAX:
            raise Unreadable("long_line", line=self.number)
        return line


def first_lines(path: Path, encoding: str, count: int) -> list[str]:
    """The first lines as text, short ones only."""
    with path.open("rb") as file:
        head = file.read(LOOKED_AT)
    text = codecs.getincrementaldecoder(encoding)("replace").decode(head)
    return [line[:LINE_LOOKED_AT] for line in io.StringIO(text, newline="")][:count]
