"""The lists of consumers and of meters among a hundred thousand each, as pages through HTTP's front door.

Each line is one way to look; the figures are the best of several looks in milliseconds of processor time for the
whole page (sign-in, scope, count, rows, markup), for a manager of one province and for somebody over everything.
On SQLite only, which works in this process; PostgreSQL answers the same statements elsewhere.  The aim is 150 ms.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from typing import Any

from sqlalchemy import select

from app.db import transaction
from app.extensions import db
from app.models import AppUser, Consumer, Region
from bench.sales import installations
from bench.search import CONSUMERS, fill

LOOKS, AIM_MS = 5, 150
CONSUMER_PAGES = {
    "first page": "",
    "by region": "_oc_ConsumerView=region&_od_ConsumerView=asc",
    "by address, falling": "_oc_ConsumerView=address&_od_ConsumerView=desc",
    "by phone": "_oc_ConsumerView=telephone&_od_ConsumerView=asc",
    "by what is owed": "_oc_ConsumerView=debt_minor&_od_ConsumerView=desc",
    "page 390": "page_ConsumerView=390",
    "a common name": "_flt_0_name=mohamed",
    "two words": "_flt_0_name=mohamed+zarot",
    "a phone number": "_flt_0_name=0700+0123",
    "a town": "_flt_0_region=Town+000",
    "with a meter": "_flt_0_id=yes",
    "without a meter": "_flt_0_id=no",
}
METER_PAGES = {
    "first page": "",
    "by consumer": "_oc_MeterView=consumer&_od_MeterView=asc",
    "by region": "_oc_MeterView=region&_od_MeterView=desc",
    "by tariff": "_oc_MeterView=tariff&_od_MeterView=asc",
    "by SGC, KRN, TI": "_oc_MeterView=key_data&_od_MeterView=asc",
    "by state": "_oc_MeterView=status&_od_MeterView=asc",
    "page 390": "page_MeterView=390",
    "a number's beginning": "_flt_0_meter_number=070001",
    "a common name": "_flt_0_consumer_id=mohamed",
    "a town": "_flt_0_region=Town+000",
    "a tariff": "_flt_0_tariff=1",
    "blocked": "_flt_0_status=blocked",
    "nobody has it": "_flt_0_id=no",
}


def best_ms(look: Callable[[], Any]) -> float:
    """The best of several looks: what else the machine does is left out."""
    taken = []
    for _ in range(LOOKS):
        begun = time.process_time()
        answer = look()
        taken.append((time.process_time() - begun) * 1000)
        if answer.status_code != 200:
            raise SystemExit(f"answered {answer.status_code}")
    return min(taken)


def enter(app: Any, name: str) -> Any:
    """A browser in which this person has signed in."""
    client = app.test_client()
    page = client.get("/login/").get_data(as_text=True)
    token = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', page)
    form = {"username": name, "password": "demo", "csrf_token": token.group(1) if token else ""}
    if client.post("/login/", data=form).status_code != 302:
        raise SystemExit(f"{name} was not let in")
    return client


def main() -> None:
    """Print one table for each list."""
    worst = 0.0
    with installations() as made:
        app = next(app for name, app in made if name == "SQLite")
        with app.app_context():
            with transaction() as session:
                town = fill(session)
                province = session.get_one(Region, town).parent_id
                chidi = session.scalars(select(AppUser).where(AppUser.username == "chidi")).one()
                chidi.region_id = province
                pk = session.scalars(select(Consumer.id).order_by(Consumer.id.desc())).first()
            db.session.remove()
        people = {name: enter(app, name) for name in ("chidi", "efua")}
        for path, pages in (("/consumers/list/", CONSUMER_PAGES), ("/meters/list/", METER_PAGES)):
            print(f"{path}, {CONSUMERS} rows: ms " + "".join(f"{name:>10}" for name in people))
            for words, query in pages.items():
                line = f"  {words:<24}"
                for client in people.values():
                    taken = best_ms(lambda c=client, q=query, p=path: c.get(f"{p}?{q.format(town=town)}"))
                    worst = max(worst, taken)
                    line += f"{taken:10.0f}"
                print(line)
        for path in (f"/consumers/show/{pk}", f"/consumers/show/{pk}?meter=07", f"/meters/show/{pk}"):
            print(f"  {path:<30}" + "".join(f"{best_ms(lambda c=client, p=path: c.get(p)):10.0f}" for client in people.values()))
    print(f"slowest {worst:.0f} ms, aim {AIM_MS} ms")


if __name__ == "__main__":
    main()
