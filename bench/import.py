"""A hundred thousand meters by file, 37 rows of them bad, from the upload to the way back.

The whole road of it, on each database: checked, the file fetched with its errors, mended, imported
all or nothing, the same file again (brought up to date, then left), exported and imported back
unchanged, changed in every row.  The worker is a process of its own, as in production; in this one
a seller sells again and again and notes how long each sale took.  The worst sale of a
step is what the counter would have felt.  Aims for an import (read, check, run): 60 s, 300 MB, no
sale over 2 s.  BENCH_ROWS, BENCH_DATABASES=SQLite say less.
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
from select import select as select_ready
from typing import Any

from flask import Flask
from python_calamine import CalamineWorkbook
from sqlalchemy import func, select

from app.access.current import scope_of
from app.extensions import db
from app.models import (
    AppUser,
    BackgroundTask,
    Consumer,
    ImportBatch,
    Meter,
    Product,
    Region,
    SupplyGroupKey,
    Tariff,
)
from app.services import exports, tasks
from app.services.imports import batches
from app.services.tasks import Owner
from app.sts.meter_number import check_digit
from app.views import work_runs
from bench.sales import Seller, installations

ROWS = int(os.environ.get("BENCH_ROWS", "100000"))
BAD, SEED, FIRST = 37, 11, 50_000_000
ROOT = Path(__file__).resolve().parents[1]
HEADINGS = ["Meter number", "Product model", "User number", "Region", "Address", "Tariff", "SGC", "KRN", "TI", "Installed on"]
WORKER = """
import json, resource, sys
from app import create_app
from app.views import work_runs
app = create_app(json.loads(sys.argv[1]))
print("ready", flush=True)
for _ in sys.stdin:
    work_runs.run_next(app)
    own, child = resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN)
    print(own.ru_maxrss, child.ru_maxrss, own.ru_utime + own.ru_stime + child.ru_utime + child.ru_stime, flush=True)
"""


def rows() -> list[list[str]]:
    """Meters of three hundred towns' worth of addresses; some have a mistyped digit."""
    session = db.session()
    product = session.scalars(select(Product).where(Product.meter_type == "electricity").order_by(Product.id)).first()
    tariff = session.scalars(select(Tariff).where(Tariff.meter_type == "electricity")).first()
    towns = [row.full_name for row in session.scalars(select(Region).where(Region.level == 2))]
    numbers = list(session.scalars(select(Consumer.user_number)))
    key = session.scalars(select(SupplyGroupKey).where(SupplyGroupKey.key_type == 2)).first()
    maker = product.manufacturer.code if len(product.manufacturer.code or "") == 2 else "09"
    chance = random.Random(SEED)
    wrong = set(chance.sample(range(ROWS), BAD))
    made = []
    for n in range(ROWS):
        body = f"{maker}{FIRST + n:08d}"
        digit = check_digit(body)
        number = body + (str((int(digit) + 1) % 10) if n in wrong else digit)
        made.append([number, product.model, chance.choice(numbers), towns[n % len(towns)], f"{n} Palm Street",
                     tariff.name, key.sgc, str(key.krn), "1", "2026-01-31"])  # fmt: skip
    return made


def as_file(form: str, lines: list[list[str]], headings: list[str] = HEADINGS) -> bytes:
    """The file as somebody would upload it."""
    held: Any = io.BytesIO()
    if form == "xlsx":
        exports.write_workbook(held, "Meters", headings, lines)
        return held.getvalue()
    text = io.StringIO(newline="")
    csv.writer(text).writerows([headings, *lines])
    return text.getvalue().encode()


class Road:
    """One database on its way: every step of the worker, with what it cost."""

    def __init__(self, name: str, app: Flask) -> None:
        self.name, self.app, self.seller, self.count = name, app, Seller(app), 0
        user = db.session.query(AppUser).filter_by(username="efua").one()
        self.owner, self.scope = Owner(user.id, "efua", "en", None), scope_of(user)
        facts = {key: app.config[key] for key in ("DATABASE_URL", "SECRET_KEY", "MODULE_PORT")}
        facts["INSTANCE_DIR"] = str(app.config["INSTANCE_DIR"])
        self.worker = subprocess.Popen(
            [sys.executable, "-c", WORKER, json.dumps(facts)], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1
        )
        self.busy = 0.0
        self.worker.stdout.readline()

    def step(self) -> tuple[float, float, float, float]:
        """One step of the worker: seconds, of which on a processor, megabytes so far, and the worst sale meanwhile."""
        begun, worst, place = time.perf_counter(), 0.0, 0
        self.worker.stdin.write("next\n")
        while not select_ready([self.worker.stdout], [], [], 0.05)[0]:
            at = time.perf_counter()
            self.seller.sells(self.seller.meters[place % len(self.seller.meters)])
            worst = max(worst, time.perf_counter() - at)
            place += 1
        took = time.perf_counter() - begun
        own, child, busy = self.worker.stdout.readline().split()
        busy, self.busy = float(busy) - self.busy, float(busy)
        return took, busy, max(int(own), int(child)) / 1024, worst

    def bring(self, what: str, form: str, content: bytes, known: str = "update", *, run: bool = True) -> ImportBatch:
        """Upload, read, check, and run all or nothing; a line of figures."""
        self.count += 1
        stored, digest, size = work_runs.folder().keep(io.BytesIO(content), 10**9)
        batch_id = batches.begin("meters", f"bench-{self.count}", self.owner, (f"meters.{form}", stored, digest, size), self.scope)
        steps = [self.step()]
        batches.check(batch_id, self.scope, self.owner, json.loads(self.batch(batch_id).mapping), whole=True, known=known, mark=".")
        steps.append(self.step())
        if run:
            batches.run(batch_id, self.scope, self.owner, whole=True)
            steps.append(self.step())
        row = self.batch(batch_id)
        counts = ", ".join(f"{name} {number}" for name, number in json.loads(row.counts).items() if number and name != "rows")
        if row.state != ("done" if run else "checked"):
            raise SystemExit(f"the import is {row.state}: {row.error}")
        self.tell(what, form, steps, f"{size / 1e6:.1f} MB: {counts}")
        return row

    def batch(self, batch_id: int) -> ImportBatch:
        """The import as it is now."""
        return db.session.get_one(ImportBatch, batch_id, populate_existing=True)

    def fetched(self, what: str, kind: str, parameters: dict[str, Any]) -> Path:
        """Ask for a file, have it made, and give its place."""
        self.count += 1
        task = tasks.ask(kind, f"bench-file-{self.count}", self.owner, parameters)
        steps = [self.step()]
        row = db.session.get_one(BackgroundTask, task, populate_existing=True)
        if row.stored is None:
            raise SystemExit(f"no file was made: {row.error}")
        self.tell(what, "xlsx", steps, f"{row.done or json.loads(row.result).get('rows')} rows")
        return work_runs.folder().place(row.stored)

    def tell(self, what: str, form: str, steps: list[tuple[float, float, float, float]], counts: str) -> None:
        """One line of figures."""
        took, busy, memory, worst = zip(*steps, strict=True)
        each = " ".join(f"{one:5.1f}" for one in took)
        sales = " ".join(f"{one:4.1f}" for one in worst)
        print(f"{self.name:<10} {what:<26} {form:<4} {each:<18} {sum(took):6.1f} {sum(busy):6.1f} {max(memory):5.0f}  {sales:<15} {counts}", flush=True)

    def versions(self) -> tuple[int, int]:
        """How many meters there are, and the sum of their versions: what nobody changed stays."""
        asked = select(func.count(), func.sum(Meter.version)).select_from(Meter)
        count, versions = db.session.execute(asked, execution_options={"unscoped": True}).one()
        db.session.rollback()
        return int(count), int(versions)

    def go(self, lines: list[list[str]]) -> None:
        """The whole road."""
        before = self.versions()[0]
        bad = self.bring("37 rows are bad", "xlsx", as_file("xlsx", lines), run=False)
        if json.loads(bad.counts).get("bad") != BAD:
            raise SystemExit(f"other rows are bad than were made: {bad.counts}")
        marked = self.fetched("the file with its errors", "marked", {"batch": bad.id, "only_bad": False, "file_name": "marked.xlsx"})
        headings, mended = mend(marked)
        content = as_file("xlsx", mended, headings)
        self.bring("mended, all or nothing", "xlsx", content)
        if self.versions()[0] != before + ROWS:
            raise SystemExit(f"{self.versions()[0] - before} meters were added, not {ROWS}")
        held = self.versions()
        self.bring("the same file, updating", "xlsx", content)
        self.bring("the same file, skipping", "xlsx", content, "skip")
        exported = self.fetched("exported", "export", {"kind": "meters", "query": "", "file_name": "meters.xlsx"})
        self.bring("the export, back", "xlsx", exported.read_bytes())
        if self.versions() != held:
            raise SystemExit("an import of the same changed something")
        place = headings.index("Address")
        for cells in mended:
            cells[place] = "1 Harbour Road"
        self.bring("every row changed", "csv", as_file("csv", mended, headings))
        if self.versions() != (held[0], held[1] + ROWS):
            raise SystemExit("not every meter was changed once")


def mend(file: Path) -> tuple[list[str], list[list[str]]]:
    """Read a marked file as a person does, and type the right digit wherever an error is told."""
    headings, *rows = CalamineWorkbook.from_path(str(file)).get_sheet_by_index(0).to_python()
    place, lines = len(headings) - 1, [[str(cell) for cell in row] for row in rows]
    for cells in lines:
        if cells[place]:
            cells[0] = cells[0][:-1] + check_digit(cells[0][:-1])
    return [str(heading) for heading in headings], lines


def main() -> None:
    """Print one table."""
    wanted = os.environ.get("BENCH_DATABASES", "SQLite PostgreSQL").split()
    begun = time.perf_counter()
    print(f"{ROWS} meters by file, {BAD} bad rows; seconds of each step of the worker")
    print("database   what                       file read check run        all    cpu    MB   worst sale of each")
    with installations() as made:
        for name, app in made:
            if name in wanted:
                with app.app_context():
                    road = Road(name, app)
                    road.go(rows())
                    road.worker.kill()
                    road.worker.wait()
                    db.session.remove()
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"{time.perf_counter() - begun:.0f} s in all; this process: {memory:.0f} MB")


if __name__ == "__main__":
    main()
