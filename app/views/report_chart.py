"""The data of a chart for the page's script: heights as whole numbers, every text in the reader's language."""

from __future__ import annotations

from typing import Any

from flask_babel import gettext as _

from app.reports.draw_pdf_chart import ticks
from app.reports.table import Answer, Chart, Column, Kind, Row
from app.views import figures
from app.views.report_words import ReportSpeech

TYPE = Column("type", "", Kind.TYPE)


def chart_data(chart: Chart, answer: Answer, speech: ReportSpeech) -> dict[str, Any]:
    """What static/js/report.js draws; it writes no figure of its own."""
    value = Column("value", "", chart.kind)
    title, note = speech.chart(chart)
    whole = sum(sum(series.values) for series in chart.series) or 1
    series = []
    for one in chart.series:
        row = Row((), chart.currency, one.of)
        series.append({
            "name": speech.word(TYPE, one.of) if one.of else speech.say(one.title or chart.title),
            "colour": one.of.value if one.of else "brand",
            "share": _share(sum(one.values), whole) if len(chart.series) > 1 else "",
            "values": list(one.values),
            "texts": [speech.cell(value, row, height, answer) for height in one.values],
        })  # fmt: skip
    marks = ticks(max((sum(max(s.values[at], 0) for s in chart.series) for at in range(len(chart.categories))), default=0))
    return {
        "title": title,
        "note": note,
        "grouped": chart.grouped,
        "name": _("%(what)s as bars; the table below has the same figures.", what=title),
        "pair": speech.pair("{name}", "{value}"),
        # Names are all written; of days and months some are enough.
        "named": chart.category.kind is Kind.TEXT,
        "labels": [speech.cell(chart.category, Row(()), one, answer) for one in chart.categories],
        "series": series,
        "ticks": marks,
        "tick_texts": [speech.cell(value, Row((), chart.currency, chart.only), mark, answer) for mark in marks],
        "unfinished": chart.unfinished,
    }


def _share(part: int, whole: int) -> str:
    """A part in whole per cent; what is there is never nought."""
    percent = (200 * part + whole) // (2 * whole)
    few = part > 0 and percent == 0
    return figures.ltr(f"{'<' if few else ''}{max(percent, 1) if few else percent}{figures.NBSP}%")
