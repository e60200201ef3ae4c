"""The outbox: who sees mail that lies here, and the whole way of a message from a button to its file."""

from __future__ import annotations

import pytest
from sqlalchemy import select, update

from app.extensions import db
from app.models import AppUser, AuditEntry, MailRequest
from app.models.base import now
from app.services import mail_queue, outbox, password_links
from app.services.four_eyes import one_hand_until
from app.services.mail import MailFailed
from app.views import letters
from app.views.forgotten import secrets_in
from tests.cast import make_cast, password_hash

pytestmark = pytest.mark.one_database


@pytest.fixture
def cast(app):
    with app.app_context():
        made = make_cast()
        efua = db.session.scalars(select(AppUser).where(AppUser.username == "efua")).one()
        db.session.add(
            AppUser(
                username="rada", first_name="Rada", last_name="Test", email="rada@example.org", active=True,
                password=password_hash(), group_id=efua.group_id, region_id=made.regions["coast"],
            )
        )  # fmt: skip
        db.session.commit()
        db.session.remove()
        return made


@pytest.fixture
def app(app, tmp_path):
    from dataclasses import replace

    from app.services import mail

    with app.app_context():
        before = mail.way()
        mail.deliver_by(db.engine, replace(before, folder=tmp_path / "outbox"))
    app.config["OUTBOX_DIR"] = tmp_path / "outbox"
    yield app
    with app.app_context():
        mail.deliver_by(db.engine, before)


def test_a_test_message_goes_its_whole_way_in_the_language_of_its_receiver(client, app, cast, login):
    with app.app_context():
        db.session.execute(update(AppUser).where(AppUser.username == "efua").values(language="fr"))
        db.session.commit()
    login(client, "efua")
    assert client.post("/outbox/trial", data={"csrf_token": client.token("/outbox/")}).status_code == 303
    assert outbox.listed(app.config["OUTBOX_DIR"]) == ([], 0), "a request sends nothing itself"
    letters.post(app)
    (message,), _count = outbox.listed(app.config["OUTBOX_DIR"])
    assert message.to == "efua@example.org"
    assert "Bonjour" in message.text
    page = client.get("/outbox/").get_data(as_text=True)
    assert message.subject in page
    assert "efua@example.org" in client.get(f"/outbox/{message.name}").get_data(as_text=True)
    letters.post(app)
    assert outbox.listed(app.config["OUTBOX_DIR"])[1] == 1, "once"


def test_a_link_is_shown_when_asked_for_and_whoever_did_is_no_second_person(client, app, cast, login):
    def told():
        with app.app_context():
            entries = select(AuditEntry.user_id, AuditEntry.row_id).where(AuditEntry.action == "read_link")
            until = one_hand_until(db.session(), cast.users["chidi"], cast.users["efua"], now())
            return [tuple(row) for row in db.session.execute(entries)], until is not None

    with app.app_context():
        # A name that looks like a link hides none.
        db.session.get_one(AppUser, cast.users["chidi"]).first_name = "/password/link/x"
        db.session.commit()
        mail_queue.ask("reset", {"typed": "chidi"})
    letters.post(app)
    (message,), _count = outbox.listed(app.config["OUTBOX_DIR"])
    link, page = secrets_in(message.text)[-1], f"/outbox/{message.name}"
    assert secrets_in(message.text)[0] == "x"
    login(client, "efua")
    assert link not in client.get("/outbox/").get_data(as_text=True) + client.get(page).get_data(as_text=True)
    assert link and client.post(page).status_code == 400 and told() == ([], False)
    assert "until three days after this person first chooses a password by a link" in client.get(page).get_data(as_text=True)
    assert link in client.post(page, data={"csrf_token": client.token(page)}).get_data(as_text=True)
    assert told() == ([(cast.users["efua"], str(cast.users["chidi"]))], True)
    with app.app_context():
        password_links.end_all(db.session(), cast.users["chidi"])
        db.session.commit()
    assert link in client.get(page).get_data(as_text=True), "a dead link opens nothing"
    assert len(told()[0]) == 1


def test_a_regions_administrator_sees_no_mail(client, app, cast, login):
    login(client, "rada")
    assert client.get("/outbox/").status_code == 403
    assert "/outbox/" not in client.get("/account/").get_data(as_text=True), "nor a line of the menu"
    assert client.get("/users/list/").status_code == 200
    whole = app.test_client()
    login(whole, "efua")
    assert "/outbox/" in whole.get("/account/").get_data(as_text=True)


def test_what_could_not_be_sent_is_told_with_its_reason(client, app, cast, login, monkeypatch, caplog):
    def silent(*_message):
        raise MailFailed("silent")

    monkeypatch.setattr(letters.mail, "send", silent)
    with app.app_context():
        mail_queue.ask("trial", {"user": cast.users["efua"]})
    letters.post(app)
    assert "efua@example.org" not in caplog.text
    login(client, "efua")
    assert "did not answer" in client.get("/outbox/").get_data(as_text=True)


def test_somebody_who_was_switched_off_gets_no_mail(app, cast):
    with app.app_context():
        mail_queue.ask("trial", {"user": cast.users["efua"]})
        db.session.execute(update(AppUser).where(AppUser.username == "efua").values(active=False))
        db.session.commit()
    letters.post(app)
    assert outbox.listed(app.config["OUTBOX_DIR"]) == ([], 0)
    with app.app_context():
        assert db.session.scalars(select(MailRequest.next_try_at)).all() == [None], "and it is over"
