"""What the books say of twenty digits, as far as one person may know it.

A token is as good as cash, so only a whole one is found, never a part of it, and only one that was handed out:
its sale or act is issued.  Whose sale it is sees everything; whose region it is sees date, units and vending
point; to everybody else these digits are as unknown as any others.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, and_, func, or_, select
from sqlalchemy.orm import Session, joinedload

from app.access.scope import By, Scope, criterion
from app.domain.engineering import ActStatus
from app.domain.states import MeterType, RowScope, SaleStatus, TokenKind
from app.models import EngineeringRecord, Meter, Sale, SupplyGroupKey, Token, VendingPoint
from app.services.receipts import receipt_number, reversal_of
from app.sts import token_id as minutes
from app.sts.meter_number import drn_from_pan

UNSCOPED = {"unscoped": True, "populate_existing": True}
# So many rows of the same digits are looked at: a key-change set goes out three times, a test token often.
ROWS = 20


@dataclass(frozen=True, slots=True)
class Details:
    """What only those see whose sale or act it is.

    `amount` in base units, watts, or the raw value of a management token; `part` of `parts` in a key-change set,
    `credit_after` when a credit token follows it.  `target`: SGC, KRN, TI that the set leads to, where it is known.
    """

    kind: TokenKind
    meter_number: str | None
    person: str
    receipt: str | None
    sale_id: int | None
    act_id: int | None
    function: str | None
    amount: int | None
    token_class: int
    subclass: int
    base_date: int
    ken: int | None
    token_id: int | None
    minute: datetime | None
    part: int
    parts: int
    credit_after: bool
    times: int
    reversal: str | None
    reversal_id: int | None


@dataclass(frozen=True, slots=True)
class Found:
    """A token that was handed out: when, where, how many units (tenths) it was sold for; `details` for whose it is.

    The key data serve to judge what a meter says; pages show them with the details only.
    """

    row_id: int
    at: datetime
    point: str
    units: int | None
    meter_type: MeterType | None
    pan: str
    token_class: int
    kind: TokenKind
    token_id: int | None
    base_date: int
    spot: tuple[str, int, int]
    reversed: bool
    details: Details | None


def find(session: Session, digits: str, scope: Scope, pan: str | None = None) -> Found | None:
    """The token of these twenty digits that the asker may know most of; one of the meter `pan` before others."""
    rows = _rows(session, digits, scope)
    if not rows:
        return None

    def rank(row: Any) -> tuple[bool, bool, bool, int]:
        # A key-change set goes out several times: one slip that was taken back does not condemn the others.
        return (pan is not None and row.Token.pan == pan, bool(row.own), not row.undone, row.Token.id)

    best = max(rows, key=rank)
    times = sum(bool(row.own) and row.Token.pan == best.Token.pan for row in rows)
    return _found(session, best, times)


def later_tokens(session: Session, pan: str, base_date: int, identifier: int) -> int:
    """How many tokens with a larger id were handed out for the meter under the same base date."""
    statement = select(func.count(Token.id)).where(
        Token.pan == pan, Token.base_date == base_date, Token.token_id > identifier
    )
    return int(session.execute(statement, execution_options=UNSCOPED).scalar_one())


def something_waits(session: Session, meter_id: int) -> bool:
    """Whether a sale or an act of the meter waits: its token, if there is one, was not handed out yet."""
    sale = select(Sale.id).where(Sale.meter_id == meter_id, Sale.status == SaleStatus.RESERVED).limit(1)
    act = (
        select(EngineeringRecord.id)
        .where(EngineeringRecord.meter_id == meter_id, EngineeringRecord.status == ActStatus.RESERVED)
        .limit(1)
    )
    return any(session.execute(one, execution_options=UNSCOPED).first() is not None for one in (sale, act))


def spots_of(session: Session, meter_id: int) -> list[tuple[str, int, int]]:
    """SGC, KRN and TI under which the meter got tokens, the newest first."""
    newest = func.max(Token.id)
    statement = (
        select(Token.sgc, Token.krn, Token.ti)
        .where(Token.meter_id == meter_id, Token.sgc != "")
        .group_by(Token.sgc, Token.krn, Token.ti)
        .order_by(newest.desc())
    )
    return [(row.sgc, row.krn, row.ti) for row in session.execute(statement, execution_options=UNSCOPED)]


def expiry_of(session: Session, sgc: str, krn: int) -> int | None:
    """The key expiry number of a vending key, as far as a module has told it."""
    statement = select(func.max(SupplyGroupKey.ken)).where(SupplyGroupKey.sgc == sgc, SupplyGroupKey.krn == krn)
    found: int | None = session.execute(statement).scalar_one()
    return found


# --- inside -------------------------------------------------------------------------------


def _rows(session: Session, digits: str, scope: Scope) -> Sequence[Any]:
    """Rows that were handed out and that the asker may know of, with whether they are the asker's own."""
    wide = replace(scope, row_scope=RowScope.REGION) if scope.row_scope is RowScope.VENDING_POINT else scope
    sale_near = or_(criterion(Sale, scope), criterion(Sale, wide), criterion(Sale, scope, By.CONSUMER_REGION))
    act_near: ColumnElement[bool] = or_(criterion(EngineeringRecord, scope), criterion(EngineeringRecord, wide))
    sold = and_(Token.sale_id.is_not(None), Sale.status == SaleStatus.ISSUED, sale_near)
    made = and_(Token.engineering_id.is_not(None), EngineeringRecord.status == ActStatus.ISSUED, act_near)
    statement = (
        select(
            Token, Sale, EngineeringRecord, Meter.meter_type.label("act_type"), VendingPoint.name.label("act_point"),
            criterion(Token, scope).label("own"), Sale.undone.label("undone"),
        )
        .outerjoin(Sale, Sale.id == Token.sale_id)
        .outerjoin(EngineeringRecord, EngineeringRecord.id == Token.engineering_id)
        .outerjoin(Meter, Meter.id == EngineeringRecord.meter_id)
        .outerjoin(VendingPoint, VendingPoint.id == EngineeringRecord.vending_point_id)
        .where(Token.digits == digits, or_(sold, made))
        .options(joinedload(Sale.operator), joinedload(EngineeringRecord.operator))
        .order_by(Token.id.desc())
        .limit(ROWS)
    )  # fmt: skip
    return session.execute(statement, execution_options=UNSCOPED).all()


def _found(session: Session, row: Any, times: int) -> Found:
    token, sale = row.Token, row.Sale
    reversal = None if sale is None else reversal_of(session, sale.id)
    return Found(
        row_id=token.id,
        at=token.issued_at,
        point=(row.act_point or "") if sale is None else str(json.loads(sale.snapshot)["point"]["name"]),
        units=None if sale is None else sale.carried_units,
        meter_type=row.act_type if sale is None else sale.meter_type,
        pan=token.pan,
        token_class=token.token_class,
        kind=token.kind,
        token_id=token.token_id,
        base_date=token.base_date,
        spot=(token.sgc, token.krn, token.ti),
        reversed=reversal is not None,
        details=_details(session, row, reversal, times) if row.own else None,
    )


def _details(session: Session, row: Any, reversal: Sale | None, times: int) -> Details:
    token, sale, act = row.Token, row.Sale, row.EngineeringRecord
    part, parts, credit = _set(session, token) if token.kind is TokenKind.KEY_CHANGE else (0, 0, False)
    minute = None if token.token_id is None else minutes.issue_time(token.token_id, token.base_date)
    return Details(
        kind=token.kind,
        meter_number=drn_from_pan(token.pan) if token.pan else None,
        person=(sale or act).operator.person,
        receipt=_receipt(sale),
        sale_id=None if sale is None else sale.id,
        act_id=None if act is None else act.id,
        function=None if act is None else act.function,
        amount=token.amount,
        token_class=token.token_class,
        subclass=token.subclass,
        base_date=token.base_date,
        ken=expiry_of(session, token.sgc, token.krn) if token.sgc else None,
        token_id=token.token_id,
        minute=minute,
        part=part,
        parts=parts,
        credit_after=credit,
        times=times,
        reversal=_receipt(reversal),
        reversal_id=None if reversal is None else reversal.id,
    )


def _set(session: Session, token: Token) -> tuple[int, int, bool]:
    """Which part of how many a key-change token is, and whether a credit token follows the set."""
    of = Token.sale_id == token.sale_id if token.sale_id is not None else Token.engineering_id == token.engineering_id
    statement = select(Token.position, Token.kind).where(of)
    rows = session.execute(statement, execution_options=UNSCOPED).all()
    parts = sorted(row.position for row in rows if row.kind is TokenKind.KEY_CHANGE)
    return parts.index(token.position) + 1, len(parts), any(row.kind is not TokenKind.KEY_CHANGE for row in rows)


def _receipt(sale: Sale | None) -> str | None:
    if sale is None:
        return None
    return receipt_number(json.loads(sale.snapshot)["point"]["code"], sale.receipt_number)


def meter_in_scope(session: Session, meter_number: str, scope: Scope) -> Meter | None:
    """One of the asker's own meters by its whole number; a foreign one is none."""
    statement = select(Meter).where(Meter.meter_number == meter_number, criterion(Meter, scope))
    found: Meter | None = session.execute(statement, execution_options=UNSCOPED).scalar_one_or_none()
    return found
