"""Every function by keyboard: Tab through pages, and what opens, closes and chooses without a mouse."""

from __future__ import annotations

from typing import Any

import pytest
from flask import Flask
from sqlalchemy import update

from app.extensions import db
from app.models import AppUser
from tests.browser import test_accessible
from tests.browser.keyboard import walk
from tests.browser.test_accessible import pages, visitor
from tests.cast import PALM_STREET
from tests.world import World

world, screen = test_accessible.world, test_accessible.screen
SHORT = ("/users/add", "/meters/list/")
KINDS = {"efua": "administrator", "amara": "operator"}


@pytest.mark.one_database
def test_a_form_and_a_list_are_walked_through_by_tab(app: Flask, world: World, screen: Any) -> None:
    page = screen(visitor(app, "efua"))
    for address in SHORT:
        page.goto(address)
        assert "\n".join(walk(page)) == "", address


@pytest.mark.one_database
def test_menus_questions_and_the_grid_open_and_close_by_keys(app: Flask, world: World, screen: Any) -> None:
    page = screen(visitor(app, "efua"))
    page.goto("/meters/list/")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")  # skip to the content
    assert page.evaluate("document.activeElement.id") == "content"
    row_menu(page)
    question(page)
    grid(page)
    drawer(page)


def row_menu(page: Any) -> None:
    """The menu of a row: Enter opens, Tab goes in, Escape closes and the focus is back."""
    summary = page.locator("tbody details.menu summary").first
    summary.focus()
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.matches('.menu-box .menu-item')")
    page.keyboard.press("Escape")
    assert page.locator("details.menu[open]").count() == 0
    assert summary.evaluate("one => one === document.activeElement")


def question(page: Any) -> None:
    """What cannot be undone asks first, with the focus on the safe answer; Escape is no, and leads back."""
    page.goto(f"/training/{PALM_STREET}")
    button = page.locator("form[data-ask] button")
    button.focus()
    page.keyboard.press("Enter")
    page.wait_for_selector("dialog#question[open]")
    assert page.evaluate("document.activeElement.id") == "question-keep"
    for _turn in range(4):  # no way out of the question but an answer
        page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement === document.body || document.querySelector('#question').contains(document.activeElement)")
    page.keyboard.press("Escape")
    assert page.locator("dialog[open]").count() == 0
    assert button.evaluate("one => one === document.activeElement")
    assert not page.locator(".toast").count()  # nothing was sent


def grid(page: Any) -> None:
    """The rights of a group: arrows go from box to box, the blank ticks, a row is ticked whole by Enter."""
    page.goto("/groups/add")
    first = page.locator(".rights tbody input[type=checkbox]:not(:disabled)").first
    first.focus()
    page.keyboard.press("Space")
    assert first.is_checked()
    page.keyboard.press("ArrowDown")
    assert page.evaluate("document.activeElement.matches('.rights input[type=checkbox]')")
    assert not first.evaluate("one => one === document.activeElement")
    whole = page.locator(".rights [data-whole=row]:visible").first
    whole.focus()
    page.keyboard.press("Enter")
    row = whole.locator("xpath=ancestor::tr")
    assert row.locator("input:not(:disabled):not(:checked)").count() == 0


def drawer(page: Any) -> None:
    """On a telephone the menu is a drawer: Enter opens it, Escape closes it, the focus goes in and comes back."""
    page.set_viewport_size({"width": 390, "height": 844})
    opener = page.locator("[data-drawer-open]")
    opener.focus()
    page.keyboard.press("Enter")
    page.wait_for_function("document.querySelector('.side').contains(document.activeElement)")
    page.keyboard.press("Escape")
    assert opener.evaluate("one => one === document.activeElement")
    page.set_viewport_size({"width": 1366, "height": 768})


@pytest.mark.deep
@pytest.mark.one_database
@pytest.mark.parametrize("language", ["en", "ar"])
@pytest.mark.parametrize("name", ["efua", "amara"])
def test_every_kind_of_page_is_walked_through_by_tab(
    app: Flask, world: World, screen: Any, deep_record: Any, name: str, language: str
) -> None:
    kinds, faults, tried = pages(app, world, visitor(app, name)), [], 0
    with app.app_context():
        db.session.execute(update(AppUser).where(AppUser.username == name).values(language=language))
        db.session.commit()
    for width in (1366, 390):
        page = screen(visitor(app, name), width)
        for kind, address in kinds.items():
            page.goto(address)
            assert page.evaluate("document.documentElement.dir") == ("rtl" if language == "ar" else "ltr"), address
            faults += [f"{width} {kind} {address} {line}" for line in walk(page)]
            tried += 1
        page.close()
    assert "\n".join(faults) == ""
    deep_record(f"pages walked through by Tab, {KINDS[name]}, {language}", kinds=len(kinds), pages=tried, faults=len(faults))
