"""Recount what is stored for speed from the facts, and name every difference.

Balances and debts come from postings, holds from reserved sales, postings from the lines of issued
sales, daily sums from the sales themselves.  Nothing is mended here: a difference is for a
person to look at.  It reads on a connection of its own, as of one moment, so that selling goes
on meanwhile and whoever waits can be told how far it is.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

from sqlalchemy import case, func, select, text
from sqlalchemy.orm import Session

from app.domain.ledger import CASH, entries_of_reversal, entries_of_sale
from app.domain.states import SaleKind, SaleStatus, TokenKind
from app.extensions import db
from app.models import (
    CashAccount,
    LedgerAccount,
    ModuleAnswer,
    Posting,
    PurchaseDay,
    Sale,
    SaleDay,
    SaleLine,
    Token,
)
from app.models.summaries import COUNTED
from app.services import day_sums, debts, ledger_links, month_sums
from app.services.differences import Difference, at_sale, sums_in_words
from app.services.ledger_links import grouped
from app.services.postings import owner_of
from app.services.summaries import ENERGY, FEES, TAXES

CHUNK = 2_000
EVERYTHING = {"unscoped": True}


PASSES = 3  # how often all sales are gone through: their lines, their tokens, the digits of these


Tell = Callable[[int], None]


def differences() -> list[str]:
    """Every place where the stored figures and the facts disagree, in words; empty when all is well."""
    return [str(one) for one in found()]


def found(tell: Tell | None = None) -> list[Difference]:
    """Every difference.  `tell` hears how many sales were looked at, each of them `PASSES` times."""
    db.session().rollback()
    looked = Looked(tell)
    checks: tuple[Callable[[Session], Iterator[Difference]], ...] = (
        _accounts, lambda s: _sales(s, looked), debts.difference, ledger_links.postings, ledger_links.reversals,
        lambda s: _tokens(s, looked), ledger_links.meters, ledger_links.fees, lambda s: _digits(s, looked),
        _sale_days, _purchase_days, day_sums.differences, month_sums.differences,
    )  # fmt: skip
    with Session(db.engine) as session:
        _one_moment(session)
        return [one for check in checks for one in check(session)]


class Looked:
    """How many sales were looked at so far."""

    def __init__(self, tell: Tell | None) -> None:
        self._tell, self._done = tell, 0

    def add(self, count: int) -> None:
        """So many more."""
        self._done += count
        if self._tell is not None:
            self._tell(self._done)


def _one_moment(session: Session) -> None:
    """Let every statement see the same moment, so that selling meanwhile is no difference."""
    if session.get_bind().dialect.name == "sqlite":
        session.execute(text("BEGIN"))  # NB: the driver opens no transaction for reading by itself
    else:
        session.connection(execution_options={"isolation_level": "REPEATABLE READ"})


def _accounts(session: Session) -> Iterator[Difference]:
    """Balance, hold and receipt count of every vending point."""
    cash = select(LedgerAccount.id, LedgerAccount.scope_key).where(LedgerAccount.code == CASH).subquery()
    balance: Counter[int] = Counter()
    for side, sign in ((Posting.debit_id, -1), (Posting.credit_id, 1)):
        rows = session.execute(
            select(cash.c.scope_key, func.sum(Posting.amount))
            .join(cash, cash.c.id == side)
            .group_by(cash.c.scope_key)
        )
        for point_id, amount in rows:
            balance[point_id] += sign * int(amount)
    facts = {
        point: (int(held or 0), int(receipts or 0))
        for point, held, receipts in session.execute(
            select(
                Sale.vending_point_id,
                func.sum(case((Sale.status == SaleStatus.RESERVED, Sale.amount), else_=0)),
                func.count(Sale.receipt_number),
            ).group_by(Sale.vending_point_id),
            execution_options=EVERYTHING,
        )
    }
    for account in session.execute(select(CashAccount)).scalars():
        point = account.vending_point_id
        held, receipts = facts.get(point, (0, 0))
        stored = (account.balance, account.held, account.receipts)
        counted = (balance[point], held, receipts)
        for name, is_, should in zip(("balance", "held", "receipts"), stored, counted, strict=True):
            if is_ != should:
                yield Difference("account", "point", point, {"name": name, "stored": is_, "counted": should})
    gaps = session.execute(
        select(Sale.vending_point_id, func.max(Sale.receipt_number), func.count(Sale.receipt_number))
        .where(Sale.receipt_number.is_not(None))
        .group_by(Sale.vending_point_id),
        execution_options=EVERYTHING,
    )
    for point, newest, count in gaps:
        if newest != count:
            yield Difference("receipts", "point", point, {"count": count, "newest": newest})


def _sales(session: Session, looked: Looked) -> Iterator[Difference]:
    """Lines add up to the amount; postings are those of the lines, on the sale's own accounts, of issued sales only."""
    last = 0
    while True:
        sales = session.execute(
            select(
                Sale.id, Sale.kind, Sale.amount, Sale.status, Sale.currency, Sale.business_date,
                Sale.vending_point_id, Sale.consumer_id,
            )
            .where(Sale.id > last)
            .order_by(Sale.id)
            .limit(CHUNK),
            execution_options=EVERYTHING,
        ).all()
        if not sales:
            return
        first, last = sales[0].id, sales[-1].id
        lines = grouped(
            session,
            select(SaleLine.sale_id, SaleLine.kind, SaleLine.code, SaleLine.amount)
            .where(SaleLine.sale_id.between(first, last))
            .order_by(SaleLine.sale_id, SaleLine.line_no),
        )
        debit, credit = LedgerAccount.__table__.alias(), LedgerAccount.__table__.alias()
        posted = grouped(
            session,
            select(
                Posting.sale_id, debit.c.code, debit.c.scope_key, credit.c.code, credit.c.scope_key, Posting.amount,
                Posting.entry_no, Posting.currency, Posting.business_date,
            )
            .join(debit, debit.c.id == Posting.debit_id)
            .join(credit, credit.c.id == Posting.credit_id)
            .where(Posting.sale_id.between(first, last)),
        )
        for sale in sales:
            yield from _one_sale(sale, lines.get(sale.id, []), posted.get(sale.id, []))
        looked.add(len(sales))


def _one_sale(sale: Any, lines: list[Any], posted: list[Any]) -> Iterator[Difference]:
    total = sum(amount for _kind, _code, amount in lines)
    if total != sale.amount:
        yield at_sale("lines", sale.id, counted=total, stored=sale.amount)
    wanted = []
    if sale.status is SaleStatus.ISSUED:
        entries = entries_of_sale(lines)
        if sale.kind is SaleKind.REVERSAL:
            entries = entries_of_reversal(entries)
        wanted = [
            (e.debit, owner_of(e.debit, sale), e.credit, owner_of(e.credit, sale), e.amount, e.line_no,
             sale.currency, sale.business_date)
            for e in entries
        ]  # fmt: skip
    if sorted(posted) != sorted(wanted):
        yield at_sale("postings", sale.id, status=sale.status.value)


def _tokens(session: Session, looked: Looked) -> Iterator[Difference]:
    """An issued sale of units has exactly one credit token that carries them; no other has any."""
    carriers = (
        select(Token.sale_id, func.count().label("n"), func.sum(Token.amount).label("carried"))
        .where(Token.kind == TokenKind.CREDIT)
        .group_by(Token.sale_id)
        .subquery()
    )
    rows = session.execute(
        select(
            Sale.id, Sale.kind, Sale.status, Sale.token_units, Sale.carried_units, carriers.c.n, carriers.c.carried
        )
        .outerjoin(carriers, carriers.c.sale_id == Sale.id)
        .order_by(Sale.id),
        execution_options=EVERYTHING | {"yield_per": CHUNK},
    )
    for part in rows.partitions():
        for sale_id, kind, status, units, carried_units, count, carried in part:
            wanted = 1 if kind is SaleKind.SALE and status is SaleStatus.ISSUED and units else 0
            if (count or 0) != wanted:
                yield at_sale("tokens", sale_id, status=status.value, counted=count or 0, wanted=wanted)
            elif wanted and (carried is None or int(carried) != carried_units):
                yield at_sale("carried", sale_id, counted=int(carried or 0), stored=carried_units or 0)
        looked.add(len(part))


def _digits(session: Session, looked: Looked) -> Iterator[Difference]:
    """Tokens of a module that keeps its answers here are the digits that it answered."""
    answered = session.execute(
        select(Sale.id, ModuleAnswer.tokens)
        .join(ModuleAnswer, ModuleAnswer.message_id == Sale.message_id)
        .where(Sale.status == SaleStatus.ISSUED),
        execution_options=EVERYTHING | {"yield_per": CHUNK},
    )
    for rows in answered.partitions():
        sales = [sale_id for sale_id, _ in rows]
        kept = grouped(session, select(Token.sale_id, Token.digits).where(Token.sale_id.in_(sales)))
        for sale_id, answer in rows:
            digits = sorted(row["digits"] for row in json.loads(answer))
            if digits != sorted(row[0] for row in kept.get(sale_id, [])):
                yield at_sale("digits", sale_id)
        looked.add(len(rows))


def _sale_days(session: Session) -> Iterator[Difference]:
    key = ("business_date", "vending_point_id", "region_id", "meter_type", "currency")
    yield from _days(session, SaleDay, key, Sale.point_region_id)


def _purchase_days(session: Session) -> Iterator[Difference]:
    key = ("business_date", "region_id", "meter_type", "currency")
    yield from _days(session, PurchaseDay, key, Sale.consumer_region_id)


def _days(session: Session, table: Any, key: tuple[str, ...], region: Any) -> Iterator[Difference]:
    of_sale = [region.label("region_id") if name == "region_id" else getattr(Sale, name) for name in key]
    amounts = (
        select(
            SaleLine.sale_id,
            *(
                func.sum(case((SaleLine.kind.in_(kinds), SaleLine.amount), else_=0)).label(name)
                for name, kinds in (("energy", ENERGY), ("fees", FEES), ("taxes", TAXES))
            ),
        )
        .group_by(SaleLine.sale_id)
        .subquery()
    )
    undoes = Sale.kind == SaleKind.REVERSAL
    sign = case((undoes, -1), else_=1)
    facts = session.execute(
        select(
            *of_sale,
            func.sum(case((undoes, 0), else_=1)),
            func.sum(case((undoes, 1), else_=0)),
            func.coalesce(func.sum(sign * Sale.amount), 0),
            func.coalesce(func.sum(sign * Sale.carried_units), 0),
            *(func.coalesce(func.sum(sign * amounts.c[name]), 0) for name in ("energy", "fees", "taxes")),
        )
        .join(amounts, amounts.c.sale_id == Sale.id)
        .where(Sale.status == SaleStatus.ISSUED)
        .group_by(*of_sale),
        execution_options=EVERYTHING,
    )
    size = len(key)
    counted: dict[tuple[Any, ...], tuple[int, ...]] = {}
    for row in facts:
        counted[tuple(row[:size])] = tuple(int(n) for n in row[size:])
    stored = {
        tuple(getattr(row, name) for name in key): tuple(getattr(row, name) for name in COUNTED)
        for row in session.execute(select(table)).scalars()
    }
    for where in sorted(counted.keys() | stored.keys(), key=str):
        if counted.get(where) != stored.get(where):
            about = "point" if "vending_point_id" in key else "region"
            row = where[key.index("vending_point_id" if about == "point" else "region_id")]
            named = ", ".join(str(getattr(part, "value", part)) for part in where)
            sums = {"stored": sums_in_words(stored.get(where)), "counted": sums_in_words(counted.get(where))}
            yield Difference("day", about, row, {"table": table.__tablename__, "where": named} | sums)
