"""What became of a reserved sale?  Ask the module that was asked, by message id.

A known answer is settled.  "Never heard of it" counts only after `wait`, longer than the
module's longest answer, and within `memory`, the time the module is known to remember;
then the same request is sent again under the same id, by one process only.  Later a person decides.
A module that cannot be asked, or whose answer is not to be believed, is never sent anything again.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import func, select, update

from app.access.scope import Scope, require
from app.db import retried, transaction
from app.domain import errors
from app.domain.states import SaleStatus
from app.extensions import db
from app.models import Sale, SecurityModule
from app.models.base import now
from app.services.reserved import Reserved, read_reserved
from app.services.restores import last_restore
from app.services.security_module import Modules
from app.services.vending import Known, complete, settle_if_known


@dataclass(frozen=True, slots=True)
class Patience:
    """How long a module may take to answer, and how long it remembers what it answered.

    `memory` holds for modules whose row does not say.
    """

    wait: timedelta = timedelta(seconds=30)
    memory: timedelta = timedelta(hours=24)


def resolve(
    sale_id: int,
    scope: Scope,
    modules: Modules,
    patience: Patience | None = None,
    clock: Callable[[], datetime] = now,
) -> SaleStatus:
    """Bring one sale out of RESERVED where that can be done safely; gives its status.

    Raises OutOfScope for a foreign sale.  A module that refuses for good makes it FAILED.
    """
    patience = patience or Patience()
    sale = _read(sale_id)
    if sale is None:
        raise errors.OutOfScope
    require(sale, scope)
    if sale.status is not SaleStatus.RESERVED:
        return sale.status
    waiting = read_reserved(db.session(), sale_id)
    if waiting is not None:
        memory = memory_of(waiting.module_id, patience)
        known = settle_if_known(waiting, modules, clock)
        remembered = clock() - waiting.reserved_at <= memory and not _before_restore(waiting)
        if known is Known.NEVER_TAKEN and remembered and _claim(waiting, patience.wait, clock()):
            return _send_again(waiting, modules, clock)
    return _status(sale_id)


def _before_restore(sale: Reserved) -> bool:
    """Whether the sale may have got its token after the backup that these books came from."""
    restored = last_restore(db.session())
    return restored is not None and sale.reserved_at <= restored


def ask_once_more(
    sale_id: int,
    modules: Modules,
    patience: Patience | None = None,
    clock: Callable[[], datetime] = now,
) -> SaleStatus:
    """What two people decided of a sale that the module may have forgotten: send its request again.

    The module is still asked first; only one that knows of nothing is sent anything.
    """
    waiting = read_reserved(db.session(), sale_id)
    if waiting is not None and settle_if_known(waiting, modules, clock) is Known.NEVER_TAKEN:
        wait = (patience or Patience()).wait
        if _claim(waiting, wait, clock()):
            return _send_again(waiting, modules, clock)
    return _status(sale_id)


def resolve_all(
    modules: Modules, patience: Patience | None = None, clock: Callable[[], datetime] = now
) -> dict[SaleStatus, int]:
    """Resolve every reserved sale, oldest first, under the system's own scope."""
    ids = (
        db.session()
        .execute(
            select(Sale.id).where(Sale.status == SaleStatus.RESERVED).order_by(Sale.reserved_at),
            execution_options={"unscoped": True},
        )
        .scalars()
        .all()
    )
    counts: dict[SaleStatus, int] = {}
    for sale_id in ids:
        status = resolve(sale_id, Scope.everything(), modules, patience, clock)
        counts[status] = counts.get(status, 0) + 1
    return counts


def _send_again(sale: Reserved, modules: Modules, clock: Callable[[], datetime]) -> SaleStatus:
    try:
        complete(sale, modules, clock, again=True)
    except errors.ModuleRefused:
        return SaleStatus.FAILED
    return _status(sale.sale_id)


def _claim(sale: Reserved, wait: timedelta, instant: datetime) -> bool:
    """Whether this process may send the request again: a guarded update lets one through.

    The wait counts from the last time anybody sent it.
    """

    def work() -> bool:
        with transaction() as session:
            moved = session.execute(
                update(Sale)
                .where(
                    Sale.id == sale.sale_id,
                    Sale.status == SaleStatus.RESERVED,
                    func.coalesce(Sale.asked_at, Sale.reserved_at) <= instant - wait,
                )
                .values(asked_at=instant)
                .execution_options(synchronize_session=False)
            )
            return bool(moved.rowcount == 1)  # type: ignore[attr-defined]

    return retried(work)


def memory_of(module_id: int | None, patience: Patience) -> timedelta:
    """For how long the module that was asked surely remembers."""
    hours = db.session().execute(
        select(SecurityModule.memory_hours).where(SecurityModule.id == module_id)
    ).scalar_one_or_none()
    return patience.memory if hours is None else timedelta(hours=hours)


def _status(sale_id: int) -> SaleStatus:
    sale = _read(sale_id)
    return sale.status if sale is not None else SaleStatus.RESERVED


def _read(sale_id: int) -> Sale | None:
    sale: Sale | None = db.session().get(
        Sale, sale_id, populate_existing=True, execution_options={"unscoped": True}
    )
    return sale
