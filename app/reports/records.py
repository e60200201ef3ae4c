"""Load of the record lists: a page of rows, or all of them in a stream, with totals that the database adds up.

A list is a select of plain columns, narrowed and filtered, and a function from one of its rows to
cells.  Its totals are sums over the same condition, for each currency and kind of meter: so the
totals of a page, of a file and of the books are one figure.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from operator import itemgetter
from typing import Any

from sqlalchemy import Date, Select, String, case, cast, func, literal_column, or_, select

from app.access.scope import By, asked_last, narrow
from app.domain.states import MeterType, RowScope, SaleKind, SaleStatus
from app.models import Sale, TariffPlan
from app.models.sale import by_amount, by_units
from app.models.summaries import COUNTED
from app.reports.names import OF_A_PERIOD, UNSCOPED
from app.reports.question import InTheDrawer
from app.reports.report import Asked
from app.reports.sums import Source, facts
from app.reports.table import Answer, Column, Figure, Kind, Row

CHUNK = 1_000
# What a sale's snapshot holds.  NB: half the price of json.loads, which asks each text what it is written in.
_decode = json.JSONDecoder().raw_decode
# A reversal takes back what its sale gave.
SIGN = case((Sale.kind == SaleKind.REVERSAL, -1), else_=1)
UNITS = SIGN * func.coalesce(Sale.carried_units, Sale.token_units)
AMOUNT = SIGN * Sale.amount
# The same as its status, by a check of the table.  NB: SQLite would take the status for a rare one, and read every
# sale there is by its index instead of the period's.
ISSUED = Sale.receipt_number.is_not(None)
# The same once more, where no row shall be read for it.  NB: as it stands, SQLite would take the status' index again.
ISSUED_IN_INDEX = cast(Sale.status, String) == SaleStatus.ISSUED.value
# Orders by what is no time, as the indexes of all sales in these orders say them.
IN_ORDER: Mapping[str, Any] = {
    "type": Sale.meter_type, "units": literal_column(by_units("sale.")), "amount": literal_column(by_amount("sale.")),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class RecordList:
    """One list: its columns, its rows, and how a reader may order them.

    `rows` yields what `make` turns into a Row; `sums` adds up count, units, amount and what else
    `adds` names, by currency and kind of meter, as a statement or as such rows.  `orders` names the SQL of each
    column to order by, `lead` what the period is read by: rows stand in its order unless another is asked for, and
    a database that walks its index from the end has a page after fifty rows, however many there are.
    `ids`, where there is one, finds the rows of a page in another order from an index alone (`ids_in_index`); `all_ids`
    from the index of all sales in that order (of IN_ORDER).
    """

    columns: tuple[Column, ...]
    rows: Select[Any]
    make: Callable[[Any], Row]
    sums: Select[Any] | Sequence[Any] | None
    adds: tuple[str, ...]
    orders: Mapping[str, Any]
    tie: Any
    lead: Any = None
    ids: Select[Any] | None = None
    all_ids: Select[Any] | None = None
    figures: Callable[[Sequence[Any]], tuple[Figure, ...]] = lambda _rows: ()
    # Lists without sums: how many rows, and the one currency that they speak of.
    count: Select[Any] | None = None
    counted: Callable[[int], tuple[Figure, ...]] = lambda _count: ()
    currency: str = ""


@dataclass(frozen=True, slots=True)
class Part:
    """Rows of a list that stand together, before those of the next part: what tells them, and how many they are."""

    conditions: tuple[Any, ...]
    count: int


@dataclass(frozen=True, slots=True)
class Told:
    """What rows tell of their sale's snapshot: the columns of a statement, its last ones, and their reader."""

    columns: tuple[Any, ...]
    read: Callable[[Sequence[Any]], Sequence[Any]]


def told(asked: Asked, *paths: str, of: Any = Sale.snapshot) -> Told:
    """Facts of a snapshot by their paths (`point.code`), the sale's or that of an act, which may lack some (None)."""
    if asked.session.get_bind().dialect.name == "sqlite":
        # It finds them in a third of the time, and a thousand other signs of each sale stay where they are.
        found = (func.json_extract(of, f"$.{path}", type_=String) for path in paths)
        return Told(tuple(found), lambda facts: facts)
    places = [path.split(".") for path in paths]

    def read(row: Sequence[Any]) -> Sequence[Any]:
        facts: dict[str, Any] = _decode(row[0])[0]
        return [facts[one[0]] if len(one) == 1 else facts[one[0]][one[1]] for one in places]

    def read_some(row: Sequence[Any]) -> Sequence[Any]:
        facts: dict[str, Any] = _decode(row[0])[0]
        return [facts.get(one[0]) if len(one) == 1 else (facts.get(one[0]) or {}).get(one[1]) for one in places]

    return Told((of,), read if of is Sale.snapshot else read_some)


def answer(asked: Asked, records: RecordList) -> Answer:
    """The list's answer: totals now, rows when a form asks for them."""
    found = _summed(asked, records)
    count = sum(row[2] for row in found)
    if records.count is not None:
        count = int(asked.session.execute(records.count, execution_options=OF_A_PERIOD).scalar_one())
    question = asked.question
    chosen = records.orders.get(question.order, records.lead)
    order = [one for one in (*(chosen if isinstance(chosen, tuple) else (chosen,)), records.tie) if one is not None]
    order = [one.desc() for one in order] if question.descending else order
    parts = _parts(records, question.order, found) or [Part((), count)]

    def rows(offset: int, limit: int | None) -> Iterator[Row]:
        for part, first, length in windows(parts, offset, limit):
            statement = records.rows.where(*part.conditions).order_by(*order)
            page = _page(asked, records, order, part, first, length)
            narrowed = statement.offset(first).limit(length) if page is None else statement.where(records.tie.in_(page))
            # On the session's connection: the rows are plain columns, and the session would look at each once more.
            options = UNSCOPED | {"yield_per": CHUNK}
            yield from map(records.make, asked.session.connection().execute(narrowed, execution_options=options))

    several = len({row[0] for row in found}) > 1
    columns = records.columns if several else tuple(c for c in records.columns if c.key != "currency")
    kept = [at for at, column in enumerate(records.columns) if column in columns]
    pick = itemgetter(*kept)

    def cut(row: Row) -> Row:
        return Row(pick(row[0]), *row[1:])

    return Answer(
        columns=columns,
        count=count,
        rows=rows if len(kept) == len(records.columns) else lambda offset, limit: map(cut, rows(offset, limit)),
        totals=tuple(cut(row) for row in _totals(records, found)),
        decimals=asked.house.decimals,
        figures=records.counted(count) if records.sums is None else records.figures(found),
        order=question.order,
        descending=question.descending,
        currency=records.currency,
    )


def _parts(records: RecordList, order: str, found: Sequence[Any]) -> list[Part]:
    """A list of several currencies in the order of a sum of money: each currency by itself, they by their codes.

    What minor units say of two currencies is no order: 100 yen are not 1.00 dollar.
    """
    codes = sorted({row[0] for row in found})
    if len(codes) < 2 or all(column.kind is not Kind.MONEY for column in records.columns if column.key == order):
        return []
    return [Part((Sale.currency == code,), sum(row[2] for row in found if row[0] == code)) for code in codes]


def windows(parts: Sequence[Part], offset: int, limit: int | None) -> Iterator[tuple[Part, int, int | None]]:
    """What a window over parts that stand one after the other takes of each: where it begins and how long it is there.

    >>> [(part.count, *window) for part, *window in windows([Part((), 3), Part((), 9)], 2, 4)]
    [(3, 2, 1), (9, 0, 3)]
    """
    for part in parts:
        if limit is None or part is parts[-1]:
            length = limit
        else:
            length = min(limit, max(0, part.count - offset))
            limit -= length
        if length != 0:
            yield part, offset, length
        offset = max(0, offset - part.count)


def _page(
    asked: Asked, records: RecordList, order: Sequence[Any], part: Part, offset: int, limit: int | None
) -> Select[Any] | None:
    """The ids of a page in an order of its own: those of the period are sorted, or all sales walked in that order.

    To walk to the end of the page is the shorter way where the list has many of all sales: of the few of a month
    one comes after many others.
    """
    question = asked.question
    by_time = records.orders.get(question.order, records.lead) is records.lead
    # NB: of somebody's sales by time, SQLite would read all of the region to put them in order.
    if limit is None or records.ids is None or (by_time and asked.scope.sees_all):
        return None
    ids = records.ids.where(*part.conditions).order_by(*order)
    if records.all_ids is not None and question.order in IN_ORDER:
        sold = asked.session.execute(select(func.max(Sale.id)), execution_options=UNSCOPED).scalar() or 0
        if part.count * part.count >= (offset + limit) * sold:
            first = IN_ORDER[question.order]
            ids = records.all_ids.where(*part.conditions)
            ids = ids.order_by(first.desc() if question.descending else first, *order[1:])
    return ids.offset(offset).limit(limit)


def _summed(asked: Asked, records: RecordList) -> list[Any]:
    """(currency, meter type, rows, one sum for each of `adds`)."""
    if records.sums is None:
        return []
    rows = records.sums
    if isinstance(rows, Select):
        rows = asked.session.execute(rows, execution_options=OF_A_PERIOD).all()
    found = [(row[0], row[1], *(int(one or 0) for one in row[2:])) for row in rows]
    if len({row[0] for row in found}) > 1 and all(column.key != "currency" for column in records.columns):
        # Units are units, whatever they were paid in; nothing would tell two totals apart.
        kinds = {row[1]: [one for one in found if one[1] is row[1]] for row in found}
        found = [("", kind, *map(sum, zip(*(one[2:] for one in mine), strict=True))) for kind, mine in kinds.items()]
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


def totals_of_sales(asked: Asked, conditions: Sequence[Any], by: By, source: Source) -> Select[Any] | Sequence[Any]:
    """What the list's sales add up to: from the sums of days and months where they know what is asked for.

    They are kept in the sale's own transaction, so they are the same; millions of sales need not be read for a page.
    """
    picks = asked.question.picks
    issued = picks.get("status", SaleStatus.ISSUED) is SaleStatus.ISSUED
    if not issued or picks.keys() - {"type", "region", "within", "point", "status"}:
        return narrow(sums_of_sales(conditions), asked.scope, by)
    found: dict[tuple[str, MeterType], list[int]] = {}
    for fact in facts(asked, source, asked.question.period, ()):
        kept = found.setdefault((fact.currency, fact.meter_type), [0, 0, 0])
        sums = dict(zip(COUNTED, fact.sums, strict=True))
        for at, value in enumerate((sums["sales"] + sums["reversals"], sums["units"], sums["amount"])):
            kept[at] += value
    return [(*key, *sums) for key, sums in found.items()]


def ids_in_index(asked: Asked, conditions: Sequence[Any], by: By) -> Select[Any] | None:
    """Ids of the sales under these conditions, if `ix_sale_day_figures` holds all that they and an order ask for."""
    held = held_in_index(asked, conditions, by)
    return None if held is None else narrow(select(Sale.id).where(*held), asked.scope, by)


def held_in_index(asked: Asked, conditions: Sequence[Any], by: By) -> list[Any] | None:
    """These conditions as `ix_sale_day_figures` knows them, if it does.

    What is narrower has an index of its own, whose rows are few enough to be read.
    """
    picks = asked.question.picks
    issued = picks.get("status", SaleStatus.ISSUED) is SaleStatus.ISSUED
    own_point = by is By.VENDING_POINT and asked.scope.row_scope is RowScope.VENDING_POINT
    if own_point or not issued or picks.keys() - {"type", "region", "within", "kind", "status"}:
        return None
    return [ISSUED_IN_INDEX if one is ISSUED else one for one in conditions]


def all_in_order(asked: Asked, conditions: Sequence[Any], by: By) -> Select[Any]:
    """Ids of the sales under these conditions (of `sale_conditions`), to be found in the order of an index of all.

    NB: for SQLite the day is disguised and the scope asked of each, or it would look the period or the region up and
    sort it; PostgreSQL knows how long that is.
    """
    ids = select(Sale.id).where(*undated(asked, conditions))
    lite = asked.session.get_bind().dialect.name == "sqlite" and not asked.scope.sees_all
    return ids.where(asked_last(Sale, asked.scope, by)) if lite else narrow(ids, asked.scope, by)


def undated(asked: Asked, conditions: Sequence[Any]) -> list[Any]:
    """The same conditions, of which none may be looked up by the day."""
    period = asked.question.period
    if asked.session.get_bind().dialect.name != "sqlite":
        return list(conditions)
    return [literal_column("+sale.business_date", Date()).between(period.first, period.last), *conditions[1:]]


def _in_state(picks: Mapping[str, Any]) -> Any:
    state = picks.get("status", SaleStatus.ISSUED)
    if state is InTheDrawer.BOTH:
        # NB: with IN, SQLite would read all sales of a state by their index for one day of them.
        return or_(ISSUED, Sale.status == SaleStatus.RESERVED)
    return ISSUED if state is SaleStatus.ISSUED else Sale.status == state


def sale_conditions(asked: Asked) -> list[Any]:
    """What the filters of a question say of sales; the period comes first."""
    question = asked.question
    picks, period = question.picks, question.period
    conditions: list[Any] = [Sale.business_date.between(period.first, period.last), _in_state(picks)]
    equal = {
        "type": Sale.meter_type, "point": Sale.vending_point_id, "operator": Sale.operator_id, "kind": Sale.kind,
        "consumer": Sale.consumer_id, "meter": Sale.meter_id,
    }  # fmt: skip
    conditions += [column == picks[name] for name, column in equal.items() if name in picks]
    if "tariff" in picks:
        conditions.append(Sale.plan_id.in_(select(TariffPlan.id).where(TariffPlan.tariff_id == picks["tariff"])))
    return conditions
