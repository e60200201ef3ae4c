"""A key at its end: whether it still makes credit, and to which key the next sale leads its meter.

A sale does not stop at a key that is over when the same module holds a living one of the same supply
group: the key change is due, and travels with the sale (the set first, then credit under the new key).
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Integer, and_, bindparam, case, or_, select
from sqlalchemy.orm import aliased

from app.domain import errors
from app.models import Meter, Settings, SupplyGroupKey
from app.models.base import UTCDateTime
from app.services.key_changes import amendment_for
from app.sts import token_id
from app.sts.errors import StsError
from app.sts.module import Amendment

# A KEN is the top eight of the 24 bits of a token id.
MINUTES_OF_A_KEN = 1 << 16


def next_key_of(held: type[SupplyGroupKey]) -> tuple[Any, Any]:
    """The table to join for the key that follows `held` at the moment that `moment` binds, and on what.

    Of the living ones of the same module, group and type the one that became active last; of those without such
    a day, the highest revision.
    """
    following, key = aliased(SupplyGroupKey), SupplyGroupKey.__table__.alias()
    instant = bindparam("instant", type_=UTCDateTime)
    newest = (
        select(key.c.id)
        .where(
            key.c.module_id == held.module_id,
            key.c.sgc == held.sgc,
            key.c.key_type == held.key_type,
            key.c.krn != held.krn,
            or_(key.c.active_from.is_(None), key.c.active_from <= instant),
            or_(key.c.active_to.is_(None), key.c.active_to >= instant),
            _makes_credit(key.c),
        )
        .order_by(key.c.active_from.desc().nulls_last(), key.c.krn.desc())
        .limit(1)
        .correlate(held)
        .scalar_subquery()
    )
    return following, following.id == newest


def moment(instant: datetime) -> dict[str, Any]:
    """What a statement with `next_key_of` binds: the instant, and its minute on each base date, before any offset."""
    minutes = {f"minute_{year}": (instant - base) // timedelta(minutes=1) for year, base in token_id.BASE_DATES.items()}
    return {"instant": instant, **minutes}


def _makes_credit(key: Any) -> Any:
    """`is_living` in SQL, without the key's own end: its base date has begun and its KEN is not passed."""
    bound = {year: bindparam(f"minute_{year}", type_=Integer) for year in token_id.BASE_DATES}
    offset = select(Settings.token_offset_minutes).where(Settings.id == 1).scalar_subquery()
    minute = case(*((key.base_date == year, minute) for year, minute in bound.items())) + offset
    return and_(minute >= 0, minute < (key.ken + 1) * MINUTES_OF_A_KEN)


def is_living(key: SupplyGroupKey, offset_minutes: int, instant: datetime) -> bool:
    """Whether a key makes credit at a moment: its base date, its KEN and its own end are not passed."""
    try:
        minute = token_id.clock_minute(instant + timedelta(minutes=offset_minutes), key.base_date)
    except StsError:
        return False
    return not token_id.is_expired(minute, key.ken) and (key.active_to is None or instant <= key.active_to)


def require_living_key(key: SupplyGroupKey, offset_minutes: int, instant: datetime) -> None:
    """Refuse a key that makes no credit any more.  Raises KeyExpired: a key change is due."""
    if not is_living(key, offset_minutes, instant):
        raise errors.KeyExpired(sgc=key.sgc, krn=key.krn, base_date=key.base_date)


def change_due(
    meter: Meter, key: SupplyGroupKey | None, following: SupplyGroupKey | None, offset_minutes: int, instant: datetime
) -> Amendment | None:
    """Where a sale leads the meter: on with a change that is under way, or away from a key that is over.

    None where it stays as it is.  Raises KeyExpired when its key is over and the module holds no living one to follow.
    """
    under_way = amendment_for(meter)
    if under_way is not None or key is None or is_living(key, offset_minutes, instant):
        return under_way
    if following is None:
        raise errors.KeyExpired(sgc=key.sgc, krn=key.krn, base_date=key.base_date)
    return Amendment(following.sgc, following.krn, meter.ti)
