"""The receipt of a sale: a frozen value drawn from the sale's snapshot only.

A page or a PDF lays it out and computes nothing.  Tokens appear on it only once the sale
is issued.  Reprints are counted in rows of their own, because a sale is never changed.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from fractions import Fraction
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session, selectinload, undefer

from app.access.scope import Scope, criterion, require
from app.db import transaction
from app.domain import errors
from app.domain.calendar import day_start_utc
from app.domain.money import Currency
from app.domain.states import MeterType, SaleKind, SaleStatus, TokenKind
from app.extensions import db
from app.models import Meter, Reprint, Sale, SaleLine, TariffPlan, Token
from app.models.base import now
from app.services.snapshot import thaw

# More printers than this do not stand around one slip.
COPIES_AT_ONCE = 20


@dataclass(frozen=True, slots=True)
class Sold:
    """What a page's reference has become already: the sale, its moment and its minor units."""

    sale_id: int
    meter_number: str
    at: datetime
    amount: int
    status: SaleStatus


@dataclass(frozen=True, slots=True)
class ReceiptLine:
    """One line of the sum: amount in minor units, quantity in units, figures of its rule."""

    kind: str
    code: str
    name: str
    amount: int
    quantity: Fraction | None
    params: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class ReceiptToken:
    """Twenty digits; `amount` in base units is what the token really carries."""

    kind: str
    digits: str
    position: int
    amount: int | None
    sgc: str
    krn: int
    ti: int
    ea: int


@dataclass(frozen=True, slots=True)
class Receipt:
    """Everything the slip prints (V4 and what the field expects).

    Money is minor units of `currency`, units are tenths.  `facts` holds the snapshot's
    parts: utility, consumer, meter, point, tariff, operator.  `tokens` stand in the order in which
    they are typed into the meter: a key-change set first, the credit token last.
    """

    sale_id: int
    meter_id: int
    status: SaleStatus
    kind: SaleKind
    reference: str
    number: str | None
    reserved_at: datetime
    settled_at: datetime | None
    meter_type: MeterType
    unit: str
    currency: Currency
    amount: int
    received: int | None
    change: int | None
    token_units: int
    carried_units: int | None
    units_before: int
    lines: tuple[ReceiptLine, ...]
    tokens: tuple[ReceiptToken, ...]
    facts: Mapping[str, Any]
    copies: int
    reversed: bool
    # Whether what its snapshot says of next month holds: no other price list begins before.
    then_holds: bool = False
    # Whether its key-change set was handed out before, so that the meter may have taken it already.
    set_repeated: bool = False

    @property
    def demonstration(self) -> bool:
        """Whether the token was made with a public compliance key: no real meter takes it."""
        return bool(self.facts["demonstration_key"])


def receipt_for(sale_id: int, scope: Scope) -> Receipt:
    """The receipt of a sale of one's own.  Raises OutOfScope for any other."""
    session = db.session()
    sale = _own(session, sale_id, scope)
    facts = thaw(json.loads(sale.snapshot))
    # A meter still takes the token of a reversed sale: its money went back, so nobody sees it any more.
    shown = sale.status is SaleStatus.ISSUED and not sale.undone
    tokens = in_order(sale.tokens) if shown else ()
    return Receipt(
        sale_id=sale.id,
        meter_id=sale.meter_id,
        status=sale.status,
        kind=sale.kind,
        reference=sale.reference,
        number=receipt_number(facts["point"]["code"], sale.receipt_number),
        reserved_at=sale.reserved_at,
        settled_at=sale.settled_at,
        meter_type=sale.meter_type,
        unit=facts["unit"],
        currency=Currency(**facts["currency"]),
        amount=sale.amount,
        received=sale.received,
        change=None if sale.received is None else sale.received - sale.amount,
        token_units=sale.token_units,
        carried_units=sale.carried_units,
        units_before=facts["units_before"],
        lines=tuple(_line(line) for line in sale.lines),
        tokens=tokens,
        facts=facts,
        copies=_copies(session, sale.id),
        reversed=sale.undone,
        then_holds=bool(tokens and facts.get("then")) and not _list_begins(session, sale, facts["then"]["day"], facts),
        set_repeated=is_repeated(session, sale.tokens) if len(tokens) > 1 else False,
    )


def reversal_of(session: Session, sale_id: int) -> Sale | None:
    """The sale that undoes this one.  The caller has asked whose sale it is."""
    found: Sale | None = session.execute(
        select(Sale).where(Sale.reverses_id == sale_id), execution_options={"unscoped": True, "populate_existing": True}
    ).scalar_one_or_none()
    return found


def receipt_number(point_code: str, number: int | None) -> str | None:
    """The printed receipt number: the vending point's sign and a gapless count.

    >>> receipt_number("MKT", 413)
    'MKT-000413'
    """
    return None if number is None else f"{point_code}-{number:06d}"


def count_reprint(sale_id: int, user_id: int, scope: Scope) -> int:
    """Note one more printing of an issued sale's slip; gives the number of the copy, which no other has.

    Raises OutOfScope for a foreign sale or one that is not issued.
    """
    return draw_number(lambda: _count_once(sale_id, user_id, scope))


def draw_number(count: Callable[[], int]) -> int:
    """Draw the number of a copy, once more where somebody who printed in the same moment took it."""
    for _ in range(COPIES_AT_ONCE):
        try:
            return count()
        except IntegrityError:
            continue
    return count()


def sold_under(reference: str, vending_point_id: int | None, scope: Scope) -> Sold | None:
    """One's own sale that stands under a page's reference, or None."""
    row = db.session().execute(
        select(Sale.id, Meter.meter_number, Sale.reserved_at, Sale.amount, Sale.status)
        .join(Meter, Meter.id == Sale.meter_id)
        .where(
            Sale.reference == reference, Sale.vending_point_id == vending_point_id, criterion(Sale, scope)
        ),
        execution_options={"unscoped": True},
    ).one_or_none()
    return None if row is None else Sold(*row)


def _count_once(sale_id: int, user_id: int, scope: Scope) -> int:
    with transaction() as session:
        sale = _own(session, sale_id, scope)
        if sale.status is not SaleStatus.ISSUED:
            raise errors.OutOfScope
        number = _copies(session, sale_id) + 1
        session.add(
            Reprint(
                sale_id=sale_id, copy_number=number, user_id=user_id, printed_at=now(),
                vending_point_id=sale.vending_point_id, point_region_id=sale.point_region_id,
            )
        )  # fmt: skip
    return number


def _own(session: Session, sale_id: int, scope: Scope) -> Sale:
    sale = session.execute(
        select(Sale)
        .where(Sale.id == sale_id)
        .options(
            selectinload(Sale.lines), selectinload(Sale.tokens), selectinload(Sale.point_region), undefer(Sale.undone)
        ),
        execution_options={"unscoped": True, "populate_existing": True},
    ).scalar_one_or_none()
    if sale is None:
        raise errors.OutOfScope
    require(sale, scope)
    return sale


def _line(line: SaleLine) -> ReceiptLine:
    figures = thaw(json.loads(line.params))
    quantity = figures.pop("quantity", None)
    return ReceiptLine(line.kind, line.code, line.name, line.amount, quantity, figures)


def _token(token: Token) -> ReceiptToken:
    return ReceiptToken(
        token.kind.value, token.digits, token.position, token.amount, token.sgc, token.krn, token.ti, token.ea
    )


def in_order(tokens: Iterable[Token]) -> tuple[ReceiptToken, ...]:
    """As they are typed into the meter: it takes a token under the new key only after the key change."""
    ordered = sorted(tokens, key=lambda token: (token.kind is not TokenKind.KEY_CHANGE, token.position))
    return tuple(map(_token, ordered))


def _copies(session: Session, sale_id: int) -> int:
    return int(session.execute(select(func.count(Reprint.id)).where(Reprint.sale_id == sale_id)).scalar_one())


def _list_begins(session: Session, sale: Sale, day: date, facts: Mapping[str, Any]) -> bool:
    """Whether another plan of the sale's tariff begins between the sale and that day."""
    own = select(TariffPlan.tariff_id).where(TariffPlan.id == sale.plan_id).scalar_subquery()
    until = day_start_utc(day, facts["utility"]["time_zone"])
    found = select(TariffPlan.id).where(
        TariffPlan.tariff_id == own, TariffPlan.effective_from > sale.reserved_at, TariffPlan.effective_from <= until
    )
    return session.execute(found.limit(1)).first() is not None


def is_repeated(session: Session, tokens: Iterable[Token]) -> bool:
    """Whether the key-change set left with an earlier sale or act: without a token id, its digits are the same."""
    first = next((token for token in tokens if token.kind is TokenKind.KEY_CHANGE), None)
    if first is None:
        return False
    earlier = select(Token.id).where(
        Token.digits == first.digits, Token.meter_id == first.meter_id, Token.kind == first.kind, Token.id < first.id
    )
    return session.execute(earlier.limit(1), execution_options={"unscoped": True}).first() is not None
