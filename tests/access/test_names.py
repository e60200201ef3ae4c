"""User names and addresses both open the door, so nobody gets one that opens somebody else's; and how often it is tried."""

from __future__ import annotations

import threading

import pytest
from sqlalchemy import select

from app.access import attempts
from app.extensions import db
from app.models import AppUser
from app.views.signin import find_user
from tests.access.test_people import form
from tests.access.test_sign_in import send


@pytest.mark.one_database
@pytest.mark.parametrize(
    "taken", [{"username": "Amara"}, {"username": "chidi@example.org"}, {"email": "AMARA@example.org"}, {"username": "amara"}]
)
def test_an_administrator_gives_no_name_of_anothers(client, app, cast, login, taken):
    login(client, "efua")
    answer = client.post("/users/add", data=form(client, app, cast, **taken))
    assert answer.status_code == 422 and "Another user has this" in answer.get_data(as_text=True)


@pytest.mark.one_database
def test_nobody_takes_an_address_of_anothers(client, app, cast, login):
    login(client, "corin")
    own = {
        "first_name": "Corin", "last_name": "Test", "phone": "", "language": "en", "page_size": "", "start_page": "",
        "password": "demo", "csrf_token": client.token("/account/"),
    }  # fmt: skip
    answer = client.post("/account/", data=own | {"email": "AMARA@example.org"})
    assert answer.status_code == 422 and "Another user has this address" in answer.get_data(as_text=True)
    assert client.post("/account/", data=own | {"email": "CORIN@example.org"}).status_code == 303, "their own in other letters"


@pytest.mark.one_database
def test_two_old_accounts_alike_but_for_their_letters_open_as_they_are_written(app, cast):
    with app.app_context():
        amara, corin = cast.users["amara"], cast.users["corin"]
        db.session.get_one(AppUser, corin).email = "Amara@example.org"
        db.session.commit()
        assert find_user(" amara@example.org").id == amara
        assert find_user("Amara@example.org").id == corin
        assert find_user("AMARA@example.org") is None
        assert find_user("AMARA").id == amara


@pytest.mark.one_database
def test_a_stranger_locks_nobody_out_of_their_own_password(make_app, app, cast, login):
    door = make_app(RATELIMIT_ENABLED=True, LOGIN_RATE_LIMIT="3 per minute")
    amara, stranger = cast.users["amara"], door.test_client()
    login(client := door.test_client(), "amara")
    for _each in range(4):
        typed = {"username": f"password-of-{amara}", "password": "no", "csrf_token": stranger.token("/login/")}
        stranger.post("/login/", data=typed)
    new = {"old": "demo", "new": "good words of my own", "again": "good words of my own", "csrf_token": client.token("/account/password")}
    assert client.post("/account/password", data=new).status_code == 303


@pytest.mark.one_database
def test_a_stranger_who_guesses_on_keeps_nobody_out_of_a_browser_they_came_in_by(make_app, app, cast, login):
    door = make_app(RATELIMIT_ENABLED=True, LOGIN_RATE_LIMIT="3 per minute")
    own, new, bentos = (door.test_client() for _each in range(3))
    for browser, name in ((own, "amara"), (bentos, "bento")):
        login(browser, name)
        browser.post("/logout/", data={"csrf_token": browser.token("/account/")})
    assert [send(door.test_client(), "amara", "wrong").status_code for _each in range(4)] == [401, 401, 401, 429]
    assert send(new, "amara").status_code == 429
    assert send(bentos, "amara").status_code == 429, "another's browser is a stranger's"
    new.set_cookie("known", own.get_cookie("known", path="/login").value[:-2] + "xx", path="/login")
    assert send(new, "amara").status_code == 429, "and so is one that says so itself"
    assert send(own, "amara").status_code == 302
    own.post("/logout/", data={"csrf_token": own.token("/account/")})
    assert [send(own, "amara@example.org", "wrong").status_code for _each in range(4)] == [401, 401, 401, 429], "the limit is the same"
    login(chief := door.test_client(), "efua")
    assert "Locked until" in chief.get(f"/users/show/{cast.users['amara']}").get_data(as_text=True)
    chief.post(f"/users/unlock/{cast.users['amara']}", data={"csrf_token": chief.token("/users/add")})
    assert send(own, "amara@example.org").status_code == send(door.test_client(), "amara").status_code == 302


def test_guesses_of_one_moment_count_as_what_they_are(app, cast):
    wanted, together, waited = attempts.subjects("amara", "192.0.2.1", "key"), threading.Barrier(8, timeout=20), []

    def guess():
        with app.app_context():
            db.session.execute(select(1))  # connected before they meet
            db.session.rollback()
            together.wait()
            waited.append(attempts.note_attempt(wanted, "3 per minute"))
            db.session.remove()

    threads = [threading.Thread(target=guess) for _each in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len([one for one in waited if one is None]) == 3
