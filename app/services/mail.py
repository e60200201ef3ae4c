"""Mail: one message to one person, through the installation's server or into the file outbox.

`send` speaks over the network and may wait for it: the worker calls it, a request asks for mail with
`mail_queue.ask`.  Where it goes comes down with the engine (`deliver_by`).  Without a server every
message becomes a file in the outbox (`outbox`), which administrators read on a page.

Nothing here writes an address, a text or a password to a log.  Source: RFC 5322, RFC 3834.
"""

from __future__ import annotations

import re
import smtplib
import ssl
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime, make_msgid, parseaddr
from pathlib import Path
from typing import cast

from sqlalchemy import Engine

from app.extensions import db
from app.models.base import now
from app.services import outbox

_KEY = "mail"
TIMEOUT_S = 20.0
ADDRESS_MAX, SUBJECT_MAX = 254, 200
PERMANENT_FROM = 500  # RFC 5321, 4.2.1: 5yz will not change by itself
# One mailbox and nothing that a header or a list of receivers could be made of.
_MAILBOX = re.compile(r"[^\s@<>()\[\]\\,;:\"\x00-\x1f\x7f]{1,64}@[^\s@<>()\[\]\\,;:\"\x00-\x1f\x7f]{1,253}")


class MailFailed(Exception):
    """The message was not sent; `permanent`: trying it again will not help.

    `code` is one of address, refused, sign_in, encryption, silent, disk.
    """

    def __init__(self, code: str, *, permanent: bool = False) -> None:
        self.code, self.permanent = code, permanent
        super().__init__(code)


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file that goes along: `media_type` like ``application/pdf``."""

    name: str
    media_type: str
    data: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Way:
    """How mail leaves: a server (`server` "" is none), or the folder of the outbox."""

    folder: Path
    sender: str
    server: str = ""
    port: int = 587
    user: str = ""
    password: str = field(default="", repr=False)
    tls: str = "starttls"  # or tls, none


def deliver_by(engine: Engine, way: Way) -> None:
    """Let mail of this engine's installation go that way."""
    engine.update_execution_options(**{_KEY: way})


def way() -> Way:
    """How mail leaves here."""
    return cast("Way", db.engine.get_execution_options()[_KEY])


def send(to: str, subject: str, text: str, attachments: Sequence[Attachment] = ()) -> None:
    """Send one message now; it has left, or lies in the outbox, when this returns.

    May wait TIMEOUT_S for the server several times over: never call it in a transaction or a
    request.  Raises MailFailed.
    """
    out = way()
    message = compose(out.sender, to, subject, text, attachments)
    if not out.server:
        try:
            outbox.put(out.folder, message.as_bytes(policy=SMTP))
        except OSError:
            raise MailFailed("disk") from None
        return
    try:
        _hand_over(out, message)
    except smtplib.SMTPRecipientsRefused as error:
        codes = [code for code, _said in error.recipients.values()]
        raise MailFailed("address", permanent=_permanent(codes)) from None
    except smtplib.SMTPAuthenticationError:
        raise MailFailed("sign_in") from None  # somebody may mend the setting
    except (smtplib.SMTPNotSupportedError, ssl.SSLError):
        raise MailFailed("encryption") from None
    except smtplib.SMTPResponseException as error:
        raise MailFailed("refused", permanent=_permanent([error.smtp_code])) from None
    except (smtplib.SMTPException, OSError):
        raise MailFailed("silent") from None


def compose(sender: str, to: str, subject: str, text: str, attachments: Iterable[Attachment] = ()) -> EmailMessage:
    """A message as it is sent.  Raises MailFailed when address or subject could be more than one header."""
    message = EmailMessage(policy=SMTP)
    message["From"] = sender
    message["To"] = _mailbox(to)
    if any(ord(sign) < 32 or ord(sign) == 127 or sign in "\u0085\u2028\u2029" for sign in subject):
        raise MailFailed("refused", permanent=True)
    message["Subject"] = subject[:SUBJECT_MAX]
    message["Date"] = format_datetime(now())
    message["Message-ID"] = make_msgid(domain=parseaddr(sender)[1].rpartition("@")[2] or "localhost")
    message["Auto-Submitted"] = "auto-generated"  # no answering machine answers (RFC 3834)
    message.set_content(text)
    for attachment in attachments:
        main, _slash, sub = attachment.media_type.partition("/")
        name = re.sub(r'[\x00-\x1f\x7f"\\/]', "_", attachment.name)[:120]
        message.add_attachment(attachment.data, maintype=main, subtype=sub or "octet-stream", filename=name)
    return message


def is_mailbox(text: str) -> bool:
    """Whether this is one address that mail can go to."""
    return len(text) <= ADDRESS_MAX and _MAILBOX.fullmatch(text) is not None


def _mailbox(to: str) -> Address:
    if not is_mailbox(to):
        raise MailFailed("address", permanent=True)
    local, _at, domain = to.rpartition("@")
    if not local.isascii():  # few servers take those (RFC 6531)
        raise MailFailed("address", permanent=True)
    try:
        return Address(username=local, domain=domain.encode("idna").decode("ascii"))
    except (UnicodeError, ValueError, IndexError):
        raise MailFailed("address", permanent=True) from None


def _hand_over(out: Way, message: EmailMessage) -> None:
    secure = ssl.create_default_context()
    server = (
        smtplib.SMTP_SSL(out.server, out.port, timeout=TIMEOUT_S, context=secure)
        if out.tls == "tls"
        else smtplib.SMTP(out.server, out.port, timeout=TIMEOUT_S)
    )
    with server:
        if out.tls == "starttls":
            server.starttls(context=secure)  # refused rather than sent in the clear
        if out.user:
            server.login(out.user, out.password)
        server.send_message(message)


def _permanent(codes: Sequence[int]) -> bool:
    return bool(codes) and min(codes) >= PERMANENT_FROM
