"""Many counters at once: one meter's steps, one account's limit, one reference."""

from __future__ import annotations

import threading
from collections import Counter as Tally
from datetime import UTC, datetime

import pytest

from app.db import transaction
from app.domain import errors
from app.extensions import db
from app.models import CashAccount, Meter, Sale, Token
from app.services.ledger_check import differences
from app.services.vending import Order, Wish, quote, vend
from app.sts.meter_number import check_digit

BUYERS = 8
ANY = 2**31  # warned of whatever the others sell


def together(app, work) -> list[object]:
    """Run `work(n)` in eight threads that start at the same moment; what each gave or raised."""
    gate = threading.Barrier(BUYERS)
    results: list[object] = [None] * BUYERS

    def run(number: int) -> None:
        with app.app_context():
            gate.wait()
            try:
                results[number] = work(number)
            except Exception as error:  # noqa: BLE001 (the test looks at each)
                results[number] = error
            finally:
                db.session.remove()

    threads = [threading.Thread(target=run, args=(n,)) for n in range(BUYERS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results


def insists(order: Order, scope, modules) -> int:
    """A cashier who accepts every new price, as long as it takes."""
    for _ in range(BUYERS * 3):
        try:
            return vend(order, scope, modules)
        except errors.PriceMoved as moved:
            new = moved.params["quote"]
            order = Order(
                order.reference, order.meter_number, order.vending_point_id, order.operator_id,
                order.by_quantity, order.value, new.amount_minor, new.token_units, again_after=ANY,
            )  # fmt: skip
    raise AssertionError("the price never stood still")


def test_eight_buyers_of_one_meter_walk_through_its_steps_one_after_another(context, counter):
    wish = Wish(counter.number("palm_street"), False, 20_00)
    scope = counter.cast.scope("amara")
    shown = quote(wish, scope).quote
    point, user = counter.cast.points["market"], counter.cast.users["amara"]
    db.session.remove()

    def buy(n: int) -> int:
        order = Order(
            f"together-{n:04d}", wish.meter_number, point, user, False, 20_00,
            shown.amount_minor, shown.token_units, again_after=ANY,
        )  # fmt: skip
        return insists(order, scope, context.extensions["modules"])

    results = together(context, buy)
    assert all(isinstance(r, int) for r in results), results
    sales = db.session.query(Sale).order_by(Sale.id).all()
    assert len(sales) == BUYERS
    # One fee for the month, and only the first purchases see the first step.
    fees = [line.amount for sale in sales for line in sale.lines if line.code == "fixed_fee"]
    assert sorted(fees)[-2:] == [0, 1_50]
    first_step = sum(
        1 for sale in sales for line in sale.lines if line.kind == "step" and '"step": 1' in line.params
        and line.amount
    )  # fmt: skip
    assert first_step < BUYERS
    ids = [t.token_id for t in db.session.query(Token)]
    assert len(set(ids)) == BUYERS
    assert sorted(s.receipt_number for s in sales) == list(range(1, BUYERS + 1))
    assert differences() == []


def test_eight_buyers_of_eight_meters_all_get_their_token(context, counter):
    scope = counter.cast.scope("amara")
    numbers = eight_meters(counter)
    shown = quote(Wish(numbers[0], False, 20_00), scope).quote
    point, user = counter.cast.points["market"], counter.cast.users["amara"]
    db.session.remove()

    def buy(n: int) -> int:
        order = Order(
            f"eight-{n:04d}", numbers[n], point, user, False, 20_00, shown.amount_minor, shown.token_units
        )
        return vend(order, scope, context.extensions["modules"])

    results = together(context, buy)
    assert all(isinstance(r, int) for r in results), results
    assert db.session.query(Token).count() == BUYERS
    assert differences() == []


def eight_meters(counter) -> list[str]:
    with transaction() as session:
        pattern = session.get_one(Meter, counter.cast.meters["palm_street"])
        copied = ("meter_type", "product_id", "tariff_id", "consumer_id", "region_id", "algorithm", "sgc",
                  "ea", "installed_on")  # fmt: skip
        facts = {name: getattr(pattern, name) for name in copied}
        bodies = [f"01000005{n:02d}" for n in range(BUYERS)]
        session.add_all(Meter(meter_number=b + check_digit(b), **facts) for b in bodies)
    return [b + check_digit(b) for b in bodies]


def test_eight_clicks_of_one_page_make_one_sale(context, counter):
    order = counter.order("palm_street", 20_00, reference="one-page-0001")
    scope = counter.cast.scope("amara")
    db.session.remove()
    results = together(context, lambda _n: vend(order, scope, context.extensions["modules"]))
    assert len(set(results)) == 1, results
    assert isinstance(results[0], int)
    assert (db.session.query(Sale).count(), db.session.query(Token).count()) == (1, 1)
    assert differences() == []


def test_eight_buyers_of_thirty_against_a_hundred_sell_three(context, counter):
    numbers = eight_meters(counter)
    scope = counter.cast.scope("amara")
    shown = quote(Wish(numbers[0], False, 30_00), scope).quote
    point, user = counter.cast.points["market"], counter.cast.users["amara"]
    with transaction() as session:
        session.query(CashAccount).filter_by(vending_point_id=point).one().credit_limit = 100_00
    db.session.remove()

    def buy(n: int) -> int:
        order = Order(
            f"limit-{n:04d}", numbers[n], point, user, False, 30_00, shown.amount_minor, shown.token_units
        )
        return vend(order, scope, context.extensions["modules"])

    outcomes = Tally(type(r).__name__ for r in together(context, buy))
    assert outcomes == {"int": 3, "InsufficientFunds": 5}
    assert counter.account.balance + 100_00 == 10_00
    assert differences() == []


@pytest.mark.parametrize("resolvers", [BUYERS])
def test_many_resolvers_settle_a_waiting_sale_once(context, counter, resolvers):
    from datetime import timedelta

    from app.services.reserve import reserve
    from app.services.resolve import Patience, resolve

    order = counter.order("palm_street", 20_00)
    scope = counter.cast.scope("amara")
    sale_id = reserve(order, scope, datetime.now(UTC), timedelta(days=31)).sale_id
    db.session.remove()
    patience = Patience(wait=timedelta(0))
    results = together(context, lambda _n: resolve(sale_id, scope, context.extensions["modules"], patience))
    # Who comes while another asks is told that the sale still waits, and asks nothing.
    assert {"issued"} <= {str(r) for r in results} <= {"issued", "reserved"}
    assert str(resolve(sale_id, scope, context.extensions["modules"], patience)) == "issued"
    assert db.session.query(Token).count() == 1
    assert differences() == []


def test_the_books_are_counted_at_one_moment_while_somebody_sells(context, counter):
    """A check that sees half a sale would cry wolf."""
    order = [counter.order("pump", 5_00, again_after=ANY) for _ in range(12)]
    scope, done = counter.cast.scope("amara"), threading.Event()
    db.session.remove()

    def sell() -> None:
        with context.app_context():
            for one in order:
                vend(one, scope, counter.modules)
            db.session.remove()
        done.set()

    seller = threading.Thread(target=sell)
    seller.start()
    found = []
    while not done.wait(0.002):
        found += differences()
    seller.join()
    assert found == []
    assert db.session.query(Sale).count() == 12
