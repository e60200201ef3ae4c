"""The front wall: headers, versions of static files, error pages, signs of life, a silent start."""

from __future__ import annotations

import re

import pytest
from sqlalchemy import event
from sqlalchemy.exc import DataError, IntegrityError, OperationalError
from sqlalchemy.orm.exc import StaleDataError
from werkzeug.exceptions import BadGateway, ImATeapot

from app.domain import errors
from app.extensions import db
from app.views import troubles


@pytest.mark.one_database
def test_every_page_is_kept_by_nobody_and_runs_only_its_own_scripts(client, cast, login):
    login(client, "efua")
    words = set()
    for path in ("/", "/login/", "/meters/list/", "/nothing-here", "/account/"):
        answer = client.get(path)
        headers = answer.headers
        assert headers["Cache-Control"] == "no-store", path
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Referrer-Policy"] == "same-origin"
        rules = dict(rule.split(" ", 1) for rule in headers["Content-Security-Policy"].split("; "))
        assert rules["frame-ancestors"] == "'none'"
        assert "unsafe" not in rules["script-src"]
        assert "unsafe" not in rules["default-src"]
        page = answer.get_data(as_text=True)
        nonces = set(re.findall(r'nonce="([^"]+)"', page))
        for nonce in nonces:
            assert f"'nonce-{nonce}'" in rules["script-src"]
        assert not re.search(r"<script(?![^>]*nonce=)", page), f"{path}: a script without the page's word"
        assert not re.search(r"\son[a-z]+=\"", page), f"{path}: an inline handler"
        words |= nonces
    assert len(words) >= 3, "each answer has a word of its own"


@pytest.mark.one_database
def test_static_files_are_kept_for_a_year_under_their_version(client, app):
    with app.test_request_context("/"):
        from flask import url_for

        address = url_for("static", filename="css/app.css")
        missing = url_for("static", filename="css/none.css")
    assert re.fullmatch(r"/static/css/app\.css\?v=[0-9a-f]{12}", address)
    assert missing == "/static/css/none.css"
    with client.get(address) as answer:
        assert answer.get_data()
        mark = answer.headers["ETag"]
    for known, status in ({}, 200), ({"If-None-Match": mark}, 304):
        with client.get(address, headers=known) as answer:
            assert answer.status_code == status
            assert answer.headers["Cache-Control"] == "public, max-age=31536000, immutable"
            # Whoever signs in or out has the same files: no browser need ask for them again.
            assert "Vary" not in answer.headers
            assert "Set-Cookie" not in answer.headers
    assert "Cookie" in client.get("/login/").headers["Vary"]
    with client.get("/static/css/app.css") as answer:
        assert answer.get_data()
        assert "immutable" not in answer.headers["Cache-Control"]
    assert client.get("/static/../config.py").status_code in (302, 404)


@pytest.mark.one_database
def test_a_page_of_errors_under_the_address_of_a_file_is_kept_by_nobody(amara):
    """It names the person and holds their form token; what lies between keeps whatever ends in .css."""
    for address, status in ("/static/nothing.js?v=1", 404), ("/static/css/cards.css?v=1&_external=1", 400):
        answer = amara.get(address)
        assert (answer.status_code, answer.headers["Cache-Control"]) == (status, "no-store")
        assert "Cookie" in answer.headers["Vary"]


@pytest.mark.both_databases
def test_the_signs_of_life(client, app):
    assert client.get("/healthz").get_data() == b"ok"
    assert client.get("/readyz").status_code == 200
    with app.app_context():
        from sqlalchemy import text

        db.session.execute(text("UPDATE alembic_version SET version_num = 'older'"))
        db.session.commit()
    assert client.get("/readyz").status_code == 503
    assert client.get("/healthz").status_code == 200


@pytest.mark.one_database
def test_a_start_asks_the_database_nothing(app, make_app):
    asked = []

    def note(_connection, _cursor, statement, *_rest):
        asked.append(statement)

    from sqlalchemy import Engine

    event.listen(Engine, "before_cursor_execute", note)
    try:
        make_app()
    finally:
        event.remove(Engine, "before_cursor_execute", note)
    assert asked == []


@pytest.mark.one_database
def test_no_door_of_the_framework_is_left_open(app):
    rules = {rule.rule for rule in app.url_map.iter_rules()}
    for part in ("/api", "/register", "/resetpassword", "/lang/", "/roles", "/download", "/userstats", "/swagger"):
        assert not [rule for rule in rules if rule.startswith(part) or f"{part}/" in rule], part


@pytest.mark.one_database
def test_every_error_is_a_page_of_ours(app):
    original = Exception("hidden inside")
    cases = [
        (errors.OutOfScope(), 404), (errors.NotAllowed(permission="x"), 403), (errors.StaleRow(), 409),
        (errors.PlanFrozen(count=2), 409), (errors.NotANumber(text="x"), 422), (errors.ModuleSilent(), 503),
        (StaleDataError(), 409), (IntegrityError("select secret", {}, original), 409),
        (DataError("select secret", {}, original), 400), (OverflowError("int too large"), 400),
        (OperationalError("select secret", {}, original), 500), (BadGateway(), 502), (ImATeapot(), 418),
    ]  # fmt: skip
    handlers = {
        errors.Refusal: troubles.refused, StaleDataError: troubles.of_stale, IntegrityError: troubles.of_integrity,
        DataError: troubles.of_data, OverflowError: troubles.of_data, OperationalError: troubles.of_operation,
        BadGateway: troubles.of_http, ImATeapot: troubles.of_http,
    }  # fmt: skip
    for error, status in cases:
        handler = next(handlers[kind] for kind in type(error).__mro__ if kind in handlers)
        with app.test_request_context("/"):
            page, answered = handler(error)[:2]
        assert answered == status, error
        assert "<h1>" in page
        assert "secret" not in page
        assert "hidden inside" not in page


@pytest.mark.one_database
def test_every_refusal_has_a_status_of_its_family(app):
    kinds = list(errors.all_refusals())
    assert len(kinds) > 30
    assert {troubles.status_of(kind()) for kind in kinds} <= {403, 404, 409, 422, 503}


@pytest.mark.one_database
def test_a_fault_shows_a_reference_and_nothing_else(make_app, app, cast, login, monkeypatch, caplog):
    door = make_app(TESTING=False)
    client = door.test_client()
    login(client, "efua")
    from app.views import home

    def stumble(*_given):
        raise RuntimeError("the inside of the program")

    monkeypatch.setattr(home, "current_scope", stumble)
    answer = client.get("/")
    page = answer.get_data(as_text=True)
    assert answer.status_code == 500
    assert "the inside of the program" not in page
    reference = re.search(r">([0-9a-f]{8})<", page)
    assert reference
    assert reference[1] in caplog.text


@pytest.mark.one_database
@pytest.mark.parametrize("word", ["_method=-0", "_scheme=javascript&_external=1", "_anchor=x", "endpoint=LedgerView.list"])
def test_nobody_steers_the_links_of_a_page_from_its_address(app, cast, login, word):
    client = app.test_client()
    login(client, "efua")
    assert client.get(f"/users/list/?{word}").status_code == 400


@pytest.mark.one_database
def test_a_request_that_is_too_large_is_refused(app, cast, login):
    client = app.test_client()
    login(client, "efua")
    token = client.token("/account/")
    answer = client.post("/account/", data={"csrf_token": token, "first_name": "x" * (9 * 1024 * 1024)})
    assert answer.status_code == 413
    assert "<h1>" in answer.get_data(as_text=True)


@pytest.mark.one_database
def test_behind_a_proxy_the_visitor_s_own_address_counts(make_app):
    door = make_app(TRUSTED_PROXIES=1, BEHIND_TLS=True)
    answer = door.test_client().get("/login/", headers={"X-Forwarded-Proto": "https", "X-Forwarded-For": "192.0.2.7"})
    assert answer.status_code == 200
    assert answer.headers["Strict-Transport-Security"] == "max-age=31536000; includeSubDomains"
    assert answer.headers["Set-Cookie"].startswith("__Host-session=")
    assert "Secure" in answer.headers["Set-Cookie"]
