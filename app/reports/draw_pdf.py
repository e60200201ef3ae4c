"""A report as PDF: A4 across, the head of the table on every page, page x of y, the chart on page one.

One engine for short and long: reportlab's LongTable with fixed widths (decision 0011).  Faces are
embedded (draw_pdf_faces), and a language that runs from right to left gets its columns from the right.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from app.reports.draw_pdf_chart import picture
from app.reports.draw_pdf_faces import (
    BOLD,
    FONT,
    HAN_SIGNS,
    RIGHT_TO_LEFT,
    line,
    lines_of,
    markup,
    register,
    visual,
    width_of,
    write,
)
from app.reports.speech import Cover, Speech, held
from app.reports.table import Answer, Column, Figure, Kind, Row

MARGIN, PAD = 34, 6  # the frame of a page pads by as much
KEPT = 2  # rows that stay with the totals, which say nothing alone on a page
# So many figures fit beside each other; more of them stand line by line, each currency by itself.
FIGURES_MAX = 6
SIZES = ((60, 9.0), (110, 8.5), (150, 7.5), (190, 6.6), (10_000, 5.8))
# Dates as long as they get.
WIDE: Mapping[Kind, Any] = {
    Kind.DAY: date(2028, 9, 28), Kind.WEEK: date(2028, 9, 28), Kind.MOMENT: datetime(2028, 9, 28, 12, 58, tzinfo=UTC),
}  # fmt: skip
INK, QUIET, LINE, HEAD = "#0f1f1e", "#42524f", "#c9d2ce", "#e3f2ee"


class _Paper:
    """What every part of the page needs: language, sizes, and words ready to be drawn."""

    def __init__(self, answer: Answer, speech: Speech) -> None:
        self.answer, self.speech, self.rtl = answer, speech, speech.rtl
        self.columns = tuple(reversed(answer.columns)) if self.rtl else answer.columns
        wide = sum(column.width for column in answer.columns)
        self.size = next(size for limit, size in SIZES if wide <= limit)

    def words(self, text: str) -> str:
        """Text as it is drawn."""
        return visual(text, rtl=self.rtl)

    def paragraph(
        self, text: str, width: float, *, size: float, bold: bool = False, end: bool = False, colour: str = INK
    ) -> Any:
        """Text that may break into lines; what is in it is text, never markup."""
        from reportlab.lib.colors import HexColor
        from reportlab.lib.styles import ParagraphStyle
        from reportlab.platypus import Paragraph

        style = ParagraphStyle(
            "cell", fontName=BOLD if bold else FONT, fontSize=size, leading=size * 1.28,
            alignment=2 if end else 0, textColor=HexColor(colour), splitLongWords=1,
            wordWrap="CJK" if HAN_SIGNS.search(text) else None,
        )  # fmt: skip
        if not RIGHT_TO_LEFT.search(text):
            return Paragraph(markup(self.words(text), style.fontName), style)
        lines = lines_of(text, width - 2 * PAD, style.fontName, size, rtl=self.rtl)
        return Paragraph("<br/>".join(markup(one, style.fontName) for one in lines), style)


def as_pdf(
    path: Path, answer: Answer, cover: Cover, speech: Speech, fonts: Path,
    laid: Callable[[int], None] = lambda _rows: None,
) -> None:  # fmt: skip
    """Write the file to `path`; `fonts` is the folder of the faces.

    After each page `laid` is told how many rows stand on paper so far; what it raises ends the drawing.
    """
    from reportlab.lib.pagesizes import A4, landscape
    from reportlab.platypus import SimpleDocTemplate, Spacer

    register(fonts)
    paper = _Paper(answer, speech)
    width, height = landscape(A4)
    room = width - 2 * MARGIN
    document = SimpleDocTemplate(
        str(path), pagesize=(width, height), leftMargin=MARGIN - PAD, rightMargin=MARGIN - PAD,
        topMargin=MARGIN, bottomMargin=MARGIN + 8, title=cover.title, author=cover.utility, subject=cover.period,
    )  # fmt: skip
    story: list[Any] = _head(paper, cover, room)
    for chart in answer.charts:
        story += [Spacer(1, 8), picture(chart, answer, speech, paper.words, room, FONT)]
    story += [Spacer(1, 10), _table(paper, cover, room, document.height - 2 * PAD, laid)]
    document.build(story, canvasmaker=_numbered(paper, cover, width))


def _head(paper: _Paper, cover: Cover, room: float) -> list[Any]:
    from reportlab.platypus import Spacer

    end = paper.rtl
    under = f"\u2068{cover.utility}\u2069 · \u2068{cover.period}\u2069"  # isolated: neither turns the other round
    story = [
        paper.paragraph(cover.title, room, size=16, bold=True, end=end),
        Spacer(1, 3),
        paper.paragraph(under, room, size=10, end=end, colour=QUIET),
    ]
    said = [*(paper.speech.pair(name, value) for name, value in cover.lines), *cover.notes]
    story += [paper.paragraph(text, room, size=8.5, end=end, colour=QUIET) for text in said]
    figures = paper.answer.figures
    apart = len(figures) > FIGURES_MAX
    for currency in dict.fromkeys(figure.currency if apart else "" for figure in figures):
        mine = [figure for figure in figures if not apart or figure.currency == currency]
        story += [Spacer(1, 8), _figures(paper, mine, room)]
    return story


def _figures(paper: _Paper, figures: Sequence[Figure], room: float) -> Any:
    from reportlab.platypus import Table, TableStyle

    end = paper.rtl
    told = [paper.speech.figure(figure, paper.answer) for figure in (reversed(figures) if end else figures)]
    wide = room / len(told)
    cells = [
        [paper.paragraph(name, wide, size=7.5, end=end, colour=QUIET),
         paper.paragraph(value, wide, size=12, bold=True, end=end),
         paper.paragraph(compared, wide, size=7, end=end, colour=QUIET)]
        for name, value, compared in told
    ]  # fmt: skip
    box = Table([cells], colWidths=[wide] * len(cells))
    box.setStyle(TableStyle([("BOX", (0, 0), (-1, -1), 0.5, LINE), ("INNERGRID", (0, 0), (-1, -1), 0.5, LINE),
                             ("VALIGN", (0, 0), (-1, -1), "TOP")]))  # fmt: skip
    return box


def _table(paper: _Paper, cover: Cover, room: float, fresh: float, laid: Callable[[int], None]) -> Any:
    from reportlab.platypus import LongTable, TableStyle

    done, together = 0, len(paper.answer.summed) + KEPT if paper.answer.summed else 0

    class Told(LongTable):  # type: ignore[misc]
        """The part of the table on one page; its rest is made of this class too."""

        def _getFirstPossibleSplitRowPosition(self, room: float, **given: Any) -> int:  # noqa: N802  (its name)
            # NB: its own word for it (NOSPLIT) looks at each cell of the table again on each page.
            at, last = int(super()._getFirstPossibleSplitRowPosition(room, **given)), self._nrows - together
            if not together or at <= last:
                return at
            # What would leave the head alone here goes to the next page whole, if it is not a page's height itself.
            return last if last > 1 else 0 if room < fresh - 1 else at

        def draw(self) -> None:
            nonlocal done
            super().draw()
            done += self._nrows - 1  # without the head
            laid(done)

    widths = _widths(paper, room)
    heads = [held(paper.speech.heading(column, paper.answer)) for column in paper.columns]
    lines = [[
        paper.paragraph(head, width, size=paper.size, bold=True, end=_ends(paper, column))
        for head, column, width in zip(heads, paper.columns, widths, strict=True)
    ]]  # fmt: skip
    rules: list[Any] = [
        ("FONT", (0, 0), (-1, -1), FONT, paper.size), ("VALIGN", (0, 0), (-1, -1), "TOP"),
        ("BACKGROUND", (0, 0), (-1, 0), HEAD), ("LINEBELOW", (0, 0), (-1, -1), 0.4, LINE),
        ("LEFTPADDING", (0, 0), (-1, -1), 3), ("RIGHTPADDING", (0, 0), (-1, -1), 3),
        ("TOPPADDING", (0, 0), (-1, -1), 2.2), ("BOTTOMPADDING", (0, 0), (-1, -1), 2.6),
        ("LEADING", (0, 0), (-1, -1), paper.size * 1.28),
    ]  # fmt: skip
    rules += [("ALIGN", (at, 0), (at, -1), "RIGHT") for at, c in enumerate(paper.columns) if _ends(paper, c)]
    for row in (*paper.answer.rows(0, None), *paper.answer.summed):
        if row.level:
            rules.append(("LINEABOVE", (0, len(lines)), (-1, len(lines)), 0.5 if row.level == 1 else 1.0, INK))
            rules.append(("FONT", (0, len(lines)), (-1, len(lines)), BOLD, paper.size))
        lines.append(_line(paper, cover, row, widths))
    return Told(lines, colWidths=widths, repeatRows=1, style=TableStyle(rules), splitByRow=1)


def _widths(paper: _Paper, room: float) -> list[float]:
    """The room of each column: its share, and at least that of a date in it, its sums and its head's longest word."""
    total = sum(column.width for column in paper.columns)
    shares = [room * column.width / total for column in paper.columns]
    heads = [
        _needed(paper, held(paper.speech.heading(column, paper.answer)).split(" "), BOLD) for column in paper.columns
    ]
    dates = [
        _needed(paper, [paper.speech.cell(column, Row(()), WIDE[column.kind], paper.answer)], FONT)
        if column.kind in WIDE else 0.0
        for column in paper.columns
    ]  # fmt: skip
    sums = [_needed(paper, _sums(paper, column), BOLD) if column.kind.numeric else 0.0 for column in paper.columns]
    for needs in ([max(each) for each in zip(heads, dates, sums, strict=True)], heads):
        pairs = list(zip(needs, shares, strict=True))
        lacking = sum(max(0.0, need - share) for need, share in pairs)
        spare = sum(max(0.0, share - need) for need, share in pairs)
        if lacking <= spare:
            given = lacking / spare if spare else 0.0
            return [need if share < need else share - (share - need) * given for need, share in pairs]
    return shares


def _sums(paper: _Paper, column: Column) -> list[str]:
    """What a column adds up to, written: no unit is torn from it."""
    at = paper.answer.columns.index(column)
    return [paper.speech.cell(column, row, row.cells[at], paper.answer) for row in paper.answer.summed]


def _needed(paper: _Paper, words: Sequence[str], font: str) -> float:
    return max((width_of(paper.words(word), font, paper.size) for word in words), default=0.0) + 2 * PAD


def _ends(paper: _Paper, column: Column) -> bool:
    return paper.rtl or column.kind.numeric


def _line(paper: _Paper, cover: Cover, row: Row, widths: list[float]) -> list[Any]:
    cells = [
        paper.speech.cell(column, row, value, paper.answer)
        for column, value in zip(paper.answer.columns, row.cells, strict=True)
    ]
    if row.level == 2 and not cells[0]:
        cells[0] = cover.total
    elif row.level == 1 and not cells[0] and row.meter_type is not None:
        if not paper.answer.says_kind(row):
            cells[0] = paper.speech.word(Column("type", "", Kind.TYPE), row.meter_type)
    elif row.level == 1:
        cells[0] = paper.speech.pair(cover.total, cells[0]) if cells[0] else cover.total
    rooms = list(reversed(widths)) if paper.rtl else list(widths)
    if row.level and len(cells) > 1 and not cells[1]:
        rooms[0] += rooms[1]  # a plain string is not cut at its cell's edge
    placed = zip(cells, rooms, paper.answer.columns, strict=True)
    drawn = [_fitted(paper, text, width, row, column) for text, width, column in placed]
    return drawn[::-1] if paper.rtl else drawn


def _fitted(paper: _Paper, text: str, width: float, row: Row, column: Column) -> Any:
    """A plain string where it fits on one line, which is ten times as quick as a paragraph."""
    drawn, font = paper.words(text), BOLD if row.level else FONT
    if width_of(drawn, font, paper.size) <= width - PAD:
        return line(drawn, font, paper.size, end=_ends(paper, column)) if HAN_SIGNS.search(drawn) else drawn
    return paper.paragraph(text, width, size=paper.size, bold=row.level > 0, end=_ends(paper, column))


def _numbered(paper: _Paper, cover: Cover, width: float) -> Any:
    """A canvas that writes the foot of each page once it knows how many there are."""
    from reportlab.pdfgen.canvas import Canvas

    class Numbered(Canvas):  # type: ignore[misc]
        def __init__(self, *given: Any, **more: Any) -> None:
            super().__init__(*given, **more)
            self.kept: list[dict[str, Any]] = []

        def showPage(self) -> None:  # noqa: N802  (reportlab's name)
            self.kept.append(dict(self.__dict__))
            self._startPage()

        def save(self) -> None:
            for page, state in enumerate(self.kept, start=1):
                self.__dict__.update(state)
                self.foot(page, len(self.kept))
                super().showPage()
            super().save()

        def foot(self, page: int, pages: int) -> None:
            said, number = paper.words(cover.made), paper.words(paper.speech.page_of(page, pages))
            left, right = (number, said) if paper.rtl else (said, number)
            write(self, MARGIN, MARGIN - 8, left, FONT, 7.5)
            write(self, width - MARGIN - width_of(right, FONT, 7.5), MARGIN - 8, right, FONT, 7.5)

    return Numbered
