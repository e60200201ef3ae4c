"""Names of every script are readable on paper: each sign is drawn in a face that has it."""

from __future__ import annotations

import re
from pathlib import Path
from zipfile import ZipFile

import pytest
from flask_babel import force_locale
from pypdf import PdfReader

from app.domain.states import MeterType
from app.reports import draw_excel, draw_pdf
from app.reports.speech import Cover
from app.reports.table import Answer, Chart, Column, Kind, Row, Series
from app.views.receipt_pdf import with_han
from app.views.report_words import ReportSpeech
from tests.reports.conftest import listed

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


PLACES = ("Rufisque, Région de Dakar, Sénégal", "Llanfairpwllgwyngyllgogerychwyrndrobwllllantysiliogogogoch", "肯尼亚" * 9)


@pytest.mark.parametrize(("bars", "each"), [(3, 1), (30, 5)])
def test_each_bar_of_a_place_has_its_name_in_the_room_it_has(context, tmp_path, bars, each):
    names = tuple(PLACES[at % 3] for at in range(bars))
    chart = Chart("Units", Kind.UNITS, COLUMNS[0], names, (Series((10,) * bars, MeterType.WATER),), unfinished=True)
    answer = Answer(columns=COLUMNS, count=1, rows=listed([Row(("x", 1))]), totals=(), decimals={}, charts=(chart,))
    cover = Cover("Report", "Lake", "2026", (), (), "Made", "Total", "Check")
    with context.test_request_context():
        draw_pdf.as_pdf(tmp_path / "t.pdf", answer, cover, ReportSpeech(), Path(context.static_folder) / "vendor/fonts")
    text = PdfReader(tmp_path / "t.pdf").pages[0].extract_text()
    assert "Units (Water)" in text
    assert "The pale bar is of a period that is not over yet." in text
    # Thirty have room for each second name, and for its beginning.
    assert [text.count(begin) for begin in ("Rufi", "Llanf")] == [each] * 2
    assert ("…" in text) == (bars == 30)


def test_a_workbooks_head_is_as_high_as_its_longest_heading_and_a_chart_reads_from_the_right(context, tmp_path):
    columns = (COLUMNS[0], Column("bought", "In as many days of the year before the one that is asked for", Kind.COUNT, 17))
    chart = Chart("Sold", Kind.COUNT, COLUMNS[0], ("23 نوفمبر 2026", "Ahero"), (Series((3, 4)),))
    answer = Answer(columns=columns, count=1, rows=listed([Row(("x", 1))]), totals=(), decimals={}, charts=(chart,))
    cover = Cover("Report", "Lake", "2026", (), (), "Made", "Total", "Check")
    with context.test_request_context(), force_locale("ar"):
        draw_excel.as_workbook(tmp_path / "t.xlsx", answer, cover, ReportSpeech(), "UTC")
    with ZipFile(tmp_path / "t.xlsx") as book:
        table, texts = (book.read(f"xl/worksheets/{name}.xml").decode() for name in ("sheet2", "sheet3"))
    [height] = re.findall(r'<row r="1"[^>]* ht="([0-9.]+)"', table)
    assert float(height) >= 3 * 15
    assert "\u202b23 نوفمبر 2026\u202c" in texts
    assert ">Ahero<" in texts


def test_totals_are_not_alone_on_the_last_page(context, tmp_path):
    cover = Cover("Report", "Lake", "2026", (), (), "Made", "Total", "Check")
    fonts = Path(context.static_folder) / "vendor/fonts"

    def pages(rows):
        made = [Row((f"row{at:03}", at)) for at in range(rows)]
        answer = Answer(COLUMNS, rows, listed(made), (Row((None, 1), level=2),), {})
        with context.test_request_context():
            draw_pdf.as_pdf(tmp_path / "t.pdf", answer, cover, ReportSpeech(), fonts)
        return [re.findall(r"row\d+|Total", page.extract_text()) for page in PdfReader(tmp_path / "t.pdf").pages]

    first, second = map(len, pages(40))
    assert first + second == 41
    assert [len(page) for page in pages(first)] == [first - 2, 3]
    assert [len(page) for page in pages(first - 1)] == [first]


def test_no_unit_is_torn_from_a_sum_on_paper(context, tmp_path):
    columns = (Column("name", "Consumer", Kind.TEXT, 150), Column("units", "Units", Kind.UNITS, 6))
    sums = Row((None, 123_456_789_0), "", MeterType.ELECTRICITY, level=2)
    answer = Answer(columns, 1, listed([Row(("x", 1), "", MeterType.ELECTRICITY)]), (sums,), {})
    cover = Cover("Report", "Lake", "2026", (), (), "Made", "Total", "Check")
    with context.test_request_context():
        draw_pdf.as_pdf(tmp_path / "t.pdf", answer, cover, ReportSpeech(), Path(context.static_folder) / "vendor/fonts")
    assert "123,456,789.0\u00a0kWh" in PdfReader(tmp_path / "t.pdf").pages[0].extract_text().replace(" kWh", "\u00a0kWh")


def _fonts(page):
    return [one.get_object() for one in page["/Resources"]["/Font"].values()]


def test_a_slip_has_chinese_signs_in_their_own_face_and_reads_it_only_then():
    face = Path("face.ttf")
    plain = "<style></style><p>Achieng</p>"
    assert with_han(plain, face) == plain
    made = with_han("<style></style><p title='王'>Mr 王</p>", face)
    assert "<p title='王'>Mr <span class='han'>王</span></p>" in made
    assert 'src: url("face.ttf")' in made
