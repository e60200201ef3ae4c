"""A real Chromium in front of the application, with the cast in its database."""

from __future__ import annotations

from typing import Any

import pytest
from flask import Flask

from tests.cast import PASSWORD, Cast, make_cast


@pytest.fixture
def backend() -> str:
    """What a browser shows says nothing about databases: SQLite is enough."""
    return "sqlite"


@pytest.fixture
def cast(app: Flask) -> Cast:
    """Everybody, and their meters."""
    with app.app_context():
        return make_cast()


@pytest.fixture
def amara(page: Any, cast: Cast) -> Any:
    """The page of Amara, who has signed in."""
    page.goto("/login/")
    page.fill("#username", "amara")
    page.fill("#password", PASSWORD)
    page.keyboard.press("Enter")
    page.wait_for_selector(".frame")
    return page
