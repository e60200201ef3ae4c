"""Rows of a workbook as ready markup, so that a hundred thousand of them take seconds.

XlsxWriter makes an object of each cell, writes its place, its style and its value by a call each, and looks up
what hardly ever changes.  Here each column of rows of one shape (currency, kind of meter) has a writer that is made
once and knows its style; what it returns is what XlsxWriter would write.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from datetime import date, datetime, tzinfo
from functools import lru_cache, partial
from typing import Any
from zipfile import ZipFile

from xlsxwriter import workbook
from xlsxwriter.utility import _preserve_whitespace
from xlsxwriter.worksheet import Worksheet

from app.reports.table import TEXT_MAX, exact

# What makes a text more than its own signs: markup, space at an end, signs that XML does not take, and their escape.
ODD = re.compile(r"[&<>\x00-\x1f]|\A\s|\s\Z|_x[0-9a-fA-F]{4}_")
# NB: XlsxWriter has no word for how hard a workbook is pressed: half the time of the usual 6, and an eighth more bytes.
workbook.ZipFile = partial(ZipFile, compresslevel=3)
EPOCH = date(1899, 12, 30).toordinal()
DAY_SECONDS = 86_400
# A cell from its style on: `<c r="A1"` stands before it.
Write = Callable[[Any], str]


class RowSheet(Worksheet):  # type: ignore[misc]
    """A sheet of a workbook in constant memory that takes whole rows too."""

    previous_row: int

    def put(self, line: int, cells: Iterable[str]) -> None:
        """One row, below all that stand already, within the columns of its head."""
        if line <= self.previous_row:
            raise ValueError("rows are written downwards")
        if self.table:  # the head, or a subtotal
            self._write_single_row(line)
        self.previous_row = self.dim_rowmax = line
        self.fh.write(f'<row r="{line + 1}">{"".join(cells)}</row>')

    def markup(self, text: str) -> str:
        """A text as it stands within its element, with the element."""
        if not ODD.search(text):
            return f"<t>{text}</t>"
        escaped = self._escape_control_characters(text)
        kept = ' xml:space="preserve"' if _preserve_whitespace(escaped) else ""
        return f"<t{kept}>{self._escape_data(escaped)}</t>"


def blank(style: int) -> str:
    """An empty cell."""
    return f' s="{style}"/>'


def numbers(style: int, places: int) -> Write:
    """Whole numbers with so many decimals, exact."""
    head, nothing = f' s="{style}"><v>', blank(style)
    return lambda value: nothing if value is None else f"{head}{exact(value, places)}</v></c>"


def days(style: int) -> Write:
    """Days, which a spreadsheet counts from the end of 1899."""
    head, nothing = f' s="{style}"><v>', blank(style)

    @lru_cache(maxsize=1_000)
    def write(value: date | None) -> str:
        return nothing if value is None else f"{head}{value.toordinal() - EPOCH}</v></c>"

    return write


def years(style: int) -> Write:
    """The year of a day."""
    head, nothing = f' s="{style}"><v>', blank(style)
    return lambda value: nothing if value is None else f"{head}{value.year}</v></c>"


def moments(style: int, zone: tzinfo) -> Write:
    """Instants, in the clock of a zone: days and the part of a day that is over."""
    head, nothing = f' s="{style}"><v>', blank(style)

    def write(value: datetime | None) -> str:
        if value is None:
            return nothing
        local = value.astimezone(zone)
        seconds = local.hour * 3600 + local.minute * 60 + local.second + local.microsecond / 1_000_000
        return f"{head}{local.toordinal() - EPOCH + seconds / DAY_SECONDS:.16G}</v></c>"

    return write


def texts(style: int, page: RowSheet, *, again: bool = False, none: str = "") -> Write:
    """Texts as they are: never a formula, never a number.

    Those that come `again` are kept; `none` stands in the place of no text.
    """
    head = f' s="{style}" t="inlineStr"><is>'
    nothing = f"{head}{page.markup(none)}</is></c>" if none else blank(style)

    def write(value: Any) -> str:
        return nothing if value is None else f"{head}{page.markup(str(value)[:TEXT_MAX])}</is></c>"

    return lru_cache(maxsize=5_000)(write) if again else write


def words(style: int, page: RowSheet, said: Callable[[Any], str]) -> Write:
    """Members of a closed list, each put into words once."""
    write = texts(style, page)
    return lru_cache(maxsize=1_000)(lambda value: write(None if value is None else said(value)))
