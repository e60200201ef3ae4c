"""What has history is switched off instead of deleted, and each record tells its own changes."""

from __future__ import annotations

import re

import pytest
from sqlalchemy import select, update

from app.extensions import db
from app.models import (
    AppUser,
    AuditEntry,
    CashAccount,
    Consumer,
    Currency,
    Manufacturer,
    Meter,
    Product,
    Settings,
    Tariff,
    UserGroup,
    UserSession,
)
from app.services.products import MakerDiffers, maker_differs
from tests.views.forms import act, fields, send, text

pytestmark = pytest.mark.one_database


def one(look, model, /, **facts):
    return look(select(model).filter_by(**facts))


@pytest.mark.parametrize(
    ("model", "route", "facts", "used"),
    [
        (Product, "products", {"model": "S200"}, "3 meters"),
        (Manufacturer, "manufacturers", {"name": "Hexa"}, "2 products"),
        (Tariff, "tariffs", {"name": "Water"}, "1 meter"),
        (UserGroup, "groups", {"name": "Operator"}, "3 users"),
        (Currency, "currencies", {"code": "USD"}, "currency of this installation"),
    ],
)
def test_what_is_in_use_is_not_deleted_but_switched_off_and_on_again(efua, look, model, route, facts, used):
    row = one(look, model, **facts)
    answer = act(efua, f"/{route}/list/", f"/{route}/delete/{row.id}")
    page = efua.get(answer.headers["Location"])
    said = text(page)
    assert "was not deleted." in said and used in said and 'name="on" value="0"' in page.get_data(as_text=True)
    answer = act(efua, f"/{route}/list/", f"/{route}/switch/{row.id}", on="0")
    said = text(efua.get(answer.headers["Location"]))
    if model is Currency:
        assert "in use by the installation itself" in said and one(look, model, **facts).active
        return
    assert "This is switched off." in said and "Active Before: Yes After: No" in said
    assert one(look, model, **facts).active is False
    act(efua, f"/{route}/list/", f"/{route}/switch/{row.id}", on="1")
    assert one(look, model, **facts).active is True


def test_a_consumer_who_left_has_no_meters_and_can_be_taken_back(efua, cast, look):
    key = cast.consumers["achieng"]
    assert "was not deleted" in text(efua.get(act(efua, "/consumers/list/", f"/consumers/delete/{key}").headers["Location"]))
    answer = act(efua, "/consumers/list/", f"/consumers/switch/{key}", on="0")
    assert "This consumer has left." in text(efua.get(answer.headers["Location"]))
    assert look(select(Meter.id).where(Meter.consumer_id == key)) is None
    assert look(select(AuditEntry.id).where(AuditEntry.table_name == "meter", AuditEntry.before.contains(f'"consumer_id": {key}')))
    act(efua, "/consumers/list/", f"/consumers/switch/{key}", on="1")
    assert look(select(Consumer.active).where(Consumer.id == key)) is True


def test_a_user_who_is_switched_off_is_signed_out_and_nobody_switches_themselves(efua, amara, cast, look):
    key, own = cast.users["amara"], cast.users["efua"]
    assert amara.get("/").status_code == 200
    act(efua, "/users/list/", f"/users/switch/{key}", on="0")
    assert amara.get("/").status_code == 302
    assert look(select(UserSession.id).where(UserSession.user_id == key, UserSession.ended.is_(None))) is None
    assert "This person may not sign in." in text(efua.get(f"/users/show/{key}"))
    answer = act(efua, "/users/list/", f"/users/switch/{own}", on="0")
    assert "changed by somebody else" in text(efua.get(answer.headers["Location"]))
    assert look(select(AppUser.active).where(AppUser.id == own)) is True


def test_a_row_that_is_off_is_offered_no_more_but_stays_where_it_stands(efua, cast, look):
    product = one(look, Product, model="S200")
    act(efua, "/products/list/", f"/products/switch/{product.id}", on="0")
    choice = f'<option value="{product.id}"'
    assert choice not in efua.get("/meters/add").get_data(as_text=True).partition('name="product"')[2].partition("</select>")[0]
    path = f"/meters/edit/{cast.meters['palm_street']}"
    assert choice in efua.get(path).get_data(as_text=True).partition('name="product"')[2].partition("</select>")[0]
    assert send(efua, path, address="7 Palm Street, behind").status_code == 302
    assert look(select(Meter.product_id).where(Meter.id == cast.meters["palm_street"])) == product.id


def test_a_stranger_switches_nothing(signed_in, cast, look):
    chidi = signed_in("chidi")
    path = f"/consumers/switch/{cast.consumers['juma']}"
    assert act(chidi, "/consumers/list/", path, on="0").status_code == 404
    assert look(select(Consumer.active).where(Consumer.id == cast.consumers["juma"])) is True
    answer = act(chidi, "/consumers/list/", f"/products/switch/{one(look, Product, model='S200').id}", on="0")
    assert answer.status_code in (302, 403)
    assert one(look, Product, model="S200").active is True


# --- the changes of a record ----------------------------------------------------------------


def test_a_record_tells_who_changed_what_and_when_in_words_and_page_by_page(efua, chidi, cast):
    path = f"/consumers/edit/{cast.consumers['achieng']}"
    for number in range(11):
        send(chidi, path, address=f"{number} Palm Street")
    send(efua, path, gender="f")
    page = efua.get(f"/consumers/show/{cast.consumers['achieng']}?tab=changes")
    said = text(page)
    assert "Changes 13" in said and "Gender Before: — After: Female" in said and "efua changed" in said
    assert "10 Palm Street" in said and "Page 1 of 2" in said
    older = re.search(r'href="([^"]*changes=1[^"]*)"', page.get_data(as_text=True)).group(1).replace("&amp;", "&")
    said = text(efua.get(older.partition("#")[0]))
    assert "the program added" in said and "Page 2 of 2" in said
    assert efua.get(f"/consumers/show/{cast.consumers['achieng']}?changes=99999").status_code == 200


def test_the_changes_are_shown_to_who_may_see_them_only(signed_in, cast):
    path = f"/consumers/show/{cast.consumers['achieng']}?tab=changes"
    seen = {name: 'id="changes"' in signed_in(name).get(path).get_data(as_text=True) for name in ("amara", "chidi", "dalia", "efua")}
    assert seen == {"amara": False, "chidi": True, "dalia": True, "efua": True}
    # Only who may read the audit log is led there.
    assert "/audit/show/" not in signed_in("chidi").get(path).get_data(as_text=True)
    assert "/audit/show/" in signed_in("dalia").get(path).get_data(as_text=True)


def test_changes_tell_no_names_from_outside_ones_own_region(efua, signed_in, cast):
    path = f"/meters/edit/{cast.meters['palm_street']}"
    juma = f"{cast.consumers['juma']}"
    send(efua, path, consumer=juma, consumer__text="Juma Otieno (10483)", region=str(cast.regions["market"]), region__text="Market Town, Coast, Kenya")
    send(efua, f"/consumers/edit/{cast.consumers['achieng']}", region=str(cast.regions["harbour"]), region__text="Harbour Town, Lake, Kenya")
    send(efua, f"/consumers/edit/{cast.consumers['achieng']}", region=str(cast.regions["market"]), region__text="Market Town, Coast, Kenya")
    chidi = signed_in("chidi")
    said = text(chidi.get(f"/meters/show/{cast.meters['palm_street']}?tab=changes")).partition("Changes")[2]
    assert "Juma" not in said and "number" in said
    said = text(chidi.get(f"/consumers/show/{cast.consumers['achieng']}?tab=changes"))
    assert "outside your own region" in said and "Harbour" not in said


def test_a_group_tells_of_its_rights_and_a_tariff_of_its_plans(efua, cast, look):
    group = one(look, UserGroup, name="Auditor")
    path = f"/groups/edit/{group.id}"
    page = efua.get(path).get_data(as_text=True)
    ticked = re.findall(r'name="rights" value="([^"]+)" checked', page)
    efua.post(path, data={**fields(page), "rights": [name for name in ticked if name != "READ_REGIONS"]})
    assert re.search(r"They may Before: Regions: Look", text(efua.get(f"/groups/show/{group.id}")))
    said = text(efua.get(f"/tariffs/show/{cast.tariffs['home']}")).partition("Changes")[2]
    assert "Tariff plan From 2020" in said and "Tariff step" in said


@pytest.mark.parametrize("path", ["/settings/show/1", "/currencies/show/1", "/products/show/1", "/manufacturers/show/1", "/keys/show/1", "/modules/1"])
def test_every_page_of_master_data_ends_with_its_changes(efua, cast, path):
    assert 'id="changes"' in efua.get(path).get_data(as_text=True)


# --- vending points and products --------------------------------------------------------------


def test_balance_and_limit_are_seen_and_set_by_who_may_and_told_in_the_changes(efua, signed_in, cast, look, app):
    key = cast.points["market"]
    assert send(efua, f"/vending-points/edit/{key}", credit_limit="150.00").status_code == 302
    assert look(select(CashAccount.credit_limit).where(CashAccount.vending_point_id == key)) == 150_00
    said = text(efua.get(f"/vending-points/show/{key}"))
    assert "Credit limit USD 150.00" in said and "Credit limit Before: — After: USD 150.00" in said
    assert "amara" in said  # who sells there
    with app.app_context():  # somebody without that right
        group = db.session.scalars(select(UserGroup).where(UserGroup.name == "Manager")).one()
        group.role.permissions = [row for row in group.role.permissions if row.view_menu.name != "PointAccounts"]
        db.session.commit()
    said = text(signed_in("chidi").get(f"/vending-points/show/{key}"))
    assert "150.00" not in said and "Balance" not in said


def test_a_new_point_has_its_limit_at_once_and_an_unseen_one_is_not_touched(efua, cast, look, app):
    send(efua, "/vending-points/add", name="Pier kiosk", code="PIER", region__text="harbour", credit_limit="20", active="y")
    assert look(select(CashAccount.credit_limit).order_by(CashAccount.id.desc())) == 20_00
    key = cast.points["market"]
    with app.app_context():
        db.session.execute(update(CashAccount).where(CashAccount.vending_point_id == key).values(credit_limit=5_00))
        group = db.session.scalars(select(UserGroup).where(UserGroup.name == "Administrator")).one()
        group.role.permissions = [row for row in group.role.permissions if row.view_menu.name != "PointAccounts"]
        db.session.commit()
    page = efua.get(f"/vending-points/edit/{key}").get_data(as_text=True)
    assert "credit_limit" not in page
    assert send(efua, f"/vending-points/edit/{key}", telephone="0700 123 456", credit_limit="999").status_code == 302
    assert look(select(CashAccount.credit_limit).where(CashAccount.vending_point_id == key)) == 5_00


@pytest.mark.parametrize(
    ("number", "code", "said"),
    [
        ("01000000016", "01", None), ("01000000016", "47", MakerDiffers("01", "47")),
        ("0100000000008", "0100", None), ("0100000000008", "01", MakerDiffers("0100", "01")),
        ("01000000016", None, None), ("no number", "47", None),
    ],
)  # fmt: skip
def test_the_digits_of_a_number_are_held_against_the_makers_code(number, code, said):
    assert maker_differs(number, Product(manufacturer=Manufacturer(name="M", code=code))) == said


def test_a_currency_that_was_switched_off_is_not_offered_to_the_installation(efua, look):
    euro = one(look, Currency, code="EUR")
    act(efua, "/currencies/list/", f"/currencies/switch/{euro.id}", on="0")
    assert f'value="{euro.id}"' not in efua.get("/settings/edit/1").get_data(as_text=True).partition('name="currency"')[2].partition("</select>")[0]
    assert look(select(Settings.currency_id)) != euro.id


@pytest.mark.parametrize("said", ["", "yes", "2"])
def test_a_request_that_says_neither_on_nor_off_switches_nothing(efua, cast, look, said):
    for path in (f"/users/switch/{cast.users['amara']}", f"/regions/switch/{cast.regions['lake']}"):
        assert act(efua, "/users/list/", path, on=said).status_code == 400
    assert look(select(AppUser.active).where(AppUser.id == cast.users["amara"])) is True


def test_two_columns_of_one_name_are_told_one_after_the_other(efua, cast, app):
    with app.app_context():  # both are called Manufacturer, and one of them has no value before
        db.session.add(
            AuditEntry(
                at=db.session.scalars(select(AuditEntry.at)).first(), actor="efua", action="change", table_name="product",
                row_id="1", before='{"name": null, "manufacturer": "x", "manufacturer_id": null}', after='{"name": "y", "manufacturer_id": 1}',
            )
        )  # fmt: skip
        db.session.commit()
    said = text(efua.get("/products/show/1"))
    assert said.count("Manufacturer Before:") == 2 and "Manufacturer Before: x After: —" in said
