"""P7, purchase records: what each consumer bought, by consumer and time, wherever it was bought.

It goes by the consumer's region, even for an operator: rows of other vending points are among them.
They show no token, and their slip opens only for whom the sale itself is.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from sqlalchemy import select

from app.access import permissions as p
from app.access.scope import By, criterion, narrow
from app.models import Region, Sale
from app.reports import records
from app.reports.headings import said
from app.reports.question import Choices
from app.reports.records import AMOUNT, UNITS, RecordList
from app.reports.report import Asked, Report
from app.reports.sales_records import figures, receipt_number, state
from app.reports.sums import PURCHASES
from app.reports.table import Answer, Column, Kind, Row

COLUMNS = (
    Column("time", said("Time"), Kind.MOMENT, 18),
    Column("day", said("Business day"), Kind.DAY, 13, aside=True),
    Column("number", said("User number"), Kind.CODE, 14, sorts=False),
    Column("consumer", said("Consumer"), Kind.TEXT, 22, sorts=False),
    Column("region", said("Region"), Kind.TEXT, 32, sorts=False, aside=True),
    Column("meter", said("Meter number"), Kind.METER, 17, sorts=False),
    Column("type", said("Meter type"), Kind.TYPE, 12),
    Column("point", said("Vending point"), Kind.TEXT, 20, sorts=False),
    Column("receipt", said("Receipt"), Kind.CODE, 15, sorts=False),
    Column("state", said("State"), Kind.WORD, 11, words="sale_state", sorts=False),
    Column("units", said("Units"), Kind.UNITS, 13),
    Column("currency", said("Currency"), Kind.TEXT, 9, sorts=False),
    Column("amount", said("Amount"), Kind.MONEY, 14),
)


def _make(read: Callable[[Sequence[Any]], Sequence[Any]], raw: Any) -> Row:
    (number, receipt, reserved_at, day, meter_type, currency, kind, status, undone, place, units, amount, own,
     *snapshot) = raw  # fmt: skip
    code, point, meter, consumer, user_number = read(snapshot)
    return Row(
        (
            reserved_at, day, user_number, consumer, place, meter, meter_type, point, receipt_number(code, receipt),
            state(kind, status, undone), int(units), currency, int(amount),
        ),
        currency, meter_type, 0, None, number if own else None,
    )  # fmt: skip


def _answer(asked: Asked) -> Answer:
    conditions = records.sale_conditions(asked)
    if "region" in asked.question.picks:
        conditions.append(asked.question.picks["region"].inside(Sale.consumer_region_id))
    told = records.told(
        asked, "point.code", "point.name", "meter.meter_number", "consumer.name", "consumer.user_number"
    )
    rows = (
        select(
            Sale.id, Sale.receipt_number, Sale.reserved_at, Sale.business_date, Sale.meter_type, Sale.currency,
            Sale.kind, Sale.status, Sale.undone.label("undone"),
            Region.full_name.label("place"), UNITS.label("units"), AMOUNT.label("amount"),
            criterion(Sale, asked.scope).label("own"), *told.columns,
        )
        .join(Region, Region.id == Sale.consumer_region_id)
        .where(*conditions)
    )  # fmt: skip
    return records.answer(
        asked,
        RecordList(
            columns=COLUMNS,
            rows=narrow(rows, asked.scope, By.CONSUMER_REGION),
            make=partial(_make, told.read),
            sums=records.totals_of_sales(asked, conditions, By.CONSUMER_REGION, PURCHASES),
            adds=("units", "amount"),
            orders={
                "time": (Sale.business_date, Sale.reserved_at), "day": Sale.business_date, "type": Sale.meter_type,
                "units": UNITS, "amount": AMOUNT,
            },
            lead=Sale.business_date,
            tie=Sale.id,
            ids=records.ids_in_index(asked, conditions, By.CONSUMER_REGION),
            all_ids=records.all_in_order(asked, conditions, By.CONSUMER_REGION),
            figures=figures,
        ),
    )


REPORT = Report(
    name="purchase-records",
    number="P7",
    title=said("Purchase records"),
    about=said("What each consumer bought, by consumer and time, wherever it was."),
    icon="fa-basket-shopping",
    choices=Choices(
        filters=("consumer", "meter", "region", "within", "type", "tariff", "kind"),
        orders=("time", "day", "type", "units", "amount"),
        descending=True,
    ),
    answer=_answer,
    wide=True,
    permission=p.READ_SALE_RECORDS,
)
