"""A long report tells how far it is, and stops when it is called off."""

from __future__ import annotations

from pathlib import Path

import pytest
from pypdf import PdfReader

from app.reports import draw_pdf
from app.reports.progress import halves, watched
from app.reports.speech import Cover
from app.reports.table import Answer, Column, Kind, Row
from app.views.report_words import ReportSpeech
from tests.reports.conftest import listed

TEN = Answer(columns=(), count=10, rows=listed(Row((number,)) for number in range(10)), totals=(), decimals={})


def test_it_tells_every_so_many_rows_and_at_the_end():
    seen = []
    assert len(list(watched(TEN, lambda *told: seen.append(told), every=4).rows(0, None))) == 10
    assert seen == [(4, 10), (8, 10), (10, 10)]


def test_whoever_calls_it_off_gets_no_further_rows():
    def off(done, _count):
        raise InterruptedError(done)

    got = []
    with pytest.raises(InterruptedError):
        got.extend(row.cells[0] for row in watched(TEN, off, every=3).rows(0, None))
    assert len(got) <= 3


def test_of_a_file_with_pages_reading_is_one_half_and_paper_the_other():
    seen = []
    of_rows, of_pages = halves(lambda *told: seen.append(told), 100)
    of_rows(50, 100)
    of_rows(100, 100)
    of_pages(40)
    of_pages(101)  # with the row of totals
    assert seen == [(25, 100), (50, 100), (70, 100), (100, 100)]


def test_a_pdf_tells_its_rows_after_each_page_and_hears_when_it_is_called_off(context, tmp_path):
    columns = (Column("n", "Number", Kind.COUNT), Column("text", "Text", Kind.TEXT))
    rows = [Row((number, f"Row {number}")) for number in range(150)]
    answer = Answer(columns, 150, listed(rows), (Row((11_175, None), level=2),), {})
    cover, fonts, seen = Cover("T", "U", "P", (), (), "M", "Total", "C"), Path(context.static_folder) / "vendor/fonts", []
    with context.test_request_context():
        draw_pdf.as_pdf(tmp_path / "t.pdf", answer, cover, ReportSpeech(), fonts, seen.append)
        pages = len(PdfReader(str(tmp_path / "t.pdf")).pages)
        assert len(seen) == pages > 3
        assert seen == sorted(set(seen)) and seen[-1] == 151

        def off(_rows):
            raise InterruptedError

        with pytest.raises(InterruptedError):
            draw_pdf.as_pdf(tmp_path / "u.pdf", answer, cover, ReportSpeech(), fonts, off)
    assert not (tmp_path / "u.pdf").exists()
