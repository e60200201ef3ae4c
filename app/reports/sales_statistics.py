"""P1, sales statistics: what was sold, by time and kind of meter, by region and vending point."""

from __future__ import annotations

from app.reports.headings import said
from app.reports.question import Choices
from app.reports.report import Asked, Report
from app.reports.statistics import ORDERS, answer
from app.reports.sums import SALES
from app.reports.table import Answer


def _answer(asked: Asked) -> Answer:
    return answer(asked, SALES, drills_to="sales-records")


REPORT = Report(
    name="sales-statistics",
    number="P1",
    title=said("Sales statistics"),
    about=said("What was sold, by time and meter type, by region and vending point."),
    icon="fa-chart-column",
    choices=Choices(
        groups=("day", "week", "month", "year", "type", "point", "region", "province", "country"),
        thens=("type", "point", "region", "day", "week", "month"),
        shows=("money", "units"),
        filters=("type", "region", "point"),
        orders=ORDERS,
    ),
    answer=_answer,
    wide=True,
)
