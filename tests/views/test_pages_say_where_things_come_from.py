"""Small promises of the pages: where things come from, where one lands, what stands where."""

from __future__ import annotations

import re

import pytest
from sqlalchemy import delete, select, update

from app.access.roles import GROUPS
from app.extensions import db
from app.models import AppUser, Consumer, Manufacturer, Meter, Product, Region, UserGroup
from app.views.group_names import NAMES
from app.views.groups import SEEDED
from tests.views.forms import act, fields, send
from tests.views.selling import sell

pytestmark = pytest.mark.one_database


def text_of(client, path):
    return client.get(path).get_data(as_text=True)


def new_user(efua, group, look, **more):
    """What the form answers for a new person of this group."""
    key = look(select(UserGroup.id).where(UserGroup.name == group))
    return send(
        efua, "/users/add", username="zed", first_name="Zed", last_name="Zulu", email="zed@example.org",
        group=key, password="Long enough 2026", **more,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("group", "field", "said"),
    [("Operator", "vending_point", "see nothing without one"), ("Manager", "region", "nothing without one"),
     ("Auditor", "region", "nothing without one")],
)  # fmt: skip
def test_nobody_is_added_without_the_place_whose_rows_they_see(efua, look, group, field, said):
    answer = new_user(efua, group, look)
    page = answer.get_data(as_text=True)
    assert answer.status_code == 422 and 'value="zed@example.org"' in page
    assert said in page.partition(f'id="{field}-error"')[2].partition("</p>")[0]
    assert look(select(AppUser.id).where(AppUser.username == "zed")) is None


def test_with_a_vending_point_an_operator_is_added(efua, cast, look):
    assert new_user(efua, "Operator", look, vending_point=cast.points["market"]).status_code == 200, "the link is shown once"
    assert look(select(AppUser.vending_point_id).where(AppUser.username == "zed")) == cast.points["market"]


def test_an_operator_whose_point_was_taken_is_told_on_every_page(app, amara, cast):
    assert "You have no vending point" not in text_of(amara, "/")
    with app.app_context():
        db.session.execute(update(AppUser).where(AppUser.username == "amara").values(vending_point_id=None))
        db.session.commit()
    for path in ("/", "/counter/", "/counter/?q=wanj", "/meters/list/"):
        assert "You have no vending point" in text_of(amara, path), path


def test_a_plan_that_has_sold_says_so_in_place_and_not_on_the_button(app, efua, cast):
    sell(app, cast)
    page = efua.get("/plans/edit/1", follow_redirects=True).get_data(as_text=True)
    notes, toasts = page.partition('class="notes"')[2].split('class="toasts"', 1)
    assert "This plan has sold already" in notes
    assert "This plan has sold already" not in toasts


def empty(app, *models):
    with app.app_context():
        for model in models:
            db.session.execute(delete(model), execution_options={"unscoped": True})
        db.session.commit()


def test_an_empty_choice_says_where_its_rows_come_from(app, efua, chidi, cast):
    assert "No manufacturers yet." not in text_of(efua, "/products/add")
    empty(app, Meter, Product, Manufacturer)
    assert 'No manufacturers yet. <a href="/manufacturers/add">' in text_of(efua, "/products/add")
    assert 'No products yet. <a href="/products/add">' in text_of(efua, "/meters/add")
    manager = text_of(chidi, "/meters/add")  # may not add products: told, and led nowhere
    assert "No products yet." in manager and "/products/add" not in manager


def test_the_set_up_list_leads_to_the_manufacturers_where_there_is_none(app, efua, cast):
    empty(app, Meter, Product, Manufacturer)
    home = text_of(efua, "/").partition('class="rows setup"')[2].partition("</ol>")[0]
    assert "Add a manufacturer" in home
    assert efua.get("/set-up/product").headers["Location"] == "/manufacturers/add"
    assert "autofocus" not in text_of(efua, "/")  # or the page would open scrolled to the box below


def test_a_seller_can_type_at_once_on_the_home_page(amara, cast):
    assert "autofocus" in text_of(amara, "/")


def test_from_an_address_opened_directly_one_lands_on_the_things_own_list(efua, cast, look):
    text_of(efua, "/consumers/list/")
    assert send(efua, "/manufacturers/add", name="Direct", code="71").headers["Location"] == "/manufacturers/list/"
    key = look(select(Manufacturer.id).where(Manufacturer.name == "Direct"))
    text_of(efua, "/consumers/list/")
    assert send(efua, f"/manufacturers/edit/{key}", code="72").headers["Location"] == "/manufacturers/list/"


def test_from_a_searched_list_or_a_row_one_comes_back_to_it(efua, cast, look):
    listed = "/consumers/list/?_flt_0_name=achieng"
    text_of(efua, listed)
    path = f"/consumers/edit/{cast.consumers['achieng']}"
    assert send(efua, path, address="1").headers["Location"] == listed
    shown = f"/consumers/show/{cast.consumers['achieng']}"
    text_of(efua, shown)
    assert send(efua, path, address="2").headers["Location"] == shown


def test_an_empty_list_has_one_primary_button(app, efua, cast):
    assert text_of(efua, "/products/list/").count("btn-primary") == 1
    empty(app, Meter, Product)
    page = text_of(efua, "/products/list/")
    assert page.count("btn-primary") == 1 and "No products yet." in page


def test_after_a_country_its_first_province_can_be_typed_at_once(efua, cast, look):
    answer = act(efua, "/regions/", "/regions/add", name="Newland")
    page = text_of(efua, answer.headers["Location"])
    assert re.findall(r'aria-label="([^"]+)"[^>]*autofocus', page) == ["Province or state name"]
    key = look(select(Region.id).where(Region.name == "Newland"))
    assert "autofocus" not in text_of(efua, f"/regions/?at={key}")  # looking is not typing


def meter_without_region(chidi, cast):
    form = fields(text_of(chidi, "/meters/add"))
    product = re.search(r'<select id="product".*?</select>', text_of(chidi, "/meters/add"), re.S).group()
    key = re.findall(r'name="key" value="([0-9]+)"', text_of(chidi, "/meters/add"))[0]
    values = {"key": key, "product": re.findall(r'<option value="([0-9]+)"', product)[0]}
    return {**form, **values, "meter_number": "01000000909", "region": "", "region-text": ""}


def test_a_meters_consumer_fills_an_empty_region(chidi, cast, look):
    form = meter_without_region(chidi, cast)
    refused = chidi.post("/meters/add", data=form)
    assert refused.status_code == 422  # nobody's meter needs its region
    number = re.search(r"mistyped", refused.get_data(as_text=True))
    assert number is None
    answer = chidi.post("/meters/add", data={**form, "consumer": str(cast.consumers["achieng"]), "consumer-text": ""})
    assert answer.status_code == 302
    home = look(select(Consumer.region_id).where(Consumer.id == cast.consumers["achieng"]))
    assert look(select(Meter.region_id).where(Meter.meter_number == "01000000909")) == home


def test_the_look_up_says_what_follows_from_a_consumer(chidi, cast):
    (row,) = chidi.get("/pick/consumers?q=achieng").get_json()
    assert list(row["fills"]) == ["region"] and row["fills"]["region"]["label"] in row["note"]


@pytest.mark.parametrize("typed", ["0711/222333", "0711.222.333", "071a222333", "+", "12", "0711 222 333 +", "٠٧١١٢٢٢٣٣٣"])
def test_a_telephone_number_has_digits_blanks_and_four_signs_only(chidi, typed):
    answer = send(chidi, "/consumers/add", name="G", user_number="C-1", region__text="Market Town", telephone=typed)
    assert answer.status_code == 422 and "Digits, blanks and + ( ) - only" in answer.get_data(as_text=True)


@pytest.mark.parametrize("typed", ["0711 222 333", "+254 (0)711-222-333", "(020) 222 333"])
def test_a_usual_telephone_number_is_taken(chidi, typed):
    assert send(chidi, "/consumers/add", name="G", user_number="C-1", region__text="Market Town", telephone=typed).status_code == 302


def in_french(app, name):
    with app.app_context():
        db.session.execute(update(AppUser).where(AppUser.username == name).values(language="fr"))
        db.session.commit()


def test_names_of_the_seeded_groups_are_translated_until_somebody_renames_one(app, efua, cast, look):
    with app.test_request_context("/"):
        assert {stored: str(word) for stored, word in NAMES.items()} == {name: name for name, _, _ in GROUPS}
    in_french(app, "efua")
    group = look(select(UserGroup).where(UserGroup.name == "Operator"))
    pages = ("/groups/list/", f"/groups/show/{group.id}", "/users/list/", "/users/add", f"/vending-points/show/{cast.points['market']}")
    for page in pages:
        assert "Opérateur" in text_of(efua, page) and "Operator" not in text_of(efua, page), page
    assert "Administrateur" in text_of(efua, "/account/settings") + text_of(efua, "/")
    path = f"/groups/edit/{group.id}"
    form = fields(text_of(efua, path))
    ticked = re.findall(r'name="rights" value="([^"]+)" checked', text_of(efua, path))
    assert form["name"] == "Opérateur"
    assert efua.post(path, data={**form, "rights": ticked}).status_code == 302
    assert look(select(UserGroup.name).where(UserGroup.id == group.id)) == "Operator", "the translation was left as it was"
    efua.post(path, data={**fields(text_of(efua, path)), "rights": ticked, "name": "Caissiers"})
    assert "Caissiers" in text_of(efua, "/groups/list/") and "Opérateur" not in text_of(efua, "/users/list/")


def test_descriptions_of_the_seeded_groups_are_translated_while_unchanged(app, efua, cast, look):
    with app.test_request_context("/"):
        assert {description: str(word) for description, word in SEEDED.items()} == {each: each for _, each, _ in GROUPS}
    in_french(app, "efua")
    assert "Sells at one vending point." not in text_of(efua, "/groups/list/")
    group = look(select(UserGroup).where(UserGroup.name == "Operator"))
    path = f"/groups/edit/{group.id}"
    assert "Sells at one vending point." not in text_of(efua, path)
    ticked = re.findall(r'name="rights" value="([^"]+)" checked', text_of(efua, path))
    efua.post(path, data={**fields(text_of(efua, path)), "rights": ticked, "name": "Seller"})
    kept = look(select(UserGroup).where(UserGroup.id == group.id))
    assert (kept.name, kept.description) == ("Seller", "Sells at one vending point.")
    efua.post(path, data={**fields(text_of(efua, path)), "rights": ticked, "description": "Mine"})
    assert look(select(UserGroup.description).where(UserGroup.id == group.id)) == "Mine"


def test_the_question_before_deleting_names_the_thing_as_it_was_typed(chidi, look):
    send(chidi, "/consumers/add", name="Ngugi wa Thiong'o <b>", user_number="C-9", region__text="Market Town")
    key = look(select(Consumer.id).where(Consumer.user_number == "C-9"))
    asked = 'data-ask="Delete Ngugi wa Thiong&#39;o &lt;b&gt;?"'
    assert asked in text_of(chidi, f"/consumers/show/{key}")
    assert asked in text_of(chidi, "/consumers/list/")


@pytest.mark.parametrize("path", ["/sales/list/", "/sale-records/list/"])
def test_a_list_of_sales_says_its_currency_once_and_sets_its_figures_to_the_end(app, efua, cast, path):
    sell(app, cast)
    table = text_of(efua, path).partition("<table")[2].partition("</table>")[0]
    head, body = table.split("<tbody>")
    assert "Amount (USD)" in " ".join(head.split()) and "USD" not in re.sub(r'data-label="[^"]*"', "", body)
    assert len(re.findall(r'<td data-label="(?:Units|Amount \(USD\))" class="[^"]*\bnum\b', body)) == 2
    assert '<th scope="row" class="tight">' in body  # a receipt number is never broken
