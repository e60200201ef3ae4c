"""The power fails in the middle of a sale, at every step in turn.

Afterwards `resolve` leaves every sale issued or failed, the books agree with the facts, and
the same order sent again gives the same token.
"""

from __future__ import annotations

import multiprocessing
import random
from dataclasses import replace
from datetime import timedelta

import pytest

from app.db import transaction
from app.domain.states import SaleStatus
from app.extensions import db
from app.models import Meter, Sale, Token
from app.services.ledger_check import differences
from app.services.receipts import receipt_for
from app.services.resolve import Patience, resolve_all
from app.services.vending import Wish, quote, vend
from app.sts.meter_number import check_digit, pan_from_drn
from app.sts.module import MeterConfig
from tests.services.conftest import Counter, cast, counter  # noqa: F401  (fixtures)
from tests.stories.killed_seller import Task, sell_and_die

AT_ONCE = Patience(wait=timedelta(0))
KILLS_SHORT = 20
KILLS_DEEP = 400

processes = multiprocessing.get_context("forkserver")
processes.set_forkserver_preload(["tests.stories.killed_seller", "app.models", "app.services.vending"])


def test_a_seller_who_is_killed_anywhere_neither_loses_money_nor_doubles_a_token(
    context, counter, database_url, tmp_path  # noqa: F811
):
    trial(counter, database_url, tmp_path, KILLS_SHORT, seed=7)


@pytest.mark.deep
def test_the_long_trial_of_power_cuts(context, counter, database_url, tmp_path, deep_record, seed):  # noqa: F811
    killed, sales, waiting = trial(counter, database_url, tmp_path, KILLS_DEEP, seed=seed)
    deep_record("power cuts", kills=killed, sales=sales, found_waiting=waiting)


def trial(counter, database_url, tmp_path, kills, seed):  # noqa: F811
    chance = random.Random(seed)
    numbers = meters(counter, kills)
    report = tmp_path / "steps"
    first = order(counter, numbers[0], 0)
    run(Task(database_url, (first,), counter.cast.scope("amara"), -1, False, str(report)))
    steps = int(report.read_text())
    assert steps > 15
    # Every step once, in a random order, then at random; before or after it runs.
    places = chance.sample(range(1, steps + 1), steps) + [chance.randint(1, steps) for _ in range(kills)]
    killed, waiting = 0, 0
    for number in range(1, kills + 1):
        wanted = order(counter, numbers[number % len(numbers)], number)
        scope = counter.cast.scope("amara")
        db.session.remove()
        task = Task(database_url, (wanted,), scope, places[number - 1], chance.random() < 0.5, str(report))
        killed += run(task)
        waiting += db.session.query(Sale).filter_by(status=SaleStatus.RESERVED).count()
        resolve_all(counter.modules, AT_ONCE)
        assert db.session.query(Sale).filter_by(status=SaleStatus.RESERVED).count() == 0
        # The customer insists: the page sends the same order again.
        sale_id = vend(wanted, scope, counter.modules)
        assert vend(wanted, scope, counter.modules) == sale_id
    assert killed >= kills * 3 // 4, "the trial must really kill"
    assert waiting > 0, "some kills must leave a sale waiting"
    everything_adds_up(counter, kills + 1)
    return killed, kills + 1, waiting


def run(task) -> int:
    """Run the seller; 1 when it was killed, 0 when it came to the end."""
    child = processes.Process(target=sell_and_die, args=(task,))
    child.start()
    child.join(60)
    assert child.exitcode in (0, -9), child.exitcode
    db.session.rollback()
    return int(child.exitcode == -9)


def order(counter, number, n):  # noqa: F811
    scope = counter.cast.scope("amara")
    priced = quote(Wish(number, False, 5_00), scope).quote
    made = counter.order("palm_street", 20_00, reference=f"power-cut-{n:05d}")
    return replace(
        made, meter_number=number, value=5_00, shown_amount=priced.amount_minor, shown_units=priced.token_units,
        again_after=2**31,
    )


def meters(counter, count):  # noqa: F811
    with transaction() as session:
        pattern = session.get_one(Meter, counter.cast.meters["palm_street"])
        copied = ("meter_type", "product_id", "tariff_id", "consumer_id", "region_id", "algorithm", "sgc", "ea")
        facts = {name: getattr(pattern, name) for name in copied}
        bodies = [f"0100001{n:03d}" for n in range(min(count, 6) + 1)]
        session.add_all(Meter(meter_number=b + check_digit(b), **facts) for b in bodies)
    return [b + check_digit(b) for b in bodies]


def everything_adds_up(counter: Counter, sales: int) -> None:  # noqa: F811
    db.session.rollback()
    assert differences() == []
    rows = db.session.query(Sale).all()
    assert len(rows) == sales
    assert {row.status for row in rows} == {SaleStatus.ISSUED}
    digits = [token.digits for token in db.session.query(Token)]
    assert len(digits) == len(set(digits)) == sales
    for row in rows:
        receipt = receipt_for(row.id, counter.cast.scope("amara"))
        meter = row.meter
        config = MeterConfig(
            pan_from_drn(meter.meter_number), meter.ea, meter.tct, meter.sgc, meter.krn, meter.ti, meter.ken
        )
        read = counter.modules.by_id(1).verify(config, receipt.tokens[0].digits)
        assert read.amount == receipt.carried_units
