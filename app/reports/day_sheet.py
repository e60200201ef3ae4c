"""The day sheet: what each operator took, by kind of meter, what was given back, what waits, and the cash expected.

Waiting sales have their money in the drawer already, without a receipt: so the cash that is expected
is what was taken less what was given back, and what waits.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sqlalchemy import func, select

from app.access import permissions as p
from app.access.scope import By, narrow
from app.domain.states import MeterType, SaleKind, SaleStatus
from app.models import Sale
from app.reports import names
from app.reports.headings import said
from app.reports.names import UNSCOPED
from app.reports.question import Choices, InTheDrawer
from app.reports.report import Asked, Report
from app.reports.shaping import Leaf, table
from app.reports.statistics import CURRENCY, KEYS
from app.reports.table import Answer, Column, Figure, Kind, listed

OPERATOR = Column("operator", said("Operator"), Kind.TEXT, 24)
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
NAMES = tuple(column.key for column in FIGURES)
COLUMN = {
    "day": Sale.business_date, "type": Sale.meter_type, "point": Sale.vending_point_id, "operator": Sale.operator_id,
}  # fmt: skip


def _leaves(asked: Asked, rows: list[Any], wanted: list[str]) -> Iterator[Leaf]:
    points = names.points(asked.session, {row.vending_point_id for row in rows} if "point" in wanted else ())
    people = names.people(asked.session, {row.operator_id for row in rows} if "operator" in wanted else ())

    def told(name: str, row: Any) -> tuple[tuple[Any, Any], dict[str, str]]:
        """What a key is ordered by and shows, and what the list behind it is asked for."""
        if name == "day":
            day = row.business_date
            return (day, day), {"from": day.isoformat(), "to": day.isoformat()}
        if name == "type":
            return (tuple(MeterType).index(row.meter_type), row.meter_type), {"type": row.meter_type.value}
        key, known = (row.vending_point_id, points) if name == "point" else (row.operator_id, people)
        code, words = known[key]
        return ((words, key), words), {name: code}

    def where(row: Any) -> tuple[Any, ...]:
        return tuple(getattr(row, COLUMN[name].key) for name in wanted)

    # Where one waits, the rows behind the figures are those too: they add up to the cash, else to what is booked.
    waiting = {where(row) for row in rows if row.status is SaleStatus.RESERVED}
    for row in rows:
        count, amount = int(row.count), int(row.amount or 0)
        waits = row.status is SaleStatus.RESERVED
        back = row.kind is SaleKind.REVERSAL
        kept = {"waiting": count, "held": amount, "cash": amount} if waits else (
            {"reversals": count, "back": -amount, "amount": -amount, "cash": -amount} if back
            else {"sales": count, "taken": amount, "amount": amount, "cash": amount}
        )  # fmt: skip
        keys = [told(name, row) for name in wanted]
        led = {name: value for _key, asks in keys for name, value in asks.items()}
        if where(row) in waiting:
            led["status"] = InTheDrawer.BOTH.value
        yield Leaf(tuple(key for key, _asks in keys), tuple(kept.get(name, 0) for name in NAMES), row.currency, led)


def _answer(asked: Asked) -> Answer:
    period, picks = asked.question.period, asked.question.picks
    wanted = [name for name in (asked.question.group, asked.question.then) if name]
    # By what is asked for alone: by all four, a month of two thousand points is a hundred thousand groups.
    key = (*(COLUMN[name] for name in wanted), Sale.kind, Sale.status, Sale.currency)
    statement = (
        select(*key, func.count().label("count"), func.sum(Sale.amount).label("amount"))
        .where(
            Sale.business_date.between(period.first, period.last),
            Sale.status != SaleStatus.FAILED,  # NB: named by the others, SQLite would read them all by that index
        )
        .group_by(*key)
    )
    equal = {"point": Sale.vending_point_id, "operator": Sale.operator_id, "type": Sale.meter_type}
    for name, column in equal.items():
        if name in picks:
            statement = statement.where(column == picks[name])
    own = narrow(statement, asked.scope, By.VENDING_POINT)
    leaves = list(_leaves(asked, list(asked.session.execute(own, execution_options=UNSCOPED)), wanted))
    known = {**KEYS, "operator": OPERATOR}
    keys = [known[name] for name in wanted]
    columns = (*keys, *([CURRENCY] if len({leaf.currency for leaf in leaves}) > 1 else []), *FIGURES)
    rows, totals = table(columns, leaves, NAMES)
    at = {column.key: n for n, column in enumerate(columns)}
    figures = tuple(
        Figure(title, kind, row.cells[at[key]], row.currency)
        for row in totals
        for title, kind, key in (
            (said("Cash expected"), Kind.MONEY, "cash"), (said("Taken"), Kind.MONEY, "taken"),
            (said("Given back"), Kind.MONEY, "back"), (said("Sales"), Kind.COUNT, "sales"),
        )
    )  # fmt: skip
    return Answer(
        columns=columns, count=len(rows), rows=listed(rows), totals=tuple(totals), decimals=asked.house.decimals,
        figures=figures,
    )  # fmt: skip


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
