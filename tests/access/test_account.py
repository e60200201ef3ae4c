"""One's own account: the password, the first sign-in, language and colours, being seen."""

from __future__ import annotations

import sqlite3
from datetime import timedelta

import pytest
from sqlalchemy import select, update

from app.extensions import db
from app.models import AppUser, UserSession
from app.models.base import now
from tests.cast import make_cast

NEW = "seven green bicycles"


@pytest.fixture
def cast(app):
    with app.app_context():
        made = make_cast()
        db.session.remove()
        return made


def change(client, old, new, again=None):
    form = {"old": old, "new": new, "again": again or new, "csrf_token": client.token("/account/password")}
    return client.post("/account/password", data=form)


def test_a_new_password_ends_every_other_session(client, app, cast, login):
    login(client, "amara")
    other = app.test_client()
    login(other, "amara")
    assert change(client, "demo", NEW).status_code == 303
    assert client.get("/account/").status_code == 200
    assert other.get("/account/").status_code == 302
    login(app.test_client(), "amara", NEW)


@pytest.mark.one_database
@pytest.mark.parametrize(
    ("old", "new", "again"),
    [
        ("wrong", NEW, NEW),
        ("demo", NEW, NEW + "!"),
        ("demo", "short", "short"),
        ("demo", "demo", "demo"),
        ("demo", "aaaaaaaaaaaaaa", "aaaaaaaaaaaaaa"),
        ("demo", "123456789012345", "123456789012345"),
        ("demo", "password1234", "password1234"),
        ("demo", "amara is my name", "amara is my name"),
        ("", NEW, NEW),
    ],
)
def test_a_bad_change_is_refused_at_its_field(client, app, cast, login, old, new, again):
    login(client, "amara")
    answer = change(client, old, new, again)
    assert answer.status_code == 422
    assert 'aria-invalid="true"' in answer.get_data(as_text=True)
    login(app.test_client(), "amara", "demo")


@pytest.mark.one_database
def test_a_given_password_must_be_changed_first(client, app, cast, login):
    with app.app_context():
        db.session.execute(update(AppUser).where(AppUser.username == "amara").values(must_change_password=True))
        db.session.commit()
    login(client, "amara")
    for path in ("/", "/counter/", "/meters/list/", "/account/"):
        assert client.get(path).headers["Location"] == "/account/password"
    with client.get("/static/css/app.css") as sheet:
        assert sheet.status_code == 200
        assert sheet.get_data()
    assert change(client, "demo", NEW).status_code == 303
    assert client.get("/account/").status_code == 200


def test_language_goes_by_person_then_browser_then_request(client, app, cast, login):
    ask = {"Accept-Language": "fr-CI, en;q=0.5"}
    assert 'lang="fr"' in client.get("/login/", headers=ask).get_data(as_text=True)
    assert 'lang="en"' in client.get("/login/", headers={"Accept-Language": "sw"}).get_data(as_text=True)
    token = client.token("/login/")
    answer = client.post("/account/language", data={"language": "fr", "csrf_token": token, "next": "/login/"})
    assert (answer.status_code, answer.headers["Location"]) == (303, "/login/")
    assert 'lang="fr"' in client.get("/login/").get_data(as_text=True)
    login(client, "amara")
    assert 'lang="en"' in client.get("/account/").get_data(as_text=True), "Amara's own is English"
    client.post("/account/language", data={"language": "fr", "csrf_token": client.token("/account/")})
    other = app.test_client()
    login(other, "amara")
    assert 'lang="fr"' in other.get("/account/").get_data(as_text=True)


@pytest.mark.one_database
def test_an_unknown_language_left_in_a_cookie_is_passed_over(client, app, cast, login):
    with client.session_transaction() as session:
        session["locale"] = "xx-unknown"
        session["theme"] = 7
    assert 'lang="en"' in client.get("/login/").get_data(as_text=True)
    with app.app_context():
        db.session.execute(update(AppUser).values(language="zz", theme="purple"))
        db.session.commit()
    login(client, "amara")
    assert client.get("/account/").status_code == 200
    token = client.token("/account/")
    for path, field in (("/account/language", "language"), ("/account/theme", "theme")):
        assert client.post(path, data={field: "xx", "csrf_token": token}).status_code == 400


@pytest.mark.one_database
def test_colours_are_kept_with_the_person(client, app, cast, login):
    login(client, "amara")
    token = client.token("/account/")
    assert client.post("/account/theme", data={"theme": "dark", "csrf_token": token}).status_code == 204
    other = app.test_client()
    login(other, "amara")
    assert 'data-theme="dark"' in other.get("/account/").get_data(as_text=True)


@pytest.mark.one_database
@pytest.mark.parametrize("where", ["https://example.org", "//example.org", "/\\example.org", ""])
def test_a_switch_never_leads_to_another_site(client, cast, where):
    form = {"language": "fr", "csrf_token": client.token("/login/"), "next": where}
    assert client.post("/account/language", data=form).headers["Location"] == "/login/"


def _seen(app):
    with app.app_context():
        return db.session.scalars(select(UserSession.seen)).one()


def _age(app, **by):
    with app.app_context():
        db.session.execute(update(UserSession).values(seen=now() - timedelta(**by)))
        db.session.commit()


def test_being_seen_is_written_once_a_minute(client, app, cast, login):
    login(client, "amara")
    first = _seen(app)
    client.get("/account/")
    assert _seen(app) == first
    _age(app, minutes=2)
    client.get("/account/")
    assert _seen(app) > first


@pytest.mark.one_database
def test_being_seen_gives_way_to_a_busy_database(client, app, cast, login):
    login(client, "amara")
    _age(app, minutes=2)
    before = _seen(app)
    with app.app_context():
        path = db.engine.url.database
    seller = sqlite3.connect(path, isolation_level=None)
    seller.execute("BEGIN IMMEDIATE")
    try:
        started = now()
        assert client.get("/account/").status_code == 200
        assert now() - started < timedelta(seconds=5), "it did not wait for the lock"
    finally:
        seller.execute("ROLLBACK")
        seller.close()
    assert _seen(app) == before
    client.get("/account/")
    assert _seen(app) > before


@pytest.mark.one_database
def test_ones_own_name_and_address_can_be_changed(client, app, cast, login):
    login(client, "amara")
    form = {"first_name": "Amara", "last_name": "Okafor", "email": "a@example.org"}
    token = {"csrf_token": client.token("/account/")}
    assert client.post("/account/", data=form | token).status_code == 303
    assert client.post("/account/", data=form | token | {"email": "bento@example.org"}).status_code == 422
    with app.app_context():
        user = db.session.scalars(select(AppUser).where(AppUser.username == "amara")).one()
        assert (user.last_name, user.email) == ("Okafor", "a@example.org")
