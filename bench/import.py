"""A hundred thousand meters by file, 37 rows of them bad, while a counter goes on selling.

Three steps of the worker (read, check, run) in a process of its own, as it is in production; in
this one a seller sells again and again and notes how long each sale took.  The worst sale of
each step is what the counter would have felt.  Aims: 60 s in all, 300 MB, no sale over 2 s.
"""

from __future__ import annotations

import csv
import io
import json
import os
import random
import resource
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from flask import Flask
from sqlalchemy import func, select

from app.access.current import scope_of
from app.extensions import db
from app.models import (
    AppUser,
    Consumer,
    ImportBatch,
    Meter,
    Product,
    Region,
    SupplyGroupKey,
    Tariff,
)
from app.services import exports
from app.services.imports import batches
from app.services.tasks import Owner
from app.sts.meter_number import check_digit
from app.views import work_runs
from bench.sales import Seller, installations

ROWS = int(os.environ.get("BENCH_ROWS", "100000"))
BAD, SEED = 37, 11
ROOT = Path(__file__).resolve().parents[1]
HEADINGS = ["Meter number", "Product model", "User number", "Region", "Address", "Tariff", "SGC", "KRN", "TI", "Installed on"]
WORKER = """
import json, resource, sys
from app import create_app
from app.views import work_runs
app = create_app(json.loads(sys.argv[1]))
work_runs.run_next(app)
own, child = resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN)
print(own.ru_maxrss, child.ru_maxrss, own.ru_utime + own.ru_stime + child.ru_utime + child.ru_stime)
"""


def rows() -> list[list[str]]:
    """Meters of three hundred towns' worth of addresses; some have a mistyped digit."""
    session = db.session()
    product = session.scalars(select(Product).where(Product.meter_type == "electricity")).first()
    tariff = session.scalars(select(Tariff).where(Tariff.meter_type == "electricity")).first()
    towns = [row.full_name for row in session.scalars(select(Region).where(Region.level == 2))]
    numbers = list(session.scalars(select(Consumer.user_number)))
    key = session.scalars(select(SupplyGroupKey).where(SupplyGroupKey.key_type == 2)).first()
    chance = random.Random(SEED)
    wrong = set(chance.sample(range(ROWS), BAD))
    made = []
    for n in range(ROWS):
        body = f"09{n:08d}"
        digit = check_digit(body)
        number = body + (str((int(digit) + 1) % 10) if n in wrong else digit)
        made.append([number, product.model, chance.choice(numbers), towns[n % len(towns)], f"{n} Palm Street",
                     tariff.name, key.sgc, str(key.krn), "1", "2026-01-31"])  # fmt: skip
    return made


def as_file(form: str, lines: list[list[str]]) -> bytes:
    """The file as somebody would upload it."""
    held: Any = io.BytesIO()
    if form == "xlsx":
        exports.write_workbook(held, "Meters", HEADINGS, lines)
        return held.getvalue()
    text = io.StringIO(newline="")
    csv.writer(text).writerows([HEADINGS, *lines])
    return text.getvalue().encode()


def step(app: Flask, seller: Seller) -> tuple[float, float, float, list[float]]:
    """One step of the worker: seconds, of which on a processor, megabytes, and how long each sale took meanwhile."""
    facts = {name: app.config[name] for name in ("DATABASE_URL", "SECRET_KEY", "MODULE_PORT")} | {"INSTANCE_DIR": str(app.config["INSTANCE_DIR"])}
    begun = time.perf_counter()
    process = subprocess.Popen([sys.executable, "-c", WORKER, json.dumps(facts)], cwd=ROOT, stdout=subprocess.PIPE, text=True)
    sales: list[float] = []
    place = 0
    while process.poll() is None:
        at = time.perf_counter()
        seller.sells(seller.meters[place % len(seller.meters)])
        sales.append(time.perf_counter() - at)
        place += 1
        time.sleep(0.05)
    took = time.perf_counter() - begun
    own, child, busy = (process.stdout.read() if process.stdout else "0 0 0").split()
    return took, float(busy), max(int(own), int(child)) / 1024, sales


def trial(name: str, app: Flask, form: str, lines: list[list[str]], known: str) -> None:
    """Upload, read, check, run; one line of figures."""
    user = db.session.query(AppUser).filter_by(username="efua").one()
    owner, scope = Owner(user.id, "efua", "en", None), scope_of(user)
    content = as_file(form, lines)
    stored, digest, size = work_runs.folder().keep(io.BytesIO(content), 10**9)
    batch_id = batches.begin("meters", f"bench-{name}-{form}-{known}-{time.time()}", owner, (f"meters.{form}", stored, digest, size), scope)
    seller, seconds, busy, most, worst, sold = Seller(app), [], 0.0, 0.0, [], 0
    for act in (None, "check", "run"):
        row = batches.batch(db.session(), batch_id, scope)
        db.session.refresh(row)
        if act == "check":
            batches.check(batch_id, scope, owner, json.loads(row.mapping), whole=False, known=known, mark=".")
        if act == "run":
            batches.run(batch_id, scope, owner, whole=False)
        took, processor, megabytes, sales = step(app, seller)
        seconds.append(took)
        busy += processor
        worst.append(max(sales))
        most, sold = max(most, megabytes), sold + len(sales)
    row = db.session.get_one(ImportBatch, batch_id, populate_existing=True)
    counts = json.loads(row.counts)
    if row.state != "done":
        raise SystemExit(f"the import is {row.state}: {row.error}")
    total = db.session.execute(select(func.count()).select_from(Meter), execution_options={"unscoped": True}).scalar_one()
    print(f"{name:<11} {form:<5} {size / 1e6:5.1f} MB  {seconds[0]:5.1f} {seconds[1]:6.1f} {seconds[2]:6.1f}  {sum(seconds):6.1f} s {busy:6.1f} s {most:6.0f} MB"
          f"  {worst[0]:5.2f} {worst[1]:5.2f} {worst[2]:5.2f} s  {sold:5} sold   added {counts['added']}, changed {counts['changed']},"
          f" refused {counts.get('bad', 0)}, meters {total}", flush=True)  # fmt: skip


def main() -> None:
    """Print one table."""
    print(f"Import of {ROWS} meters, {BAD} bad rows; seconds of each step (each begins a process: some 2 s), the worst sale of each")
    print("database    file            read  check    run     all  processor memory   worst sale: read check run")
    with installations() as made:
        for name, app in made:
            with app.app_context():
                lines = rows()
                trial(name, app, "xlsx", lines, "update")
                for line in lines:
                    line[4] = "1 Harbour Road"
                trial(name, app, "csv", lines, "update")
                db.session.remove()
    print(f"this process: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MB")


if __name__ == "__main__":
    main()
