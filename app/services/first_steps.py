"""The manual's first set-up (G2): which of its eight steps are done, and what each still lacks."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import Session

from app.access.scope import Scope, criterion
from app.domain.states import MeterStatus
from app.extensions import db
from app.models import (
    Consumer,
    Manufacturer,
    Meter,
    Product,
    Region,
    Sale,
    SecurityModule,
    Settings,
    SupplyGroupKey,
    Tariff,
    TariffPlan,
    VendingPoint,
)

UNIQUE_KEY = 2  # the key type that credit tokens are made with


@dataclass(frozen=True, slots=True)
class Step:
    """One step: its code, what it lacks (a word for the page; None: done), and where that is mended.

    `count` is how many there are; `row_id` the one row that needs something, if it is one.
    """

    code: str
    lacks: str | None
    count: int = 0
    row_id: int | None = None

    @property
    def done(self) -> bool:
        """Whether nothing is missing."""
        return self.lacks is None


def steps(scope: Scope) -> list[Step]:
    """The eight steps in the manual's order, with their counts."""
    session = db.session()
    found = []
    for code, check in _CHECKS.items():
        lacks, row_id = check(session, scope)
        found.append(Step(code, lacks, _count(session, code, scope), row_id))
    return found


def complete(scope: Scope) -> bool:
    """Whether all eight are done and something was sold; quick however many meters there are."""
    session = db.session()
    return sold() and not any(check(session, scope)[0] for check in _CHECKS.values())


def sold() -> bool:
    """Whether a first sale was made, by anybody."""
    return _any(db.session(), select(Sale.id))


# --- what is asked of each -------------------------------------------------------------------

Lack = tuple[str | None, int | None]
DONE: Lack = (None, None)


def _region(session: Session, _scope: Scope) -> Lack:
    return DONE if _any(session, select(Region.id)) else ("none", None)


def _product(session: Session, _scope: Scope) -> Lack:
    if _any(session, select(Product.id)):
        return DONE
    return ("none" if _any(session, select(Manufacturer.id)) else "manufacturer", None)


def _vending_point(session: Session, scope: Scope) -> Lack:
    own = select(VendingPoint.id).where(criterion(VendingPoint, scope))
    if _any(session, own.where(VendingPoint.active)):
        return DONE
    return ("active" if _any(session, own) else "none", None)


def _tariff(session: Session, _scope: Scope) -> Lack:
    if _any(session, select(TariffPlan.id).where(TariffPlan.parent_id.is_(None))):
        return DONE
    bare = session.execute(select(Tariff.id).order_by(Tariff.id).limit(1)).scalar_one_or_none()
    return ("none", None) if bare is None else ("plan", bare)


def _security_module(session: Session, _scope: Scope) -> Lack:
    active = select(SecurityModule.id).where(SecurityModule.active)
    keyed = select(SupplyGroupKey.module_id).where(SupplyGroupKey.key_type == UNIQUE_KEY)
    if _any(session, active.where(SecurityModule.id.in_(keyed))):
        return DONE
    bare = session.execute(active.order_by(SecurityModule.id).limit(1)).scalar_one_or_none()
    if bare is not None:
        return "keys", bare
    return ("active" if _any(session, select(SecurityModule.id)) else "none", None)


def _setup(session: Session, _scope: Scope) -> Lack:
    # NB: its first version is what set-up wrote; a person who saves it makes the second.
    version = session.execute(select(Settings.version).where(Settings.id == 1)).scalar_one()
    return DONE if version > 1 else ("unsaved", None)


def _consumer(session: Session, scope: Scope) -> Lack:
    return DONE if _any(session, select(Consumer.id).where(criterion(Consumer, scope))) else ("none", None)


def _meter(session: Session, scope: Scope) -> Lack:
    own = select(Meter.id).where(criterion(Meter, scope))
    ready = own.where(
        Meter.consumer_id.is_not(None), Meter.tariff_id.is_not(None), Meter.status == MeterStatus.INSTALLED
    )
    if _any(session, ready):
        return DONE
    first = session.execute(own.order_by(Meter.id).limit(1)).scalar_one_or_none()
    return ("none", None) if first is None else ("ready", first)


_CHECKS: dict[str, Callable[[Session, Scope], Lack]] = {
    "region": _region, "product": _product, "vending_point": _vending_point, "tariff": _tariff,
    "security_module": _security_module, "setup": _setup, "consumer": _consumer, "meter": _meter,
}  # fmt: skip
_TABLES: dict[str, type[Any]] = {
    "region": Region, "product": Product, "vending_point": VendingPoint, "tariff": Tariff,
    "security_module": SecurityModule, "consumer": Consumer, "meter": Meter,
}  # fmt: skip
_SCOPED = frozenset({"vending_point", "consumer", "meter"})


def _count(session: Session, code: str, scope: Scope) -> int:
    table = _TABLES.get(code)
    if table is None:
        return 0
    own: list[ColumnElement[bool]] = [criterion(table, scope)] if code in _SCOPED else []
    return int(session.execute(select(func.count()).select_from(table).where(*own)).scalar_one())


def _any(session: Session, statement: Any) -> bool:
    return session.execute(statement.limit(1), execution_options={"unscoped": True}).first() is not None
