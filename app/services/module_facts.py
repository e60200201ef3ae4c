"""What the pages show of each module beside its row: how it answered, keys, tokens of today.

The figures are those of the books; nothing here asks a network.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.domain.calendar import business_date, day_start_utc
from app.domain.states import SaleStatus
from app.extensions import db
from app.models import ModuleHealth, Sale, SecurityModule, Settings, SupplyGroupKey, Token
from app.models.base import now


@dataclass(frozen=True, slots=True)
class Shown:
    """One module as a list shows it; `health` None: it was never asked."""

    row: SecurityModule
    health: ModuleHealth | None
    keys: int
    tokens_today: int
    waiting: int

    @property
    def alerts(self) -> list[str]:
        """The module's own warnings when it was last asked."""
        return [] if self.health is None else [str(text) for text in json.loads(self.health.alerts)]


def overview(instant: datetime | None = None) -> list[Shown]:
    """Every module: the active ones first, by name."""
    session = db.session()
    statement = select(SecurityModule).order_by(SecurityModule.active.desc(), SecurityModule.name)
    return shown(list(session.scalars(statement)), instant)


def shown(rows: Iterable[SecurityModule], instant: datetime | None = None) -> list[Shown]:
    """These modules with what is shown beside each."""
    session = db.session()
    rows = list(rows)
    ids = [row.id for row in rows]
    health = {h.module_id: h for h in session.scalars(select(ModuleHealth).where(ModuleHealth.module_id.in_(ids)))}
    keys = _by_module(session, select(SupplyGroupKey.module_id, func.count(SupplyGroupKey.id)), SupplyGroupKey)
    start = day_start_utc(today(instant), _time_zone(session))
    tokens = _by_module(
        session, select(Token.module_id, func.count(Token.id)).where(Token.issued_at >= start), Token
    )
    waiting = _by_module(
        session, select(Sale.module_id, func.count(Sale.id)).where(Sale.status == SaleStatus.RESERVED), Sale
    )
    return [
        Shown(row, health.get(row.id), keys.get(row.id, 0), tokens.get(row.id, 0), waiting.get(row.id, 0))
        for row in rows
    ]


def today(instant: datetime | None = None) -> date:
    """The business day of the installation."""
    return business_date(instant or now(), _time_zone(db.session()))


def _time_zone(session: Session) -> str:
    return str(session.execute(select(Settings.time_zone).where(Settings.id == 1)).scalar_one())


def _by_module(session: Session, statement: object, table: type) -> dict[int, int]:
    # Sums of the whole utility, never rows.
    found = session.execute(
        statement.group_by(table.module_id),  # type: ignore[attr-defined]
        execution_options={"unscoped": True},
    )
    return {int(module): int(count) for module, count in found if module is not None}
