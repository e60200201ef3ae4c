"""A stale page or a forged id brings nothing into a form that is switched off; an edit keeps what a row has."""

from __future__ import annotations

import pytest
from sqlalchemy import select, update

from app.domain.states import MeterStatus
from app.extensions import db
from app.models import Consumer, Meter, Region, VendingPoint
from tests.views.forms import act, send, text
from tests.views.test_master_data_meters import key, meter

__all__ = ["key", "meter"]  # fixtures

pytestmark = pytest.mark.one_database
PLACE_OFF = "This place is switched off, or one above it is. Choose another one."
LEFT = "This consumer has left. Take them back first, or choose somebody else."
REMOVED = "The meter is removed. Take it into stock first, then give it to a consumer."


@pytest.fixture
def put(app):
    """`put(Model, id, **values)`: what somebody else stored meanwhile."""

    def put(model, row_id, **values):
        with app.app_context():
            db.session.execute(update(model).where(model.id == row_id).values(**values), execution_options={"unscoped": True})
            db.session.commit()

    return put


def test_no_meter_is_given_to_a_consumer_who_left(efua, cast, put, look, meter):
    put(Consumer, cast.consumers["juma"], active=False)
    answer = send(efua, "/meters/add", **meter, consumer=cast.consumers["juma"])
    assert answer.status_code == 422 and LEFT in text(answer)
    path = f"/meters/edit/{cast.meters['palm_street']}"
    answer = send(efua, path, consumer=cast.consumers["juma"], consumer__text="")
    assert answer.status_code == 422 and LEFT in text(answer)
    assert look(select(Meter.consumer_id).where(Meter.id == cast.meters["palm_street"])) == cast.consumers["achieng"]


def test_an_edit_keeps_a_consumer_and_a_place_that_were_switched_off(efua, cast, put, look):
    put(Consumer, cast.consumers["achieng"], active=False)
    put(Region, cast.regions["coast"], active=False)
    for path in (f"/meters/edit/{cast.meters['palm_street']}", f"/consumers/edit/{cast.consumers['achieng']}", f"/vending-points/edit/{cast.points['market']}"):
        assert send(efua, path, address="9 Hill Road").status_code == 302
    kept = look(select(Meter).where(Meter.id == cast.meters["palm_street"]))
    assert (kept.address, kept.consumer_id, kept.region_id) == ("9 Hill Road", cast.consumers["achieng"], cast.regions["market"])


@pytest.mark.parametrize("off", ["harbour", "lake"])
def test_a_place_that_is_off_or_below_one_takes_nothing_new(efua, cast, put, look, meter, off):
    put(Region, cast.regions[off], active=False)
    harbour = str(cast.regions["harbour"])
    for path, typed in (
        ("/consumers/add", {"name": "Moussa", "user_number": "20001", "region": harbour}),
        ("/vending-points/add", {"name": "Pier kiosk", "code": "PIER", "region": harbour}),
        ("/meters/add", {**meter, "region": harbour}),
        (f"/consumers/edit/{cast.consumers['achieng']}", {"region": harbour, "region__text": ""}),
    ):
        answer = send(efua, path, **typed)
        assert (answer.status_code, PLACE_OFF in text(answer)) == (422, True), path
    assert look(select(Consumer.region_id).where(Consumer.id == cast.consumers["achieng"])) == cast.regions["market"]
    assert look(select(VendingPoint.id).where(VendingPoint.code == "PIER")) is None


def test_walking_down_shows_no_place_below_one_that_is_off(efua, chidi, cast, put):
    put(Region, cast.regions["coast"], active=False)
    below = efua.get("/pick/regions", query_string={"under": cast.regions["coast"]}).get_json()
    assert below == [] == chidi.get("/pick/regions").get_json()


def test_a_removed_meter_is_given_to_nobody_by_its_form_and_keeps_whom_it_has(efua, cast, put, look):
    pump, palm = cast.meters["pump"], cast.meters["palm_street"]
    put(Meter, pump, status=MeterStatus.REMOVED, consumer_id=None)
    put(Meter, palm, status=MeterStatus.REMOVED)
    answer = send(efua, f"/meters/edit/{pump}", consumer=cast.consumers["achieng"], consumer__text="")
    assert answer.status_code == 422 and REMOVED in text(answer)
    assert look(select(Meter.consumer_id).where(Meter.id == pump)) is None
    assert send(efua, f"/meters/edit/{palm}", address="9 Hill Road").status_code == 302
    assert look(select(Meter.consumer_id).where(Meter.id == palm)) == cast.consumers["achieng"]


@pytest.mark.parametrize("name", ["Old, Market", "Old， Market"])
def test_no_new_name_of_a_place_holds_a_comma_and_one_that_has_it_is_kept(efua, cast, put, look, name):
    market = cast.regions["market"]
    for answer in (
        act(efua, "/regions/", "/regions/add", name=name, parent=cast.regions["lake"]),
        act(efua, "/regions/", f"/regions/rename/{market}", name=name),
    ):
        assert answer.status_code == 422 and "Write the name without a comma" in text(answer)
    assert look(select(Region.name).where(Region.id == market)) == "Market Town"
    put(Region, market, name=name)
    assert act(efua, "/regions/", f"/regions/rename/{market}", name=name).status_code == 303
