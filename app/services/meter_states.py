"""The states of a meter's life: in stock, installed, blocked, removed, and how one becomes another.

Only an installed meter may buy.  A meter goes into stock again or is removed with its history; it is
blocked and released for a reason, which the counter shows with who and since when (kept by the model).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from sqlalchemy.orm import Session

from app.access.scope import Scope, require
from app.db import transaction
from app.domain.errors import OutOfScope, ReasonMissing, StepForbidden, UnknownMeter
from app.domain.states import METER_STEPS, MeterStatus
from app.models import Meter

REASON_MAX = 200


def may_become(status: MeterStatus) -> list[MeterStatus]:
    """The states that may follow this one, in the order of a meter's life."""
    return [to for to in MeterStatus if (status, to) in METER_STEPS]


def needs_reason(old: MeterStatus, to: MeterStatus) -> bool:
    """Whether somebody will ask why: for blocking, for releasing, and for taking a meter away."""
    return MeterStatus.BLOCKED in (old, to) or to is MeterStatus.REMOVED


def may_be_given(status: MeterStatus, consumer_id: int | None, had: int | None) -> bool:
    """Whether a meter in this state may have this consumer, where it had that one (None: nobody).

    A removed meter is given to nobody; it keeps whom it has, and goes into stock first.
    """
    return consumer_id in (None, had) or status is not MeterStatus.REMOVED


def change(
    meter_ids: Sequence[int],
    to: MeterStatus,
    reason: str | None,
    scope: Scope,
    *,
    installed_on: date | None = None,
    unbind: bool = False,
) -> int:
    """Put meters into a state; all or none.  Returns how many changed it.

    A meter that is there already is left alone (a second click).  `installed_on` is the day from which a
    meter out of stock owes fixed fees; `unbind` takes the meters from their consumers as well.
    Raises UnknownMeter (a foreign one too), StepForbidden, ReasonMissing.
    """
    with transaction() as session:
        changed = 0
        for meter_id in meter_ids:
            meter = own_meter(session, meter_id, scope)
            if apply(meter, to, reason, installed_on):
                changed += 1
                if unbind:
                    meter.consumer_id = None
        return changed


def apply(meter: Meter, to: MeterStatus, reason: str | None, installed_on: date | None = None) -> bool:
    """Put one loaded meter into a state, inside the caller's transaction; False where it is there already.

    Raises StepForbidden, ReasonMissing.
    """
    old = meter.status
    if old is to:
        return False
    if (old, to) not in METER_STEPS:
        raise StepForbidden(meter_number=meter.meter_number, old=old, new=to)
    if needs_reason(old, to) and not reason:
        raise ReasonMissing(meter_number=meter.meter_number)
    meter.status, meter.status_reason = to, reason or None
    if old is MeterStatus.IN_STOCK and to is MeterStatus.INSTALLED:
        meter.installed_on = installed_on or meter.installed_on
    elif to is MeterStatus.IN_STOCK:
        # Whoever gets it next owes nothing of the time before.
        meter.installed_on = None
    return True


def own_meter(session: Session, meter_id: int, scope: Scope) -> Meter:
    """The meter of this id, locked for a change.  Raises UnknownMeter, for a foreign one too."""
    meter = session.get(Meter, meter_id, with_for_update=True)
    if meter is None:
        raise UnknownMeter
    try:
        require(meter, scope)
    except OutOfScope:
        raise UnknownMeter from None
    return meter
