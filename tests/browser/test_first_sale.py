"""The first sale, in a real browser: a meter by name, 20.00, twenty digits, paper.

The `page` fixture fails a test when any request leaves for another host, when the console
says an error, or when the content security policy was broken.
"""

from __future__ import annotations

import io
import re
from datetime import UTC, datetime
from typing import Any

import pytest
import zxingcpp
from flask import Flask
from PIL import Image
from pypdf import PdfReader

from app.extensions import db
from app.models import Meter, Sale, UserSession
from app.sts.meter_number import pan_from_drn
from app.sts.module import MeterConfig
from tests.browser.focus import FOCUSED
from tests.cast import MILL, PALM_STREET, PASSWORD, PUMP

# Modules of the code itself, and with its quiet zone of four on each side.
CODE, WITH_EDGES = 21, 29


def read_by_the_meter(app: Flask, meter_number: str, digits: str) -> Any:
    """What the meter itself would read in the token."""
    with app.app_context():
        meter = db.session.query(Meter).filter_by(meter_number=meter_number).one()
        config = MeterConfig(
            pan_from_drn(meter.meter_number), meter.ea, meter.tct, meter.sgc, meter.krn, meter.ti, meter.ken
        )
        module = db.session.query(Sale).filter_by(meter_id=meter.id).first().module_id
        return app.extensions["modules"].by_id(module).verify(config, digits)


def token_on(page: Any) -> str:
    """The twenty digits as they are read from the screen."""
    groups = page.locator(".token-line .token > span").all_inner_texts()
    assert len(groups) == 5
    return "".join(groups)


def sold_count(app: Flask) -> int:
    with app.app_context():
        return int(db.session.query(Sale).count())


def printed_at_once(page: Any) -> None:
    """One key counts and prints, without another page between; the next customer can be typed at once."""
    page.evaluate("window.print = () => document.body.classList.add('printed')")
    page.keyboard.press("F8")
    page.wait_for_selector("body.printed #q:focus")


@pytest.mark.parametrize(
    ("meter", "kind", "unit"),
    [(PALM_STREET, "electricity", "kWh"), (PUMP, "water", "m³"), (MILL, "electricity", "kWh")],
    ids=["electricity-legacy", "water", "sts6-ea11"],
)
def test_a_newcomer_sells_a_token_that_the_meter_reads(
    amara: Any, app: Flask, meter: str, kind: str, unit: str
) -> None:
    amara.goto("/counter/")
    amara.wait_for_function(FOCUSED)
    amara.keyboard.type("wanjiru")
    amara.click(f'[data-buy][href$="{meter}"]')
    amara.fill("#value", "20.00")
    amara.wait_for_selector('#sum[data-ready="yes"]')
    gets = amara.inner_text(".gets-value").split()
    assert gets[1] == unit
    assert "Sell for USD 20.00" in amara.inner_text("#sell-button").replace("\u00a0", " ")
    amara.click("#sell-button")
    amara.wait_for_url("**/receipts/*")
    digits = token_on(amara)
    read = read_by_the_meter(app, meter, digits)
    assert read.accepted
    assert read.kind == kind
    assert read.amount == round(float(gets[0]) * 10)
    printed_at_once(amara)
    [sheet] = PdfReader(io.BytesIO(amara.pdf(prefer_css_page_size=True))).pages
    text = sheet.extract_text()
    assert digits in re.sub(r"\s", "", text)
    assert f"Credit token {gets[0]} {unit}" in text.replace("\u00a0", " ")
    assert abs(float(sheet.mediabox.width) / 72 * 25.4 - 80) < 1


def test_the_roll_is_as_long_as_the_slip(amara: Any, app: Flask) -> None:
    amara.goto(f"/counter/meter/{PALM_STREET}?value=20.00&received=50")
    amara.click("#sell-button")
    amara.wait_for_url("**/receipts/*")
    receipt, digits = amara.url, token_on(amara)
    for paper in ("58mm", "80mm"):
        for copies in (0, 1):
            amara.goto(f"{receipt}/paper?paper={paper}&lang={'fr' if copies else 'en'}")
            amara.evaluate("window.print = () => document.body.classList.add('printed')")
            amara.keyboard.press("F8")
            amara.wait_for_selector("body.printed")
            amara.emulate_media(media="print")
            content_mm = amara.evaluate("document.querySelector('.slip').getBoundingClientRect().height") * 25.4 / 96
            [sheet] = PdfReader(io.BytesIO(amara.pdf(prefer_css_page_size=True))).pages
            spare = float(sheet.mediabox.height) / 72 * 25.4 - 6 - content_mm
            assert 0 <= spare < 15, (paper, copies)
            box = amara.locator(".slip .qr").bounding_box()
            assert box["width"] * 25.4 / 96 * CODE / WITH_EDGES >= 22
            with Image.open(io.BytesIO(amara.locator(".slip .qr").screenshot())) as seen:
                [code] = zxingcpp.read_barcodes(seen.convert("L"))
            assert (code.text, code.format) == (digits, zxingcpp.BarcodeFormat.QRCode)
            amara.emulate_media(media="screen")


def test_everything_is_done_without_a_mouse(amara: Any, app: Flask) -> None:
    amara.goto("/counter/")
    amara.wait_for_function(FOCUSED)
    amara.keyboard.type("wanj", delay=15)
    amara.wait_for_selector("[data-buy]")
    amara.keyboard.press("Enter")
    amara.wait_for_selector("#value")
    amara.keyboard.type("20")
    amara.keyboard.press("Tab")
    while amara.evaluate("document.activeElement.id") != "received":
        amara.keyboard.press("Tab")
    amara.keyboard.type("50")
    amara.keyboard.press("Enter")
    amara.wait_for_selector("#sell-button:focus")
    assert "30.00" in amara.inner_text("#change")
    amara.keyboard.press("Enter")
    amara.wait_for_url("**/receipts/*")
    assert "give 30.00 change" in amara.inner_text(".done-line")
    printed_at_once(amara)
    amara.keyboard.press("Escape")
    amara.wait_for_url("**/counter/")
    assert sold_count(app) == 1


def test_a_scanner_opens_the_meter_by_its_enter(amara: Any) -> None:
    amara.goto("/counter/")
    amara.wait_for_function(FOCUSED)
    amara.keyboard.type(MILL)
    amara.keyboard.press("Enter")
    amara.wait_for_url(f"**/counter/meter/{MILL}")
    assert amara.input_value("#q") == f"{MILL[:4]} {MILL[4:8]} {MILL[8:]}"


def test_arrows_choose_among_the_cards(amara: Any) -> None:
    amara.goto("/counter/")
    amara.wait_for_function(FOCUSED)
    amara.keyboard.type("wanj")
    amara.wait_for_selector("[data-buy] >> nth=2")
    second = amara.locator("[data-buy]").nth(1).get_attribute("href")
    amara.keyboard.press("ArrowDown")
    amara.keyboard.press("Enter")
    amara.wait_for_url(f"**{second}")
    assert amara.locator("#value").count() == 1


def test_f2_changes_the_side_and_its_unit(amara: Any) -> None:
    amara.goto(f"/counter/meter/{PALM_STREET}")
    amara.keyboard.press("F2")
    assert amara.inner_text("[data-unit]") == "kWh"
    amara.keyboard.type("50")
    amara.wait_for_selector('#sum[data-ready="yes"]')
    assert "USD 11.50" in amara.inner_text("#sell-button").replace("\u00a0", " ")


def test_a_second_press_is_the_same_sale(amara: Any, app: Flask) -> None:
    amara.goto(f"/counter/meter/{PALM_STREET}?value=20.00")
    amara.evaluate(
        "const form = document.getElementById('sell');"
        "const button = document.getElementById('sell-button');"
        "button.click(); button.click(); form.requestSubmit(button);"
    )
    amara.wait_for_url("**/receipts/*")
    first = token_on(amara)
    amara.go_back()
    amara.wait_for_selector("#sell-button")
    assert amara.input_value("#value") == "20.00"
    assert sold_count(app) == 1
    assert len(first) == 20


def test_the_same_form_from_two_tabs_is_one_sale(amara: Any, app: Flask) -> None:
    amara.goto(f"/counter/meter/{PALM_STREET}?value=20.00")
    answers = amara.evaluate(
        """async () => {
          const body = () => new URLSearchParams(new FormData(document.getElementById('sell')));
          const send = () => fetch('/counter/sell', {method: 'POST', body: body()}).then((answer) => answer.url);
          return Promise.all([send(), send(), send()]);
        }"""
    )
    assert len(set(answers)) == 1
    assert "/receipts/" in answers[0]
    assert sold_count(app) == 1


def test_what_is_typed_wrong_is_said_at_the_field_and_stays(amara: Any, app: Flask) -> None:
    amara.goto(f"/counter/meter/{PALM_STREET}")
    amara.fill("#value", "abc")
    amara.wait_for_selector("#value-error span")
    assert "This is not a number" in amara.inner_text("#value-error")
    assert amara.input_value("#value") == "abc"
    assert amara.get_attribute("#value", "aria-invalid") == "true"
    assert amara.is_disabled("#sell-button")
    amara.keyboard.press("F9")
    assert sold_count(app) == 0
    amara.fill("#value", "20")
    amara.wait_for_selector('#sum[data-ready="yes"]')
    assert amara.get_attribute("#value", "aria-invalid") is None
    # A refused look is a 422, which the browser writes down.
    amara.complaints[:] = [line for line in amara.complaints if "422" not in line]


def test_reload_loses_nothing_typed(amara: Any) -> None:
    amara.goto(f"/counter/meter/{PALM_STREET}")
    amara.fill("#value", "20.00")
    amara.fill("#received", "50")
    amara.wait_for_selector("#change output:has-text('30.00')")
    amara.reload()
    assert (amara.input_value("#value"), amara.input_value("#received")) == ("20.00", "50")


def test_escape_asks_only_when_something_was_typed(amara: Any) -> None:
    amara.goto(f"/counter/meter/{PALM_STREET}")
    amara.fill("#value", "20.00")
    amara.wait_for_selector('#sum[data-ready="yes"]')
    amara.keyboard.press("Escape")
    assert amara.is_visible("#leave")
    amara.keyboard.press("F9")  # no key acts while a question is open
    amara.click("#leave [data-close]")
    amara.fill("#value", "")
    amara.keyboard.press("Escape")
    amara.wait_for_url("**/counter/")


@pytest.mark.parametrize("size", [(1366, 640), (390, 844)], ids=["small screen", "phone"])
def test_the_sell_button_is_seen_without_scrolling_and_nothing_runs_out_of_the_page(
    amara: Any, size: tuple[int, int]
) -> None:
    width, height = size
    amara.set_viewport_size({"width": width, "height": height})
    amara.goto(f"/counter/meter/{PALM_STREET}?value=40.00&received=50")
    box = amara.locator("#sell-button").bounding_box()
    assert box["y"] + box["height"] <= height
    for path in ("/", "/counter/?q=wanj", f"/counter/meter/{PALM_STREET}?value=40.00"):
        amara.goto(path)
        assert amara.evaluate("document.documentElement.scrollWidth") <= width


def test_a_session_that_ended_meanwhile_leads_back_to_what_was_typed(amara: Any, app: Flask) -> None:
    amara.goto(f"/counter/meter/{PALM_STREET}")
    amara.fill("#value", "20.00")
    amara.wait_for_selector('#sum[data-ready="yes"]')
    with app.app_context():
        for row in db.session.query(UserSession):
            row.ended = datetime.now(UTC)
        db.session.commit()
    amara.keyboard.press("F9")
    amara.click("text=Sign in and go back")
    amara.fill("#username", "amara")
    amara.fill("#password", PASSWORD)
    amara.keyboard.press("Enter")
    amara.wait_for_selector("#value")
    assert amara.input_value("#value") == "20.00"
    assert sold_count(app) == 0
    amara.complaints[:] = [line for line in amara.complaints if "401" not in line]
