"""A real Chromium in front of the application, with the cast in its database."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask

from tests.cast import Cast, make_cast
from tests.fixtures.application import let_in


@pytest.fixture
def cast(app: Flask) -> Cast:
    """Everybody, and their meters."""
    with app.app_context():
        return make_cast()


@pytest.fixture
def signed_in(page: Any, site: str, app: Flask, cast: Cast) -> Callable[[str], Any]:
    """Opens the first page of somebody whose browser has the cookie of a sign-in already."""

    def opened(name: str) -> Any:
        client = app.test_client()
        let_in(app, client, name)
        cookie = client.get_cookie("session")
        assert cookie is not None
        page.context.add_cookies([{"name": "session", "value": cookie.value, "url": site}])
        page.goto("/")
        page.wait_for_selector(".frame")
        return page

    return opened


@pytest.fixture
def amara(signed_in: Callable[[str], Any]) -> Any:
    """The page of Amara, who has signed in."""
    return signed_in("amara")
