"""Bad input at the counter: a sentence at its field, 4xx, nothing stored, nothing typed lost."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from app.db import transaction
from app.models import Meter, TariffPlan, Token, UserSession
from app.sts.meter_number import check_digit
from tests.cast import PALM_STREET, PIER, Cast, end_keys
from tests.views.counter_page import Counter

UNKNOWN = "0100000999" + check_digit("0100000999")
BAD = {
    "letters": ("twenty", "This is not a number."),
    "letters after digits": ("20x", "This is not a number."),
    "zero": ("0", "It must be more than zero."),
    "negative": ("-5", "It must be more than zero."),
    "too large for a float": ("1e309", "This is not a number."),
    "forty digits": ("1" * 40, "More than 15 digits."),
    "three decimals": ("1.005", "Too many digits after the decimal mark: 2 at most."),
    "a digit that is an exponent": ("²0", "This is not a number."),
    "two marks": ("1.2.3", "This is not a number."),
    "a comma that could be either": ("20,00", "This is not a number."),
    "nothing but a mark": (".", "This is not a number."),
    "nul": ("2\x000", "This is not a number."),
    "markup": ("<script>", "This is not a number."),
    "more than a token carries": ("999999999", "Too much"),
}


@pytest.fixture
def counter(amara: FlaskClient, app: Flask) -> Counter:
    return Counter(amara, app)


@pytest.mark.one_database
@pytest.mark.parametrize("by", ["amount", "quantity"])
def test_a_bad_value_is_refused_at_its_field_and_kept(counter: Counter, by: str) -> None:
    form = counter.opens(f"/counter/meter/{PALM_STREET}").form
    for case, (typed, words) in BAD.items():
        said = words.replace("2 at most", "1 at most") if by == "quantity" else words
        answers = [
            counter.asks(PALM_STREET, typed, by=by, received="50"),
            counter.sends(form | {"by": by, "value": typed, "received": "50", "shown_amount": "1", "shown_units": "1"}),
        ]
        for page in answers:
            assert page.status == 422, case
            assert said in page.at("value-error"), case
            assert page.field("received") == "50", case
            assert page.field("value") == typed, case
            assert "disabled" in page.body[page.body.index('id="sell-button"') :][:60], case
        assert counter.stored() == (0, 0), case


@pytest.mark.one_database
@pytest.mark.parametrize("typed", ["abc", "-1", "1e9", "0"])
def test_a_bad_sum_received_is_refused_at_its_field(counter: Counter, typed: str) -> None:
    page = counter.asks(PALM_STREET, "20.00", received=typed)
    assert page.status == 422
    assert page.at("received-error")
    assert page.field("value") == "20.00"
    form = counter.asks(PALM_STREET, "20.00").form
    assert counter.sends(form | {"received": typed}).status == 422
    assert counter.stored() == (0, 0)


def test_too_little_received_is_refused_at_its_field(counter: Counter) -> None:
    page = counter.asks(PALM_STREET, "20.00", received="19.99")
    assert page.status == 422
    assert "less than the USD 20.00 to pay" in page.at("received-error")


@pytest.mark.parametrize(
    ("number", "status", "said"),
    [
        (PALM_STREET[:-1] + str((int(PALM_STREET[-1]) + 1) % 10), 422, "One digit is mistyped."),
        ("1" * 40, 422, "A meter number has 11 or 13 digits."),
        ("abcdefghijk", 422, "A meter number has 11 or 13 digits."),
        (UNKNOWN, 404, "There is no such meter here."),
        (PIER, 404, "There is no such meter here."),
    ],
    ids=["check digit", "forty digits", "letters", "unknown", "a stranger's"],
)
def test_a_number_that_leads_nowhere_says_why(counter: Counter, number: str, status: int, said: str) -> None:
    form = counter.asks(PALM_STREET, "20.00").form
    for page in (counter.asks(number, "20.00"), counter.sends(form | {"meter_number": number})):
        assert page.status == status
        assert said in page.at("q-error")
        assert page.field("q") == number
    assert counter.opens("/counter/quote", meter_number=number, value="20").status == status
    assert counter.stored() == (0, 0)


def test_a_mistyped_number_is_named_in_the_search_as_well(counter: Counter) -> None:
    wrong = PALM_STREET[:-1] + str((int(PALM_STREET[-1]) + 1) % 10)
    found = counter.opens("/counter/search", q=wrong)
    assert found.status == 422
    assert "One digit is mistyped" in found.body
    # NB: the sentence never tells which digit would fit.
    assert PALM_STREET not in found.body


def changed(app: Flask, cast: Cast, **values: Any) -> None:
    with app.app_context(), transaction() as session:
        meter = session.get_one(Meter, cast.meters["palm_street"])
        for name, value in values.items():
            setattr(meter, name, value)


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"tariff_id": None}, "The meter has no tariff."),
        ({"consumer_id": None}, "Nobody is registered for this meter."),
        ({"sgc": "999999"}, "No security module holds the key of supply group 999999"),
        ({"status": "blocked", "status_reason": "taken in for inspection"}, ", taken in for inspection. No money was taken."),
        (
            {"status": "blocked", "status_since": datetime(2026, 3, 4, 9, 30, tzinfo=UTC), "status_by": "Chidi Okafor", "status_reason": "fraud"},
            "blocked since 4 Mar 2026, 09:30 (Chidi Okafor), fraud. No money was taken. A manager or an administrator can change it.",
        ),
        ({"status": "removed"}, "removed"),
        ({"sgc": "888888"}, "The time of key 888888, revision 1 is over"),
    ],
    ids=["no tariff", "no consumer", "no key", "blocked", "blocked since", "removed", "key ended"],
)
def test_a_meter_that_cannot_buy_says_why(
    counter: Counter, app: Flask, cast: Cast, values: dict[str, Any], said: str
) -> None:
    form = counter.asks(PALM_STREET, "20.00").form
    changed(app, cast, **values)
    with app.app_context():
        end_keys("888888")
    for page in (counter.asks(PALM_STREET, "20.00"), counter.sends(form)):
        assert page.status == 422
        assert said in page.at("meter-error")
        # No field worth typing in; what was typed comes back with a second look.
        assert 'id="value"' not in page.body
        assert "value=20.00" in page.body
    opened = counter.opens(f"/counter/meter/{PALM_STREET}")
    assert opened.status == 200
    assert said in opened.at("meter-error")
    assert "correct what is marked" not in opened.words
    # Whoever had the page open already is told as soon as they type.
    typing = counter.opens("/counter/quote", meter_number=PALM_STREET, value="20")
    assert said in typing.words
    assert "correct what is marked" not in typing.words
    assert counter.stored() == (0, 0)


def test_a_key_at_its_end_is_seen_on_the_card(counter: Counter, app: Flask, cast: Cast) -> None:
    changed(app, cast, sgc="888888")
    assert "data-buy" in counter.opens("/counter/search", q=PALM_STREET).body, "the change travels with the sale"
    with app.app_context():
        end_keys("888888")
    card = counter.opens("/counter/search", q=PALM_STREET)
    assert "Key change due" in card.words
    assert "data-buy" not in card.body
    assert "holds no living key" in card.words
    assert "Key change due" in counter.opens(f"/counter/meter/{PALM_STREET}").words


@pytest.mark.one_database
def test_the_example_of_a_number_has_as_many_decimals_as_the_field_takes(counter: Counter) -> None:
    assert "as in 20.00." in counter.asks(PALM_STREET, "twenty").at("value-error")
    assert "as in 20.0." in counter.asks(PALM_STREET, "twenty", by="quantity").at("value-error")
    received = counter.asks(PALM_STREET, "20", by="quantity", received="x")
    assert "as in 20.00." in received.at("received-error")


def test_a_plan_that_has_not_begun_says_when_it_does(counter: Counter, app: Flask) -> None:
    form = counter.asks(PALM_STREET, "20.00").form
    with app.app_context(), transaction() as session:
        plan = session.query(TariffPlan).filter_by(fixed_fee=Decimal("1.50")).one()
        plan.effective_from = datetime(2039, 1, 2, tzinfo=UTC)
    for page in (counter.asks(PALM_STREET, "20.00"), counter.sends(form)):
        assert page.status == 422
        assert "not in force yet (2 Jan 2039" in page.words
    assert counter.stored() == (0, 0)


def test_more_than_the_last_step_says_how_much_is_left(counter: Counter, app: Flask) -> None:
    with app.app_context(), transaction() as session:
        plan = session.query(TariffPlan).filter_by(fixed_fee=Decimal("1.50")).one()
        plan.steps_end = 2000
        plan.version += 1
    by_quantity = counter.asks(PALM_STREET, "200.1", by="quantity")
    assert by_quantity.status == 422
    assert "200.0 kWh are left in this period" in by_quantity.at("value-error")
    by_amount = counter.asks(PALM_STREET, "500")
    assert by_amount.status == 422
    assert "still buy 200.0 kWh" in by_amount.at("value-error")
    assert counter.stored() == (0, 0)


def test_a_clock_behind_the_newest_token_refuses_and_the_home_page_says_so(
    counter: Counter, app: Flask, signed_in: Callable[[str], FlaskClient]
) -> None:
    form = counter.asks(PALM_STREET, "20.00").form
    with app.app_context(), transaction() as session:
        session.add(
            Token(
                kind="engineering", digits="0" * 20, pan="600727000000000009", token_class=2, subclass=1,
                base_date=14, token_id=1, sgc="123456", krn=1, ti=1, ea=7, tct=2, kcv="ABCDEF",
                issued_at=datetime.now(UTC) + timedelta(hours=3),
            )
        )  # fmt: skip
    for page in (counter.asks(PALM_STREET, "20.00"), counter.sends(form)):
        assert page.status == 422
        assert "stands before the newest token" in page.words
        assert "value=20.00" in page.body
    assert counter.stored()[0] == 0
    assert "The clock is in doubt." in counter.opens("/").words
    assert "Confirm that" not in counter.opens("/").words
    manager = Counter(signed_in("chidi"), app)
    home = manager.opens("/")
    assert "Confirm that" in home.words
    manager.client.post("/confirm-clock", data={"csrf_token": home.field("csrf_token")})
    assert counter.asks(PALM_STREET, "20.00").status == 200


@pytest.mark.one_database
def test_a_session_that_is_over_sells_nothing_and_the_address_keeps_what_was_typed(
    counter: Counter, app: Flask
) -> None:
    form = counter.asks(PALM_STREET, "20.00", received="50").form
    with app.app_context(), transaction() as session:
        for row in session.query(UserSession):
            row.ended = datetime.now(UTC)
    here = {"Referer": "http://localhost/counter/sell"}
    answer = counter.client.post("/counter/sell", data=form, headers=here)
    assert answer.status_code == 401
    page = answer.get_data(as_text=True)
    assert "Your session is over" in page
    assert "no money was taken" in page
    kept = f"value%3D20.00%26received%3D50%26reference%3D{form['reference']}"
    assert f"next=/counter/meter/{PALM_STREET}?{kept}" in page
    for foreign in ("https://elsewhere.example/x", "http://localhost/counter/sell"):
        other = counter.client.post("/resolve/1", data=form, headers={"Referer": foreign})
        assert other.status_code == 401
        assert 'href="/login/"' in other.get_data(as_text=True), "there is no such page to go back to"
    counter.client.delete_cookie("session")
    gone = counter.client.post("/counter/sell", data=form, headers=here)
    assert gone.status_code == 401, "a cookie that is gone is a session that is over, not a forged form"
    assert f"?{kept}" in gone.get_data(as_text=True)
    back = counter.asks(PALM_STREET, "20.00", received="50")
    assert back.status == 302
    assert "value%3D20.00" in back.location
    assert "received%3D50" in back.location
    assert counter.stored() == (0, 0)


@pytest.mark.one_database
def test_a_form_without_its_mark_is_refused(counter: Counter) -> None:
    form = counter.asks(PALM_STREET, "20.00").form
    refused = counter.sends(form | {"csrf_token": "x"})
    assert refused.status == 400
    assert "somebody signed in anew" in refused.words
    assert f'href="/counter/meter/{PALM_STREET}?value=20.00&amp;reference={form["reference"]}"' in refused.body
    assert counter.stored() == (0, 0)


@pytest.mark.parametrize(
    "tampered",
    [
        {"shown_amount": "1"}, {"shown_amount": "-5"}, {"shown_amount": "x"}, {"shown_units": "9999"},
        {"shown_amount": "9" * 30}, {"reference": ""}, {"reference": "é" * 20}, {"reference": "x" * 200},
    ],
    ids=str,
)  # fmt: skip
def test_a_tampered_form_sells_nothing(counter: Counter, tampered: dict[str, str]) -> None:
    refused = counter.sends(counter.asks(PALM_STREET, "20.00").form | tampered)
    assert 400 <= refused.status < 500
    assert counter.stored() == (0, 0)
