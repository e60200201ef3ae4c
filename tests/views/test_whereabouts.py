"""What became of it?  Sold, waits, failed, reversed or never seen: each in words, and each only to whom it belongs."""

from __future__ import annotations

import contextlib
from datetime import timedelta

import pytest
from flask import Flask
from flask.testing import FlaskClient

from app.domain import errors
from app.domain.states import SaleStatus
from app.extensions import db
from app.models import Sale
from app.models.base import now
from app.services.reversals import approve, propose, requests_on
from tests.cast import Cast
from tests.services.conftest import Counter as Seller
from tests.views.forms import send, text
from tests.views.selling import Answering

pytestmark = pytest.mark.one_database


def asks(client: FlaskClient, typed: str) -> str:
    answer = client.get("/what-became/", query_string={"q": typed})
    assert answer.status_code == 200
    return text(answer)


def sold(app: Flask, cast: Cast, modules: object = None, *, who: str = "amara", point: str = "market", hours: int = 0):
    """A sale of 20.00: its reference, message id, receipt number and id."""
    with app.app_context():
        seller = Seller(cast, modules or app.extensions["modules"], who, point, now() - timedelta(hours=hours))
        with contextlib.suppress(errors.ModuleRefused):
            seller.sends(seller.order("palm_street", 20_00, reference=f"page-of-{who}-0001"))
        sale = db.session.query(Sale).execution_options(unscoped=True).order_by(Sale.id.desc()).first()
        return sale.reference, sale.message_id, sale.receipt_number, sale.id


def test_a_sale_is_found_by_whatever_somebody_holds(app, cast, amara):
    reference, message, number, sale_id = sold(app, cast)
    grouped = " ".join(message[at : at + 4] for at in range(0, len(message), 4))
    for typed in (reference, reference[:10], f"\u2066{reference}\u2069", grouped, message, message[:8].upper(), "MKT-000001", "mkt 1", "mkt-1", str(number)):
        said = asks(amara, typed)
        assert "MKT-000001" in said, typed
        assert ": 92.5 kWh." in said, typed
        assert "USD 20.00 was taken, once." in said.replace("\u00a0", " "), typed
    assert f"/receipts/{sale_id}" in amara.get("/what-became/?q=MKT-1").get_data(as_text=True)


def test_a_foreign_reference_is_told_in_the_very_words_of_one_that_was_never_seen(app, cast, amara, signed_in):
    reference, message, _number, _id = sold(app, cast)
    bento = signed_in("bento")
    unseen = asks(bento, "nothing-of-the-sort")
    assert "No money was booked here under it" in unseen
    for typed in (reference, message, "MKT-000001"):
        assert asks(bento, typed).replace(typed, "X") == unseen.replace("nothing-of-the-sort", "X"), typed
    assert "MKT-000001" in asks(amara, reference)


def test_a_sale_that_waits_says_since_when_for_which_module_and_leads_to_resolve(app, cast, amara):
    reference, _message, _number, sale_id = sold(app, cast, Answering(app.extensions["modules"]))
    said = asks(amara, reference)
    assert "the security module “Software module” has not answered" in said
    assert "USD 20.00 is held for it and cannot be taken twice." in said.replace("\u00a0", " ")
    assert "asks for it again by itself" in said
    assert f'action="/resolve/{sale_id}"' in amara.get("/what-became/", query_string={"q": reference}).get_data(as_text=True)


def test_one_that_waits_too_long_leads_to_the_two_people(app, cast, chidi):
    reference, _message, _number, sale_id = sold(app, cast, Answering(app.extensions["modules"]), hours=96)
    said = asks(chidi, reference)
    assert "two people decide" in said
    page = chidi.get("/what-became/", query_string={"q": reference}).get_data(as_text=True)
    assert f"/decisions/{sale_id}" in page
    assert "/resolve/" not in page


def test_a_failed_sale_says_that_nothing_was_booked_and_why(app, cast, amara):
    refusing = Answering(app.extensions["modules"], "EKeystore.NotFound", permanent=True)
    reference, *_rest = sold(app, cast, refusing)
    said = asks(amara, reference)
    assert "The module does not hold this key." in said
    assert "Nothing was booked: no money is taken for it." in said
    assert "Give the customer USD 20.00 back" in said.replace("\u00a0", " ")


def test_a_reversed_sale_and_its_reversal_lead_to_each_other(app, cast, amara):
    reference, _message, _number, sale_id = sold(app, cast)
    with app.app_context():
        propose(sale_id, "The customer went away.", cast.scope("amara"), not_handed_over=True)
        [asked] = requests_on(sale_id)
        undoing = approve(sale_id, asked.id, cast.scope("chidi"))
        assert db.session.get_one(Sale, sale_id).status is SaleStatus.ISSUED
    said = asks(amara, reference)
    assert "and reversed at" in said
    assert "USD 20.00 went back to the customer." in said.replace("\u00a0", " ")
    page = amara.get("/what-became/?q=MKT-000002").get_data(as_text=True)
    assert "It is the reversal of an earlier sale" in page
    assert f"/receipts/{undoing}" in page
    assert f"/receipts/{sale_id}" in page


def test_signs_that_mean_something_to_a_database_mean_nothing_here(app, cast, amara):
    sold(app, cast)
    for typed in ("%%%%%%%%", "________", "page_of_amara", "'; --", "0", "99999999999999", "ＭＫＴ-１"):
        assert "No money was booked here under it" in asks(amara, typed), typed


def test_the_box_stands_at_the_counter_and_in_the_menu(amara):
    counter = amara.get("/counter/").get_data(as_text=True)
    assert 'action="/what-became/"' in counter
    assert counter.count("/what-became/") >= 2
    nothing = amara.get("/counter/search?q=MKT-000001").get_data(as_text=True)
    assert "/what-became/?q=MKT-000001" in nothing


def test_the_number_of_an_engineering_slip_leads_to_its_act_where_it_is_ones_own(amara, signed_in):
    page = "/engineering/tests"
    made = send(amara, page, page, maker="00", tests="0", reason="Display seen").location
    number = made.rpartition("/")[2].zfill(6)
    for typed in (f"E{number}", f"e {int(number)}"):
        assert amara.get("/what-became/", query_string={"q": typed}).location == made
        assert "Nothing here is known" in asks(signed_in("bento"), typed)
    assert "Nothing here is known" in asks(amara, "E000099")
