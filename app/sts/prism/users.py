"""The users of the module server: a file of names, scrypt hashes and permissions, and who is signed in.

Passwords are hashed with scrypt and a salt of their own.  Tries are limited for each user and address.  Access
tokens are random, kept as hashes in memory only, and expire: after a restart everybody signs in again.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import re
import secrets
import time
from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from app.sts.keystore import write_private

#: issue: credit tokens and the answers to lost requests; engineering: all other tokens; verify: decoding;
#: status: state and alerts; admin: keys, counts, licences.
PERMISSIONS = ("issue", "engineering", "verify", "status", "admin")
FORMAT, VERSION = "sts-module-users", 1
_COST = {"n": 1 << 14, "r": 8, "p": 1}
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.@-]{0,39}").fullmatch
#: TokenApi takes no longer one.
PASSWORD_MAX = 55


class UsersError(ValueError):
    """The file of users cannot be used, or a user cannot be added; says why, without a password."""


@dataclass(frozen=True, slots=True)
class User:
    """One user; the hash never shows."""

    name: str
    permissions: frozenset[str]
    salt: bytes = field(repr=False)
    digest: bytes = field(repr=False)


class Users:
    """The file, read again when it has changed."""

    def __init__(self, path: Path) -> None:
        """Raises UsersError, OSError."""
        self._path = path
        self._seen: tuple[int, int] | None = None
        self._users: dict[str, User] = {}
        self.refresh()

    def refresh(self) -> None:
        """Read the file if another one stands there. Raises UsersError, OSError."""
        stat = self._path.stat()
        seen = stat.st_mtime_ns, stat.st_ino
        if seen != self._seen:
            self._users = {user.name: user for user in read(self._path)}
            self._seen = seen

    def find(self, name: str) -> User | None:
        """The user of this name."""
        return self._users.get(name)

    def check(self, name: str, password: str) -> User | None:
        """The user whose password this is. Takes as long for a name that nobody has."""
        user = self._users.get(name)
        salt = user.salt if user else b"nobody has this name"
        digest = _digest(password, salt)
        return user if user and hmac.compare_digest(digest, user.digest) else None


def read(path: Path) -> tuple[User, ...]:
    """The users of a file. Raises UsersError, OSError."""
    try:
        content = json.loads(path.read_bytes())
        if (content["format"], content["version"], content["cost"]) != (FORMAT, VERSION, _COST):
            raise ValueError  # noqa: TRY301
        return tuple(
            User(
                row["name"],
                frozenset(row["permissions"]),
                bytes.fromhex(row["salt"]),
                bytes.fromhex(row["scrypt"]),
            )
            for row in content["users"]
        )
    except (ValueError, KeyError, TypeError):
        raise UsersError(f"{path.name} is no file of users of version 1, or is damaged") from None


def put(path: Path, name: str, password: str, permissions: Iterable[str]) -> None:
    """Add a user, or replace the one of this name. Raises UsersError, OSError."""
    wanted = frozenset(permissions)
    if not _NAME(name):
        raise UsersError(
            "a user name has 1 to 40 of A-Z a-z 0-9 _ . @ - and begins with a letter or digit"
        )
    if not 8 <= len(password.encode()) <= PASSWORD_MAX:
        raise UsersError(f"a password has 8 to {PASSWORD_MAX} characters")
    if unknown := sorted(wanted - set(PERMISSIONS)):
        raise UsersError(f"no such permission: {', '.join(unknown)}")
    salt = secrets.token_bytes(16)
    known = {user.name: user for user in (read(path) if path.exists() else ())}
    known[name] = User(name, wanted, salt, _digest(password, salt))
    _write(path, known.values())


def remove(path: Path, name: str) -> bool:
    """Remove a user; False when there is none of this name. Raises UsersError, OSError."""
    users = read(path)
    _write(path, [user for user in users if user.name != name])
    return any(user.name == name for user in users)


def _write(path: Path, users: Iterable[User]) -> None:
    rows: list[dict[str, Any]] = [
        {
            "name": user.name, "permissions": sorted(user.permissions),
            "salt": user.salt.hex(), "scrypt": user.digest.hex(),
        }
        for user in users
    ]  # fmt: skip
    content = {"format": FORMAT, "version": VERSION, "cost": _COST, "users": rows}
    write_private(path, json.dumps(content, indent=1).encode())


def _digest(password: str, salt: bytes) -> bytes:
    return hashlib.scrypt(password.encode(), salt=salt, **_COST, maxmem=1 << 26, dklen=32)


class Sessions:
    """Access tokens in use. Times are monotonic seconds; the clock can be another in tests."""

    def __init__(
        self, *, rest_s: float = 1800.0, most_s: float = 43200.0, limit: int = 1000
    ) -> None:
        """A token ends ``rest_s`` after its last use, ``most_s`` after its making, or as the oldest of ``limit``."""
        self._rest_s, self._most_s, self._limit = rest_s, most_s, limit
        self._signed_in: OrderedDict[bytes, tuple[str, float, float]] = OrderedDict()

    def begin(self, user: User, now: float | None = None) -> str:
        """Return a new access token."""
        now = time.monotonic() if now is None else now
        while len(self._signed_in) >= self._limit:
            self._signed_in.popitem(last=False)
        access_token = secrets.token_urlsafe(32)
        self._signed_in[_hashed(access_token)] = user.name, now + self._most_s, now + self._rest_s
        return access_token

    def user_name(self, access_token: str, now: float | None = None) -> str | None:
        """Whose token this is; None when it is nobody's, or its time is over."""
        now = time.monotonic() if now is None else now
        spot = _hashed(access_token)
        found = self._signed_in.get(spot)
        if found is None:
            return None
        name, end, rest = found
        if now > min(end, rest):
            del self._signed_in[spot]
            return None
        self._signed_in[spot] = name, end, now + self._rest_s
        return name


class Tries:
    """Wrong passwords, by user name and address: some are free, then each costs twice the wait of the last."""

    def __init__(
        self, *, free: int = 5, first_wait_s: float = 30.0, longest_wait_s: float = 900.0
    ) -> None:
        """``free`` wrong tries cost nothing."""
        self._free, self._first_s, self._longest_s = free, first_wait_s, longest_wait_s
        self._wrong: OrderedDict[tuple[str, str], tuple[int, float]] = OrderedDict()

    def wait_s(self, name: str, address: str, now: float | None = None) -> float:
        """How long this user at this address must wait before the next try."""
        now = time.monotonic() if now is None else now
        _, until = self._wrong.get((name[:64], address), (0, 0.0))
        return max(0.0, until - now)

    def wrong(self, name: str, address: str, now: float | None = None) -> None:
        """Note a wrong password."""
        now = time.monotonic() if now is None else now
        spot = name[:64], address
        count = self._wrong.pop(spot, (0, 0.0))[0] + 1
        over = count - self._free
        wait = min(self._longest_s, self._first_s * 2 ** min(over, 16)) if over >= 0 else 0.0
        self._wrong[spot] = count, now + wait
        while len(self._wrong) > 10_000:
            self._wrong.popitem(last=False)

    def right(self, name: str, address: str) -> None:
        """Forget the wrong ones."""
        self._wrong.pop((name[:64], address), None)


def _hashed(access_token: str) -> bytes:
    return hashlib.sha256(access_token.encode()).digest()
