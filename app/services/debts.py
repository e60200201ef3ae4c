"""Old debts of consumers: how they come into the books, what waits for them, how purchases pay them off.

`consumer.debt_minor` is kept for speed and recounted from postings: each consumer has an account
`debt` of their own.  A sale that is reserved holds what it will recover, so that two meters of one
consumer never recover the same money; the consumer's row is the lock, after the meter's.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import Select, bindparam, func, select, update
from sqlalchemy.orm import Session

from app.db import transaction
from app.domain import errors
from app.domain.calendar import business_date
from app.domain.ledger import DEBT, DEBT_OPENED
from app.domain.quote import LineKind
from app.domain.states import SaleStatus
from app.models import (
    Consumer,
    Currency,
    DebtEntry,
    LedgerAccount,
    Posting,
    Sale,
    SaleLine,
    Settings,
)
from app.models.base import now
from app.services import postings
from app.services.differences import Difference

EVERYBODY = {"unscoped": True}


@dataclass(frozen=True, slots=True)
class Opening:
    """A debt that comes into the books (minor units above 0), or what is taken back of it (below).

    `reference` is made by whoever enters it: the same one is the same entry, however often it comes.
    """

    consumer_id: int
    amount_minor: int
    reason: str
    reference: str
    user_id: int | None = None


def opening_balance(
    consumer_id: int, amount_minor: int, reason: str, reference: str, user_id: int | None = None
) -> int:
    """Enter a debt in a transaction of its own; the id of its entry.

    Raises what `post_opening` raises.
    """
    with transaction() as session:
        return post_opening(session, Opening(consumer_id, amount_minor, reason, reference, user_id))


def post_opening(session: Session, opening: Opening, instant: datetime | None = None) -> int:
    """Enter a debt in the transaction that is open; the id of its entry, also of an earlier one.

    Raises OutOfScope for an unknown consumer, NotPositive for 0, DebtTooSmall when more is taken
    back than is owed and no sale waits for, ReferenceTaken when another entry has the reference.
    """
    if not opening.amount_minor:
        raise errors.NotPositive(text="0")
    if lock(session, opening.consumer_id) is None:
        raise errors.OutOfScope
    known = session.execute(select(DebtEntry).where(DebtEntry.reference == opening.reference)).scalar_one_or_none()
    if known is not None:
        if (known.consumer_id, known.amount) != (opening.consumer_id, opening.amount_minor):
            raise errors.ReferenceTaken(reference=opening.reference)
        return known.id
    left = owed(session, opening.consumer_id)
    if left + opening.amount_minor < 0:
        raise errors.DebtTooSmall(left=left)
    at = instant or now()
    currency, posting_id = _post(session, opening, at)
    move(session, opening.consumer_id, opening.amount_minor)
    entry = DebtEntry(
        reference=opening.reference,
        consumer_id=opening.consumer_id,
        posting_id=posting_id,
        amount=opening.amount_minor,
        currency=currency,
        reason=opening.reason[:200],
        user_id=opening.user_id,
        entered_at=at,
    )
    session.add(entry)
    session.flush()
    return entry.id


def _post(session: Session, opening: Opening, at: datetime) -> tuple[str, int]:
    """The posting of an entry: its currency and its id."""
    zone, currency = session.execute(
        select(Settings.time_zone, Currency.code).join(Currency, Settings.currency_id == Currency.id)
    ).one()
    pair = [(DEBT, opening.consumer_id), (DEBT_OPENED, 0)]
    ids = postings.accounts(session, pair, currency)
    debit, credit = ids if opening.amount_minor > 0 else reversed(ids)
    row = Posting(
        entry_no=1, debit_id=debit, credit_id=credit, amount=abs(opening.amount_minor),
        currency=currency, business_date=business_date(at, zone), posted_at=at,
    )  # fmt: skip
    session.add(row)
    session.flush()
    return currency, row.id


def lock(session: Session, consumer_id: int) -> int | None:
    """Wait for every other change of this consumer's debt; the debt, or None without such a consumer.

    NB: sales of the consumer only refer to the row and need not wait (FOR NO KEY UPDATE).  SQLite
    has the write lock already.
    """
    found = select(Consumer.debt_minor).where(Consumer.id == consumer_id).with_for_update(key_share=True)
    return session.execute(found, execution_options=EVERYBODY).scalar_one_or_none()


def owed(session: Session, consumer_id: int) -> int:
    """The minor units that the next purchase may recover: the debt without what waiting sales hold."""
    row = session.execute(_owed(), {"consumer_id": consumer_id}, execution_options=EVERYBODY).one()
    return max(int(row.debt_minor) - int(row.held), 0)


@cache
def _owed() -> Select[Any]:
    held = (
        select(func.coalesce(func.sum(SaleLine.amount), 0))
        .join(Sale, Sale.id == SaleLine.sale_id)
        .where(
            Sale.consumer_id == bindparam("consumer_id"),
            Sale.status == SaleStatus.RESERVED,
            SaleLine.kind == LineKind.DEBT.value,
        )
    )
    return select(Consumer.debt_minor, held.scalar_subquery().label("held")).where(
        Consumer.id == bindparam("consumer_id")
    )


def recovered(lines: Iterable[tuple[str, str, int]]) -> int:
    """The minor units of a sale's lines (kind, code, amount) that pay off the debt."""
    return sum(amount for kind, _code, amount in lines if kind == LineKind.DEBT)


def move(session: Session, consumer_id: int, amount_minor: int) -> bool:
    """Raise (or lower) a debt, never below nought; says whether it could be.

    NB: neither version nor time of change of the consumer moves, so that nobody who edits the
    consumer's address meanwhile has to start again.
    """
    table = Consumer.__table__
    moved = session.execute(
        update(table)
        .where(table.c.id == consumer_id, table.c.debt_minor + amount_minor >= 0)
        .values(debt_minor=table.c.debt_minor + amount_minor, changed_at=table.c.changed_at)
    )
    return bool(moved.rowcount == 1)  # type: ignore[attr-defined]


def difference(session: Session) -> Iterator[Difference]:
    """Where debts as stored are not what their postings come to (for the ledger check)."""
    account = LedgerAccount.__table__.c
    counted: dict[int, int] = {}
    for side, sign in ((Posting.debit_id, 1), (Posting.credit_id, -1)):
        sums = session.execute(
            select(account.scope_key, func.sum(Posting.amount))
            .join(Posting, side == account.id)
            .where(account.code == DEBT)
            .group_by(account.scope_key)
        )
        for consumer_id, amount in sums:
            counted[consumer_id] = counted.get(consumer_id, 0) + sign * int(amount)
    indebted = select(Consumer.id, Consumer.debt_minor).where(Consumer.debt_minor != 0)
    stored = {row.id: row.debt_minor for row in session.execute(indebted, execution_options=EVERYBODY)}
    for key in sorted(stored.keys() | counted.keys()):
        if stored.get(key, 0) != counted.get(key, 0):
            facts = {"stored": stored.get(key, 0), "counted": counted.get(key, 0)}
            yield Difference("debt", "consumer", key, facts)
