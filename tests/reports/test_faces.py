"""Names of every script are readable on paper: each sign is drawn in a face that has it."""

from __future__ import annotations

from pathlib import Path

import pytest
from pypdf import PdfReader

from app.reports import draw_pdf
from app.reports.speech import Cover
from app.reports.table import Answer, Column, Kind, Row, listed
from app.views.receipt_pdf import with_han
from app.views.report_words import ReportSpeech

pytestmark = pytest.mark.one_database
NAMES = ("Wang 王小明 <b>&", "Никита Сергеевич", "김철수", "محمد علي", "Ọlá ₦ ₵", "肯尼亚" * 12)
COLUMNS = (Column("name", "Consumer", Kind.TEXT, 20), Column("sales", "Sales", Kind.COUNT, 60))


def test_names_of_every_script_are_drawn_with_a_sign_for_each_letter(context, tmp_path):
    rows = listed(Row((name, number)) for number, name in enumerate(NAMES))
    answer = Answer(columns=COLUMNS, count=len(NAMES), rows=rows, totals=(), decimals={})
    cover = Cover("王 Report", "Lake 湖", "2026年11月", (), (), "王", "Total", "Check")
    with context.test_request_context():
        draw_pdf.as_pdf(tmp_path / "t.pdf", answer, cover, ReportSpeech(), Path(context.static_folder) / "vendor/fonts")
    [page] = PdfReader(tmp_path / "t.pdf").pages
    text = "".join(page.extract_text().split())
    for name in ("王小明", "<b>&", "НикитаСергеевич", "김철수", "Ọlá₦₵", "肯尼亚" * 12, "湖", "2026年11月"):
        assert name in text, name
    assert any(font["/BaseFont"].endswith("DroidSansFallback") for font in map(dict.copy, _fonts(page)))


def _fonts(page):
    return [one.get_object() for one in page["/Resources"]["/Font"].values()]


def test_a_slip_has_chinese_signs_in_their_own_face_and_reads_it_only_then():
    face = Path("face.ttf")
    plain = "<style></style><p>Achieng</p>"
    assert with_han(plain, face) == plain
    made = with_han("<style></style><p title='王'>Mr 王</p>", face)
    assert "<p title='王'>Mr <span class='han'>王</span></p>" in made
    assert 'src: url("face.ttf")' in made
