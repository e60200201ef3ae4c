"""A password by a link: the same answer for everybody, once, for a while, and every old session ends."""

from __future__ import annotations

import logging
import re
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import func, select, update

from app.extensions import db
from app.models import AppUser, AuditEntry, MailRequest, PasswordLink
from app.models.base import now
from app.services import mail, outbox, password_links
from app.views import letters
from tests.fixtures.application import csrf_token

NEW = "seven green bicycles"
pytestmark = pytest.mark.one_database


@pytest.fixture
def app(app, tmp_path):
    """Mail of this test goes into a folder of its own."""
    with app.app_context():
        before = mail.way()
        mail.deliver_by(db.engine, replace(before, folder=tmp_path / "outbox"))
    app.config["OUTBOX_DIR"] = tmp_path / "outbox"
    yield app
    with app.app_context():
        mail.deliver_by(db.engine, before)


def ask(client, typed):
    return client.post("/password/forgotten", data={"username": typed, "csrf_token": client.token("/password/forgotten")})


def posted(app):
    """What the worker sends of what waits, the newest first."""
    letters.post(app)
    return outbox.listed(app.config["OUTBOX_DIR"])[0]


def link_in(text: str) -> str:
    return re.search(r"https?://\S+?(/password/link/\S+)", text).group(1)


def choose(client, link, new=NEW):
    page = client.get(link, follow_redirects=True).get_data(as_text=True)
    if 'name="new"' not in page:
        return None
    return client.post("/password/choose", data={"new": new, "again": new, "csrf_token": csrf_token(page)})


def test_the_whole_way_from_forgotten_to_signed_in(client, app, cast, login, caplog):
    caplog.set_level(logging.DEBUG)
    old = app.test_client()
    login(old, "amara")
    assert ask(client, " Amara@example.org ").headers["Location"] == "/password/forgotten?sent=1"
    (message,) = posted(app)
    assert message.to == "amara@example.org"
    link = link_in(message.text)
    assert old.get("/account/").status_code == 200, "asking alone changes nothing"
    entered = client.get(link)
    assert (entered.status_code, entered.headers["Location"]) == (302, "/password/choose")
    answer = choose(client, link)
    assert answer.headers["Location"] == "/login/"
    assert old.get("/account/").status_code == 302
    login(app.test_client(), "amara", NEW)
    assert choose(app.test_client(), link) is None, "once"
    assert client.get("/password/choose").status_code == 410
    notice = posted(app)[0]
    assert (notice.to, link_in_or_none(notice.text)) == ("amara@example.org", None)
    with app.app_context():
        stored = db.session.scalars(select(PasswordLink.secret_hash)).all()
        assert link.rpartition("/")[2] not in stored
        told = "".join(db.session.scalars(select(AuditEntry.after)).all())
        rows = db.session.scalars(select(MailRequest.facts)).all()
    assert link.rpartition("/")[2] not in told + "".join(rows)
    assert NEW not in told
    for secret in (link.rpartition("/")[2], NEW, "amara@example.org"):
        assert secret not in caplog.text


def link_in_or_none(text):
    return re.search(r"/password/link/", text)


def test_whoever_is_asked_for_the_answer_is_the_same_and_nobody_is_looked_up(client, app, cast, monkeypatch):
    from app.views import signin

    with app.app_context():
        db.session.execute(update(AppUser).where(AppUser.username == "corin").values(active=False))
        db.session.commit()
    looked = []
    monkeypatch.setattr(signin, "find_user", lambda *given: looked.append(given))
    pages = set()
    for typed in ("amara", "nobody", "nobody@example.org", "corin", "x" * 300, "a@b.c\r\nBcc: d@e.f"):
        visitor = app.test_client()
        answer = ask(visitor, typed)
        said = visitor.get(answer.headers["Location"]).get_data(as_text=True)
        pages.add((answer.status_code, re.sub(r'(value|nonce|content)="[^"]*"', "", said).replace(typed, "")))
    assert len(pages) == 1
    assert looked == []
    monkeypatch.undo()
    assert [message.to for message in posted(app)] == ["amara@example.org"]


def test_a_link_grows_old_and_a_newer_one_or_a_new_password_ends_it(client, app, cast, login):
    ask(client, "amara")
    first = link_in(posted(app)[0].text)
    ask(client, "amara")
    second = link_in(posted(app)[0].text)
    assert choose(app.test_client(), first) is None
    with app.app_context():
        db.session.execute(update(PasswordLink).values(expires_at=now() - timedelta(seconds=1)))
        db.session.commit()
    assert choose(app.test_client(), second) is None
    ask(client, "amara")
    third = link_in(posted(app)[0].text)
    login(client, "amara")
    form = {"old": "demo", "new": NEW, "again": NEW, "csrf_token": client.token("/account/password")}
    assert client.post("/account/password", data=form).status_code == 303
    assert choose(app.test_client(), third) is None


def test_a_request_that_waited_too_long_and_a_dead_account_get_no_link(client, app, cast):
    ask(client, "amara")
    with app.app_context():
        db.session.execute(update(MailRequest).values(created_at=now() - timedelta(minutes=31)))
        db.session.commit()
    assert posted(app) == []
    ask(client, "amara")
    link = link_in(posted(app)[0].text)
    with app.app_context():
        db.session.execute(update(AppUser).where(AppUser.username == "amara").values(active=False))
        db.session.commit()
    assert choose(client, link) is None


@pytest.mark.parametrize("secret", ["x", "%00", "a" * 500, "..%2F..", "' OR 1=1 --"])
def test_a_made_up_secret_opens_nothing(client, cast, secret):
    answer = client.get(f"/password/link/{secret}", follow_redirects=True)
    assert answer.status_code == 410 or answer.request.path == "/login/"
    assert 'name="new"' not in answer.get_data(as_text=True)


def test_a_weak_password_is_refused_and_the_link_still_works(client, app, cast):
    ask(client, "amara")
    link = link_in(posted(app)[0].text)
    answer = choose(client, link, "short")
    assert answer.status_code == 422
    assert choose(client, link).status_code == 303


def test_asking_too_often_must_wait_whoever_it_is(make_app, app, cast):
    door = make_app(RATELIMIT_ENABLED=True, RESET_RATE_LIMIT="2 per hour", OUTBOX_DIR=app.config["OUTBOX_DIR"])
    for typed in ("amara", "nobody"):
        visitor = door.test_client()
        assert [ask(visitor, typed).status_code for _ in range(3)] == [303, 303, 429]
    with app.app_context():
        assert db.session.scalar(select(func.count()).select_from(MailRequest)) == 4


def test_the_host_of_a_link_is_ours_whatever_the_browser_says(client, app, cast):
    token = client.token("/password/forgotten")
    client.post(
        "/password/forgotten", data={"username": "amara", "csrf_token": token},
        headers={"X-Forwarded-Host": "evil.example", "Origin": "http://localhost"},
    )  # fmt: skip
    (message,) = posted(app)
    assert message.text.count("evil.example") == 0
    assert app.config["SITE_URL"] in message.text


def test_a_link_opens_no_lock_but_ones_own(make_app, app, cast, login):
    door = make_app(RATELIMIT_ENABLED=True, LOGIN_RATE_LIMIT="2 per minute", OUTBOX_DIR=app.config["OUTBOX_DIR"])
    for _ in range(3):
        visitor = door.test_client()
        form = {"username": "amara", "password": "wrong", "csrf_token": visitor.token("/login/")}
        status = visitor.post("/login/", data=form).status_code
    assert status == 429
    with door.app_context():
        mail.deliver_by(db.engine, replace(mail.way(), folder=app.config["OUTBOX_DIR"]))
    visitor = door.test_client()
    ask(visitor, "amara")
    assert choose(visitor, link_in(posted(door)[0].text)).status_code == 303
    login(door.test_client(), "amara", NEW)


def test_two_at_once_use_a_link_once(app, cast):
    with app.app_context():
        secret = password_links.make(db.session(), cast.users["amara"], "reset", password_links.GIVEN)
        db.session.commit()
        assert password_links.use(db.session(), secret)
        assert password_links.use(db.session(), secret) is None
