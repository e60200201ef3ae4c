"""A meter's smallest, largest and daily purchase, at their very edges, on both databases (manual R3)."""

from __future__ import annotations

from datetime import timedelta

import pytest

from app.domain.errors import DailyLimit, QuantityTooLarge, QuantityTooSmall
from app.extensions import db
from app.models import Meter


@pytest.fixture
def limit(cast):
    """`limit(smallest_purchase=100)`: limits of the meter at 7 Palm Street."""

    def change(**limits):
        meter = db.session.get_one(Meter, cast.meters["palm_street"])
        for column, value in limits.items():
            setattr(meter, column, value)
        db.session.commit()

    return change


def test_the_smallest_purchase_is_allowed_and_a_tenth_less_is_not(counter, limit):
    limit(smallest_purchase=100)
    with pytest.raises(QuantityTooSmall) as refused:
        counter.order("palm_street", 99, by_quantity=True)
    assert refused.value.params == {"minimum": 100}
    assert counter.sells("palm_street", 100, by_quantity=True).tokens[0].amount == 100


def test_the_largest_purchase_is_allowed_and_a_tenth_more_is_not(counter, limit):
    limit(largest_purchase=500)
    with pytest.raises(QuantityTooLarge) as refused:
        counter.order("palm_street", 501, by_quantity=True)
    assert refused.value.params == {"maximum": 500}
    assert counter.sells("palm_street", 500, by_quantity=True).tokens[0].amount == 500


def test_the_limits_are_of_units_whichever_side_is_named(counter, limit):
    # 50.0 units cost 10.00 and the month's fee 1.50.
    limit(largest_purchase=500)
    assert counter.order("palm_street", 11_50).shown_units == 500
    with pytest.raises(QuantityTooLarge):
        counter.order("palm_street", 11_53)


def test_a_day_may_cost_its_limit_to_the_cent_wherever_it_is_sold(counter, corner, limit):
    limit(daily_limit=30_00)
    counter.sells("palm_street", 20_00)
    with pytest.raises(DailyLimit) as refused:
        corner.order("palm_street", 10_01)
    assert refused.value.params == {"maximum": 30_00, "left": 10_00}
    corner.sells("palm_street", 10_00)
    with pytest.raises(DailyLimit) as refused:
        counter.order("palm_street", 1)
    assert refused.value.params["left"] == 0
    counter.clock += timedelta(days=1)
    assert counter.order("palm_street", 30_00).shown_amount == 30_00


def test_a_limit_that_was_set_after_the_price_was_shown_stops_the_sale(counter, limit):
    order = counter.order("palm_street", 20_00)
    limit(daily_limit=19_99)
    with pytest.raises(DailyLimit):
        counter.sends(order)
    assert counter.account.held == 0 and counter.account.balance == 0
