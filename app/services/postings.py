"""From the lines of a sale to rows of the ledger, and the accounts that these need."""

from __future__ import annotations

from datetime import datetime
from functools import cache
from typing import Any, Protocol

from sqlalchemy import Integer, String, bindparam, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from app.db import prepared
from app.domain.ledger import CASH, DEBT, Entry, entries_of_reversal, entries_of_sale
from app.models import LedgerAccount, Posting
from app.services.reserved import Reserved


class Owned(Protocol):
    """What of a sale says whose accounts it uses."""

    @property
    def vending_point_id(self) -> int:
        """Whose cash."""

    @property
    def consumer_id(self) -> int | None:
        """Whose debt."""


def post(session: Session, sale: Reserved, instant: datetime, *, reversal: bool = False) -> tuple[Entry, ...]:
    """Write one posting per line of the sale that is not zero; those of a reversal with their sides swapped."""
    entries = entries_of_sale(sale.lines)
    if reversal:
        entries = entries_of_reversal(entries)
    if entries and _write(session, sale, entries, instant) < len(entries):
        # An account is used for the first time: open what is missing, write what is left.
        codes = {code for e in entries for code in (e.debit, e.credit)}
        _open(session, [(code, owner_of(code, sale)) for code in sorted(codes)], sale.currency)
        _write(session, sale, entries, instant)
    return entries


def _write(session: Session, sale: Reserved, entries: tuple[Entry, ...], instant: datetime) -> int:
    """Insert the entries whose accounts exist; how many those were."""
    rows = [
        {"of_sale": sale.sale_id, "no": e.line_no, "debit": e.debit, "debit_scope": owner_of(e.debit, sale),
         "credit": e.credit, "credit_scope": owner_of(e.credit, sale), "sum": e.amount, "money": sale.currency,
         "day": sale.business_date, "instant": instant}
        for e in entries
    ]  # fmt: skip
    written = session.execute(_insert(session.get_bind().dialect.name), rows)
    return int(written.rowcount)  # type: ignore[attr-defined]


@cache
def _insert(dialect: str) -> Any:
    """One posting from the codes of its two accounts; an account that is missing writes none.

    Built once: building costs more than running.  NB: it begins with INSERT, because SQLite's
    driver counts the rows of such a statement only.
    """
    debit, credit = LedgerAccount.__table__.alias(), LedgerAccount.__table__.alias()
    posting = Posting.__table__
    facts = {
        "sale_id": "of_sale", "entry_no": "no", "amount": "sum", "currency": "money",
        "business_date": "day", "posted_at": "instant",
    }  # fmt: skip
    given = [bindparam(name, type_=posting.c[column].type) for column, name in facts.items()]
    chosen = select(debit.c.id, credit.c.id, *given).where(
        *_is(debit, "debit"), *_is(credit, "credit")
    )
    build: Any = postgresql.insert if dialect == "postgresql" else sqlite.insert
    inserted = build(posting).from_select(["debit_id", "credit_id", *facts], chosen)
    return prepared(inserted.on_conflict_do_nothing(), dialect)


def _is(account: Any, side: str) -> list[Any]:
    return [
        account.c.code == bindparam(side, type_=String),
        account.c.scope_key == bindparam(f"{side}_scope", type_=Integer),
        account.c.currency == bindparam("money", type_=String),
    ]


def owner_of(code: str, sale: Owned) -> int:
    """Whose account of this code: cash is the vending point's own, a debt the consumer's, every other the utility's."""
    if code == DEBT:
        return sale.consumer_id or 0
    return sale.vending_point_id if code == CASH else 0


def accounts(session: Session, named: list[tuple[str, int]], currency: str) -> list[int]:
    """The ids of accounts by code and owner; what does not exist is opened."""
    _open(session, named, currency)
    table = LedgerAccount.__table__.c
    return [
        session.execute(
            select(table.id).where(
                table.code == code, table.scope_key == owner, table.currency == currency
            )
        ).scalar_one()
        for code, owner in named
    ]


def _open(session: Session, named: list[tuple[str, int]], currency: str) -> None:
    """Open the accounts; two sales may open the same one at once, the second takes the first one's."""
    build: Any = postgresql.insert if session.get_bind().dialect.name == "postgresql" else sqlite.insert
    rows = [{"code": code, "scope_key": owner, "currency": currency} for code, owner in named]
    session.execute(build(LedgerAccount).values(rows).on_conflict_do_nothing())
