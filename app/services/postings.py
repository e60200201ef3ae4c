"""From the lines of a sale to rows of the ledger."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from sqlalchemy import insert, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from app.domain.ledger import CASH, Entry, entries_of_sale
from app.models import LedgerAccount, Posting
from app.services.reserved import Reserved


def post(session: Session, sale: Reserved, instant: datetime) -> tuple[Entry, ...]:
    """Write one posting per line of the sale that is not zero."""
    entries = entries_of_sale(sale.lines)
    if not entries:
        return ()
    accounts = _accounts(session, sale, {code for e in entries for code in (e.debit, e.credit)})
    rows = [
        {"sale_id": sale.sale_id, "entry_no": entry.line_no, "debit_id": accounts[entry.debit],
         "credit_id": accounts[entry.credit], "amount": entry.amount, "currency": sale.currency,
         "business_date": sale.business_date, "posted_at": instant}
        for entry in entries
    ]  # fmt: skip
    session.execute(insert(Posting), rows)
    return entries


def _accounts(session: Session, sale: Reserved, codes: Iterable[str]) -> dict[str, int]:
    """Ids of the accounts by code, opened on first use; cash is the vending point's own."""
    wanted = {(code, sale.vending_point_id if code == CASH else 0) for code in codes}
    found = _find(session, sale.currency, wanted)
    missing = [pair for pair in sorted(wanted) if pair not in found]
    if missing:
        build: Any = postgresql.insert if session.get_bind().dialect.name == "postgresql" else sqlite.insert
        rows = [{"code": code, "scope_key": key, "currency": sale.currency} for code, key in missing]
        # Two sales may open the same account at once: the second takes the first one's row.
        session.execute(build(LedgerAccount).values(rows).on_conflict_do_nothing())
        found = _find(session, sale.currency, wanted)
    return {code: account for (code, _key), account in found.items()}


def _find(session: Session, currency: str, wanted: set[tuple[str, int]]) -> dict[tuple[str, int], int]:
    rows = session.execute(
        select(LedgerAccount.code, LedgerAccount.scope_key, LedgerAccount.id).where(
            LedgerAccount.currency == currency,
            LedgerAccount.code.in_({code for code, _ in wanted}),
            LedgerAccount.scope_key.in_({key for _, key in wanted}),
        )
    )
    return {(code, key): account for code, key, account in rows if (code, key) in wanted}
