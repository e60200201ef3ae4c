"""The counter by keyboard alone: a scanner's Enter, few strokes to the paper, all keys on ?, single keys off."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Any

from flask import Flask

from app.db import transaction
from app.extensions import db
from app.models import AppUser, Sale, TariffFine, TariffPlan
from app.models.base import now
from tests.browser.focus import FOCUSED
from tests.cast import MILL, PALM_STREET


def test_five_strokes_besides_the_digits_lead_from_the_scanner_to_the_paper(amara: Any, app: Flask) -> None:
    amara.goto("/counter/")
    strokes = []

    def press(key: str) -> None:
        strokes.append(key)
        amara.keyboard.press(key)

    amara.keyboard.type(PALM_STREET)  # a scanner: digits and Enter without a pause
    press("Enter")
    amara.wait_for_selector("#value:focus")
    amara.keyboard.type("20")
    press("F9")
    amara.wait_for_url("**/receipts/*")
    amara.evaluate("window.print = () => document.body.classList.add('printed')")
    press("F8")
    amara.wait_for_selector("body.printed #q:focus")  # the next customer can be typed at once
    assert len(strokes) <= 5
    with app.app_context():
        assert db.session.query(Sale).count() == 1


def test_keys_of_the_amount_lead_down_to_quick_values_and_on_to_what_was_received(amara: Any) -> None:
    amara.goto("/counter/")
    amara.fill("#q", f" {PALM_STREET[:4]} {PALM_STREET[4:8]}-{PALM_STREET[8:]} ")  # pasted as it stands on a plate
    amara.keyboard.press("Enter")
    amara.wait_for_selector("#value:focus")
    amara.wait_for_load_state("load")  # the browser sets the focus before the page's script listens
    amara.keyboard.press("Tab")
    amara.wait_for_selector("#received:focus")
    amara.keyboard.press("Shift+Tab")
    amara.keyboard.press("ArrowDown")
    amara.keyboard.press("ArrowRight")
    chosen = amara.evaluate("document.activeElement.value")
    amara.keyboard.press("Enter")
    amara.wait_for_selector('#sum[data-ready="yes"]')
    assert amara.input_value("#value") == chosen
    assert amara.evaluate("document.activeElement.id") == "value"
    amara.keyboard.press("?")
    amara.wait_for_selector("dialog#keys[open]")
    amara.keyboard.press("F9")  # no key acts while a dialog is open
    assert "/counter/meter/" in amara.url
    amara.keyboard.press("Escape")
    assert not amara.locator("dialog#keys[open]").count()


def test_a_better_sum_takes_the_place_of_the_one_that_leaves_money_over(amara: Any, app: Flask) -> None:
    with app.app_context(), transaction() as session:
        plan = session.query(TariffPlan).filter_by(fixed_fee=Decimal("1.50")).one()
        plan.created_at = now()  # compiled plans are kept by it
        plan.fines.append(TariffFine(start=5000, fine=Decimal(100)))
    amara.goto(f"/counter/meter/{PALM_STREET}")
    amara.wait_for_function(FOCUSED)
    amara.keyboard.type("200")
    amara.click(".uses .chip >> nth=0")
    amara.wait_for_function("document.getElementById('value').value === '150.50'")
    amara.wait_for_selector(".uses", state="detached")
    assert "500.0" in amara.inner_text(".gets-value")
    assert re.search(r"Sell for USD.150\.50", amara.inner_text("#sell-button"))


def test_single_keys_rest_for_who_switched_them_off(amara: Any, app: Flask) -> None:
    amara.goto(f"/counter/meter/{PALM_STREET}")
    amara.evaluate("document.activeElement.blur()")
    amara.keyboard.press("/")
    assert amara.evaluate("document.activeElement.id") == "q"
    amara.goto("/account/")
    amara.uncheck("#single_keys")
    amara.click("main button.btn-primary")
    amara.wait_for_selector("html[data-single-keys=off]")
    amara.goto(f"/counter/meter/{PALM_STREET}")
    amara.evaluate("document.activeElement.blur()")
    for key in ("/", "?", "7"):
        amara.keyboard.press(key)
    assert amara.evaluate("document.activeElement.id") != "q"
    assert not amara.locator("dialog[open]").count()
    amara.keyboard.press("F2")  # keys that are no signs go on
    assert amara.is_checked("input[name=by][value=quantity]")
    with app.app_context():
        assert db.session.query(AppUser).filter_by(username="amara").one().single_keys is False


def test_a_scan_on_the_receipt_opens_the_next_meter_before_any_paper(amara: Any) -> None:
    amara.goto(f"/counter/meter/{PALM_STREET}?value=20.00")
    amara.keyboard.press("F9")
    amara.wait_for_url("**/receipts/*")
    amara.keyboard.type(MILL)  # a scanner: digits and Enter without a pause, wherever the focus is
    amara.keyboard.press("Enter")
    amara.wait_for_url(f"**/counter/meter/{MILL}")
    assert amara.locator("[data-printing]").count() == 0


def test_a_second_enter_on_a_slow_line_never_opens_a_card_of_what_was_typed_before(amara: Any) -> None:
    amara.goto("/counter/")
    amara.wait_for_function(FOCUSED)
    amara.keyboard.type(PALM_STREET[:8])
    amara.wait_for_selector("[data-buy]")
    amara.evaluate("""() => {
        const ask = window.fetch;
        window.fetch = async (...what) => { await new Promise((done) => setTimeout(done, 300)); return ask(...what); };
    }""")
    amara.keyboard.press("ControlOrMeta+a")
    amara.keyboard.type("nobody of that name")
    amara.keyboard.press("Enter")
    amara.keyboard.press("Enter")
    amara.wait_for_selector("[data-buy]", state="detached")
    assert "/counter/meter/" not in amara.url
