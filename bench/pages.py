"""Pages of the books among millions of sales: the whole page through the front door, for who sees all and who does not.

    .venv/bin/python -m bench.pages --keep DIR        the databases of bench.reports (written if they are not there)

A seller, the managers of a region without one of these sales and of a province (who is moved there), and somebody who
sees everything.  By the clock, the best of several looks and the middle of the last ones: after the first few PostgreSQL
may take one plan for all.
"""

from __future__ import annotations

import argparse
import logging
import time
from pathlib import Path
from statistics import median
from typing import Any

from sqlalchemy import event, select

from app.db import transaction
from app.extensions import db
from app.models import AppUser, Region
from bench.lists import enter
from bench.reports import installed
from bench.reports_books import Size

LOOKS, SLOW_S, AIM_MS = 16, 5.0, 100
PEOPLE = ("amara", "chidi", "dalia", "efua")
PAGES = (
    "/", "/sales/list/", "/sales/list/?_oc_SaleView=status&_od_SaleView=asc", "/sale-records/list/",
    "/engineering-records/list/", "/consumers/list/", "/consumers/list/?_flt_0_name=mohamed", "/meters/list/",
    "/reports/purchase-records?period=this_month", "/reports/sales-records?period=this_month",
)  # fmt: skip


def looked(client: Any, page: str, engine: Any) -> tuple[int, float, float, int]:
    """The status, the best look, the middle of the last ones, and the statements of one."""
    taken: list[float] = []
    seen: list[str] = []
    note = lambda _c, _cu, statement, *_r: seen.append(statement)  # noqa: E731
    event.listen(engine, "before_cursor_execute", note)
    while len(taken) < LOOKS and sum(taken) < SLOW_S * 1000:
        seen.clear()
        begun = time.perf_counter()
        answer = client.get(page)
        taken.append((time.perf_counter() - begun) * 1000)
    event.remove(engine, "before_cursor_execute", note)
    return answer.status_code, min(taken), median(taken[-5:]), len([one for one in seen if not one.startswith("BEGIN")])


def main() -> None:
    """Look at each page as each person on each database."""
    told = argparse.ArgumentParser(description=__doc__)
    told.add_argument("--keep", type=Path, required=True)
    told.add_argument("--sales", type=int, default=1_000_000)
    told.add_argument("--database", choices=("SQLite", "PostgreSQL"))
    given = told.parse_args()
    logging.disable(logging.CRITICAL)
    for name in ("SQLite", "PostgreSQL"):
        if given.database not in (None, name):
            continue
        with installed(name, given.keep.resolve(), Size(given.sales, 2_000, 1_000_000, 800_000)) as app:
            print(f"\n{name}; aim {AIM_MS} ms\n\n| page | {' | '.join(PEOPLE)} |\n|---|{'---:|' * len(PEOPLE)}")
            with app.app_context(), transaction() as session:
                province = session.scalars(select(Region.id).where(Region.name == "Province 00")).one()
                session.scalars(select(AppUser).where(AppUser.username == "dalia")).one().region_id = province
            clients = [enter(app, person) for person in PEOPLE]
            with app.app_context():
                engine = db.engine
            for page in PAGES:
                cells = []
                for client in clients:
                    status, best, later, count = looked(client, page, engine)
                    cells.append(f"{best:.0f}, {later:.0f} ({count})" if status == 200 else str(status))
                print(f"| {page} | {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()
