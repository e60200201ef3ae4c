"""The folder of a module server: keys, users, certificate and journal, made ready and opened.

::

    keystore.json      vending keys, encrypted (app/sts/keystore.py)      passphrase  what opens them
    users.json         who may call, with which permissions               licence.key checks licences
    certificate.pem    what clients pin                                   private-key.pem
    journal.db         token ids and answers (its log is beside it)       lock        held by the server
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from app.sts.keystore import (
    KeyStore,
    KeyStoreError,
    VendingKey,
    create_passphrase,
    read_passphrase,
    write_private,
)
from app.sts.prism import certificate, journal_tables, users
from app.sts.prism.journal_start import ACCEPT_LOSS

KEYSTORE, PASSPHRASE, USERS = "keystore.json", "passphrase", "users.json"
CERTIFICATE, PRIVATE_KEY = "certificate.pem", "private-key.pem"
JOURNAL, LICENCE_KEY, LOCK = "journal.db", "licence.key", "lock"
FIRST_USER = "vending"


@dataclass(frozen=True, slots=True)
class Prepared:
    """What a client needs to come in. ``password`` is known only when the user was just made."""

    fingerprint: str
    username: str
    password: str | None = field(repr=False)


def prepare(
    folder: Path, *, vending_keys: Iterable[VendingKey] = (), host: str = "127.0.0.1"
) -> Prepared:
    """Make what is missing, change nothing that is there. Raises OSError, KeyStoreError, sqlite3.Error.

    ``vending_keys`` fill a key store that is made now; ``host``: the name or address that clients connect to.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    folder.chmod(0o700)
    if not (folder / PASSPHRASE).exists():
        create_passphrase(folder / PASSPHRASE)
    if not (folder / KEYSTORE).exists():
        # The journal first: later one that is missing beside keys was lost, and no server begins another.
        journal_tables.opened(folder / JOURNAL).close()
        KeyStore.create(folder / KEYSTORE, read_passphrase(folder / PASSPHRASE), vending_keys)
    if not (folder / CERTIFICATE).exists():
        certificate.create(folder / CERTIFICATE, folder / PRIVATE_KEY, host)
    if not (folder / LICENCE_KEY).exists():
        write_private(folder / LICENCE_KEY, secrets.token_hex(32).encode() + b"\n")
    password = None
    if not (folder / USERS).exists():
        password = secrets.token_urlsafe(24)
        add_user(folder, FIRST_USER, password, users.PERMISSIONS)
    return Prepared(fingerprint(folder), FIRST_USER, password)


def fingerprint(folder: Path) -> str:
    """SHA-256 of the server's certificate, 64 lowercase hexadecimal digits. Raises OSError, ValueError."""
    return certificate.fingerprint(folder / CERTIFICATE)


def add_user(folder: Path, username: str, password: str, permissions: Iterable[str]) -> None:
    """Add a user, or replace the one of this name; a running server knows it at once. Raises UsersError."""
    users.put(folder / USERS, username, password, permissions)


def require_journal(folder: Path) -> None:
    """Raise FileNotFoundError when the journal is gone: keys without it would draw token ids twice."""
    journal = folder / JOURNAL
    if not journal.exists() or not journal.stat().st_size:
        raise FileNotFoundError(
            f"{JOURNAL}, the memory of this module, is missing beside its keys: put it and its log back, or restore the"
            f" last backup (docs/module_server.md); a new one is begun with {ACCEPT_LOSS}, and token ids may repeat"
        )


def open_keys(folder: Path) -> KeyStore:
    """The vending keys. Raises KeyStoreError, OSError."""
    if not (folder / KEYSTORE).exists():
        raise KeyStoreError("this is no folder of a module yet: its first start makes it")
    return KeyStore.open(folder / KEYSTORE, read_passphrase(folder / PASSPHRASE))
