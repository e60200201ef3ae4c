"""The people and places that every test speaks of.

Amara sells at the Market shop, Bento at the Harbour shop of another region, Corner is a
third point in Amara's region.  Chidi manages that region, Dalia audits it, Efua
administers.  The meter at 7 Palm Street is on a two-step tariff.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from functools import cache

from sqlalchemy import select
from werkzeug.security import generate_password_hash

from app.access.current import scope_of
from app.access.scope import Scope
from app.db import transaction
from app.domain.states import Algorithm, ChargeMethod, MeterType, RowScope
from app.extensions import db
from app.models import (
    AppUser,
    Consumer,
    Manufacturer,
    Meter,
    Product,
    Region,
    SupplyGroupKey,
    Tariff,
    TariffPlan,
    TariffStep,
    UserGroup,
    VendingPoint,
)
from app.sts.meter_number import check_digit
from tests.fixtures import ready

PASSWORD = "demo"
LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)


@cache
def password_hash() -> str:
    """One hash for the whole cast, a cheap one: a real one costs each sign-in a deliberate tenth of a second.

    That real ones are dear is held by `test_a_password_is_dear_to_guess_and_so_is_nobodys`.
    """
    return generate_password_hash(PASSWORD, "scrypt:1024:1:1")


def drn(body: str) -> str:
    """A meter number with its check digit."""
    return body + check_digit(body)


PALM_STREET = drn("0100000001")  # electricity, legacy key, EA07
PUMP = drn("0100000002")  # water, STS6 key, EA07
MILL = drn("010000000003")  # electricity, STS6 key, EA11, thirteen digits
PIER = drn("0100000004")  # electricity in Bento's region


@dataclass(frozen=True)
class Cast:
    """Ids of the rows; models are loaded anew where a test needs them."""

    points: dict[str, int]
    users: dict[str, int]
    regions: dict[str, int]
    meters: dict[str, int]
    consumers: dict[str, int]
    tariffs: dict[str, int]

    def scope(self, name: str) -> Scope:
        """What this person may see."""
        return scope_of(db.session.get_one(AppUser, self.users[name]))


def make_cast() -> Cast:
    """Write everybody into a database that has just been set up, unless it was copied with them in it."""
    if ready.made is not None and db.session.query(Region.id).first():
        return getattr(ready.made, "cast", ready.made)
    with transaction() as session:
        regions = _regions(session)
        points = _points(session, regions)
        users = _users(session, regions, points)
        tariffs = _tariffs(session)
        consumers, meters = _meters(session, regions, tariffs)
        ids = [{k: row.id for k, row in rows.items()} for rows in
               (points, users, regions, meters, consumers, tariffs)]  # fmt: skip
    return Cast(*ids)


def _regions(session) -> dict[str, Region]:
    rows: dict[str, Region] = {}
    for key, name, parent in (
        ("country", "Kenya", None),
        ("coast", "Coast", "country"),
        ("market", "Market Town", "coast"),
        ("lake", "Lake", "country"),
        ("harbour", "Harbour Town", "lake"),
    ):
        rows[key] = Region(name=name, parent_id=rows[parent].id if parent else None)
        session.add(rows[key])
        session.flush()
        session.refresh(rows[key])
    return rows


def _points(session, regions: dict[str, Region]) -> dict[str, VendingPoint]:
    rows = {
        "market": VendingPoint(name="Market shop", code="MKT", region_id=regions["market"].id),
        "corner": VendingPoint(name="Corner shop", code="CRN", region_id=regions["market"].id),
        "harbour": VendingPoint(name="Harbour shop", code="HRB", region_id=regions["harbour"].id),
    }
    session.add_all(rows.values())
    session.flush()
    return rows


def _users(session, regions, points) -> dict[str, AppUser]:
    groups: dict[RowScope, list[UserGroup]] = {}
    for group in session.execute(select(UserGroup).order_by(UserGroup.id)).scalars():
        groups.setdefault(group.name, []).append(group)
    rows = {}
    for name, group_name, region, point in (
        ("amara", "Operator", None, "market"),
        ("bento", "Operator", None, "harbour"),
        ("corin", "Operator", None, "corner"),
        ("chidi", "Manager", "coast", None),
        ("dalia", "Auditor", "coast", None),
        ("efua", "Administrator", None, None),
    ):
        group = groups[group_name][0]
        rows[name] = AppUser(
            username=name,
            first_name=name.title(),
            last_name="Test",
            email=f"{name}@example.org",
            active=True,
            password=password_hash(),
            group_id=group.id,
            region_id=regions[region].id if region else None,
            vending_point_id=points[point].id if point else None,
            language="en",
        )
        session.add(rows[name])
    session.flush()
    return rows


def _tariffs(session) -> dict[str, Tariff]:
    home = Tariff(name="Home, two steps", meter_type=MeterType.ELECTRICITY)
    home.plans.append(
        TariffPlan(
            name="From 2020",
            effective_from=LONG_AGO,
            fixed_fee=Decimal("1.50"),
            fixed_method=ChargeMethod.MONTH,
            steps=[
                TariffStep(start=0, price=Decimal("0.20")),
                TariffStep(start=1000, price=Decimal("0.30"), tax_rate=Decimal("0.075")),
            ],
        )
    )
    water = Tariff(name="Water", meter_type=MeterType.WATER)
    water.plans.append(
        TariffPlan(
            name="From 2020", effective_from=LONG_AGO, steps=[TariffStep(start=0, price=Decimal("1.25"))]
        )
    )
    session.add_all([home, water])
    session.flush()
    return {"home": home, "water": water}


def _meters(session, regions, tariffs) -> tuple[dict[str, Consumer], dict[str, Meter]]:
    maker = Manufacturer(name="Hexa", code="01")
    session.add(maker)
    session.flush()
    electric = Product(
        model="S200", name="Hexa", meter_type=MeterType.ELECTRICITY, manufacturer_id=maker.id
    )
    wet = Product(model="A15", name="AquaLine", meter_type=MeterType.WATER, manufacturer_id=maker.id)
    session.add_all([electric, wet])
    consumers = {
        "achieng": Consumer(
            name="Achieng Wanjiru", user_number="10482", region_id=regions["market"].id,
            address="7 Palm Street", telephone="+254 700 123 456", id_number="27714471", language="en",
        ),
        "juma": Consumer(
            name="Juma Otieno", user_number="10483", region_id=regions["harbour"].id, address="2 Pier Road"
        ),
    }  # fmt: skip
    session.add_all(consumers.values())
    session.flush()
    legacy = {"algorithm": Algorithm.LEGACY, "sgc": "123456", "ea": 7}
    sts6 = {"algorithm": Algorithm.STS6, "sgc": "201457"}
    made = {}
    for key, number, place, product, tariff, owner, crypto in (
        ("palm_street", PALM_STREET, "market", electric, "home", "achieng", legacy),
        ("pump", PUMP, "market", wet, "water", "achieng", sts6 | {"ea": 7}),
        ("mill", MILL, "market", electric, "home", "achieng", sts6 | {"ea": 11}),
        ("pier", PIER, "harbour", electric, "home", "juma", legacy),
    ):
        made[key] = Meter(
            meter_number=number, meter_type=product.meter_type, product_id=product.id,
            tariff_id=tariffs[tariff].id, consumer_id=consumers[owner].id,
            region_id=regions[place].id, installed_on=datetime.now(UTC).date().replace(day=1), **crypto,
        )  # fmt: skip
        session.add(made[key])
    session.flush()
    return consumers, made


def end_keys(sgc: str) -> None:
    """End every key of a supply group: a meter under it has nothing to change to."""
    with transaction() as session:
        for key in session.execute(select(SupplyGroupKey).where(SupplyGroupKey.sgc == sgc)).scalars():
            key.active_to = LONG_AGO
