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
from collections.abc import Iterator
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from app.domain.calendar import zone
from app.reports.speech import Cover, Speech
from app.reports.table import Answer, Column, Kind, Row

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
    for number, row in enumerate(answer.rows(0, None), start=1):
        if row.level == 0:
            cells = zip(answer.columns, row.cells, strict=True)
            writer.writerow([plain(column, row, value, answer, speech, time_zone) for column, value in cells])
        if number % FLUSH_ROWS == 0:
            yield held.getvalue().encode()
            held.seek(0)
            held.truncate()
    yield held.getvalue().encode()


def plain(column: Column, row: Row, value: Any, answer: Answer, speech: Speech, time_zone: str) -> str:
    """One cell of a csv file."""
    if value is None:
        return ""
    if column.kind is Kind.MONEY:
        return format(Decimal(value).scaleb(-answer.places(row.currency)), "f")
    if column.kind in (Kind.UNITS, Kind.PERMILLE):
        return format(Decimal(value).scaleb(-1), "f")
    if column.kind is Kind.MOMENT:
        return str(value.astimezone(zone(time_zone)).isoformat(timespec="seconds"))
    if column.kind is Kind.YEAR:
        return str(value.year)
    if isinstance(value, date):
        return value.isoformat()
    if column.kind in (Kind.TYPE, Kind.WORD):
        return guarded(speech.word(column, value))
    return guarded(str(value))


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
    yield json.dumps(head, ensure_ascii=False)[:-1].encode() + b', "rows": ['
    first = True
    for row in answer.rows(0, None):
        yield (b"" if first else b",") + json.dumps(_object(answer, row), ensure_ascii=False).encode()
        first = False
    yield b"]}"


def _object(answer: Answer, row: Row) -> dict[str, Any]:
    cells = {column.key: _value(value) for column, value in zip(answer.columns, row.cells, strict=True)}
    return {"level": row.level, "currency": row.currency, **cells}


def _value(value: Any) -> Any:
    if isinstance(value, datetime | date):
        return value.isoformat()
    return value
