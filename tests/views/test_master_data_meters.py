"""Meters: registering, changing, refusing (manual R3)."""

from __future__ import annotations

from datetime import date

import pytest
from sqlalchemy import func, select

from app.extensions import db
from app.models import Meter, Product, SupplyGroupKey
from app.sts.meter_number import check_digit
from tests import licences
from tests.cast import PALM_STREET, PIER
from tests.views.forms import act, send, text
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


@pytest.mark.both_databases
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


REFUSED = [
    ("meter_number", MISTYPED, "One digit is mistyped."),
    ("meter_number", "123", "A meter number has 11 or 13 digits."),
    ("meter_number", "abcdefghijk", "A meter number has 11 or 13 digits."),
    ("meter_number", "1²345678901", "A meter number has 11 or 13 digits."),
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
    ("key", "typed", "Fill this in."),
    ("sgc", "123", "Six digits."),
    ("sgc", "201457", "A key is chosen above."),
    ("krn", "0", "At least 1."),
    ("status", "blocked", "Choose one of the list."),
    ("status", "lost", "Choose one of the list."),
    ("installed_on", "31.12.2026", "A date like 2027-01-31."),
    ("largest_purchase", "0", "At least 0.1."),
    ("daily_limit", "10.005", "decimal mark: 2 at most"),
    ("region", "x", "Choose one of the list."),
    ("consumer__text", "Juma", "Nothing is found by these words."),
]


@pytest.mark.one_database
def test_a_meter_is_refused_at_the_field_and_nothing_typed_is_lost(chidi, look, meter):
    for field, typed, sentence in REFUSED:
        answer = send(chidi, "/meters/add", **{**meter, "address": "KEPT", field: typed})
        page = answer.get_data(as_text=True)
        assert answer.status_code == 422 and sentence in page and 'value="KEPT"' in page, (field, typed)
        assert NEW[-1] == MISTYPED[-1] or f">{NEW}<" not in page, (field, typed)
        assert look(select(Meter.id).where(Meter.address == "KEPT")) is None, (field, typed)


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


def test_a_meter_is_blocked_and_released_with_reason_who_and_when(chidi, amara, cast, look):
    key = cast.meters["palm_street"]
    page = f"/meters/state/{key}?to=blocked"
    assert "It cannot buy; the counter says why" in text(chidi.get(page))
    empty = send(chidi, page, reason=" ")
    assert empty.status_code == 422 and "Fill this in." in text(empty)
    assert send(chidi, page, reason="Seal broken").status_code == 303
    made = look(select(Meter).where(Meter.id == key))
    assert (made.status, made.status_reason, made.status_by) == ("blocked", "Seal broken", "Chidi Test")
    assert made.status_since is not None
    assert "(Chidi Test), Seal broken" in text(amara.get(f"/counter/meter/{PALM_STREET}"))
    shown = text(chidi.get(f"/meters/show/{key}"))
    assert "Seal broken" in shown and "by Chidi Test" in shown and "Release meter" in shown
    assert send(chidi, f"/meters/state/{key}?to=installed", reason="Seal renewed").status_code == 303
    assert look(select(Meter.status).where(Meter.id == key)) == "installed"


def test_a_state_that_may_not_follow_is_refused_and_named(chidi, cast, look):
    key = cast.meters["palm_street"]
    send(chidi, f"/meters/state/{key}?to=blocked", reason="Seal broken")
    answer = act(chidi, f"/meters/state/{key}", f"/meters/state/{key}", state="in_stock", reason="x")
    assert answer.status_code == 422 and "cannot become “In stock” at once" in text(answer)
    assert look(select(Meter.status).where(Meter.id == key)) == "blocked"


def test_a_meter_is_removed_and_unbound_in_one_go(chidi, cast, look):
    key = cast.meters["mill"]
    assert send(chidi, f"/meters/state/{key}?to=removed", reason="Burnt", unbind="y").status_code == 303
    made = look(select(Meter).where(Meter.id == key))
    assert (made.status, made.consumer_id) == ("removed", None)


def test_a_meter_is_unbound_from_its_page_and_from_the_list(chidi, cast, look):
    key = cast.meters["mill"]
    assert f"/meters/unbind/{key}" in chidi.get("/meters/list/").get_data(as_text=True)
    answer = act(chidi, f"/meters/show/{key}", f"/meters/unbind/{key}")
    assert answer.status_code == 303 and look(select(Meter.consumer_id).where(Meter.id == key)) is None
    assert "Nobody has it." in text(chidi.get(f"/meters/show/{key}"))
    assert act(chidi, f"/meters/show/{key}", f"/meters/unbind/{key}").status_code == 303  # a second click


# --- the key, and what is worth knowing ----------------------------------------------------


def test_a_key_that_no_module_holds_is_typed_and_said_to_sell_nothing(chidi, look, meter):
    typed = {**meter, "key": "typed", "sgc": "555555", "krn": "3", "algorithm": "sts6"}
    answer = send(chidi, "/meters/add", **typed)
    assert answer.status_code == 302
    made = look(select(Meter).where(Meter.meter_number == NEW))
    assert (made.sgc, made.krn, made.algorithm, made.ken) == ("555555", 3, "sts6", 255)
    assert "cannot buy until a module holds it" in text(chidi.get(answer.headers["Location"]))
    shown = text(chidi.get(f"/meters/show/{made.id}"))
    assert "It cannot buy." in shown and "cannot buy until a module holds it" in shown
    form = chidi.get(f"/meters/edit/{made.id}").get_data(as_text=True)
    assert 'value="typed" checked' in form and 'value="555555"' in form


def test_a_typed_key_that_a_module_holds_is_that_key(chidi, look, meter):
    assert send(chidi, "/meters/add", **{**meter, "key": "typed", "sgc": "201457", "krn": "1", "algorithm": "sts6"}).status_code == 302
    made = look(select(Meter).where(Meter.meter_number == NEW))
    page = chidi.get(f"/meters/edit/{made.id}").get_data(as_text=True)
    assert 'value="typed" checked' not in page


def test_the_keys_are_listed_with_what_follows_from_each(chidi):
    page = text(chidi.get("/meters/add"))
    assert "201457" in page and "STS6" in page and "2014" in page and "2 (unique)" in page and "Last token" in page


def test_another_makers_number_is_a_warning_and_saves(chidi, look, meter):
    other = "0200009990" + check_digit("0200009990")
    answer = send(chidi, "/meters/add", **{**meter, "meter_number": other})
    assert answer.status_code == 302
    assert "The number begins with manufacturer code 02, but Hexa has 01." in text(chidi.get(answer.headers["Location"]))
    key = look(select(Meter.id).where(Meter.meter_number == other))
    assert "manufacturer code 02" in text(chidi.get(f"/meters/show/{key}"))


def test_what_follows_is_told_before_saving_with_and_without_a_script(chidi, look, meter):
    told = chidi.get("/meters/look", query_string={"meter_number": MISTYPED, "key": meter["key"]}).get_json()
    assert [row["text"] for row in told] == ["One digit is mistyped. Compare it with the meter."]
    other = "0200009990" + check_digit("0200009990")
    typed = {"meter_number": other, "product": meter["product"], "key": "typed", "sgc": "555555", "krn": "3", "algorithm": "sts6"}
    told = chidi.get("/meters/look", query_string=typed).get_json()
    assert [row["tone"] for row in told] == ["ok", "warn", "warn"] and NEW[-1] not in told[2]["text"]
    page = text(send(chidi, "/meters/add", **{**meter, **typed, "look": "y"}))
    assert all(row["text"] in page for row in told) and "Nothing was stored yet." in page
    assert look(select(func.count(Meter.id))) == 4


def test_a_key_change_that_arrived_is_no_longer_under_way(app, chidi, cast, look, key):
    mill = cast.meters["mill"]
    with app.app_context():
        row = db.session.get_one(Meter, mill)
        row.pending_sgc, row.pending_krn, row.pending_ti, row.pending_ken, row.pending_tries = "201457", 2, 5, 255, 3
        db.session.commit()
    assert "A key change is under way." in text(chidi.get(f"/meters/show/{mill}"))
    assert send(chidi, f"/meters/edit/{mill}", key=key("201457", 2), ti="5", ken="255").status_code == 302
    made = look(select(Meter).where(Meter.id == mill))
    assert (made.krn, made.ti, made.pending_sgc, made.pending_tries) == (2, 5, None, 0)


# --- the page -----------------------------------------------------------------------------


def test_the_page_tells_what_was_bought_which_step_and_what_is_due(app, chidi, cast):
    key = cast.meters["palm_street"]
    before = text(chidi.get(f"/meters/show/{key}"))
    assert "Nothing was bought yet." in before and "Fixed fee" in before and "1.50" in before
    sell(app, cast)
    page = text(chidi.get(f"/meters/show/{key}"))
    assert "92.5&nbsp;kWh" in page and "1 of 2" in page and "from 100.0 kWh" in page and "Nothing is due." in page
    assert "MKT-000001" in page
    tokens = text(chidi.get(f"/meters/show/{key}?tab=tokens"))
    assert "Credit" in tokens and "123456 · 1 · 01" in tokens
    assert "No engineering" in text(chidi.get(f"/meters/show/{key}?tab=engineering&at=99999999"))


def test_a_purchase_elsewhere_is_told_to_the_region_and_opens_only_for_whom_it_is(app, chidi, signed_in, cast):
    sell(app, cast, who="corin", point="corner")
    address = f"/meters/show/{cast.meters['palm_street']}"
    assert "/receipts/" in chidi.get(address).get_data(as_text=True)
    amara = signed_in("amara")
    page = amara.get(address).get_data(as_text=True)
    assert "Another counter" in page and "CRN-000001" not in page and "/receipts/" not in page
    assert "No tokens that you may see yet." in text(amara.get(f"{address}?tab=tokens"))


def test_a_strangers_consumer_on_ones_own_meter_is_not_named(app, chidi, cast):
    with app.app_context():
        db.session.get_one(Meter, cast.meters["mill"]).consumer_id = cast.consumers["juma"]
        db.session.commit()
    for page in (f"/meters/show/{cast.meters['mill']}", "/meters/list/"):
        assert "Juma" not in chidi.get(page).get_data(as_text=True)
    assert "Somebody of another region has it." in text(chidi.get(f"/meters/show/{cast.meters['mill']}"))


# --- the list -----------------------------------------------------------------------------


@pytest.mark.one_database
@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ({"_flt_0_meter_number": PALM_STREET[:10]}, {"palm_street"}),
        ({"_flt_0_consumer_id": "achieng"}, {"palm_street", "pump", "mill"}),
        ({"_flt_0_consumer_id": "juma"}, set()),
        ({"_flt_0_meter_type": "water"}, {"pump"}),
        ({"_flt_0_status": "blocked"}, set()),
        ({"_flt_0_sgc": "1234"}, {"palm_street"}),
        ({"_flt_0_region": "market"}, {"palm_street", "pump", "mill"}),
        ({"_flt_0_region": "Harbour"}, set()),
        ({"_flt_0_id": "no"}, set()),
        ({"_flt_0_id": "yes"}, {"palm_street", "pump", "mill"}),
        ({"_flt_0_tariff": "x"}, set()),
        ({"_flt_0_tariff": "2"}, {"pump"}),
    ],
)
def test_meters_are_found(chidi, cast, look, asked, found):
    page = chidi.get("/meters/list/", query_string=asked).get_data(as_text=True)
    assert {name for name in cast.meters if f"/meters/show/{cast.meters[name]}" in page} == found


@pytest.mark.one_database
def test_meters_are_put_in_order_by_every_column(chidi):
    for column in ("consumer", "region", "tariff", "key_data", "status", "meter_type", "meter_number"):
        for way in ("asc", "desc"):
            page = chidi.get("/meters/list/", query_string={"_oc_MeterView": column, "_od_MeterView": way})
            assert page.status_code == 200 and f'aria-sort="{way}ending"' in page.get_data(as_text=True), (column, way)


def test_a_meter_that_bought_keeps_number_and_type_and_stays(app, chidi, cast, look):
    sell(app, cast)
    key = cast.meters["palm_street"]
    assert send(chidi, f"/meters/edit/{key}", meter_number=NEW).status_code == 422
    water = look(select(Product.id).where(Product.model == "A15"))
    assert send(chidi, f"/meters/edit/{key}", product=water, tariff=cast.tariffs["water"]).status_code == 422
    answer = act(chidi, "/meters/list/", f"/meters/delete/{key}")
    kept = chidi.get(answer.headers["Location"]).get_data(as_text=True)
    assert "Set its state to Removed instead." in kept and f"/meters/state/{key}?to=removed" in kept
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
