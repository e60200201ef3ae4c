"""P5, token sales: every token that was sold, with what it carries and under which key.

A token is as good as cash: it stands here only for whom its sale is, and only once the sale was issued.
A meter takes the token of a reversed sale as well, and its money went back: nobody sees its digits.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import timedelta
from functools import partial
from typing import Any

from sqlalchemy import Select, case, func, literal_column, select

from app.access import permissions as p
from app.access.scope import By, narrow
from app.domain.states import MeterType, SaleKind, TokenKind
from app.models import Sale, Token
from app.models.summaries import COUNTED
from app.reports import records
from app.reports.engineering_tokens import NO_CREDIT
from app.reports.headings import said
from app.reports.names import UNSCOPED
from app.reports.question import Choices
from app.reports.records import IN_ORDER, ISSUED, ISSUED_IN_INDEX, UNITS, RecordList
from app.reports.report import Asked, Report
from app.reports.sales_records import receipt_number
from app.reports.sums import RECORDS, facts
from app.reports.table import Answer, Column, Figure, Kind, Row

COLUMNS = (
    Column("receipt", said("Receipt"), Kind.CODE, 15, sorts=False),
    Column("time", said("Time"), Kind.MOMENT, 18),
    Column("token", said("Token"), Kind.TOKEN, 26, sorts=False, none=said("not shown")),
    Column("kind", said("Kind"), Kind.WORD, 12, words="token_kind", sorts=False, aside=True),
    Column("meter", said("Meter number"), Kind.METER, 17, sorts=False),
    Column("type", said("Meter type"), Kind.TYPE, 12, sorts=False),
    Column("key", said("SGC · KRN · TI"), Kind.CODE, 16, sorts=False, aside=True),
    Column("point", said("Vending point"), Kind.TEXT, 20, sorts=False),
    Column("operator", said("Operator"), Kind.TEXT, 18, sorts=False),
    Column("undone", said("State"), Kind.WORD, 11, words="undone", sorts=False),
    Column("units", said("Units"), Kind.UNITS, 13),
)
# Only credit has units; what else a sale gives (a key change) carries none.
CARRIED = case((Token.kind == TokenKind.CREDIT, Token.amount))
SALES, SUM_OF_UNITS = COUNTED.index("sales"), COUNTED.index("units")
# As the small index of such sales says it (`ix_sale_apart`): without a token of their own that carries what they sold.
APART: Any = literal_column("(sale.token_units = 0 OR sale.kind = 'reversal')")


def _make(read: Callable[[Sequence[Any]], Sequence[Any]], raw: Any) -> Row:
    (_token, issued_at, digits, kind, sgc, krn, ti, units, sale, receipt, meter_type, currency, undone, *snapshot) = raw
    code, meter, point, operator = read(snapshot)
    return Row(
        (
            receipt_number(code, receipt), issued_at, digits, kind, meter, meter_type, f"{sgc} · {krn} · {ti:02}",
            point, operator, "reversed" if undone else "sold", None if units is None else int(units),
        ),
        currency, meter_type, sale_id=sale,
    )  # fmt: skip


def _figures(found: Any) -> tuple[Figure, ...]:
    units: dict[Any, int] = {}
    for row in found:
        units[row[1]] = units.get(row[1], 0) + row[3]
    return (
        Figure(said("Tokens"), Kind.COUNT, sum(row[2] for row in found)),
        *(Figure(said("Units"), Kind.UNITS, units[kind], meter_type=kind) for kind in units),
    )


def _sums(asked: Asked, conditions: Sequence[Any]) -> Select[Any] | Sequence[Any]:
    """Tokens and units, by currency and kind of meter: from the sums of days where these know what is asked for.

    An issued sale of units has one token that carries them, which `flask ledger check` holds.  So the tokens of
    credit are the sales less those of no units, and their units are the days' and what reversals took from those.
    """
    if asked.question.picks.keys() - {"type", "region", "point"}:
        return _counted(asked, conditions)
    found: dict[tuple[str, MeterType], list[int]] = {}

    def add(currency: str, kind: MeterType, tokens: int, units: int) -> None:
        kept = found.setdefault((currency, kind), [0, 0])
        kept[0] += tokens
        kept[1] += units

    for fact in facts(asked, RECORDS, asked.question.period, ()):
        add(fact.currency, fact.meter_type, fact.sums[SALES], fact.sums[SUM_OF_UNITS])
    key = (Sale.currency, Sale.meter_type)
    held = [ISSUED_IN_INDEX if one is ISSUED else one for one in conditions]
    apart = select(*key, Sale.kind, func.count(), func.sum(Sale.carried_units)).where(APART, *held)
    for currency, meter_type, kind, count, units in _own(asked, apart.group_by(*key, Sale.kind)):
        add(currency, meter_type, *((0, int(units)) if kind is SaleKind.REVERSAL else (-count, 0)))
    # A sale's tokens are never older than it; a day is left to clocks that disagree.
    since = asked.question.period.instants(asked.house.time_zone)[0] - timedelta(days=1)
    others = select(*key, func.count()).join(Token, Token.sale_id == Sale.id)
    others = others.where(NO_CREDIT, Token.issued_at >= since, *conditions).group_by(*key)
    for currency, meter_type, count in _own(asked, others):
        add(currency, meter_type, count, 0)
    return [(*who, *sums) for who, sums in found.items() if any(sums)]


def _own(asked: Asked, statement: Select[Any]) -> Any:
    wanted = narrow(statement, asked.scope, By.VENDING_POINT)
    return asked.session.execute(wanted, execution_options=UNSCOPED)


def _counted(asked: Asked, conditions: Sequence[Any]) -> Select[Any]:
    sums = (
        select(Sale.currency, Sale.meter_type, func.count(), func.sum(CARRIED))
        .join(Token, Token.sale_id == Sale.id)
        .where(*conditions)
        .group_by(Sale.currency, Sale.meter_type)
    )
    return narrow(sums, asked.scope, By.VENDING_POINT)


def _answer(asked: Asked) -> Answer:
    conditions = records.sale_conditions(asked)
    if "region" in asked.question.picks:
        conditions.append(asked.question.picks["region"].inside(Sale.point_region_id))
    told = records.told(asked, "point.code", "meter.meter_number", "point.name", "operator")
    rows = (
        select(
            Token.id, Token.issued_at, Token.shown_digits.label("digits"), Token.kind, Token.sgc, Token.krn, Token.ti,
            CARRIED.label("units"),
            Sale.id.label("sale_id"), Sale.receipt_number, Sale.meter_type, Sale.currency, Sale.undone.label("undone"),
            *told.columns,
        )
        .join(Sale, Sale.id == Token.sale_id)
        .where(*conditions)
    )  # fmt: skip
    held = records.held_in_index(asked, conditions, By.VENDING_POINT)

    def ids(of: Sequence[Any]) -> Select[Any]:
        wanted = select(Token.id).join(Sale, Sale.id == Token.sale_id).where(*of)
        return narrow(wanted, asked.scope, By.VENDING_POINT)

    return records.answer(
        asked,
        RecordList(
            columns=COLUMNS,
            rows=narrow(rows, asked.scope, By.VENDING_POINT),
            make=partial(_make, told.read),
            sums=_sums(asked, conditions),
            adds=("units",),
            # A token carries what its sale says; those of a key change stand beside it.
            orders={"time": (Sale.business_date, Token.issued_at), "units": (UNITS, Sale.id)},
            lead=(Sale.business_date, Sale.id),
            tie=Token.id,
            ids=None if held is None else ids(held),
            all_ids=ids([IN_ORDER["units"] >= 0, *records.undated(asked, conditions)]),  # a reversal has no token
            figures=_figures,
        ),
    )


REPORT = Report(
    name="token-sales",
    number="P5",
    title=said("Token sales"),
    about=said("Every token that was sold, what it carries and under which key."),
    icon="fa-ticket",
    choices=Choices(
        period="this_week",
        filters=("point", "operator", "region", "type", "tariff", "meter", "consumer"),
        orders=("time", "units"),
        descending=True,
    ),
    answer=_answer,
    permission=p.READ_TOKENS,
)
