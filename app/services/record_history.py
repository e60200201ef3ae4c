"""What a consumer or a meter has bought, and the tokens that were made: a page of rows, newest first.

A purchase is seen by whoever looks after the consumer's region, wherever it was made (manual P7); its
receipt opens only for whom the sale itself is.  A token is as good as cash, so it is shown only to
those who may see its sale, and only once that sale was issued.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Generic, TypeVar

from sqlalchemy import ColumnElement, Select, func, select
from sqlalchemy.orm import Session

from app.access.scope import By, Scope, criterion
from app.domain.states import MeterType, SaleKind, SaleStatus, TokenKind
from app.models import AppUser, DebtEntry, EngineeringRecord, Sale, Token
from app.services.receipts import receipt_number
from app.sts.meter_number import drn_from_pan

PAGE_SIZE = 10
PAGE_MAX = 10_000
R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class Bought:
    """One purchase: units in tenths, money in minor units of its own currency.

    `own` says whether the reader may open the sale itself.
    """

    sale_id: int
    at: datetime
    status: SaleStatus
    kind: SaleKind
    receipt: str | None
    meter_number: str
    meter_type: MeterType
    point: str
    units: int
    amount: int
    currency: str
    decimals: int
    own: bool


@dataclass(frozen=True, slots=True)
class Made:
    """One token; `amount` in base units is what a credit token carries."""

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
    """Sales under the condition `of` (a consumer's, a meter's) that the reader may know of."""
    found = (
        select(
            Sale.id, Sale.reserved_at, Sale.status, Sale.kind, Sale.receipt_number, Sale.meter_type, Sale.amount,
            Sale.currency, Sale.currency_decimals, Sale.snapshot,
            func.coalesce(Sale.carried_units, Sale.token_units).label("units"),
            criterion(Sale, scope).label("own"),
        )
        .where(of, criterion(Sale, scope, By.CONSUMER_REGION) | criterion(Sale, scope))
        .order_by(Sale.id.desc())
    )  # fmt: skip
    rows, page, more = _page(session, found, page)
    return Part(tuple(_bought(row) for row in rows), page, more)


def tokens(session: Session, scope: Scope, of: ColumnElement[bool], page: int = 0) -> Part[Made]:
    """Tokens under the condition `of` that were given to somebody and whose sale or act is the reader's."""
    acts = select(EngineeringRecord.id).where(EngineeringRecord.status == SaleStatus.ISSUED.value)
    found = (
        select(Token, Sale.meter_type)
        .outerjoin(Sale, Sale.id == Token.sale_id)
        .where(
            of,
            (Sale.status == SaleStatus.ISSUED) | Token.engineering_id.in_(acts),
            criterion(Token, scope),
        )
        .order_by(Token.id.desc())
    )
    rows, page, more = _page(session, found, page)
    return Part(tuple(_made(token, kind) for token, kind in rows), page, more)


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
    facts = json.loads(row.snapshot)
    return Bought(
        sale_id=row.id, at=row.reserved_at, status=row.status, kind=row.kind,
        receipt=receipt_number(facts["point"]["code"], row.receipt_number),
        meter_number=facts["meter"]["meter_number"], meter_type=row.meter_type, point=facts["point"]["name"],
        units=row.units, amount=row.amount, currency=row.currency, decimals=row.currency_decimals,
        own=bool(row.own),
    )  # fmt: skip


def _made(token: Token, kind: MeterType | None) -> Made:
    return Made(
        token_id=token.id, at=token.issued_at, kind=token.kind, digits=token.digits,
        meter_number=drn_from_pan(token.pan), amount=token.amount, meter_type=kind, sgc=token.sgc, krn=token.krn,
        ti=token.ti, sale_id=token.sale_id,
    )  # fmt: skip
