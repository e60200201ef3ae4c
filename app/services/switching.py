"""Switching master data off and on again: what has history is never deleted.

Each row has its version, and each switch its entry in the audit log.  What is off already stays
off: a second click changes nothing.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import select

from app.access.scope import SCOPED, Scope, require
from app.db import transaction
from app.domain.errors import InUse, LastKeepers, OutOfScope
from app.models import AppUser, Consumer, Currency, Meter, Settings
from app.services import keepers


def is_on(row: Any) -> bool:
    """Whether the row is in use."""
    return bool(row.active)


def switch(model: Any, row_id: int, scope: Scope, *, on: bool) -> None:
    """Switch one row off, or on again.

    Raises OutOfScope for a row that is not one's own, InUse for the currency of the installation,
    LastKeepers for the last person who can look after everybody.
    A consumer who is switched off has no meters any more.  A meter has states instead (`meter_states`).
    """
    with transaction() as session:
        row = session.get(model, row_id, with_for_update=True, populate_existing=True)
        if row is None:
            raise OutOfScope
        if model in SCOPED:
            require(row, scope)
        if is_on(row) is on:
            return
        if isinstance(row, Currency) and not on:
            used = select(Settings.id).where(Settings.currency_id == row.id).limit(1)
            if session.execute(used).first():
                raise InUse(count=1)
        if isinstance(row, Consumer) and not on:
            own = select(Meter).where(Meter.consumer_id == row.id).order_by(Meter.id).with_for_update()
            for meter in session.scalars(own, execution_options={"unscoped": True}):
                require(meter, scope)
                meter.consumer_id = None
        if isinstance(row, AppUser):
            if not on and keepers.keeps_alone(session, row.id):
                raise LastKeepers
            row.version += 1
        row.active = on
