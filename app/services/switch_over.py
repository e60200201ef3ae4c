"""From which minute on a module is asked for a meter's token, when another module has served the meter before.

Each module knows its own token ids only, and takes the first free minute from the one it is asked for.  So after a
switch-over the new one is asked for a minute above all that the old one gave, or may yet turn out to have given.
"""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from sqlalchemy import case, func, select, union_all
from sqlalchemy.orm import Session
from sqlalchemy.sql.elements import ColumnElement

from app.domain.engineering import ActStatus
from app.domain.states import SaleStatus
from app.models import EngineeringRecord, Meter, Sale, SecurityModule, Token
from app.sts.token_id import BASE_DATES, base

if TYPE_CHECKING:
    from app.services.desk import Desk

# What a sale, or an engineering act, that waits for another module got, or will get, is at most so much later than it
# was asked for: others of that meter which were made within one minute and are known to nobody here any more.
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
    """For the desk: how many sales and engineering acts of this meter wait for the answer of another module."""
    waiting = []
    for asked, reserved in ((Sale, SaleStatus.RESERVED), (EngineeringRecord, ActStatus.RESERVED)):
        row = asked.__table__.alias()
        count = (
            select(func.count(row.c.id))
            .where(row.c.meter_id == Meter.id, row.c.status == reserved, row.c.module_id != SecurityModule.id)
            .correlate(Meter, SecurityModule)
        )
        waiting.append(count.scalar_subquery())
    return waiting[0] + waiting[1]


def minute_to_ask(session: Session, desk: Desk, instant: datetime) -> datetime:
    """The clock, or later where another module gave, or may have given, this meter a later minute."""
    at = instant
    if desk.newest_elsewhere is not None:
        offset = timedelta(minutes=desk.settings.token_offset_minutes)
        at = max(at, _FIRST + timedelta(minutes=desk.newest_elsewhere + 1) - offset)
    if desk.waiting_elsewhere and desk.module is not None:
        times = _times_asked(session, desk.meter.id, desk.module.id)
        at = max([at, *times]) + AHEAD + timedelta(minutes=len(times))
    return at


def _times_asked(session: Session, meter_id: int, module_id: int) -> list[datetime]:
    """The minutes that other modules were asked for, and have not answered, of a meter.

    A key change asks for none: its tokens have no id.
    """
    sales = select(Sale.request).where(
        Sale.meter_id == meter_id, Sale.status == SaleStatus.RESERVED, Sale.module_id != module_id
    )
    record = EngineeringRecord
    acts = select(record.request).where(
        record.meter_id == meter_id, record.status == ActStatus.RESERVED, record.module_id != module_id
    )
    asked = session.execute(union_all(sales, acts), execution_options={"unscoped": True}).scalars()
    times = (json.loads(request).get("issue_time") for request in asked if request)
    return [datetime.fromisoformat(time) for time in times if time]
