"""The desk's one statement: everything that a purchase has to know about a meter, as tables joined to it."""

from __future__ import annotations

from functools import cache
from typing import Any

from sqlalchemy import Integer, Select, String, and_, bindparam, case, func, select
from sqlalchemy.orm import aliased

from app.domain.states import Algorithm
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
from app.services.key_due import next_key_of
from app.services.meter_keys import UNIQUE_KEY
from app.services.several import one_of
from app.services.switch_over import newest_elsewhere, waiting_elsewhere


@cache
def one_desk(selling: bool) -> Select[Any]:
    """The desk's one statement, built once: building it costs more than running it."""
    desks = _of_a_sale(_desks()) if selling else _desks()
    return desks.where(Meter.meter_number == bindparam("meter_number"))


@cache
def several_desks(length: int) -> Select[Any]:
    """The desks of several meters; built once as well."""
    return _desks().where(one_of(Meter.id, length))


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
            Licence, *clock_columns(), TariffPlan.id, TariffPlan.version, TariffPlan.created_at, _first_plan(),
            _next_plan(),
        )
        # NB: PostgreSQL weighs the first eight tables in every order; those that hang together come first, which
        # leaves it a third less to weigh than if all hung on the meter.
        .outerjoin(SecurityModule, serving)
        .outerjoin(SupplyGroupKey, held)
        .outerjoin(next_key, following)
        .join(Product, Meter.product_id == Product.id)
        .join(Region, Meter.region_id == Region.id)
        .outerjoin(Consumer, Meter.consumer_id == Consumer.id)
        .outerjoin(Tariff, Meter.tariff_id == Tariff.id)
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


def _next_plan() -> Any:
    plan = TariffPlan.__table__.alias()
    begins = plan.c.effective_from > bindparam("instant", type_=UTCDateTime)
    return (
        select(func.min(plan.c.effective_from))
        .where(plan.c.tariff_id == Meter.tariff_id, plan.c.parent_id.is_(None), begins)
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


def clock_columns() -> tuple[Any, ...]:
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
