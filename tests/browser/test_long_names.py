"""Names of two hundred letters without a space: nothing is cut off, covered or pushed out of sight."""

from __future__ import annotations

from typing import Any

import pytest
from flask import Flask
from sqlalchemy import update

from app.db import transaction
from app.domain.states import Paper
from app.models import AppUser, Consumer, Product, Region, Tariff, UserGroup, VendingPoint
from tests.browser import test_accessible
from tests.browser.test_accessible import pages, visitor
from tests.cast import PALM_STREET, Cast
from tests.views.selling import sell
from tests.world import World
from tools.screens import LONG_NAME, MEASURE

world, screen = test_accessible.world, test_accessible.screen
NAMED = (Consumer, Product, Region, Tariff, UserGroup, VendingPoint)
SHORT = {1366: ("/consumers/list/", "/meters/list/", "/users/list/"), 390: ("/meters/list/", f"/counter/meter/{PALM_STREET}?value=20")}


def lengthen(app: Flask, language: str) -> None:
    """Every name of every kind as long as its column takes; some differ in their last letters, as names have to."""
    with app.app_context(), transaction() as session:
        for model in NAMED:
            most = model.__table__.c.name.type.length or 200
            for row in session.query(model).execution_options(unscoped=True):
                row.name = f"{LONG_NAME[: most - 4]}{row.id:04}"
        session.execute(update(AppUser).where(AppUser.username == "efua").values(language=language))


@pytest.mark.one_database
def test_names_of_two_hundred_letters_push_nothing_out_of_sight(app: Flask, world: World, screen: Any) -> None:
    lengthen(app, "ar")
    for width, addresses in SHORT.items():
        page = screen(visitor(app, "efua"), width)
        for address in addresses:
            page.goto(address)
            assert page.evaluate(MEASURE) == [], (width, address)


@pytest.mark.deep
@pytest.mark.one_database
@pytest.mark.parametrize("language", ["es", "ar"])
def test_every_page_bears_names_of_two_hundred_letters(app: Flask, world: World, screen: Any, deep_record: Any, language: str) -> None:
    lengthen(app, language)
    kinds, faults, tried = pages(app, world, visitor(app, "efua")), [], 0
    for width in (1366, 390):
        page = screen(visitor(app, "efua"), width)
        for kind, address in kinds.items():
            page.goto(address)
            faults += [f"{width} {kind} {address} {line}" for line in page.evaluate(MEASURE)]
            tried += 1
        page.close()
    assert "\n".join(faults) == ""
    deep_record(f"pages with names of 200 letters, {language}", kinds=len(kinds), pages=tried, faults=len(faults))


@pytest.mark.deep
@pytest.mark.one_database
def test_receipt_and_slips_bear_names_of_two_hundred_letters(app: Flask, cast: Cast, screen: Any) -> None:
    lengthen(app, "en")
    receipt = f"/receipts/{sell(app, cast).sale_id}"
    papers = [f"{receipt}/paper?paper={paper.value}&lang={language}" for paper in Paper for language in ("es", "ar")]
    for width in (1366, 390):
        page = screen(visitor(app, "amara"), width)
        for address in (receipt, *papers):
            page.goto(address)
            assert page.evaluate(MEASURE) == [], (width, address)
            assert page.evaluate("[...document.querySelectorAll(':is(.slip, .sheet) *')].every((one) => one.scrollWidth <= one.clientWidth + 1 || !one.clientWidth)")
