"""The chart of a report on paper: stacked bars from nought, white between the parts, readable in grey."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from app.domain.states import MeterType
from app.reports.draw_pdf_faces import lines_of, strings, width_of
from app.reports.speech import Speech
from app.reports.table import Answer, Chart, Column, Kind, Row, Series

HEIGHT, FOOT, AXIS, TOP = 168, 34, 62, 22
COLOURS = {"electricity": "#bf8300", "water": "#1f6fd1", "gas": "#8f1f5f", "time": "#82939a", "": "#0b6e5f"}
LINES = 4
LABEL_SIZE = 6.5
BAR_MAX = 48  # points; three bars are no wall
STRIPE = 2.6
PALE = 0.5  # of the bar of a period that is not over
# Names stand in so many lines under their bars, and in no less room.
NAME_LINES, NAME_ROOM = 2, 44


def ticks(highest: int) -> list[int]:
    """At most five lines from nought to above the highest, at 1, 2 or 5 times a power of ten.

    >>> ticks(223), ticks(0), ticks(7)
    ([0, 100, 200, 300], [0, 1], [0, 2, 4, 6, 8])
    """
    step, at = 1, 0
    while step * LINES < highest:
        at += 1
        step = (1, 2, 5)[at % 3] * 10 ** (at // 3)
    return [step * n for n in range(max(1, -(-highest // step)) + 1)]


def picture(
    chart: Chart, answer: Answer, speech: Speech, words: Callable[[str], str], room: float, font: str
) -> Any:
    """A drawing as wide as the page."""
    from reportlab.graphics.shapes import Drawing, Line, Rect
    from reportlab.lib.colors import HexColor

    drawing = Drawing(room, HEIGHT)
    heights = [sum(max(series.values[at], 0) for series in chart.series) for at in range(len(chart.categories))]
    marks = ticks(max(heights, default=0))
    usable = HEIGHT - FOOT - TOP
    value = Column("value", "", chart.kind)
    row = Row((), chart.currency, chart.only)

    def up(amount: int) -> Any:
        return FOOT + usable * amount / marks[-1]

    # Where a language runs from the right, bars and their axis begin there.
    begin, end = (0, room - AXIS) if speech.rtl else (AXIS, room)
    beside, anchor = (end + 5, "start") if speech.rtl else (begin - 5, "end")
    for mark in marks:
        drawing.add(Line(begin, up(mark), end, up(mark), strokeColor=HexColor("#c9d2ce"), strokeWidth=0.5))
        _add(drawing, strings(beside, up(mark) - 2.5, words(speech.cell(value, row, mark, answer)), font, 6.5, anchor))
    wide = (room - AXIS) / len(chart.categories)
    broad = min(wide * 0.64, BAR_MAX)
    labels = [speech.cell(chart.category, row, one, answer) for one in chart.categories]
    if chart.category.kind is Kind.TEXT:
        # Under a bar without its name nobody knows whose it is; of days some are enough.
        every = max(1, math.ceil(NAME_ROOM / wide))
        under = [_name_lines(label, every * wide - LABEL_SIZE, font, rtl=speech.rtl) for label in labels]
    else:
        under = [[words(label)] for label in labels]
        every = max(1, math.ceil((max(width_of(one, font, LABEL_SIZE) for [one] in under) + LABEL_SIZE) / wide))
    for at in range(len(labels)):
        place = len(labels) - 1 - at if speech.rtl else at
        middle, stacked = begin + (place + 0.5) * wide, 0
        for series in chart.series:
            amount = max(series.values[at], 0)
            if not amount:
                continue
            bar = Rect(middle - broad / 2, up(stacked), broad, up(stacked + amount) - up(stacked))
            _add(drawing, _filled(bar, series, pale=chart.unfinished and at == len(labels) - 1))
            stacked += amount
        if at % every == 0:
            for number, said in enumerate(under[at]):
                half = width_of(said, font, LABEL_SIZE) / 2
                middle = min(max(middle, half), room - half)  # it stays on the page
                _add(drawing, strings(middle, FOOT - 10 - number * LABEL_SIZE * 1.2, said, font, LABEL_SIZE, "middle"))
    _legend(drawing, chart, speech, words, font)
    return drawing


def _filled(bar: Any, series: Series, *, pale: bool = False) -> list[Any]:
    """A bar in the colour of its kind, white around it; time, as light as electricity on grey paper, is striped."""
    from reportlab.graphics.shapes import Line
    from reportlab.lib.colors import HexColor, white

    bar.fillColor = HexColor(COLOURS[series.of.value if series.of else ""])
    bar.strokeColor, bar.strokeWidth, bar.fillOpacity = white, 1, PALE if pale else 1
    if series.of is not MeterType.TIME:
        return [bar]
    across = [bar.x + STRIPE * (at + 1) for at in range(int(bar.width / STRIPE))]
    return [bar, *(Line(x, bar.y, x, bar.y + bar.height, strokeColor=white, strokeWidth=0.8) for x in across)]


def _name_lines(text: str, room: float, font: str, *, rtl: bool) -> list[str]:
    """A name in the lines that it has, each within its room; what is left out is told by a sign."""
    cut = text
    while True:
        lines = lines_of(cut, room, font, LABEL_SIZE, rtl=rtl)
        fits = len(lines) <= NAME_LINES and all(width_of(line, font, LABEL_SIZE) <= room for line in lines)
        if fits or len(cut) < 3:
            return lines
        cut = f"{cut[:-2].rstrip(' ,·…')}…"


def _legend(drawing: Any, chart: Chart, speech: Speech, words: Callable[[str], str], font: str) -> None:
    from reportlab.graphics.shapes import Rect

    title, note = speech.chart(chart)
    name, room, rtl = words(title), drawing.width, speech.rtl
    start, far = ("end", "start") if rtl else ("start", "end")
    _add(drawing, strings(room if rtl else 0, HEIGHT - 9, name, font, 9, start))
    _add(drawing, strings(0 if rtl else room, HEIGHT - 9, words(note), font, 7.5, far))
    x = room if rtl else AXIS
    for series in chart.series:
        said = speech.word(Column("type", "", Kind.TYPE), series.of) if series.of else speech.say(series.title)
        if not said:
            continue
        wide = 34 + width_of(words(said), font, 7.5)
        _add(drawing, _filled(Rect(x - 8 if rtl else x, 4, 8, 8), series))
        _add(drawing, strings(x - 12 if rtl else x + 12, 5, words(said), font, 7.5, "end" if rtl else "start"))
        x += -wide if rtl else wide


def _add(drawing: Any, shapes: list[Any]) -> None:
    for shape in shapes:
        drawing.add(shape)
