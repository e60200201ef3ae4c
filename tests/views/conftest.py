"""What the tests of the pages find ready: the cast in the database, and people signed in."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select
from sqlalchemy.orm import selectinload

from app.extensions import db
from app.models import SecurityModule, TariffPlan
from tests.cast import Cast, make_cast
from tests.fixtures.application import let_in
from tests.views.module_server import SECOND, Served, post, serving


@pytest.fixture
def cast(app: Flask) -> Cast:
    """Everybody, and their meters, in a database that was just set up."""
    with app.app_context():
        return make_cast()


@pytest.fixture
def signed_in(app: Flask, cast: Cast) -> Callable[[str], FlaskClient]:
    """`signed_in("amara")`: a browser of hers that has passed the door."""

    def enter(name: str) -> FlaskClient:
        client = app.test_client()
        let_in(app, client, name)
        return client

    return enter


@pytest.fixture
def amara(signed_in: Callable[[str], FlaskClient]) -> FlaskClient:
    """Amara, who sells at the Market shop."""
    return signed_in("amara")


@pytest.fixture
def chidi(signed_in: Callable[[str], FlaskClient]) -> FlaskClient:
    """Chidi, who manages the coast: Market is his, Harbour is not."""
    return signed_in("chidi")


@pytest.fixture
def efua(signed_in: Callable[[str], FlaskClient]) -> FlaskClient:
    """Efua, who administers."""
    return signed_in("efua")


@pytest.fixture
def look(app: Flask) -> Callable[..., Any]:
    """`look(select)`: the first row or value, read anew and whoever owns it; a plan with its rows."""

    def read(statement: Any) -> Any:
        if statement.column_descriptions[0]["expr"] is TariffPlan:
            statement = statement.options(selectinload(TariffPlan.steps), selectinload(TariffPlan.fines))
        with app.app_context():
            return db.session.execute(statement, execution_options={"unscoped": True}).scalars().first()

    return read


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A security module of ours behind a port, with the demonstration keys."""
    with serving(tmp_path_factory.mktemp("module")) as served:
        yield served


@pytest.fixture
def added(app: Flask, efua: FlaskClient, server: Served, look: Callable[..., Any]) -> int:
    """The id of that module once Efua has added it, as the stand-by for STS6."""
    assert post(efua, server.typed(**SECOND), "save").status_code == 303
    return int(look(select(SecurityModule.id).where(SecurityModule.name == "Basement")))
