"""Where rows may go: not below what is switched off, not to one of two places alike, no removed meter to anybody."""

from __future__ import annotations

import json

import pytest

from app.db import transaction
from app.domain.states import MeterStatus
from app.extensions import db
from app.models import Consumer, ImportRow, Meter, Region
from app.services import bulk
from app.services.imports import batches
from app.services.imports.entity import Places
from app.services.imports.fields import Fault
from tests.cast import PALM_STREET
from tests.importing import CONSUMER_HEADINGS, Importer, counts, csv_file
from tests.services.test_imports import MARKET, NEW, meter, meters

# The rules are the same on both, and other tests of reading files in run on both: on PostgreSQL in the long form.
pytestmark = pytest.mark.postgresql_long

MOUSSA = ("20001", "Moussa", "Market Town", "", "")


@pytest.fixture
def chidi(context, cast) -> Importer:
    return Importer(context, cast)


def put(model, row_id, **values):
    with transaction() as session:
        row = session.get_one(model, row_id)
        for name, value in values.items():
            setattr(row, name, value)


def kenya(cast) -> int:
    return db.session.get_one(Region, cast.regions["coast"]).parent_id


def test_a_place_below_one_that_is_off_takes_no_new_rows(chidi, cast):
    put(Region, cast.regions["coast"], active=False)
    row = chidi.checks("consumers", csv_file(CONSUMER_HEADINGS, MOUSSA, ("10482", "Achieng", MARKET, "", "")))
    assert chidi.faults(row) == {2: [("region", "switched_off")]}, "who is there stays there"
    named_by_consumer = meters((NEW[0], "S200", "10482", "123456", "1"), headings=("Meter number", "Product model", "User number", "SGC", "KRN"))
    assert chidi.faults(chidi.checks("meters", named_by_consumer)) == {2: [("region", "switched_off")]}


def test_a_place_above_that_is_switched_off_after_the_check_takes_no_new_rows(chidi, cast):
    row = chidi.checks("consumers", csv_file(CONSUMER_HEADINGS, MOUSSA, ("10482", "Achieng A.", MARKET, "", "")))
    put(Region, kenya(cast), active=False)
    batches.run(row.id, cast.scope("chidi"), chidi.owner, whole=False)
    chidi.worker()
    stale = db.session.query(ImportRow).filter_by(batch_id=row.id, action="stale").one()
    assert (stale.key, json.loads(stale.faults)) == ("20001", [["region", "off_since", {}]])
    assert db.session.query(Consumer).filter_by(user_number="10482").one().name == "Achieng A."


@pytest.mark.one_database
def test_many_rows_are_not_moved_below_a_place_that_is_off(context, cast):
    put(Region, cast.regions["lake"], active=False)
    change = bulk.Change("consumers", "region", cast.regions["harbour"])
    done = bulk.change_many(change, [cast.consumers["achieng"]], cast.scope("efua"), (cast.users["efua"], "efua"), lambda _n: None)
    assert [code for _name, code, _params in done.refused] == ["gone"]


def test_a_full_name_of_two_places_is_neither_of_them():
    places = Places([(1, "b", "b"), (2, "a, b", "a, b"), (3, "a", "a, b"), (4, "c", "c, b")])
    for text in ("a, b", "b > a"):
        with pytest.raises(Fault) as refused:
            places.find(text)
        assert refused.value.code == "two_places"
    assert (places.find("c, b"), places.find("a")) == (4, 3)


@pytest.mark.one_database
def test_a_name_of_two_places_moves_nobody_and_takes_nobody(context, cast):
    efua = Importer(context, cast, "efua")
    with transaction() as session:
        session.add(Region(name="Market Town, Coast", parent_id=kenya(cast)))
    row = efua.checks("consumers", csv_file(CONSUMER_HEADINGS, ("20001", "Moussa", MARKET, "", ""), ("10482", "Achieng A.", MARKET, "", ""), ("10483", "Juma", MARKET, "", "")))
    assert efua.faults(row) == {2: [("region", "two_places")], 4: [("region", "two_places")]}
    batches.run(row.id, cast.scope("efua"), efua.owner, whole=False)
    efua.worker()
    kept = db.session.query(Consumer).filter_by(user_number="10482").one()
    assert (kept.name, kept.region_id) == ("Achieng A.", cast.regions["market"])


def test_a_removed_meter_is_given_to_nobody_by_a_file_unless_it_goes_into_stock(chidi, cast):
    put(Meter, cast.meters["palm_street"], status=MeterStatus.REMOVED, status_reason="burnt", consumer_id=None)
    headings = ("Meter number", "Product model", "User number", "Region", "SGC", "KRN", "State", "Reason of the state")
    lines = [(PALM_STREET, "S200", "10482", MARKET, "123456", "1", "", ""), (NEW[0], "S200", "10482", MARKET, "123456", "1", "Removed", "burnt")]
    row = chidi.checks("meters", meters(*lines, headings=headings))
    assert chidi.faults(row) == {2: [("consumer", "removed_meter")], 3: [("consumer", "removed_meter")]}
    begun_there = meters(lines[0][:2], headings=headings[:2])
    assert chidi.faults(chidi.checks("meters", begun_there, consumer=cast.consumers["achieng"])) == {2: [("consumer", "removed_meter")]}
    chidi.imports("meters", meters((*lines[0][:6], "In stock", ""), headings=headings))
    assert meter(PALM_STREET).consumer_id == cast.consumers["achieng"]


@pytest.mark.one_database
def test_a_meter_that_was_removed_after_the_check_is_given_to_nobody(chidi, cast):
    put(Meter, cast.meters["palm_street"], consumer_id=None)
    row = chidi.checks("meters", meters((PALM_STREET, "10482"), headings=("Meter number", "User number")))
    assert counts(row) == {"rows": 1, "change": 1}
    put(Meter, cast.meters["palm_street"], status=MeterStatus.REMOVED, status_reason="burnt")
    batches.run(row.id, cast.scope("chidi"), chidi.owner, whole=False)
    chidi.worker()
    assert meter(PALM_STREET).consumer_id is None
