"""Reading a file in a process of its own, which is ended when it takes too long or too much."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path, PurePath

from app.services.imports.layout import Cell, Layout, Unreadable

ROOT = Path(__file__).resolve().parents[3]
MEMORY_MAX = 900 * 1024 * 1024  # of addresses, not of pages in use
SECONDS_MAX = 120
WRITTEN_MAX = 1024 * 1024 * 1024
WISHES = ("encoding", "separator", "sheet")


# What a file is called, and what it then begins with; other names are no tables of ours.
BOOK_NAMES = frozenset({".xlsx", ".xlsm", ".xlsb", ".xls", ".ods"})
TEXT_NAMES = frozenset({".csv", ".tsv", ".txt"})
BOOK_HEADS = (b"PK\x03\x04", b"PK\x05\x06", bytes.fromhex("d0cf11e0"))


def require_agreement(path: Path, name: str) -> None:
    """Refuse a file whose name promises another kind than its first bytes are.  Raises Unreadable."""
    with path.open("rb") as file:
        head = file.read(8)
    if head and PurePath(name.lower()).suffix not in (BOOK_NAMES if head.startswith(BOOK_HEADS) else TEXT_NAMES):
        raise Unreadable("not_a_table")


def read_file(
    path: Path,
    out: Path,
    known: Iterable[str],
    rows_max: int,
    wishes: Mapping[str, str] | None = None,
    tell: Callable[[], None] = lambda: None,
) -> Layout:
    """Read `path` into lines of JSON at `out`; gives the layout.  Raises Unreadable.

    `known` are folded headings; `wishes` may name encoding, separator and sheet; `tell` is called
    every half second and may raise, which ends the reader.
    """
    asked = {key: value for key, value in (wishes or {}).items() if key in WISHES}
    limits = {
        "memory": MEMORY_MAX,
        "seconds": SECONDS_MAX,
        "written": WRITTEN_MAX,
        "rows": rows_max,
    }
    command = [
        sys.executable, "-m", "app.services.imports.reader", str(path), str(out),
        json.dumps({**asked, **limits, "known": sorted(known)}),
    ]  # fmt: skip
    os.close(os.open(out, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600))
    environment = {
        "PATH": os.environ.get("PATH", ""),
        "MALLOC_ARENA_MAX": "2",
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    process = subprocess.Popen(
        command, cwd=ROOT, env=environment, stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, start_new_session=True,
    )  # fmt: skip
    try:
        said = _wait(process, tell)
    finally:
        process.kill()
        process.wait()
        if process.stdout is not None:
            process.stdout.close()
    return _answer(said, process.returncode)


def _wait(process: subprocess.Popen[bytes], tell: Callable[[], None]) -> bytes:
    for _ in range(4 * SECONDS_MAX):
        try:
            return process.communicate(timeout=0.5)[0]
        except subprocess.TimeoutExpired:
            tell()
    raise Unreadable("heavy")


def _answer(said: bytes, code: int) -> Layout:
    try:
        answer = json.loads(said)
    except ValueError:
        raise Unreadable("heavy" if code < 0 else "broken") from None
    if "fault" in answer:
        name, params = answer["fault"]
        raise Unreadable(name, **params)
    return Layout(**answer["layout"])


def stored_rows(out: Path) -> Iterator[tuple[int, list[Cell]]]:
    """The rows that the reader wrote: line in the file, cells."""
    with out.open(encoding="utf-8") as file:
        for text in file:
            line, *cells = json.loads(text)
            yield line, [cell if isinstance(cell, str) else (cell[0], cell[1]) for cell in cells]
