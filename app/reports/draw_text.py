"""A report as csv and as JSON: for other programs, in a stream.

CSV has the rows only, days as 2026-11-05, amounts with a point and the currency's decimals; text
that a spreadsheet would take for a formula gets an apostrophe before it.  JSON has whole numbers,
as they are in the books, with the decimals of each currency beside them.
"""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Callable, Iterator
from datetime import date
from functools import lru_cache
from itertools import islice
from typing import Any

from app.domain.calendar import zone
from app.reports.speech import Cover, Speech
from app.reports.table import Answer, Column, Kind, Row, exact

BOM = "\ufeff"
FORMULA = re.compile(r"[=+\-@\t\r\n]")
FLUSH_ROWS = 200


def guarded(text: str) -> str:
    """A text that no spreadsheet takes for a formula.

    >>> guarded("=1+1"), guarded("7 Palm Street")
    ("'=1+1", '7 Palm Street')
    """
    return f"'{text}" if FORMULA.match(text) else text


def as_csv(answer: Answer, speech: Speech, time_zone: str) -> Iterator[bytes]:
    """Headings and every row; subtotals and totals are left to who adds."""
    held = io.StringIO()
    writer = csv.writer(held)
    headings = [guarded(speech.heading(column, answer)) for column in answer.columns]
    held.write(BOM)
    writer.writerow(headings)
    # Of each currency what writes the cells of each column.
    shapes: dict[str, list[Callable[[Any], str]]] = {}
    for number, row in enumerate(answer.rows(0, None), start=1):
        if row.level == 0:
            if row.currency not in shapes:
                places = answer.places(row.currency)
                shapes[row.currency] = [_plain(column, places, speech, time_zone) for column in answer.columns]
            cells = zip(shapes[row.currency], row.cells, strict=True)
            writer.writerow(["" if value is None else write(value) for write, value in cells])
        if number % FLUSH_ROWS == 0:
            yield held.getvalue().encode()
            held.seek(0)
            held.truncate()
    yield held.getvalue().encode()


def _plain(column: Column, places: int, speech: Speech, time_zone: str) -> Callable[[Any], str]:
    """What writes the cells of a column in a csv file."""
    there = zone(time_zone)
    if column.kind is Kind.MONEY:
        return lambda value: exact(value, places)
    if column.kind.numeric:
        tenths = 0 if column.kind is Kind.COUNT else 1
        return lambda value: exact(value, tenths)
    if column.kind is Kind.MOMENT:
        return lambda value: str(value.astimezone(there).isoformat(timespec="seconds"))
    if column.kind is Kind.YEAR:
        return lambda value: str(value.year)
    if column.kind in (Kind.DAY, Kind.WEEK, Kind.MONTH):
        return lambda value: str(value.isoformat())
    if column.kind in (Kind.TYPE, Kind.WORD):
        return lru_cache(maxsize=1_000)(lambda value: guarded(speech.word(column, value)))
    return lambda value: guarded(str(value))


def as_json(answer: Answer, cover: Cover, speech: Speech) -> Iterator[bytes]:
    """The whole answer; money in minor units, units in tenths."""
    head = {
        "title": cover.title,
        "period": cover.period,
        "made": cover.made,
        "filters": dict(cover.lines),
        "decimals": {code: answer.places(code) for code in answer.currencies},
        "columns": [
            {"key": column.key, "title": speech.heading(column, answer), "kind": column.kind.value}
            for column in answer.columns
        ],
        "totals": [_object(answer, row) for row in answer.totals],
        "count": answer.count,
    }
    yield ENCODER.encode(head)[:-1].encode() + b', "rows": ['
    first = True
    for part in batched(answer.rows(0, None), FLUSH_ROWS):
        # Rows by the hundred: the encoder is made anew for each call.  The list's brackets are not wanted.
        told = ENCODER.encode([_object(answer, row) for row in part])[1:-1].encode()
        yield told if first else b"," + told
        first = False
    yield b"]}"


def batched(rows: Iterator[Row], size: int) -> Iterator[list[Row]]:
    """So many at a time."""
    while part := list(islice(rows, size)):
        yield part


def _object(answer: Answer, row: Row) -> dict[str, Any]:
    made = {"level": row.level, "currency": row.currency}
    made.update(zip([column.key for column in answer.columns], row.cells, strict=True))
    return made


def _iso(value: Any) -> str:
    """A day or an instant."""
    if isinstance(value, date):
        return value.isoformat()
    raise TypeError(f"no cell of a report is {type(value).__name__}")


ENCODER = json.JSONEncoder(ensure_ascii=False, default=_iso)
