"""Passwords of security modules at rest: sealed with a key that lies in a file beside the database.

A copy of the database alone opens no module. The key file is made by set-up, is readable by its owner
only, and belongs into the backup apart from the database.
"""

from __future__ import annotations

import base64
import os
import secrets
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

KEY_BYTES, NONCE_BYTES = 32, 12
_PURPOSE = b"sealed with credentials.key, version 1"
_MARK = "v1:"


class CannotUnseal(ValueError):
    """The key file is missing or another one, or the sealed text was changed."""


def make_key_file(path: Path) -> None:
    """Make the key file if there is none; two that start at once end with one and the same."""
    if path.exists():
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    new = path.with_name(f"{path.name}.{secrets.token_hex(8)}")
    descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(AESGCM.generate_key(KEY_BYTES * 8))
            file.flush()
            os.fsync(file.fileno())
        try:
            os.link(new, path)  # whole or not at all, and never over another's
        except FileExistsError:
            return
    finally:
        new.unlink()


def seal(text: str, key_file: Path) -> str:
    """A password as it may stand in the database. Raises CannotUnseal without a usable key file."""
    nonce = secrets.token_bytes(NONCE_BYTES)
    sealed = nonce + AESGCM(_key(key_file)).encrypt(nonce, text.encode(), _PURPOSE)
    return _MARK + base64.b64encode(sealed).decode("ascii")


def unseal(sealed: str, key_file: Path) -> str:
    """The password again. Raises CannotUnseal."""
    try:
        raw = base64.b64decode(sealed.removeprefix(_MARK), validate=True)
        return AESGCM(_key(key_file)).decrypt(raw[:NONCE_BYTES], raw[NONCE_BYTES:], _PURPOSE).decode()
    except (InvalidTag, ValueError) as error:
        raise CannotUnseal(f"not sealed with {key_file.name}") from error


def _key(key_file: Path) -> bytes:
    try:
        key = key_file.read_bytes()
    except OSError as error:
        raise CannotUnseal(f"{key_file.name} cannot be read") from error
    if len(key) != KEY_BYTES:
        raise CannotUnseal(f"{key_file.name} is not a key of {KEY_BYTES} bytes")
    return key
