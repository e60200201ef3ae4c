"""P6, purchase amount statistics: what consumers bought, by time and kind of meter, by the consumer's region."""

from __future__ import annotations

from app.reports.headings import said
from app.reports.question import Choices
from app.reports.report import Asked, Report
from app.reports.statistics import ORDERS, answer
from app.reports.sums import PURCHASES
from app.reports.table import Answer


def _answer(asked: Asked) -> Answer:
    return answer(asked, PURCHASES, drills_to="purchase-records")


REPORT = Report(
    name="purchase-statistics",
    number="P6",
    title=said("Purchase amount statistics"),
    about=said("What consumers bought, by time and meter type, by the consumer's region."),
    icon="fa-chart-line",
    choices=Choices(
        groups=("month", "day", "week", "year", "type", "region", "province", "country"),
        thens=("type", "region", "month", "week", "day"),
        shows=("money", "units"),
        filters=("type", "region"),
        orders=ORDERS,
        period="this_year",
    ),
    answer=_answer,
    wide=True,
)
