"""What became of a reserved sale?  Ask the module that was asked, by message id.

A known answer is settled.  "Never heard of it" counts only after `wait`, longer than the
module's longest answer, and within `memory`, the time the module is known to remember;
then the same request is sent again under the same id.  Later a person decides.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import select

from app.access.scope import Scope, require
from app.domain import errors
from app.domain.states import SaleStatus
from app.extensions import db
from app.models import Sale
from app.models.base import now
from app.services.reserved import read_reserved
from app.services.security_module import Modules
from app.services.vending import complete, settle_if_known


@dataclass(frozen=True, slots=True)
class Patience:
    """How long a module may take to answer, and how long it remembers what it answered."""

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
    if waiting is not None and not settle_if_known(waiting, modules, clock):
        age = clock() - waiting.reserved_at
        if patience.wait <= age <= patience.memory:
            try:
                complete(waiting, modules, clock)
            except errors.ModuleRefused:
                return SaleStatus.FAILED
    after = _read(sale_id)
    return after.status if after is not None else SaleStatus.RESERVED


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


def _read(sale_id: int) -> Sale | None:
    sale: Sale | None = db.session().get(
        Sale, sale_id, populate_existing=True, execution_options={"unscoped": True}
    )
    return sale
