"""The process that opens a stranger's file: rows as lines of JSON out, or the reason why not.

Started by `reading` as a program of its own, with limits on memory, time and what it may write, so
that no file can take the web server or the worker down.  Nothing of the program is loaded here
but the readers themselves.  It prints one line of JSON: the layout, or a fault.
"""

from __future__ import annotations

import json
import resource
import sys
from collections.abc import Callable, Generator
from contextlib import closing
from pathlib import Path
from typing import Any

from app.services.imports import textfile
from app.services.imports.layout import (
    CELL_MAX,
    HEAD_LINES,
    SAMPLE_LINES,
    Cell,
    Layout,
    Unreadable,
    shown,
)

Rows = Generator[tuple[int, list[Cell]], None, None]


def main(arguments: list[str]) -> int:
    """`reader FILE OUT WISHES`: read one file within the limits that WISHES (JSON) names."""
    path, out, wishes = Path(arguments[0]), Path(arguments[1]), json.loads(arguments[2])
    _limit(wishes)
    try:
        layout, rows = _open(path, wishes)
        _write(layout, rows, out, wishes)
    except Unreadable as fault:
        print(json.dumps({"fault": [fault.code, fault.params]}))
        return 0
    except MemoryError:
        print(json.dumps({"fault": ["heavy", {}]}))
        return 0
    print(json.dumps({"layout": layout.plain()}))
    return 0


def _limit(wishes: dict[str, Any]) -> None:
    """Bound what this process may take; the system ends it beyond."""
    for what, name in (
        (resource.RLIMIT_AS, "memory"), (resource.RLIMIT_CPU, "seconds"), (resource.RLIMIT_FSIZE, "written")
    ):  # fmt: skip
        resource.setrlimit(what, (wishes[name], wishes[name]))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _open(path: Path, wishes: dict[str, Any]) -> tuple[Layout, Callable[[], Rows]]:
    """The layout as far as it is known before the rows, and what gives the rows."""
    with path.open("rb") as file:
        head = file.read(8)
    if not head:
        raise Unreadable("empty")
    if head[:4] in (b"PK\x03\x04", b"PK\x05\x06") or head.startswith(bytes.fromhex("d0cf11e0")):
        from app.services.imports.spreadsheet import Workbook

        book = Workbook(path)
        wanted = str(wishes.get("sheet") or "")
        sheet = wanted if wanted in book.sheets else book.sheets[0]
        return Layout("xlsx", sheet=sheet, sheets=book.sheets), lambda: book.rows(sheet)
    if head.startswith((b"%PDF", b"\x89PNG", b"\xff\xd8\xff", b"GIF8", b"\x1f\x8b", b"{\\rtf")):
        raise Unreadable("not_a_table")
    encoding = wishes.get("encoding") or ""
    if encoding not in textfile.ENCODINGS:
        encoding = textfile.encoding_of(path)
    separator = wishes.get("separator") or ""
    if separator not in textfile.SEPARATORS:
        separator = textfile.separator_of(textfile.first_lines(path, encoding, HEAD_LINES))
    return Layout("csv", encoding=encoding, separator=separator), lambda: textfile.rows(
        path, encoding, separator
    )


def _write(layout: Layout, rows: Callable[[], Rows], out: Path, wishes: dict[str, Any]) -> None:
    """Find the headings, then write every row below them."""
    known = set(wishes["known"])
    with closing(rows()) as first:
        layout.head, heads = _headings(first, known)
    layout.headings = [" ".join(shown(cell).split())[:100] for cell in heads]
    encode = json.JSONEncoder().encode
    with out.open("w", encoding="utf-8") as file, closing(rows()) as source:
        for line, cells in source:
            if line <= layout.head:
                continue
            if not any(shown(cell).strip() for cell in cells):
                continue
            layout.rows += 1
            if layout.rows > wishes["rows"]:
                raise Unreadable("long", most=wishes["rows"])
            if len(layout.sample) < SAMPLE_LINES:
                layout.sample.append([shown(cell)[:80] for cell in cells])
            file.write(
                encode([line, *[cell if len(cell) < CELL_MAX else _short(cell) for cell in cells]])
            )
            file.write("\n")
    if not layout.rows:
        raise Unreadable("no_rows")
    widest = max(len(layout.headings), *(len(row) for row in layout.sample))
    layout.headings += [""] * (widest - len(layout.headings))


def _short(cell: Cell) -> Cell:
    return (
        cell[:CELL_MAX] if isinstance(cell, str) else (cell[0], cell[1][:CELL_MAX])
    )  # a pair is short


def _headings(rows: Rows, known: set[str]) -> tuple[int, list[Cell]]:
    """The row that holds most of the known headings; the first row when none holds any."""
    best: tuple[int, list[Cell]] | None = None
    points = -1
    for count, (line, cells) in enumerate(rows):
        if count >= HEAD_LINES:
            break
        hits = len({fold(shown(cell)) for cell in cells} & known)
        if hits > points:
            best, points = (line, cells), hits
    if best is None:
        raise Unreadable("empty")
    return best


def fold(text: str) -> str:
    """A heading or word as it is compared: without case, signs and accents.

    >>> fold("N° de l'Abonné *")
    'ndelabonne'
    """
    import unicodedata

    plain = unicodedata.normalize("NFKD", text.casefold())
    return "".join(c for c in plain if c.isalnum())


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
