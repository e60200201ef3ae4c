"""The charts of the statistics: bars by the first key, stacked by kind of meter, never more than can be read.

Too many pieces of time are drawn by the next longer ones, of too many names only the largest; the chart says so.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from heapq import nlargest
from typing import Any

from app.domain.states import MeterType
from app.models.summaries import COUNTED
from app.reports.headings import said
from app.reports.period import GROUPS, piece, pieces
from app.reports.question import Question
from app.reports.report import Asked
from app.reports.sums import Fact
from app.reports.table import Chart, Column, Kind, Series

BARS_MAX = 62
# So many names stand beside each other where not all can.
LARGEST = 30
COARSER = {"day": "week", "week": "month", "month": "year"}
MEASURES = ("amount", "units")


def drawn_by(question: Question, first_weekday: int) -> str:
    """What the bars are by: the first key, or the shortest longer piece of time that gives few enough.

    A period ends within twenty years, so that there is always one.
    """
    group = question.group
    while group in COARSER and len(pieces(question.period, group, first_weekday)) > BARS_MAX:
        group = COARSER[group]
    return group


def charts(
    asked: Asked, found: Sequence[Fact], currency: str, kinds: Iterable[MeterType],
    tell: Callable[[str, Fact], Any], columns: Mapping[str, Column],
) -> list[Chart]:  # fmt: skip
    """The charts of the facts of one currency: of money one, of units one for each kind of meter."""
    question, house = asked.question, asked.house
    group = drawn_by(question, house.first_weekday)
    here = {fact.meter_type for fact in found}
    kinds = [kind for kind in kinds if kind in here]  # what is sold in this currency
    # Of each bar what it shows, and for each kind of meter its two heights.  NB: thousands of facts, so lists.
    bars: dict[Any, tuple[Any, list[list[int]]]] = {}
    amount, units = (COUNTED.index(name) for name in MEASURES)
    for fact in found:
        one = tell(group, fact)
        bar = bars.get(one.order)
        if bar is None:
            bar = bars[one.order] = (one.shown, [[0, 0] for _kind in kinds])
        kept, sums = bar[1][kinds.index(fact.meter_type)], fact.sums
        kept[0] += sums[amount]
        kept[1] += sums[units]
    if group in GROUPS:
        order = list(pieces(question.period, group, house.first_weekday))
        unfinished = piece(order[-1], group, question.period, house.first_weekday).last >= house.today
    else:
        order, unfinished = sorted(bars), False
    nothing = [[0, 0] for _kind in kinds]

    def chart(title: str, kind: Kind, which: int, stacked: tuple[MeterType, ...]) -> Chart:
        places = [kinds.index(of) for of in stacked]

        def height(key: Any) -> int:
            heights = bars[key][1] if key in bars else nothing
            return sum([heights[place][which] for place in places])

        keys = nlargest(LARGEST, order, key=height) if len(order) > BARS_MAX else order
        drawn = [bars.get(key, (key, nothing)) for key in keys]
        series = tuple(Series(tuple(bar[1][place][which] for bar in drawn), kinds[place]) for place in places)
        return Chart(
            title, kind, columns[group], tuple(bar[0] for bar in drawn), series, currency, unfinished,
            grouped=group if group != question.group else "", whole=len(order) if len(keys) < len(order) else 0,
        )  # fmt: skip

    if len(order) < 2:
        return []
    if question.show == "units":
        return [chart(said("Units"), Kind.UNITS, 1, (kind,)) for kind in kinds]
    return [chart(said("Sold"), Kind.MONEY, 0, tuple(kinds))]
