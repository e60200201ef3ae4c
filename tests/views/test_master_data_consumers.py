"""Consumers, and who has which meter (manual R1, R2)."""

from __future__ import annotations

import re
from html import unescape

import pytest
from sqlalchemy import func, select, update

from app.extensions import db
from app.models import Consumer, ConsumerTerm, DebtEntry, Meter
from app.views import consumers
from tests.cast import PALM_STREET, PIER, drn
from tests.views.forms import act, fields, send, text
from tests.views.selling import sell


@pytest.mark.both_databases
def test_a_consumer_is_added_and_found_by_name_number_phone_and_id(chidi, look):
    answer = send(
        chidi, "/consumers/add", name="Kouamé N'Guessan", user_number="C-77", region__text="market town",
        address="1 Quay", gender="m", id_number="AB 12/34", telephone="0711 222 333", email="k@example.org", language="fr",
    )  # fmt: skip
    assert answer.status_code == 302
    assert look(select(Consumer.language).where(Consumer.user_number == "C-77")) == "fr"
    for words in ("kouame", "n'gue", "c-77", "0711222", "711 222 333", "ab 12", "kou n'gu"):
        page = chidi.get("/consumers/list/", query_string={"_flt_0_name": words}).get_data(as_text=True)
        assert "Kouamé N&#39;Guessan" in page, words
        assert "Achieng" not in page


@pytest.mark.both_databases
def test_a_changed_name_is_found_by_the_new_one_only(chidi, cast, look):
    assert send(chidi, f"/consumers/edit/{cast.consumers['achieng']}", name="Grace Wanjiru").status_code == 302
    terms = select(func.count(ConsumerTerm.id)).where(ConsumerTerm.term == "achieng")
    assert look(terms) == 0


@pytest.mark.one_database
def test_a_language_that_the_program_does_not_speak_is_kept_and_named(app, chidi, cast, look):
    who, path = cast.consumers["achieng"], f"/consumers/edit/{cast.consumers['achieng']}"
    language = select(Consumer.language).where(Consumer.id == who)
    with app.app_context():
        db.session.execute(update(Consumer).where(Consumer.id == who).values(language="zh"))
        db.session.commit()
    assert "中文" in chidi.get(f"/consumers/show/{who}").get_data(as_text=True)
    assert '<option value="zh" selected>中文</option>' in chidi.get(path).get_data(as_text=True)
    assert send(chidi, path, address="2 Quay").status_code == 302 and look(language) == "zh"
    assert send(chidi, path, language="yo").status_code == 422
    assert send(chidi, path, language="fr").status_code == 302 and look(language) == "fr"


@pytest.mark.one_database
@pytest.mark.parametrize(
    ("field", "typed", "sentence"),
    [
        ("name", "  ", "Fill this in."),
        ("user_number", "10482", "Another consumer has this number."),
        ("user_number", "10483", "Another consumer has this number."),  # a stranger's, and no row is told
        ("gender", "q", "Choose one of the list."),
        ("language", "xx", "Choose one of the list."),
        ("email", "a b@c.de", "An address like"),
        ("telephone", "12", "Digits, blanks and"),
        ("region__text", "Harbour Town", "Nothing is found by these words."),
        ("address", "y" * 201, "At most 200 characters."),
    ],
)
def test_a_consumer_is_refused_at_the_field_and_nothing_typed_is_lost(chidi, look, field, typed, sentence):
    fine = {"name": "Grace", "user_number": "C-78", "region__text": "Market Town", "id_number": "KEPT-1"}
    answer = send(chidi, "/consumers/add", **{**fine, field: typed})
    page = answer.get_data(as_text=True)
    assert answer.status_code == 422 and sentence in page and 'value="KEPT-1"' in page
    assert look(select(Consumer.id).where(Consumer.id_number == "KEPT-1")) is None


@pytest.mark.parametrize("place", ["harbour", "lake", "country"])
def test_a_forged_region_is_refused(chidi, cast, look, place):
    answer = send(chidi, "/consumers/add", name="Grace", user_number="C-79", region=cast.regions[place], region__text="")
    assert answer.status_code == 422
    assert look(select(Consumer.id).where(Consumer.user_number == "C-79")) is None


def test_a_strangers_consumer_does_not_exist(chidi, cast, look):
    key = cast.consumers["juma"]
    assert "Juma" not in chidi.get("/consumers/list/").get_data(as_text=True)
    for path in ("show", "edit"):
        assert chidi.get(f"/consumers/{path}/{key}").status_code == 404
    for path in ("delete", "bind", "unbind"):
        assert act(chidi, "/consumers/list/", f"/consumers/{path}/{key}", meter="1").status_code == 404
    assert look(select(Consumer.id).where(Consumer.id == key)) == key


@pytest.mark.both_databases
def test_a_second_click_does_not_add_a_second_consumer(chidi, look):
    form = fields(chidi.get("/consumers/add").get_data(as_text=True))
    sent = {**form, "name": "Twice", "user_number": "C-80", "region-text": "Market Town"}
    assert [chidi.post("/consumers/add", data=sent).status_code for _ in range(2)] == [302, 422]
    assert look(select(func.count(Consumer.id)).where(Consumer.name == "Twice")) == 1


def test_a_consumer_who_bought_stays_in_the_books(app, chidi, cast, look):
    sell(app, cast)
    key = cast.consumers["achieng"]
    answer = act(chidi, "/consumers/list/", f"/consumers/delete/{key}")
    assert "stays in the books" in chidi.get(answer.headers["Location"]).get_data(as_text=True)
    assert look(select(Consumer.id).where(Consumer.id == key)) == key


def test_a_consumer_without_history_is_deleted_with_the_words(chidi, look):
    send(chidi, "/consumers/add", name="Passing By", user_number="C-81", region__text="Market Town")
    key = look(select(Consumer.id).where(Consumer.user_number == "C-81"))
    act(chidi, "/consumers/list/", f"/consumers/delete/{key}")
    assert look(select(Consumer.id).where(Consumer.id == key)) is None
    assert look(select(func.count(ConsumerTerm.id)).where(ConsumerTerm.consumer_id == key)) == 0


# --- what they owe ------------------------------------------------------------------------


def test_a_new_consumer_may_owe_something_from_before_with_a_reason(chidi, look):
    typed = {"name": "Grace", "user_number": "C-90", "region__text": "Market Town", "debt": "120.50"}
    refused = send(chidi, "/consumers/add", **typed)
    assert refused.status_code == 422 and "Fill this in." in text(refused)
    assert send(chidi, "/consumers/add", **typed, debt_reason="Bill of 2025").status_code == 302
    grace = look(select(Consumer).where(Consumer.user_number == "C-90"))
    entry = look(select(DebtEntry).where(DebtEntry.consumer_id == grace.id))
    assert (grace.debt_minor, entry.amount, entry.reason) == (12050, 12050, "Bill of 2025")
    page = text(chidi.get(f"/consumers/show/{grace.id}"))
    assert "120.50" in page and "Bill of 2025" in page and "Chidi Test" in page
    assert "120.50" in text(chidi.get("/consumers/list/", query_string={"_flt_0_debt_minor": "yes"}))


def test_a_debt_is_entered_once_and_taken_back_but_not_below_nought(chidi, cast, look):
    path = f"/consumers/debt/{cast.consumers['achieng']}"
    form = fields(chidi.get(path).get_data(as_text=True))
    typed = {**form, "amount": "30", "reason": "Old meter"}
    assert [chidi.post(path, data=typed).status_code for _ in range(2)] == [303, 303]  # a second click
    owes = select(Consumer.debt_minor).where(Consumer.id == cast.consumers["achieng"])
    assert look(owes) == 3000
    assert send(chidi, path, amount="40", way="back", reason="Wrong").status_code == 422
    assert send(chidi, path, amount="10", way="back", reason="Wrong").status_code == 303
    assert look(owes) == 2000
    assert send(chidi, path, amount="0", reason="x").status_code == 422
    assert send(chidi, path, amount="5", reason=" ").status_code == 422


# --- whose meter --------------------------------------------------------------------------


def test_an_unbound_meter_is_found_by_its_number_and_bound(chidi, cast, look):
    owner, palm = cast.consumers["achieng"], cast.meters["palm_street"]
    page = f"/consumers/show/{owner}"
    assert act(chidi, page, f"/consumers/unbind/{owner}", meter=palm).status_code == 303
    assert look(select(Meter.consumer_id).where(Meter.id == palm)) is None
    found = chidi.get(f"{page}?meter={PALM_STREET[:6]}").get_data(as_text=True)
    assert f'name="meter" value="{palm}" id="free-{palm}"' in found
    assert act(chidi, page, f"/consumers/bind/{owner}", meter=palm).status_code == 303
    assert act(chidi, page, f"/consumers/bind/{owner}", meter=palm).status_code == 303  # a second click
    assert look(select(Meter.consumer_id).where(Meter.id == palm)) == owner


def test_all_meters_of_a_consumer_and_all_that_nobody_has_are_reached_page_by_page(app, chidi, cast, look, monkeypatch):
    monkeypatch.setattr(consumers, "METERS_SHOWN", 2)
    monkeypatch.setattr(consumers, "FOUND_SHOWN", 2)
    owner, numbers = cast.consumers["achieng"], [drn(f"01000020{n:02d}") for n in range(10)]
    with app.app_context():
        palm = db.session.get_one(Meter, cast.meters["palm_street"])
        facts = {name: getattr(palm, name) for name in ("meter_type", "product_id", "region_id", "algorithm", "sgc")}
        for n, number in enumerate(numbers):
            db.session.add(Meter(meter_number=number, consumer_id=owner if n % 2 else None, **facts))
        db.session.commit()
    seen, address = [], f"/consumers/show/{owner}?meter=01000020"
    while address:
        page = unescape(chidi.get(address).get_data(as_text=True))
        seen.append((re.findall(r'id="own-[0-9]+" aria-label="([0-9]+)"', page), re.findall(r'id="free-[0-9]+" aria-label="([0-9]+)"', page)))
        following = re.findall(r'rel="next" href="([^"#]*)#meters"', page)
        address = following[-1] if following else ""
    own, free = ([number for part in side for number in part] for side in zip(*seen, strict=True))
    assert sorted(set(own)) == numbers[1::2] and sorted(set(free)) == numbers[::2]
    assert seen[0] == (numbers[1:5:2], numbers[0:4:2])
    beyond = chidi.get(f"/consumers/show/{owner}?meter=01000020&own=99&free=nonsense").get_data(as_text=True)
    assert "Page 3" in beyond and 'rel="prev"' in beyond and "No meters yet" not in beyond


def test_neither_a_taken_nor_a_strangers_meter_can_be_bound(app, chidi, cast, look):
    send(chidi, "/consumers/add", name="Grace", user_number="C-82", region__text="Market Town")
    grace = look(select(Consumer.id).where(Consumer.user_number == "C-82"))
    with app.app_context():
        db.session.get_one(Meter, cast.meters["pier"]).consumer_id = None
        db.session.commit()
    for name, owner in (("palm_street", cast.consumers["achieng"]), ("pier", None)):
        act(chidi, f"/consumers/show/{grace}", f"/consumers/bind/{grace}", meter=cast.meters[name])
        assert look(select(Meter.consumer_id).where(Meter.id == cast.meters[name])) == owner
    assert PIER not in chidi.get(f"/consumers/show/{grace}?meter={PIER[:5]}").get_data(as_text=True)


def test_all_ticked_meters_are_bound_or_none(app, chidi, cast, look):
    send(chidi, "/consumers/add", name="Grace", user_number="C-83", region__text="Market Town")
    grace = look(select(Consumer.id).where(Consumer.user_number == "C-83"))
    with app.app_context():
        db.session.get_one(Meter, cast.meters["pump"]).consumer_id = None
        db.session.commit()
    ticked = [cast.meters["pump"], cast.meters["palm_street"]]
    act(chidi, f"/consumers/show/{grace}", f"/consumers/bind/{grace}", meter=ticked)
    assert look(select(Meter.consumer_id).where(Meter.id == cast.meters["pump"])) is None


def test_a_meter_in_stock_that_is_bound_is_installed_unless_that_is_not_wanted(app, chidi, cast, look):
    owner, pump = cast.consumers["achieng"], cast.meters["pump"]
    for install, status in (("", "in_stock"), ("y", "installed")):
        with app.app_context():
            meter = db.session.get_one(Meter, pump)
            meter.consumer_id, meter.status, meter.installed_on = None, "in_stock", None
            db.session.commit()
        act(chidi, f"/consumers/show/{owner}", f"/consumers/bind/{owner}", meter=pump, install=install)
        made = look(select(Meter).where(Meter.id == pump))
        assert (made.consumer_id, made.status, made.installed_on is None) == (owner, status, install == "")


# --- the page and the list ----------------------------------------------------------------


def test_the_page_shows_what_was_bought_and_the_tokens_of_ones_own_sales(app, chidi, signed_in, cast):
    sell(app, cast)
    address = f"/consumers/show/{cast.consumers['achieng']}"
    page = chidi.get(address).get_data(as_text=True)
    assert "MKT-000001" in page and "/receipts/1" in page
    assert "123456 · 1 · 01" in text(chidi.get(f"{address}?tab=tokens"))
    corin = signed_in("corin")  # sells in the same region, at another point
    theirs = corin.get(address).get_data(as_text=True)
    assert "Another counter" in theirs and "MKT-000001" not in theirs and "/receipts/" not in theirs
    assert "123456" not in text(corin.get(f"{address}?tab=tokens"))


@pytest.mark.one_database
def test_consumers_with_and_without_a_meter_are_told_apart(chidi, look):
    send(chidi, "/consumers/add", name="Grace", user_number="C-91", region__text="Market Town")
    for wanted, there, gone in (("yes", "Achieng", "Grace"), ("no", "Grace", "Achieng")):
        page = text(chidi.get("/consumers/list/", query_string={"_flt_0_id": wanted}))
        assert there in page and gone not in page
    assert "Nothing matches" in text(chidi.get("/consumers/list/", query_string={"_flt_0_id": "x"}))


@pytest.mark.one_database
@pytest.mark.parametrize("column", ["name", "user_number", "region", "address", "telephone", "debt_minor"])
def test_consumers_are_put_in_order_by_every_column(chidi, column):
    for way in ("asc", "desc"):
        page = chidi.get("/consumers/list/", query_string={"_oc_ConsumerView": column, "_od_ConsumerView": way})
        assert page.status_code == 200 and f'aria-sort="{way}ending"' in page.get_data(as_text=True)


@pytest.mark.one_database
def test_a_region_is_found_with_all_below_it_by_words(efua):
    for asked in ("coast", "Coast, Kenya"):
        page = text(efua.get("/consumers/list/", query_string={"_flt_0_region": asked}))
        assert "Achieng" in page and "Juma" not in page
