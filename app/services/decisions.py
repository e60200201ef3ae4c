"""What becomes of a sale that waits too long: two people decide (four eyes).

Once a sale has waited longer than its module surely remembers, "never heard of it" proves
nothing, so nothing is sent again by itself.  And where a module never forgets, a sale that has
waited for days got an answer that cannot be used, or none ever again.  One person proposes with a reason: `release`
(the money is given back) or `ask_again` (the same request goes out once more, under the same
message id, after the module was asked for its answer).  Another person approves and it is
carried out, or declines.  The decision is durable before it is carried out.  A release that a
crash kept from happening is carried out again; a request that was sent again is from then on asked
for like any other: the module's memory begins anew.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session, aliased

from app.access.scope import Scope, require
from app.db import transaction
from app.domain import errors
from app.domain.states import SaleStatus
from app.extensions import db
from app.models import AppUser, Sale, SaleDecision
from app.models.base import now
from app.services.four_eyes import require_two
from app.services.reserved import Reserved, read_reserved
from app.services.resolve import Patience, ask_once_more
from app.services.restores import last_restore
from app.services.security_module import Modules
from app.services.settle import fail_unless_asked
from app.services.vending import Known, settle_if_known

RELEASE, ASK_AGAIN = "release", "ask_again"
KINDS = (RELEASE, ASK_AGAIN)
# What stands on the sale as the cause of its failure.
RELEASED = "Decision.Release"
# A sale that waits for three days has something wrong that asking again has not mended.
LONGEST = timedelta(days=3)
FOR_EVER = timedelta(days=36_500)


@dataclass(frozen=True, slots=True)
class Told:
    """One decision with the names of its people, as pages and slips tell it."""

    id: int
    kind: str
    status: str
    reason: str
    proposed_by: int
    proposer: str
    proposed_at: datetime
    decider: str | None
    decided_at: datetime | None

    @property
    def open(self) -> bool:
        """Whether it waits for a second person."""
        return self.status == "proposed"


def due_at(sale: Sale, memory: timedelta, restored: datetime | None = None) -> datetime:
    """From when two people may decide a waiting sale; until then it is resolved.

    When the memory of its module ends (`memory` where the row does not say), at the latest after
    `LONGEST`, counted from the last time the request was sent.  What was sent before the books
    were `restored` from a backup is due at once: the module may have been restored too.
    """
    sent = sale.asked_at or sale.reserved_at
    if restored is not None and sent <= restored:
        return sent
    return sent + min(_memory(sale, memory), LONGEST)


def cause(sale: Sale, memory: timedelta, restored: datetime | None, instant: datetime) -> str:
    """Why a sale is due: 'restored', 'forgotten' or 'unusable'; '' while it is not."""
    sent = sale.asked_at or sale.reserved_at
    if sale.status is not SaleStatus.RESERVED or due_at(sale, memory, restored) >= instant:
        return ""
    if restored is not None and sent <= restored:
        return "restored"
    return "forgotten" if sent + _memory(sale, memory) < instant else "unusable"


def overdue(sales: Iterable[Sale], memory: timedelta, instant: datetime | None = None) -> set[int]:
    """Ids of those waiting sales that two people have to decide."""
    at, restored = instant or now(), last_restore(db.session())
    return {sale.id for sale in sales if cause(sale, memory, restored, at)}


def _memory(sale: Sale, memory: timedelta) -> timedelta:
    """For how long the module of a sale surely remembers; the one in this program never forgets."""
    if sale.module is None or sale.module.kind == "software":
        return FOR_EVER
    hours = sale.module.memory_hours
    return memory if hours is None else timedelta(hours=hours)


def decisions_on(sale_id: int) -> list[Told]:
    """Every decision on a sale, oldest first.  The caller has asked whose sale it is."""
    proposer, decider = aliased(AppUser), aliased(AppUser)
    statement = (
        select(SaleDecision, proposer, decider)
        .join(proposer, proposer.id == SaleDecision.proposed_by)
        .outerjoin(decider, decider.id == SaleDecision.decided_by)
        .where(SaleDecision.sale_id == sale_id)
        .order_by(SaleDecision.id)
    )
    found = db.session().execute(statement, execution_options={"populate_existing": True})
    return [
        Told(
            id=row.id, kind=row.kind, status=row.status, reason=row.reason, proposed_by=row.proposed_by,
            proposer=first.person, proposed_at=row.proposed_at,
            decider=None if second is None else second.person, decided_at=row.decided_at,
        )
        for row, first, second in found
    ]  # fmt: skip


def release_of(sale_id: int) -> Told | None:
    """The decision by which a sale was released, for its receipt; None where it failed otherwise."""
    done = [told for told in decisions_on(sale_id) if told.kind == RELEASE and told.status == "done"]
    return done[-1] if done else None


def proposed(sale_ids: Iterable[int]) -> Mapping[int, int]:
    """Of these sales, those with an open proposal: sale id and who proposed."""
    statement = select(SaleDecision.sale_id, SaleDecision.proposed_by).where(
        SaleDecision.sale_id.in_(list(sale_ids)), SaleDecision.status == "proposed"
    )
    return {int(sale): int(person) for sale, person in db.session().execute(statement)}


def sale_of(sale_id: int, scope: Scope) -> Sale:
    """A sale of one's own.  Raises OutOfScope."""
    statement = select(Sale).where(Sale.id == sale_id).execution_options(unscoped=True, populate_existing=True)
    sale: Sale | None = db.session().execute(statement).scalar_one_or_none()
    if sale is None:
        raise errors.OutOfScope
    require(sale, scope)
    return sale


# --- one proposes -------------------------------------------------------------------------


def propose(
    sale_id: int,
    kind: str,
    reason: str,
    scope: Scope,
    memory: timedelta,
    clock: Callable[[], datetime] = now,
) -> None:
    """Say what shall become of a sale that waits too long; nothing happens yet.

    Raises OutOfScope, NothingToDecide, StillRemembered, ProposalOpen.
    """
    if kind not in KINDS or not reason.strip() or scope.user_id is None:
        raise AssertionError("a proposal has a kind, a reason and a person")
    try:
        with transaction() as session:
            sale = _waiting(sale_id, scope)
            until = due_at(sale, memory, last_restore(session))
            if clock() <= until:
                raise errors.StillRemembered(until=until)
            session.add(
                SaleDecision(
                    sale_id=sale_id, kind=kind, reason=reason.strip()[:200],
                    proposed_by=scope.user_id, proposed_at=clock(),
                )
            )  # fmt: skip
    except IntegrityError as taken:
        raise errors.ProposalOpen from taken


# --- another decides ----------------------------------------------------------------------


def approve(
    sale_id: int,
    decision_id: int,
    scope: Scope,
    modules: Modules,
    patience: Patience,
    clock: Callable[[], datetime] = now,
) -> SaleStatus:
    """Agree to somebody else's proposal, and carry it out; gives what became of the sale.

    Raises OutOfScope, ProposalClosed, FourEyes, SameHand, StillSilent, and NothingToDecide when the answer came
    meanwhile (the proposal is then closed).
    """
    person = _person(scope)
    sale = sale_of(sale_id, scope)
    peek = db.session().get(SaleDecision, decision_id)
    # Anybody else's proposal, or one's own, is refused below, and then nothing is asked.
    releases = peek is not None and (peek.sale_id, peek.kind, peek.status) == (sale_id, RELEASE, "proposed")
    word = _last_word(sale, modules, patience, clock) if releases and peek.proposed_by != person else None
    with transaction() as session:
        settled = sale_of(sale_id, scope).status is not SaleStatus.RESERVED
        row = _open(session, sale_id, decision_id)
        if not settled:
            require_two(session, row.proposed_by, person, clock())
        row.status = "declined" if settled else "done"
        row.decided_by, row.decided_at = person, clock()
        kind = row.kind
    if word is not None and word.known is Known.SETTLED:
        return sale_of(sale_id, scope).status  # a token that the module does know is the customer's
    if settled:
        raise errors.NothingToDecide
    if kind == RELEASE:
        return _release(word, sale_id, scope, clock)
    return ask_once_more(sale_id, modules, patience, clock)


def decline(
    sale_id: int, decision_id: int, scope: Scope, clock: Callable[[], datetime] = now, *, may_approve: bool = True
) -> None:
    """Refuse a proposal, or take one's own back; somebody else's refuses who may approve it.

    Raises OutOfScope, ProposalClosed, NotAllowed.
    """
    person = _person(scope)
    with transaction() as session:
        sale_of(sale_id, scope)
        row = _open(session, sale_id, decision_id)
        if row.proposed_by != person and not may_approve:
            raise errors.NotAllowed
        row.status, row.decided_by, row.decided_at = "declined", person, clock()


def carry_out(
    sale_id: int,
    decision_id: int,
    scope: Scope,
    modules: Modules,
    patience: Patience,
    clock: Callable[[], datetime] = now,
) -> SaleStatus:
    """Release what was decided to be released, after a crash kept it from happening.

    Raises OutOfScope, ProposalClosed, StillSilent.
    """
    sale = sale_of(sale_id, scope)
    row = db.session().get(SaleDecision, decision_id)
    if row is None or row.sale_id != sale_id or (row.kind, row.status) != (RELEASE, "done"):
        raise errors.ProposalClosed
    return _release(_last_word(sale, modules, patience, clock), sale_id, scope, clock)


@dataclass(frozen=True, slots=True)
class _Word:
    """What a module said when it was asked for the last time; `sale` None: it does not wait any more."""

    known: Known
    sale: Reserved | None
    asked_at: datetime | None


def _last_word(sale: Sale, modules: Modules, patience: Patience, clock: Callable[[], datetime]) -> _Word:
    """Ask the module for its answer before money is given back: a token it does know is the customer's.

    One that was switched off is not waited for: it may be lost for ever.
    Raises StillSilent, also while the request may be on its way once more.
    """
    name, active = (sale.module.name, sale.module.active) if sale.module else ("", False)
    asked_at = sale.asked_at
    waiting = read_reserved(db.session(), sale.id)
    db.session().rollback()  # no transaction is open while the module is asked
    if waiting is None:
        return _Word(Known.NEVER_TAKEN, None, asked_at)
    if asked_at is not None and clock() - asked_at < patience.wait:
        raise errors.StillSilent(module=name)
    known = settle_if_known(waiting, modules, clock)
    if known is Known.SILENT and active:
        raise errors.StillSilent(module=name)
    return _Word(known, waiting, asked_at)


def _release(word: _Word | None, sale_id: int, scope: Scope, clock: Callable[[], datetime]) -> SaleStatus:
    """Give the money back, unless the request was sent again since the module was asked: then it goes on waiting."""
    if word is not None and word.sale is not None and word.known is not Known.SETTLED:
        fail_unless_asked(word.sale, RELEASED, clock(), word.asked_at)
    return sale_of(sale_id, scope).status


# --- inside -------------------------------------------------------------------------------


def _waiting(sale_id: int, scope: Scope) -> Sale:
    sale = sale_of(sale_id, scope)
    if sale.status is not SaleStatus.RESERVED:
        raise errors.NothingToDecide
    return sale


def _open(session: Session, sale_id: int, decision_id: int) -> SaleDecision:
    """The open proposal, locked; SQLite has the write lock already."""
    row = session.get(SaleDecision, decision_id, with_for_update=True, populate_existing=True)
    if row is None or row.sale_id != sale_id or row.status != "proposed":
        raise errors.ProposalClosed
    return row


def _person(scope: Scope) -> int:
    if scope.user_id is None:
        raise AssertionError("a decision has a person")
    return scope.user_id
