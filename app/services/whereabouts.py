"""What became of it?  From any reference that somebody holds to the sales that stand under it.

A reference is what a page made, a pending slip shows, a receipt number says, or the beginning of a message id in
a module's log.  Only one's own sales answer: a foreign reference is like one that was never seen.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, and_, func, or_, select
from sqlalchemy.orm import aliased, joinedload

from app.access.scope import Scope, criterion
from app.domain.states import SaleKind, SaleStatus
from app.extensions import db
from app.models import Sale, VendingPoint
from app.models.base import now
from app.services.decisions import RELEASED, cause
from app.services.receipts import receipt_number
from app.services.restores import last_restore

SHORTEST = 8  # signs of a reference or message id that is not whole
LONGEST = 80  # a whole one, in groups as the slip has it
MOST = 5  # sales under one beginning; whoever sees so many types more of it
RECEIPT = re.compile(r"(?:([^\W_][\w.]*)[-\s]+)?0*([0-9]{1,9})").fullmatch


@dataclass(frozen=True, slots=True)
class Became:
    """One sale and what became of it.  Money in minor units of its own currency, units in tenths.

    `undone_by` is the sale that reversed it, `undoes` the one that this one reversed; `due`: it waits too
    long to be resolved, two people decide; `released`: two people have.
    """

    sale_id: int
    status: SaleStatus
    reference: str
    receipt: str | None
    at: datetime
    settled_at: datetime | None
    amount: int
    currency: str
    decimals: int
    units: int
    unit: str
    meter_number: str
    consumer: str
    point: str
    module: str | None
    failure: str | None
    due: bool = False
    undone_by: int | None = None
    undone_at: datetime | None = None
    undoes: int | None = None

    @property
    def released(self) -> bool:
        """Whether two people gave the money back."""
        return self.failure == RELEASED


def what_became(text: str, scope: Scope, memory: timedelta, instant: datetime | None = None) -> tuple[Became, ...]:
    """Every sale of one's own that `text` can mean, the newest first; none is also the answer for a foreign one.

    `memory` is how long a module remembers whose row does not say.
    """
    # A slip from right to left holds its figures together with signs that nobody sees.
    seen = "".join(sign for sign in text if unicodedata.category(sign) != "Cf")
    typed = " ".join(seen.split())[:LONGEST]
    meant = list(_meant(typed, scope))
    if not meant:
        return ()
    undoing = aliased(Sale, Sale.__table__.alias())
    found = (
        select(Sale, undoing.id, undoing.settled_at)
        .outerjoin(undoing, undoing.reverses_id == Sale.id)
        .where(or_(*meant), criterion(Sale, scope))
        .options(joinedload(Sale.module))
        .order_by(Sale.id.desc())
        .limit(MOST)
    )
    rows = db.session().execute(found, execution_options={"unscoped": True, "populate_existing": True}).all()
    restored = last_restore(db.session()) if any(row[0].status is SaleStatus.RESERVED for row in rows) else None
    return tuple(
        _became(sale, by, at, bool(cause(sale, memory, restored, instant or now()))) for sale, by, at in rows
    )


def _meant(typed: str, scope: Scope) -> Iterator[ColumnElement[bool]]:
    """Each thing that was typed can be, as a condition; every one of them is a range of an index."""
    receipt = RECEIPT(typed)
    if receipt is not None:
        code, number = receipt.group(1), int(receipt.group(2))
        if code is not None:
            points = select(VendingPoint.id).where(func.lower(VendingPoint.code) == code.lower())
            yield and_(Sale.vending_point_id.in_(points), Sale.receipt_number == number)
        elif scope.vending_point_id is not None:  # without its sign: the receipt of one's own counter
            yield and_(Sale.vending_point_id == scope.vending_point_id, Sale.receipt_number == number)
    joined = typed.replace(" ", "")
    if len(joined) >= SHORTEST:
        everywhere = Sale.vending_point_id.in_(select(VendingPoint.id))  # the index begins with the point
        yield and_(everywhere, Sale.reference.startswith(joined, autoescape=True))
        yield Sale.message_id.startswith(joined.lower(), autoescape=True)


def _became(sale: Sale, undone_by: int | None, undone_at: datetime | None, due: bool) -> Became:
    facts = json.loads(sale.snapshot)
    consumer = facts.get("consumer") or {}
    return Became(
        sale_id=sale.id, status=sale.status, reference=sale.reference,
        receipt=receipt_number(facts["point"]["code"], sale.receipt_number), at=sale.reserved_at,
        settled_at=sale.settled_at, amount=sale.amount, currency=sale.currency, decimals=sale.currency_decimals,
        units=sale.token_units if sale.carried_units is None else sale.carried_units, unit=facts["unit"],
        meter_number=facts["meter"]["meter_number"], consumer=consumer.get("name") or "", point=facts["point"]["name"],
        module=None if sale.module is None else sale.module.name, failure=sale.failure, due=due,
        undone_by=undone_by, undone_at=undone_at,
        undoes=sale.reverses_id if sale.kind is SaleKind.REVERSAL else None,
    )  # fmt: skip
