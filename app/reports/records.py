"""Load of the record lists: a page of rows, or all of them in a stream, with totals that the database adds up.

A list is a select of plain columns, narrowed and filtered, and a function from one of its rows to
cells.  Its totals are sums over the same condition, for each currency and kind of meter: so the
totals of a page, of a file and of the books are one figure.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Select, case, func, select

from app.domain.states import MeterType, SaleKind, SaleStatus
from app.models import Sale
from app.reports.names import UNSCOPED
from app.reports.report import Asked
from app.reports.table import Answer, Column, Figure, Kind, Row

CHUNK = 1_000
# A reversal takes back what its sale gave.
SIGN = case((Sale.kind == SaleKind.REVERSAL, -1), else_=1)
UNITS = SIGN * func.coalesce(Sale.carried_units, Sale.token_units)
AMOUNT = SIGN * Sale.amount


@dataclass(frozen=True, slots=True)
class RecordList:
    """One list: its columns, its rows, and how a reader may order them.

    `rows` yields what `make` turns into a Row; `sums` adds up count, units, amount and what else
    `adds` names, by currency and kind of meter.  `orders` names the SQL of each column to order by.
    """

    columns: tuple[Column, ...]
    rows: Select[Any]
    make: Callable[[Any], Row]
    sums: Select[Any] | None
    adds: tuple[str, ...]
    orders: Mapping[str, Any]
    tie: Any
    figures: Callable[[Sequence[Any]], tuple[Figure, ...]] = lambda _rows: ()
    # Lists without sums: how many rows, and the one currency that they speak of.
    count: Select[Any] | None = None
    counted: Callable[[int], tuple[Figure, ...]] = lambda _count: ()
    currency: str = ""


def answer(asked: Asked, records: RecordList) -> Answer:
    """The list's answer: totals now, rows when a form asks for them."""
    found = _summed(asked, records)
    count = sum(row[2] for row in found)
    if records.count is not None:
        count = int(asked.session.execute(records.count, execution_options=UNSCOPED).scalar_one())
    question = asked.question
    column = records.orders.get(question.order, records.tie)
    order = [column.desc(), records.tie.desc()] if question.descending else [column, records.tie]

    def rows(offset: int, limit: int | None) -> Iterator[Row]:
        statement = records.rows.order_by(*order).offset(offset)
        if limit is not None:
            statement = statement.limit(limit)
        for raw in asked.session.execute(statement, execution_options=UNSCOPED | {"yield_per": CHUNK}):
            yield records.make(raw)

    several = len({row[0] for row in found}) > 1
    columns = records.columns if several else tuple(c for c in records.columns if c.key != "currency")
    kept = [at for at, column in enumerate(records.columns) if column in columns]

    def cut(row: Row) -> Row:
        return row if len(kept) == len(row.cells) else Row(
            tuple(row.cells[at] for at in kept), row.currency, row.meter_type, row.level, row.drill, row.sale_id
        )  # fmt: skip

    return Answer(
        columns=columns,
        count=count,
        rows=lambda offset, limit: (cut(row) for row in rows(offset, limit)),
        totals=tuple(cut(row) for row in _totals(records, found)),
        decimals=asked.house.decimals,
        figures=records.counted(count) if records.sums is None else records.figures(found),
        order=question.order,
        descending=question.descending,
        currency=records.currency,
    )


def _summed(asked: Asked, records: RecordList) -> list[Any]:
    """(currency, meter type, rows, one sum for each of `adds`)."""
    if records.sums is None:
        return []
    rows = asked.session.execute(records.sums, execution_options=UNSCOPED)
    found = [(row[0], row[1], *(int(one or 0) for one in row[2:])) for row in rows]
    return sorted(found, key=lambda row: (row[0], tuple(MeterType).index(row[1])))


def _totals(records: RecordList, found: list[Any]) -> list[Row]:
    """For each currency the sums of each kind of meter, if there are several, and of all."""
    totals: list[Row] = []
    for currency in sorted({row[0] for row in found}):
        mine = [row for row in found if row[0] == currency]
        if len(mine) > 1:
            totals += [_total(records, [row], currency, row[1], 1) for row in mine]
        totals.append(_total(records, mine, currency, mine[0][1] if len(mine) == 1 else None, 2))
    return totals


def _total(records: RecordList, rows: list[Any], currency: str, kind: MeterType | None, level: int) -> Row:
    cells: list[Any] = [None] * len(records.columns)
    for at, column in enumerate(records.columns):
        if column.key in records.adds:
            value = sum(row[3 + records.adds.index(column.key)] for row in rows)
            cells[at] = None if column.kind is Kind.UNITS and kind is None else value
        elif column.key == "currency":
            cells[at] = currency
        elif column.key == "type" and level == 1:
            cells[at] = kind
    return Row(tuple(cells), currency, kind, level)


def sums_of_sales(conditions: Sequence[Any], *joins: tuple[Any, Any]) -> Select[Any]:
    """Rows, units and amount of the sales under these conditions, by currency and kind of meter."""
    statement = select(
        Sale.currency, Sale.meter_type, func.count(), func.sum(UNITS), func.sum(AMOUNT)
    ).where(*conditions).group_by(Sale.currency, Sale.meter_type)  # fmt: skip
    for target, on in joins:
        statement = statement.join(target, on)
    return statement


def sale_conditions(asked: Asked) -> list[Any]:
    """What the filters of a question say of sales."""
    question = asked.question
    picks, period = question.picks, question.period
    conditions: list[Any] = [
        Sale.business_date.between(period.first, period.last),
        Sale.status == picks.get("status", SaleStatus.ISSUED),
    ]
    equal = {
        "type": Sale.meter_type, "point": Sale.vending_point_id, "operator": Sale.operator_id, "kind": Sale.kind,
        "consumer": Sale.consumer_id, "meter": Sale.meter_id,
    }  # fmt: skip
    conditions += [column == picks[name] for name, column in equal.items() if name in picks]
    return conditions
