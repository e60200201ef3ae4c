"""Two years of a country's sales for `bench/reports.py`, written in bulk: only the tables that reports read.

Rows are made by the database from their number alone (INSERT ... SELECT over a series), so that five million
take minutes.  Every 200th row takes back the sale 37 before it, every 1 009th sale failed.  Sums of the day are
grouped from the sales, and days and months closed by the program itself.  Nothing here could be sold on.
"""

# ruff: noqa: S608  (statements of numbers and names of our own)
from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Table, select, text

from app.db import learn_sizes
from app.domain.calendar import business_date, zone
from app.extensions import db
from app.models import (
    AppUser,
    Consumer,
    EngineeringRecord,
    LedgerAccount,
    Meter,
    Posting,
    PurchaseDay,
    Region,
    Sale,
    SaleDay,
    Settings,
    TariffPlan,
    Token,
    VendingPoint,
)
from app.services import day_sums, month_sums
from bench.vend_town import _any, _copy, _next

DAYS, PROVINCES, TOWNS = 730, 24, 240
ACTS = 5_000
# Spreads numbers over places, the same on both databases.
SPREAD = "(({n}) * 2654435761 + {salt}) % 4294967291 % {size}"
SUMS = ("sales", "reversals", "amount", "units", "energy", "fees", "taxes")


@dataclass(frozen=True, slots=True)
class Size:
    """How large the country is."""

    sales: int
    points: int = 2_000
    meters: int = 1_000_000
    consumers: int = 800_000


class _Words:
    """The few expressions that the databases write differently."""

    def __init__(self, dialect: str) -> None:
        self.postgresql = dialect == "postgresql"

    def series(self, size: int) -> str:
        """A table `s` with the whole numbers `n` from 1."""
        if self.postgresql:
            return f"generate_series(CAST(1 AS bigint), {size}) AS s(n)"
        counted = f"SELECT 1 UNION ALL SELECT n + 1 FROM c WHERE n < {size}"
        return f"(WITH RECURSIVE c(n) AS ({counted}) SELECT n FROM c) AS s"

    def padded(self, number: str, places: int) -> str:
        """A number with noughts before it."""
        return f"lpad(({number})::text, {places}, '0')" if self.postgresql else f"printf('%0{places}d', {number})"

    def moment(self, epoch: str) -> str:
        """Seconds since 1970 as an instant without zone."""
        if self.postgresql:
            return f"(to_timestamp({epoch}) AT TIME ZONE 'UTC')"
        return f"strftime('%Y-%m-%d %H:%M:%S.000000', {epoch}, 'unixepoch')"

    def day(self, epoch: str) -> str:
        """Seconds since 1970, with the zone's offset in them, as a day."""
        return f"{self.moment(epoch)}::date" if self.postgresql else f"date({epoch}, 'unixepoch')"

    def yes(self, value: bool) -> str:
        """True or false."""
        return str(value).lower() if self.postgresql else str(int(value))


def fill(size: Size) -> None:
    """Write the whole country into the database of this application."""
    words = _Words(db.engine.dialect.name)
    towns = _places()
    points, people = _points(size, towns)
    consumer, meter = _next(Consumer), _next(Meter)
    buyers = (
        {"id": consumer + n, "user_number": f"R{n:07d}", "name": f"Buyer {n:07d}", "region_id": towns[n % TOWNS],
         "id_number": str(30_000_000 + n)}
        for n in range(size.consumers)
    )  # fmt: skip
    _copy(Consumer.__table__, _any(Consumer), buyers)
    meters = (
        {"id": meter + n, "meter_number": f"07{n:08d}0", "consumer_id": consumer + n % size.consumers,
         "region_id": towns[n % size.consumers % TOWNS], "meter_type": _kind(n)}
        for n in range(size.meters)
    )  # fmt: skip
    _copy(Meter.__table__, _any(Meter), meters)
    _sales(words, size, {"towns": towns[0], "points": points, "people": people, "consumer": consumer, "meter": meter})
    _tokens(words, size)
    _postings(points)
    _sums()
    db.session.remove()
    count()
    today = business_date(datetime.now(UTC), _zone())
    day_sums.close_days(today)
    month_sums.close_tens(today)
    month_sums.close_months(today)
    month_sums.close_quarters(today)
    count()


def count() -> None:
    """What the databases know of the sizes of tables, as in production."""
    db.session.remove()
    if db.engine.dialect.name == "postgresql":
        with db.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.execute(text("VACUUM ANALYZE"))
    learn_sizes()


def _kind(place: int) -> str:
    return "water" if place % 10 in (7, 8) else "gas" if place % 10 == 9 else "electricity"


def _zone() -> str:
    return db.session.execute(select(Settings.time_zone)).scalar_one()


def _places() -> list[int]:
    """Provinces below a country, and the ids of the towns below them, one after the other."""
    session = db.session()
    country = Region(name="Bench Country")
    session.add(country)
    session.flush()
    provinces = [Region(name=f"Province {n:02d}", parent_id=country.id) for n in range(PROVINCES)]
    for one in provinces:
        session.add(one)
        session.flush()
    towns = []
    for n in range(TOWNS):
        town = Region(name=f"Town {n:03d}", parent_id=provinces[n % PROVINCES].id)
        session.add(town)
        session.flush()
        towns.append(town.id)
    session.commit()
    return towns


def _points(size: Size, towns: list[int]) -> tuple[int, int]:
    """Vending points with an operator and a cash account each; the first ids of points and of people."""
    points, people, accounts = _next(VendingPoint), _next(AppUser), _next(LedgerAccount)
    _copy(VendingPoint.__table__, _any(VendingPoint), (
        {"id": points + n, "name": f"Shop {n:04d}", "code": f"S{n:04d}", "region_id": towns[n % TOWNS]}
        for n in range(size.points)
    ))  # fmt: skip
    _copy(AppUser.__table__, _any(AppUser), (
        {"id": people + n, "username": f"seller{n:04d}", "email": f"seller{n:04d}@example.org", "first_name": "Seller",
         "last_name": f"{n:04d}", "vending_point_id": points + n}
        for n in range(size.points)
    ))  # fmt: skip
    codes = ((("cash", points + n) for n in range(size.points)), (("energy", 0), ("tax.vat", 0)))
    _copy(LedgerAccount.__table__, {"currency": "USD"}, (
        {"id": accounts + n, "code": code, "scope_key": key}
        for n, (code, key) in enumerate(one for part in codes for one in part)
    ))  # fmt: skip
    return points, people


@contextmanager
def bare(*tables: Table) -> Iterator[Connection]:
    """A connection to write many rows through: without the tables' indexes and foreign keys, which come back after."""
    db.session.remove()
    indexes = [index for table in tables for index in table.indexes]
    with db.engine.connect() as connection:
        if connection.dialect.name == "postgresql":
            connection.execute(text("SET session_replication_role = replica"))
            connection.execute(text("SET maintenance_work_mem = '512MB'"))
            connection.execute(text("SET synchronous_commit = off"))
        else:
            for pragma in ("foreign_keys = OFF", "synchronous = OFF", "cache_size = -800000"):
                connection.exec_driver_sql(f"PRAGMA {pragma}")
        connection.commit()
        for index in indexes:
            index.drop(connection)
        yield connection
        connection.commit()
        for index in indexes:
            index.create(connection)
        connection.commit()
        connection.detach()  # what was switched off ends with this connection


def _insert(connection: Connection, table: Table, told: Mapping[str, str], source: str, **given: Any) -> None:
    columns, values = ", ".join(told), ", ".join(told.values())
    connection.execute(text(f"INSERT INTO {table.name} ({columns}) SELECT {values} FROM {source}"), given)


def _sales(words: _Words, size: Size, at: Mapping[str, int]) -> None:
    """Sales in the order of time, from two years ago to now."""
    now = datetime.now(UTC).replace(microsecond=0)
    begin = int((now - timedelta(days=DAYS)).timestamp())
    shift = int((now.astimezone(zone(_zone())).utcoffset() or timedelta()).total_seconds())
    epoch = f"({begin} + n * {DAYS * 86_400} / {size.sales})"
    place = SPREAD.format(n="m", salt=0, size=size.meters)
    point = SPREAD.format(n="m", salt=7, size=size.points)
    source = (
        "(SELECT n, m, p, v, p % {consumers} AS c, {epoch} AS t, n <> m AS back, n = m AND n % 1009 = 1 AS failed,"
        " 100 + {value} AS a"
        " FROM (SELECT n, m, {place} AS p, {point} AS v"
        " FROM (SELECT n, CASE WHEN n % 200 = 0 AND (n - 37) % 1009 <> 1 THEN n - 37 ELSE n END AS m FROM {series}) AS one)"
        " AS two) AS three"
    ).format(
        consumers=size.consumers, epoch=epoch, value=SPREAD.format(n="m", salt=11, size=9_900), place=place, point=point,
        series=words.series(size.sales),
    )  # fmt: skip
    parts = json.dumps(_snapshot()).split("@")
    marks = (
        f"'S' || {words.padded('v', 4)}", f"'Shop ' || {words.padded('v', 4)}", f"'Seller ' || {words.padded('v', 4)}",
        f"'07' || {words.padded('p', 8)} || '0'", f"'Buyer ' || {words.padded('c', 7)}", f"'R' || {words.padded('c', 7)}",
    )  # fmt: skip
    snapshot = " || ".join(
        f"CAST(:s{number} AS TEXT)" + (f" || {mark}" if mark else "") for number, mark in enumerate((*marks, ""))
    )
    told = {
        "kind": "CASE WHEN back THEN 'reversal' ELSE 'sale' END",
        "status": "CASE WHEN failed THEN 'failed' ELSE 'issued' END",
        "reference": f"'r' || {words.padded('n', 8)}",
        "message_id": f"'m' || {words.padded('n', 8)}",
        "reverses_id": "CASE WHEN back THEN m END",
        "vending_point_id": f"{at['points']} + v",
        "operator_id": f"{at['people']} + v",
        "meter_id": f"{at['meter']} + p",
        "consumer_id": f"{at['consumer']} + c",
        "point_region_id": f"{at['towns']} + v % {TOWNS}",
        "consumer_region_id": f"{at['towns']} + c % {TOWNS}",
        "plan_id": str(db.session.execute(select(TariffPlan.id).limit(1)).scalar_one()),
        "meter_type": "CASE WHEN p % 10 IN (7, 8) THEN 'water' WHEN p % 10 = 9 THEN 'gas' ELSE 'electricity' END",
        "reserved_at": words.moment("t"),
        "settled_at": words.moment("t"),
        "business_date": words.day(f"(t + {shift})"),
        "currency": "'USD'",
        "currency_decimals": "2",
        "by_quantity": words.yes(False),
        "amount": "a",
        "token_units": "a * 7 / 10",
        "carried_units": "CASE WHEN NOT failed THEN a * 7 / 10 END",
        "snapshot": snapshot,
        "receipt_number": "CASE WHEN NOT failed THEN n END",
        "id": "n",
    }
    with bare(Sale.__table__) as connection:
        _insert(connection, Sale.__table__, told, source, **{f"s{number}": part for number, part in enumerate(parts)})


def _snapshot() -> dict[str, Any]:
    """As long as that of a sale of the demonstration, with the six facts that reports read marked."""
    return {
        "point": {"code": "@", "name": "@", "address": "Kibos Road", "region": "Kondele, Kisumu County, Kenya"},
        "operator": "@",
        "meter": {"meter_number": "@", "algorithm": "sts6", "ea": 7, "krn": 1, "product": "Hexa single phase S200",
                  "region": "Kondele, Kisumu County, Kenya", "sgc": "201457", "tct": 2, "ti": 1},
        "consumer": {"name": "@", "user_number": "@", "address": "Obote Road 10", "language": "sw"},
        "rest": "x" * 700,
    }  # fmt: skip


def _tokens(words: _Words, size: Size) -> None:
    """A credit token for each issued sale, and acts of the engineering desk with one each."""
    shared = {"base_date": "14", "sgc": "'201457'", "krn": "1", "ti": "1", "ea": "7", "tct": "2", "kcv": "'13C395'"}
    number = "id - (SELECT min(id) FROM sale) + 1"
    with bare(Token.__table__, EngineeringRecord.__table__) as connection:
        _insert(connection, Token.__table__, shared | {
            "kind": "'credit'", "sale_id": "id", "meter_id": "meter_id", "vending_point_id": "vending_point_id",
            "position": "1", "digits": words.padded(number, 20), "pan": f"'600727' || {words.padded('meter_id', 12)}",
            "token_class": "0", "subclass": "0", "token_id": "id", "amount": "carried_units", "issued_at": "settled_at",
            "id": "id",
        }, "sale WHERE kind = 'sale' AND status = 'issued' ORDER BY id")  # fmt: skip
        first = int(connection.execute(text("SELECT coalesce(max(id), 0) + 1 FROM engineering_record")).scalar_one())
        act = f"{first} + id * {ACTS} / {size.sales}"
        every = f"sale WHERE id % {max(1, size.sales // ACTS)} = 0 ORDER BY id"
        for kind, name in (("engineering", "clear_tamper"), ("key_change", "key_change")):
            key = f"{act} + {ACTS + 2 if kind == 'key_change' else 0}"
            _insert(connection, EngineeringRecord.__table__, {
                "id": key, "kind": f"'{kind}'", "reference": f"'{kind}' || id", "message_id": f"'{kind[:1]}' || id",
                "status": "'issued'", "function": f"'{name}'", "reason": "'As ordered'",
                "vending_point_id": "vending_point_id", "point_region_id": "point_region_id", "operator_id": "operator_id",
                "meter_id": "meter_id", "created_at": "reserved_at", "settled_at": "settled_at",
                "details": """'{"target": ["201457", 2, 1]}'""", "snapshot": "'{}'",
            }, every)  # fmt: skip
            _insert(connection, Token.__table__, shared | {
                "kind": f"'{kind}'", "engineering_id": key, "meter_id": "meter_id", "vending_point_id": "vending_point_id",
                "position": "1", "digits": words.padded("id", 20), "pan": "'600727010000011393'",
                "token_class": "2", "subclass": "5", "issued_at": "settled_at",
                "id": f"{2 * size.sales} + {key}",
            }, every)  # fmt: skip


def _postings(points: int) -> None:
    """Two postings for each issued sale: a sixth of it tax; a reversal turned round."""
    account = "(SELECT id FROM ledger_account WHERE code = '{code}' AND scope_key = 0 AND currency = 'USD')"
    with db.engine.connect() as connection:
        cash, energy, tax = (
            int(connection.execute(text(statement)).scalar_one())
            for statement in (
                f"SELECT id FROM ledger_account WHERE code = 'cash' AND scope_key = {points}",
                "SELECT " + account.format(code="energy"), "SELECT " + account.format(code="tax.vat"),
            )
        )  # fmt: skip
    drawer = f"{cash} + vending_point_id - {points}"
    with bare(Posting.__table__) as connection:
        for entry, (other, amount) in enumerate(((energy, "amount - amount / 6"), (tax, "amount / 6")), start=1):
            _insert(connection, Posting.__table__, {
                "sale_id": "id", "entry_no": str(entry),
                "debit_id": f"CASE WHEN kind = 'reversal' THEN {other} ELSE {drawer} END",
                "credit_id": f"CASE WHEN kind = 'reversal' THEN {drawer} ELSE {other} END",
                "amount": amount, "currency": "currency", "business_date": "business_date", "posted_at": "settled_at",
                "id": f"id * 2 + {entry}",
            }, "sale WHERE status = 'issued' ORDER BY id")  # fmt: skip


def _sums() -> None:
    """Sums of the day as sales leave them, grouped from the sales."""
    sign = "CASE WHEN kind = 'reversal' THEN -1 ELSE 1 END"
    counted = (
        "sum(CASE WHEN kind = 'sale' THEN 1 ELSE 0 END)", "sum(CASE WHEN kind = 'reversal' THEN 1 ELSE 0 END)",
        *(f"sum({sign} * ({what}))" for what in ("amount", "carried_units", "amount - amount / 6", "0", "amount / 6")),
    )  # fmt: skip
    for table, region, more in ((SaleDay, "point_region_id", {"vending_point_id": "vending_point_id"}),
                                (PurchaseDay, "consumer_region_id", {})):  # fmt: skip
        key = {"business_date": "business_date", **more, "region_id": region, "meter_type": "meter_type", "currency": "currency"}
        by = ", ".join(key.values())
        with bare(table.__table__) as connection:
            _insert(connection, table.__table__, key | dict(zip(SUMS, counted, strict=True)),
                    f"sale WHERE status = 'issued' GROUP BY {by} ORDER BY {by}")  # fmt: skip
