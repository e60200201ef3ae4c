"""The ground the tests stand on: closed doors, fresh databases, honest visitors."""

from __future__ import annotations

import smtplib
import socket

import pytest
from flask import g

from tests.fixtures.closed_doors import DoorClosed
from tests.fixtures.deep import write_page
from tests.fixtures.left_out import left_out


def test_the_network_is_closed():
    with pytest.raises(DoorClosed):
        socket.create_connection(("192.0.2.1", 80), timeout=1)


def test_mail_is_closed():
    with pytest.raises(DoorClosed):
        smtplib.SMTP("127.0.0.1")


@pytest.mark.parametrize("again", [False, True])
def test_each_test_has_a_database_of_its_own(context, again):
    from app.extensions import db
    from app.models import Region

    assert db.session.query(Region).count() == 0
    db.session.add(Region(name="left here"))
    db.session.commit()


@pytest.mark.one_database
def test_a_request_shares_nothing_with_the_test_around_it(context, client):
    g.left_by_the_test = True
    seen = []
    context.before_request_funcs.setdefault(None, []).append(
        lambda: seen.append(hasattr(g, "left_by_the_test"))
    )
    client.get("/login/")
    context.before_request_funcs[None].pop()
    assert seen == [False]


@pytest.mark.one_database
def test_the_application_starts_without_a_word_to_the_database(make_app):
    from sqlalchemy import Engine, event

    statements: list[str] = []

    def note(_connection, _cursor, statement, *_rest):
        statements.append(statement)

    event.listen(Engine, "before_cursor_execute", note)
    make_app()
    event.remove(Engine, "before_cursor_execute", note)
    assert statements == []


def test_at_home_a_test_may_be_left_out(monkeypatch):
    monkeypatch.delenv("CI", raising=False)
    with pytest.raises(pytest.skip.Exception, match="no browser"):
        left_out("no browser")


def test_in_ci_leaving_one_out_is_a_failure(monkeypatch):
    monkeypatch.setenv("CI", "true")
    with pytest.raises(pytest.fail.Exception, match="no browser"):
        left_out("no browser")


def test_the_page_of_long_tests_keeps_the_lines_of_other_trials(tmp_path):
    page = tmp_path / "deep.md"
    line = {"when": "2026-01-02 03:04", "seed": 7}
    write_page(page, [{**line, "name": "power cuts", "figures": "kills 20"}])
    write_page(page, [{**line, "name": "a month", "figures": "sales 9"}])
    write_page(page, [{**line, "name": "power cuts", "figures": "kills 400"}])
    rows = [text for text in page.read_text().splitlines() if text.startswith("| ")][1:]
    assert rows == [
        "| a month | 2026-01-02 03:04 | 7 | sales 9 |",
        "| power cuts | 2026-01-02 03:04 | 7 | kills 400 |",
    ]
