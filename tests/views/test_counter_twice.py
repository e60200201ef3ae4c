"""The same purchase come back, and the same sold twice: told apart before money is taken again."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qsl

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import text
from sqlalchemy.exc import OperationalError

from app.db import transaction
from app.services import vending
from app.views import counter as counter_view
from tests.cast import PALM_STREET, PUMP
from tests.views.counter_page import Counter

# What it asks of the database is tried on both by the services and by the walk through all pages.
pytestmark = pytest.mark.one_database


@pytest.fixture
def counter(amara: FlaskClient, app: Flask) -> Counter:
    return Counter(amara, app)


def test_the_page_that_comes_back_leads_to_the_sale_it_became(counter: Counter) -> None:
    form = counter.asks(PALM_STREET, "20.00").form
    receipt = counter.sends(form).location
    # What the address of the page has kept is what the browser's Back asks for.
    back = counter.asks(PALM_STREET, "20.00", reference=form["reference"])
    assert back.status == 200
    assert "This purchase was sold at" in back.words
    assert f'id="sell-button" href="{receipt}"' in back.body
    assert "shown_amount" not in back.form, "there is nothing to sell on it"
    typing = counter.opens("/counter/quote", meter_number=PALM_STREET, value="30", reference=form["reference"])
    assert "This purchase was sold at" in typing.words
    # A browser that kept the old page sends the old form: the same sale.
    assert counter.sends(form).location == receipt
    assert counter.stored() == (1, 1)


def test_the_same_form_with_todays_figures_is_still_the_same_sale(counter: Counter) -> None:
    """The fee of the month is paid by the first, so the same money buys something else now."""
    form = counter.asks(PALM_STREET, "20.00").form
    receipt = counter.sends(form).location
    fresh = counter.asks(PALM_STREET, "20.00").form
    assert fresh["shown_units"] != form["shown_units"]
    assert counter.sends(fresh | {"reference": form["reference"]}).location == receipt
    assert counter.stored() == (1, 1)


def test_another_purchase_for_the_meter_is_begun_on_purpose(counter: Counter) -> None:
    form = counter.asks(PUMP, "20.00").form
    counter.sends(form)
    back = counter.asks(PUMP, "20.00", reference=form["reference"])
    assert f'href="/counter/meter/{PUMP}">Another purchase' in back.body
    anew = counter.opens(f"/counter/meter/{PUMP}")
    assert anew.field("reference") != form["reference"]
    assert anew.field("reference") == anew.form["reference"], "both forms of the page are one purchase"


@pytest.mark.parametrize("given", ["", "short", "x" * 70, "with a space", "<b>"])
def test_a_reference_that_is_none_is_replaced_by_a_good_one(counter: Counter, given: str) -> None:
    assert re.fullmatch("[0-9a-f]{32}", counter.asks(PUMP, "20.00", reference=given).form["reference"])


def test_the_reference_of_another_meters_sale_is_not_used_again(counter: Counter) -> None:
    form = counter.asks(PALM_STREET, "20.00").form
    counter.sends(form)
    other = counter.asks(PUMP, "20.00", reference=form["reference"])
    assert other.form["reference"] != form["reference"]
    assert counter.sends(other.form).status == 303


def test_two_tabs_are_one_sale_until_somebody_says_that_they_are_two(counter: Counter) -> None:
    first, second = (counter.asks(PUMP, "5.00").form for _ in "ab")
    receipt = counter.sends(first).location
    refused = counter.sends(second)
    assert refused.status == 409
    assert "The same was sold to this meter at" in refused.words
    assert f'href="{receipt}">See its token, print it again' in refused.body
    assert "Sell again for USD 5.00" in refused.words
    assert refused.field("again") == receipt.rsplit("/", 1)[1]
    assert refused.form["reference"] == second["reference"]
    assert counter.stored() == (1, 1)
    # Without the tick it is refused again; with it, sold.
    assert counter.sends(refused.form).status == 409
    assert counter.sends(refused.form | {"again": refused.field("again")}).status == 303
    assert counter.stored() == (2, 2)


def test_the_warning_stands_between_amount_and_sell_before_anything_is_pressed(counter: Counter) -> None:
    assert "The same was sold" not in counter.asks(PUMP, "5.00").words
    counter.sells(PUMP, "5.00")
    page = counter.asks(PUMP, "5.00")
    assert page.status == 200
    assert page.body.index('name="again"') < page.body.index('id="sell-button"')
    assert "required" in re.search(r'<input[^>]*name="again"[^>]*>', page.body).group()
    assert "The same was sold" not in counter.asks(PUMP, "6.00").words


def test_the_shop_next_door_is_not_told_which_sale_it_was(counter: Counter, signed_in, app: Flask) -> None:
    receipt = counter.sells(PUMP, "5.00")
    digits = re.search(r'data-token="([0-9]{20})"', receipt.body).group(1)
    page = Counter(signed_in("corin"), app).asks(PUMP, "5.00")
    assert "The same was sold to this meter at" in page.words
    assert "It was another vending point." in page.words
    assert "/receipts/" not in page.body
    for secret in ("MKT-", "Market shop", "Amara", digits):
        assert secret not in page.body


def test_who_was_served_yesterday_stands_there_with_the_day(counter: Counter, app: Flask) -> None:
    counter.sells(PUMP, "5.00")
    today = datetime.now(UTC)
    assert today.strftime("%-d %b, ") not in counter.opens("/counter/").words
    then = today - timedelta(days=1)
    with app.app_context(), transaction() as session:
        if session.get_bind().dialect.name == "postgresql":
            session.execute(text("ALTER TABLE sale DISABLE TRIGGER ALL"))
        else:
            session.execute(text("DROP TRIGGER sale_guard_update"))
        session.execute(text("UPDATE sale SET reserved_at = :then"), {"then": then.strftime("%Y-%m-%d %H:%M:%S.000000")})
    served = counter.opens("/counter/").words
    assert f"{then.day} {then:%b}, {then:%H:%M}" in served


def test_change_is_named_before_the_sale_where_not_all_of_the_money_is_taken(counter: Counter, app: Flask) -> None:
    from decimal import Decimal

    from app.models import TariffPlan
    from app.models.tariff import TariffFine

    with app.app_context(), transaction() as session:
        plan = session.query(TariffPlan).filter(TariffPlan.fixed_fee == Decimal(0)).first()
        plan.fines = [TariffFine(start=0, fine=0), TariffFine(start=160, fine=100)]
        plan.version += 1
    page = counter.asks(PUMP, "60.00")
    assert "USD 40.00 is left over" in page.words
    assert "40.00" in page.at("change")
    receipt = counter.opens(counter.sends(page.form).location)
    assert "USD 20.00 taken, give 40.00 change" in receipt.words


def test_a_large_token_says_how_coarsely_it_counts(counter: Counter) -> None:
    assert "A token carries whole tenths" in counter.asks(PUMP, "20.07").words
    assert "A token of this size counts in steps of 1 m³" in counter.asks(PUMP, "2999.99").words


def test_a_wrong_value_leaves_no_empty_frame_in_the_sum(counter: Counter) -> None:
    page = counter.asks(PUMP, "abc")
    assert "every line of the sum is shown before anything is sold" in page.words


@pytest.mark.parametrize("step", ["before the money was held", "after the token was made"])
def test_a_fault_while_selling_never_says_that_nothing_was_taken(
    counter: Counter, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    busy = OperationalError("UPDATE", {}, Exception("database is locked"))
    real = vending.vend

    def stumbles(*order: object, **more: object) -> int:
        if step.startswith("after"):
            real(*order, **more)
        raise busy

    form = counter.asks(PALM_STREET, "20.00").form
    monkeypatch.setattr(counter_view, "vend", stumbles)
    lost = counter.sends(form)
    assert lost.status in (500, 503)
    assert "taken once or not at all" in lost.words
    assert "Nothing was" not in lost.words
    way = re.search(r'href="([^"]+)">Go back and repeat it', lost.body)
    assert way
    monkeypatch.undo()
    path, _, query = way.group(1).replace("&amp;", "&").partition("?")
    back = counter.opens(path, **dict(parse_qsl(query)))
    if step.startswith("after"):
        assert "This purchase was sold at" in back.words
    assert counter.stored()[0] == (1 if step.startswith("after") else 0)
    if not step.startswith("after"):
        assert counter.sends(back.form).status == 303
