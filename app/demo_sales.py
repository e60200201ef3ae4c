"""The past of the demonstration: sales through the real service, with a clock set to their moments."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import event, select

from app import demo_acts
from app import demo_data as data
from app.access.current import scope_of
from app.access.scope import Scope
from app.domain import errors
from app.domain.states import MeterStatus, MeterType
from app.extensions import db
from app.models import AppUser, Meter, Region, SupplyGroupKey
from app.services.security_module import Modules
from app.services.vending import Order, Wish, quote, vend

SEED = 20_141
# Minor units that people bring for each type of meter.
AMOUNTS = {
    MeterType.ELECTRICITY: (500, 1_000, 1_000, 2_000, 2_000, 3_000, 5_000),
    MeterType.WATER: (300, 500, 500, 800, 1_000, 1_200, 2_000),
    MeterType.GAS: (500, 1_000, 1_500, 2_000),
    MeterType.TIME: (100, 200, 300, 500),
}
NOTE = 500  # the smallest note: what is handed over is a multiple of it
ENDED_BASE_DATE = 93
SUNDAY = 6


@dataclass(frozen=True)
class Seller:
    """Somebody at a vending point, and the meters that come there."""

    user_id: int
    name: str
    point_id: int
    scope: Scope
    meters: tuple[tuple[str, MeterType], ...]


def sell(scene: data.Scene, modules: Modules, today: datetime, days: int) -> int:
    """Sell at every vending point, in the order of time; how many sales were made."""
    sellers = {
        name: _seller(name)
        for name, facts in scene.people.items()
        if facts[2] == "Operator" and name not in scene.gone
    }
    sold = 0
    with _in_a_hurry():
        others = demo_acts.moments(scene, modules, today, days)
        for number, (instant, who, chance) in enumerate(_moments(scene, list(sellers), today, days)):
            while others and others[0][0] <= instant:
                others.pop(0)[1]()
            sold += _sell_once(sellers[who], modules, instant, chance, f"demonstration-{number:05d}")
        for _instant, happens in others:
            happens()
    return sold


def _sell_once(seller: Seller, modules: Modules, instant: datetime, chance: int, reference: str) -> bool:
    number, kind = seller.meters[chance % len(seller.meters)]
    by_quantity = chance % 5 == 0
    amounts = AMOUNTS[kind]
    value = (chance % 9 + 1) * 50 if by_quantity else amounts[chance // 7 % len(amounts)]
    wish = Wish(number, by_quantity=by_quantity, value=value)
    try:
        offer = quote(wish, seller.scope, instant=instant)
    except errors.PriceRefusal:
        return False  # not every chance is a purchase: a fee may be more than the money
    except errors.DailyLimit:
        return False
    if not offer.quote.token_units:
        return False
    order = Order(
        reference, number, seller.point_id, seller.user_id, by_quantity, value, offer.quote.amount_minor,
        offer.quote.token_units, -(-offer.quote.amount_minor // NOTE) * NOTE, False, seller.name,
        again_after=offer.same.sale_id if offer.same else 0,
    )  # fmt: skip
    vend(order, seller.scope, modules, clock=lambda: instant)
    return True


def _seller(username: str) -> Seller:
    session = db.session()
    user = session.execute(select(AppUser).where(AppUser.username == username)).scalar_one()
    scope = scope_of(user)
    living = (
        select(SupplyGroupKey.sgc, SupplyGroupKey.krn).where(SupplyGroupKey.base_date != ENDED_BASE_DATE).subquery()
    )
    statement = (
        select(Meter.meter_number, Meter.meter_type)
        .join(Region, Meter.region_id == Region.id)
        .join(living, (living.c.sgc == Meter.sgc) & (living.c.krn == Meter.krn))
        .where(Meter.status == MeterStatus.INSTALLED, Region.path.startswith(scope.region_path or "/"))
        .distinct()
        .order_by(Meter.meter_number)
    )
    rows = session.execute(statement, execution_options={"unscoped": True}).all()
    name = f"{user.first_name} {user.last_name}"
    return Seller(user.id, name, user.vending_point_id or 0, scope, tuple((n, kind) for n, kind in rows))


def _moments(
    scene: data.Scene, sellers: list[str], today: datetime, days: int
) -> list[tuple[datetime, str, int]]:
    chance = random.Random(SEED)  # noqa: S311  (the same past for everybody)
    zone = ZoneInfo(data.UTILITY["time_zone"])
    moments = []
    for ago in range(days, -1, -1):
        day = (today - timedelta(days=ago)).astimezone(zone).date()
        for seller in sellers:
            # Between half and half as much again; on Sundays few come.
            most = scene.sales_a_day // 2 if day.weekday() == SUNDAY else scene.sales_a_day * 3 // 2
            for _ in range(chance.randint(scene.sales_a_day // 2, most)):
                local = datetime.combine(day, time(chance.randrange(8, 18), chance.randrange(60)), zone)
                moments.append((local.astimezone(UTC), seller, chance.randrange(10_000)))
    # Of today only what is past; the clock never runs ahead of the sales.
    return sorted(moment for moment in moments if days and moment[0] < today)


@contextmanager
def _in_a_hurry() -> Iterator[None]:
    """On SQLite, let the fresh database be written to the disk once at the end, not three times a sale.

    A power cut meanwhile may leave a file that is good for nothing: it holds a demonstration only.
    """
    engine = db.engine
    if engine.dialect.name != "sqlite":
        yield
        return

    def hurry(connection: object, _record: object, _proxy: object) -> None:
        connection.execute("PRAGMA synchronous=OFF")  # type: ignore[attr-defined]

    db.session.remove()
    event.listen(engine, "checkout", hurry)
    try:
        yield
    finally:
        event.remove(engine, "checkout", hurry)
        db.session.remove()
        engine.dispose()  # new connections are careful again (app/db.py)
        with engine.connect() as connection:
            connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
