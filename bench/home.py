"""The home page over a million sales at two thousand vending points, on SQLite and PostgreSQL.

Two years of sales, evenly spread and up to this minute, are written in bulk with their sums of the day; then the whole
page is asked for through the front door, by a seller, a manager, an auditor and an administrator.  On SQLite the
figures are milliseconds of processor time, on PostgreSQL of the clock; the best of several looks, with the statements.
"""

from __future__ import annotations

import argparse
import time
from datetime import timedelta
from statistics import median
from typing import Any

from sqlalchemy import event, func, insert, select, text, update
from sqlalchemy.orm import Session

from app.db import transaction
from app.domain.states import RowScope
from app.extensions import db
from app.models import AppUser, Consumer, Meter, Region, Sale, Settings, TariffPlan, VendingPoint
from app.models.base import now
from app.services import inactive, month_sums
from bench.lists import enter
from bench.sales import installations

SALES, POINTS, TOWNS, DAYS, LOOKS, AIM_MS = 1_000_000, 2_000, 200, 730, 16, 150
OPENS_H, OPEN_H = 7, 13
PEOPLE = ("amara", "chidi", "dalia", "efua")

SALE = """
INSERT INTO sale (id, kind, status, reference, message_id, vending_point_id, operator_id, meter_id, consumer_id,
  point_region_id, consumer_region_id, plan_id, meter_type, reserved_at, settled_at, business_date, currency,
  currency_decimals, by_quantity, amount, token_units, carried_units, snapshot, receipt_number)
SELECT :first + i, 'sale', 'issued', 'b' || i, 'm' || i, :point + v, :operator, :meter, :consumer,
  :town + v % :towns, :town + v % :towns, :plan, :type, {at}, {at}, {day}, :currency, 2, {no}, 500 + (i * 37) % 5000, 300, 300,
  '{{}}', i + 1
FROM (SELECT i, (i * 7919) % :points AS v, :begin + (i / :daily) * 86400 + (i % :daily) * :open / :daily AS s FROM ({series}) t) u
WHERE s <= :now
"""
SERIES = {
    "sqlite": "WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < :sales - 1) SELECT i FROM n",
    "postgresql": "SELECT i::bigint FROM generate_series(0, CAST(:sales AS bigint) - 1) AS i",
}
AT = {"sqlite": "strftime('%Y-%m-%d %H:%M:%S', s, 'unixepoch') || '.000000'", "postgresql": "to_timestamp(s) AT TIME ZONE 'UTC'"}
DAY = {"sqlite": "date(s, 'unixepoch')", "postgresql": "(to_timestamp(s) AT TIME ZONE 'UTC')::date"}
SUMS = """
INSERT INTO {table}_day (business_date, {keys}, meter_type, currency, sales, reversals, amount, units, energy, fees, taxes)
SELECT business_date, {from_keys}, meter_type, currency, count(*), 0, sum(amount), sum(carried_units), sum(amount), 0, 0
FROM sale WHERE id >= :first GROUP BY business_date, {from_keys}, meter_type, currency
"""


def fill(session: Session, sales: int) -> None:
    """Towns in one province, vending points, and the past."""
    session.execute(update(Settings).values(time_zone="UTC"))
    province = session.scalars(select(Region).where(Region.level == 1)).first()
    if province is None:
        raise SystemExit("no province")
    town, point, first = ((session.scalar(select(func.max(row.id))) or 0) + 1 for row in (Region, VendingPoint, Sale))
    for number in range(TOWNS):
        session.add(Region(id=town + number, name=f"Town {number:03d}", parent_id=province.id))
    session.flush()
    columns = {"active": True, "version": 1}
    session.execute(
        insert(VendingPoint.__table__),
        [{"id": point + n, "name": f"Shop {n:04d}", "code": f"S{n:04d}", "region_id": town + n % TOWNS, **columns} for n in range(POINTS)],
    )
    today = now().replace(hour=0, minute=0, second=0, microsecond=0)
    begin = today - timedelta(days=DAYS - 1)
    settings = session.get_one(Settings, 1)
    given = {
        "first": first, "point": point, "town": town, "towns": TOWNS, "points": POINTS, "sales": sales,
        "daily": sales // DAYS, "open": OPEN_H * 3600, "begin": int(begin.timestamp()) + OPENS_H * 3600, "now": int(now().timestamp()),
        "operator": session.scalar(select(AppUser.id).where(AppUser.username == "amara")), "type": "electricity",
        "meter": session.scalar(select(func.min(Meter.id))), "consumer": session.scalar(select(func.min(Consumer.id))),
        "plan": session.scalar(select(func.min(TariffPlan.id))), "currency": settings.currency.code,
    }  # fmt: skip
    dialect = session.get_bind().dialect.name
    made = SALE.format(series=SERIES[dialect], at=AT[dialect], day=DAY[dialect], no="false" if dialect == "postgresql" else "0")
    session.execute(text(made), given)
    for table, keys, from_keys in (
        ("sale", "vending_point_id, region_id", "vending_point_id, point_region_id"),
        ("purchase", "region_id", "consumer_region_id"),
    ):
        session.execute(text(SUMS.format(table=table, keys=keys, from_keys=from_keys)), {"first": first})
    for name, scope in (("amara", RowScope.VENDING_POINT), ("chidi", RowScope.REGION), ("dalia", RowScope.REGION)):
        user = session.scalars(select(AppUser).where(AppUser.username == name)).one()
        user.region_id = province.id
        if scope is RowScope.VENDING_POINT:
            user.vending_point_id = point


def looked(client: Any, engine: Any, clock: Any) -> tuple[float, float, int]:
    """The best of several looks at the page, the middle of the last ones, and how many statements one has.

    NB: of the last ones, because PostgreSQL may take one plan for all of them after the first few.
    """
    taken, seen = [], []
    note = lambda _c, _cu, statement, *_r: seen.append(statement)  # noqa: E731
    event.listen(engine, "before_cursor_execute", note)
    for _ in range(LOOKS):
        seen.clear()
        begun = clock()
        answer = client.get("/")
        taken.append((clock() - begun) * 1000)
        if answer.status_code != 200:
            raise SystemExit(f"answered {answer.status_code}")
    event.remove(engine, "before_cursor_execute", note)
    return min(taken), median(taken[-5:]), len([one for one in seen if not one.startswith("BEGIN")])


def main() -> None:
    """Fill and look."""
    told = argparse.ArgumentParser(description=__doc__)
    told.add_argument("--sales", type=int, default=SALES)
    told.add_argument("--database", choices=("SQLite", "PostgreSQL"))
    wanted = told.parse_args()
    with installations() as made:
        for name, app in made:
            if wanted.database in (None, name):
                _look(name, app, wanted.sales)


def _look(name: str, app: Any, sales: int) -> None:
    begun = time.perf_counter()
    with app.app_context():
        with transaction() as session:
            fill(session, sales)
        month_sums.close_months(now().date())
        inactive.keep_counts(now().date())
        db.session.remove()
        if name == "PostgreSQL":  # it gathers statistics by itself; on SQLite nobody does, and the plans must be right without
            with db.engine.connect() as connection:
                connection.execution_options(isolation_level="AUTOCOMMIT").execute(text("VACUUM ANALYZE"))
        engine = db.engine
    print(f"{name}: {sales} sales written in {time.perf_counter() - begun:.0f} s; aim {AIM_MS} ms")
    clock = time.process_time if name == "SQLite" else time.perf_counter
    for person in PEOPLE:
        best, later, statements = looked(enter(app, person), engine, clock)
        print(f"  {person:<8} {best:6.0f} ms, later {later:6.0f} ms {statements:4} statements")


if __name__ == "__main__":
    main()
