"""The counter's quick query among a hundred thousand consumers, on SQLite and PostgreSQL.

Names are drawn as they are given: a few very common, many rare.  Each line is one way to type;
the figure is the best of several looks in milliseconds (of processor time on SQLite, which works in
this process; of the clock on PostgreSQL), for a seller of one town, a province and somebody over
everything.  Statistics are not gathered: the plans must be right without.  The aim is 20 ms.
"""

from __future__ import annotations

import random
import sys
import time
from collections.abc import Callable
from typing import Any

from sqlalchemy import insert, select, update
from sqlalchemy.orm import Session

from app.access.current import scope_of
from app.access.scope import Scope
from app.db import transaction
from app.extensions import db
from app.models import AppUser, Consumer, ConsumerTerm, Meter, Region, VendingPoint
from app.models.consumer import terms_of
from app.services.registration import find_consumers
from app.services.search import find_meters
from app.sts.meter_number import check_digit
from bench.sales import installations

CONSUMERS, TOWNS, AIM_MS, LOOKS, SEED = 100_000, 100, 20, 20, 7
COMMON = ("Mohamed", "Achieng", "Otieno", "Wanjiru", "Ali")


def names(count: int) -> list[str]:
    """Two words each: every fifth person is a Mohamed, every tenth name is rare."""
    chance = random.Random(SEED)
    rare = [f"{a}{b}{c}" for a in ("Ka", "Mu", "Ny", "Ou", "Za") for b in ("ba", "mbo", "ndi", "ro") for c in "aeiouklmnrst"]
    first = [COMMON[0]] * 20 + list(COMMON[1:]) * 8 + rare
    return [f"{chance.choice(first)} {chance.choice(first)}" for _ in range(count)]


def fill(session: Session) -> int:
    """Towns, consumers with their words, a meter each; gives the id of the seller's town."""
    province = session.execute(select(Region).where(Region.level == 1)).scalars().first()
    towns = []
    for number in range(TOWNS):
        town = Region(name=f"Town {number:03d}", parent_id=province.id)
        session.add(town)
        session.flush()
        towns.append(town.id)
    pattern = session.execute(select(Meter).where(Meter.consumer_id.is_not(None))).scalars().first()
    first = session.execute(select(Consumer.id).order_by(Consumer.id.desc())).scalars().first() + 1
    made = [
        Consumer(id=first + n, name=name, user_number=f"B{n:06d}", region_id=towns[n % TOWNS],
                 telephone=f"+2547{n:08d}", id_number=f"{30_000_000 + n}")
        for n, name in enumerate(names(CONSUMERS))
    ]  # fmt: skip
    columns = ("id", "name", "user_number", "region_id", "telephone", "id_number")
    session.execute(
        insert(Consumer.__table__), [{c: getattr(row, c) for c in columns} | {"version": 1, "debt_minor": 0} for row in made]
    )
    session.execute(
        insert(ConsumerTerm.__table__), [{"term": t, "consumer_id": row.id} for row in made for t in sorted(terms_of(row))]
    )
    copied = ("meter_type", "product_id", "tariff_id", "algorithm", "ea", "tct", "sgc", "krn", "ti", "ken", "status")
    facts = {name: getattr(pattern, name) for name in copied} | {"version": 1, "pending_tries": 0}
    session.execute(
        insert(Meter.__table__),
        [facts | {"meter_number": (body := f"07{n:08d}") + check_digit(body), "consumer_id": row.id, "region_id": row.region_id}
         for n, row in enumerate(made)],
    )  # fmt: skip
    return towns[0]


def best_ms(look: Callable[[], Any], clock: Callable[[], float]) -> float:
    """The best of several looks, each in a transaction of its own: what else the machine does is left out."""
    taken = []
    for _ in range(LOOKS):
        begun = clock()
        look()
        taken.append((clock() - begun) * 1000)
        db.session.remove()
    return min(taken)


def scopes(town: int) -> dict[str, Scope]:
    """A seller of one town, a manager of its province, and somebody over everything."""
    with transaction() as session:
        point = session.execute(select(VendingPoint)).scalars().first()
        session.execute(update(VendingPoint).where(VendingPoint.id == point.id).values(region_id=town))
    users = {user.username: user for user in db.session.execute(select(AppUser)).scalars()}
    seller = next(u for u in users.values() if u.vending_point_id is not None)
    path = db.session.get_one(Region, town).path
    province = path.rsplit("/", 2)[0] + "/"
    base = scope_of(seller)
    return {
        "town": Scope(base.user_id, base.row_scope, base.vending_point_id, path),
        "province": Scope(base.user_id, base.row_scope, base.vending_point_id, province),
        "all": scope_of(users["efua"]),
    }


TYPED = ("mohamed", "mo", "mohamed ali", "ali mohamed", "mohamed zarot", "zarot", "mohamed mohamed xyz", "0700 0123", "0700 012", "07", "B0123", "300123")


def main() -> None:
    """Print one table for each database; arguments name those wanted."""
    worst = 0.0
    wanted = sys.argv[1:] or ["SQLite", "PostgreSQL"]
    with installations() as made:
        for name, app in [one for one in made if one[0] in wanted]:
            with app.app_context():
                with transaction() as session:
                    town = fill(session)
                kept = scopes(town)
                clock = time.process_time if name == "SQLite" else time.perf_counter
                db.session.remove()
                print(f"{name}, {CONSUMERS} consumers: ms   " + "".join(f"{s:>10} picker" for s in kept))
                for typed in TYPED:
                    line = f"  {typed:<32}"
                    for scope in kept.values():
                        meters = best_ms(lambda t=typed, s=scope: find_meters(t, s), clock)
                        people = best_ms(lambda t=typed, s=scope: find_consumers(db.session(), t, s), clock)
                        worst = max(worst, meters, people)
                        line += f"{meters:10.1f} {people:6.1f}"
                    print(line)
    print(f"slowest {worst:.1f} ms, aim {AIM_MS} ms")


if __name__ == "__main__":
    main()
