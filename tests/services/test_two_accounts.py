"""docs/operations.md, two accounts on PostgreSQL: the one that sells owns nothing, and cannot get round the books."""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import make_url, text
from sqlalchemy.exc import ProgrammingError

from app.extensions import db
from app.setup import run_setup
from tests.cast import Cast
from tests.fixtures.application import build
from tests.services.conftest import Counter

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "operations.md").read_text(encoding="utf-8")
OURS = re.search(r"## Two accounts.*?```sql\n(.*?)```", PAGE, re.DOTALL)


@pytest.fixture
def seller(database_url: str, context: Flask, cast: Cast, instance: Path) -> Iterator[Flask]:
    """The program on the account that the page makes, whose name is drawn so that two tests may run at once."""
    assert OURS
    name, word = f"vending_app_{secrets.token_hex(4)}", secrets.token_hex(16)
    with db.engine.begin() as owner:
        owner.execute(text(f"CREATE ROLE {name} LOGIN PASSWORD '{word}'"))
        for statement in OURS[1].replace("vending_app", name).split(";"):
            if statement.strip():
                owner.execute(text(statement))
    app = build(make_url(database_url).set(username=name, password=word).render_as_string(hide_password=False), instance)
    yield app
    with app.app_context():
        db.session.remove()
        db.engine.dispose()
    with context.app_context(), db.engine.begin() as owner:
        owner.execute(text(f"DROP OWNED BY {name}"))
        owner.execute(text(f"DROP ROLE {name}"))


@pytest.mark.one_database("postgresql")
def test_the_account_that_sells_sells_and_cannot_get_round_the_books(seller: Flask, cast: Cast) -> None:
    assert run_setup(seller) == [], "nothing is left to do, and nothing is refused"
    with seller.app_context():
        assert Counter(cast, seller.extensions["modules"]).sells("palm_street", 2000).tokens
        for attempt in (
            "ALTER TABLE posting DISABLE TRIGGER ALL", "DROP TRIGGER posting_no_update ON posting", "TRUNCATE posting", "DROP TABLE posting",
            "ALTER TABLE sale ADD COLUMN other integer", "CREATE TABLE other (id integer)", "UPDATE alembic_version SET version_num = '0001'",
            "SET session_replication_role = replica", "CREATE OR REPLACE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN END'",
        ):  # fmt: skip
            with pytest.raises(ProgrammingError, match="InsufficientPrivilege"), db.engine.begin() as connection:
                connection.execute(text(attempt))
