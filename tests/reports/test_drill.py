"""From a figure to the rows behind it: they add up to it, also where a place has sales of its own and places within it."""

from __future__ import annotations

from datetime import timedelta

import pytest

from app.extensions import db
from app.models import Consumer, VendingPoint
from tests.reports.conftest import random_past
from tests.services.conftest import Counter

pytestmark = pytest.mark.one_database


def test_who_bought_less_or_nothing_leads_to_the_purchases_that_the_figure_is_made_of(context, cast, forms):
    counter = Counter(cast, context.extensions["modules"])
    today = counter.clock

    def row(ago: int):
        day = (today - timedelta(days=ago)).date()
        one = forms("inactive-consumers", **{"from": (day - timedelta(days=9)).isoformat(), "to": day.isoformat(), "show": show})
        keys = [column.key for column in one.answer.columns]
        [found] = [row for row in one.answer.rows(0, None) if row.cells[keys.index("number")] == number]
        sums = forms(found.drill.report, **found.drill.arguments).totals() if found.drill else {}
        told = dict(zip(keys, found.cells, strict=True))
        return told["bought"], told["usual"], sums.get("USD", {}).get("amount")

    for ago, amount in ((85, 90_00), (60, 90_00), (50, 1_00)):
        counter.clock = today - timedelta(days=ago)
        counter.sells("palm_street", amount)
    number = db.session.get_one(Consumer, cast.consumers["achieng"]).user_number
    with context.test_request_context():
        show = "less"
        assert row(45) == (1_00, 180_00 * 10 // 365, 1_00)
        assert row(30) == (0, 181_00 * 10 // 365, 181_00)
        show = "none"
        assert row(-380) == (0, 0, 1_00)  # who bought nothing in that year either: the last purchase
        db.session.rollback()


def led(forms, statistic: str, group: str) -> dict[str, dict[str, str]]:
    """Each row's words with what its link asks for; the rows behind each add up to its figure."""
    one = forms(statistic, group=group)
    at = [column.key for column in one.answer.columns].index("amount")
    found = {}
    for row in one.answer.rows(0, None):
        behind = forms(row.drill.report, **row.drill.arguments).totals()
        assert behind["USD"]["amount"] == row.cells[at], (group, row.cells)
        found[row.cells[0]] = dict(row.drill.arguments)
    return found


def test_the_rows_behind_a_figure_by_region_add_up_to_it(context, cast, forms):
    point = db.session.get_one(VendingPoint, cast.points["corner"], execution_options={"unscoped": True})
    point.region_id = point.region.parent_id  # a province that holds another place that sells
    db.session.commit()
    random_past(context, cast, seed=3, sales=20)
    db.session.rollback()
    with context.test_request_context():
        for statistic in ("sales-statistics", "purchase-statistics"):
            for group in ("province", "country", "type"):
                assert all("within" not in asks for asks in led(forms, statistic, group).values())
        places = led(forms, "sales-statistics", "region")
    assert places["Coast, Kenya"] == {"region": str(point.region_id), "within": "alone"}
    assert {name for name, asks in places.items() if "within" in asks} == {"Coast, Kenya"}


def test_what_lies_above_the_level_is_no_sum_of_what_lies_below(context, cast, forms):
    point = db.session.get_one(VendingPoint, cast.points["corner"], execution_options={"unscoped": True})
    point.region_id = point.region.parent.parent_id  # the country itself
    db.session.commit()
    random_past(context, cast, seed=5, sales=12)
    db.session.rollback()
    with context.test_request_context():
        assert led(forms, "sales-statistics", "province")["Kenya"]["within"] == "alone"
        assert "within" not in led(forms, "sales-statistics", "country")["Kenya"]
