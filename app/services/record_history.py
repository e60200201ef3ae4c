"""What a consumer or a meter has bought, and the tokens that were made: a page of rows, newest first.

A purchase is seen by whoever looks after the consumer's region, wherever it was made (manual P7); its
receipt opens only for whom the sale itself is, and an operator gets of another point's purchase no more
than date, units and vending point: the other columns are not read (`access.scope.told_in_full`).
A token is as good as cash, so it is shown only to those who may see its sale, and only once that sale
was issued.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Generic, TypeVar

from sqlalchemy import ColumnElement, Select, and_, case, func, select
from sqlalchemy.orm import Session

from app.access.scope import Scope, criterion, known_purchases, told_in_full
from app.domain.states import MeterType, SaleKind, SaleStatus, TokenKind
from app.models import (
    AppUser,
    DebtEntry,
    EngineeringRecord,
    Meter,
    Sale,
    Token,
    VendingPoint,
)
from app.services.receipts import receipt_number
from app.sts.meter_number import drn_from_pan

PAGE_SIZE = 10
PAGE_MAX = 10_000
R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class Bought:
    """One purchase: units in tenths, money in minor units of its own currency.

    `own` says whether the reader may open the sale itself.  Of somebody else's, which is not told in
    full, only the first five are there; `undone`: a reversal took it back.
    """

    at: datetime
    meter_number: str
    meter_type: MeterType
    point: str
    units: int
    sale_id: int | None = None
    status: SaleStatus | None = None
    kind: SaleKind | None = None
    receipt: str | None = None
    amount: int | None = None
    currency: str | None = None
    decimals: int | None = None
    undone: bool = False
    own: bool = False


@dataclass(frozen=True, slots=True)
class Made:
    """One token; `amount` in base units is what a credit token carries.

    `digits` is empty where the sale was reversed: a meter still takes them.
    """

    token_id: int
    at: datetime
    kind: TokenKind
    digits: str
    meter_number: str
    amount: int | None
    meter_type: MeterType | None
    sgc: str
    krn: int
    ti: int
    sale_id: int | None


@dataclass(frozen=True, slots=True)
class Part(Generic[R]):
    """One page of rows, and whether older ones follow."""

    rows: tuple[R, ...]
    page: int
    more: bool


def purchases(session: Session, scope: Scope, of: ColumnElement[bool], page: int = 0) -> Part[Bought]:
    """Sales under the condition `of` (a consumer's, a meter's) that the reader may know of.

    Those that are not told in full are there only while they stand: what waits or was undone is its own point's.
    """
    full = told_in_full(scope)
    in_full = (
        Sale.id, Sale.status, Sale.kind, Sale.receipt_number, Sale.amount, Sale.currency, Sale.currency_decimals,
        Sale.snapshot,
    )  # fmt: skip
    found = (
        select(
            Sale.reserved_at, Sale.meter_type, Meter.meter_number, VendingPoint.name.label("point"),
            func.coalesce(Sale.carried_units, Sale.token_units).label("units"),
            *(case((full, column)).label(column.key) for column in in_full),
            case((full, Sale.undone)).label("undone"), criterion(Sale, scope).label("own"),
        )
        .join(Meter, Meter.id == Sale.meter_id)
        .join(VendingPoint, VendingPoint.id == Sale.vending_point_id)
        .where(of, known_purchases(scope), full | _stands())
        .order_by(Sale.id.desc())
    )  # fmt: skip
    rows, page, more = _page(session, found, page)
    return Part(tuple(_bought(row) for row in rows), page, more)


def _stands() -> ColumnElement[bool]:
    """A sale whose token was made and that nobody undid."""
    return and_(Sale.status == SaleStatus.ISSUED, Sale.kind == SaleKind.SALE, ~Sale.undone)


def tokens(session: Session, scope: Scope, of: ColumnElement[bool], page: int = 0) -> Part[Made]:
    """Tokens under the condition `of` that were given to somebody and whose sale or act is the reader's."""
    acts = select(EngineeringRecord.id).where(EngineeringRecord.status == SaleStatus.ISSUED.value)
    found = (
        select(Token, Sale.meter_type, Token.shown_digits)
        .outerjoin(Sale, Sale.id == Token.sale_id)
        .where(
            of,
            (Sale.status == SaleStatus.ISSUED) | Token.engineering_id.in_(acts),
            criterion(Token, scope),
        )
        .order_by(Token.id.desc())
    )
    rows, page, more = _page(session, found, page)
    return Part(tuple(_made(token, kind, shown) for token, kind, shown in rows), page, more)


def acts(session: Session, scope: Scope, meter_id: int, page: int = 0) -> Part[EngineeringRecord]:
    """Engineering and key-change acts on a meter that are the reader's."""
    found = (
        select(EngineeringRecord)
        .where(EngineeringRecord.meter_id == meter_id, criterion(EngineeringRecord, scope))
        .order_by(EngineeringRecord.id.desc())
    )
    rows, page, more = _page(session, found, page)
    return Part(tuple(row[0] for row in rows), page, more)


def debt_entries(session: Session, consumer_id: int) -> list[tuple[DebtEntry, str | None]]:
    """The newest entries of a consumer's debt, with who made each; purchases that paid it off are not among them."""
    found = (
        select(DebtEntry, AppUser.first_name, AppUser.last_name)
        .outerjoin(AppUser, AppUser.id == DebtEntry.user_id)
        .where(DebtEntry.consumer_id == consumer_id)
        .order_by(DebtEntry.id.desc())
        .limit(PAGE_SIZE)
    )
    return [
        (entry, f"{first or ''} {last or ''}".strip() or None)
        for entry, first, last in session.execute(found, execution_options={"unscoped": True})
    ]


def _page(session: Session, found: Select[Any], page: int) -> tuple[Sequence[Any], int, bool]:
    page = min(max(page, 0), PAGE_MAX)
    # Read unscoped: every statement here names its own condition, which is wider than the wall's for purchases.
    wanted = found.offset(page * PAGE_SIZE).limit(PAGE_SIZE + 1)
    rows = session.execute(wanted, execution_options={"unscoped": True}).all()
    return rows[:PAGE_SIZE], page, len(rows) > PAGE_SIZE


def _bought(row: Any) -> Bought:
    if row.snapshot is None:
        return Bought(row.reserved_at, row.meter_number, row.meter_type, row.point, row.units)
    facts = json.loads(row.snapshot)
    return Bought(
        at=row.reserved_at, meter_number=facts["meter"]["meter_number"], meter_type=row.meter_type,
        point=facts["point"]["name"], units=row.units, sale_id=row.id, status=row.status, kind=row.kind,
        receipt=receipt_number(facts["point"]["code"], row.receipt_number), amount=row.amount,
        currency=row.currency, decimals=row.currency_decimals, undone=bool(row.undone), own=bool(row.own),
    )  # fmt: skip


def _made(token: Token, kind: MeterType | None, shown: str | None) -> Made:
    return Made(
        token_id=token.id, at=token.issued_at, kind=token.kind, digits=shown or "",
        meter_number=drn_from_pan(token.pan), amount=token.amount, meter_type=kind, sgc=token.sgc, krn=token.krn,
        ti=token.ti, sale_id=token.sale_id,
    )  # fmt: skip
