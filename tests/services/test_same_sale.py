"""The same to the same meter minutes ago: a mistake until somebody says that it is none."""

from __future__ import annotations

import threading
from dataclasses import replace
from datetime import timedelta

import pytest

from app.db import transaction
from app.domain import errors
from app.extensions import db
from app.models import Sale
from app.services.facts import SAME_SALE
from app.services.pricing import CLOCK_AHEAD, Wish, quote
from app.services.receipts import sold_under
from app.services.reserve import reserve
from app.services.settle import fail
from app.services.vending import vend


def sales() -> int:
    db.session.rollback()
    return db.session.query(Sale).count()


def warned(counter, meter: str, value: int, **changes):
    """What a page opened now says of an earlier sale."""
    wish = Wish(counter.number(meter), changes.get("by_quantity", False), value)
    return quote(wish, counter.cast.scope(counter.who), instant=counter.clock).same


def test_the_second_of_two_tabs_is_warned_at_the_sale_itself(counter):
    first, second = (counter.order("pump", 5_00) for _ in "ab")
    receipt = counter.sends(first)
    with pytest.raises(errors.SameSaleAgo) as refused:
        counter.sends(second)
    assert refused.value.params == {"at": counter.clock, "amount": 5_00}
    assert (sales(), counter.account.held) == (1, 0)
    counter.sends(replace(second, again_after=receipt.sale_id))
    assert sales() == 2


def test_one_who_was_warned_of_the_first_is_warned_anew_of_the_second(counter):
    first = counter.sells("pump", 5_00)
    two, three = (counter.order("pump", 5_00) for _ in "bc")
    assert two.again_after == three.again_after == first.sale_id
    counter.sends(two)
    with pytest.raises(errors.SameSaleAgo):
        counter.sends(three)
    assert sales() == 2


def test_two_tabs_pressed_at_the_same_moment_are_one_sale_and_one_warning(context, counter):
    orders = [counter.order("pump", 5_00) for _ in "ab"]
    scope, gate, results = counter.cast.scope("amara"), threading.Barrier(2), []
    db.session.remove()

    def press(order) -> None:
        with context.app_context():
            gate.wait()
            try:
                results.append(vend(order, scope, counter.modules))
            except errors.SameSaleAgo as refused:
                results.append(refused.code)
            finally:
                db.session.remove()

    tabs = [threading.Thread(target=press, args=(order,)) for order in orders]
    for tab in tabs:
        tab.start()
    for tab in tabs:
        tab.join()
    assert sorted(map(str, results), key=len)[1] == "same_sale_ago", results
    assert sales() == 1


def test_the_shop_next_door_is_told_when_and_how_much_and_no_more(counter, corner):
    counter.sells("pump", 5_00)
    same = warned(corner, "pump", 5_00)
    assert (same.at, same.amount, same.own) == (counter.clock, 5_00, False)
    assert warned(counter, "pump", 5_00).own
    with pytest.raises(errors.SameSaleAgo):
        corner.sells("pump", 5_00, again_after=0)


@pytest.mark.parametrize(
    ("meter", "value", "changes"),
    [("pump", 6_00, {}), ("mill", 5_00, {}), ("pump", 41, {"by_quantity": True})],
    ids=["another amount", "another meter", "another quantity"],
)
def test_what_is_not_the_same_is_sold_without_a_word(counter, meter, value, changes):
    counter.sells("pump", 5_00)
    assert warned(counter, meter, value, **changes) is None
    counter.sells(meter, value, again_after=0, **changes)


def test_the_same_quantity_is_the_same_though_the_fee_is_paid_now(counter):
    """The second costs less than the first, and is a mistake all the same."""
    first = counter.sells("palm_street", 500, by_quantity=True)
    second = counter.order("palm_street", 500, by_quantity=True, again_after=0)
    assert second.shown_amount < first.amount
    with pytest.raises(errors.SameSaleAgo):
        counter.sends(second)


def test_after_a_while_nobody_is_asked(counter):
    counter.sells("pump", 5_00)
    counter.clock += SAME_SALE - timedelta(seconds=1)
    assert warned(counter, "pump", 5_00)
    counter.clock += timedelta(seconds=2)
    assert warned(counter, "pump", 5_00) is None
    counter.sells("pump", 5_00, again_after=0)


def test_the_minutes_go_on_over_midnight(counter):
    counter.clock = (counter.clock + timedelta(days=1)).replace(hour=0, minute=5)
    day_before = counter.clock - timedelta(minutes=10)
    now, counter.clock = counter.clock, day_before
    counter.sells("pump", 5_00)
    counter.clock = now
    assert warned(counter, "pump", 5_00).at == day_before


def test_a_waiting_sale_counts_and_a_failed_one_does_not(counter):
    order = counter.order("pump", 5_00)
    waiting = reserve(order, counter.cast.scope("amara"), counter.clock, CLOCK_AHEAD)
    assert warned(counter, "pump", 5_00).sale_id == waiting.sale_id
    fail(waiting, "refused", counter.clock)
    assert warned(counter, "pump", 5_00) is None


def test_a_lost_answer_finds_its_sale_though_the_same_money_buys_something_else_now(counter):
    order = counter.order("palm_street", 20_00)
    first = counter.sends(order)
    again = counter.order("palm_street", 20_00, reference=order.reference)
    assert again.shown_units != order.shown_units, "the month's fee is paid, and the first step is used up"
    assert counter.sends(again).sale_id == first.sale_id
    assert sales() == 1


def test_a_page_finds_what_its_reference_has_become(counter, harbour, corner):
    order = counter.order("pump", 5_00)
    receipt = counter.sends(order)
    point = counter.cast.points["market"]
    sold = sold_under(order.reference, point, counter.cast.scope("amara"))
    assert (sold.sale_id, sold.amount, sold.at) == (receipt.sale_id, 5_00, counter.clock)
    assert sold_under(order.reference, point, counter.cast.scope("chidi")) == sold
    for stranger in ("bento", "corin"):
        assert sold_under(order.reference, point, counter.cast.scope(stranger)) is None
    assert sold_under("another-reference", point, counter.cast.scope("amara")) is None


def test_an_ordinary_sale_asks_no_further_question(counter):
    """Only a meter that bought minutes ago costs the statement that looks for the same."""
    from sqlalchemy import event

    seen: list[str] = []
    order = counter.order("pump", 5_00)
    listen = (db.engine, "before_cursor_execute", lambda *given: seen.append(given[2]))
    event.listen(*listen)
    try:
        counter.sends(order)
        asked = len([text for text in seen if "reserved_at >" in text])
    finally:
        event.remove(*listen)
    assert asked == 0
    with transaction() as session:
        assert session.query(Sale).count() == 1
