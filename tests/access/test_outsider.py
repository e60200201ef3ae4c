"""What an outsider tries first: another host, fields of the row that no form has, planted and copied cookies."""

from __future__ import annotations

import re
from datetime import timedelta
from urllib.parse import urlsplit

import pytest
from sqlalchemy import event, update

from app.extensions import db
from app.models import AppUser, UserSession
from app.models.base import now
from tests.fixtures.application import let_in
from tests.fuzz.forms import forms_of
from tests.world import make_world

pytestmark = pytest.mark.one_database
PLANTED = "77077"  # nobody has it
# Columns that no form of reference data may set, with a value nobody has.
HIDDEN = {
    "id": PLANTED, "version": PLANTED, "created_at": "2001-01-01 00:00:00", "balance_minor": PLANTED, "held_minor": PLANTED, "debt_minor": PLANTED,
    "password": "owned", "login_count": PLANTED, "fail_login_count": PLANTED, "must_change_password": "", "totp_since": "2001-01-01",
    "totp_sealed": "owned", "role_id": "1", "roles": "1", "created_by_fk": PLANTED, "changed_by_fk": PLANTED, "path": "/", "level": "0",
    "demonstration": "y", "sealed_password": "owned", "secret_hash": "owned",
}  # fmt: skip
EDITS = (
    "/consumers/edit/{consumer}", "/meters/edit/{meter}", "/vending-points/edit/{point}", "/users/edit/{user}", "/groups/edit/{group}",
    "/manufacturers/edit/{manufacturer}", "/products/edit/{product}", "/tariffs/edit/{tariff}", "/currencies/edit/1", "/settings/edit/1",
    "/slips/edit/1",
)  # fmt: skip


@pytest.fixture
def world(app):
    return make_world(app)


def test_no_form_of_a_record_takes_a_column_that_it_does_not_show(app, world):
    client = app.test_client()
    let_in(app, client, "efua")
    written: list[str] = []

    def note(_connection, _cursor, statement, parameters, *_rest):
        if statement.lstrip()[:6].upper() in ("UPDATE", "INSERT"):
            written.append(f"{statement} {parameters}")

    with app.app_context():
        engine = db.engine
    places = {kind: rows["market"] for kind, rows in world.rows.items()}
    tried = 0
    for address in EDITS:
        path = address.format(**places)
        page = client.get(path)
        assert page.status_code == 200, path
        form = next(form for form in forms_of(page.get_data(as_text=True), path) if form.method == "POST" and urlsplit(form.action).path == path)
        shown = {name: value for name, value, kind in form.fields if kind not in ("file", "submit", "button")}
        hidden = {name: value for name, value in HIDDEN.items() if name not in shown}
        event.listen(engine, "before_cursor_execute", note)
        try:
            client.post(path, data=shown | hidden)
        finally:
            event.remove(engine, "before_cursor_execute", note)
        tried += len(hidden)
    said = "\n".join(written)
    assert "owned" not in said
    assert not re.search(rf"\b{PLANTED}\b", said)  # as a value of its own: the microseconds of a time may hold any digits
    assert "2001-01-01" not in said
    assert tried > 200


def test_another_host_gets_into_no_address_that_we_write(app, world):
    client = app.test_client()
    evil = {"Host": "evil.example", "X-Forwarded-Host": "evil.example", "X-Original-URL": "/users/list/", "X-Rewrite-URL": "/users/list/"}
    stranger = client.get("/meters/list/", headers=evil)
    assert stranger.status_code == 302
    assert stranger.headers["Location"].startswith("/login/")
    assert "evil.example" not in client.get("/login/", headers=evil).get_data(as_text=True)


def test_a_planted_session_cookie_is_worth_nothing_and_a_forged_one_neither(app, world):
    client = app.test_client()
    for cookie in ("", "a.b.c", "eyJfdXNlcl9pZCI6IjEifQ.Zm9v.YmFy", "x" * 3_000):
        client.set_cookie("session", cookie)
        assert client.get("/meters/list/").status_code == 302


def test_nothing_private_is_kept_by_a_browser_or_a_proxy(app, world):
    client = app.test_client()
    let_in(app, client, "efua")
    places = {kind: rows["market"] for kind, rows in world.rows.items()}
    for path in ("/", "/exports/csv/meters", "/audit/file/csv", "/reports/sales-statistics", f"/receipts/{places['sale']}", "/users/file/xlsx"):
        answer = client.get(path)
        assert answer.headers["Cache-Control"] == "no-store", path
        assert answer.headers["X-Content-Type-Options"] == "nosniff", path
        assert "Access-Control-Allow-Origin" not in answer.headers, path


def test_files_come_as_attachments_under_a_name_of_ours(app, world):
    client = app.test_client()
    let_in(app, client, "efua")
    for path in ("/exports/csv/meters", "/audit/file/csv", "/users/file/csv", "/users/file/xlsx"):
        assert client.get(path).headers["Content-Disposition"].startswith("attachment; filename="), path


@pytest.mark.parametrize("state", ["disabled", "expired", "ended"])
def test_files_and_downloads_open_for_nobody_who_is_shut_out(app, state):
    world = make_world(app)
    client = app.test_client()
    let_in(app, client, "chidi")
    task, question = world.rows["task"]["market"], world.rows["question"]["market"]
    paths = (
        f"/work/{task}/file", f"/work/{task}/state", "/exports/csv/meters", "/reports/sales-statistics/csv", "/reports/sales-statistics/pdf",
        "/reports/sales-statistics/xlsx", f"/reports/saved/{question}/rename", "/consumers/list/", f"/receipts/{world.rows['sale']['market']}/pdf",
    )  # fmt: skip
    known = {rule.rule.split("<")[0] for rule in app.url_map.iter_rules()}
    assert all(any(path.startswith(begin) for begin in known if len(begin) > 1) for path in paths)
    with app.app_context():
        chidi = world.cast.users["chidi"]
        if state == "disabled":
            db.session.execute(update(AppUser).where(AppUser.id == chidi).values(active=False))
        else:
            gone = {"seen": now() - timedelta(hours=2)} if state == "expired" else {"ended": now()}
            db.session.execute(update(UserSession).where(UserSession.user_id == chidi).values(**gone))
        db.session.commit()
    for path in paths:
        answer = client.get(path)
        assert answer.status_code == 302, path
        assert answer.headers["Location"].startswith("/login/"), path
