"""The reconciliation: sales, the sums of the day, the ledger and the tokens, by day and vending point.

Four books that were written apart are counted apart and set side by side: the sales themselves, the
sums that P1 reads, the postings on the vending point's cash account, and the credit tokens that the
modules made.  A difference is counted at the finest place, so that two that cancel out are both seen.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import Any

from sqlalchemy import Select, case, func, select

from app.access import permissions as p
from app.access.scope import By, narrow
from app.domain.ledger import CASH
from app.domain.states import SaleKind, TokenKind
from app.models import LedgerAccount, Posting, Sale, SaleDay, Token
from app.reports import names
from app.reports.headings import said
from app.reports.names import UNSCOPED
from app.reports.period import GROUPS, cut, piece
from app.reports.question import Choices
from app.reports.records import AMOUNT, ISSUED
from app.reports.report import ROWS_MAX, Asked, Report, TooMany
from app.reports.shaping import Leaf, table
from app.reports.statistics import CURRENCY, KEYS
from app.reports.table import Answer, Column, Figure, Kind, listed

FIGURES = (
    Column("sales", said("Sales and reversals"), Kind.COUNT, 9),
    Column("amount", said("Sum of sales"), Kind.MONEY, 15),
    Column("summed", said("Sums of the day"), Kind.MONEY, 15),
    Column("ledger", said("Ledger, cash"), Kind.MONEY, 15),
    Column("differs", said("Difference"), Kind.MONEY, 13),
    Column("due", said("Tokens due"), Kind.COUNT, 10),
    Column("tokens", said("Tokens made"), Kind.COUNT, 10),
    Column("wrong", said("Tokens that differ"), Kind.COUNT, 10),
)
NAMES = tuple(column.key for column in FIGURES)
Where = tuple[date, int, str]


def _facts(asked: Asked) -> dict[Where, dict[str, int]]:
    """Each book by day, vending point and currency."""
    found: dict[Where, dict[str, int]] = {}
    for statement, columns in ((_sales(asked), ("sales", "amount", "due")), (_sums(asked), ("summed",)),
                               (_ledger(asked), ("ledger",)), (_tokens(asked), ("tokens", "wrong"))):  # fmt: skip
        for row in asked.session.execute(statement, execution_options=UNSCOPED):
            kept = found.setdefault((row[0], row[1], row[2]), {})
            for name, value in zip(columns, row[3:], strict=True):
                kept[name] = kept.get(name, 0) + int(value or 0)
    return found


def _of_sales(asked: Asked, *columns: Any) -> Select[Any]:
    """Issued sales of the reader's by day, point and currency."""
    period, picks = asked.question.period, asked.question.picks
    key = (Sale.business_date, Sale.vending_point_id, Sale.currency)
    statement = (
        select(*key, *columns)
        .where(ISSUED, Sale.business_date.between(period.first, period.last))
        .group_by(*key)
    )
    if "point" in picks:
        statement = statement.where(Sale.vending_point_id == picks["point"])
    if "region" in picks:
        statement = statement.where(picks["region"].inside(Sale.point_region_id))
    return narrow(statement, asked.scope, By.VENDING_POINT)


def _sales(asked: Asked) -> Select[Any]:
    due = case(((Sale.kind == SaleKind.SALE) & (Sale.token_units > 0), 1), else_=0)
    return _of_sales(asked, func.count(), func.sum(AMOUNT), func.sum(due))


def _sums(asked: Asked) -> Select[Any]:
    period, picks = asked.question.period, asked.question.picks
    key = (SaleDay.business_date, SaleDay.vending_point_id, SaleDay.currency)
    statement = (
        select(*key, func.sum(SaleDay.amount))
        .where(SaleDay.business_date.between(period.first, period.last))
        .group_by(*key)
    )
    if "point" in picks:
        statement = statement.where(SaleDay.vending_point_id == picks["point"])
    if "region" in picks:
        statement = statement.where(picks["region"].inside(SaleDay.region_id))
    return narrow(statement, asked.scope, By.POINT_REGION, SaleDay)


def _ledger(asked: Asked) -> Select[Any]:
    """What the cash accounts took in less what they gave back, by the sale that it is for."""
    cash = select(LedgerAccount.id).where(LedgerAccount.code == CASH)
    taken = case((Posting.debit_id.in_(cash), Posting.amount), (Posting.credit_id.in_(cash), -Posting.amount), else_=0)
    return _of_sales(asked, func.sum(taken)).join(Posting, Posting.sale_id == Sale.id)


def _tokens(asked: Asked) -> Select[Any]:
    wrong = case((Token.amount != Sale.carried_units, 1), else_=0)
    joined = (Token.sale_id == Sale.id) & (Token.kind == TokenKind.CREDIT)
    return _of_sales(asked, func.count(), func.sum(wrong)).join(Token, joined)


def _leaves(asked: Asked, found: dict[Where, dict[str, int]]) -> Iterator[Leaf]:
    question = asked.question
    points = names.points(asked.session, {point for _day, point, _currency in found})

    def told(key: str, day: date, point: int) -> tuple[tuple[Any, Any], dict[str, str]]:
        if key in GROUPS:
            first = cut(day, key, asked.house.first_weekday)
            span = piece(first, key, question.period, asked.house.first_weekday)
            return (first, first), {"from": span.first.isoformat(), "to": span.last.isoformat()}
        code, words = points.get(point, ("", "?"))
        return ((words, point), words), {"point": code}

    for (day, point, currency), kept in found.items():
        amount, summed, ledger = (kept.get(name, 0) for name in ("amount", "summed", "ledger"))
        kept["differs"] = max(abs(amount - summed), abs(amount - ledger))
        # A token too few and one too many are both wrong.
        kept["wrong"] = kept.get("wrong", 0) + abs(kept.get("due", 0) - kept.get("tokens", 0))
        keys = [told(key, day, point) for key in (question.group, question.then) if key]
        led = {name: value for _key, asks in keys for name, value in asks.items()}
        yield Leaf(tuple(key for key, _asks in keys), tuple(kept.get(name, 0) for name in NAMES), currency, led)


def _answer(asked: Asked) -> Answer:
    found = _facts(asked)
    leaves = list(_leaves(asked, found))
    currencies = {leaf.currency for leaf in leaves}
    keys = [KEYS[name] for name in (asked.question.group, asked.question.then) if name]
    columns = (*keys, *([CURRENCY] if len(currencies) > 1 else []), *FIGURES)
    rows, totals = table(columns, leaves, NAMES)
    if len(rows) > ROWS_MAX:
        raise TooMany(ROWS_MAX)
    at = {column.key: n for n, column in enumerate(columns)}
    figures = tuple(
        Figure(title, kind, row.cells[at[key]], row.currency)
        for row in totals
        for title, kind, key in (
            (said("Sum of sales"), Kind.MONEY, "amount"), (said("Ledger, cash"), Kind.MONEY, "ledger"),
            (said("Difference"), Kind.MONEY, "differs"), (said("Tokens that differ"), Kind.COUNT, "wrong"),
        )
    )  # fmt: skip
    wrong = any(row.cells[at["differs"]] or row.cells[at["wrong"]] for row in totals)
    return Answer(
        columns=columns, count=len(rows), rows=listed(rows), totals=tuple(totals), decimals=asked.house.decimals,
        figures=figures, notes=("differs",) if wrong else ("agrees",) if rows else (),
    )  # fmt: skip


REPORT = Report(
    name="reconciliation",
    number="",
    title=said("Reconciliation"),
    about=said("Sales, sums of the day, ledger and tokens side by side, by day and vending point."),
    icon="fa-scale-balanced",
    choices=Choices(
        groups=("day", "point", "month"), thens=("point", "day", "month"), filters=("point", "region"), days_max=100
    ),
    answer=_answer,
    permission=p.SEE_ACCOUNTS,
)
