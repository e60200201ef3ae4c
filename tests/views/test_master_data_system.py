"""System pages: regions, manufacturers, products, vending points, currencies, settings, licence."""

from __future__ import annotations

import re

import pytest
from sqlalchemy import func, select

from app.models import (
    AuditEntry,
    Currency,
    Licence,
    Manufacturer,
    Product,
    Region,
    Settings,
    VendingPoint,
)
from tests.views.forms import act, fields, send

# What it asks of the database is tried on both by the services and by the walk through all pages.
pytestmark = pytest.mark.one_database


def test_a_country_a_province_and_a_town_are_added_one_below_the_other(efua, look):
    for name, above in (("Ghana", None), ("Ashanti", "Ghana"), ("Kumasi", "Ashanti, Ghana")):
        parent = look(select(Region.id).where(Region.full_name == above)) if above else ""
        answer = act(efua, "/regions/", "/regions/add", name=name, parent=parent)
        assert answer.status_code == 303
    assert look(select(Region.full_name).where(Region.name == "Kumasi")) == "Kumasi, Ashanti, Ghana"
    page = efua.get(answer.headers["Location"]).get_data(as_text=True)
    assert re.search(r'aria-current="true">\s*<span class="level-words"><span>Kumasi', page)


def test_the_next_level_is_shut_until_the_one_above_is_chosen(efua, cast):
    page = efua.get("/regions/").get_data(as_text=True)
    assert "Choose a country first." in page and 'aria-label="City or town name"' not in page
    page = efua.get(f"/regions/?at={cast.regions['coast']}").get_data(as_text=True)
    assert 'aria-label="City or town name"' in page


def test_a_second_place_of_the_same_name_is_refused_at_its_field(efua, look):
    answer = act(efua, "/regions/", "/regions/add", name="kenya", parent="")
    page = answer.get_data(as_text=True)
    assert answer.status_code == 422
    assert "A place of this name is here already." in page and 'value="kenya"' in page
    assert look(select(func.count(Region.id)).where(Region.parent_id.is_(None))) == 1


def test_below_a_town_there_is_nothing(efua, cast):
    assert act(efua, "/regions/", "/regions/add", name="Street", parent=cast.regions["market"]).status_code == 404


def test_a_renamed_country_is_renamed_in_every_town(efua, cast, look):
    key = cast.regions["country"]
    assert act(efua, "/regions/", f"/regions/rename/{key}", name="Kenia").status_code == 303
    assert look(select(Region.full_name).where(Region.id == cast.regions["market"])) == "Market Town, Coast, Kenia"


def test_a_town_moves_to_another_province(efua, cast, look):
    town, lake = cast.regions["market"], cast.regions["lake"]
    assert act(efua, "/regions/", f"/regions/move/{town}", parent=lake).status_code == 303
    assert look(select(Region.full_name).where(Region.id == town)) == "Market Town, Lake, Kenya"
    assert act(efua, "/regions/", f"/regions/move/{town}", parent="").status_code == 422


def test_a_place_in_use_stays_and_says_by_whom(efua, cast, look):
    town = cast.regions["market"]
    page = efua.get(f"/regions/?at={town}").get_data(as_text=True)
    assert "2 vending points" in page and f"/regions/delete/{town}" not in page
    assert act(efua, "/regions/", f"/regions/delete/{town}").status_code == 422
    assert look(select(Region.id).where(Region.id == town)) == town


def test_an_unused_place_is_deleted(efua, cast, look):
    act(efua, "/regions/", "/regions/add", name="Empty Town", parent=cast.regions["lake"])
    key = look(select(Region.id).where(Region.name == "Empty Town"))
    assert act(efua, "/regions/", f"/regions/delete/{key}").status_code == 303
    assert look(select(Region.id).where(Region.id == key)) is None


def test_a_manager_is_led_to_no_place_above_the_own_region(signed_in, cast):
    chidi = signed_in("chidi")
    page = chidi.get("/regions/").get_data(as_text=True)
    doors = set(re.findall(r'href="(/regions/\?at=\d+)"', page))
    assert doors
    assert [door for door in doors if chidi.get(door).status_code != 200] == []


def test_a_manager_finds_only_places_of_the_own_region(signed_in, cast):
    chidi = signed_in("chidi")
    page = chidi.get("/regions/?q=town").get_data(as_text=True)
    assert "Market Town" in page and "Harbour Town" not in page
    assert chidi.get(f"/regions/?at={cast.regions['harbour']}").status_code == 404


def test_a_manufacturer_is_added_changed_and_deleted(efua, look):
    assert send(efua, "/manufacturers/add", name="  Volt   Works ", code="0417").status_code == 302
    key = look(select(Manufacturer.id).where(Manufacturer.name == "Volt Works"))
    assert key
    assert send(efua, f"/manufacturers/edit/{key}", code="17").status_code == 302
    assert look(select(Manufacturer.code).where(Manufacturer.id == key)) == "17"
    assert act(efua, "/manufacturers/list/", f"/manufacturers/delete/{key}").status_code == 303
    assert look(select(Manufacturer.id).where(Manufacturer.id == key)) is None
    assert look(select(AuditEntry.actor).where(AuditEntry.table_name == "manufacturer", AuditEntry.action == "delete")) == "efua"  # fmt: skip


@pytest.mark.one_database
@pytest.mark.parametrize("code", ["1", "123", "12345", "ab", "٠١", "1 2"])
def test_a_manufacturer_code_has_two_or_four_digits(efua, look, code):
    answer = send(efua, "/manufacturers/add", name="Volt", code=code)
    assert answer.status_code == 422
    assert look(select(Manufacturer.id).where(Manufacturer.name == "Volt")) is None


def test_a_name_that_is_taken_is_refused_at_its_field_and_nothing_typed_is_lost(efua):
    answer = send(efua, "/manufacturers/add", name="Hexa", code="77")
    page = answer.get_data(as_text=True)
    assert answer.status_code == 422
    assert "A manufacturer of this name is known already." in page
    assert 'value="Hexa"' in page and 'value="77"' in page


def test_a_manufacturer_with_products_stays_and_says_so(efua, look):
    key = look(select(Manufacturer.id).where(Manufacturer.name == "Hexa"))
    answer = act(efua, "/manufacturers/list/", f"/manufacturers/delete/{key}")
    assert "2 products are of this manufacturer." in efua.get(answer.headers["Location"]).get_data(as_text=True)
    assert look(select(Manufacturer.id).where(Manufacturer.id == key)) == key


def test_a_product_needs_all_four_facts(efua, look):
    maker = look(select(Manufacturer.id))
    answer = send(efua, "/products/add", model="G4", name="", meter_type="", manufacturer="")
    assert answer.status_code == 422 and answer.get_data(as_text=True).count("Fill this in.") == 3
    answer = send(efua, "/products/add", model="G4", name="Gas four", meter_type="gas", manufacturer=maker)
    assert answer.status_code == 302
    assert look(select(Product.meter_type).where(Product.model == "G4")) == "gas"


@pytest.mark.one_database
@pytest.mark.parametrize(("field", "forged"), [("meter_type", "steam"), ("manufacturer", "999999"), ("manufacturer", "x")])
def test_a_forged_choice_is_refused(efua, look, field, forged):
    typed = {"model": "G5", "name": "Five", "meter_type": "gas", "manufacturer": look(select(Manufacturer.id))}
    assert send(efua, "/products/add", **{**typed, field: forged}).status_code == 422
    assert look(select(Product.id).where(Product.model == "G5")) is None


def test_a_product_that_meters_are_of_keeps_its_type(efua, look):
    key = look(select(Product.id).where(Product.model == "S200"))
    answer = send(efua, f"/products/edit/{key}", meter_type="water")
    assert answer.status_code == 422
    assert look(select(Product.meter_type).where(Product.id == key)) == "electricity"


def test_two_people_at_one_product_are_told_and_nothing_is_overwritten(efua, signed_in, look):
    key = look(select(Product.id).where(Product.model == "S200"))
    stale = fields(efua.get(f"/products/edit/{key}").get_data(as_text=True))
    assert send(efua, f"/products/edit/{key}", name="First").status_code == 302
    answer = efua.post(f"/products/edit/{key}", data={**stale, "name": "Second"})
    assert answer.status_code == 422
    assert "changed this record meanwhile" in answer.get_data(as_text=True)
    assert look(select(Product.name).where(Product.id == key)) == "First"


def test_a_vending_point_gets_its_region_by_words_alone(efua, look):
    """As without a script: the words name the place, the hidden id is empty."""
    answer = send(
        efua, "/vending-points/add", name="Pier kiosk", code="PIER", region__text="harbour", region="",
        telephone="+254 (0)700-123", email="pier@example.org", active="y",
    )  # fmt: skip
    assert answer.status_code == 302
    point = look(select(VendingPoint.region_id).where(VendingPoint.code == "PIER"))
    assert look(select(Region.name).where(Region.id == point)) == "Harbour Town"


@pytest.mark.one_database
@pytest.mark.parametrize(
    ("field", "typed", "sentence"),
    [
        ("region__text", "town", "Several are found by these words."),
        ("region__text", "Atlantis", "Nothing is found by these words."),
        ("email", "nobody", "An address like name@example.org."),
        ("telephone", "call me", "Digits, blanks and"),
        ("name", "x" * 101, "At most 100 characters."),
        ("name", "two\x00halves", "a sign that cannot be kept"),
        ("code", "MKT", "Another vending point has this sign."),
        ("code", "A/B", "Letters A to Z"),
    ],
)
def test_a_vending_point_is_refused_at_the_field(efua, look, field, typed, sentence):
    fine = {"name": "Kiosk", "code": "KSK", "region__text": "Harbour Town", "region": ""}
    answer = send(efua, "/vending-points/add", **{**fine, field: typed})
    assert answer.status_code == 422
    assert sentence in answer.get_data(as_text=True)
    assert look(select(VendingPoint.id).where(VendingPoint.code == "KSK")) is None


def test_a_vending_point_with_people_stays_and_is_switched_off_from_the_refusal(efua, cast, look):
    key = cast.points["market"]
    answer = act(efua, "/vending-points/list/", f"/vending-points/delete/{key}")
    page = efua.get(answer.headers["Location"]).get_data(as_text=True)
    assert "Market shop was not deleted." in page and "1 user" in page
    assert f'href="/users/list/?_flt_0_vending_point={key}"' in page
    assert 'name="on" value="0"' in page
    assert act(efua, "/vending-points/list/", f"/vending-points/switch/{key}", on="0").status_code == 303
    assert look(select(VendingPoint.active).where(VendingPoint.id == key)) is False
    page = efua.get(f"/vending-points/show/{key}").get_data(as_text=True)
    assert 'name="on" value="1"' in page  # the way back
    act(efua, "/vending-points/list/", f"/vending-points/switch/{key}", on="1")
    assert look(select(VendingPoint.active).where(VendingPoint.id == key)) is True


@pytest.mark.one_database
@pytest.mark.parametrize("decimals", ["4", "-1", "x", "1.5", "1e3", ""])
def test_a_currency_has_0_to_3_decimals(efua, look, decimals):
    answer = send(efua, "/currencies/add", code="XTS", name="Test", symbol="T", decimals=decimals)
    assert answer.status_code == 422
    assert look(select(Currency.id).where(Currency.code == "XTS")) is None


def test_three_currencies_are_ready_and_an_own_one_is_added(efua, look):
    assert look(select(func.count(Currency.id))) >= 3
    answer = send(efua, "/currencies/add", code="KES", name="Kenyan shilling", symbol="KSh", decimals="2")
    assert answer.status_code == 302
    key = look(select(Currency.id).where(Currency.code == "KES"))
    assert send(efua, "/settings/edit/1", currency=key, settlement="down", time_zone="Africa/Nairobi").status_code == 303
    assert look(select(Settings.currency_id)) == key
    assert look(select(Settings.settlement)) == "down"
    answer = act(efua, "/currencies/list/", f"/currencies/delete/{key}")
    assert "KES is the currency of this installation." in efua.get(answer.headers["Location"]).get_data(as_text=True)


@pytest.mark.one_database
@pytest.mark.parametrize(
    ("field", "typed"),
    [("time_zone", "Mars/Base"), ("token_offset_minutes", "9999"), ("settlement", "sideways"), ("utility_name", ""),
     ("first_weekday", "7")],
)  # fmt: skip
def test_a_setting_out_of_range_is_refused(efua, look, field, typed):
    before = look(select(Settings.version))
    assert send(efua, "/settings/edit/1", **{field: typed}).status_code == 422
    assert look(select(Settings.version)) == before


def test_the_licence_page_counts_the_meters_of_the_whole_installation(signed_in, look):
    page = signed_in("chidi").get("/licence/").get_data(as_text=True)
    assert look(select(Licence.holder)) in page
    assert "<dt>Meters now</dt><dd>4</dd>" in page
