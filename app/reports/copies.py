"""Copies of slips: who printed which receipt again, when, and the number of the copy.

The first printing is the receipt itself and no copy; a file (PDF) of a slip counts as a printing.  Rows are those of
the sale's vending point, whoever printed.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import aliased

from app.access import permissions as p
from app.access.scope import By, narrow
from app.models import AppUser, Reprint, Sale
from app.reports import records
from app.reports.engineering_tokens import name_of
from app.reports.headings import said
from app.reports.question import Choices
from app.reports.records import RecordList
from app.reports.report import Asked, Report
from app.reports.sales_records import receipt_number
from app.reports.table import Answer, Column, Figure, Kind, Row

# Of `Reprint.copy_number`: the receipt as it was handed out.
FIRST_PRINTING = 1
COLUMNS = (
    Column("receipt", said("Receipt"), Kind.CODE, 15, sorts=False),
    Column("printed", said("Printed on"), Kind.MOMENT, 18),
    Column("by", said("Printed by"), Kind.TEXT, 20, sorts=False),
    Column("copy", said("Copy number"), Kind.COUNT, 9),
    Column("copies", said("Copies of it so far"), Kind.COUNT, 12, sorts=False),
    Column("point", said("Vending point"), Kind.TEXT, 20, sorts=False),
    Column("sold", said("Sold on"), Kind.MOMENT, 18, sorts=False),
    Column("operator", said("Sold by"), Kind.TEXT, 20, sorts=False, aside=True),
    Column("meter", said("Meter number"), Kind.METER, 17, sorts=False),
    Column("consumer", said("Consumer"), Kind.TEXT, 22, sorts=False),
)


def _make(read: Callable[[Sequence[Any]], Sequence[Any]], raw: Any) -> Row:
    sale_id, number, newest, receipt, printed_at, reserved_at, first_name, last_name, *snapshot = raw
    code, point, operator, meter, consumer = read(snapshot)
    return Row((
        receipt_number(code, receipt), printed_at, name_of(first_name, last_name), number - FIRST_PRINTING,
        newest - FIRST_PRINTING, point, reserved_at, operator, meter, consumer,
    ), sale_id=sale_id)  # fmt: skip


def _answer(asked: Asked) -> Answer:
    picks = asked.question.picks
    first, end = asked.question.period.instants(asked.house.time_zone)
    # NB: asked of each copy; joined, SQLite would begin with every sale of the region.
    own = narrow(select(Sale.id), asked.scope, By.VENDING_POINT).where(Sale.id == Reprint.sale_id)
    equal = {"point": Sale.vending_point_id, "meter": Sale.meter_id, "type": Sale.meter_type}
    own = own.where(*(column == picks[name] for name, column in equal.items() if name in picks))
    if "region" in picks:
        own = own.where(picks["region"].inside(Sale.point_region_id))
    conditions: list[Any] = [
        Reprint.copy_number > FIRST_PRINTING, Reprint.printed_at >= first, Reprint.printed_at < end,
        own.correlate(Reprint).exists(),
    ]  # fmt: skip
    if "operator" in picks:
        conditions.append(Reprint.user_id == picks["operator"])
    again = aliased(Reprint)
    newest = select(func.max(again.copy_number)).where(again.sale_id == Reprint.sale_id).correlate(Reprint)
    told = records.told(asked, "point.code", "point.name", "operator", "meter.meter_number", "consumer.name")
    rows = (
        select(
            Reprint.sale_id, Reprint.copy_number, newest.scalar_subquery().label("newest"), Sale.receipt_number,
            Reprint.printed_at, Sale.reserved_at, AppUser.first_name, AppUser.last_name, *told.columns,
        )
        .join(Sale, Sale.id == Reprint.sale_id)
        .join(AppUser, AppUser.id == Reprint.user_id)
        .where(*conditions)
    )  # fmt: skip
    return records.answer(
        asked,
        RecordList(
            columns=COLUMNS,
            rows=rows,
            make=partial(_make, told.read),
            sums=None,
            adds=(),
            orders={"printed": Reprint.printed_at, "copy": Reprint.copy_number},
            lead=Reprint.printed_at,
            tie=Reprint.id,
            count=select(func.count(Reprint.id)).where(*conditions),
            counted=lambda number: (Figure(said("Copies"), Kind.COUNT, number),),
        ),
    )


REPORT = Report(
    name="copies",
    number="",
    title=said("Copies of slips"),
    about=said("Who printed which receipt again, when and how often."),
    icon="fa-print",
    choices=Choices(
        filters=("point", "operator", "region", "type", "meter"), orders=("printed", "copy"), descending=True
    ),
    answer=_answer,
    permission=p.READ_SALE_RECORDS,
)
