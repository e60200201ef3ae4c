"""`flask audit seal` and `flask audit verify`, as somebody types them."""

from __future__ import annotations

import pytest
from sqlalchemy import text

from app.db import transaction
from app.extensions import db
from app.models import Region
from app.setup import run_setup


@pytest.fixture
def flask(make_app, tmp_path):
    app = make_app(INSTANCE_DIR=tmp_path)
    run_setup(app)
    return app.test_cli_runner()


@pytest.mark.one_database
def test_seal_and_verify_say_how_the_log_stands(flask, tmp_path):
    with flask.app.app_context(), transaction() as session:
        session.add_all([Region(name="Kisumu"), Region(name="Mombasa")])
    assert flask.invoke(args=["audit", "seal"]).output.endswith(" entries sealed\n")
    done = flask.invoke(args=["audit", "verify"])
    assert (done.exit_code, done.output.endswith("as they were sealed, 0 are not sealed yet\n")) == (0, True)
    with flask.app.app_context(), db.engine.begin() as connection:
        connection.execute(text("DROP TRIGGER audit_entry_guard_update"))
        connection.execute(text("UPDATE audit_entry SET actor = 'nobody' WHERE chain_no = 2"))
    done = flask.invoke(args=["audit", "verify"])
    assert done.exit_code == 1
    assert "first wrong: sealed entry 2 was altered (row " in done.output
    (tmp_path / "audit.head").unlink()
    assert "audit.head is missing" in flask.invoke(args=["audit", "verify"]).output


@pytest.mark.one_database
def test_a_lost_key_is_said_and_not_replaced(flask, tmp_path):
    key = tmp_path / "audit.key"
    assert key.stat().st_mode & 0o777 == 0o600
    assert flask.invoke(args=["audit", "seal"]).exit_code == 0
    key.unlink()
    assert any("audit.key is missing" in line for line in run_setup(flask.app))
    done = flask.invoke(args=["audit", "seal"])
    assert (done.exit_code, "audit.key is missing" in done.output) == (1, True)
