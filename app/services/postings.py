"""From the lines of a sale to rows of the ledger."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, Date, Integer, String, column, literal, select, values
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from app.domain.ledger import CASH, Entry, entries_of_sale
from app.models import LedgerAccount, Posting
from app.models.base import UTCDateTime
from app.services.reserved import Reserved


def post(session: Session, sale: Reserved, instant: datetime) -> tuple[Entry, ...]:
    """Write one posting per line of the sale that is not zero."""
    entries = entries_of_sale(sale.lines)
    if entries and _write(session, sale, entries, instant) < len(entries):
        # An account is used for the first time: open what is missing, write what is left.
        _open(session, sale, {code for e in entries for code in (e.debit, e.credit)})
        _write(session, sale, entries, instant)
    return entries


def _write(session: Session, sale: Reserved, entries: tuple[Entry, ...], instant: datetime) -> int:
    """Insert the entries whose accounts exist, in one statement; how many those were."""
    listed = values(
        column("entry_no", Integer),
        column("debit", String),
        column("debit_scope", Integer),
        column("credit", String),
        column("credit_scope", Integer),
        column("amount", BigInteger),
    )
    facts = [
        (e.line_no, e.debit, _scope(e.debit, sale), e.credit, _scope(e.credit, sale), e.amount)
        for e in entries
    ]
    rows = listed.data(facts).cte("entry")  # NB: SQLite names the columns of VALUES in a CTE only
    debit, credit = LedgerAccount.__table__.alias(), LedgerAccount.__table__.alias()
    of_currency = (debit.c.currency == sale.currency) & (credit.c.currency == sale.currency)
    chosen = (
        select(
            literal(sale.sale_id, BigInteger), rows.c.entry_no, debit.c.id, credit.c.id, rows.c.amount,
            literal(sale.currency), literal(sale.business_date, Date), literal(instant, UTCDateTime),
        )
        .join(debit, (debit.c.code == rows.c.debit) & (debit.c.scope_key == rows.c.debit_scope))
        .join(credit, (credit.c.code == rows.c.credit) & (credit.c.scope_key == rows.c.credit_scope))
        .where(of_currency)
    )  # fmt: skip
    build: Any = postgresql.insert if session.get_bind().dialect.name == "postgresql" else sqlite.insert
    names = ["sale_id", "entry_no", "debit_id", "credit_id", "amount", "currency", "business_date", "posted_at"]
    written = session.execute(build(Posting).from_select(names, chosen).on_conflict_do_nothing())
    return int(written.rowcount)  # type: ignore[attr-defined]


def _scope(code: str, sale: Reserved) -> int:
    """Cash is the vending point's own; every other account is the utility's."""
    return sale.vending_point_id if code == CASH else 0


def _open(session: Session, sale: Reserved, codes: set[str]) -> None:
    """Open the accounts; two sales may open the same one at once, the second takes the first one's."""
    build: Any = postgresql.insert if session.get_bind().dialect.name == "postgresql" else sqlite.insert
    rows = [{"code": c, "scope_key": _scope(c, sale), "currency": sale.currency} for c in sorted(codes)]
    session.execute(build(LedgerAccount).values(rows).on_conflict_do_nothing())
