"""The file outbox: where mail goes while no server is set, one file for each message.

Names are drawn and sort by time; only this program's user may read them.  What is older than the
files of long work is removed with them.
"""

from __future__ import annotations

import os
import re
import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email import message_from_bytes
from email.message import EmailMessage, MIMEPart
from email.policy import default
from pathlib import Path

from app.models.base import now

NAME = re.compile(r"[0-9]{8}T[0-9]{12}-[0-9a-f]{16}\.eml")
LISTED_MAX = 200
READ_MAX = 16 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Message:
    """One message of the outbox as a page shows it."""

    name: str
    at: datetime
    to: str
    subject: str
    text: str
    attachments: tuple[tuple[str, int], ...]


def put(folder: Path, message: bytes) -> str:
    """Store one message, whole or not at all; gives its name.  Raises OSError."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    name = f"{now():%Y%m%dT%H%M%S%f}-{secrets.token_hex(8)}.eml"
    new = folder / f"{name}.new"
    handle = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(message)
            file.flush()
            os.fsync(file.fileno())
        os.link(new, folder / name)  # never over another's
    finally:
        new.unlink()
    return name


def listed(folder: Path) -> tuple[list[Message], int]:
    """The newest messages, and how many there are."""
    names = sorted((place.name for place in _files(folder)), reverse=True)
    found = (read(folder, name) for name in names[:LISTED_MAX])
    return [message for message in found if message is not None], len(names)


def read(folder: Path, name: str) -> Message | None:
    """One message, or None when there is none of this name."""
    if not NAME.fullmatch(name):
        return None
    place = folder / name
    try:
        with place.open("rb") as file:
            raw = file.read(READ_MAX)
    except OSError:
        return None
    message = message_from_bytes(raw, _class=EmailMessage, policy=default)
    body = message.get_body(("plain",))
    at = datetime.strptime(name.partition("-")[0], "%Y%m%dT%H%M%S%f").replace(tzinfo=UTC)
    parts = message.iter_attachments()
    files = tuple((part.get_filename() or "", len(part.get_payload(decode=True) or b"")) for part in parts)
    return Message(name, at, str(message["To"] or ""), str(message["Subject"] or ""), _text(body), files)


def _text(body: MIMEPart | None) -> str:
    return "" if body is None else str(body.get_content()).replace("\r\n", "\n")


def clean(folder: Path, days: int) -> int:
    """Remove messages older than `days`; says how many."""
    before = f"{now() - timedelta(days=days):%Y%m%dT%H%M%S%f}"
    gone = [place for place in _files(folder) if place.name < before]
    for place in gone:
        place.unlink(missing_ok=True)
    return len(gone)


def _files(folder: Path) -> Iterator[Path]:
    if folder.is_dir():
        yield from (place for place in folder.iterdir() if NAME.fullmatch(place.name))
