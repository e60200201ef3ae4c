"""The chart of a workbook: the picture that Excel draws of the figures of its sheet."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from app.domain.states import MeterType
from app.reports.table import Chart

if TYPE_CHECKING:
    from app.reports.draw_excel import _Book

FEW = 15  # bars of a chart that stands under its figures
PALE = 50  # per cent that shine through the bar of a period that is not over
COLOURS = {"electricity": "#BF8300", "water": "#1F6FD1", "gas": "#8F1F5F", "time": "#82939A"}


def picture(made: _Book, page: Any, name: str, chart: Chart) -> None:
    """Draw it on its sheet `page`, called `name`."""
    drawn = made.book.add_chart({"type": "column", "subtype": "stacked"})
    last = len(chart.categories)
    for at, series in enumerate(chart.series, start=1):
        fill = {"color": COLOURS[series.of.value] if series.of else "#0B6E5F"}
        # Time is as light as electricity on grey paper: it is striped.
        striped = {"pattern": "light_vertical", "fg_color": "#FFFFFF", "bg_color": fill["color"]}
        drawn_as = {"pattern": striped} if series.of is MeterType.TIME else {"fill": fill}
        pale = [None] * (last - 1) + [{"fill": fill | {"transparency": PALE}, "border": {"color": "#FFFFFF"}}]
        drawn.add_series({
            "name": [name, 0, at],
            "categories": [name, 1, 0, last, 0],
            "values": [name, 1, at, last, at],
            **drawn_as,
            "border": {"color": "#FFFFFF"},
            "gap": 60,
            "points": pale if chart.unfinished else None,
        })  # fmt: skip
    title, note = map(made.turned, made.speech.chart(chart))
    drawn.set_title({"name": f"{title}\n{note}" if note else title, "name_font": {"size": 12}})
    drawn.set_size({"width": 900, "height": 380})
    drawn.set_legend({"position": "bottom"})
    if made.speech.rtl:
        drawn.set_x_axis({"reverse": True})
    # Under few figures, so that paper is not twice as wide; beside many, so that both are seen.
    page.insert_chart(*((last + 2, 0) if last <= FEW else (1, len(chart.series) + 2)), drawn)
