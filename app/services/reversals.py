"""Undo a sale whose token was not handed over: a linked sale of its own with the counter-entries.

Nothing is edited or deleted.  One person proposes with a reason; where the installation wants four eyes another
one approves, and then it is booked in one transaction: the vending point's account, the debt, postings with
their sides swapped, the daily sums of the day of the reversal, a receipt number.  Fees and steps open again by
themselves, because a reversed sale no longer stands (`facts`).
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import func, insert, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session, aliased, selectinload

from app.access.scope import Scope, criterion
from app.db import retried, transaction
from app.domain import errors
from app.domain.calendar import business_date
from app.domain.states import SaleKind, SaleStatus
from app.extensions import db
from app.models import AppUser, ReversalRequest, Sale, SaleLine, Settings
from app.models.base import now
from app.services import debts, postings, summaries
from app.services.decisions import sale_of
from app.services.four_eyes import needs_second_person, require_two
from app.services.receipts import reversal_of
from app.services.reserve import lock_meter
from app.services.reserved import facts_of
from app.services.settle import draw_receipt

FUNCTION = "reversal"
PROPOSED, DONE, DECLINED = "proposed", "done", "declined"
WAITING_MAX = 10


@dataclass(frozen=True, slots=True)
class Told:
    """One request with the names of its people, as pages tell it."""

    id: int
    status: str
    reason: str
    not_handed_over: bool
    proposed_by: int
    proposer: str
    proposed_at: datetime
    decider: str | None
    decided_at: datetime | None


@dataclass(frozen=True, slots=True)
class Waiting:
    """One open request, for whoever may answer it."""

    sale_id: int
    reason: str
    proposer: str
    proposed_at: datetime


@dataclass(frozen=True, slots=True)
class Asking:
    """Somebody with open requests: how many, and the oldest sale of those."""

    person: int
    name: str
    requests: int
    sale_id: int


def require_reversible(sale: Sale) -> None:
    """Refuse what cannot be undone.  Raises NotReversible ('waiting', 'failed', 'reversal', 'reversed')."""
    if sale.kind is SaleKind.REVERSAL:
        raise errors.NotReversible(reason="reversal")
    if sale.status is SaleStatus.RESERVED:
        raise errors.NotReversible(reason="waiting")
    if sale.status is SaleStatus.FAILED:
        raise errors.NotReversible(reason="failed")
    if reversal_of(db.session(), sale.id) is not None:
        raise errors.NotReversible(reason="reversed")


def requests_on(sale_id: int) -> list[Told]:
    """Every request to undo a sale, oldest first.  The caller has asked whose sale it is."""
    proposer, decider = aliased(AppUser), aliased(AppUser)
    found = (
        select(ReversalRequest, proposer, decider)
        .join(proposer, proposer.id == ReversalRequest.proposed_by)
        .outerjoin(decider, decider.id == ReversalRequest.decided_by)
        .where(ReversalRequest.sale_id == sale_id)
        .order_by(ReversalRequest.id)
    )
    rows = db.session().execute(found, execution_options={"populate_existing": True})
    return [
        Told(row.id, row.status, row.reason, row.not_handed_over, row.proposed_by, first.person, row.proposed_at,
             None if second is None else second.person, row.decided_at)
        for row, first, second in rows
    ]  # fmt: skip


def asking(scope: Scope) -> list[Asking]:
    """Who else has open requests on sales of one's own, and how many; whose are oldest first."""
    first = func.min(ReversalRequest.id)
    rows = db.session().execute(
        select(AppUser, func.count(ReversalRequest.id), func.min(ReversalRequest.sale_id))
        .join(ReversalRequest, AppUser.id == ReversalRequest.proposed_by)
        .where(*_others_open(scope))
        .group_by(AppUser.id)
        .order_by(first)
    )
    return [Asking(user.id, user.person, int(count), int(sale_id)) for user, count, sale_id in rows]


def waiting(scope: Scope, people: Iterable[int]) -> list[Waiting]:
    """Open requests of these other people on sales of one's own, oldest first; at most ten."""
    rows = db.session().execute(
        select(ReversalRequest.sale_id, ReversalRequest.reason, AppUser, ReversalRequest.proposed_at)
        .join(AppUser, AppUser.id == ReversalRequest.proposed_by)
        .where(*_others_open(scope), ReversalRequest.proposed_by.in_(list(people)))
        .order_by(ReversalRequest.id)
        .limit(WAITING_MAX)
    )
    return [Waiting(sale_id, reason, user.person, at) for sale_id, reason, user, at in rows]


def _others_open(scope: Scope) -> tuple[Any, ...]:
    """Open, asked by others, on sales of one's own.

    NB: asked of each request; joined, SQLite would begin with every sale of the region.
    """
    own = select(Sale.id).where(Sale.id == ReversalRequest.sale_id, criterion(Sale, scope)).correlate(ReversalRequest)
    return ReversalRequest.status == PROPOSED, own.exists(), ReversalRequest.proposed_by != scope.user_id


def propose(
    sale_id: int, reason: str, scope: Scope, clock: Callable[[], datetime] = now, *, not_handed_over: bool
) -> int | None:
    """Ask to undo a sale of one's own; where no second person is wanted it is done at once.

    `not_handed_over`: the person says that nobody outside has its token; asked of every sale that has one.
    Gives the id of the reversal, or None while a second person has to approve.
    Raises OutOfScope, NotReversible (also 'handed_over'), ProposalOpen.
    """
    if not reason.strip() or scope.user_id is None:
        raise AssertionError("a reversal has a reason and a person")
    try:
        with transaction() as session:
            sale = sale_of(sale_id, scope)
            require_reversible(sale)
            if sale.token_units and not not_handed_over:
                raise errors.NotReversible(reason="handed_over")
            request = ReversalRequest(
                sale_id=sale_id, reason=reason.strip()[:200], not_handed_over=bool(sale.token_units),
                proposed_by=scope.user_id, proposed_at=clock(),
            )  # fmt: skip
            session.add(request)
            session.flush()
            request_id, second = request.id, needs_second_person(session, FUNCTION)
    except IntegrityError as taken:
        raise errors.ProposalOpen from taken
    return None if second else _carry_out(sale_id, request_id, scope, clock, four_eyes=False)


def approve(sale_id: int, request_id: int, scope: Scope, clock: Callable[[], datetime] = now) -> int:
    """Agree to somebody else's request; the id of the reversal.

    Raises OutOfScope, ProposalClosed, FourEyes, SameHand, NotReversible.
    """
    return _carry_out(sale_id, request_id, scope, clock, four_eyes=True)


def decline(
    sale_id: int, request_id: int, scope: Scope, clock: Callable[[], datetime] = now, *, may_approve: bool = True
) -> None:
    """Refuse a request, or take one's own back; somebody else's refuses who may approve it.

    Raises OutOfScope, ProposalClosed, NotAllowed.
    """
    with transaction() as session:
        sale_of(sale_id, scope)
        request = _open(session, sale_id, request_id)
        if request.proposed_by != _person(scope) and not may_approve:
            raise errors.NotAllowed
        request.status, request.decided_by, request.decided_at = DECLINED, _person(scope), clock()


# --- booking it ---------------------------------------------------------------------------


def _carry_out(
    sale_id: int, request_id: int, scope: Scope, clock: Callable[[], datetime], *, four_eyes: bool
) -> int:
    try:
        return retried(lambda: _book(sale_id, request_id, scope, clock(), four_eyes=four_eyes))
    except IntegrityError as twice:
        if reversal_of(db.session(), sale_id) is not None:
            raise errors.NotReversible(reason="reversed") from twice
        raise


def _book(sale_id: int, request_id: int, scope: Scope, instant: datetime, *, four_eyes: bool) -> int:
    """One transaction; locks in the order of every sale: account, meter, consumer, sale, days."""
    person = _person(scope)
    sale_of(sale_id, scope)
    with transaction() as session:
        sale = session.execute(
            select(Sale).where(Sale.id == sale_id).options(selectinload(Sale.lines), selectinload(Sale.meter)),
            execution_options={"unscoped": True, "populate_existing": True},
        ).scalar_one()
        receipt_number = draw_receipt(session, sale.vending_point_id, balance=sale.amount)
        lock_meter(session, sale.meter.meter_number)
        request = _open(session, sale_id, request_id)
        require_reversible(sale)
        if four_eyes:
            require_two(session, request.proposed_by, person, instant)
        request.status, request.decided_by, request.decided_at = DONE, person, instant
        reversal = _row(session, sale, request, receipt_number, instant)
        session.add(reversal)
        session.flush()
        lines = _copy_lines(session, sale, reversal.id)
        facts = facts_of(reversal, lines)
        recovered = debts.recovered(lines)
        if recovered and sale.consumer_id is not None:
            debts.move(session, sale.consumer_id, recovered)
        postings.post(session, facts, instant, reversal=True)
        summaries.add(session, facts, -(sale.carried_units or 0), reversal=True)
        return reversal.id


def _row(
    session: Session, sale: Sale, request: ReversalRequest, receipt_number: int, instant: datetime
) -> Sale:
    """The linked sale: of today, at the place of the sale; its operator is who asked, and hands the money back."""
    zone = session.execute(select(Settings.time_zone).where(Settings.id == 1)).scalar_one()
    undone = {
        "receipt_number": sale.receipt_number, "at": sale.reserved_at.isoformat(), "reason": request.reason,
        "not_handed_over": request.not_handed_over,
    }  # fmt: skip
    operator = session.get_one(AppUser, request.proposed_by)
    snapshot = json.loads(sale.snapshot) | {"reverses": undone, "operator": operator.person}
    return Sale(
        kind=SaleKind.REVERSAL, status=SaleStatus.ISSUED, reference=f"reversal/{sale.id}",
        message_id=secrets.token_hex(16), reverses_id=sale.id, vending_point_id=sale.vending_point_id,
        operator_id=request.proposed_by, meter_id=sale.meter_id, consumer_id=sale.consumer_id,
        point_region_id=sale.point_region_id, consumer_region_id=sale.consumer_region_id, plan_id=sale.plan_id,
        meter_type=sale.meter_type, reserved_at=instant, settled_at=instant,
        business_date=business_date(instant, zone), currency=sale.currency,
        currency_decimals=sale.currency_decimals, by_quantity=sale.by_quantity, amount=sale.amount,
        token_units=sale.token_units, carried_units=sale.carried_units,
        snapshot=json.dumps(snapshot, sort_keys=True, ensure_ascii=False), receipt_number=receipt_number,
    )  # fmt: skip


def _copy_lines(session: Session, sale: Sale, reversal_id: int) -> tuple[tuple[str, str, int], ...]:
    rows: list[dict[str, Any]] = [
        {"sale_id": reversal_id, "line_no": line.line_no, "kind": line.kind, "code": line.code, "name": line.name,
         "amount": line.amount, "params": line.params}
        for line in sale.lines
    ]  # fmt: skip
    session.execute(insert(SaleLine.__table__), rows)
    return tuple((row["kind"], row["code"], row["amount"]) for row in rows)


def _open(session: Session, sale_id: int, request_id: int) -> ReversalRequest:
    """The open request, locked; SQLite has the write lock already."""
    row = session.get(ReversalRequest, request_id, with_for_update=True, populate_existing=True)
    if row is None or row.sale_id != sale_id or row.status != PROPOSED:
        raise errors.ProposalClosed
    return row


def _person(scope: Scope) -> int:
    if scope.user_id is None:
        raise AssertionError("a reversal has a person")
    return scope.user_id
