"""Choosing a meter's vending key: the order of the keys, and what is said of one whose time is over."""

from __future__ import annotations

import re
from datetime import UTC, datetime

import pytest

from app.extensions import db
from app.services.meter_keys import held_keys

pytestmark = pytest.mark.one_database


def test_a_key_whose_time_is_over_comes_last_and_says_what_that_means(app, efua):
    with app.app_context():
        first = held_keys(db.session())[0].row
        assert held_keys(db.session())[0].state != "over"
        first.active_to = datetime(2026, 1, 1, tzinfo=UTC)
        sgc, key_id = first.sgc, first.id
        db.session.commit()
        over = {str(key.row.id) for key in held_keys(db.session()) if key.state == "over"}
    page = efua.get("/meters/add").get_data(as_text=True)
    offered = re.findall(r'name="key" value="(\w+)"', page)
    *keys, typed = offered
    assert typed == "typed" and str(key_id) in over and len(over) < len(keys)
    assert set(keys[-len(over) :]) == over
    assert page.count("Ended: a key change is due.") == len(over)
    said = efua.get(f"/meters/look?key={key_id}").get_data(as_text=True)
    assert sgc in said and "The next sale brings a key change first" in said
