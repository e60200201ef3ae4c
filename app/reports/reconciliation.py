"""The reconciliation: sales, the sums of the day, the ledger and the tokens, by day and vending point.

Four books that were written apart are set side by side: the sales themselves, the sums that P1 reads, the postings on
each vending point's cash account by their own day and currency, and the credit tokens of the sales.  A reader of a part
sees the postings of the part's sales.  A difference is counted at the finest place, so that two that cancel out are
both seen; `flask ledger check` compares sale by sale.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import Select, and_, case, func, or_, select, union_all

from app.access import permissions as p
from app.access.scope import By, narrow
from app.domain.ledger import CASH
from app.domain.states import SaleKind, TokenKind
from app.models import LedgerAccount, Posting, Sale, SaleDay, Token
from app.reports.grouped import grouped, whole
from app.reports.headings import said
from app.reports.question import Choices
from app.reports.records import AMOUNT, ISSUED
from app.reports.report import Asked, Report
from app.reports.sums import NOTHING
from app.reports.table import Answer, Column, Kind

FIGURES = (
    Column("sales", said("Sales and reversals"), Kind.COUNT, 9),
    Column("amount", said("Sum of sales"), Kind.MONEY, 15),
    Column("summed", said("Sums of the day"), Kind.MONEY, 15),
    Column("ledger", said("Ledger, cash"), Kind.MONEY, 15),
    Column("differs", said("Difference"), Kind.MONEY, 13, alarm=True),
    Column("due", said("Tokens due"), Kind.COUNT, 10),
    Column("tokens", said("Tokens made"), Kind.COUNT, 10),
    Column("wrong", said("Tokens that differ"), Kind.COUNT, 10, alarm=True),
)
# What is counted of each book, by day, vending point and currency.
COUNTED = ("sales", "amount", "due", "summed", "ledger", "tokens", "wrong")


def _facts(asked: Asked) -> Select[Any]:
    """Each day of each vending point in each currency: the four books side by side, and what differs."""
    books = union_all(_sales(asked), _sums(asked), *_ledger(asked), _tokens(asked)).subquery("book")
    place = (books.c.day, books.c.point, books.c.currency)
    counted = (whole(func.sum(books.c[name])).label(name) for name in COUNTED)
    one = select(*place, *counted).group_by(*place).subquery("place").c
    summed, posted = func.abs(one.amount - one.summed), func.abs(one.amount - one.ledger)
    differs = case((summed > posted, summed), else_=posted)
    wrong = one.wrong + func.abs(one.due - one.tokens)  # a token too few and one too many are both wrong
    facts = select(
        one.day, one.point, one.currency, one.sales, one.amount, one.summed, one.ledger,
        differs.label("differs"), one.due, one.tokens, wrong.label("wrong"),
    )  # fmt: skip
    return facts.where(or_(differs != 0, wrong != 0)) if asked.question.show == "differing" else facts


def _book(of: Any, point: Any, **counted: Any) -> Select[Any]:
    """What one book counts by day, `point` and currency of the table `of`, and nothing of the others."""
    key = (of.business_date, point, of.currency)
    sums = (whole(counted.get(name, NOTHING)).label(name) for name in COUNTED)
    return select(of.business_date.label("day"), point.label("point"), of.currency, *sums).group_by(*key)


def _of_sales(asked: Asked, **counted: Any) -> Select[Any]:
    """Issued sales of the reader's."""
    period, picks = asked.question.period, asked.question.picks
    statement = _book(Sale, Sale.vending_point_id, **counted)
    statement = statement.where(ISSUED, Sale.business_date.between(period.first, period.last))
    if "point" in picks:
        statement = statement.where(Sale.vending_point_id == picks["point"])
    if "region" in picks:
        statement = statement.where(picks["region"].inside(Sale.point_region_id))
    return narrow(statement, asked.scope, By.VENDING_POINT)


def _sales(asked: Asked) -> Select[Any]:
    due = case(((Sale.kind == SaleKind.SALE) & (Sale.token_units > 0), 1), else_=0)
    return _of_sales(asked, sales=func.count(), amount=func.sum(AMOUNT), due=func.sum(due))


def _sums(asked: Asked) -> Select[Any]:
    period, picks = asked.question.period, asked.question.picks
    statement = _book(SaleDay, SaleDay.vending_point_id, summed=func.sum(SaleDay.amount)).where(
        SaleDay.business_date.between(period.first, period.last)
    )
    if "point" in picks:
        statement = statement.where(SaleDay.vending_point_id == picks["point"])
    if "region" in picks:
        statement = statement.where(picks["region"].inside(SaleDay.region_id))
    return narrow(statement, asked.scope, By.VENDING_POINT, SaleDay)


def _ledger(asked: Asked) -> list[Select[Any]]:
    """What each cash account took in, and what it gave back."""
    return [_cash(asked, Posting.debit_id, Posting.amount), _cash(asked, Posting.credit_id, -Posting.amount)]


def _cash(asked: Asked, side: Any, amount: Any) -> Select[Any]:
    """One side of the postings, by the account's own vending point."""
    period, picks = asked.question.period, asked.question.picks
    statement = _book(Posting, LedgerAccount.scope_key, ledger=func.sum(amount)).join(
        # NB: disguised, or SQLite would read all that ever moved on each account for one day of it.
        LedgerAccount, and_(LedgerAccount.id == side + 0, LedgerAccount.code == CASH)
    ).where(Posting.business_date.between(period.first, period.last))  # fmt: skip
    if "point" in picks:
        statement = statement.where(LedgerAccount.scope_key == picks["point"])
    if asked.scope.sees_all and "region" not in picks:
        return statement
    statement = statement.join(Sale, Sale.id == Posting.sale_id)
    if "region" in picks:
        statement = statement.where(picks["region"].inside(Sale.point_region_id))
    return narrow(statement, asked.scope, By.VENDING_POINT)


def _tokens(asked: Asked) -> Select[Any]:
    wrong = case((Token.amount.is_distinct_from(Sale.carried_units), 1), else_=0)
    joined = (Token.sale_id == Sale.id) & (Token.kind == TokenKind.CREDIT)
    return _of_sales(asked, tokens=func.count(), wrong=func.sum(wrong)).join(Token, joined)


def _answer(asked: Asked) -> Answer:
    table = grouped(asked, _facts(asked), FIGURES)
    at = {column.key: n for n, column in enumerate(table.columns)}
    wrong = any(row.cells[at["differs"]] or row.cells[at["wrong"]] for row in table.totals)
    notes = ("differs",) if wrong else ("agrees",) if table.entries else ()
    if not table.entries and asked.question.show == "differing":
        notes = ("same",)
    return table.answer(asked.house, table.top("amount", "ledger", "differs", "wrong"), notes)


REPORT = Report(
    name="reconciliation",
    number="",
    title=said("Reconciliation"),
    about=said("Sales, sums of the day, ledger and tokens side by side, by day and vending point."),
    icon="fa-scale-balanced",
    choices=Choices(
        shows=("all", "differing"), groups=("day", "point", "month"), thens=("point", "day", "month"),
        filters=("point", "region"), days_max=100,
    ),
    answer=_answer,
    permission=p.SEE_ACCOUNTS,
)
