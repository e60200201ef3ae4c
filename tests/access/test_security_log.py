"""The security log: who came in, who did not, what was refused; a person, an address, a door, and nothing that was typed."""

from __future__ import annotations

import json
import logging

import pytest
from sqlalchemy import select, update

from app.extensions import db
from app.logs import Structured
from app.models import AppUser
from tests.fixtures.application import TEST_SETTINGS, let_in
from tests.world import make_world

pytestmark = pytest.mark.one_database
FORGED = "amara\nsign_in person=1 "


@pytest.fixture
def told(caplog, monkeypatch):
    """The entries so far, as the file of lines would have them, however many other tests wrote in this minute."""
    monkeypatch.setattr(logging.getLogger("app.security"), "filters", [])
    caplog.set_level("INFO", "app.security")

    def read():
        lines = [Structured().format(record) for record in caplog.records if record.name == "app.security"]
        caplog.clear()
        return [json.loads(line) for line in lines]

    return read


def number(app, name):
    with app.app_context():
        return db.session.scalar(select(AppUser.id).where(AppUser.username == name))


def sign_in(client, name, password="demo"):
    return client.post("/login/", data={"username": name, "password": password, "csrf_token": client.token("/login/")})


def test_a_sign_in_and_each_way_it_fails_are_told(client, app, cast, told):
    amara = number(app, "amara")
    with app.app_context():
        db.session.execute(update(AppUser).where(AppUser.username == "bento").values(active=False))
        db.session.commit()
    for name, password in (("amara", "my secret"), ("amara@example.org", "wrong"), ("nobody", "demo"), ("bento", "demo")):
        assert sign_in(client, name, password).status_code == 401
    assert sign_in(client, "amara").status_code == 302
    client.post("/logout/", data={"csrf_token": client.token("/account/")})
    lines = told()
    assert [line["message"] for line in lines] == ["sign_in_failed"] * 4 + ["sign_in", "sign_out"]
    assert [line.get("reason") for line in lines[:4]] == ["password", "password", "unknown", "switched_off"]
    assert [line.get("account") for line in lines] == [amara, amara, None, number(app, "bento"), amara, None]
    assert {line["address"] for line in lines} == {"127.0.0.1"}
    assert (lines[5]["person"], lines[5]["person_name"]) == (amara, "amara")
    assert lines[5]["session"]
    assert all(line["time"].endswith("Z") for line in lines)


def test_no_entry_holds_what_was_typed_and_none_can_be_forged(client, app, cast, told):
    sign_in(client, FORGED, "Tr0ub4dor secret")
    sign_in(client, "hunter2 typed as a name", "x")
    sign_in(client, "Hunter2 typed as a name ", "x")
    client.post("/password/forgotten", data={"username": "efua", "csrf_token": client.token("/password/forgotten")})
    client.get("/password/link/the-secret-of-a-link")
    client.get("/password/choose")
    lines = told()
    text = json.dumps(lines)
    assert all(word not in text for word in ("Tr0ub4dor", "hunter2", "the-secret", "person=1"))
    assert lines[1]["typed"] == lines[2]["typed"] != lines[0]["typed"]
    assert [line["message"] for line in lines[3:]] == ["link_asked", "link_failed"]


def test_refused_pages_foreign_rows_and_forms_name_the_person(app, told):
    world = make_world(app)
    client = app.test_client()
    let_in(app, client, "amara")
    told()
    foreign = world.rows["sale"]["harbour"]
    assert client.get(f"/receipts/{foreign}").status_code == 404
    assert client.get("/users/list/").status_code == 403
    assert client.post("/account/theme", data={"theme": "dark"}).status_code == 400
    assert client.put("/account/").status_code == 405
    lines = told()
    assert [line["status"] for line in lines] == [404, 403, 400, 405]
    assert {line["person_name"] for line in lines} == {"amara"}
    assert {line["message"] for line in lines} == {"refused"}
    assert lines[0]["row"] == {"sale_id": str(foreign)} or str(foreign) in json.dumps(lines[0]["row"])
    assert lines[2]["reason"] == "form_token"
    assert lines[1]["door"] == "AppUserView.list"


def test_a_lock_is_told(make_app, told):
    app = make_app(RATELIMIT_ENABLED=True, LOGIN_RATE_LIMIT="2 per minute", **{k: v for k, v in TEST_SETTINGS.items() if "FAKE" in k})
    client = app.test_client()
    statuses = [sign_in(client, "nobody").status_code for _each in range(3)]
    assert statuses == [401, 401, 429]
    assert [line["message"] for line in told()] == ["sign_in_failed", "sign_in_failed", "sign_in_locked"]


def test_what_guards_an_account_is_told_when_it_changes(client, app, cast, login, told):
    login(client, "efua")
    told()
    new = "four brown horses run"
    wrong = {"old": "not this", "new": new, "again": new, "csrf_token": client.token("/account/password")}
    assert client.post("/account/password", data=wrong).status_code == 422
    assert client.post("/account/password", data=wrong | {"old": "demo"}).status_code == 303
    amara = number(app, "amara")
    token = client.token(f"/users/show/{amara}")
    for act in ("unlock", "sign_out", "drop_factor", "link"):
        client.post(f"/users/{act}/{amara}", data={"csrf_token": token})
    client.post("/account/sessions/end", data={"browser": "others", "password": new, "csrf_token": token})
    lines = told()
    assert [line["message"] for line in lines] == [
        "proof_failed", "password_changed", "unlocked", "sessions_ended", "factor_off", "link_given", "sessions_ended",
    ]  # fmt: skip
    assert {line["person_name"] for line in lines} == {"efua"}
    assert [line.get("account") for line in lines[2:]] == [amara] * 4 + [None]
    assert new not in json.dumps(lines)
