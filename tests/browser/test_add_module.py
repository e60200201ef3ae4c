"""Adding a security module in a real browser: a failed test keeps what was typed, the password too."""

from __future__ import annotations

from typing import Any

import pytest
from flask import Flask

from app.extensions import db
from app.models import SecurityModule
from tests.cast import PASSWORD, Cast
from tests.fixtures.ports import free_port
from tests.views.module_server import PASSWORD as AT_THE_MODULE
from tests.views.module_server import serving


@pytest.fixture
def efua(page: Any, cast: Cast) -> Any:
    """The page of Efua, who has signed in."""
    page.goto("/login/")
    page.fill("#username", "efua")
    page.fill("#password", PASSWORD)
    page.keyboard.press("Enter")
    page.wait_for_selector(".frame")
    return page


def test_from_a_wrong_port_to_an_added_module_the_password_is_typed_once(efua, app: Flask, tmp_path):
    page = efua
    with serving(tmp_path / "module") as served:
        page.goto("/modules/add")
        page.fill("#address", "127.0.0.1")
        page.fill("#port", str(free_port()))
        page.fill("#username", "vending")
        page.fill("#password", AT_THE_MODULE)
        page.click("button[value=test]")
        page.wait_for_selector(".trial-bad:has-text('nothing listens at this port')")
        assert page.input_value("#password") == AT_THE_MODULE
        page.fill("#port", str(served.port))
        page.click("button[value=test]")
        page.click("button[value=pin]")
        page.wait_for_selector("#name")
        assert page.input_value("#fingerprint") == served.fingerprint
        page.fill("#name", "Basement")
        page.select_option("#standing", "standby")
        page.click("button[value=save]")
        page.wait_for_selector("h1:has-text('Basement')")
        assert "201457 · 1" in page.inner_text("main")
    with app.app_context():
        row = db.session.query(SecurityModule).filter_by(name="Basement").one()
        assert (row.port, row.trust, row.active) == (served.port, "pinned", False)
