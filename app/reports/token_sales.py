"""P5, token sales: every token that was sold, with what it carries and under which key.

A token is as good as cash: it stands here only for whom its sale is, and only once the sale was issued.
A meter takes the token of a reversed sale as well, and its money went back: nobody sees its digits.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import case, func, select

from app.access import permissions as p
from app.access.scope import By, narrow
from app.domain.states import TokenKind
from app.models import Sale, Token
from app.reports import records
from app.reports.headings import said
from app.reports.question import Choices
from app.reports.records import RecordList, snapshot_of
from app.reports.report import Asked, Report
from app.reports.sales_records import receipt_number
from app.reports.table import Answer, Column, Figure, Kind, Row

COLUMNS = (
    Column("receipt", said("Receipt"), Kind.CODE, 15, sorts=False),
    Column("time", said("Time"), Kind.MOMENT, 18),
    Column("token", said("Token"), Kind.TOKEN, 26, sorts=False),
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


def _make(raw: Any) -> Row:
    facts = snapshot_of(raw.snapshot)
    return Row(
        (
            receipt_number(facts["point"]["code"], raw.receipt_number), raw.issued_at,
            raw.digits, raw.kind,
            facts["meter"]["meter_number"], raw.meter_type, f"{raw.sgc} · {raw.krn} · {raw.ti:02}",
            facts["point"]["name"], facts["operator"], "reversed" if raw.undone else "sold",
            None if raw.units is None else int(raw.units),
        ),
        raw.currency, raw.meter_type, sale_id=raw.sale_id,
    )  # fmt: skip


def _figures(found: Any) -> tuple[Figure, ...]:
    units: dict[Any, int] = {}
    for row in found:
        units[row[1]] = units.get(row[1], 0) + row[3]
    return (
        Figure(said("Tokens"), Kind.COUNT, sum(row[2] for row in found)),
        *(Figure(said("Units"), Kind.UNITS, units[kind], meter_type=kind) for kind in units),
    )


def _answer(asked: Asked) -> Answer:
    conditions = records.sale_conditions(asked)
    if "region" in asked.question.picks:
        conditions.append(asked.question.picks["region"].inside(Sale.point_region_id))
    rows = (
        select(
            Token.id, Token.issued_at, Token.shown_digits.label("digits"), Token.kind, Token.sgc, Token.krn, Token.ti,
            CARRIED.label("units"),
            Sale.id.label("sale_id"), Sale.receipt_number, Sale.meter_type, Sale.currency, Sale.snapshot,
            Sale.undone.label("undone"),
        )
        .join(Sale, Sale.id == Token.sale_id)
        .where(*conditions)
    )  # fmt: skip
    sums = (
        select(Sale.currency, Sale.meter_type, func.count(), func.sum(CARRIED))
        .join(Token, Token.sale_id == Sale.id)
        .where(*conditions)
        .group_by(Sale.currency, Sale.meter_type)
    )
    return records.answer(
        asked,
        RecordList(
            columns=COLUMNS,
            rows=narrow(rows, asked.scope, By.VENDING_POINT),
            make=_make,
            sums=narrow(sums, asked.scope, By.VENDING_POINT),
            adds=("units",),
            orders={"time": (Sale.business_date, Token.issued_at), "units": CARRIED},
            lead=(Sale.business_date, Sale.id),
            tie=Token.id,
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
