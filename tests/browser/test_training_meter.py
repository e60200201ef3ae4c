"""A slip typed into the training meter with its keys, by keyboard and by paste: accepted once, then USED."""

from __future__ import annotations

from typing import Any

import pytest
from flask import Flask

from app.extensions import db
from app.views.figures import groups_of_four
from tests.cast import PALM_STREET, Cast
from tests.services.conftest import Counter


@pytest.fixture
def slips(app: Flask, cast: Cast) -> list[str]:
    """The tokens of two sales."""
    with app.app_context():
        counter = Counter(cast, app.extensions["modules"])
        sold = [counter.sells("palm_street", amount).tokens[0].digits for amount in (20_00, 30_00)]
        db.session.remove()
    return sold


def test_keys_keyboard_and_paste_type_the_same_token(amara: Any, slips: list[str]) -> None:
    first, second = slips
    amara.goto(f"/training/{PALM_STREET}")
    amara.evaluate("document.activeElement.blur()")
    amara.keyboard.type(first[:12])
    for key in first[12:] + "7":
        amara.click(f".keypad [data-key='{key}']")
    assert amara.inner_text("[data-typed]") == groups_of_four(first), "a twenty-first digit goes nowhere"
    amara.click(".keypad button:has-text('Enter')")
    amara.wait_for_selector(".train-note.ok")
    assert "Accepted." in amara.inner_text(".train-note")

    amara.fill("#token", f" {groups_of_four(first).replace(' ', '-')} ")
    amara.press("#token", "Enter")
    amara.wait_for_selector(".train-note.bad")
    assert amara.inner_text(".train-said") == "UsedError"

    amara.click(f"[data-fill='{second}']")
    assert amara.input_value("#token") == groups_of_four(second)
    amara.keyboard.press("Enter")  # the focus stands on the key
    amara.wait_for_selector(".train-note.ok")

    amara.click("text=Begin anew")
    amara.click("#question-keep")
    assert amara.locator(".train-note").count() == 1
    amara.click("text=Begin anew")
    amara.click("#question-act")
    amara.wait_for_selector(".train-note", state="detached")
