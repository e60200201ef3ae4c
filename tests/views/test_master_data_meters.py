"""Meters: registering, changing, refusing (manual R3)."""

from __future__ import annotations

from datetime import date

import pytest
from sqlalchemy import func, select

from app.models import Meter, Product, SupplyGroupKey
from app.sts.meter_number import check_digit
from tests import licences
from tests.cast import PALM_STREET, PIER
from tests.views.forms import act, send
from tests.views.selling import sell

NEW = "0100009990" + check_digit("0100009990")
MISTYPED = NEW[:-1] + str((int(NEW[-1]) + 1) % 10)
LONG = "010000009991" + check_digit("010000009991")


@pytest.fixture
def key(look):
    """`key(sgc)`: the id of a vending key's facts."""
    return lambda sgc, krn=1: look(
        select(SupplyGroupKey.id).where(SupplyGroupKey.sgc == sgc, SupplyGroupKey.krn == krn)
    )


@pytest.fixture
def meter(look, key, cast):
    """What a person types for a new meter at Market."""
    return {
        "meter_number": NEW, "product": look(select(Product.id).where(Product.model == "S200")),
        "region": cast.regions["market"], "tariff": cast.tariffs["home"], "key": key("123456"), "ti": "2",
    }  # fmt: skip


def test_a_meter_is_added_and_type_and_algorithm_follow(chidi, cast, look, meter):
    typed = {**meter, "meter_number": f"{NEW[:4]} {NEW[4:8]}-{NEW[8:]}", "consumer__text": "achieng", "installed_on": "2026-11-01"}
    assert send(chidi, "/meters/add", **typed, daily_limit="1,500.50", smallest_purchase="0.5").status_code == 302
    made = look(select(Meter).where(Meter.meter_number == NEW))
    assert (made.meter_type, made.algorithm, made.sgc, made.krn, made.ti) == ("electricity", "legacy", "123456", 1, 2)
    assert (made.ea, made.tct, made.ken, made.status) == (7, 2, 255, "installed")
    assert (made.consumer_id, made.installed_on) == (cast.consumers["achieng"], date(2026, 11, 1))
    assert (made.daily_limit, made.smallest_purchase) == (150050, 5)


def test_a_number_of_13_digits_and_ea_11_go_with_an_sts6_key(chidi, look, meter, key):
    assert send(chidi, "/meters/add", **{**meter, "meter_number": LONG, "key": key("201457", 2)}, ea="11").status_code == 302
    made = look(select(Meter).where(Meter.meter_number == LONG))
    assert (made.algorithm, made.ea, made.krn) == ("sts6", 11, 2)


@pytest.mark.one_database
@pytest.mark.parametrize(
    ("field", "typed", "sentence"),
    [
        ("meter_number", MISTYPED, "One digit is mistyped."),
        ("meter_number", "123", "A meter number has 11 or 13 digits."),
        ("meter_number", "abcdefghijk", "A meter number has 11 or 13 digits."),
        ("meter_number", "١٢٣٤٥٦٧٨٩٠١", "A meter number has 11 or 13 digits."),
        ("meter_number", "4" * 40, "At most 20 characters."),
        ("meter_number", PALM_STREET, "A meter of this number is registered already."),
        ("meter_number", PIER, "A meter of this number is registered already."),
        ("ti", "100", "At most 99."),
        ("ti", "-1", "At least 0."),
        ("ti", "1.5", "decimal mark: 0 at most"),
        ("ti", "1e309", "This is not a number."),
        ("ken", "256", "At most 255."),
        ("ea", "11", "EA 11 needs an STS6 key; this key is legacy."),
        ("ea", "9", "Choose one of the list."),
        ("key", "", "Fill this in."),
        ("key", "4242", "Choose one of the list."),
        ("status", "blocked", "Fill this in."),
        ("status", "lost", "Choose one of the list."),
        ("installed_on", "31.12.2026", "A date like 2027-01-31."),
        ("largest_purchase", "-5", "At least 0."),
        ("daily_limit", "10.005", "decimal mark: 2 at most"),
        ("region", "x", "Choose one of the list."),
        ("consumer__text", "Juma", "Nothing is found by these words."),
    ],
)
def test_a_meter_is_refused_at_the_field_and_nothing_typed_is_lost(chidi, look, meter, field, typed, sentence):
    answer = send(chidi, "/meters/add", **{**meter, "address": "KEPT", field: typed})
    page = answer.get_data(as_text=True)
    assert answer.status_code == 422 and sentence in page and 'value="KEPT"' in page
    assert NEW[-1] == MISTYPED[-1] or f">{NEW}<" not in page
    assert look(select(Meter.id).where(Meter.address == "KEPT")) is None


def test_a_tariff_of_another_meter_type_is_refused(chidi, cast, look, meter):
    answer = send(chidi, "/meters/add", **{**meter, "tariff": cast.tariffs["water"]})
    assert answer.status_code == 422
    assert "This tariff is for Water, the product is for Electricity." in answer.get_data(as_text=True)


@pytest.mark.parametrize("field", ["region", "consumer"])
def test_a_forged_region_or_consumer_is_refused(chidi, cast, look, meter, field):
    forged = {"region": cast.regions["harbour"], "consumer": cast.consumers["juma"]}[field]
    assert send(chidi, "/meters/add", **{**meter, field: forged}).status_code == 422
    assert look(select(Meter.id).where(Meter.meter_number == NEW)) is None


def test_a_strangers_meter_does_not_exist(chidi, cast, look):
    key = cast.meters["pier"]
    page = chidi.get("/meters/list/").get_data(as_text=True)
    assert PALM_STREET in page and PIER not in page
    assert [chidi.get(f"/meters/{page}/{key}").status_code for page in ("show", "edit")] == [404, 404]
    assert act(chidi, "/meters/list/", f"/meters/delete/{key}").status_code == 404
    assert look(select(Meter.id).where(Meter.id == key)) == key


def test_a_meter_cannot_be_moved_to_a_strangers_region(chidi, cast, look):
    key = cast.meters["palm_street"]
    answer = send(chidi, f"/meters/edit/{key}", region=cast.regions["harbour"], region__text="")
    assert answer.status_code == 422
    assert look(select(Meter.region_id).where(Meter.id == key)) == cast.regions["market"]


def test_saving_a_meter_as_it_stands_changes_nothing(chidi, cast, look):
    key = cast.meters["mill"]
    before = look(select(Meter).where(Meter.id == key))
    assert send(chidi, f"/meters/edit/{key}").status_code == 302
    after = look(select(Meter).where(Meter.id == key))
    for name in ("meter_number", "sgc", "krn", "ti", "ea", "tct", "ken", "algorithm", "region_id", "tariff_id",
                 "consumer_id", "installed_on", "status", "meter_type"):  # fmt: skip
        assert getattr(after, name) == getattr(before, name), name


def test_a_meter_is_blocked_with_its_reason_and_since_when(chidi, cast, look):
    key = cast.meters["palm_street"]
    assert send(chidi, f"/meters/edit/{key}", status="blocked", status_reason="Seal broken").status_code == 302
    made = look(select(Meter).where(Meter.id == key))
    assert (made.status, made.status_reason) == ("blocked", "Seal broken") and made.status_since is not None
    answer = send(chidi, f"/meters/edit/{key}", status="in_stock")
    assert answer.status_code == 422 and "cannot become" in answer.get_data(as_text=True)


def test_a_meter_that_bought_keeps_number_and_type_and_stays(app, chidi, cast, look):
    sell(app, cast)
    key = cast.meters["palm_street"]
    assert send(chidi, f"/meters/edit/{key}", meter_number=NEW).status_code == 422
    water = look(select(Product.id).where(Product.model == "A15"))
    assert send(chidi, f"/meters/edit/{key}", product=water, tariff=cast.tariffs["water"]).status_code == 422
    answer = act(chidi, "/meters/list/", f"/meters/delete/{key}")
    assert "Set its state to Removed instead." in chidi.get(answer.headers["Location"]).get_data(as_text=True)
    assert look(select(Meter.meter_number).where(Meter.id == key)) == PALM_STREET


def test_a_full_licence_refuses_the_next_meter_and_says_so(app, chidi, look, meter):
    with app.app_context():
        licences.put(meters_allowed=4)
    answer = send(chidi, "/meters/add", **meter)
    assert answer.status_code == 422
    assert "The licence allows 4 meters" in answer.get_data(as_text=True)
    assert look(select(func.count(Meter.id))) == 4


def test_an_expired_licence_refuses_a_new_meter(app, chidi, look, meter):
    with app.app_context():
        licences.put(valid_until=date(2024, 1, 31))
    assert send(chidi, "/meters/add", **meter).status_code == 422
    assert look(select(func.count(Meter.id))) == 4
