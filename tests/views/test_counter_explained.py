"""The explained purchase: what is due, what is left in the step, the same money from the 1st, and every warning."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import event, update

from app.db import transaction
from app.extensions import db
from app.models import Consumer, Meter, SupplyGroupKey, TariffFine, TariffPlan
from app.models.base import now
from tests.cast import MILL, PALM_STREET, PUMP, Cast
from tests.services.conftest import Counter as Seller
from tests.views.counter_page import Counter

pytestmark = pytest.mark.one_database
# Statements of a whole request: session and permissions are two of them, what an old fee list needs three.
MOST_OF_A_SEARCH, MOST_OF_A_LIVE_QUOTE = 9, 8


@pytest.fixture
def counter(amara: FlaskClient, app: Flask) -> Counter:
    return Counter(amara, app)


def plain(page: Any) -> str:
    return str(page.words).replace("\u00a0", " ")


def changes(app: Flask, cast: Cast, meter: str, **facts: Any) -> None:
    with app.app_context(), transaction() as session:
        session.execute(update(Meter).where(Meter.id == cast.meters[meter]).values(**facts))


def fines(app: Flask) -> None:
    """The manual's own example, case M2, on the tariff of Palm Street: above 500 units 100, above 2 000 units 500."""
    with app.app_context(), transaction() as session:
        plan = session.query(TariffPlan).filter_by(fixed_fee=Decimal("1.50")).one()
        plan.created_at = now()  # compiled plans are kept by it: another test's copy of this plan has none
        plan.fines.extend([TariffFine(start=5000, fine=Decimal(100)), TariffFine(start=20000, fine=Decimal(500))])


def bought(app: Flask, cast: Cast, meter: str, *values: int, days: int = 10) -> None:
    """Earlier purchases, a day apart, the first `days` ago."""
    with app.app_context():
        seller = Seller(cast, app.extensions["modules"])
        for number, value in enumerate(values):
            seller.clock = datetime.now(UTC) - timedelta(days=days - number)
            seller.sells(meter, value)


def test_what_is_left_in_the_step_and_what_the_next_one_costs(counter: Counter) -> None:
    said = plain(counter.asks(PALM_STREET, "20.00"))
    assert "After this, 7.5 kWh are left in step 1 at 0.20 each; step 2 costs 0.3225 each." in said
    beyond = plain(counter.asks(PALM_STREET, "40.00"))
    assert "Each further kWh costs 0.3225 (step 2)." in beyond


@pytest.mark.parametrize("by", ["amount", "quantity"])
def test_today_stands_beside_the_first_of_next_month_with_the_reason(counter: Counter, app: Flask, cast: Cast, by: str) -> None:
    bought(app, cast, "palm_street", 30_00, days=0)
    said = plain(counter.asks(PALM_STREET, "20.00" if by == "amount" else "62.1", by=by))
    assert re.search(r"Today 62\.1 kWh The same money from 1 \w+ 92\.\d kWh", said), said
    assert re.search(r"New month: step 1 starts again\. Fees of USD 1\.50 are due then\. 30\.\d kWh more\.", said)


def test_the_same_from_the_first_is_said_too(counter: Counter) -> None:
    assert "the same money buys just as much." in plain(counter.asks(PUMP, "20.00"))


def test_a_jump_offers_the_nearest_sums_that_can_be_sold_exactly(counter: Counter, app: Flask) -> None:
    fines(app)
    page = counter.asks(PALM_STREET, "200.00")
    said = plain(page)
    assert "is left over and is handed back: no quantity costs exactly this amount." in said
    assert "More than 500.0 kWh in one purchase costs a fine of USD 100.00." in said
    offers = re.findall(r'form="ask" name="pick" value="([\d.,]+)"[^>]*>([^<]+)<', page.body)
    assert [label.replace("\u00a0", " ") for _sent, label in offers] == ["150.50 for 500.0 kWh", "250.54 for 500.2 kWh"]
    for sent, label in offers:
        taken = counter.asks(PALM_STREET, "200.00", pick=sent)
        assert f"Sell for USD {sent}" in plain(taken)
        assert f"The meter gets {label.split('for ')[1]}".replace("\u00a0", " ") in plain(taken)
        assert "is left over" not in taken.words


def test_a_fine_in_the_sum_offers_the_largest_purchase_without_it(counter: Counter, app: Flask) -> None:
    fines(app)
    page = counter.asks(PALM_STREET, "500.1", by="quantity")
    assert "USD 100.00 of this sum is a fine. It is for more than 500.0 kWh in one purchase." in plain(page)
    assert 'form="ask" name="pick" value="500.0"' in page.body


def test_a_meter_is_not_offered_what_its_own_limit_forbids(counter: Counter, app: Flask, cast: Cast) -> None:
    fines(app)
    changes(app, cast, "palm_street", largest_purchase=5000)
    page = counter.asks(PALM_STREET, "200.00")
    assert re.findall(r'form="ask" name="pick" value="([\d.,]+)"', page.body) == ["150.50"]


def test_an_unusual_size_is_asked_about_with_the_meters_own_past(counter: Counter, app: Flask, cast: Cast) -> None:
    bought(app, cast, "pump", 10_00, 20_00, 15_00)
    said = plain(counter.asks(PUMP, "200.00"))
    assert "Much more than ever for this meter. In its last 3 purchases it took 8.0 m³ to 16.0 m³ each." in said
    assert "Much less than ever for this meter." in plain(counter.asks(PUMP, "0.80"))
    assert "than ever" not in plain(counter.asks(PUMP, "55.00"))


def test_a_meter_that_bought_twice_has_no_habit(counter: Counter, app: Flask, cast: Cast) -> None:
    bought(app, cast, "pump", 10_00, 20_00)
    assert "than ever" not in plain(counter.asks(PUMP, "900.00"))


def test_a_key_that_ends_soon_is_told_while_it_still_sells(counter: Counter, app: Flask) -> None:
    with app.app_context(), transaction() as session:
        for key in session.query(SupplyGroupKey).filter_by(sgc="123456"):
            key.active_to = now() + timedelta(days=30)
    page = counter.asks(PALM_STREET, "20.00")
    assert "The key of this meter makes its last token on" in page.words
    assert counter.sends(page.form).status == 303


@pytest.mark.parametrize(("meter", "tokens", "rows"), [(PALM_STREET, 2, 3), (MILL, 4, 5)], ids=["64-bit", "128-bit"])
def test_a_key_change_is_told_before_with_what_will_be_typed(
    counter: Counter, app: Flask, cast: Cast, meter: str, tokens: int, rows: int
) -> None:
    counter.sells(PUMP, "5.00")  # a token was made before, so that the clock has something to be held against
    key = "palm_street" if meter == PALM_STREET else "mill"
    changes(app, cast, key, pending_sgc="201457" if key == "mill" else "123456", pending_krn=1, pending_ti=2, pending_ken=255, pending_tries=2)
    card = counter.opens("/counter/search", q=meter)
    assert "Key change due" in card.words
    page = counter.asks(meter, "20.00")
    said = plain(page)
    assert f"The customer types {tokens} key-change tokens first" in said
    assert f"{rows} rows of twenty digits. This is set 3 of 3." in said
    assert "After it nothing is sold until somebody says" in said
    receipt = counter.opens(counter.sends(page.form).location)
    assert len(set(re.findall(r"\b\d{4}(?: \d{4}){4}\b", receipt.words))) == rows


def test_after_three_sets_the_counter_leads_to_who_may_say_what_the_meter_took(app: Flask, cast: Cast, counter: Counter, chidi: FlaskClient) -> None:
    changes(app, cast, "palm_street", pending_sgc="123456", pending_krn=1, pending_ti=2, pending_ken=255, pending_tries=3)
    stopped = counter.opens(f"/counter/meter/{PALM_STREET}")
    assert "nobody said whether the meter took them. No money was taken. A manager says it" in stopped.words
    assert "Say whether the meter took it" not in stopped.words
    page = Counter(chidi, app).opens(f"/counter/meter/{PALM_STREET}")
    assert "Say whether the meter took it" in page.words
    meter_page = Counter(chidi, app).opens(f"/meters/show/{cast.meters['palm_street']}")
    assert "The meter took it" in meter_page.words
    assert "say below whether the meter took them" in meter_page.words
    form = {"outcome": "not_taken", "from": "meter", "of": meter_page.field("of"), "csrf_token": meter_page.field("csrf_token")}
    said = chidi.post(f"/engineering/meter/{PALM_STREET}/confirm", data=form)
    assert said.headers["Location"] == f"/meters/show/{cast.meters['palm_street']}"
    assert counter.asks(PALM_STREET, "20.00").status == 200


def test_a_card_says_what_is_due(counter: Counter, app: Flask, cast: Cast) -> None:
    with app.app_context(), transaction() as session:
        session.get_one(Consumer, cast.consumers["achieng"]).debt_minor = 40_00
    said = plain(counter.opens("/counter/search", q=PALM_STREET))
    assert "Due fees USD 1.50; debt USD 40.00" in said
    counter.sells(PALM_STREET, "20.00")
    assert "Due debt USD" in plain(counter.opens("/counter/search", q=PALM_STREET))


def test_missed_periods_stand_on_the_card(counter: Counter, app: Flask, cast: Cast) -> None:
    changes(app, cast, "palm_street", installed_on=(now().date().replace(day=1) - timedelta(days=40)).replace(day=1))
    assert "fees USD 4.50, with 2 missed periods" in plain(counter.opens("/counter/search", q=PALM_STREET))


def test_quick_values_hold_what_the_meter_liked_before(counter: Counter, app: Flask, cast: Cast) -> None:
    bought(app, cast, "pump", 17_00, 17_00, 23_00)
    page = counter.opens(f"/counter/meter/{PUMP}")
    values = re.findall(r'name="pick" value="([\d.]+)" data-by="amount"', page.body)
    assert {"17.00", "23.00"} <= set(values)
    assert len(values) <= 6
    assert values == sorted(values, key=Decimal)


def test_money_of_another_counter_is_no_quick_value(counter: Counter, app: Flask, cast: Cast) -> None:
    with app.app_context():
        Seller(cast, app.extensions["modules"], "corin", "corner").sells("pump", 17_77)
    assert "17.77" not in counter.opens(f"/counter/meter/{PUMP}").body


def test_who_was_served_last_is_each_sellers_own(counter: Counter, app: Flask, cast: Cast, signed_in: Any) -> None:
    counter.sells(PALM_STREET, "20.00")
    counter.sells(PUMP, "5.00")
    counter.sells(PALM_STREET, "30.00")
    mine = counter.opens("/counter/").body
    assert mine.count(f'href="/counter/meter/{PALM_STREET}"') == 1
    assert mine.index(PALM_STREET) < mine.index(PUMP)
    assert "Served last" not in Counter(signed_in("corin"), app).opens("/counter/").words


@contextmanager
def counted(app: Flask) -> Iterator[list[str]]:
    """The statements sent meanwhile, without those that open a transaction."""
    seen: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        if not statement.startswith(("BEGIN", "PRAGMA")):
            seen.append(statement)

    with app.app_context():
        engine = db.engine
    event.listen(engine, "before_cursor_execute", note)
    try:
        yield seen
    finally:
        event.remove(engine, "before_cursor_execute", note)


def test_a_search_and_a_quote_ask_as_often_for_many_as_for_one(counter: Counter, app: Flask, cast: Cast) -> None:
    for path, query in (("/counter/search", {"q": "wanj"}), ("/counter/quote", {"meter_number": PALM_STREET, "value": "20"})):
        counter.opens(path, **query)  # plans are compiled, words are read
    with counted(app) as one:
        counter.opens("/counter/search", q=PALM_STREET)
    with counted(app) as three:
        assert counter.opens("/counter/search", q="wanj").body.count("data-buy") == 3
    assert len(three) <= max(len(one) + 3, MOST_OF_A_SEARCH), "\n".join(text[:100] for text in three)
    with counted(app) as quoted:
        counter.opens("/counter/quote", meter_number=PALM_STREET, value="20", by="amount")
    assert len(quoted) <= MOST_OF_A_LIVE_QUOTE, "\n".join(text[:100] for text in quoted)


