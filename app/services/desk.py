"""Everything a purchase has to know about one meter at one vending point, read in few statements.

These facts are read unscoped, by this module alone; who may see the meter is asked
straight afterwards (`require`), and a foreign meter is an unknown meter.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.access.scope import Scope, require
from app.domain import errors
from app.domain.calendar import business_date
from app.domain.money import Currency
from app.domain.states import MeterStatus
from app.models import (
    Consumer,
    Licence,
    Meter,
    ModuleHealth,
    Product,
    Region,
    SecurityModule,
    Settings,
    SupplyGroupKey,
    Tariff,
    VendingPoint,
)
from app.services.desk_statement import clock_columns, one_desk, several_desks
from app.services.key_changes import require_confirmed
from app.services.key_due import change_due, is_living, moment
from app.services.licensing import require_selling
from app.services.several import rows_of
from app.sts.module import Amendment

CLOCK_BEHIND = timedelta(minutes=2)
# What refuses every sale, not this meter's.
OF_ALL_SALES = (errors.LicenceExpired, errors.ClockBehind, errors.ClockAhead, errors.NoModule)


@dataclass(frozen=True, slots=True)
class Clock:
    """What the tokens say about the time, and how far the clock may run ahead of them."""

    newest_issue: datetime | None
    ahead: timedelta

    def check(self, instant: datetime) -> None:
        """Refuse a clock that contradicts the newest token.  Raises ClockBehind, ClockAhead."""
        if self.newest_issue is None:
            return
        if instant < self.newest_issue - CLOCK_BEHIND:
            raise errors.ClockBehind(newest=self.newest_issue)
        if instant > self.newest_issue + self.ahead:
            raise errors.ClockAhead(newest=self.newest_issue)


@dataclass(frozen=True, slots=True)
class Place:
    """Where a purchase is asked for, and under which reference; None: only a price is wanted."""

    vending_point_id: int | None = None
    reference: str | None = None


@dataclass(frozen=True, slots=True)
class Desk:
    """One meter in front of one counter.

    `plan` is the mark (id, version, when made) of the tariff plan in force, None when none has begun;
    `first_plan` is when the tariff's first plan begins, `next_plan` when the next one does.  `point`, its region,
    `health`, what was made elsewhere and `sale_there`, the sale that already stands under the reference, are
    read for a sale only.
    """

    meter: Meter
    product: Product
    region: Region
    consumer: Consumer | None
    tariff: Tariff | None
    point: VendingPoint | None
    point_region: Region | None
    module: SecurityModule | None
    health: ModuleHealth | None
    key: SupplyGroupKey | None
    next_key: SupplyGroupKey | None
    settings: Settings
    currency: Currency
    licence: Licence | None
    clock: Clock
    today: date
    plan: tuple[int, int, datetime] | None
    first_plan: datetime | None
    next_plan: datetime | None
    # Of modules that served this meter before, see switch_over.
    newest_elsewhere: int | None
    waiting_elsewhere: int
    sale_there: int | None

    def change_due(self, instant: datetime) -> Amendment | None:
        """The key change that travels with a sale.  Raises KeyExpired when no key follows."""
        return change_due(self.meter, self.key, self.next_key, self.settings.token_offset_minutes, instant)

    def later(self, instant: datetime, ahead: timedelta) -> Desk | None:
        """The same desk at a later moment; None where it must be read anew: a plan begins before, or its key ends."""
        if self.next_plan is not None and self.next_plan <= instant:
            return None
        if self.key is not None and not is_living(self.key, self.settings.token_offset_minutes, instant):
            return None
        today = business_date(instant, self.settings.time_zone)
        return replace(self, clock=Clock(self.clock.newest_issue, ahead), today=today)


def read_desk(
    session: Session, meter_number: str, place: Place, instant: datetime, ahead: timedelta
) -> Desk:
    """Read the desk in one statement; what only a sale needs is read where there is a `place`.

    Raises UnknownMeter.
    """
    selling = place.vending_point_id is not None
    given: dict[str, Any] = {"meter_number": meter_number, **moment(instant)}
    if selling:
        given |= {"point_id": place.vending_point_id, "reference": place.reference}
    row = session.execute(
        one_desk(selling), given, execution_options={"unscoped": True, "populate_existing": True}
    ).one_or_none()
    if row is None:
        raise errors.UnknownMeter
    return _desk(row, instant, ahead)


@dataclass(frozen=True, slots=True)
class Prospect:
    """What a meter can expect at the counter: why it may buy nothing, or the key change that its next sale brings."""

    why: errors.Refusal | None = None
    change: Amendment | None = None


def desks_of(session: Session, meter_ids: Collection[int], instant: datetime) -> list[Desk]:
    """The desks of several meters, in one statement and in any order."""
    rows = rows_of(session, several_desks, meter_ids, moment(instant), populate_existing=True)
    return [_desk(row, instant, timedelta(0)) for row in rows]


def prospect(desk: Desk, scope: Scope, instant: datetime) -> Prospect:
    """How a meter stands.

    Of the meter itself only: what stands in the way of every sale (licence, clock, module) is said once.
    """
    try:
        require_buyable(desk, scope, instant)
    except OF_ALL_SALES:
        pass  # said once for all of them; the key is the meter's own all the same
    except errors.Refusal as refusal:
        return Prospect(why=refusal)
    try:
        return Prospect(change=desk.change_due(instant))
    except errors.KeyExpired as over:
        return Prospect(why=over)


def _desk(row: Any, instant: datetime, ahead: timedelta) -> Desk:
    (meter, product, region, consumer, tariff, module, key, next_key, settings, money, licence,
     newest, confirmed, plan_id, plan_version, plan_made, first_plan, next_plan, *of_sale) = row  # fmt: skip
    point, point_region, health, elsewhere, waiting, sale_there = of_sale or (None, None, None, None, 0, None)
    return Desk(
        meter=meter, product=product, region=region, consumer=consumer, tariff=tariff, point=point,
        point_region=point_region, module=module, health=health, key=key, next_key=next_key, settings=settings,
        licence=licence, currency=Currency(money.code, money.symbol, money.decimals),
        clock=_clock((newest, confirmed), ahead),
        today=business_date(instant, settings.time_zone),
        plan=None if plan_id is None else (plan_id, plan_version, plan_made),
        first_plan=first_plan, next_plan=next_plan,
        newest_elsewhere=elsewhere, waiting_elsewhere=waiting, sale_there=sale_there,
    )  # fmt: skip


def newest_issue(session: Session, ahead: timedelta) -> Clock:
    """What the tokens say about the time, by itself (home page)."""
    row = session.execute(select(*clock_columns()), execution_options={"unscoped": True}).one()
    return _clock(row, ahead)


def _clock(row: Sequence[Any], ahead: timedelta) -> Clock:
    """After a confirmation the confirmed instant speaks, until newer tokens do."""
    newest, confirmed_at = row
    return Clock(newest or confirmed_at, ahead)


def require_seen(desk: Desk, scope: Scope) -> None:
    """A foreign meter is an unknown one.  Raises UnknownMeter."""
    try:
        require(desk.meter, scope)
    except errors.OutOfScope:
        raise errors.UnknownMeter from None


def require_buyable(desk: Desk, scope: Scope, instant: datetime) -> None:
    """Refuse whatever stands in the way of a purchase, in the order a cashier can mend it.

    Raises UnknownMeter (a foreign one too), MeterBlocked, MeterWithoutConsumer,
    MeterWithoutTariff, LicenceExpired, NoPlanInForce, NoModule, MeterWithoutKey, KeyChangeUnconfirmed,
    KeyExpired, ClockBehind, ClockAhead.
    """
    meter = desk.meter
    require_seen(desk, scope)
    if meter.status is not MeterStatus.INSTALLED:
        raise errors.MeterBlocked(
            status=meter.status,
            reason=meter.status_reason or "",
            since=meter.status_since,
            by=meter.status_by,
        )
    if desk.consumer is None:
        raise errors.MeterWithoutConsumer
    if desk.tariff is None:
        raise errors.MeterWithoutTariff
    require_selling(desk.licence, desk.settings.time_zone, desk.today)
    if desk.plan is None:
        raise errors.NoPlanInForce(since=desk.first_plan)
    if desk.module is None:
        raise errors.NoModule(algorithm=meter.algorithm)
    if desk.key is None:
        raise errors.MeterWithoutKey(sgc=meter.sgc, krn=meter.krn)
    require_confirmed(meter)
    desk.change_due(instant)
    desk.clock.check(instant)
