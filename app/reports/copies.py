"""Copies of slips: who printed which receipt or slip of an engineering act again, when, and the number of the copy.

The first printing is the slip itself and no copy; a file (PDF) of a slip counts as a printing.  Rows are those of
the vending point of the sale or act, whoever printed.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from sqlalchemy import func, literal_column, select
from sqlalchemy.orm import aliased

from app.access import permissions as p
from app.access.scope import By, narrow
from app.domain.engineering import act_number
from app.models import ActReprint, AppUser, EngineeringRecord, Meter, Reprint, Sale
from app.reports import merged, records
from app.reports.engineering_tokens import name_of
from app.reports.headings import said
from app.reports.question import Choices
from app.reports.records import RecordList
from app.reports.report import Asked, Report
from app.reports.sales_records import receipt_number
from app.reports.table import Answer, Column, Figure, Kind, Row

# Of `copy_number`: the slip as it was handed out.
FIRST_PRINTING = 1
# NB: as the small index of copies says it; a figure that comes later is not known to be that one.
FIRST_IN_INDEX: Any = literal_column(str(FIRST_PRINTING))
RECEIPT = "receipt"
# What may be asked of a slip; all else is told of its copies by their index alone.
OF_THE_SLIP = frozenset({"meter", "type"})
COLUMNS = (
    Column("receipt", said("Slip"), Kind.CODE, 15, sorts=False),
    Column("what", said("What for"), Kind.WORD, 20, words="slip", sorts=False),
    Column("printed", said("Printed on"), Kind.MOMENT, 18),
    Column("by", said("Printed by"), Kind.TEXT, 20, sorts=False),
    Column("copy", said("Copy number"), Kind.COUNT, 9),
    Column("copies", said("Copies of it so far"), Kind.COUNT, 12, sorts=False),
    Column("point", said("Vending point"), Kind.TEXT, 20, sorts=False),
    Column("sold", said("Sold or made on"), Kind.MOMENT, 18, sorts=False),
    Column("operator", said("Sold or made by"), Kind.TEXT, 20, sorts=False, aside=True),
    Column("meter", said("Meter number"), Kind.METER, 17, sorts=False),
    Column("consumer", said("Consumer"), Kind.TEXT, 22, sorts=False),
)


def _receipt(read: Callable[[Sequence[Any]], Sequence[Any]], raw: Sequence[Any]) -> Row:
    sale_id, number, newest, receipt, printed_at, reserved_at, first_name, last_name, *snapshot = raw
    code, point, operator, meter, consumer = read(snapshot)
    return Row((
        receipt_number(code, receipt), RECEIPT, printed_at, name_of(first_name, last_name), number - FIRST_PRINTING,
        newest - FIRST_PRINTING, point, reserved_at, operator, meter, consumer,
    ), sale_id=sale_id)  # fmt: skip


def _act(read: Callable[[Sequence[Any]], Sequence[Any]], raw: Sequence[Any]) -> Row:
    act_id, number, newest, function, printed_at, created_at, first_name, last_name, *snapshot = raw
    point, operator, meter, consumer = read(snapshot)
    return Row((
        act_number(act_id), function, printed_at, name_of(first_name, last_name), number - FIRST_PRINTING,
        newest - FIRST_PRINTING, point, created_at, operator, meter, consumer,
    ), act_id=act_id)  # fmt: skip


def _answer(asked: Asked) -> Answer:
    return merged.answer(asked, (_receipts(asked), _acts(asked)))


def _receipts(asked: Asked) -> RecordList:
    picks = asked.question.picks
    equal = {"meter": Sale.meter_id, "type": Sale.meter_type}
    meant = select(Sale.id).where(
        Sale.id == Reprint.sale_id, *(column == picks[name] for name, column in equal.items() if name in picks)
    )
    told = records.told(asked, "point.code", "point.name", "operator", "meter.meter_number", "consumer.name")
    shown = (Sale.receipt_number, Reprint.printed_at, Sale.reserved_at)
    return _list(asked, Reprint, Reprint.sale_id, Sale, meant, shown, told.columns, partial(_receipt, told.read))


def _acts(asked: Asked) -> RecordList:
    picks = asked.question.picks
    meant = select(EngineeringRecord.id).where(EngineeringRecord.id == ActReprint.record_id)
    if "meter" in picks:
        meant = meant.where(EngineeringRecord.meter_id == picks["meter"])
    if "type" in picks:
        meant = meant.join(Meter, Meter.id == EngineeringRecord.meter_id).where(Meter.meter_type == picks["type"])
    told = records.told(
        asked, "point.name", "operator", "meter.meter_number", "consumer.name", of=EngineeringRecord.snapshot
    )
    shown = (EngineeringRecord.function, ActReprint.printed_at, EngineeringRecord.created_at)
    return _list(
        asked, ActReprint, ActReprint.record_id, EngineeringRecord, meant, shown, told.columns, partial(_act, told.read)
    )


def _list(
    asked: Asked, copy: Any, slip_id: Any, slip: Any, meant: Any, shown: Sequence[Any], told: Sequence[Any],
    make: Callable[[Sequence[Any]], Row],
) -> RecordList:  # fmt: skip
    """The reader's copies of one table, with filters of the slip those whose slips are `meant`.

    NB: that is asked of each copy; joined, SQLite would begin with every sale of the kind.
    """
    first, end = asked.question.period.instants(asked.house.time_zone)
    picks = asked.question.picks
    conditions: list[Any] = [
        copy.copy_number > FIRST_IN_INDEX, copy.printed_at >= first, copy.printed_at < end,
    ]  # fmt: skip
    equal = {"operator": copy.user_id, "point": copy.vending_point_id}
    conditions += [column == picks[name] for name, column in equal.items() if name in picks]
    if "region" in picks:
        conditions.append(picks["region"].inside(copy.point_region_id))
    if picks.keys() & OF_THE_SLIP:
        conditions.append(meant.correlate(copy).exists())
    again = aliased(copy)
    again_id = getattr(again, slip_id.key)
    newest = select(func.max(again.copy_number)).where(again_id == slip_id).correlate(copy).scalar_subquery()
    return RecordList(
        columns=COLUMNS,
        rows=narrow(
            select(slip_id, copy.copy_number, newest, *shown, AppUser.first_name, AppUser.last_name, *told)
            .join(slip, slip.id == slip_id)
            .join(AppUser, AppUser.id == copy.user_id)
            .where(*conditions),
            asked.scope, By.VENDING_POINT, copy,
        ),
        make=make,
        sums=None,
        adds=(),
        orders={"printed": copy.printed_at, "copy": copy.copy_number},
        lead=copy.printed_at,
        tie=copy.id,
        ids=narrow(select(copy.id).where(*conditions), asked.scope, By.VENDING_POINT, copy),
        count=narrow(
            select(func.count()).select_from(copy).where(*conditions), asked.scope, By.VENDING_POINT, copy
        ),
        counted=lambda number: (Figure(said("Copies"), Kind.COUNT, number),),
    )


REPORT = Report(
    name="copies",
    number="",
    title=said("Copies of slips"),
    about=said("Who printed which receipt or engineering slip again, when and how often."),
    icon="fa-print",
    choices=Choices(
        filters=("point", "operator", "region", "type", "meter"), orders=("printed", "copy"), descending=True
    ),
    answer=_answer,
    permission=p.READ_SALE_RECORDS,
)
