"""Step three of a sale: the tokens, the postings and the receipt number, in one transaction.

Locks are taken in one order everywhere: account, meter, consumer (if a debt is paid off), sale,
sale_day, purchase_day.
Settling twice is impossible: the sale's own guarded update lets exactly one through.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import ColumnElement, Insert, Integer, Update, bindparam, insert, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session
from sqlalchemy.sql.dml import ReturningUpdate

from app.db import retried, transaction
from app.domain.states import SaleStatus, TokenKind, require_step
from app.extensions import db
from app.models import CashAccount, Sale, Token
from app.services import debts, key_changes, postings, summaries
from app.services.issue import meter_asked_for, token_columns
from app.services.reserved import Reserved
from app.sts import asked
from app.sts.errors import StsError, sentence
from app.sts.module import IssuedToken

Tokens = tuple[IssuedToken, ...]
CREDIT_CLASS = 0


class ModuleAnsweredWrong(RuntimeError):
    """The module's answer is not what was asked for; the sale stays reserved for a person."""


def settle(sale: Reserved, tokens: Tokens, instant: datetime) -> None:
    """Make a reserved sale an issued one; a sale that is already settled is left as it is.

    Raises ModuleAnsweredWrong when the tokens are not what the sale asked for.
    """
    require_step(SaleStatus.RESERVED, SaleStatus.ISSUED)
    _once(sale, lambda: _settle(sale, tokens, instant))


def fail(sale: Reserved, code: str, instant: datetime) -> None:
    """Make a reserved sale a failed one and give the held money back; no postings."""
    require_step(SaleStatus.RESERVED, SaleStatus.FAILED)
    _once(sale, lambda: _fail(sale, code, instant))


def fail_unless_asked(sale: Reserved, code: str, instant: datetime, asked_at: datetime | None) -> None:
    """As `fail`, but only while nobody has sent the request again since `asked_at`: an answer may be on its way."""
    require_step(SaleStatus.RESERVED, SaleStatus.FAILED)
    same = Sale.asked_at.is_(None) if asked_at is None else Sale.asked_at == asked_at
    _once(sale, lambda: _fail(sale, code, instant, same))


def _once(sale: Reserved, work: Callable[[], None]) -> None:
    """Run `work`; when somebody else was first, that is no error.

    NB: on PostgreSQL the second of two waits for the account and then finds the hold gone,
    which the table's own constraint refuses before the sale's guard is reached.
    """
    try:
        retried(work)
    except IntegrityError as error:
        status = select(Sale.status).where(Sale.id == sale.sale_id)
        still = db.session().execute(status, execution_options={"unscoped": True}).scalar_one()
        if still is SaleStatus.RESERVED:
            # Such as a token id that this meter has had from another module.
            raise ModuleAnsweredWrong(f"sale {sale.sale_id}: the books refuse its tokens") from error


def _settle(sale: Reserved, tokens: Tokens, instant: datetime) -> None:
    carried = _carried(sale, tokens)
    with transaction() as session:
        receipt_number = draw_receipt(session, sale.vending_point_id, balance=-sale.amount, held=-sale.amount)
        key_changes.note_advice(session, sale.meter_id, tokens)
        paid_off = _pay_off(session, sale)
        if not _move(
            session,
            sale,
            status=SaleStatus.ISSUED,
            receipt_number=receipt_number,
            carried_units=carried,
            settled_at=instant,
        ):
            session.rollback()  # somebody else was first
            return
        if not paid_off:
            raise ModuleAnsweredWrong(f"sale {sale.sale_id}: its consumer owes less than it recovers")
        if tokens:
            session.execute(_tokens(), [_row(sale, n, t) for n, t in enumerate(tokens, start=1)])
        postings.post(session, sale, instant)
        summaries.add(session, sale, carried)


def _carried(sale: Reserved, tokens: Tokens) -> int:
    """What the credit tokens of the answer really carry.  Raises ModuleAnsweredWrong."""
    if sale.request is None:
        if tokens or sale.token_units:
            raise ModuleAnsweredWrong(f"sale {sale.sale_id} asked for no token")
        return 0
    request = json.loads(sale.request)
    try:
        meter, subclass, units = meter_asked_for(request), request["subclass"], request["amount"]
        difference = asked.difference(tokens, meter, CREDIT_CLASS, subclass, units)
    except StsError as error:
        difference = sentence(error)
    if difference:
        raise ModuleAnsweredWrong(f"sale {sale.sale_id}: {difference}")
    return sum(t.amount or 0 for t in tokens if t.token_class == CREDIT_CLASS)


def draw_receipt(session: Session, vending_point_id: int, *, balance: int, held: int = 0) -> int:
    """Move the vending point's account by these minor units and draw its next receipt number."""
    given = {"point_id": vending_point_id, "more": balance, "more_held": held}
    return int(session.execute(_drawing(), given).scalar_one())


@cache
def _drawing() -> ReturningUpdate[Any]:
    """Built once, because building costs more than running; so are `_moving` and `_tokens`."""
    account = CashAccount.__table__.c
    more, more_held = (bindparam(name, type_=account.balance.type) for name in ("more", "more_held"))
    return (
        update(CashAccount.__table__)
        .where(account.vending_point_id == bindparam("point_id", type_=Integer))
        .values(balance=account.balance + more, held=account.held + more_held, receipts=account.receipts + 1)
        .returning(account.receipts)
    )


def _pay_off(session: Session, sale: Reserved) -> bool:
    """Lower the consumer's debt by what the sale recovers; the reserved sale has held it until now."""
    recovered = debts.recovered(sale.lines)
    if not recovered:
        return True
    return sale.consumer_id is not None and debts.move(session, sale.consumer_id, -recovered)


def _move(session: Session, sale: Reserved, *guards: ColumnElement[bool], **values: object) -> bool:
    """The guarded step out of RESERVED; says whether this call made it."""
    step = _moving()
    moved = session.execute(step.where(*guards) if guards else step, {"of_sale": sale.sale_id, **values})
    return bool(moved.rowcount == 1)  # type: ignore[attr-defined]


@cache
def _moving() -> Update:
    """A waiting sale; what it becomes is given beside its id."""
    table = Sale.__table__
    return update(table).where(table.c.id == bindparam("of_sale"), table.c.status == SaleStatus.RESERVED)


def _fail(sale: Reserved, code: str, instant: datetime, *guards: ColumnElement[bool]) -> None:
    with transaction() as session:
        account = CashAccount.__table__
        session.execute(
            update(account)
            .where(account.c.vending_point_id == sale.vending_point_id)
            .values(held=account.c.held - sale.amount)
        )
        if not _move(session, sale, *guards, status=SaleStatus.FAILED, failure=code[:60], settled_at=instant):
            session.rollback()


@cache
def _tokens() -> Insert:
    return insert(Token.__table__)


def _row(sale: Reserved, position: int, token: IssuedToken) -> dict[str, object]:
    credit = token.token_class == CREDIT_CLASS
    return {
        "kind": TokenKind.CREDIT if credit else TokenKind.KEY_CHANGE,
        "sale_id": sale.sale_id,
        "meter_id": sale.meter_id,
        "vending_point_id": sale.vending_point_id,
        "position": position,
        **token_columns(token),
        "module_id": sale.module_id,
        "issued_at": sale.reserved_at,  # the clock; the minute asked for may run ahead of it
    }
