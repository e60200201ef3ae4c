"""Signing in: one answer for every failure, a limit that all processes share, no old session."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import delete, func, select, update

from app.access.attempts import ADDRESS_FACTOR
from app.extensions import db
from app.models import AppUser, SignInFailure, UserSession
from app.models.base import now
from app.views.passwords import set_password
from tests.fixtures.application import TEST_SETTINGS, csrf_token

LIMIT = 3
NOBODYS = "AUTH_DB_FAKE_PASSWORD_HASH_CHECK"


def send(client, username, password="demo"):
    form = {"username": username, "password": password, "csrf_token": client.token("/login/")}
    return client.post("/login/", data=form)


def change(app, username, **values):
    with app.app_context():
        db.session.execute(update(AppUser).where(AppUser.username == username).values(**values))
        db.session.commit()


def count(app, model, *conditions):
    with app.app_context():
        return db.session.scalar(select(func.count()).select_from(model).where(*conditions))


def test_a_name_or_an_address_opens_the_door(client, app, cast):
    for name in ("amara", " AMARA ", "Amara@Example.org"):
        browser = app.test_client()
        answer = send(browser, name)
        assert (answer.status_code, answer.headers["Location"]) == (302, "/")
        assert browser.get("/account/").status_code == 200


@pytest.mark.one_database
def test_every_failure_looks_the_same(app, cast):
    change(app, "corin", active=False)
    change(app, "bento", group_id=None)
    pages = set()
    for name, password in (("amara", "wrong"), ("nobody", "demo"), ("corin", "demo"), ("bento", "demo")):
        client = app.test_client()
        answer = send(client, name, password)
        page = answer.get_data(as_text=True).replace(name, "")
        token = csrf_token(page)
        pages.add((answer.status_code, page.replace(token, "").split("</head>")[1].split("<script")[0]))
        assert client.get("/").status_code == 302
    assert len(pages) == 1
    assert pages.pop()[0] == 401


@pytest.mark.one_database
def test_every_failure_asks_for_one_hash(app, cast, monkeypatch):
    """The hash is what takes the time; nobody, somebody and a wrong password cost one each."""
    from app.views import signin

    asked = []
    check = signin.check_password_hash
    monkeypatch.setattr(signin, "check_password_hash", lambda *given: asked.append(1) or check(*given))
    change(app, "corin", active=False)
    costs = []
    for name, password in (("amara", "wrong"), ("nobody", "demo"), ("corin", "demo"), ("amara", "demo")):
        asked.clear()
        send(app.test_client(), name, password)
        costs.append(len(asked))
    assert costs == [1, 1, 1, 1]


@pytest.mark.one_database
def test_a_password_is_dear_to_guess_and_so_is_nobodys(make_app, monkeypatch):
    """The hashes of the tests are cheap; those the program makes, and the one it tries for nobody, are not."""
    monkeypatch.delitem(TEST_SETTINGS, NOBODYS)
    made = AppUser()
    set_password(made, "seven green bicycles", must_change=False)
    for stored in (made.password, make_app().config[NOBODYS]):
        assert stored.startswith("scrypt:32768:8:1$")


def test_too_many_failures_must_wait_whichever_process_they_met(make_app, app, cast):
    first, second = (make_app(RATELIMIT_ENABLED=True, LOGIN_RATE_LIMIT=f"{LIMIT} per minute") for _ in "ab")
    answers = [send(each.test_client(), "amara", "wrong").status_code for each in (first, second, first)]
    assert answers == [401] * LIMIT
    locked = send(second.test_client(), "AMARA", "demo")
    assert locked.status_code == 429
    assert send(second.test_client(), "corin", "demo").status_code == 302, "the others of the shop go on"
    with app.app_context():
        db.session.execute(update(SignInFailure).values(failed_at=now() - timedelta(minutes=2)))
        db.session.commit()
    assert send(first.test_client(), "amara", "demo").status_code == 302, "the lock ends by itself"


@pytest.mark.one_database
def test_one_address_that_guesses_at_many_accounts_must_wait(make_app, app, cast):
    door = make_app(RATELIMIT_ENABLED=True, LOGIN_RATE_LIMIT="2 per minute")
    most = 2 * ADDRESS_FACTOR
    answers = [send(door.test_client(), f"nobody{n}", "x").status_code for n in range(most + 1)]
    assert answers == [401] * most + [429]
    assert send(door.test_client(), "amara", "demo").status_code == 429, "whatever the name"


@pytest.mark.one_database
def test_many_slow_guesses_must_wait_too(make_app, app, cast):
    door = make_app(RATELIMIT_ENABLED=True, LOGIN_RATE_LIMIT=f"{LIMIT} per minute")
    send(door.test_client(), "amara", "wrong")
    with app.app_context():
        subjects = db.session.scalars(select(SignInFailure.subject)).all()
        db.session.execute(delete(SignInFailure))
        for minutes in range(2, 2 + 5 * LIMIT):
            for subject in subjects:
                db.session.add(SignInFailure(subject=subject, failed_at=now() - timedelta(minutes=minutes)))
        db.session.commit()
    assert send(door.test_client(), "amara", "demo").status_code == 429


@pytest.mark.one_database
def test_a_right_password_forgives_the_account(make_app, app, cast):
    door = make_app(RATELIMIT_ENABLED=True, LOGIN_RATE_LIMIT=f"{LIMIT} per minute")
    for _ in range(LIMIT - 1):
        send(door.test_client(), "amara", "wrong")
    assert send(door.test_client(), "amara").status_code == 302
    with app.app_context():
        left = db.session.scalars(select(SignInFailure.subject)).all()
    assert len(left) == LIMIT - 1, "the address keeps its failures, the account none"
    assert "amara" not in "".join(left)


def test_a_session_from_before_the_sign_in_is_worth_nothing(client, app, cast):
    client.get("/login/")
    planted = client.get_cookie("session").value
    send(client, "amara")
    assert client.get_cookie("session").value != planted
    stranger = app.test_client()
    stranger.set_cookie("session", planted)
    assert stranger.get("/").status_code == 302
    assert count(app, UserSession) == 1


def test_a_copied_cookie_dies_with_the_sign_out(client, app, cast):
    send(client, "amara")
    copy = app.test_client()
    copy.set_cookie("session", client.get_cookie("session").value)
    assert copy.get("/account/").status_code == 200
    answer = client.post("/logout/", data={"csrf_token": client.token("/account/")})
    assert answer.headers["Location"] == "/login/"
    assert copy.get("/account/").status_code == 302
    assert client.get("/account/").status_code == 302


@pytest.mark.one_database
def test_the_cookie_tells_no_secret_and_keeps_to_its_site(client, app, cast):
    answer = send(client, "amara")
    cookie = answer.headers["Set-Cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=Lax" in cookie
    with client.session_transaction() as session, app.app_context():
        kept = db.session.scalars(select(UserSession.secret_hash)).one()
        assert session["sid"] not in kept
        assert len(session["sid"]) >= 40


@pytest.mark.one_database
@pytest.mark.parametrize("column", ["seen", "started"])
def test_an_idle_and_an_old_session_end(client, app, cast, column):
    send(client, "amara")
    with app.app_context():
        age = timedelta(minutes=61) if column == "seen" else timedelta(hours=11)
        db.session.execute(update(UserSession).values({column: now() - age}))
        db.session.commit()
    answer = client.get("/account/")
    assert answer.status_code == 302
    assert answer.headers["Location"].startswith("/login/?next=/account/")
    assert "session is over" in client.get(answer.headers["Location"]).get_data(as_text=True)


@pytest.mark.one_database
def test_a_script_is_told_that_the_session_is_over(client, cast):
    answer = client.get("/counter/search?q=1", headers={"HX-Request": "true"})
    assert answer.status_code == 401
    assert answer.headers["HX-Redirect"] == "/login/"


def test_switching_somebody_off_stops_them_at_once(client, app, cast):
    send(client, "amara")
    change(app, "amara", active=False)
    assert client.get("/account/").status_code == 302


@pytest.mark.one_database
@pytest.mark.parametrize("target", ["https://example.org/", "//example.org", "/\\example.org", "/logout/", "x"])
def test_the_door_leads_to_this_site_only(app, cast, target):
    client = app.test_client()
    form = {"username": "amara", "password": "demo", "csrf_token": client.token("/login/")}
    answer = client.post("/login/", query_string={"next": target}, data=form)
    assert answer.headers["Location"] == "/"


@pytest.mark.one_database
def test_the_cookie_is_signed_once_and_the_session_ends_with_the_working_day(client, app, cast, login):
    login(client, "amara")
    client.get("/account/")
    assert "Set-Cookie" not in client.get("/account/").headers
    with app.app_context():
        for hours, status in ((9, 200), (11, 302)):
            db.session.execute(update(UserSession).values(started=now() - timedelta(hours=hours), seen=now()))
            db.session.commit()
            assert client.get("/account/").status_code == status, hours
