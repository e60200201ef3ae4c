"""A tree of five thousand regions with a hundred thousand consumers and meters, on SQLite and PostgreSQL.

Pages are asked through the whole program (sign-in, rights, template) by a client without a network;
statements are counted.  Each figure is the best of several in milliseconds (of processor time on
SQLite, which works in this process; of the clock on PostgreSQL), and the size of the answer in
kilobytes shows that no page holds the whole tree.  Moving and merging are done
once each, by their service.  The aim is 150 ms for a page, 50 ms for a suggestion.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from typing import Any

from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import Engine, event, insert, select
from sqlalchemy.orm import Session

from app.access.scope import Scope
from app.db import transaction
from app.domain.folding import fold
from app.extensions import db
from app.models import Consumer, Meter, Region
from app.services import region_changes
from app.sts.meter_number import check_digit
from bench.sales import installations

COUNTRIES, PROVINCES, TOWNS = 2, 20, 125
CONSUMERS, LOOKS = 100_000, 7
ALL = Scope.everything()


def fill(session: Session) -> dict[str, int]:
    """Two countries, one of them with a province of 2 500 towns; a consumer with a meter by twos and threes in each."""
    towns: list[int] = []
    kept: dict[str, int] = {}
    for country in range(COUNTRIES):
        top = _add(session, f"Country {country}", None)
        kept.setdefault("country", top.id)
        if country == 0:
            wide = _add(session, "Wide province", top)
            kept["wide"] = wide.id
            towns += _towns(session, wide, PROVINCES * TOWNS)
        for number in range(PROVINCES if country else 1):
            province = _add(session, f"Province {number:02d}", top)
            kept.setdefault("province", province.id)
            towns += _towns(session, province, TOWNS)
    kept["town"] = towns[len(towns) // 3]
    pattern = session.execute(select(Meter).where(Meter.consumer_id.is_not(None))).scalars().first()
    first = session.execute(select(Consumer.id).order_by(Consumer.id.desc())).scalars().first() + 1
    session.execute(
        insert(Consumer.__table__),
        [{"id": first + n, "name": f"Consumer {n}", "user_number": f"R{n:06d}", "region_id": towns[n % len(towns)],
          "version": 1, "debt_minor": 0} for n in range(CONSUMERS)],
    )  # fmt: skip
    copied = ("meter_type", "product_id", "tariff_id", "algorithm", "ea", "tct", "sgc", "krn", "ti", "ken", "status")
    facts = {name: getattr(pattern, name) for name in copied} | {"version": 1, "pending_tries": 0}
    session.execute(
        insert(Meter.__table__),
        [facts | {"meter_number": (body := f"08{n:08d}") + check_digit(body), "consumer_id": first + n,
                  "region_id": towns[n % len(towns)]} for n in range(CONSUMERS)],
    )  # fmt: skip
    return kept


def _add(session: Session, name: str, above: Region | None) -> Region:
    region = Region(name=name, parent_id=above.id if above else None)
    session.add(region)
    session.flush()
    session.refresh(region)
    return region


def _towns(session: Session, above: Region, count: int) -> list[int]:
    """Many at once, as an import writes them: path and names are worked out here."""
    highest = session.execute(select(Region.id).order_by(Region.id.desc()).limit(1)).scalar_one()
    rows = []
    for number in range(count):
        key, name = highest + 1 + number, f"Town {number:04d}"
        full = f"{name}, {above.full_name}"
        rows.append({"id": key, "name": name, "parent_id": above.id, "level": 2, "path": f"{above.path}{key}/",
                     "full_name": full, "search_name": fold(full), "version": 1})  # fmt: skip
    session.execute(insert(Region), rows)
    if session.get_bind().dialect.name == "postgresql":
        session.connection().exec_driver_sql("SELECT setval(pg_get_serial_sequence('region', 'id'), (SELECT max(id) FROM region))")
    return [row["id"] for row in rows]


class Statements:
    """How many statements an engine was sent."""

    def __init__(self, engine: Engine) -> None:
        self.count = 0
        event.listen(engine, "before_cursor_execute", self._one)

    def _one(self, *_given: Any) -> None:
        self.count += 1


def signed_in(app: Flask) -> FlaskClient:
    """Efua's browser."""
    from tests.fixtures.application import csrf_token

    client = app.test_client()
    token = csrf_token(client.get("/login/").get_data(as_text=True))
    answer = client.post("/login/", data={"username": "efua", "password": "demo", "csrf_token": token})
    if answer.status_code != 302:
        raise RuntimeError("nobody signed in")
    return client


def look(client: FlaskClient, path: str, statements: Statements, clock: Callable[[], float]) -> str:
    """The best of several looks, the statements of one, and the size of the answer."""
    best, size, sent = 1e9, 0, 0
    for _ in range(LOOKS):
        before, begun = statements.count, clock()
        answer = client.get(path)
        best = min(best, (clock() - begun) * 1000)
        size, sent = len(answer.get_data()), statements.count - before
        if answer.status_code != 200:
            raise RuntimeError(f"{path}: {answer.status_code}")
    return f"{best:8.0f} ms {sent:4} statements {size / 1000:7.0f} kB"


def main() -> None:
    """Print one table for each database; arguments name those wanted."""
    wanted = sys.argv[1:] or ["SQLite", "PostgreSQL"]
    with installations() as made:
        for name, app in [one for one in made if one[0] in wanted]:
            with app.app_context():
                with transaction() as session:
                    keys = fill(session)
                if name == "PostgreSQL":  # its own housekeeping does this within a minute: without it no count is read from an index alone
                    with db.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
                        connection.execute(db.text("VACUUM ANALYZE"))
                statements = Statements(db.engine)
                db.session.remove()
            client = signed_in(app)
            clock = time.process_time if name == "SQLite" else time.perf_counter
            print(f"{name}: {COUNTRIES} countries, {PROVINCES + 3} provinces, {PROVINCES * TOWNS * 2 + TOWNS} towns, {CONSUMERS} consumers and meters")
            for words, path in (
                ("tree, shut", "/regions/"),
                ("tree at a country", f"/regions/?at={keys['country']}"),
                ("tree at a province of 2 500 towns", f"/regions/?at={keys['wide']}"),
                ("tree at a town among them", f"/regions/?at={keys['town']}"),
                ("find: town 12", "/regions/?q=town+12"),
                ("picker, from the top", "/pick/regions?q="),
                ("picker, below a province of 2 500", f"/pick/regions?q=&under={keys['wide']}"),
                ("picker: t", "/pick/regions?q=t"),
                ("picker: town 1999 wide", "/pick/regions?q=town+1999+wide"),
                ("picker: nothing", "/pick/regions?q=zzz"),
                ("consumers of one town", "/consumers/list/?_flt_0_region=Town+0012,+Wide+province,+Country+0"),
                ("consumers of a province", "/consumers/list/?_flt_0_region=Wide+province,+Country+0"),
            ):
                print(f"  {words:<36}{look(client, path, statements, clock)}", flush=True)
            with app.app_context():
                _change(keys, statements, clock)


def _change(keys: dict[str, int], statements: Statements, clock: Callable[[], float]) -> None:
    for words, act in (
        ("rename a country", lambda: region_changes.rename(keys["country"], "Land", ALL)),
        ("merge: what would happen", lambda: region_changes.merging(db.session(), keys["wide"], keys["province"], ALL)),
        ("merge 2 500 towns, 125 of one name", lambda: _merge(keys["wide"], keys["province"])),
    ):
        before, begun = statements.count, clock()
        act()
        print(f"  {words:<36}{(clock() - begun) * 1000:8.0f} ms {statements.count - before:4} statements", flush=True)


def _merge(source: int, target: int) -> None:
    seen = region_changes.merging(db.session(), source, target, ALL).seen
    region_changes.merge(source, target, seen, ALL)


if __name__ == "__main__":
    main()
