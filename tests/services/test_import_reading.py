"""Whatever file somebody uploads: its rows, or the reason why not, in bounded room and time."""

from __future__ import annotations

import io
import json
import re
import time
import zipfile
from datetime import date
from pathlib import Path

import pytest
import xlsxwriter

from app.services.imports import reader, reading, spreadsheet
from app.services.imports.layout import Unreadable
from app.services.imports.reading import read_file, require_agreement, stored_rows

KNOWN = {"meternumber", "region", "name"}
WISHES = {"known": KNOWN, "rows": 1000}


def read(tmp_path: Path, content: bytes, **wishes):
    """Layout and rows, read in this process: the limits have tests of their own."""
    path, out = tmp_path / "file", tmp_path / "rows"
    path.write_bytes(content)
    asked = WISHES | wishes
    layout, rows = reader._open(path, asked)
    reader._write(layout, rows, out, asked)
    return layout, list(stored_rows(out))


def workbook(fill, **options) -> bytes:
    held = io.BytesIO()
    book = xlsxwriter.Workbook(held, {"in_memory": True, **options})
    page = book.add_worksheet("Meters")
    page.write_row(0, 0, ["Meter number", "Region"])
    fill(book, page)
    book.close()
    return held.getvalue()


@pytest.mark.parametrize(
    ("encoding", "name"),
    [("utf-8", "Kouamé"), ("utf-8-sig", "Kouamé"), ("cp1252", "Désiré Kouamé"), ("utf-16", "Kouamé"),
     ("utf-16-le", "Kouamé"), ("gb18030", "李伟强"), ("utf-8", "李伟")],
)  # fmt: skip
def test_the_encoding_is_found_and_told(tmp_path, encoding, name):
    layout, rows = read(tmp_path, f"Meter number,Name\n0100,{name}\n".encode(encoding))
    assert layout.encoding == encoding
    assert rows == [(2, ["0100", name])]


def test_another_encoding_may_be_said(tmp_path):
    layout, rows = read(tmp_path, "Meter number,Name\n1,Müller\n".encode("cp1252"), encoding="gb18030")
    assert layout.encoding == "gb18030"
    with pytest.raises(Unreadable) as fault:
        read(tmp_path, "Meter number,Name\n1,Müller\n".encode("cp1252"), encoding="utf-8")
    assert fault.value.code == "wrong_encoding" and rows is not None


@pytest.mark.parametrize("sign", [",", ";", "\t", "|"])
def test_the_separator_is_found(tmp_path, sign):
    content = f'Meter number{sign}Region\n1{sign}"Town, Coast; Kenya"\n\n \n2{sign}B\n'
    layout, rows = read(tmp_path, content.encode())
    assert layout.separator == sign
    assert rows == [(2, ["1", "Town, Coast; Kenya"]), (5, ["2", "B"])]


def test_headings_are_found_below_a_title(tmp_path):
    layout, rows = read(tmp_path, b"Our meters\n\nregion,METER NUMBER\nMarket,1\n")
    assert (layout.head, layout.headings, rows) == (3, ["region", "METER NUMBER"], [(4, ["Market", "1"])])


def test_a_workbook_tells_formulas_merged_cells_dates_and_numbers(tmp_path):
    def fill(book, page):
        page.write_number(1, 0, 51941100000)
        page.write_formula(1, 1, '="Market"', value="Market")
        page.merge_range("B3:B5", "Harbour")
        page.write_column(2, 0, ["1", "2", "3"])
        page.write(5, 0, "4")
        page.write_datetime(5, 1, date(2026, 1, 31), book.add_format({"num_format": "yyyy-mm-dd"}))

    layout, rows = read(tmp_path, workbook(fill))
    assert layout.kind == "xlsx" and layout.sheet == "Meters"
    assert rows == [
        (2, [("n", "51941100000"), ("f", "Market")]),
        (3, ["1", "Harbour"]), (4, ["2", ("m", "")]), (5, ["3", ("m", "")]),
        (6, ["4", ("d", "2026-01-31")]),
    ]  # fmt: skip


@pytest.mark.parametrize("chunk", [64, 1 << 20])
def test_a_formula_is_found_in_cells_that_do_not_say_where_they_stand(tmp_path, monkeypatch, chunk):
    def fill(_book, page):
        for line in range(1, 40):
            page.write_row(line, 0, [f"a{line}", "b", f"c{line}"])
            if line % 7 == 0:
                page.write_formula(line, 1, '="Market"', value="Market")

    def nameless(part: bytes) -> bytes:
        return re.sub(rb'(<(?:c|row)) r="[A-Z]*[0-9]+"', rb"\1", part)

    held = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(workbook(fill))) as old, zipfile.ZipFile(held, "w") as new:
        for name in old.namelist():
            new.writestr(name, nameless(old.read(name)) if "sheet1.xml" in name else old.read(name))
    monkeypatch.setattr(spreadsheet, "CHUNK", chunk)
    found = dict(read(tmp_path, held.getvalue())[1])
    assert [line for line, cells in found.items() if cells[1][0] == "f"] == [8, 15, 22, 29, 36]
    assert found[8] == ["a7", ("f", "Market"), "c7"] and found[9] == ["a8", "b", "c8"]


def test_a_workbook_with_its_first_columns_empty_and_a_hidden_sheet(tmp_path):
    def fill(book, page):
        page.hide()
        other = book.add_worksheet("Data")
        other.activate()
        other.write_row(2, 3, ["Region", "Meter number"])
        other.write_row(3, 3, ["Market", "1"])

    layout, rows = read(tmp_path, workbook(fill))
    assert layout.sheets == ["Data"]
    assert (layout.headings, rows) == (["", "", "", "Region", "Meter number"], [(4, ["", "", "", "Market", "1"])])


def code(tmp_path: Path, content: bytes, **wishes) -> str:
    with pytest.raises(Unreadable) as fault:
        read(tmp_path, content, **wishes)
    assert json.dumps(fault.value.params)
    return fault.value.code


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "empty"),
        (b"\n\n  \n", "empty"),
        (b"Meter number,Region\n", "no_rows"),
        (b"PK\x03\x04 no zip at all", "broken"),
        (bytes.fromhex("d0cf11e0a1b11ae1") + b"\x00" * 600, "old_excel"),
        (bytes.fromhex("d0cf11e0a1b11ae1") + "EncryptedPackage".encode("utf-16-le"), "encrypted"),
        (b"%PDF-1.7 ...", "not_a_table"),
        (b"Meter number,Region\n" + b"\x00\x01binary" * 9, "not_a_table"),
        (b'Meter number,Region\n1,"open\n', "quotes"),
        (b"Meter number\n" + b"1" * 300_000, "long_line"),
        (b"Meter number" + b",x" * 499 + b"\n1\n", "wide"),
        (b"Meter number\n" + b"1\n" * 1001, "long"),
        (b"\xff\xfe\x00\x00" + b"a\x00\x00\x00", "encoding"),
    ],
)  # fmt: skip
def test_a_file_that_is_no_table_says_why(tmp_path, content, why):
    assert code(tmp_path, content) == why


@pytest.mark.parametrize(
    ("name", "content", "fits"),
    [
        ("m.csv", b"Meter number\n1\n", True), ("M.TXT", b"Meter number\n1\n", True), ("m.XLSX", b"PK\x03\x04...", True), ("m.csv", b"", True),
        ("m.xlsx", b"Meter number\n1\n", False), ("m.csv", b"PK\x03\x04...", False), ("m.pdf", b"Meter number\n", False), ("m", b"PK\x03\x04", False),
    ],
)  # fmt: skip
def test_the_name_of_a_file_has_to_agree_with_what_is_in_it(tmp_path, name, content, fits):
    (tmp_path / "file").write_bytes(content)
    if fits:
        require_agreement(tmp_path / "file", name)
        return
    with pytest.raises(Unreadable) as fault:
        require_agreement(tmp_path / "file", name)
    assert fault.value.code == "not_a_table"


def test_five_hundred_columns_of_a_workbook(tmp_path):
    wide = workbook(lambda book, page: page.write_row(1, 0, ["x"] * 500))
    assert code(tmp_path, wide) == "wide"


def test_a_zip_that_is_no_workbook(tmp_path):
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w") as packed:
        packed.writestr("letter.txt", "Dear Sir")
    assert code(tmp_path, held.getvalue()) == "not_a_table"


def bomb() -> bytes:
    """A workbook that says it is small enough and unpacks to two gigabytes of one cell."""
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr("xl/workbook.xml", "<workbook/>")
        with packed.open("xl/worksheets/sheet1.xml", "w", force_zip64=True) as part:
            for _ in range(700):
                part.write(b"<c>" * 350_000)
    return held.getvalue()


def in_its_own_process(tmp_path: Path, content: bytes) -> str:
    path = tmp_path / "file"
    path.write_bytes(content)
    with pytest.raises(Unreadable) as fault:
        read_file(path, tmp_path / "rows", KNOWN, 1000)
    return fault.value.code


@pytest.mark.deep
def test_a_zip_bomb_is_not_unpacked(tmp_path):
    begun = time.monotonic()
    assert in_its_own_process(tmp_path, bomb()) == "bomb"
    assert time.monotonic() - begun < 20


def test_a_cell_in_the_last_corner_does_not_fill_the_memory(tmp_path):
    corner = workbook(lambda book, page: page.write(1_048_575, 16_383, "x"))
    assert in_its_own_process(tmp_path, corner) in ("heavy", "broken")


def test_reading_that_takes_too_long_is_ended(tmp_path, monkeypatch):
    monkeypatch.setattr(reading, "SECONDS_MAX", 1)
    path = tmp_path / "file"
    path.write_bytes(b"Meter number,Region\n" + b"1,x\n" * 3_000_000)
    with pytest.raises(Unreadable) as fault:
        read_file(path, tmp_path / "rows", KNOWN, 10_000_000)
    assert fault.value.code == "heavy"


def test_rows_are_kept_from_others(tmp_path):
    path = tmp_path / "file"
    path.write_bytes(b"Meter number,Region\n1,x\n")
    assert read_file(path, tmp_path / "rows", KNOWN, 10).rows == 1
    assert (tmp_path / "rows").stat().st_mode & 0o077 == 0
