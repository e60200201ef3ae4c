"""A report as an Excel workbook, written row by row: real numbers and days, totals as values with a check under them.

The front sheet says what was asked and the figures; the second holds the table with a head that
stays.  Text never becomes a formula.  The only formulas are those of the check row: the sum of the
rows less the total that the program wrote, which is nought, however often it is reckoned again.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path
from textwrap import wrap
from typing import TYPE_CHECKING, Any
from unicodedata import bidirectional

from app.domain.calendar import zone
from app.domain.states import UNIT
from app.reports.draw_excel_chart import picture
from app.reports.headings import said
from app.reports.speech import Cover, Speech, held
from app.reports.table import TEXT_MAX, Answer, Chart, Column, Kind, Row

if TYPE_CHECKING:
    from app.reports.excel_rows import Write

HEAD_COLOUR = "#E3F2EE"
DATE_FORMATS = {
    Kind.DAY: "yyyy-mm-dd", Kind.WEEK: "yyyy-mm-dd", Kind.MONTH: "yyyy-mm", Kind.MOMENT: "yyyy-mm-dd hh:mm",
}  # fmt: skip
PLACES = {Kind.UNITS: 1, Kind.PERMILLE: 3}  # decimals in a cell; money has its currency's
HEAD_LINE, HEAD_LINES = 16, 2  # points, and the fewest lines of a heading
BOLD_SHARE = 0.88  # of the signs of a column's width, so many bold ones fit
SIGNS = (0.7, 0.85, 1.0)  # how wide a bold sign is, beside a figure: Arabic, Latin, capitals
FIRST_WIDTH = 24  # of the check row's words
APART, WIDENED = 2, 6  # signs more for figures, whose heads would touch those beside them, and the most
NAME_WIDTH_MAX = 48  # of what stands under the bars of a chart


class _Book:
    """One workbook being written."""

    def __init__(self, path: Path, answer: Answer, cover: Cover, speech: Speech, time_zone: str) -> None:
        import xlsxwriter

        options = {"constant_memory": True, "strings_to_formulas": False, "strings_to_urls": False,
                   "strings_to_numbers": False}  # fmt: skip
        self.book = xlsxwriter.Workbook(str(path), options)
        self.answer, self.cover, self.speech, self.zone = answer, cover, speech, zone(time_zone)
        self.formats: dict[tuple[str, bool, bool], Any] = {}
        self.halved = False
        # Text begins where its language does.
        self.start: dict[str, Any] = {"align": "right", "reading_order": 2} if speech.rtl else {"align": "left"}
        # What the rows add up to, by currency and in the order of the columns; for the check row.
        self.added: dict[str, list[int]] = {}

    def style(self, number: str = "", *, bold: bool = False, top: bool = False) -> Any:
        """A format, made once."""
        key = (number, bold, top)
        if key not in self.formats:
            # NB: at the top of its cell a digit is struck by the rule above the total.
            told: dict[str, Any] = {"bold": bold, "valign": "vcenter"}
            if not number or number in DATE_FORMATS.values() or number == "0":
                # NB: without it names in Latin letters would lean against the figures of the next column.
                # The indent keeps them off the figures of the column before.
                told |= self.start | {"indent": 1}
            if number:
                told["num_format"] = number
            if top:
                told["top"] = 1
            self.formats[key] = self.book.add_format(told)
        return self.formats[key]

    def turned(self, text: str) -> str:
        """Text of a chart, whose own direction is always from the left: "23 November 2026" would be read 2026 23."""
        runs_back = any(bidirectional(sign) in ("R", "AL") for sign in text)
        return f"\u202b{text}\u202c" if self.speech.rtl and runs_back else text

    def number(self, column: Column, row: Row) -> str:
        """The number format of a cell, with its unit where rows differ in it."""
        if column.kind is Kind.MONEY:
            places = self.answer.places(row.currency)
            return "#,##0" + ("." + "0" * places if places else "")
        if column.kind is Kind.UNITS:
            unit = column.of or row.meter_type
            return "#,##0.0" if unit is None else f'#,##0.0" {UNIT[unit]}"'
        return {Kind.COUNT: "#,##0", Kind.PERMILLE: "0.0%", Kind.YEAR: "0"}.get(
            column.kind, DATE_FORMATS.get(column.kind, "")
        )

    def write(
        self, page: Any, line: int, at: int, column: Column, row: Row, value: Any, *, top: bool = False
    ) -> None:  # fmt: skip
        """One cell as what it is; `top` has a rule above it."""
        style = self.style(self.number(column, row), bold=row.level > 0, top=top)
        if value is None:
            page.write_blank(line, at, None, style)
        elif column.kind.numeric:
            page.write_number(line, at, self.scaled(column, row, value), style)
        elif column.kind is Kind.YEAR:
            page.write_number(line, at, value.year, style)
        elif column.kind is Kind.MOMENT:
            page.write_datetime(line, at, value.astimezone(self.zone).replace(tzinfo=None), style)
        elif column.kind in DATE_FORMATS:
            page.write_datetime(line, at, value, style)
        elif column.kind in (Kind.TYPE, Kind.WORD):
            page.write_string(line, at, self.speech.word(column, value), style)
        else:
            page.write_string(line, at, str(value)[:TEXT_MAX], style)

    def scaled(self, column: Column, row: Row, value: int) -> Decimal:
        """The number that stands in the cell: exact, written by XlsxWriter with sixteen digits."""
        return Decimal(value).scaleb(-self.places(column, row))

    def places(self, column: Column, row: Row) -> int:
        """Decimals of a number's cell."""
        return self.answer.places(row.currency) if column.kind is Kind.MONEY else PLACES.get(column.kind, 0)

    def writer(self, page: Any, column: Column, row: Row) -> Write:
        """What writes the cells of this column in all rows of the shape of `row`."""
        from app.reports import excel_rows

        style = self.style(self.number(column, row))._get_xf_index()  # noqa: SLF001  (the number it has in the file)
        if column.kind.numeric:
            return excel_rows.numbers(style, self.places(column, row))
        if column.kind is Kind.YEAR:
            return excel_rows.years(style)
        if column.kind is Kind.MOMENT:
            return excel_rows.moments(style, self.zone)
        if column.kind in DATE_FORMATS:
            return excel_rows.days(style)
        if column.kind in (Kind.TYPE, Kind.WORD):
            return excel_rows.words(style, page, lambda value: self.speech.word(column, value))
        return excel_rows.texts(style, page, again=column.kind is Kind.TEXT, none=self.speech.say(column.none))


def as_workbook(path: Path, answer: Answer, cover: Cover, speech: Speech, time_zone: str) -> None:
    """Write the workbook to `path`."""
    from app.reports.excel_rows import RowSheet

    made = _Book(path, answer, cover, speech, time_zone)
    front = made.book.add_worksheet(_sheet(speech.say(said("About this report"))))
    data = made.book.add_worksheet(_sheet(speech.say(said("Table"))), RowSheet)
    for page in (front, data):
        _across(page, rtl=speech.rtl)
    _front(made, front)
    _table(made, data)
    _charts(made)
    made.book.close()


def _across(page: Any, *, rtl: bool) -> None:
    """A4 across, as wide as it is, from the right where the language is."""
    page.set_landscape()
    page.set_paper(9)
    page.fit_to_pages(1, 0)
    if rtl:
        page.right_to_left()


def _sheet(name: str) -> str:
    """A name that Excel takes for a sheet."""
    return "".join(" " if sign in "[]:*?/\\'" else sign for sign in name)[:31]


def _front(made: _Book, page: Any) -> None:
    cover = made.cover
    page.set_column(0, 0, 30)
    page.set_column(1, 1, 24)  # a longer text runs on over the next, which is empty then
    page.set_column(2, 2, 40)
    title = made.book.add_format({"bold": True, "font_size": 16, "indent": 1} | made.start)
    page.write_string(0, 0, cover.title, title)
    page.write_string(1, 0, cover.utility, made.style())
    line = 3
    for name, value in [(made.speech.say(said("Period")), cover.period), *cover.lines]:
        page.write_string(line, 0, name, made.style(bold=True))
        page.write_string(line, 1, value[:TEXT_MAX], made.style())
        line += 1
    line += 1
    for figure in made.answer.figures:
        name, value, compared = made.speech.figure(figure, made.answer)
        for at, text in enumerate((name, value, compared)):
            page.write_string(line, at, text, made.style(bold=at == 1))
        line += 1
    for note in (*cover.notes, cover.made):
        line += 1
        page.write_string(line, 0, note, made.style())


def _table(made: _Book, page: Any) -> None:
    answer, speech = made.answer, made.speech
    told = {"bold": True, "bg_color": HEAD_COLOUR, "bottom": 1, "text_wrap": True, "valign": "top"}
    end = made.book.add_format(told | {"align": "right"} | ({"reading_order": 2} if speech.rtl else {}))
    head = made.book.add_format(told | made.start | {"indent": 1})
    page.freeze_panes(1, 0)
    page.repeat_rows(0)
    headings = [held(speech.heading(column, answer)) for column in answer.columns]
    widths = [
        _width(column, heading, FIRST_WIDTH if at == 0 else 0)
        for at, (column, heading) in enumerate(zip(answer.columns, headings, strict=True))
    ]
    lines = (len(wrap(heading, int(width * BOLD_SHARE) - 1)) for heading, width in zip(headings, widths, strict=True))
    page.set_row(0, HEAD_LINE * max(HEAD_LINES, *lines))
    for at, (column, heading, width) in enumerate(zip(answer.columns, headings, widths, strict=True)):
        page.set_column(at, at, width)
        page.write_string(0, at, heading, end if column.kind.numeric else head)
    line = _rows(made, page)
    last = line
    if last:
        page.autofilter(0, 0, last, len(answer.columns) - 1)
    below = True  # the rows, or the check of another currency: a rule is drawn between
    for row in answer.summed:
        line += 1
        _total_row(made, page, line, row, top=below or row.level == 2)
        below = row.level == 2
        if below:
            line += 1
            _check_row(made, page, line, row, last)


def _width(column: Column, heading: str, least: int) -> int:
    """Of a column, in signs: what is in it, each word of its head, and room between its head and the one before."""
    width = max(column.width + 2, max(map(len, heading.split(" ")), default=0) + 3, least)
    if not column.kind.numeric:
        return width
    # Its head leans to the end, where the next one begins, and is broken by a program that measures it for itself.
    wider = range(width + APART, width + APART + WIDENED)

    def left(room: int) -> float:
        return min(room - max(map(len, wrap(heading, int(room / one))), default=0) * one for one in SIGNS)

    return next((room for room in wider if left(room) > APART), max(wider, key=left))


def _rows(made: _Book, page: Any) -> int:
    """Every row below the head; the line of the last."""
    columns, line = made.answer.columns, 0
    adding = [at for at, column in enumerate(columns) if any(row.cells[at] is not None for row in made.answer.summed)]
    adding = [at for at in adding if columns[at].kind.numeric]
    letters = [_letter(at) for at in range(len(columns))]
    shapes: dict[tuple[Any, ...], Sequence[Write]] = {}
    for line, row in enumerate(made.answer.rows(0, None), start=1):
        if row.level:
            _subtotal_row(made, page, line, row)
            continue
        shape = (row.currency, row.meter_type)
        if shape not in shapes:
            shapes[shape] = [made.writer(page, column, row) for column in columns]
        cells = zip(letters, shapes[shape], row.cells, strict=True)
        page.put(line, [f'<c r="{letter}{line + 1}"{write(value)}' for letter, write, value in cells])
        sums = made.added.setdefault(row.currency, [0] * len(columns))
        for at in adding:
            sums[at] += row.cells[at] or 0
    return line


def _subtotal_row(made: _Book, page: Any, line: int, row: Row) -> None:
    made.halved = made.halved or row.level == 1
    for at, (column, value) in enumerate(zip(made.answer.columns, row.cells, strict=True)):
        if at == 1 and row.level == 1 and value is None and not column.kind.numeric:
            page.write_string(line, at, made.cover.total, made.style(bold=True))
        else:
            made.write(page, line, at, column, row, value)


def _total_row(made: _Book, page: Any, line: int, row: Row, *, top: bool) -> None:
    for at, (column, value) in enumerate(zip(made.answer.columns, row.cells, strict=True)):
        if at == 0 and value is None and not (row.level == 1 and made.answer.says_kind(row)):
            words = made.cover.total if row.meter_type is None or row.level == 2 else made.speech.word(
                Column("type", "", Kind.TYPE), row.meter_type
            )  # fmt: skip
            page.write_string(line, at, words, made.style(bold=True, top=top))
        else:
            made.write(page, line, at, column, row, value, top=top)


def _check_row(made: _Book, page: Any, line: int, row: Row, last: int) -> None:
    """The sum of the rows less the total, reckoned by the spreadsheet itself: nought.

    NB: LibreOffice and viewers show what is kept beside the formula and reckon nothing, so that is reckoned here.
    """
    told = {"italic": True, "font_color": "#5F6F6B", "valign": "vcenter"}
    page.write_string(line, 0, made.cover.check, made.book.add_format(told | made.start | {"indent": 1}))
    by = next((at for at, column in enumerate(made.answer.columns) if column.key == "currency"), None)
    mine = [sums for currency, sums in made.added.items() if by is None or currency == row.currency]
    for at, column in enumerate(made.answer.columns):
        if at == 0 or not column.kind.numeric or row.cells[at] is None or not last:
            continue
        letter = _letter(at)
        cells = f"{letter}2:{letter}{last + 1}"
        total = f"SUM({cells})"
        if by is not None:
            total = f'SUMIF({_letter(by)}2:{_letter(by)}{last + 1},"{row.currency}",{cells})'
        if made.halved:
            total += "/2"  # every row stands in a subtotal once more
        left = sum(sums[at] for sums in mine) - row.cells[at]
        kept = made.scaled(column, row, left) if left else 0
        quiet = made.book.add_format(told | {"num_format": made.number(column, row)})
        page.write_formula(line, at, f"=ROUND({total}-{letter}{line},3)", quiet, kept)


def _letter(at: int) -> str:
    return chr(65 + at) if at < 26 else chr(64 + at // 26) + chr(65 + at % 26)


def _charts(made: _Book) -> None:
    """A sheet for each chart: its figures, and the picture that Excel draws of them."""
    for number, chart in enumerate(made.answer.charts, start=1):
        name = _sheet(f"{made.speech.say(said('Chart'))} {number}")
        page = made.book.add_worksheet(name)
        _across(page, rtl=made.speech.rtl)
        row = Row((), chart.currency)
        value = Column("value", "", chart.kind)
        labels = [made.speech.cell(chart.category, row, category, made.answer) for category in chart.categories]
        labels = [made.turned(label) for label in labels]
        page.set_column(0, 0, min(max(FIRST_WIDTH, *map(len, labels)), NAME_WIDTH_MAX))
        page.write_string(0, 0, made.speech.heading(chart.category, made.answer), made.style(bold=True))
        # Over its figures, which lean to the right in every language.
        end = made.book.add_format({"bold": True, "align": "right"} | ({"reading_order": 2} if made.speech.rtl else {}))
        for at in range(1, len(chart.series) + 1):
            page.set_column(at, at, 16)
            page.write_string(0, at, _series_name(made, chart, at - 1), end)
        for line, words in enumerate(labels, start=1):
            page.write_string(line, 0, words, made.style())
            for at, series in enumerate(chart.series, start=1):
                told = Row((), chart.currency, series.of)
                made.write(page, line, at, value, told, series.values[line - 1])
        picture(made, page, name, chart)


def _series_name(made: _Book, chart: Chart, at: int) -> str:
    series = chart.series[at]
    if series.of is not None:
        return made.speech.word(Column("type", "", Kind.TYPE), series.of)
    return made.speech.say(series.title or chart.title)
