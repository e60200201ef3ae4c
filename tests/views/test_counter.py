"""The counter, as the person behind it uses it: finds, sees the sum, sells, once."""

from __future__ import annotations

import re
from collections.abc import Callable
from decimal import Decimal

import pytest
from flask import Flask
from flask.testing import FlaskClient

from app.db import transaction
from app.models import TariffPlan
from tests.cast import MILL, PALM_STREET, PIER, PUMP, Cast
from tests.views.counter_page import Counter

SignedIn = Callable[[str], FlaskClient]


@pytest.fixture
def counter(amara: FlaskClient, app: Flask) -> Counter:
    return Counter(amara, app)


@pytest.mark.both_databases
def test_a_meter_is_found_by_whatever_the_customer_knows(counter: Counter) -> None:
    for typed in ("wanj", "Achieng W", "10482", "0700 123", "27714471", PALM_STREET[:6], PALM_STREET):
        found = counter.opens("/counter/search", q=typed)
        assert found.status == 200
        assert f"/counter/meter/{PALM_STREET}" in found.body, typed
        for said in ("Achieng Wanjiru", "10482", "Hexa S200", "Market Town, Coast, Kenya", "123456"):
            assert said in found.words, typed


def test_a_strangers_meter_is_not_found(counter: Counter) -> None:
    assert PIER not in counter.opens("/counter/search", q="Juma").body
    assert PIER not in counter.opens("/counter/search", q=PIER[:4]).body


def test_the_numbers_on_a_card_stand_in_groups(counter: Counter) -> None:
    card = counter.opens("/counter/search", q=PALM_STREET).words
    assert f"{PALM_STREET[:4]} {PALM_STREET[4:8]} {PALM_STREET[8:]}" in card


def test_the_sum_is_explained_line_by_line_before_anything_is_sold(counter: Counter) -> None:
    page = counter.asks(PALM_STREET, "20.00")
    assert page.status == 200
    for said in (
        "Fixed fee", "1.50 once a month", "Step 1: 92.5 kWh × 0.20", "Up to 100 kWh", "18.50",
        "The meter gets 92.5 kWh", "Sell for USD 20.00",
    ):  # fmt: skip
        assert said in page.words, said
    assert counter.stored() == (0, 0)


def test_the_tax_of_a_step_has_its_line(counter: Counter) -> None:
    page = counter.asks(PALM_STREET, "40.00")
    assert "Step 2" in page.words
    assert "Tax 7.5\u00a0%".replace("\u00a0", " ") in page.words
    assert "Everything above 100 kWh" in page.words


def test_a_quantity_is_priced_as_well(counter: Counter) -> None:
    page = counter.asks(PALM_STREET, "50", by="quantity")
    assert "Sell for USD 11.50" in page.words
    sold = counter.opens(counter.sends(page.form).location)
    assert "50.0 kWh" in sold.words


def test_looking_changes_nothing(counter: Counter) -> None:
    for path in ("/counter/", f"/counter/meter/{PALM_STREET}"):
        counter.opens(path, value="20.00")
    counter.opens("/counter/quote", meter_number=PALM_STREET, value="20.00")
    assert counter.stored() == (0, 0)


def test_received_and_change_are_worked_out_by_the_server(counter: Counter) -> None:
    page = counter.asks(PALM_STREET, "20.00", received="50")
    assert "30.00" in page.at("change")
    receipt = counter.opens(counter.sends(page.form).location)
    assert "give 30.00 change" in receipt.words


@pytest.mark.both_databases
@pytest.mark.parametrize(
    ("meter", "unit"), [(PALM_STREET, "kWh"), (PUMP, "m³"), (MILL, "kWh")], ids=["legacy", "water", "sts6-ea11"]
)
def test_a_sale_leads_to_twenty_digits(counter: Counter, meter: str, unit: str) -> None:
    receipt = counter.sells(meter, "20.00")
    digits = re.search(r'data-token="([0-9]{20})"', receipt.body)
    assert digits
    groups = " ".join(digits.group(1)[i : i + 4] for i in range(0, 20, 4))
    assert groups in receipt.words
    assert unit in receipt.words
    assert "Sold. USD 20.00 taken" in receipt.words
    assert counter.stored() == (1, 1)


@pytest.mark.both_databases
def test_a_second_click_is_the_same_sale(counter: Counter) -> None:
    form = counter.asks(PALM_STREET, "20.00").form
    first, second = counter.sends(form), counter.sends(form)
    assert first.location == second.location
    assert counter.stored() == (1, 1)


def test_every_page_makes_its_own_reference(counter: Counter) -> None:
    seen = {counter.asks(PALM_STREET, "20.00").form["reference"] for _ in range(3)}
    assert len(seen) == 3


def test_the_reference_of_another_purchase_is_refused_and_replaced(counter: Counter) -> None:
    spent = counter.asks(PALM_STREET, "20.00").form
    counter.sends(spent)
    other = counter.asks(PALM_STREET, "30.00").form | {"reference": spent["reference"]}
    refused = counter.sends(other)
    assert refused.status == 409
    assert "Another sale was made from this page already" in refused.words
    assert refused.field("value") == "30.00"
    assert refused.form["reference"] != spent["reference"]
    assert counter.stored() == (1, 1)


def test_a_price_that_moved_is_shown_anew_and_then_sold(counter: Counter, app: Flask) -> None:
    form = counter.asks(PALM_STREET, "20.00").form
    with app.app_context(), transaction() as session:
        for step in session.query(TariffPlan).filter_by(fixed_fee=Decimal("1.50")).one().steps:
            step.price += Decimal("0.10")
            step.plan_id = step.plan_id
        session.query(TariffPlan).filter_by(fixed_fee=Decimal("1.50")).one().version += 1
    refused = counter.sends(form)
    assert refused.status == 409
    assert "The price has changed since it was shown" in refused.words
    assert "Step 1: 61.667 kWh × 0.30" in refused.words
    assert refused.form["reference"] == form["reference"]
    assert counter.stored() == (0, 0)
    assert counter.sends(refused.form).status == 303


def test_money_that_pays_fees_only_is_sold_after_a_yes(counter: Counter) -> None:
    page = counter.asks(PALM_STREET, "1.50")
    assert "pays USD 1.50 of fees and buys no units" in page.words
    refused = counter.sends(page.form)
    assert refused.status == 422
    assert counter.stored() == (0, 0)
    sold = counter.opens(counter.sends(page.form | {"only_fees": "yes"}).location)
    assert "This purchase paid fees only: there is no token." in sold.words
    assert counter.stored() == (1, 0)


def test_a_seller_without_a_vending_point_chooses_one(signed_in: SignedIn, app: Flask, cast: Cast) -> None:
    chidi = Counter(signed_in("chidi"), app)
    page = chidi.asks(PALM_STREET, "20.00")
    assert "Market shop" in page.words
    assert "Harbour shop" not in page.words
    refused = chidi.sends(page.form)
    assert refused.status == 422
    assert "No vending point is chosen" in refused.at("point-error")
    foreign = chidi.sends(page.form | {"point": str(cast.points["harbour"])})
    assert foreign.status == 422
    assert chidi.stored() == (0, 0)
    sold = chidi.sends(page.form | {"point": str(cast.points["corner"])})
    assert "CRN-000001" in chidi.opens(sold.location).words


def test_an_amount_is_typed_as_the_seller_writes_it(counter: Counter, app: Flask, cast: Cast) -> None:
    from app.models import AppUser

    with app.app_context(), transaction() as session:
        session.get_one(AppUser, cast.users["amara"]).language = "fr"
    page = counter.asks(PALM_STREET, "1 020,50")
    assert page.status == 200
    assert page.form["shown_amount"] == "102050"
    assert counter.asks(PALM_STREET, "20,00").form["shown_amount"] == "2000"


def test_the_page_works_without_a_script(counter: Counter) -> None:
    page = counter.opens(f"/counter/meter/{PALM_STREET}")
    assert "<noscript>" in page.body
    assert 'id="ask" method="get"' in page.body
    assert "First type how much." in page.words


def test_a_quick_value_stands_for_what_was_typed(counter: Counter) -> None:
    page = counter.asks(PALM_STREET, "7.77", pick="20.00")
    assert page.field("value") == "20.00"
    assert "Sell for USD 20.00" in page.words


def test_enter_in_a_field_presses_no_quick_value(counter: Counter) -> None:
    page = counter.opens(f"/counter/meter/{PALM_STREET}")
    form = page.body[page.body.index('id="ask"') :]
    first = re.search(r"<button[^>]*>", form)
    assert first
    assert "name=" not in first.group()


def test_an_auditor_may_not_sell(signed_in: SignedIn, app: Flask) -> None:
    dalia = Counter(signed_in("dalia"), app)
    assert dalia.opens("/counter/").status in (302, 403)
    assert dalia.stored() == (0, 0)
