"""From which minute on a module is asked for a meter's token, when another module has served the meter before.

Each module knows its own token ids only, and takes the first free minute from the one it is asked for.  So after a
switch-over the new one is asked for a minute above all that the old one gave, or may yet turn out to have given.
"""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from sqlalchemy import case, func, select
from sqlalchemy.orm import Session
from sqlalchemy.sql.elements import ColumnElement

from app.domain.states import SaleStatus
from app.models import Meter, Sale, SecurityModule, Token
from app.sts.token_id import BASE_DATES, base

if TYPE_CHECKING:
    from app.services.desk import Desk

# What a sale that waits for another module got, or will get, is at most so much later than it was asked for: sales of
# that meter which were made within one minute and are known to nobody here any more.
AHEAD = timedelta(minutes=15)
_FIRST = base(93)


def newest_elsewhere() -> ColumnElement[int | None]:
    """For the desk: the newest minute that another module has given this meter, in minutes since 1993.

    Under any base date: a key change may be due with the next token, and then its id counts from another day.
    """
    token = Token.__table__.alias()
    starts = {day: (start - _FIRST) // timedelta(minutes=1) for day, start in BASE_DATES.items()}
    return (
        select(func.max(token.c.token_id + case(starts, value=token.c.base_date)))
        .where(token.c.meter_id == Meter.id, token.c.module_id != SecurityModule.id)
        .correlate(Meter, SecurityModule)
        .scalar_subquery()
    )


def waiting_elsewhere() -> ColumnElement[int]:
    """For the desk: how many sales of this meter wait for the answer of another module."""
    sale = Sale.__table__.alias()
    return (
        select(func.count(sale.c.id))
        .where(
            sale.c.meter_id == Meter.id,
            sale.c.status == SaleStatus.RESERVED,
            sale.c.module_id != SecurityModule.id,
        )
        .correlate(Meter, SecurityModule)
        .scalar_subquery()
    )


def minute_to_ask(session: Session, desk: Desk, instant: datetime) -> datetime:
    """The clock, or later where another module gave, or may have given, this meter a later minute."""
    at = instant
    if desk.newest_elsewhere is not None:
        offset = timedelta(minutes=desk.settings.token_offset_minutes)
        at = max(at, _FIRST + timedelta(minutes=desk.newest_elsewhere + 1) - offset)
    if desk.waiting_elsewhere and desk.module is not None:
        asked = session.execute(
            select(Sale.request).where(
                Sale.meter_id == desk.meter.id, Sale.status == SaleStatus.RESERVED, Sale.module_id != desk.module.id
            ),
            execution_options={"unscoped": True},
        ).scalars()
        times = [datetime.fromisoformat(json.loads(request)["issue_time"]) for request in asked if request]
        at = max([at, *times]) + AHEAD + timedelta(minutes=len(times))
    return at
