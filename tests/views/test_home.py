"""The home page: each figure is its report's, what needs a person comes most urgent first and once, few statements."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from sqlalchemy import select, update

from app.db import transaction
from app.extensions import db
from app.models import InactiveDay, Reprint, Sale, SecurityModule, Settings
from app.models.base import now
from app.services import book_checks, health, reversals
from tests.services.conftest import Counter
from tests.services.test_decisions import Deaf
from tests.services.test_reversals import opened
from tests.services.test_statements import counted
from tests.views.forms import text

pytestmark = pytest.mark.one_database
# What a page may ask, whatever stands in the books: sign-in and frame included.
MOST = {"amara": 18, "chidi": 32, "dalia": 30, "efua": 46}


@pytest.fixture
def town(app, cast):
    """Sales of today and of a week ago at two shops, one of them undone."""
    with app.app_context():
        counters = [Counter(cast, app.extensions["modules"], who=who, point=point) for who, point in (("amara", "market"), ("corin", "corner"))]
        for one, meter, before in ((counters[1], "mill", 7), (counters[0], "palm_street", 0), (counters[0], "pump", 0)):
            one.clock = now() - timedelta(days=before)
            sold = one.sells(meter, 20_00 + before)
        reversals.propose(sold.sale_id, "It was the wrong meter", cast.scope("amara"), not_handed_over=True)
        [request] = reversals.requests_on(sold.sale_id)
        reversals.approve(sold.sale_id, request.id, cast.scope("efua"))
        with transaction() as session:
            session.execute(update(Settings).values(version=2))  # somebody has saved it, so the set-up is done
        db.session.remove()
    return counters[0]


def figures(page):
    """Name, value and address of each figure of the strip, or of a report's."""
    shape = r'class="figure"(?: href="([^"]*)")?><span class="figure-name">([^<]*)</span><span class="figure-value"><bdi dir="ltr">([^<]*)</bdi>'
    return {name: (value, href.replace("&amp;", "&")) for href, name, value in re.findall(shape, page)}


@pytest.mark.parametrize(("who", "taken", "theirs"), [("amara", "Taken today", "Cash expected"), ("chidi", "Sold today", "Sold"), ("efua", "Sold today", "Sold")])
def test_each_figure_leads_to_the_report_that_holds_it(signed_in, town, who, taken, theirs):
    client = signed_in(who)
    found = figures(client.get("/").get_data(as_text=True))
    assert found[taken][0] == "20.00" and found["Sales today"][0] == "2" and found["Reversals today"][0] == "1"
    for name, column in ((taken, theirs), ("Sales today", "Sales")):
        value, address = found[name]
        told = figures(client.get(address).get_data(as_text=True))
        assert {column: value}.items() <= {key.partition(" (")[0]: one[0] for key, one in told.items()}.items(), (name, told)
    undone = text(client.get(found["Reversals today"][1]))
    assert "\u221220.00" in undone and "Reversal" in undone


def test_an_hour_a_kind_and_a_point_stand_beside_what_is_usual(signed_in, town):
    said = text(signed_in("chidi").get("/"))
    assert "usual: the same weekday of last week" in said and "usual by now 20.07" in said
    assert "1 of 2 vending points have sold today." in said and "Corner shop" in said and "usually 20.07 a day" in said
    assert "Harbour" not in said, "another region"
    assert "Bars by hour. Most was taken from" in signed_in("amara").get("/").get_data(as_text=True)


@pytest.mark.parametrize("who", sorted(MOST))
def test_the_page_is_few_statements_whatever_was_sold(app, signed_in, town, who):
    client = signed_in(who)
    client.get("/")
    with app.app_context(), counted() as seen:
        assert client.get("/").status_code == 200
    assert len(seen) <= MOST[who], "\n".join(one[:110].replace("\n", " ") for one in seen)


def test_a_day_without_sales_says_so_and_draws_nothing(signed_in):
    said = text(signed_in("amara").get("/"))
    assert "Taken today 0.00" in said and "Nothing was sold here yet." in said and "Today by hour" not in said
    assert "Nothing needs you now." not in said, "a seller has the box to sell from in its place"
    assert "Nothing needs you now." in text(signed_in("dalia").get("/"))
    assert "No vending point has sold anything yet today." in text(signed_in("chidi").get("/"))


def test_what_stops_selling_stands_first_and_what_needs_a_person_is_said_once(app, cast, signed_in, town, look):
    with app.app_context():
        town.modules = Deaf(town.modules)
        for value in range(7):
            town.sells("pump", 7_00 + value)
        module_id = look(select(SecurityModule.id))
        health.note(module_id, health.Heard(up=False, failure="ENetwork.refused"))
        book_checks.keep(book_checks.LEDGER, "", now(), 3, [], {})
        db.session.remove()
    page = signed_in("efua").get("/").get_data(as_text=True)
    listed = page.partition('class="card attention"')[2].partition("</section>")[0]
    said = [re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", one)).strip() for one in listed.split("<li")[1:]]
    assert "is down since" in said[0]
    assert ["A sale waits for its token." in one for one in said[1:6]] == [True] * 5
    assert "2 more sales wait for their tokens." in said[6] and "status=reserved" in listed
    assert "The books do not agree with the sales." in said[7]
    below = page.partition("How things stand")[2]
    assert "Books" not in below and "Security modules" not in below, "they stand above"
    assert "Log of changes" in below and "Licence" in below
    assert "The books" not in text(signed_in("amara").get("/"))


def test_what_somebody_else_has_to_approve_hides_nothing_that_the_reader_may(app, cast, signed_in, town, monkeypatch):
    monkeypatch.setattr(reversals, "WAITING_MAX", 1)
    with app.app_context():
        for who in ("chidi", "chidi", "amara", "amara", "efua"):
            sold = town.sells("palm_street", 30_00)
            reversals.propose(sold.sale_id, "Twice", cast.scope(who), not_handed_over=True)
        opened(cast, (timedelta(0), "give_link", "efua", "chidi", "{}"))
        db.session.remove()
    page = signed_in("efua").get("/")
    mine, _, others = text(page).partition("Waits for somebody else")
    assert "Amara Test asks to reverse a sale. Twice (" in mine and "1 more reversal waits for a second person." in mine
    assert "Chidi" not in mine and "Efua Test asks" not in mine + others, "one's own proposals are no task of one's own"
    assert "Chidi Test asks for 2 reversals. Somebody else has to approve; you can from" in others and "Look at the oldest" in others
    assert page.get_data(as_text=True).index('id="q"') < page.get_data(as_text=True).index('id="others"'), "the box to sell from first"


def test_only_what_one_may_know_stands_there(signed_in, town):
    stands = {who: text(signed_in(who).get("/")).partition("How things stand")[2] for who in MOST}
    assert stands["amara"] == ""
    assert "Books" in stands["chidi"] and "Security modules" not in stands["chidi"]
    assert "Books" in stands["dalia"] and "Security modules" in stands["dalia"] and "Background worker" not in stands["dalia"]



def test_a_jump_of_those_who_buy_nothing_leads_to_them_and_else_both_counts_stand_below(app, cast, signed_in, town):
    day = now().date() - timedelta(days=1)
    rows = [(day, 30), (day - timedelta(days=7), 18)]
    with app.app_context(), transaction() as session:
        session.add_all([InactiveDay(day=one, region_id=cast.regions["market"], consumers=40, inactive=some) for one, some in rows])
    chidi = signed_in("chidi")
    page = chidi.get("/").get_data(as_text=True)
    assert "30 consumers bought nothing in thirty days, 18 a week before." in text(chidi.get("/")) and "Inactive consumers" not in page
    [address] = re.findall(r'href="(/reports/inactive-consumers[^"]*)"', page)
    assert chidi.get(address.replace("&amp;", "&")).status_code == 200
    with app.app_context(), transaction() as session:
        session.execute(update(InactiveDay).values(inactive=18))
    assert "18 of 40 bought nothing in thirty days · 18 a week before" in text(chidi.get("/"))
    assert "bought nothing in thirty days" not in text(signed_in("amara").get("/"))


def test_copies_of_today_lead_to_who_printed_what_again(app, signed_in, town, look):
    with app.app_context(), transaction() as session:
        sale, other = session.execute(select(Sale.id, Sale.vending_point_id, Sale.point_region_id).order_by(Sale.id).limit(2))
        place = {"vending_point_id": sale[1], "point_region_id": sale[2]}
        for number, before in ((1, 2), (2, 2), (3, 0), (4, 0)):
            session.add(Reprint(sale_id=sale[0], copy_number=number, user_id=1, printed_at=now() - timedelta(days=before), **place))
        session.add(Reprint(sale_id=other[0], copy_number=1, user_id=1, printed_at=now()))  # a receipt, and no copy
    dalia = signed_in("dalia")
    assert "Copies of slips printed again today 2" in text(dalia.get("/"))
    [address] = re.findall(r'href="(/reports/copies[^"]*)"', dalia.get("/").get_data(as_text=True))
    assert dalia.get(address.replace("/reports/copies", "/reports/copies/table.json")).get_json()["count"] == 2
