"""`flask demo load`: an empty installation becomes a small utility with a past.

The sales are made through the real service with a clock that is set to their moments; the
tokens are real and made with the public compliance keys.  A database that already knows
a region is left alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import func, select
from sqlalchemy.orm import Session
from werkzeug.security import generate_password_hash

from app import demo_data as data
from app import demo_sales, demo_town
from app.db import transaction
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
    SetClock,
    Settings,
    Tariff,
    TariffPlan,
    TariffStep,
    Token,
    UserGroup,
    VendingPoint,
)
from app.models.base import now
from app.services import debts
from app.services.security_module import Modules
from app.setup import one_at_a_time
from app.sts.meter_number import check_digit


def scene_of(size: str) -> data.Scene:
    """The scene of a size: `small` or `full`."""
    return data.SMALL if size == "small" else demo_town.scene()


def load_alone(config: Mapping[str, Any], modules: Modules, days: int | None = None, size: str = "small") -> list[str]:
    """Load it under the lock of set-up: of two who begin at once, the second finds the work done."""
    with one_at_a_time(config):
        return load_demonstration(modules, days=days, scene=scene_of(size))


def load_demonstration(
    modules: Modules, today: datetime | None = None, days: int | None = None, scene: data.Scene = data.SMALL
) -> list[str]:
    """Fill an empty installation with `days` of sales (the scene's own if not said); says what was made."""
    instant = today or now()
    days = scene.days if days is None else days
    session = db.session()
    if session.execute(select(func.count(Region.id))).scalar_one():
        begun = session.get_one(Settings, 1).demonstration
        sales = session.execute(select(func.count(Sale.id)), execution_options={"unscoped": True})
        if not begun or sales.scalar_one():
            return ["the database is not empty: nothing was loaded"]
        # It was stopped between its people and its sales: go on from there.
        return [f"{_past(scene, modules, instant, days)} sales in {days} days"]
    with transaction() as session:
        regions = _places(session, scene)
        points = _points(session, scene, regions)
        _people(session, scene, regions, points)
        consumers = _registry(session, scene, regions, instant)
        _debts(session, scene, consumers, instant - timedelta(days=scene.days))
    sold = _past(scene, modules, instant, days)
    return [
        f"{len(scene.regions)} regions, {len(scene.points)} vending points, {len(scene.meters)} meters",
        f"{sold} sales in {days} days",
    ]


def _past(scene: data.Scene, modules: Modules, instant: datetime, days: int) -> int:
    """Sales and what else happened; then it is written down that all of it was made within minutes."""
    newest = select(func.coalesce(func.max(Token.id), 0))
    before, begun = db.session.execute(newest, execution_options={"unscoped": True}).scalar_one(), now()
    sold = demo_sales.sell(scene, modules, instant, days)
    through = db.session.execute(newest, execution_options={"unscoped": True}).scalar_one()
    if through > before:
        with transaction() as session:
            session.add(SetClock(after_token_id=before, through_token_id=through, begun_at=begun, ended_at=now()))
    return sold


def _places(session: Session, scene: data.Scene) -> dict[str, int]:
    settings = session.get_one(Settings, 1)
    for name, value in data.UTILITY.items():
        setattr(settings, name, value)
    settings.demonstration = True
    ids: dict[str, int] = {}
    for key, (name, parent) in scene.regions.items():
        row = Region(name=name, parent_id=ids[parent] if parent else None)
        session.add(row)
        session.flush()
        ids[key] = row.id
    return ids


def _points(session: Session, scene: data.Scene, regions: dict[str, int]) -> dict[str, int]:
    ids = {}
    for key, (name, code, region, address, contact, telephone) in scene.points.items():
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


def _people(
    session: Session, scene: data.Scene, regions: dict[str, int], points: dict[str, int]
) -> None:
    groups = {group.name: group for group in session.execute(select(UserGroup)).scalars()}
    secret = generate_password_hash(data.PASSWORD)
    for username, (first, last, group, region, point, language) in scene.people.items():
        session.add(
            AppUser(
                username=username,
                first_name=first,
                last_name=last,
                email=f"{username}@example.org",
                active=username not in scene.gone,
                password=secret,
                group_id=groups[group].id,
                region_id=regions[region] if region else None,
                vending_point_id=points[point] if point else None,
                language=language,
            )
        )


def _registry(
    session: Session, scene: data.Scene, regions: dict[str, int], instant: datetime
) -> dict[str, Consumer]:
    makers = {key: Manufacturer(name=name, code=code) for key, (name, code) in data.MANUFACTURERS.items()}
    session.add_all(makers.values())
    session.flush()
    products = {
        key: Product(model=model, name=name, meter_type=kind, manufacturer_id=makers[maker].id)
        for key, (model, name, kind, maker) in data.PRODUCTS.items()
    }
    begun = instant - timedelta(days=scene.days)
    year = begun.astimezone(ZoneInfo(data.UTILITY["time_zone"])).year
    tariffs = {key: _tariff(year, *facts) for key, facts in scene.tariffs.items()}
    if scene.real_tariffs:
        tariffs |= demo_town.real_tariffs(instant)
    consumers = {facts[1]: _consumer(facts, regions) for facts in scene.consumers}
    for number in scene.moved_away:
        consumers[number].active = False
    session.add_all([*products.values(), *tariffs.values(), *consumers.values()])
    session.flush()
    for body, product, tariff, owner, keys in scene.meters:
        meter = _meter(scene, body, consumers.get(owner or ""), keys, begun.date())
        meter.meter_type, meter.product_id = products[product].meter_type, products[product].id
        meter.tariff_id = tariffs[tariff].id
        meter.region_id = meter.region_id or regions["kondele"]
        session.add(meter)
    session.flush()
    return consumers


def _meter(scene: data.Scene, body: str, consumer: Consumer | None, keys: data.Keys, begun: date) -> Meter:
    algorithm, sgc, ea = keys
    reason = scene.blocked.get(body) or scene.removed.get(body)
    return Meter(
        meter_number=body + check_digit(body),
        consumer_id=consumer.id if consumer else None,
        region_id=consumer.region_id if consumer else None,
        address=consumer.address if consumer else None,
        algorithm=algorithm,
        sgc=sgc,
        ea=ea,
        status=_status(scene, body, consumer),
        status_reason=reason,
        status_since=now() if reason else None,
        # As the demonstration begins, so that nobody owes fees for months before it.
        installed_on=begun if consumer else None,
        daily_limit=scene.daily_limits.get(body),
    )


def _status(scene: data.Scene, body: str, consumer: Consumer | None) -> MeterStatus:
    if body in scene.blocked:
        return MeterStatus.BLOCKED
    if body in scene.removed:
        return MeterStatus.REMOVED
    return MeterStatus.INSTALLED if consumer else MeterStatus.IN_STOCK


def _debts(session: Session, scene: data.Scene, consumers: dict[str, Consumer], instant: datetime) -> None:
    """Old balances, which purchases pay off bit by bit."""
    for number, (amount, reason) in scene.debts.items():
        opening = debts.Opening(consumers[number].id, amount, reason, f"demonstration-debt-{number}")
        debts.post_opening(session, opening, instant)


def _tariff(year: int, name: str, kind: Any, fee: str, steps: tuple[tuple[int, str, str], ...]) -> Tariff:
    tariff = Tariff(name=name, meter_type=kind)
    tariff.plans.append(
        TariffPlan(
            name=str(year),
            effective_from=datetime(year, 1, 1, tzinfo=ZoneInfo(data.UTILITY["time_zone"])),
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
