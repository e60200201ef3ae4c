"""Every kind of page before axe-core: WCAG 2.2 A and AA, light and dark, nothing to object to.

The short form opens in English, at 1366 px, a page of each make and a whole sale. The deep ones open the fewest pages that
show every kind of element with every set of attributes, and every kind of page in every language, there and at 390 px.
"""

from __future__ import annotations

from collections.abc import Iterator
from html.parser import HTMLParser
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import update

from app.extensions import db
from app.models import AppUser
from config import FIXED
from tests.browser.axe import Eyes
from tests.cast import PALM_STREET
from tests.fixtures.application import let_in
from tests.views.grid_lines import LINES
from tests.world import World, make_world
from tools.page_kinds import Answer, page_kinds

KINDS_MIN = 107
COUNTER = ("/counter/", "/counter/?q=01", "/counter/?q=nobody", f"/counter/meter/{PALM_STREET}?value=20", f"/counter/meter/{PALM_STREET}?value=abc")
# Pages of a kind that look different: empty, with an error, found nothing.
LOOKS = (*COUNTER, "/nowhere", "/meters/list/?q=nobody", "/audit/list/", "/reports/")
MAKES = ("/", "/meters/list/", "/users/add", "/groups/add", "/reports/sales-statistics")
REPORTS = (
    "sales-statistics", "sales-records", "engineering-tokens", "key-changes", "token-sales", "purchase-statistics", "purchase-records", "inactive-consumers",
    "reconciliation", "day-sheet",
)  # fmt: skip


@pytest.fixture
def world(app: Flask) -> World:
    return make_world(app)


class Elements(HTMLParser):
    """What a page is made of: elements by class, role, type and the names of their attributes."""

    def __init__(self) -> None:
        super().__init__()
        self.found: set[tuple[Any, ...]] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note an element."""
        told = dict(attrs)
        names = tuple(sorted(name for name in told if not name.startswith("data-")))
        self.found.add((tag, told.get("class"), told.get("role"), told.get("type"), names))


def fewest(client: Any, kinds: dict[str, str]) -> list[str]:
    """Addresses that together hold every kind of element that there is on any page."""
    made_of = {}
    for address in kinds.values():
        page = Elements()
        page.feed(client.get(address, follow_redirects=True).get_data(as_text=True))
        made_of[address] = page.found
    missing, chosen = set().union(*made_of.values()), []
    while missing:
        chosen.append(max(made_of, key=lambda address: len(made_of[address] & missing)))
        missing -= made_of[chosen[-1]]
    return chosen


def visitor(app: Flask, name: str) -> Any:
    """A signed-in browser without a screen."""
    client = app.test_client()
    let_in(app, client, name)
    return client


def pages(app: Flask, world: World, client: Any) -> dict[str, str]:
    """One address for every kind of page, and some more of those that look different."""

    def ask(address: str) -> Answer:
        answer = client.get(address, follow_redirects=True)
        return Answer(
            answer.mimetype, answer.get_data(as_text=True) if answer.mimetype == "text/html" else "",
            answer.request.full_path.rstrip("?"), answer.status_code == 200,
        )  # fmt: skip

    rows = {}
    for rule in app.url_map.iter_rules():
        line = LINES[rule.endpoint]
        if line.row in world.rows:
            rows[rule.endpoint] = dict.fromkeys(rule.arguments, world.rows[line.row]["market"])
    kinds = page_kinds(app, ask, ["/", *COUNTER[1:2]], rows)
    kinds |= {address: address for address in LOOKS if address not in kinds.values()}
    return kinds | {f"ReportView.show {name}": f"/reports/{name}" for name in REPORTS}


@pytest.fixture
def screen(browser: Any, site: str, app: Flask) -> Iterator[Any]:
    """Opens a page of somebody's own; scripts of the test may run in it."""
    contexts = []

    def opened(client: Any, width: int = 1366) -> Any:
        context = browser.new_context(
            base_url=site, viewport={"width": width, "height": 768}, bypass_csp=True, reduced_motion="reduce"
        )
        contexts.append(context)
        cookie = client.get_cookie("session")
        context.add_cookies([{"name": "session", "value": cookie.value, "url": site}])
        return context.new_page()

    yield opened
    for context in contexts:
        context.close()


@pytest.mark.one_database
@pytest.mark.parametrize("address", MAKES)
def test_a_page_of_each_make_is_open_to_everybody(app: Flask, world: World, screen: Any, address: str) -> None:
    page = screen(visitor(app, "efua"))
    assert page.goto(address).status == 200
    assert Eyes().violations(page) == []


@pytest.mark.one_database
def test_the_door_is_open_to_everybody_on_a_phone(app: Flask, world: World, screen: Any) -> None:
    stranger = app.test_client()
    stranger.get("/login/")
    page, eyes = screen(stranger, 390), Eyes()
    for address in ("/login/", "/password/forgotten"):
        assert page.goto(address).status == 200
        assert eyes.violations(page) == []
    page.goto("/login/")
    page.wait_for_function("document.activeElement.id === 'username'")  # it has the focus a moment after the page is there
    page.keyboard.press("Tab")  # to the password: nothing stands between them
    assert page.evaluate("document.activeElement.id") == "password"


@pytest.mark.deep
@pytest.mark.one_database
def test_every_kind_of_element_is_open_to_everybody(app: Flask, world: World, screen: Any) -> None:
    client = visitor(app, "efua")
    kinds = pages(app, world, client)
    page, eyes, faults = screen(client), Eyes(), []
    for address in fewest(client, kinds):
        page.goto(address)
        faults += [f"{address} {line}" for line in eyes.violations(page)]
    assert faults == []
    assert len(kinds) >= KINDS_MIN


@pytest.mark.one_database
def test_a_sale_from_the_search_to_the_paper_is_open_to_everybody(app: Flask, world: World, screen: Any) -> None:
    page, eyes, faults = screen(visitor(app, "amara")), Eyes(), []
    page.goto(f"/counter/meter/{PALM_STREET}")
    page.fill("#value", "15")
    page.wait_for_selector('#sum[data-ready="yes"]')
    faults += eyes.violations(page)
    page.keyboard.press("?")
    page.wait_for_selector("dialog#keys[open]")
    faults += eyes.violations(page)
    page.keyboard.press("Escape")
    page.keyboard.press("F9")
    page.wait_for_url("**/receipts/*")
    faults += eyes.violations(page)
    assert faults == []


@pytest.mark.deep
@pytest.mark.one_database
@pytest.mark.parametrize("language", FIXED["LANGUAGES"])
def test_every_kind_of_page_is_open_in_every_language_and_on_a_phone(
    app: Flask, world: World, screen: Any, deep_record: Any, language: str
) -> None:
    kinds, eyes, faults, tried = pages(app, world, visitor(app, "efua")), Eyes(thorough=True), [], 0
    with app.app_context():
        db.session.execute(update(AppUser).where(AppUser.username == "efua").values(language=language))
        db.session.commit()
    for width in (1366, 390):
        page = screen(visitor(app, "efua"), width)
        for name, address in kinds.items():
            page.goto(address)
            faults += [f"{width} {name} {address} {line}" for line in eyes.violations(page)]
            tried += 1
        page.close()
    deep_record(f"pages before axe-core, {language}", kinds=len(kinds), pages=tried, widths=2, colours=2, faults=len(faults))
    assert faults == []
