"""Rows that are written as ready markup are the same cells that XlsxWriter would write, and texts stay what they are."""

from __future__ import annotations

import csv
import io
import json
import xml.etree.ElementTree as ET
from datetime import UTC, date, datetime
from decimal import Decimal
from zipfile import ZipFile

import pytest
from python_calamine import CalamineWorkbook

from app.domain.states import MeterType
from app.reports import draw_excel, draw_text
from app.reports.speech import Cover
from app.reports.table import Answer, Column, Kind, Row
from tests.reports.conftest import listed

ZONE = "Africa/Nairobi"
COVER = Cover("Title", "Utility", "Period", (), (), "Made", "Total", "Check")
COLUMNS = tuple(Column(kind.value, kind.value, kind) for kind in Kind)
DAY, MOMENT = date(2024, 2, 29), datetime(2026, 11, 5, 21, 30, 59, 250_000, tzinfo=UTC)
ODD = ("=1+1", "+1", "@x", " before", "after ", "a\tb\nc", "<b>&amp;</b> \"'", "a\x01b", "_x0041_", "<r><t>x</t></r>", "", "0012", "ملح 电 ł")


class Plain:
    """A speech in the words of the program itself."""

    rtl = False

    def say(self, text):
        """A heading."""
        return text

    def heading(self, column, _answer):
        """A column's heading."""
        return column.title

    def word(self, _column, value):
        """A member of a list, as markup."""
        return f"<{value}>"

    def figure(self, figure, _answer):
        """A figure at the top."""
        return figure.title, str(figure.value), ""


def cells(text, number, value):
    """One cell of each kind."""
    told = {
        Kind.TYPE: MeterType.GAS, Kind.WORD: "a_word", Kind.COUNT: number, Kind.MONEY: number, Kind.UNITS: number,
        Kind.PERMILLE: number, Kind.DAY: DAY, Kind.WEEK: DAY, Kind.MONTH: DAY, Kind.YEAR: DAY, Kind.MOMENT: value,
    }  # fmt: skip
    return tuple(told.get(kind, text) for kind in Kind)


def answer():
    """Odd texts, figures below and above nought, two currencies, two kinds of meter, empty cells and a subtotal."""
    rows = [Row(cells(text, number, MOMENT), "JPY" if at % 2 else "USD", MeterType.GAS if at % 3 else MeterType.WATER)
            for at, (text, number) in enumerate(zip(ODD, (0, 5, -5, 123_456, -99, 9_007_199_254_740_993) * 3, strict=False))]
    rows.insert(4, Row((None,) * len(COLUMNS), "USD"))
    rows.insert(7, Row(cells("a subtotal", 12, None), "USD", level=1))
    return Answer(COLUMNS, len(rows), listed(rows), (), {"USD": 2, "JPY": 0})


def styles(root):
    """Of each style of a workbook what it says: its number format, and its face, border and alignment."""
    codes = {one.get("numFmtId"): one.get("formatCode") for one in root.findall(".//{*}numFmt")}
    parts = {name: [ET.tostring(one) for one in root.find("{*}" + name)] for name in ("fonts", "borders")}
    return [
        (codes.get(one.get("numFmtId"), one.get("numFmtId")), parts["fonts"][int(one.get("fontId"))],
         parts["borders"][int(one.get("borderId"))], [ET.tostring(part) for part in one])
        for one in root.find("{*}cellXfs")
    ]  # fmt: skip


def sheet(path):
    """Style, kind and content of each cell of the table, by its place."""
    with ZipFile(path) as book:
        root, looks = ET.fromstring(book.read("xl/worksheets/sheet2.xml")), ET.fromstring(book.read("xl/styles.xml"))  # noqa: S314
    known, found = styles(looks), {}
    for cell in root.findall(".//{*}c"):
        value, text = cell.find("{*}v"), "".join(cell.itertext())
        found[cell.get("r")] = (known[int(cell.get("s"))], cell.get("t"), text if value is None else float(value.text))
    return found


def cell_by_cell(made, page):
    """As XlsxWriter writes it."""
    for line, row in enumerate(made.answer.rows(0, None), start=1):
        for at, (column, value) in enumerate(zip(made.answer.columns, row.cells, strict=True)):
            made.write(page, line, at, column, row, value)
    return line


def test_ready_rows_are_the_cells_that_xlsxwriter_writes(tmp_path, monkeypatch):
    draw_excel.as_workbook(tmp_path / "ready.xlsx", answer(), COVER, Plain(), ZONE)
    monkeypatch.setattr(draw_excel, "_rows", cell_by_cell)
    draw_excel.as_workbook(tmp_path / "plain.xlsx", answer(), COVER, Plain(), ZONE)
    ready, plain = sheet(tmp_path / "ready.xlsx"), sheet(tmp_path / "plain.xlsx")
    # NB: XlsxWriter takes a text between <r> and </r> for its own markup and writes it raw.
    rich = [place for place, (_s, _t, told) in ready.items() if told == "<r><t>x</t></r>"]
    assert len(rich) == 4
    assert {place: plain[place] for place in plain.keys() - set(rich)} == {
        place: ready[place] for place in ready.keys() - set(rich)
    }
    assert len(ready) == len(COLUMNS) * (len(ODD) + 3)


def test_a_text_reads_back_as_it_was(tmp_path):
    draw_excel.as_workbook(tmp_path / "ready.xlsx", answer(), COVER, Plain(), ZONE)
    lines = CalamineWorkbook.from_path(str(tmp_path / "ready.xlsx")).get_sheet_by_index(1).to_python()
    read = [line[0] for at, line in enumerate(lines[1:], start=1) if at not in (5, 8)]
    assert [text for text in read if "\x01" not in text and "_x" not in text] == [
        text for text in ODD if "\x01" not in text and "_x" not in text
    ]


def test_csv_has_exact_figures_and_nothing_that_becomes_a_formula():
    text = b"".join(draw_text.as_csv(answer(), Plain(), ZONE)).decode("utf-8-sig")
    lines = list(csv.DictReader(io.StringIO(text)))
    assert [line["money"] for line in lines[:6]] == ["0.00", "5", "-0.05", "123456", "", "-0.99"]
    assert [line["units"] for line in lines[:3]] == ["0.0", "0.5", "-0.5"]
    assert lines[2]["count"] == "-5"
    assert lines[0]["moment"] == "2026-11-06T00:30:59+03:00"
    assert (lines[0]["day"], lines[0]["year"], lines[0]["word"]) == ("2024-02-29", "2024", "<a_word>")
    assert [line["text"][:1] for line in lines[:3]] == ["'", "'", "'"]


def test_json_has_whole_figures_and_instants_with_their_zone():
    told = json.loads(b"".join(draw_text.as_json(answer(), COVER, Plain())))
    assert len(told["rows"]) == len(ODD) + 2
    assert told["rows"][0]["moment"] == "2026-11-05T21:30:59.250000+00:00"
    assert (told["rows"][2]["money"], told["rows"][0]["day"], told["rows"][7]["level"]) == (-5, "2024-02-29", 1)


def test_json_refuses_what_no_cell_is():
    odd = Answer((Column("a", "a", Kind.TEXT),), 1, listed([Row((Decimal(1),))]), (), {})
    with pytest.raises(TypeError):
        list(draw_text.as_json(odd, COVER, Plain()))


@pytest.mark.parametrize("several", [False, True])
def test_the_check_row_shows_what_is_missing_where_no_formula_is_reckoned(tmp_path, several):
    columns = (Column("name", "Name", Kind.TEXT), Column("amount", "Amount", Kind.MONEY), Column("units", "Units", Kind.UNITS))
    columns += (Column("currency", "Currency", Kind.TEXT),) if several else ()
    more = ("USD",) if several else ()
    rows = [Row(("A", 10_05, 7, *more), "USD"), Row(("B", 20_00, None, *more), "USD")]
    totals = [Row((None, 30_35, 7, *more), "USD", level=2)]
    if several:
        rows.append(Row(("C", 99, 1, "KES"), "KES"))
        totals.append(Row((None, 99, 1, "KES"), "KES", level=2))
    found = Answer(columns, len(rows), listed(rows), tuple(totals), {"USD": 2, "KES": 2})
    draw_excel.as_workbook(tmp_path / "check.xlsx", found, COVER, Plain(), ZONE)
    lines = CalamineWorkbook.from_path(str(tmp_path / "check.xlsx")).get_sheet_by_index(1).to_python()
    checks = [line[1:3] for line in lines if line[0] == "Check"]
    assert checks == ([[-0.3, 0], [0, 0]] if several else [[-0.3, 0]])
    known = sheet(tmp_path / "check.xlsx")
    for column in "BC":
        assert known[f"{column}{len(rows) + 3}"][0][0] == known[f"{column}{len(rows) + 2}"][0][0], "written as the total above it"
