"""Mail: one message to one person, never two headers out of one value, and no waiting request."""

from __future__ import annotations

import smtplib
import socket
import threading
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from email import message_from_bytes
from email.policy import default

import pytest
from sqlalchemy import select, update

from app.extensions import db
from app.models import MailRequest
from app.models.base import now
from app.services import mail, mail_queue, outbox
from app.services.mail import Attachment, MailFailed, Way
from tests.fixtures.closed_doors import OPEN_MAIL

pytestmark = pytest.mark.one_database
TEXT = "Bonjour,\n\nvoici un message à la maison.\n"


class Server(threading.Thread):
    """A mail server for one visitor: says what it was told to say, keeps what it was given."""

    def __init__(self, **answers: str) -> None:
        super().__init__(daemon=True)
        self.answers = {"EHLO": "250-here\r\n250 8BITMIME", "DATA": "354 go on", "QUIT": "221 bye"} | answers
        self.said: list[str] = []
        self.data = b""
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.port = self.socket.getsockname()[1]

    def run(self) -> None:
        """Talk with one visitor."""
        visitor, _address = self.socket.accept()
        with suppress(OSError), visitor, visitor.makefile("rwb") as line:
            self._say(line, "220 here")
            while raw := line.readline():
                self.said.append(raw.decode().strip())
                verb = raw.decode().split()[0].upper().split(":")[0]
                answer = self.answers.get(verb, "250 fine")
                self._say(line, answer)
                if verb == "DATA" and answer.startswith("354"):
                    while (part := line.readline()) not in (b".\r\n", b""):
                        self.data += part
                    self._say(line, self.answers.get("END", "250 taken"))
                if verb == "QUIT":
                    return

    @staticmethod
    def _say(line, words: str) -> None:
        line.write(words.encode() + b"\r\n")
        line.flush()


@pytest.fixture
def through(context, tmp_path, monkeypatch):
    """Let mail leave through a server of this test."""
    monkeypatch.setattr(smtplib.SMTP, "connect", OPEN_MAIL)
    monkeypatch.setattr(mail, "TIMEOUT_S", 2.0)
    servers = []
    before = mail.way()

    def begin(tls: str = "none", **answers: str) -> Server:
        server = Server(**answers)
        server.start()
        servers.append(server)
        mail.deliver_by(db.engine, Way(tmp_path / "outbox", "Till <till@example.org>", "127.0.0.1", server.port, tls=tls))
        return server

    yield begin
    mail.deliver_by(db.engine, before)
    for server in servers:
        if server.is_alive():  # nobody came
            socket.create_connection(("127.0.0.1", server.port)).close()
        server.join(3)
        server.socket.close()


@pytest.fixture
def folder(context, tmp_path):
    before = mail.way()
    mail.deliver_by(db.engine, Way(tmp_path / "outbox", "Till <till@example.org>"))
    yield tmp_path / "outbox"
    mail.deliver_by(db.engine, before)


def test_a_message_with_a_file_reaches_the_server_whole(through):
    server = through()
    mail.send("amara@example.org", "Début du mois", TEXT, [Attachment("Ventes.csv", "text/csv", b"a;b\r\n1;2\r\n")])
    server.join(3)
    message = message_from_bytes(server.data, policy=default)
    assert message["Subject"] == "Début du mois"
    assert (message["From"], message["To"]) == ("Till <till@example.org>", "amara@example.org")
    assert message["Auto-Submitted"] == "auto-generated"
    assert message.get_body(("plain",)).get_content().replace("\r\n", "\n") == TEXT
    (sent,) = message.iter_attachments()
    assert (sent.get_filename(), sent.get_payload(decode=True)) == ("Ventes.csv", b"a;b\r\n1;2\r\n")


@pytest.mark.parametrize(
    ("answers", "code", "permanent"),
    [
        ({"RCPT": "550 no such mailbox"}, "address", True),
        ({"RCPT": "450 later"}, "address", False),
        ({"MAIL": "553 not you"}, "refused", True),
        ({"END": "451 disk full"}, "refused", False),
        ({"EHLO": "421 too busy", "HELO": "421 too busy"}, "refused", False),
    ],
)
def test_a_refusal_says_whether_it_is_for_good(through, answers, code, permanent):
    through(**answers)
    with pytest.raises(MailFailed) as failure:
        mail.send("amara@example.org", "Hello", TEXT)
    assert (failure.value.code, failure.value.permanent) == (code, permanent)


def test_nothing_leaves_in_the_clear_where_encryption_is_wanted(through):
    server = through(tls="starttls")
    with pytest.raises(MailFailed) as failure:
        mail.send("amara@example.org", "Hello", TEXT)
    assert failure.value.code == "encryption"
    assert not any(line.startswith(("MAIL", "AUTH")) for line in server.said)


def test_a_server_that_is_not_there_is_tried_again(through):
    through()
    with socket.create_server(("127.0.0.1", 0)) as gone:
        port = gone.getsockname()[1]
    mail.deliver_by(db.engine, replace(mail.way(), port=port))
    with pytest.raises(MailFailed) as failure:
        mail.send("amara@example.org", "Hello", TEXT)
    assert (failure.value.code, failure.value.permanent) == ("silent", False)


@pytest.mark.parametrize(
    ("to", "subject"),
    [
        ("amara@example.org\r\nBcc: thief@example.org", "Hello"),
        ("amara@example.org, thief@example.org", "Hello"),
        ("Amara <amara@example.org>", "Hello"),
        ("amara@example.org", "Hello\r\nBcc: thief@example.org"),
        ("amara@example.org", "Hello\u2028Bcc: thief@example.org"),
        ("amara", "Hello"),
        ("", "Hello"),
        ("a" * 300 + "@example.org", "Hello"),
    ],
)
def test_no_value_becomes_a_header_or_a_second_receiver(folder, to, subject):
    with pytest.raises(MailFailed) as failure:
        mail.send(to, subject, TEXT)
    assert failure.value.permanent
    assert not folder.exists()


def test_without_a_server_each_message_is_a_file_of_its_own(folder):
    for _ in range(3):
        mail.send("amara@example.org", "Hello", TEXT, [Attachment('a"\r\n/b.pdf', "application/pdf", b"%PDF")])
    messages, count = outbox.listed(folder)
    assert count == 3
    assert len({message.name for message in messages}) == 3
    assert (messages[0].to, messages[0].text) == ("amara@example.org", TEXT)
    assert messages[0].attachments == (("a____b.pdf", 4),)
    assert {place.stat().st_mode & 0o777 for place in folder.iterdir()} == {0o600}
    assert folder.stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize("name", ["../secret.key", "..", "x.eml", "20260101T000000000000-0123456789abcdef.eml\n", ""])
def test_the_outbox_opens_its_own_files_only(folder, name):
    (folder.parent / "secret.key").write_text("secret")
    folder.mkdir()
    assert outbox.read(folder, name) is None


def test_old_messages_are_removed(folder):
    mail.send("amara@example.org", "Hello", TEXT)
    (place,) = folder.iterdir()
    old = f"{now() - timedelta(days=31):%Y%m%dT%H%M%S%f}-0123456789abcdef.eml"
    place.rename(folder / old)
    mail.send("amara@example.org", "Hello", TEXT)
    assert outbox.clean(folder, 30) == 1
    assert [place.name != old for place in folder.iterdir()] == [True]


def due(context):
    db.session.execute(update(MailRequest).values(next_try_at=now() - timedelta(seconds=1)))
    db.session.commit()


def test_what_waits_is_taken_once_and_tried_again_later(context):
    mail_queue.ask("trial", {"user": 1})
    letter = mail_queue.take()
    assert mail_queue.take() is None, "it is in somebody's hands"
    assert mail_queue.failed(letter, MailFailed("silent"))
    assert mail_queue.take() is None, "its time has not come"
    due(context)
    again = mail_queue.take()
    assert (again.id, again.attempts) == (letter.id, 2)
    mail_queue.sent(again)
    due_rows = db.session.scalars(select(MailRequest.next_try_at)).all()
    assert due_rows == [None]
    assert mail_queue.unsent(db.session()) == ([], 0)


def test_what_fails_for_good_is_given_up_and_told(context):
    mail_queue.ask("trial", {"user": 1})
    assert not mail_queue.failed(mail_queue.take(), MailFailed("address", permanent=True))
    rows, count = mail_queue.unsent(db.session())
    assert (count, rows[0].failure, rows[0].next_try_at) == (1, "address", None)
    mail_queue.ask("trial", {"user": 1})
    for _ in range(mail_queue.ATTEMPTS_MAX):
        due_now = db.session.execute(update(MailRequest).where(MailRequest.failed_at.is_(None)).values(next_try_at=now()))
        db.session.commit()
        assert due_now.rowcount == 1
        letter = mail_queue.take()
        again = mail_queue.failed(letter, MailFailed("silent"))
    assert not again
