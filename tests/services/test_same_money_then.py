"""What a slip says of the first of next month is what the counter asks on that day."""

from __future__ import annotations

import itertools
import random
from datetime import UTC, datetime, timedelta

import pytest

from app.db import transaction
from app.domain.calendar import day_start_utc
from app.extensions import db
from app.models import Sale, Settings, TariffPlan
from app.services.pricing import Wish, quote
from app.services.receipts import receipt_for

pytestmark = pytest.mark.one_database
YEAR = timedelta(days=366)


def first_of_next_month(counter, receipt) -> datetime:
    zone = db.session.get_one(Settings, 1).time_zone
    return day_start_utc(receipt.facts["then"]["day"], zone) + timedelta(minutes=1)


def asked_then(counter, receipt, meter) -> int:
    """What the counter would ask on the first for the money of this sale, were nothing else bought until then."""
    wish = Wish(counter.number(meter), by_quantity=False, value=receipt.amount)
    at = first_of_next_month(counter, receipt)
    return quote(wish, counter.cast.scope("amara"), instant=at, ahead=YEAR).quote.token_units


def test_it_is_what_is_asked_on_that_day_whatever_was_bought_before(counter):
    """At random sums, over two months, with the fee paid, missed and due."""
    chance, checked = random.Random(6), 0
    begun = datetime.now(UTC).replace(day=3, hour=9)
    for days, meter in itertools.product((0, 2, 12, 33, 34), ("palm_street", "pump", "mill")):
        counter.clock = begun + timedelta(days=days)
        receipt = counter.sells(meter, chance.randrange(10_00, 400_00))
        if receipt.facts["then"] is None:
            continue
        assert receipt.facts["then"]["units"] == asked_then(counter, receipt, meter), (days, meter, receipt.amount)
        checked += 1
    assert checked > 5


def test_where_it_is_as_much_nothing_is_said(counter):
    receipt = counter.sells("pump", 20_00)  # one price, no fee
    assert receipt.facts["then"] is None and not receipt.then_holds


def test_another_price_list_that_begins_before_silences_it(counter):
    counter.sells("palm_street", 200_00)
    receipt = counter.sells("palm_street", 100_00)
    assert receipt.then_holds and receipt.facts["then"]["new_steps"]
    first = first_of_next_month(counter, receipt)
    sale = db.session.get_one(Sale, receipt.sale_id, execution_options={"unscoped": True})
    plan = db.session.get_one(TariffPlan, sale.plan_id)
    name = plan.name
    columns = {
        column.name: getattr(plan, column.name) for column in TariffPlan.__table__.columns
        if column.name not in ("id", "name", "effective_from", "version")
    }  # fmt: skip
    db.session.rollback()
    with transaction() as session:
        session.add(TariffPlan(**columns, name=f"{name} 2", effective_from=first - timedelta(minutes=1)))
    assert not receipt_for(receipt.sale_id, counter.cast.scope("amara")).then_holds
