"""Rows that go out by file: what an import reads back unchanged, as csv or Excel, in bounded room.

Text never becomes a formula: what begins like one is written with an apostrophe before it,
which the import takes away again.  Rows are read some hundreds at a time by their key, so that
neither memory nor a long read is needed.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from app.models import Consumer, Meter, Product, Region, Tariff
from app.services.imports.fields import EXCEL_ERROR, QUOTED

CHUNK_ROWS = 500
BOM = "\ufeff"
FORMULA = re.compile("[=+\\-@\t\r]")
Write = Callable[[str, Any], str]  # a member of a closed list, in words


def csv_text(text: str) -> str:
    """A text that no spreadsheet takes for a formula.

    >>> csv_text("=1+1"), csv_text("'=1"), csv_text("7 Palm Street")
    ("'=1+1", "''=1", '7 Palm Street')
    """
    return f"'{text}" if FORMULA.match(text) else cell_text(text)


def cell_text(text: str) -> str:
    """A text for a cell of Excel, which is text by its kind; quoted is what an import would unquote or refuse.

    >>> cell_text("=1"), cell_text("'=1"), cell_text("#N/A")
    ('=1', "''=1", "'#N/A")
    """
    return f"'{text}" if QUOTED.match(text) or EXCEL_ERROR.fullmatch(text) else text


def scaled(value: int | Decimal | None, places: int) -> str:
    """A stored whole number with its decimals, with a point and without zeros at the end.

    >>> scaled(1505, 1), scaled(2000, 2), scaled(None, 2)
    ('150.5', '20', '')
    """
    if value is None:
        return ""
    exact = value if isinstance(value, Decimal) else Decimal(value).scaleb(-places)
    text = format(exact, "f")
    return text.rstrip("0").rstrip(".") if "." in text else text


def _plain(name: str) -> Callable[[Any], str]:
    return lambda row: getattr(row[0], name) or ""


def _consumers(word: Write, decimals: int) -> tuple[Select[Any], dict[str, Callable[[Any], str]]]:
    facts = select(Consumer, Region.full_name.label("place")).join(
        Region, Region.id == Consumer.region_id
    )
    plain = ("user_number", "name", "address", "id_number", "telephone", "email")
    cells: dict[str, Callable[[Any], str]] = {name: _plain(name) for name in plain}
    cells["region"] = lambda row: row.place
    cells["gender"] = lambda row: word("gender", row[0].gender) if row[0].gender else ""
    cells["debt"] = lambda row: scaled(row[0].debt_minor or None, decimals)
    cells["debt_reason"] = lambda row: word("carried_over", "") if row[0].debt_minor else ""
    cells["language"] = lambda row: word("language", row[0].language) if row[0].language else ""
    return facts, cells


def _meters(word: Write, decimals: int) -> tuple[Select[Any], dict[str, Callable[[Any], str]]]:
    facts = (
        select(
            Meter, Region.full_name.label("place"), Product.model.label("product"),
            Tariff.name.label("tariff"), Consumer.user_number.label("consumer"),
        )
        .join(Region, Region.id == Meter.region_id)
        .join(Product, Product.id == Meter.product_id)
        .outerjoin(Tariff, Tariff.id == Meter.tariff_id)
        .outerjoin(Consumer, Consumer.id == Meter.consumer_id)
    )  # fmt: skip
    cells: dict[str, Callable[[Any], str]] = {
        "meter_number": lambda row: row[0].meter_number, "product": lambda row: row.product,
        "consumer": lambda row: row.consumer or "", "region": lambda row: row.place,
        "address": lambda row: row[0].address or "", "tariff": lambda row: row.tariff or "",
        "sgc": lambda row: row[0].sgc, "krn": lambda row: str(row[0].krn), "ti": lambda row: str(row[0].ti),
        "ea": lambda row: word("ea", row[0].ea), "tct": lambda row: word("tct", row[0].tct),
        "ken": lambda row: str(row[0].ken),
        "status": lambda row: word("status", row[0].status), "status_reason": lambda row: row[0].status_reason or "",
        "installed_on": lambda row: row[0].installed_on.isoformat() if row[0].installed_on else "",
        "capacity": lambda row: scaled(row[0].capacity, 8),
        "capacity_unit": lambda row: row[0].capacity_unit or "",
        "smallest_purchase": lambda row: scaled(row[0].smallest_purchase, 1),
        "largest_purchase": lambda row: scaled(row[0].largest_purchase, 1),
        "daily_limit": lambda row: scaled(row[0].daily_limit, decimals),
    }  # fmt: skip
    return facts, cells


SOURCES: dict[str, tuple[Any, Any]] = {
    "consumers": (Consumer, _consumers),
    "meters": (Meter, _meters),
}


def rows(
    session: Session,
    kind: str,
    chosen: Select[Any],
    columns: Sequence[str],
    word: Write,
    decimals: int,
) -> Iterator[list[str]]:
    """The cells of every record whose id `chosen` selects, in the order of the ids."""
    model, source = SOURCES[kind]
    facts, cells = source(word, decimals)
    write = [cells[name] for name in columns]
    after = 0
    while True:
        some = (
            facts.where(model.id.in_(chosen), model.id > after).order_by(model.id).limit(CHUNK_ROWS)
        )
        found = session.execute(some).all()
        lines = [[cell(row) for cell in write] for row in found]
        after = found[-1][0].id if found else after
        session.rollback()  # no read stays open while somebody slow takes the lines
        yield from lines
        if len(found) < CHUNK_ROWS:
            return


def as_csv(
    headings: Sequence[str], lines: Iterable[Sequence[str]], separator: str = ","
) -> Iterator[bytes]:
    """A csv file with its byte order mark, piece by piece."""
    yield BOM.encode()
    buffer = io.StringIO()
    table = csv.writer(buffer, delimiter=separator, lineterminator="\r\n")
    table.writerow([csv_text(text) for text in headings])
    for count, line in enumerate(lines, start=1):
        table.writerow([csv_text(text) for text in line])
        if count % CHUNK_ROWS == 0:
            yield _taken(buffer)
    yield _taken(buffer)


def _taken(buffer: io.StringIO) -> bytes:
    text = buffer.getvalue()
    buffer.seek(0)
    buffer.truncate()
    return text.encode("utf-8")


def write_workbook(
    path: Path | io.BytesIO,
    sheet: str,
    headings: Sequence[str],
    lines: Iterable[Sequence[str]],
    folder: Path | None = None,
    tell: Callable[[int], None] | None = None,
) -> int:
    """An Excel workbook of text cells, row by row; says how many.  `folder` is for its parts."""
    import xlsxwriter

    options: dict[str, Any] = {
        "constant_memory": True,
        "strings_to_formulas": False,
        "strings_to_urls": False,
    }
    if folder is not None:
        options["tmpdir"] = str(folder)
    book = xlsxwriter.Workbook(path if isinstance(path, io.BytesIO) else str(path), options)
    done = 0
    try:
        page = book.add_worksheet(sheet[:31])
        text, bold = (
            book.add_format({"num_format": "@"}),
            book.add_format({"bold": True, "num_format": "@"}),
        )
        page.set_column(0, max(0, len(headings) - 1), 18, text)
        page.freeze_panes(1, 0)
        for place, name in enumerate(headings):
            page.write_string(0, place, name, bold)
        for line in lines:
            done += 1
            for place, value in enumerate(line):
                if value:
                    page.write_string(done, place, cell_text(value), text)
            if tell is not None and done % CHUNK_ROWS == 0:
                tell(done)
    finally:
        book.close()
    return done
