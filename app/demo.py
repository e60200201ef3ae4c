"""`flask demo load`: an empty installation becomes a small utility with a week behind it.

The sales are made through the real service with a clock that is set to their moments; the
tokens are real and made with the public compliance keys.  A database that already knows
a region is left alone.
"""

from __future__ import annotations

import random
from collections.abc import Mapping
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import func, select
from sqlalchemy.orm import Session
from werkzeug.security import generate_password_hash

from app import demo_data as data
from app.access.current import scope_of
from app.db import transaction
from app.domain import errors
from app.domain.states import ChargeMethod, MeterStatus
from app.extensions import db
from app.models import (
    AppUser,
    Consumer,
    Manufacturer,
    Meter,
    Product,
    Region,
    Sale,
    Settings,
    Tariff,
    TariffPlan,
    TariffStep,
    UserGroup,
    VendingPoint,
)
from app.models.base import now
from app.services.security_module import Modules
from app.services.vending import Order, Wish, quote, vend
from app.setup import one_at_a_time
from app.sts.meter_number import check_digit

DAYS = 7
SALES_A_DAY = 6
SEED = 20_141
AMOUNTS = (500, 1_000, 1_000, 2_000, 2_000, 3_000, 5_000)  # minor units


def load_alone(config: Mapping[str, Any], modules: Modules, days: int = DAYS) -> list[str]:
    """Load it under the lock of set-up: of two who begin at once, the second finds the work done."""
    with one_at_a_time(config):
        return load_demonstration(modules, days=days)


def load_demonstration(modules: Modules, today: datetime | None = None, days: int = DAYS) -> list[str]:
    """Fill an empty installation with `days` of sales; says what was made, a line each."""
    instant = today or now()
    session = db.session()
    if session.execute(select(func.count(Region.id))).scalar_one():
        begun = session.get_one(Settings, 1).demonstration
        sales = session.execute(select(func.count(Sale.id)), execution_options={"unscoped": True})
        if not begun or sales.scalar_one():
            return ["the database is not empty: nothing was loaded"]
        # It was stopped between its people and its sales: go on from there.
        return [f"{_sell(modules, _moments(instant, days))} sales in {days} days"]
    with transaction() as session:
        regions = _places(session)
        points = _points(session, regions)
        _people(session, regions, points)
        _registry(session, regions, instant.date())
    sold = _sell(modules, _moments(instant, days))
    return [
        f"{len(data.REGIONS)} regions, {len(data.POINTS)} vending points, {len(data.METERS)} meters",
        f"{sold} sales in {days} days",
    ]


def _places(session: Session) -> dict[str, int]:
    settings = session.get_one(Settings, 1)
    for name, value in data.UTILITY.items():
        setattr(settings, name, value)
    settings.demonstration = True
    ids: dict[str, int] = {}
    for key, (name, parent) in data.REGIONS.items():
        row = Region(name=name, parent_id=ids[parent] if parent else None)
        session.add(row)
        session.flush()
        ids[key] = row.id
    return ids


def _points(session: Session, regions: dict[str, int]) -> dict[str, int]:
    ids = {}
    for key, (name, code, region, address, contact, telephone) in data.POINTS.items():
        row = VendingPoint(
            name=name,
            code=code,
            region_id=regions[region],
            address=address,
            contact_person=contact,
            telephone=telephone,
            email=f"{key}@example.org",
        )
        session.add(row)
        session.flush()
        ids[key] = row.id
    return ids


def _people(session: Session, regions: dict[str, int], points: dict[str, int]) -> None:
    groups = {group.name: group for group in session.execute(select(UserGroup)).scalars()}
    secret = generate_password_hash(data.PASSWORD)
    for username, (first, last, group, region, point, language) in data.PEOPLE.items():
        session.add(
            AppUser(
                username=username,
                first_name=first,
                last_name=last,
                email=f"{username}@example.org",
                active=True,
                password=secret,
                group_id=groups[group].id,
                roles=[groups[group].role],
                region_id=regions[region] if region else None,
                vending_point_id=points[point] if point else None,
                language=language,
            )
        )


def _registry(session: Session, regions: dict[str, int], today: date) -> None:
    makers = {key: Manufacturer(name=name, code=code) for key, (name, code) in data.MANUFACTURERS.items()}
    session.add_all(makers.values())
    session.flush()
    products = {
        key: Product(model=model, name=name, meter_type=kind, manufacturer_id=makers[maker].id)
        for key, (model, name, kind, maker) in data.PRODUCTS.items()
    }
    tariffs = {key: _tariff(*facts) for key, facts in data.TARIFFS.items()}
    consumers = {facts[1]: _consumer(facts, regions) for facts in data.CONSUMERS}
    session.add_all([*products.values(), *tariffs.values(), *consumers.values()])
    session.flush()
    begun = today - timedelta(days=DAYS)
    for body, product, tariff, owner, (algorithm, sgc, ea) in data.METERS:
        consumer = consumers.get(owner) if owner else None
        blocked = body == data.BLOCKED[0]
        session.add(
            Meter(
                meter_number=body + check_digit(body),
                meter_type=products[product].meter_type,
                product_id=products[product].id,
                tariff_id=tariffs[tariff].id,
                consumer_id=consumer.id if consumer else None,
                region_id=consumer.region_id if consumer else regions["kondele"],
                address=consumer.address if consumer else None,
                algorithm=algorithm,
                sgc=sgc,
                ea=ea,
                status=_status(owner, blocked=blocked),
                status_reason=data.BLOCKED[1] if blocked else None,
                status_since=now() if blocked else None,
                # As the demonstration begins, so that nobody owes fees for months before it.
                installed_on=begun if owner else None,
            )
        )


def _status(owner: str | None, *, blocked: bool) -> MeterStatus:
    if blocked:
        return MeterStatus.BLOCKED
    return MeterStatus.INSTALLED if owner else MeterStatus.IN_STOCK


def _tariff(name: str, kind: Any, fee: str, steps: tuple[tuple[int, str, str], ...]) -> Tariff:
    tariff = Tariff(name=name, meter_type=kind)
    tariff.plans.append(
        TariffPlan(
            name="2026",
            effective_from=datetime(2026, 1, 1, tzinfo=ZoneInfo(data.UTILITY["time_zone"])),
            fixed_fee=Decimal(fee),
            fixed_method=ChargeMethod.MONTH,
            steps=[
                TariffStep(start=start, price=Decimal(price), tax_rate=Decimal(rate))
                for start, price, rate in steps
            ],
        )
    )
    return tariff


def _consumer(facts: tuple[str, ...], regions: dict[str, int]) -> Consumer:
    name, number, region, address, id_number, telephone, gender, language = facts
    return Consumer(
        name=name,
        user_number=number,
        region_id=regions[region],
        address=address,
        id_number=id_number,
        telephone=telephone,
        gender=gender,
        language=language,
    )


def _sell(modules: Modules, moments: list[tuple[datetime, str, int]]) -> int:
    """Sell at every vending point, in the order of time."""
    sold = 0
    session = db.session()
    for number, (instant, username, chance) in enumerate(moments):
        user = session.execute(select(AppUser).where(AppUser.username == username)).scalar_one()
        scope = scope_of(user)
        who = (user.vending_point_id, user.id, f"{user.first_name} {user.last_name}")
        meters = _sellable(session, scope.region_path or "/")
        wish = Wish(meters[chance % len(meters)], by_quantity=chance % 5 == 0, value=AMOUNTS[chance % 7])
        if wish.by_quantity:
            wish = Wish(wish.meter_number, by_quantity=True, value=(chance % 9 + 1) * 50)
        try:
            offer = quote(wish, scope, instant=instant)
        except errors.PriceRefusal:
            continue  # not every chance is a purchase: a fee may be more than the money
        if not offer.quote.token_units:
            continue
        received = -(-offer.quote.amount_minor // 500) * 500
        order = Order(
            f"demonstration-{number:05d}", wish.meter_number, who[0] or 0, who[1], wish.by_quantity,
            wish.value, offer.quote.amount_minor, offer.quote.token_units, received, False, who[2],
            again_after=offer.same.sale_id if offer.same else 0,
        )  # fmt: skip
        vend(order, scope, modules, clock=lambda moment=instant: moment)  # type: ignore[misc]
        sold += 1
    return sold


def _moments(today: datetime, days: int) -> list[tuple[datetime, str, int]]:
    chance = random.Random(SEED)  # noqa: S311  (the same week for everybody)
    zone = ZoneInfo(data.UTILITY["time_zone"])
    sellers = [name for name, facts in data.PEOPLE.items() if facts[2] == "Operator"]
    moments = []
    for ago in range(days, -1, -1):
        day = (today - timedelta(days=ago)).astimezone(zone).date()
        for seller in sellers:
            for _ in range(SALES_A_DAY):
                local = datetime.combine(day, time(chance.randrange(8, 18), chance.randrange(60)), zone)
                moments.append((local.astimezone(UTC), seller, chance.randrange(10_000)))
    # Of today only what is past; the clock never runs ahead of the sales.
    return sorted(moment for moment in moments if days and moment[0] < today)


def _sellable(session: Session, region_path: str) -> list[str]:
    statement = (
        select(Meter.meter_number)
        .join(Region, Meter.region_id == Region.id)
        .where(Meter.status == MeterStatus.INSTALLED, Region.path.startswith(region_path))
        .order_by(Meter.id)
    )
    numbers = session.execute(statement, execution_options={"unscoped": True}).scalars()
    return [n for n in numbers if n[:-1] not in data.NOT_SOLD]
