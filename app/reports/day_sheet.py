"""The day sheet: what each operator took, by kind of meter, what was given back, what waits, and the cash expected.

Waiting sales have their money in the drawer already, without a receipt: so the cash that is expected
is what was taken less what was given back, and what waits.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import ColumnElement, Select, case, select

from app.access import permissions as p
from app.access.scope import By, narrow
from app.domain.states import SaleKind, SaleStatus
from app.models import Sale
from app.reports.grouped import grouped
from app.reports.headings import said
from app.reports.question import Choices, InTheDrawer
from app.reports.report import Asked, Report
from app.reports.table import Answer, Column, Kind

FIGURES = (
    Column("sales", said("Sales"), Kind.COUNT, 9),
    Column("taken", said("Taken"), Kind.MONEY, 15),
    Column("reversals", said("Reversals"), Kind.COUNT, 10),
    Column("back", said("Given back"), Kind.MONEY, 15),
    Column("amount", said("Booked"), Kind.MONEY, 15),
    Column("waiting", said("Waiting"), Kind.COUNT, 9),
    Column("held", said("Held for waiting sales"), Kind.MONEY, 15),
    Column("cash", said("Cash expected"), Kind.MONEY, 16),
)


def _facts(asked: Asked) -> Select[Any]:
    """Each sale of the reader's that took money or gave it back, and what it says of each figure that is counted."""
    period, picks = asked.question.period, asked.question.picks
    waits, back, amount = Sale.status == SaleStatus.RESERVED, Sale.kind == SaleKind.REVERSAL, Sale.amount
    statement = select(
        Sale.business_date.label("day"), Sale.meter_type.label("type"), Sale.vending_point_id.label("point"),
        Sale.operator_id.label("operator"), Sale.currency,
        case((waits, 0), (back, 0), else_=1).label("sales"),
        case((waits, 0), (back, 0), else_=amount).label("taken"),
        case((waits, 0), (back, 1), else_=0).label("reversals"),
        case((waits, 0), (back, -amount), else_=0).label("back"),
        case((waits, 1), else_=0).label("waiting"),
        case((waits, amount), else_=0).label("held"),
    ).where(
        Sale.business_date.between(period.first, period.last),
        Sale.status != SaleStatus.FAILED,  # NB: named by the others, SQLite would read them all by that index
    )  # fmt: skip
    equal = {"point": Sale.vending_point_id, "operator": Sale.operator_id, "type": Sale.meter_type}
    for name, column in equal.items():
        if name in picks:
            statement = statement.where(column == picks[name])
    return narrow(statement, asked.scope, By.VENDING_POINT)


def _reckon(sums: Any) -> dict[str, ColumnElement[int]]:
    booked = sums.taken + sums.back
    return {"amount": booked, "cash": booked + sums.held}


def _also(figures: Mapping[str, int]) -> dict[str, str]:
    # Where one waits, the rows behind the figures are those too: they add up to the cash, else to what is booked.
    return {"status": InTheDrawer.BOTH.value} if figures["waiting"] else {}


def _answer(asked: Asked) -> Answer:
    table = grouped(asked, _facts(asked), FIGURES, reckon=_reckon, also=_also)
    return table.answer(asked.house, table.top("cash", "taken", "back", "sales"))


REPORT = Report(
    name="day-sheet",
    number="",
    title=said("Day sheet"),
    about=said("What an operator took, by meter type, reversals, and the cash expected."),
    icon="fa-cash-register",
    choices=Choices(
        period="today", groups=("operator", "point", "day", "type"), thens=("type", "day", "point", "operator"),
        filters=("operator", "point", "type"), days_max=100,
    ),
    answer=_answer,
    permission=p.READ_SALE_RECORDS,
)
