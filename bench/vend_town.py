"""A utility of any size for benches, written in bulk: a county of a hundred towns, its consumers and meters, its sellers.

Rows are copies of one that the program made, with their own numbers, names and places; indexes are made anew at the end,
as a database is filled.  Names are drawn as `bench/search.py` draws them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

from sqlalchemy import Table, func, select, text

from app.db import transaction
from app.demo_data import PASSWORD
from app.extensions import db
from app.models import AppUser, Consumer, ConsumerTerm, Meter, MeterLock, Region, VendingPoint
from app.models.consumer import terms_of
from app.sts.meter_number import check_digit
from bench.search import names

TOWNS, SELLERS = 100, 16
PART = 50_000


class Buyer(NamedTuple):
    """What a consumer's words are made of."""

    id: int
    name: str
    user_number: str
    region_id: int
    telephone: str
    id_number: str


@dataclass(frozen=True)
class Town:
    """Who sells there (user names, one password), and the numbers of the meters."""

    sellers: tuple[str, ...]
    password: str
    first: int
    meters: int

    def number(self, place: int) -> str:
        """The meter number at a place from 0."""
        return _number(place % self.meters)


def fill(meters: int, consumers: int) -> Town:
    """Write the county into the database of this application; consumers have a meter each, the first ones two."""
    towns, sellers = _places()
    first_meter, first_consumer = _next(Meter), _next(Consumer)
    pattern = db.session.execute(
        select(Meter.id).where(Meter.status == "installed", Meter.sgc == "201457", Meter.ea == 7, Meter.meter_type == "electricity")
        .order_by(Meter.id).limit(1)
    ).scalar_one()  # fmt: skip
    buyers = [
        Buyer(first_consumer + n, name, f"B{n:07d}", towns[n % TOWNS], f"+2547{n:08d}", str(30_000_000 + n))
        for n, name in enumerate(names(consumers))
    ]
    _copy(Consumer.__table__, _any(Consumer), ({**b._asdict()} for b in buyers))
    terms = ((term, b.id) for b in buyers for term in sorted(terms_of(b)))  # type: ignore[arg-type]
    numbered = ({"id": n, "term": t, "consumer_id": c} for n, (t, c) in enumerate(terms, start=_next(ConsumerTerm)))
    _copy(ConsumerTerm.__table__, {}, numbered)
    owners = ((n, buyers[n % consumers]) for n in range(meters))
    rows = (
        {"id": first_meter + n, "meter_number": _number(n), "consumer_id": b.id, "region_id": b.region_id}
        for n, b in owners
    )
    _copy(Meter.__table__, _raw(Meter.__table__, pattern), rows)
    _copy(MeterLock.__table__, {}, ({"meter_id": first_meter + n, "sales": 0} for n in range(meters)))
    with db.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        # PostgreSQL does both by itself within a minute of so many rows: here it would, while the clock runs.
        connection.execute(text("VACUUM (ANALYZE)" if connection.dialect.name == "postgresql" else "ANALYZE"))
    return Town(sellers, PASSWORD, first_meter, meters)


def _number(place: int) -> str:
    body = f"07{place:08d}"
    return body + check_digit(body)


def _places() -> tuple[list[int], tuple[str, ...]]:
    """The county, its towns, and a shop with its seller for each of sixteen."""
    with transaction() as session:
        amara = session.execute(select(AppUser).where(AppUser.username == "amara")).scalar_one()
        county = Region(name="Bench County", parent_id=session.execute(select(Region.id).where(Region.level == 0)).scalars().first())
        session.add(county)
        session.flush()
        towns = []
        for number in range(TOWNS):
            town = Region(name=f"Town {number:03d}", parent_id=county.id)
            session.add(town)
            session.flush()
            towns.append(town.id)
        sellers = []
        for number in range(SELLERS):
            point = VendingPoint(name=f"Shop {number:02d}", code=f"B{number:02d}", region_id=county.id)
            session.add(point)
            session.flush()
            sellers.append(f"seller{number:02d}")
            session.add(
                AppUser(
                    username=sellers[-1], first_name="Seller", last_name=f"{number:02d}", email=f"{sellers[-1]}@example.org",
                    active=True, password=amara.password, group_id=amara.group_id,
                    vending_point_id=point.id, language="en",
                )
            )  # fmt: skip
    return towns, tuple(sellers)


def _next(model: Any) -> int:
    return int(db.session.execute(select(func.coalesce(func.max(model.id), 0)), execution_options={"unscoped": True}).scalar_one()) + 1


def _any(model: Any) -> dict[str, Any]:
    return _raw(model.__table__, db.session.execute(select(func.min(model.id)), execution_options={"unscoped": True}).scalar_one())


def _raw(table: Table, key: int) -> dict[str, Any]:
    """A row as the database holds it."""
    return dict(db.session.execute(select(text("*")).select_from(table).where(table.c.id == key)).mappings().one())


def _copy(table: Table, pattern: dict[str, Any], rows: Iterable[dict[str, Any]]) -> None:
    """Write rows that differ from `pattern` in what each says, with the indexes made anew afterwards."""
    db.session.rollback()
    indexes = [index for index in table.indexes if index.name]
    with db.engine.begin() as connection:
        for index in indexes:
            index.drop(connection)
    _write(table, pattern, iter(rows))
    with db.engine.begin() as connection:
        for index in indexes:
            index.create(connection)
        if connection.dialect.name == "postgresql" and "id" in table.c:
            sequence = func.pg_get_serial_sequence(table.name, "id")
            connection.execute(select(func.setval(sequence, select(func.max(table.c.id)).scalar_subquery())))


def _write(table: Table, pattern: dict[str, Any], rows: Iterator[dict[str, Any]]) -> None:
    first = next(rows, None)
    if first is None:
        return
    columns = list(pattern | first)
    raw = db.engine.raw_connection()

    def values() -> Iterator[tuple[Any, ...]]:
        yield tuple((pattern | first)[name] for name in columns)
        for row in rows:
            merged = pattern | row
            yield tuple(merged[name] for name in columns)

    try:
        cursor = raw.cursor()
        if db.engine.dialect.name == "postgresql":
            cursor.execute("SET LOCAL session_replication_role = replica")  # no triggers: what is copied is right
            with cursor.copy(f"COPY {table.name} ({', '.join(columns)}) FROM STDIN") as copy:
                for row in values():
                    copy.write_row(row)
        else:
            cursor.execute("PRAGMA synchronous = OFF")
            marks = ", ".join("?" * len(columns))
            into = f"INSERT INTO {table.name} ({', '.join(columns)}) VALUES ({marks})"  # noqa: S608  (names of our own)
            cursor.executemany(into, values())
        raw.commit()
        if db.engine.dialect.name == "sqlite":
            cursor.execute("PRAGMA synchronous = FULL")
    finally:
        raw.close()
