"""What only a real browser shows of forms and lists: what overlaps, where the focus is, what fits."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import update

from app.extensions import db
from app.models import AppUser
from tests.cast import PIER, Cast
from tests.views.selling import sell

PHONE = {"width": 390, "height": 844}


@pytest.fixture
def efua(signed_in: Callable[[str], Any]) -> Any:
    """The page of Efua, who administers."""
    return signed_in("efua")


def boxes(page: Any, selector: str) -> list[dict[str, float]]:
    return [one.bounding_box() for one in page.locator(selector).all() if one.is_visible()]


def overlapping(rows: list[dict[str, float]]) -> int:
    """How many pairs of boxes lie on each other."""
    return sum(
        a["x"] < b["x"] + b["width"] and b["x"] < a["x"] + a["width"]
        and a["y"] + 1 < b["y"] + b["height"] and b["y"] + 1 < a["y"] + a["height"]
        for number, a in enumerate(rows) for b in rows[number + 1 :]
    )  # fmt: skip


@pytest.mark.parametrize("size", [PHONE, {"width": 1366, "height": 768}], ids=["phone", "screen"])
def test_no_right_of_a_group_lies_on_another(efua: Any, size: Any) -> None:
    efua.set_viewport_size(size)
    efua.goto("/groups/add")
    rights = boxes(efua, ".rights .check")
    assert len(rights) > 20 and overlapping(rights) == 0


def test_on_a_phone_each_box_of_a_plan_says_what_it_is(efua: Any, cast: Cast) -> None:
    efua.set_viewport_size(PHONE)
    efua.goto(f"/plans/add/{cast.tariffs['home']}")
    assert efua.evaluate("document.documentElement.scrollWidth") == PHONE["width"]
    first = efua.locator(".step-row:not(.plan-head)").first
    assert [words for words in first.inner_text().split("\n") if words in ("From", "To, included", "Unit price", "Tax rate")] == [
        "From", "To, included", "Unit price", "Tax rate",
    ]  # fmt: skip
    efua.set_viewport_size({"width": 1366, "height": 768})
    assert "Unit price" not in first.inner_text()  # the head of the rows says it there


def test_the_time_zone_is_typed_and_its_list_names_countries(efua: Any) -> None:
    efua.goto("/settings/edit/1")
    offered = efua.locator("#time-zones option")
    assert efua.get_attribute("#time_zone", "list") == "time-zones" and offered.count() > 300
    assert "Kenya" in str(efua.locator("#time-zones option[value='Africa/Nairobi']").text_content())


def test_what_a_refusal_said_above_a_plan_goes_once_its_rows_are_mended(efua: Any, cast: Cast) -> None:
    efua.goto(f"/plans/add/{cast.tariffs['home']}")
    efua.fill("#steps-0-price", "1")
    efua.fill("#steps-0-tax_rate", "101")
    efua.click("[name=save]")
    efua.wait_for_selector("text=Nothing was stored.")
    efua.complaints.clear()  # the browser counts the refusal as a failure
    assert "Tax rate: At most 100." in efua.locator(".step-row .error").inner_text()
    efua.fill("#steps-0-tax_rate", "102")
    efua.wait_for_selector("[data-say].bad")
    assert efua.locator("[data-summary]").count() == 1
    efua.fill("#steps-0-tax_rate", "10")
    efua.wait_for_selector("[data-summary]", state="detached")
    assert efua.locator(".error").count() == 0


def test_a_meter_number_that_was_refused_is_judged_anew_as_it_is_typed(efua: Any) -> None:
    wrong, right = PIER[:-1] + str((int(PIER[-1]) + 1) % 10), PIER
    efua.goto("/meters/add")
    efua.fill("#meter_number", wrong)
    efua.click("main form .btn-primary")
    efua.wait_for_selector(".note.bad")
    efua.complaints.clear()
    efua.wait_for_selector("[data-said=meter_number] .bad")
    assert efua.locator("#meter_number-error").count() == 0  # the same is not said twice
    efua.fill("#meter_number", right)
    efua.wait_for_selector("[data-said=meter_number] .ok")
    assert efua.locator("#meter_number-error").count() == 0
    assert efua.get_attribute("#meter_number", "aria-invalid") is None


def test_the_step_marks_do_not_touch_the_form(efua: Any) -> None:
    efua.goto("/tariffs/add")
    marks, card = efua.locator(".two-steps").bounding_box(), efua.locator(".content .card").bounding_box()
    assert card["y"] - (marks["y"] + marks["height"]) >= 8


def test_home_with_the_set_up_list_opens_at_its_top(efua: Any) -> None:
    efua.goto("/")
    assert efua.locator(".setup").is_visible()
    assert efua.evaluate("scrollY") == 0


def test_regions_are_typed_one_after_the_other(efua: Any) -> None:
    efua.goto("/regions/")
    efua.get_by_label("Country name").fill("Newland")
    efua.keyboard.press("Enter")
    efua.wait_for_url("**added=1")
    efua.keyboard.type("North")
    efua.keyboard.press("Enter")
    efua.wait_for_selector("[aria-label='City or town name']:focus")
    for town in ("Alpha", "Beta"):
        efua.keyboard.type(town)
        efua.keyboard.press("Enter")
        efua.wait_for_selector(f".level a:has-text('{town}')")
        efua.wait_for_selector("[aria-label='City or town name']:focus")
    assert efua.locator(".level").nth(2).locator("li").all_inner_texts() == ["Alpha", "Beta"]


def test_choosing_the_consumer_of_a_meter_fills_its_region_while_that_is_empty(efua: Any) -> None:
    efua.goto("/meters/add")
    efua.locator("#consumer").press_sequentially("achi")
    efua.locator("[role=option]").first.click()
    assert "Market Town" in efua.locator("#region").input_value()
    efua.fill("#region", "Harbour")  # what was typed stays
    efua.fill("#consumer", "")
    efua.locator("#consumer").press_sequentially("achi")
    efua.locator("[role=option]").first.click()
    assert efua.locator("#region").input_value() == "Harbour"


def test_the_address_of_a_report_says_what_was_asked_and_nothing_that_was_left_empty(efua: Any) -> None:
    # Days were asked for; a period with a name takes their place.
    efua.goto("/reports/sales-statistics?period=days&from=2026-11-01&to=2026-11-02")
    efua.select_option("#period", "yesterday")
    efua.locator(".report-line .btn-primary").click()
    efua.wait_for_url("**period=yesterday**")
    assert efua.url.split("?")[1] == "period=yesterday&group=day&show=money"


@pytest.mark.parametrize("language", ["en", "fr"])
@pytest.mark.parametrize("path", ["/sales/list/", "/sale-records/list/"])
def test_lists_of_sales_fit_a_shops_screen(app: Flask, efua: Any, cast: Cast, path: str, language: str) -> None:
    with app.app_context():
        db.session.execute(update(AppUser).values(language=language))
        db.session.commit()
    sell(app, cast)
    efua.goto(path)
    wrap = efua.locator(".table-wrap")
    assert wrap.evaluate("box => box.scrollWidth - box.clientWidth") <= 0
    assert efua.locator("tbody tr").first.bounding_box()["height"] <= 50  # nothing in a row is broken in two


def test_enter_in_a_form_that_came_too_late_saves_and_takes_nothing(app: Flask, efua: Any, cast: Cast) -> None:
    path = f"/consumers/edit/{cast.consumers['achieng']}"
    efua.goto(path)
    other = efua.context.new_page()
    other.goto(path)
    other.fill("#address", "Theirs")
    other.click("button:has-text('Save changes')")
    other.wait_for_selector(".toast")
    efua.fill("#address", "Mine")
    efua.click("button:has-text('Save changes')")
    efua.wait_for_selector(".versions")
    efua.complaints.clear()  # the browser counts the refusal as a failure
    assert efua.locator("#address").input_value() == "Mine"
    efua.locator("#address").press("Enter")
    efua.wait_for_selector(".toast")
    efua.goto(path)
    assert efua.locator("#address").input_value() == "Mine"
