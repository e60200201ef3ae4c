"""One's own account: the password, the first sign-in, language and colours, being seen."""

from __future__ import annotations

import json
import re
import sqlite3
from datetime import timedelta

import pytest
from sqlalchemy import select, update

from app.extensions import db
from app.models import AppUser, MailRequest, UserSession
from app.models.base import now
from app.views import devices
from tests.views.forms import fields

NEW = "seven green bicycles"


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


def about(client, **changes):
    """The form of one's own page as it stands, with changes."""
    filled = fields(client.get("/account/").get_data(as_text=True)) | changes
    return client.post("/account/", data=filled)


def who(app, name="amara"):
    with app.app_context():
        found = db.session.scalars(select(AppUser).where(AppUser.username == name)).one()
        db.session.expunge(found)
        return found


@pytest.mark.one_database
def test_ones_own_name_and_habits_can_be_changed(client, app, cast, login):
    login(client, "amara")
    answer = about(
        client, last_name="Okafor", phone="+254 700 1", language="fr", page_size="50", start_page="ReceiptView"
    )
    assert answer.status_code == 422, "receipts are no line of the menu"
    changes = {"last_name": "Okafor", "phone": "+254 700 123", "language": "fr", "page_size": "50", "start_page": "MeterView"}
    assert about(client, **changes).status_code == 303
    user = who(app)
    assert (user.last_name, user.phone, user.language, user.page_size, user.start_page) == (
        "Okafor", "+254 700 123", "fr", 50, "MeterView",
    )  # fmt: skip
    assert 'lang="fr"' in client.get("/meters/list/").get_data(as_text=True)
    browser = app.test_client()
    assert login(browser, "amara").headers["Location"] == "/meters/list/"
    for bad in ({"page_size": "7"}, {"language": "xx"}, {"start_page": "AppUserView"}, {"phone": "call me"}):
        assert about(client, **bad).status_code == 422, bad


@pytest.mark.one_database
def test_a_list_has_as_many_rows_as_its_reader_likes(client, app, cast, login):
    login(client, "efua")
    usual = client.get("/audit/list/").get_data(as_text=True)
    assert usual.count('<th scope="row"') > 10
    assert about(client, page_size="10").status_code == 303
    assert client.get("/audit/list/").get_data(as_text=True).count('<th scope="row"') == 10
    assert client.get("/audit/list/?psize_AuditEntryView=25").get_data(as_text=True).count('<th scope="row"') > 10


@pytest.mark.one_database
def test_another_address_asks_for_the_password(client, app, cast, login):
    login(client, "amara")
    assert about(client, email="thief@example.org").status_code == 422
    assert about(client, email="thief@example.org", password="wrong").status_code == 422
    assert about(client, email="bento@example.org", password="demo").status_code == 422, "somebody has it"
    assert who(app).email == "amara@example.org"
    assert about(client, email="a@example.org", password="demo").status_code == 303
    assert who(app).email == "a@example.org"
    with app.app_context():
        facts = json.loads(db.session.scalars(select(MailRequest.facts)).one())
    assert facts["to"] == "amara@example.org", "who had the account is told"


@pytest.mark.one_database
def test_nothing_else_of_ones_row_can_be_sent_along(client, app, cast, login):
    login(client, "amara")
    before = who(app)
    more = {"group": "1", "group_id": "1", "active": "", "username": "root", "region_id": "1", "totp_since": "2026-01-01"}
    assert about(client, **more).status_code == 303
    after = who(app)
    for name in ("group_id", "active", "username", "region_id", "vending_point_id", "totp_since", "password"):
        assert getattr(after, name) == getattr(before, name), name


@pytest.mark.one_database
def test_other_browsers_are_listed_and_signed_out_one_by_one_or_all(client, app, cast, login):
    login(client, "amara")
    firefox = {"User-Agent": "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:140.0) Gecko/20100101 Firefox/140.0"}
    others = [app.test_client() for _ in range(3)]
    token = others[0].token("/login/")
    others[0].post("/login/", data={"username": "amara", "password": "demo", "csrf_token": token}, headers=firefox)
    for other in others[1:]:
        login(other, "amara")
    stranger = app.test_client()
    login(stranger, "bento")
    page = client.get("/account/security").get_data(as_text=True)
    assert "Firefox on Windows" in page
    keys = re.findall(r'name="browser" value="(\d+)"', page)
    assert len(keys) == 3, "all but this one"
    sent = {"csrf_token": client.token("/account/security"), "password": "demo"}
    with app.app_context():
        foreign = db.session.scalars(select(UserSession.id).where(UserSession.user_id == cast.users["bento"])).one()
    for wrong in (str(foreign), "999999"):
        assert client.post("/account/sessions/end", data=sent | {"browser": wrong}).status_code == 404
    for wrong in ("", "x", "-1"):
        assert client.post("/account/sessions/end", data=sent | {"browser": wrong}).status_code == 400
    for wrong in ("", "wrong"):
        answer = client.post("/account/sessions/end", data=sent | {"browser": "others", "password": wrong})
        assert answer.status_code == 422
        assert 'id="password-error"' in answer.get_data(as_text=True)
    assert all(other.get("/account/").status_code == 200 for other in others)
    assert client.post("/account/sessions/end", data=sent | {"browser": keys[0]}).status_code == 303
    assert [other.get("/account/").status_code for other in others].count(302) == 1
    assert client.post("/account/sessions/end", data=sent | {"browser": "others"}).status_code == 303
    assert [other.get("/account/").status_code for other in others] == [302, 302, 302]
    assert client.get("/account/").status_code == stranger.get("/account/").status_code == 200


@pytest.mark.one_database
def test_ones_own_log_holds_ones_own_deeds_and_nobody_elses(client, app, cast, login):
    chief = app.test_client()
    login(chief, "efua")
    assert about(chief, last_name="Chief-Secret").status_code == 303
    login(client, "amara")
    assert about(client, last_name="Okafor").status_code == 303
    page = client.get("/account/log").get_data(as_text=True)
    assert "Okafor" in page
    assert "Chief-Secret" not in page
    assert page.count("<tbody>") == 1


@pytest.mark.one_database
@pytest.mark.parametrize(
    ("agent", "said"),
    [
        ("Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/130.0.0.0 Safari/537.36 Edg/130.0", "Edge on Linux"),
        ("Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605 Version/18.0 Mobile Safari/604", "Safari on iPhone"),
        ("Mozilla/5.0 (Linux; Android 14) AppleWebKit/537.36 Chrome/130.0 Mobile Safari/537.36", "Chrome on Android"),
        ("curl/8.0", "An unknown browser"),
        (None, "An unknown browser"),
        ("<script>alert(1)</script>", "An unknown browser"),
    ],
)  # fmt: skip
def test_a_browser_is_said_in_words(app, agent, said):
    with app.test_request_context("/"):
        assert devices.device(agent) == said


@pytest.mark.one_database
@pytest.mark.parametrize(
    ("address", "said"),
    [("127.0.0.1", "on the computer"), ("192.168.1.7", "local network"), ("8.8.8.8", "from 8.8.8.8"), ("x", "unknown"), (None, "unknown"), ("10.0.0.1", "same address")],
)  # fmt: skip
def test_a_place_is_said_in_words(app, address, said):
    with app.test_request_context("/"):
        assert said in devices.place(address, "10.0.0.1")
