"""How many meters the licence still allows."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.domain.calendar import business_date
from app.domain.errors import LicenceExpired
from app.models import Licence, Meter, Settings
from app.services.desk import LICENCE_GRACE


def meters_left(session: Session, instant: datetime) -> int | None:
    """Meters that may still be added; None without a limit.  Raises LicenceExpired."""
    licence = session.scalars(select(Licence).order_by(Licence.id.desc()).limit(1)).first()
    if licence is None:
        return None
    zone = session.get_one(Settings, 1).time_zone
    if licence.valid_until and business_date(instant, zone) > licence.valid_until + LICENCE_GRACE:
        raise LicenceExpired(until=licence.valid_until)
    if licence.meters_allowed is None:
        return None
    count = session.execute(
        select(func.count()).select_from(Meter), execution_options={"unscoped": True}
    ).scalar_one()
    return max(0, licence.meters_allowed - count)
