"""User names and addresses both open the door, so nobody gets one that opens somebody else's; and how often it is tried."""

from __future__ import annotations

import threading

import pytest
from sqlalchemy import select

from app.access import attempts
from app.extensions import db
from app.views import fields
from tests.access.test_people import form
from tests.access.test_sign_in import send
from tests.views.forms import send as fill


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


@pytest.mark.both_databases
def test_of_two_who_save_one_name_at_one_moment_the_second_reads_it_at_the_field(client, app, cast, login, monkeypatch):
    """Whoever looks before the other has saved sees nothing; what stands in the database refuses, and they look again."""
    for rule in (fields.Unused, fields.Nobodys):
        monkeypatch.setattr(rule, "__call__", too_early(rule.__call__))
    login(client, "efua")
    users, point = "Another user has this", {"region__text": "", "region": cast.regions["market"]}
    for path, said, typed in (
        ("/users/add", users, {"username": "AMARA"}), ("/users/add", users, {"email": "Amara@Example.org"}),
        ("/users/add", users, {"username": "Amara@example.org"}), ("/users/add", users, {"email": "new@example.org", "username": "amara@example.org"}),
        ("/manufacturers/add", "A manufacturer of this name is known", {"name": "HEXA", "code": "71"}),
        ("/vending-points/add", "Another vending point has this name", {"name": "MARKET SHOP", "code": "NEW", **point}),
        ("/vending-points/add", "Another vending point has this sign", {"name": "New", "code": "mkt", **point}),
    ):  # fmt: skip
        answer = client.post(path, data=form(client, app, cast, **typed)) if path == "/users/add" else fill(client, path, **typed)
        page = answer.get_data(as_text=True)
        assert answer.status_code == 422 and 'aria-invalid="true"' in page and said in page, (typed, page[-3000:])
    own = {"first_name": "Efua", "last_name": "T", "phone": "", "language": "en", "page_size": "", "start_page": "", "password": "demo"}
    for taken in ("AMARA@example.org", "bento@example.org"):
        answer = client.post("/account/", data=own | {"email": taken, "csrf_token": client.token("/account/")})
        assert answer.status_code == 422 and "Another user has this address" in answer.get_data(as_text=True)


def too_early(rule):
    """The rule, which finds nothing the first time a form asks it."""

    def look(self, shown, field):
        asked = shown.__dict__.setdefault("_asked_too_early", set())
        return rule(self, shown, field) if field.name in asked else asked.add(field.name)

    return look


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


def test_one_name_and_one_network_are_counted_once_however_they_are_written():
    def counted(account, address):
        return attempts.subjects(account, address, "key")

    assert counted("Admin", "2001:db8:1:2::3") == counted(" adm\u0130n ", "2001:db8:1:2:ffff::4") != counted("admin", "2001:db8:1:3::3")
    assert counted("a", "::ffff:192.0.2.1") == counted("a", "192.0.2.1") != counted("a", "192.0.2.2")
    assert counted("a", attempts.counted_as("2001:db8:1:2::3")) == counted("a", "2001:db8:1:2::3")
    assert counted("a", "no address") != counted("a", "")


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
