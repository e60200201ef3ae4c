"""Everything a purchase has to know about one meter at one vending point, read in few statements.

These facts are read unscoped, by this module alone; who may see the meter is asked
straight afterwards (`require`), and a foreign meter is an unknown meter.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import cache
from typing import Any

from sqlalchemy import Integer, Select, String, and_, bindparam, case, func, select
from sqlalchemy.orm import Session, aliased

from app.access.scope import Scope, require
from app.domain import errors
from app.domain.calendar import business_date
from app.domain.money import Currency
from app.domain.states import Algorithm, MeterStatus
from app.models import (
    ClockConfirmation,
    Consumer,
    Licence,
    Meter,
    ModuleHealth,
    Product,
    Region,
    Sale,
    SecurityModule,
    Settings,
    SupplyGroupKey,
    Tariff,
    TariffPlan,
    Token,
    VendingPoint,
)
from app.models import Currency as CurrencyRow
from app.models.base import UTCDateTime
from app.services.key_changes import require_confirmed
from app.services.key_due import change_due, moment, next_key_of
from app.services.licensing import require_selling
from app.services.switch_over import newest_elsewhere, waiting_elsewhere
from app.sts.module import Amendment

CLOCK_BEHIND = timedelta(minutes=2)
# What refuses every sale, not this meter's.
OF_ALL_SALES = (errors.LicenceExpired, errors.ClockBehind, errors.ClockAhead, errors.NoModule)
UNIQUE_KEY = 2  # key type of a vending unique key


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
    `first_plan` is when the tariff's first plan begins.  `point`, its region, `health`, what was made
    elsewhere and `sale_there`, the sale that already stands under the reference, are read for a sale only.
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
    # Of modules that served this meter before, see switch_over.
    newest_elsewhere: int | None
    waiting_elsewhere: int
    sale_there: int | None

    def change_due(self, instant: datetime) -> Amendment | None:
        """The key change that travels with a sale.  Raises KeyExpired when no key follows."""
        return change_due(self.meter, self.key, self.next_key, self.settings.token_offset_minutes, instant)


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
        _statement(selling), given, execution_options={"unscoped": True, "populate_existing": True}
    ).one_or_none()
    if row is None:
        raise errors.UnknownMeter
    return _desk(row, instant, ahead)


@dataclass(frozen=True, slots=True)
class Prospect:
    """What a meter can expect at the counter: why it may buy nothing, or the key change that its next sale brings."""

    why: errors.Refusal | None = None
    change: Amendment | None = None


def desks_of(session: Session, meter_numbers: Sequence[str], instant: datetime) -> list[Desk]:
    """The desks of several meters, in one statement."""
    rows = session.execute(
        _several(),
        {"meter_numbers": list(meter_numbers), **moment(instant)},
        execution_options={"unscoped": True, "populate_existing": True},
    )
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
     newest, confirmed, plan_id, plan_version, plan_made, first_plan, *of_sale) = row  # fmt: skip
    point, point_region, health, elsewhere, waiting, sale_there = of_sale or (None, None, None, None, 0, None)
    return Desk(
        meter=meter, product=product, region=region, consumer=consumer, tariff=tariff, point=point,
        point_region=point_region, module=module, health=health, key=key, next_key=next_key, settings=settings,
        licence=licence, currency=Currency(money.code, money.symbol, money.decimals),
        clock=_clock((newest, confirmed), ahead),
        today=business_date(instant, settings.time_zone),
        plan=None if plan_id is None else (plan_id, plan_version, plan_made),
        first_plan=first_plan, newest_elsewhere=elsewhere, waiting_elsewhere=waiting, sale_there=sale_there,
    )  # fmt: skip


@cache
def _statement(selling: bool) -> Select[Any]:
    """The desk's one statement, built once: building it costs more than running it."""
    desks = _of_a_sale(_desks()) if selling else _desks()
    return desks.where(Meter.meter_number == bindparam("meter_number"))


@cache
def _several() -> Select[Any]:
    return _desks().where(Meter.meter_number.in_(bindparam("meter_numbers", expanding=True)))


def _of_a_sale(desks: Select[Any]) -> Select[Any]:
    """Beside the desk, what a price has no use for: the vending point, and what was sold and made before."""
    point_region = aliased(Region)
    return (
        desks.add_columns(
            VendingPoint, point_region, ModuleHealth, newest_elsewhere(), waiting_elsewhere(), _sale_there()
        )
        .outerjoin(VendingPoint, VendingPoint.id == bindparam("point_id", type_=Integer))
        .outerjoin(point_region, VendingPoint.region_id == point_region.id)
        .outerjoin(ModuleHealth, ModuleHealth.module_id == SecurityModule.id)
    )


def _desks() -> Select[Any]:
    serving = and_(
        SecurityModule.active,
        ((Meter.algorithm == Algorithm.LEGACY) & SecurityModule.serves_legacy)
        | ((Meter.algorithm == Algorithm.STS6) & SecurityModule.serves_sts6),
    )
    held = and_(
        SupplyGroupKey.module_id == SecurityModule.id,
        SupplyGroupKey.sgc == Meter.sgc,
        SupplyGroupKey.krn == Meter.krn,
        SupplyGroupKey.key_type == UNIQUE_KEY,
    )
    next_key, following = next_key_of(SupplyGroupKey)
    newest_licence = select(func.max(Licence.id)).scalar_subquery()
    return (
        select(
            Meter, Product, Region, Consumer, Tariff, SecurityModule, SupplyGroupKey, next_key, Settings, CurrencyRow,
            Licence, *_clock_columns(), TariffPlan.id, TariffPlan.version, TariffPlan.created_at, _first_plan(),
        )
        .join(Product, Meter.product_id == Product.id)
        .join(Region, Meter.region_id == Region.id)
        .outerjoin(Consumer, Meter.consumer_id == Consumer.id)
        .outerjoin(Tariff, Meter.tariff_id == Tariff.id)
        .outerjoin(SecurityModule, serving)
        .outerjoin(SupplyGroupKey, held)
        .outerjoin(next_key, following)
        .join(Settings, Settings.id == 1)
        .join(CurrencyRow, Settings.currency_id == CurrencyRow.id)
        .outerjoin(Licence, Licence.id == newest_licence)
        .outerjoin(TariffPlan, TariffPlan.id == _plan_in_force())
    )  # fmt: skip


def _plan_in_force() -> Any:
    """Id of the newest plan of the meter's tariff that has begun."""
    plan = TariffPlan.__table__.alias()
    return (
        select(plan.c.id)
        .where(
            plan.c.tariff_id == Meter.tariff_id,
            plan.c.parent_id.is_(None),
            plan.c.effective_from <= bindparam("instant", type_=UTCDateTime),
        )
        .order_by(plan.c.effective_from.desc())
        .limit(1)
        .correlate(Meter)
        .scalar_subquery()
    )


def _first_plan() -> Any:
    plan = TariffPlan.__table__.alias()
    return (
        select(func.min(plan.c.effective_from))
        .where(plan.c.tariff_id == Meter.tariff_id, plan.c.parent_id.is_(None))
        .correlate(Meter)
        .scalar_subquery()
    )


def _sale_there() -> Any:
    return (
        select(Sale.id)
        .where(
            Sale.vending_point_id == bindparam("point_id", type_=Integer),
            Sale.reference == bindparam("reference", type_=String),
        )
        .scalar_subquery()
    )


def _clock_columns() -> tuple[Any, ...]:
    """The newest instant of issue since the newest confirmation, and that confirmation's.

    NB: the newest instant is not that of the newest row: a sale that was resolved late carries the
    time of its first asking.
    """
    newest_id = select(func.max(Token.id)).scalar_subquery()
    confirmation = select(func.max(ClockConfirmation.id)).scalar_subquery()
    confirmed = select(ClockConfirmation.confirmed_at).where(ClockConfirmation.id == confirmation)
    after = select(ClockConfirmation.after_token_id).where(ClockConfirmation.id == confirmation)
    since = func.coalesce(after.scalar_subquery(), 0)
    newest = select(Token.issued_at).where(Token.id > since).order_by(Token.issued_at.desc()).limit(1)
    # Without the first question, the second would walk through every token after a confirmation.
    return case((newest_id > since, newest.scalar_subquery())), confirmed.scalar_subquery()


def newest_issue(session: Session, ahead: timedelta) -> Clock:
    """What the tokens say about the time, by itself (home page)."""
    row = session.execute(select(*_clock_columns()), execution_options={"unscoped": True}).one()
    return _clock(row, ahead)


def _clock(row: Sequence[Any], ahead: timedelta) -> Clock:
    """After a confirmation the confirmed instant speaks, until newer tokens do."""
    newest, confirmed_at = row
    return Clock(newest or confirmed_at, ahead)


def require_buyable(desk: Desk, scope: Scope, instant: datetime) -> None:
    """Refuse whatever stands in the way of a purchase, in the order a cashier can mend it.

    Raises UnknownMeter (a foreign one too), MeterBlocked, MeterWithoutConsumer,
    MeterWithoutTariff, LicenceExpired, NoPlanInForce, NoModule, MeterWithoutKey, KeyChangeUnconfirmed,
    KeyExpired, ClockBehind, ClockAhead.
    """
    meter = desk.meter
    try:
        require(meter, scope)
    except errors.OutOfScope:
        raise errors.UnknownMeter from None
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
