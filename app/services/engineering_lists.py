"""What the engineering desk shows: a meter with its key choices, proposals that wait, acts made last."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import and_, func, or_, select
from sqlalchemy.orm import joinedload

from app.access.scope import By, Scope, narrow, require
from app.domain import errors
from app.domain.engineering import ActStatus
from app.extensions import db
from app.models import EngineeringRecord, Meter, SecurityModule, SupplyGroupKey
from app.services.engineering_request import Wanted
from app.services.facts import SAME_SALE
from app.services.meter_keys import UNIQUE_KEY

RECENT, OPEN = 8, 50


def meter_of(meter_number: str, scope: Scope) -> Meter:
    """One of one's own meters with what the desk shows of it.  Raises UnknownMeter."""
    found = (
        select(Meter)
        .where(Meter.meter_number == meter_number)
        .options(joinedload(Meter.region), joinedload(Meter.consumer), joinedload(Meter.product))
    )
    meter: Meter | None = db.session().execute(
        found, execution_options={"unscoped": True, "populate_existing": True}
    ).scalar_one_or_none()
    if meter is None:
        raise errors.UnknownMeter
    try:
        require(meter, scope)
    except errors.OutOfScope:
        raise errors.UnknownMeter from None
    return meter


def key_choices(meter: Meter) -> list[SupplyGroupKey]:
    """The vending keys that the module of the meter's algorithm holds and the meter could be moved to."""
    serves = SecurityModule.serves_legacy if meter.algorithm.value == "legacy" else SecurityModule.serves_sts6
    found = (
        select(SupplyGroupKey)
        .join(SecurityModule, SecurityModule.id == SupplyGroupKey.module_id)
        .where(SecurityModule.active, serves, SupplyGroupKey.key_type == UNIQUE_KEY)
        .order_by(SupplyGroupKey.sgc, SupplyGroupKey.krn)
    )
    return [key for key in db.session().execute(found).scalars() if key.algorithm is meter.algorithm]


def open_proposals(scope: Scope) -> list[EngineeringRecord]:
    """Acts of one's own places that wait for a second person, oldest first."""
    found = (
        select(EngineeringRecord)
        .where(EngineeringRecord.status == ActStatus.PROPOSED)
        .options(joinedload(EngineeringRecord.operator), joinedload(EngineeringRecord.vending_point))
        .order_by(EngineeringRecord.created_at)
        .limit(OPEN)
    )
    narrowed = narrow(found, scope, By.VENDING_POINT, EngineeringRecord)
    return list(db.session().execute(narrowed).scalars())


def waiting_for(scope: Scope) -> dict[int, int]:
    """Whose proposals, of others and in one's own places, wait for a second person, and how many of each."""
    proposer = EngineeringRecord.operator_id
    count = select(proposer, func.count(EngineeringRecord.id)).group_by(proposer).where(
        EngineeringRecord.status == ActStatus.PROPOSED, proposer != scope.user_id
    )  # fmt: skip
    rows = db.session().execute(narrow(count, scope, By.VENDING_POINT, EngineeringRecord))
    return {int(person): int(acts) for person, acts in rows}


def same_act(wanted: Wanted, scope: Scope, instant: datetime) -> EngineeringRecord | None:
    """The newest act that asks the same of the same meter and waits for a second person, or was made minutes ago.

    The very act under `wanted.reference` is none: that is a form sent twice.
    """
    if wanted.meter_number is None:
        return None
    waits = EngineeringRecord.status == ActStatus.PROPOSED
    lately = and_(
        EngineeringRecord.status.in_((ActStatus.RESERVED, ActStatus.ISSUED)),
        EngineeringRecord.created_at >= instant - SAME_SALE,
    )
    found = (
        select(EngineeringRecord)
        .join(Meter, Meter.id == EngineeringRecord.meter_id)
        .where(
            Meter.meter_number == wanted.meter_number,
            EngineeringRecord.function == wanted.function,
            EngineeringRecord.details == wanted.stored,
            or_(waits, lately),
        )
        .order_by(EngineeringRecord.id.desc())
        .limit(1)
    )
    newest: EngineeringRecord | None = db.session().execute(
        narrow(found, scope, By.VENDING_POINT, EngineeringRecord)
    ).scalar_one_or_none()
    return None if newest is not None and newest.reference == wanted.reference else newest


def recent_acts(scope: Scope, meter_id: int | None = None) -> list[EngineeringRecord]:
    """Acts of one's own places, newest first; those of one meter, if one is named."""
    found = (
        select(EngineeringRecord)
        .options(joinedload(EngineeringRecord.operator), joinedload(EngineeringRecord.meter))
        .order_by(EngineeringRecord.id.desc())
        .limit(RECENT)
    )
    if meter_id is not None:
        found = found.where(EngineeringRecord.meter_id == meter_id)
    return list(db.session().execute(narrow(found, scope, By.VENDING_POINT, EngineeringRecord)).scalars())
