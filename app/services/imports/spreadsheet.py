"""An Excel workbook as rows of cells, judged before it is opened: what it is, how large it unpacks.

Runs in the process of `reader`, never in the web server.  A cell is its text, or a pair of a
sign and a text: n a number, d a date, b yes or no, f a formula, m a cell that is merged into
another.
"""

from __future__ import annotations

import math
import re
import zipfile
from collections.abc import Generator
from datetime import date, datetime, time, timedelta
from functools import cache
from html import unescape
from pathlib import Path
from typing import Any

from app.services.imports.layout import CELL_MAX, COLUMNS_MAX, Cell, Unreadable

UNPACKED_MAX = 600 * 1024 * 1024
PARTS_MAX = 5_000
PART_MAX = 4 * 1024 * 1024  # of the small parts that say where the sheets are
FORMULAS_MAX = 100_000
OLE = bytes.fromhex("d0cf11e0a1b11ae1")
CHUNK = 1 << 20
OVERLAP = 512
FORMULA = re.compile(
    rb"<(?:\w+:)?c\b[^<>]{0,300}?\br=[\"']([A-Z]{1,3})([0-9]{1,7})[\"'][^<>]{0,300}>\s*<(?:\w+:)?f\b"
)
# A cell need not say where it stands: it is then the next one of its row.
NAMELESS = re.compile(rb"<(?:\w+:)?c\b(?![^<>]*\br=)[^<>]{0,300}>\s*<(?:\w+:)?f\b")
PLACE = re.compile(
    rb"<(?:\w+:)?(row|c)\b(?:[^<>]*?\br=[\"']([A-Z]{0,3})([0-9]{1,7})[\"'])?[^<>]*>(\s*<(?:\w+:)?f\b)?"
)
ATTRIBUTE = re.compile(r'([\w:]+)="([^"]*)"')


def judge(path: Path) -> None:
    """Refuse what is no workbook that can be read in bounded room.  Raises Unreadable."""
    with path.open("rb") as file:
        head = file.read(8)
        if head == OLE:
            whole = head + file.read(PART_MAX)
            encrypted = "EncryptedPackage".encode("utf-16-le") in whole
            raise Unreadable("encrypted" if encrypted else "old_excel")
    try:
        with zipfile.ZipFile(path) as packed:
            parts = packed.infolist()
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError):
        raise Unreadable("broken") from None
    if len(parts) > PARTS_MAX or sum(part.file_size for part in parts) > UNPACKED_MAX:
        raise Unreadable("bomb", megabytes=UNPACKED_MAX // 1024 // 1024)
    names = {part.filename for part in parts}
    if "xl/workbook.xml" not in names:
        raise Unreadable("old_excel" if "xl/workbook.bin" in names else "not_a_table")


class Workbook:
    """One workbook; `sheets` are the names of what can be read."""

    def __init__(self, path: Path) -> None:
        from python_calamine import CalamineError, CalamineWorkbook

        judge(path)
        self.path = path
        try:
            self._book = CalamineWorkbook.from_path(path)
            kinds = [
                (meta.name, str(meta.typ), str(meta.visible)) for meta in self._book.sheets_metadata
            ]
        except (CalamineError, OSError, ValueError):
            raise Unreadable("broken") from None
        self.sheets = [
            name
            for name, kind, seen in kinds
            if kind.endswith("WorkSheet") and seen.endswith(".Visible")
        ]
        if not self.sheets:
            raise Unreadable("empty")

    @cache  # noqa: B019  (one workbook in a process that ends with it)
    def _open(self, sheet: str) -> tuple[Any, dict[int, list[int]], dict[int, list[int]]]:
        """The cells of a sheet, and which of them hold formulas or are merged into another."""
        from python_calamine import CalamineError

        try:
            table = self._book.get_sheet_by_name(sheet)
        except (CalamineError, OSError, ValueError):
            raise Unreadable("broken") from None
        first = table.start[1] if table.start else 0
        if first + table.width > COLUMNS_MAX and _really_wide(table, COLUMNS_MAX - first):
            raise Unreadable("wide", columns=first + table.width, most=COLUMNS_MAX)
        return table, _formulas(self.path, sheet), _merged(table)

    def rows(self, sheet: str) -> Generator[tuple[int, list[Cell]], None, None]:
        """The number of each row that holds something, and its cells from column A on."""
        table, formulas, merged = self._open(sheet)
        pad: list[Cell] = [""] * (table.start[1] if table.start else 0)
        # NB: rows are told from the first of the sheet on, columns from the first that is used.
        for line, values in enumerate(table.iter_rows(), start=1):
            cells = pad + [
                value if type(value) is str else _cell(value) for value in values[:COLUMNS_MAX]
            ]
            for column in formulas.get(line, ()):
                _mark(cells, column, "f")
            for column in merged.get(line, ()):
                _mark(cells, column, "m")
            while cells and cells[-1] == "":
                cells.pop()
            if cells:
                yield line, cells


def _really_wide(table: Any, most: int) -> bool:
    """Whether something stands beyond the last column that is taken, in the first rows."""
    for number, values in enumerate(table.iter_rows()):
        if any(value not in ("", None) for value in values[max(0, most) :]):
            return True
        if number > 50:
            break
    return False


def _mark(cells: list[Cell], column: int, sign: str) -> None:
    if column >= COLUMNS_MAX:
        return
    while len(cells) <= column:
        cells.append("")
    held = cells[column]
    cells[column] = (sign, (held if isinstance(held, str) else held[1])[:CELL_MAX])


def _cell(value: Any) -> Cell:
    """One value of the workbook as text with its sign."""
    if isinstance(value, bool):
        return "b", "TRUE" if value else "FALSE"
    if isinstance(value, int):
        return "n", str(value)
    if isinstance(value, float):
        return "n", _number(value)
    if isinstance(value, datetime):
        midnight = value.time() == time(0)
        return "d", value.date().isoformat() if midnight else value.isoformat(sep=" ")
    if isinstance(value, date):
        return "d", value.isoformat()
    if isinstance(value, time | timedelta):
        return "d", str(value)
    return "" if value is None else str(value)


def _number(value: float) -> str:
    """As a person would write it: 51941100000, 12.5; no power of ten below 10**16."""
    if not math.isfinite(value):
        return "#NUM!"
    if value == int(value) and abs(value) < 10**16:
        return str(int(value))
    return repr(value)


# --- what the reader does not tell: formulas and merged cells ------------------------------


def _formulas(path: Path, sheet: str) -> dict[int, list[int]]:
    """Columns of cells that hold a formula, by row; the part is read as a stream, never whole."""
    found: dict[int, list[int]] = {}
    count = 0
    with zipfile.ZipFile(path) as packed:
        name = _part_of(packed, sheet)
        if name is None:
            return found
        with packed.open(name) as part:
            rest = b""
            while chunk := part.read(CHUNK):
                text, reach = rest + chunk, len(rest)
                some = b"<f" in text or b":f" in text
                if some and NAMELESS.search(text):
                    return _counted(packed, name)
                for match in FORMULA.finditer(text) if some else ():
                    if match.end() <= reach:
                        continue  # told already, with the chunk before
                    count += 1
                    if count > FORMULAS_MAX:
                        raise Unreadable("formulas")
                    found.setdefault(int(match[2]), []).append(column_number(match[1].decode()))
                rest = text[-OVERLAP * 2 :]
    return found


def _counted(packed: zipfile.ZipFile, name: str) -> dict[int, list[int]]:
    """The same for a sheet whose cells do not all say where they stand: every one is counted."""
    found: dict[int, list[int]] = {}
    row, column, count = 0, -1, 0
    with packed.open(name) as part:
        rest = b""
        while chunk := part.read(CHUNK):
            text = rest + chunk
            # Only what is followed by another tag is told yet: a formula may be cut off.
            end = max(text.rfind(b"<", 0, text.rfind(b"<")), 0)
            for match in PLACE.finditer(text):
                if match.start() >= end:
                    break
                if match[1] == b"row":
                    row, column = int(match[3] or row + 1), -1
                    continue
                column = column_number(match[2].decode()) if match[2] else column + 1
                if match[4]:
                    count += 1
                    if count > FORMULAS_MAX:
                        raise Unreadable("formulas")
                    found.setdefault(row, []).append(column)
            rest = text[end:]
    return found


def _part_of(packed: zipfile.ZipFile, sheet: str) -> str | None:
    """The part that holds a sheet, by the workbook's own table of contents."""
    book, links = _small(packed, "xl/workbook.xml"), _small(packed, "xl/_rels/workbook.xml.rels")
    for tag in re.findall(r"<(?:\w+:)?sheet\b[^>]*>", book):
        facts = dict(ATTRIBUTE.findall(tag))
        if unescape(facts.get("name", "")) != sheet:
            continue
        wanted = next((value for key, value in facts.items() if key.endswith(":id")), "")
        for link in re.findall(r"<(?:\w+:)?Relationship\b[^>]*>", links):
            target = dict(ATTRIBUTE.findall(link))
            if target.get("Id") == wanted:
                place = target.get("Target", "")
                name = place.lstrip("/") if place.startswith("/") else f"xl/{place}"
                return name if name in packed.namelist() else None
    return None


def _small(packed: zipfile.ZipFile, name: str) -> str:
    try:
        with packed.open(name) as part:
            return part.read(PART_MAX).decode("utf-8", "replace")
    except KeyError:
        return ""


def column_number(letters: str) -> int:
    """The place of a column from 0.

    >>> column_number("A"), column_number("AB")
    (0, 27)
    """
    number = 0
    for letter in letters:
        number = number * 26 + ord(letter) - 64
    return number - 1


def _merged(table: Any) -> dict[int, list[int]]:
    """Columns of cells below the first of a merged range, by row."""
    found: dict[int, list[int]] = {}
    count = 0
    for (top, left), (bottom, right) in table.merged_cell_ranges or ():
        for row in range(top, bottom + 1):
            for column in range(left, min(right, COLUMNS_MAX) + 1):
                if (row, column) != (top, left):
                    count += 1
                    if count > FORMULAS_MAX:
                        raise Unreadable("merged_cells")
                    found.setdefault(row + 1, []).append(column)
    return found
