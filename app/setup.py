"""`flask setup`: everything between an empty machine and a site that can be used.

Idempotent, and safe when two start at once: a lock lets one work while the other waits.
It makes the instance folder, secret key, tables, permissions, roles and groups, the base
data, the software module's key store, the first administrator, the translations and the key
of the audit chain.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import secrets
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from flask import Flask
from sqlalchemy import func, select, text

from app.extensions import db

LOCK_NUMBER = 7_311_966  # any number, the same for every process of the installation


def prepare_instance(config: dict[str, Any]) -> None:
    """Make the instance folder and its secret key, readable by the owner alone.

    Raises PermissionError when the folder cannot be written.
    """
    folder = Path(config["INSTANCE_DIR"])
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    if config.get("SECRET_KEY") is None:
        path = Path(config["SECRET_KEY_FILE"])
        write_once(path, secrets.token_hex(32).encode())
        config["SECRET_KEY"] = path.read_text(encoding="ascii").strip()


def write_once(path: Path, content: bytes) -> bool:
    """Write a 0600 file whole, unless it is already there; the first of two writers wins."""
    if path.exists():
        return False
    draft = path.with_name(f"{path.name}.{secrets.token_hex(4)}")
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        with contextlib.suppress(FileExistsError):
            os.link(draft, path)  # NB: unlike a rename, a link never replaces what is there
            return True
        return False
    finally:
        draft.unlink()


def run_setup(app: Flask) -> list[str]:
    """Bring this installation up to date; says what was done, a line each."""
    from flask_migrate import upgrade

    from app.setup_data import seed_data

    done: list[str] = []
    Path(app.config["INSTANCE_DIR"]).mkdir(parents=True, exist_ok=True, mode=0o700)
    with app.app_context(), one_at_a_time(app.config):
        upgrade(directory=str(app.extensions["migrate"].directory))
        done += _permissions(app)
        done += seed_data(app)
        done += _audit_key(Path(app.config["AUDIT_KEY_FILE"]))
        if app.config["MODE"] == "production":
            _refuse_public_keys()
    return done


class NotForService(Exception):
    """This installation must not make tokens that are worth money; the text is one sentence."""


def _refuse_public_keys() -> None:
    """Raise NotForService when the books know a demonstration key: anybody could make tokens of its meters."""
    from app.models import SupplyGroupKey

    held = select(func.count(SupplyGroupKey.id)).where(SupplyGroupKey.demonstration)
    if db.session().execute(held).scalar_one():
        raise NotForService(
            "MODE is production, but this installation holds demonstration keys, which everybody has: take a new "
            "INSTANCE_DIR and an empty database, or MODE=demonstration."
        )


def _permissions(app: Flask) -> list[str]:
    """The permissions of every page, and what is new of them for the seeded roles."""
    from app.access import roles

    given = roles.seed(app.appbuilder.sm)  # type: ignore[attr-defined]
    return [f"{given} permissions given to seeded roles"] if given else []


def _audit_key(path: Path) -> list[str]:
    """The key of the audit chain; a lost one is never replaced in silence."""
    from app.models import AuditEntry

    if path.exists():
        return []
    sealed = select(func.count(AuditEntry.id)).where(AuditEntry.chain_hash.is_not(None))
    if db.session().execute(sealed).scalar_one():
        return [f"NB: {path.name} is missing, so the audit log is no longer sealed: restore it from a backup"]
    write_once(path, secrets.token_hex(32).encode())
    return []


@contextlib.contextmanager
def one_at_a_time(config: Mapping[str, Any]) -> Iterator[None]:
    """Hold the set-up lock: an advisory lock on PostgreSQL, a locked file beside SQLite."""
    if db.engine.dialect.name == "postgresql":
        with db.engine.connect() as connection:
            connection.execute(text("SELECT pg_advisory_lock(:n)"), {"n": LOCK_NUMBER})
            try:
                yield
            finally:
                connection.execute(text("SELECT pg_advisory_unlock(:n)"), {"n": LOCK_NUMBER})
        return
    path = Path(config["INSTANCE_DIR"]) / "setup.lock"
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
