"""A tariff made in the browser: two steps, rows by keyboard, More, and what it means while typing."""

from __future__ import annotations

from typing import Any

from flask import Flask

from app.extensions import db
from app.models import TariffPlan
from tests.browser.test_forms_and_lists import efua  # noqa: F401  (a fixture)
from tests.cast import Cast

ROW = "[data-rows={0}] > [data-rows-in] > [data-row]"


def test_a_tariff_with_more_is_made_without_the_mouse_and_nothing_is_lost_on_the_way(
    app: Flask, efua: Any, cast: Cast  # noqa: F811
) -> None:
    page = efua
    page.goto("/tariffs/add")
    page.fill("#name", "Village")
    page.select_option("#meter_type", "electricity")
    page.keyboard.press("Enter")  # the one button of step 1
    page.wait_for_selector("#plan_form")

    # Steps: Enter adds a row below, Alt and an arrow move one, Alt and Delete take one away.
    page.fill("#steps-0-to", "2000")
    page.fill("#steps-0-price", "4")
    page.press("#steps-0-price", "Enter")
    assert page.evaluate("document.activeElement.id") == "steps-1-to"
    page.keyboard.type("150")
    page.fill("#steps-1-price", "3")
    page.wait_for_selector("text=Row 2 ends at 150, not above its start of 2,000.")
    page.press("#steps-1-price", "Alt+ArrowUp")
    assert (page.input_value("#steps-0-to"), page.input_value("#steps-1-price")) == ("150", "4")
    page.press("#steps-1-price", "Enter")
    page.keyboard.press("Alt+Delete")
    page.wait_for_selector("#meaning-curve svg")
    assert page.locator(ROW.format("steps")).count() == 2 and page.locator(".error").count() == 0
    assert page.locator(ROW.format("steps")).nth(1).locator("[data-from]").inner_text().startswith("150")

    # More: a levy, and a tax on it whose box appears as the levy gets its name.
    page.click(".plan-more > summary")
    page.click("[data-rows=levies] [data-row-add]")
    page.fill("#levies-0-name", "Fuel")
    page.fill("#levies-0-price", "0.5")
    page.click("[data-rows=taxes] [data-row-add]")
    page.fill("#taxes-0-name", "VAT")
    page.fill("#taxes-0-rate", "10")
    page.locator("[data-bases] label:has-text('Fuel') input").check()
    page.click("[data-rows=schedules] [data-row-add]")
    page.fill("#schedules-0-up_to", "30")
    page.fill("#schedules-0-steps-0-price", "1")
    # 385.00: 100 units at 3 + 0.5 and a tenth of it; with 100.00 the lifeline's 30 are all there is.
    page.fill("#sample", "385")
    page.wait_for_selector("tbody.own td:has-text('100.0')")
    page.fill("#sample", "100")
    page.wait_for_selector("tbody.own td:has-text('handed back')")

    page.click("button:has-text('Previous')")
    page.fill("#name", "Town")
    page.click("button:has-text('Next: the plan')")
    page.wait_for_selector("#meaning-curve svg")
    assert page.locator("h1").inner_text() == "Town" and page.locator(".plan-more").get_attribute("open") is not None
    assert page.locator("[data-bases] input:checked").count() == 2
    page.click("[name=save]")
    page.wait_for_selector(".timeline")
    assert "1 levy, 1 named tax, 1 lifeline schedule" in page.locator(".timeline").inner_text()
    with app.app_context():
        plan = db.session.query(TariffPlan).filter_by(name="Village", parent_id=None).one()
        assert [step.start for step in plan.steps] == [0, 1500] and plan.steps_end == 20000
        assert [(tax.code, tax.bases) for tax in plan.taxes] == [("vat", "energy,fuel")]
        assert [step.price for step in plan.schedules[0].steps] == [1]


def test_a_refusal_while_typing_is_no_server_that_cannot_be_reached(page: Any, efua: Any, cast: Cast) -> None:  # noqa: F811
    page.goto(f"/plans/add/{cast.tariffs['home']}")
    answers = {"status": 500}
    page.route("**/plans/preview*", lambda route: route.fulfill(**answers))
    for status, words in ((500, "has answered, but without figures"), (403, "has answered"), (503, "cannot be reached")):
        answers["status"] = status
        page.fill("#name", f"Plan {status}")
        page.locator(f"[data-say]:has-text('The server {words}')").wait_for(timeout=5000)
        page.evaluate("() => { document.querySelector('[data-say]').textContent = ''; }")
    assert page.input_value("#name") == "Plan 503"
    page.unroute_all()
    page.complaints[:] = [one for one in page.complaints if "Failed to load resource" not in one]
