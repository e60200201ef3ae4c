"""Step three of a sale: the tokens, the postings and the receipt number, in one transaction.

Locks are taken in one order everywhere: account, meter, sale, sale_day, purchase_day.
Settling twice is impossible: the sale's own guarded update lets exactly one through.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import insert, select, update
from sqlalchemy.orm import Session, selectinload

from app.db import retried, transaction
from app.domain.states import SaleStatus, TokenKind, require_step
from app.models import CashAccount, MeterLock, Sale, Token
from app.services import postings, summaries
from app.sts.module import IssuedToken

Tokens = tuple[IssuedToken, ...]
CREDIT_CLASS = 0
KEY_CHANGE_SUBCLASSES = frozenset({3, 4, 8, 9})


class ModuleAnsweredWrong(RuntimeError):
    """The module's answer is not what was asked for; the sale stays reserved for a person."""


def settle(sale_id: int, tokens: Tokens, instant: datetime) -> None:
    """Make a reserved sale an issued one; a sale that is already settled is left as it is."""
    retried(lambda: _settle(sale_id, tokens, instant))


def fail(sale_id: int, code: str, instant: datetime) -> None:
    """Make a reserved sale a failed one and give the held money back; no postings."""
    retried(lambda: _fail(sale_id, code, instant))


def _settle(sale_id: int, tokens: Tokens, instant: datetime) -> None:
    require_step(SaleStatus.RESERVED, SaleStatus.ISSUED)
    with transaction() as session:
        sale = _load(session, sale_id)
        if sale.status is not SaleStatus.RESERVED:
            return
        carried = _carried(sale, tokens)
        receipt_number = _book(session, sale)
        session.execute(
            update(MeterLock)
            .where(MeterLock.meter_id == sale.meter_id)
            .values(last_sale_at=sale.reserved_at, last_units=carried)
            .execution_options(synchronize_session=False)
        )
        if not _move(
            session,
            sale,
            status=SaleStatus.ISSUED,
            receipt_number=receipt_number,
            carried_units=carried,
            settled_at=instant,
        ):
            session.rollback()  # somebody else settled it between our reading and our lock
            return
        sale.carried_units = carried
        session.expunge(sale)
        if tokens:
            session.execute(insert(Token), [_row(sale, n, t) for n, t in enumerate(tokens, start=1)])
        postings.post(session, sale, instant)
        summaries.add(session, sale)


def _load(session: Session, sale_id: int) -> Sale:
    return session.execute(
        select(Sale).where(Sale.id == sale_id).options(selectinload(Sale.lines)),
        execution_options={"unscoped": True, "populate_existing": True},
    ).scalar_one()


def _carried(sale: Sale, tokens: Tokens) -> int:
    """What the credit tokens of the answer really carry.  Raises ModuleAnsweredWrong."""
    carried = sum(t.amount or 0 for t in tokens if t.token_class == CREDIT_CLASS)
    if carried < sale.token_units or (carried > 0) != (sale.token_units > 0):
        raise ModuleAnsweredWrong(f"sale {sale.id}: asked for {sale.token_units}, the token carries {carried}")
    return carried


def _book(session: Session, sale: Sale) -> int:
    """Turn the hold into a debt of the vending point and draw its next receipt number."""
    drawn = session.execute(
        update(CashAccount)
        .where(CashAccount.vending_point_id == sale.vending_point_id)
        .values(
            balance=CashAccount.balance - sale.amount,
            held=CashAccount.held - sale.amount,
            receipts=CashAccount.receipts + 1,
        )
        .returning(CashAccount.receipts)
        .execution_options(synchronize_session=False)
    )
    return int(drawn.scalar_one())


def _move(session: Session, sale: Sale, **values: object) -> bool:
    """The guarded step out of RESERVED; says whether this call made it."""
    moved = session.execute(
        update(Sale)
        .where(Sale.id == sale.id, Sale.status == SaleStatus.RESERVED)
        .values(**values)
        .execution_options(synchronize_session=False)
    )
    return bool(moved.rowcount == 1)  # type: ignore[attr-defined]


def _fail(sale_id: int, code: str, instant: datetime) -> None:
    require_step(SaleStatus.RESERVED, SaleStatus.FAILED)
    with transaction() as session:
        sale = _load(session, sale_id)
        if sale.status is not SaleStatus.RESERVED:
            return
        session.execute(
            update(CashAccount)
            .where(CashAccount.vending_point_id == sale.vending_point_id)
            .values(held=CashAccount.held - sale.amount)
            .execution_options(synchronize_session=False)
        )
        if not _move(session, sale, status=SaleStatus.FAILED, failure=code[:60], settled_at=instant):
            session.rollback()


def _row(sale: Sale, position: int, token: IssuedToken) -> dict[str, object]:
    credit = token.token_class == CREDIT_CLASS
    return {
        "kind": TokenKind.CREDIT if credit else TokenKind.KEY_CHANGE,
        "sale_id": sale.id,
        "meter_id": sale.meter_id,
        "vending_point_id": sale.vending_point_id,
        "position": position,
        "digits": token.digits,
        "pan": token.pan,
        "token_class": token.token_class,
        "subclass": token.subclass,
        "base_date": token.base_date,
        "token_id": token.token_id,
        "amount": token.amount,
        "sgc": token.sgc,
        "krn": token.krn,
        "ti": token.ti,
        "ea": token.ea,
        "tct": token.tct,
        "kcv": token.kcv,
        "module_id": sale.module_id,
        "issued_at": token.issue_time or sale.reserved_at,
    }
