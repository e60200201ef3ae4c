"""What goes wrong at a counter: a lost answer, no network, a session that is gone, a screen without keys."""

from __future__ import annotations

from typing import Any

from flask import Flask

from app.extensions import db
from app.models import Sale
from tests.cast import PALM_STREET, PASSWORD, PUMP


def sold_count(app: Flask) -> int:
    with app.app_context():
        return int(db.session.query(Sale).count())


def without(page: Any, *words: str) -> None:
    """Take the complaints out that the test provoked itself."""
    page.complaints[:] = [line for line in page.complaints if not any(word in line for word in words)]


def test_a_lost_answer_then_back_and_f9_is_the_same_sale(amara: Any, app: Flask) -> None:
    amara.goto(f"/counter/meter/{PALM_STREET}")
    amara.fill("#value", "3.50")
    amara.wait_for_selector('#sum[data-ready="yes"]')

    def lose(route: Any) -> None:
        route.fetch(max_redirects=0)
        route.abort()

    amara.route("**/counter/sell", lose)
    with amara.expect_event("requestfailed"):
        amara.keyboard.press("F9")
    amara.wait_for_function("location.protocol == 'chrome-error:'")
    assert sold_count(app) == 1
    amara.unroute("**/counter/sell")
    amara.go_back()
    amara.wait_for_selector("#sum >> text=This purchase was sold at")
    assert amara.input_value("#value") == "3.50"
    amara.keyboard.press("F9")
    amara.wait_for_url("**/receipts/*")
    # And once more from the receipt.
    amara.go_back()
    amara.wait_for_selector("#sum >> text=This purchase was sold at")
    amara.keyboard.press("F9")
    amara.wait_for_url("**/receipts/*")
    assert sold_count(app) == 1
    without(amara, "ERR_FAILED")


def test_the_same_in_another_tab_wants_a_tick_and_then_sells(amara: Any, app: Flask) -> None:
    other = amara.context.new_page()
    for tab in (amara, other):
        tab.goto(f"/counter/meter/{PUMP}?value=5.00")
    amara.keyboard.press("F9")
    amara.wait_for_url("**/receipts/*")
    other.keyboard.press("F9")
    other.wait_for_selector(".again")
    assert "Sell again for" in other.inner_text("#sell-button")
    other.keyboard.press("F9")
    other.wait_for_selector("input[name=again]:focus")
    assert sold_count(app) == 1
    other.keyboard.press("Space")
    other.keyboard.press("F9")
    other.wait_for_url("**/receipts/*")
    assert sold_count(app) == 2
    without(amara, "409")


def test_without_a_network_a_sentence_stands_there_and_the_sum_comes_with_it_again(amara: Any, app: Flask) -> None:
    amara.goto(f"/counter/meter/{PUMP}")
    amara.context.set_offline(True)
    amara.fill("#value", "20")
    amara.wait_for_selector("[data-unreached]:visible")
    assert "Nothing was sold" in amara.inner_text("[data-unreached]")
    assert amara.locator(".stale").count() == 0
    amara.keyboard.press("F9")
    amara.context.set_offline(False)
    amara.wait_for_selector('#sum[data-ready="yes"]:visible')
    assert amara.is_hidden("[data-unreached]")
    assert amara.input_value("#value") == "20"
    amara.goto("/counter/")
    amara.context.set_offline(True)
    amara.fill("#q", "wanj")
    amara.wait_for_selector("#q-error:visible")
    amara.context.set_offline(False)
    amara.wait_for_selector("[data-buy]")
    assert amara.locator("#q-error").count() == 0
    assert sold_count(app) == 0
    without(amara, "ERR_INTERNET_DISCONNECTED")


def test_a_server_that_fails_is_not_called_out_of_reach(amara: Any, app: Flask) -> None:
    amara.goto(f"/counter/meter/{PUMP}")
    amara.route("**/counter/quote*", lambda route: route.fulfill(status=500, content_type="text/html", body="<p>Not well</p>"))
    amara.fill("#value", "20")
    amara.wait_for_selector("[data-broken]:visible")
    assert "The server failed" in amara.inner_text("[data-broken]") and "Nothing was sold" in amara.inner_text("[data-broken]")
    assert amara.is_hidden("[data-unreached]") and amara.is_hidden("#sum")
    amara.unroute("**/counter/quote*")
    amara.wait_for_selector('#sum[data-ready="yes"]:visible')
    assert amara.is_hidden("[data-broken]") and amara.input_value("#value") == "20"
    assert sold_count(app) == 0
    without(amara, "500")


def test_a_cookie_that_is_gone_at_the_press_of_sell_costs_nothing_typed(amara: Any, app: Flask) -> None:
    amara.goto(f"/counter/meter/{PUMP}?value=12.5&received=50")
    amara.wait_for_load_state("networkidle")
    amara.context.clear_cookies()
    amara.keyboard.press("F9")
    amara.click("text=Sign in and go back")
    amara.fill("#username", "amara")
    amara.fill("#password", PASSWORD)
    amara.keyboard.press("Enter")
    amara.wait_for_selector("#value")
    assert (amara.input_value("#value"), amara.input_value("#received")) == ("12.5", "50")
    assert sold_count(app) == 0
    amara.keyboard.press("F9")
    amara.wait_for_url("**/receipts/*")
    assert sold_count(app) == 1
    without(amara, "401")


def test_a_screen_that_is_only_touched_shows_no_keys(amara: Any, browser: Any, site: str) -> None:
    kept = amara.context.storage_state()
    for touch in (False, True):
        context = browser.new_context(
            base_url=site, storage_state=kept, has_touch=touch, is_mobile=touch, viewport={"width": 1024, "height": 768}
        )
        page = context.new_page()
        for path in ("/counter/?q=wanj", f"/counter/meter/{PUMP}?value=5.00"):
            page.goto(path)
            shown = [key.is_visible() for key in page.locator("main kbd").all()]
            assert any(shown) is not touch, (path, touch)
        context.close()


def test_what_is_typed_while_the_page_still_loads_gets_its_sum(amara: Any) -> None:
    held: list[Any] = []

    def hold(script: Any) -> None:
        held.append(script)

    amara.route("**/counter-sum.js*", hold)
    amara.goto(f"/counter/meter/{PALM_STREET}", wait_until="commit")
    amara.fill("#value", "20.00")
    while not held:
        amara.wait_for_timeout(10)
    held[0].continue_()
    amara.wait_for_selector('#sum[data-ready="yes"]')
    assert "USD 20.00" in amara.inner_text("#sell-button").replace("\u00a0", " ")
