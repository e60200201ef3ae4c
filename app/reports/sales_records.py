"""P2, sales records: every sale and reversal, by vending point and time.

Names and numbers come from the sale's snapshot, so that a later change does not rewrite the past.
A reversal stands with its amount below zero, so that the column adds up to the books; the sale that it
undoes says "reversed".
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from sqlalchemy import select

from app.access import permissions as p
from app.access.scope import By, narrow
from app.domain.states import SaleKind, SaleStatus
from app.models import Sale
from app.reports import records
from app.reports.headings import said
from app.reports.question import Choices
from app.reports.records import AMOUNT, UNITS, RecordList
from app.reports.report import Asked, Report
from app.reports.sums import RECORDS
from app.reports.table import Answer, Column, Figure, Kind, Row

COLUMNS = (
    Column("receipt", said("Receipt"), Kind.CODE, 15, sorts=False),
    Column("time", said("Time"), Kind.MOMENT, 18),
    Column("day", said("Business day"), Kind.DAY, 13, aside=True),
    Column("point", said("Vending point"), Kind.TEXT, 20, sorts=False),
    Column("operator", said("Operator"), Kind.TEXT, 18, sorts=False),
    Column("meter", said("Meter number"), Kind.METER, 17, sorts=False),
    Column("type", said("Meter type"), Kind.TYPE, 12),
    Column("consumer", said("Consumer"), Kind.TEXT, 22, sorts=False),
    Column("state", said("State"), Kind.WORD, 11, words="sale_state", sorts=False),
    Column("units", said("Units"), Kind.UNITS, 13),
    Column("currency", said("Currency"), Kind.TEXT, 9, sorts=False),
    Column("amount", said("Amount"), Kind.MONEY, 14),
)


STATUS = {status: str(status.value) for status in SaleStatus}


def receipt_number(code: str, number: int | None) -> str | None:
    """As it stands on the slip; None for a sale without one."""
    return None if number is None else f"{code}-{number:06}"


def state(kind: SaleKind, status: SaleStatus, undone: bool) -> str:
    """What became of a sale, by the word of `sale_state`: undone, itself a reversal, or how it stands."""
    if kind is SaleKind.REVERSAL:
        return "reversal"
    return "reversed" if undone else STATUS[status]


def _make(read: Callable[[Sequence[Any]], Sequence[Any]], raw: Any) -> Row:
    number, receipt, reserved_at, day, meter_type, kind, status, undone, currency, units, amount, *snapshot = raw
    code, point, operator, meter, consumer = read(snapshot)
    return Row(
        (
            receipt_number(code, receipt), reserved_at, day, point, operator, meter, meter_type, consumer,
            state(kind, status, undone), int(units), currency, int(amount),
        ),
        currency, meter_type, 0, None, number,
    )  # fmt: skip


def figures(found: Any) -> tuple[Figure, ...]:
    """What was sold, in each currency, in how many rows; units of each kind of meter."""
    made: list[Figure] = []
    for currency in sorted({row[0] for row in found}):
        mine = [row for row in found if row[0] == currency]
        made.append(Figure(said("Total"), Kind.MONEY, sum(row[4] for row in mine), currency))
        made.append(Figure(said("Rows"), Kind.COUNT, sum(row[2] for row in mine), currency))
    units: dict[Any, int] = {}
    for row in found:
        units[row[1]] = units.get(row[1], 0) + row[3]
    made += [Figure(said("Units"), Kind.UNITS, units[kind], meter_type=kind) for kind in units]
    return tuple(made)


def _answer(asked: Asked) -> Answer:
    conditions = records.sale_conditions(asked)
    picks = asked.question.picks
    if "region" in picks:
        conditions.append(picks["region"].inside(Sale.point_region_id))
    told = records.told(asked, "point.code", "point.name", "operator", "meter.meter_number", "consumer.name")
    rows = select(
        Sale.id, Sale.receipt_number, Sale.reserved_at, Sale.business_date, Sale.meter_type, Sale.kind,
        Sale.status, Sale.undone.label("undone"), Sale.currency, UNITS.label("units"), AMOUNT.label("amount"),
        *told.columns,
    ).where(*conditions)  # fmt: skip
    return records.answer(
        asked,
        RecordList(
            columns=COLUMNS,
            rows=narrow(rows, asked.scope, By.VENDING_POINT),
            make=partial(_make, told.read),
            sums=records.totals_of_sales(asked, conditions, By.VENDING_POINT, RECORDS),
            adds=("units", "amount"),
            orders={
                "time": (Sale.business_date, Sale.reserved_at), "day": Sale.business_date, "type": Sale.meter_type,
                "units": UNITS, "amount": AMOUNT,
            },
            lead=Sale.business_date,
            tie=Sale.id,
            ids=records.ids_in_index(asked, conditions, By.VENDING_POINT),
            all_ids=records.all_in_order(asked, conditions, By.VENDING_POINT),
            figures=figures,
        ),
    )


REPORT = Report(
    name="sales-records",
    number="P2",
    title=said("Sales records"),
    about=said("Every sale and reversal, by vending point and time."),
    icon="fa-table-list",
    choices=Choices(
        filters=("point", "operator", "region", "within", "type", "tariff", "kind", "meter", "consumer", "status"),
        orders=("time", "day", "type", "units", "amount"),
        descending=True,
    ),
    answer=_answer,
    permission=p.READ_SALE_RECORDS,
)
