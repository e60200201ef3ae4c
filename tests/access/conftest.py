"""The world of `tests/world.py`, and requests as somebody."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from flask import Flask, g

from app.access.current import scope_of
from app.extensions import db
from app.models import AppUser
from tests.cast import Cast, make_cast
from tests.world import World, make_world


@pytest.fixture
def world(app: Flask) -> World:
    """Everybody, and something of everybody's."""
    return make_world(app)


@pytest.fixture
def cast(app: Flask) -> Cast:
    """Everybody, and their meters, in a database that was just set up."""
    with app.app_context():
        return make_cast()


@pytest.fixture
def as_(app: Flask, world: World) -> Callable[[str | None], Any]:
    """A request of somebody, to be inside of: `with as_("amara"):`; None is nobody."""

    @contextmanager
    def request_of(name: str | None) -> Iterator[None]:
        scope = None
        if name is not None:
            with app.app_context():
                scope = scope_of(db.session.get_one(AppUser, world.cast.users[name]))
                db.session.remove()
        with app.test_request_context("/"):
            if scope is not None:
                g._scope = scope
            yield
            db.session.remove()

    return request_of
