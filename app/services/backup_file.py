"""The envelope of a backup: one encrypted, authenticated stream under a pass phrase.

::

    8 bytes   STSVBKUP
    4 bytes   length of the head, big-endian
    head      JSON: version, scrypt's cost and salt, nonce, size of a piece
    pieces    AES-256-GCM, each of `piece` bytes and a tag of 16; the last one is shorter or empty

The nonce of a piece is the head's seven bytes, its number, and whether it is the last one; the
head is authenticated with every piece.  So nothing can be changed, moved, repeated or cut off
unnoticed, and a wrong pass phrase fails at the first piece.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import secrets
from typing import Any, BinaryIO

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

MAGIC = b"STSVBKUP"
VERSION = 1
PIECE = 1 << 20
TAG = 16
HEAD_MAX = 4_096
PASSPHRASE_MIN = 12
_COST = {"n": 1 << 17, "r": 8, "p": 1}
#: Upper bounds of what a file may ask scrypt for: 512 MiB, some seconds.
_COST_MAX = {"n": 1 << 19, "r": 8, "p": 4}


class BadBackup(Exception):
    """It is no backup, is damaged or cut off, or the pass phrase is another; says which if it can."""


class Sealer(io.RawIOBase):
    """Encrypts what is written to it into `target`; `finish` writes the last piece."""

    def __init__(self, target: BinaryIO, passphrase: str) -> None:
        """Write the head.  Raises ValueError for a pass phrase under twelve characters."""
        if len(passphrase) < PASSPHRASE_MIN:
            raise ValueError(f"the pass phrase of a backup has {PASSPHRASE_MIN} characters or more")
        salt, nonce = secrets.token_bytes(16), secrets.token_bytes(7)
        head = {
            "version": VERSION, "kdf": {"name": "scrypt", **_COST, "salt": salt.hex()},
            "cipher": "AES-256-GCM", "nonce": nonce.hex(), "piece": PIECE,
        }  # fmt: skip
        text = json.dumps(head, sort_keys=True).encode("ascii")
        self._target, self._pieces = target, _Pieces(text, head, passphrase)
        self._waiting = bytearray()
        target.write(MAGIC + len(text).to_bytes(4, "big") + text)

    def writable(self) -> bool:
        """Always."""
        return True

    def write(self, data: Any, /) -> int:
        """Take bytes; whole pieces go out at once."""
        self._waiting += data
        # NB: a full piece is held back until more comes, because the last one is marked.
        while len(self._waiting) > PIECE:
            self._target.write(self._pieces.seal(bytes(self._waiting[:PIECE]), last=False))
            del self._waiting[:PIECE]
        return len(data)

    def finish(self) -> None:
        """Write the last piece; without it the file is refused as cut off."""
        self._target.write(self._pieces.seal(bytes(self._waiting), last=True))
        self._waiting.clear()


class Opener(io.RawIOBase):
    """Reads what a Sealer wrote; nothing leaves that is not authentic.  Raises BadBackup."""

    def __init__(self, source: BinaryIO, passphrase: str) -> None:
        """Read the head and the first piece."""
        text, head = _read_head(source)
        self._source, self._pieces = source, _Pieces(text, head, passphrase)
        self._ahead = source.read(PIECE + TAG)
        self._plain = b""
        self._done = False
        self._next(first=True)

    def readable(self) -> bool:
        """Always."""
        return True

    def readinto(self, buffer: Any, /) -> int:
        """Give decrypted bytes; 0 at the true end."""
        while not self._plain and not self._done:
            self._next(first=False)
        count = min(len(buffer), len(self._plain))
        buffer[:count] = self._plain[:count]
        self._plain = self._plain[count:]
        return count

    def _next(self, *, first: bool) -> None:
        piece, self._ahead = self._ahead, self._source.read(PIECE + TAG)
        self._done = not self._ahead
        try:
            self._plain = self._pieces.open(piece, last=self._done)
        except InvalidTag:
            why = "the pass phrase is another, or the file is damaged" if first else "the file is damaged or cut off"
            raise BadBackup(why) from None


class _Pieces:
    """The cipher of one file, piece after piece."""

    def __init__(self, text: bytes, head: dict[str, Any], passphrase: str) -> None:
        cost = {name: head["kdf"][name] for name in _COST}
        if any(not 1 <= cost[name] <= _COST_MAX[name] for name in cost):
            raise BadBackup("the file asks for too much work")
        salt = bytes.fromhex(head["kdf"]["salt"])
        memory = 256 * cost["n"] * cost["r"] + (1 << 20)
        try:
            key = hashlib.scrypt(passphrase.encode(), salt=salt, **cost, maxmem=memory, dklen=32)
        except ValueError:
            raise BadBackup("the head of the file is damaged") from None
        self._cipher, self._head = AESGCM(key), MAGIC + text
        self._nonce, self._number = bytes.fromhex(head["nonce"]), 0

    def seal(self, plain: bytes, *, last: bool) -> bytes:
        return self._cipher.encrypt(self._step(last=last), plain, self._head)

    def open(self, piece: bytes, *, last: bool) -> bytes:
        return self._cipher.decrypt(self._step(last=last), piece, self._head)

    def _step(self, *, last: bool) -> bytes:
        nonce = self._nonce + self._number.to_bytes(4, "big") + (b"\x01" if last else b"\x00")
        self._number += 1
        return nonce


def _read_head(source: BinaryIO) -> tuple[bytes, dict[str, Any]]:
    if source.read(len(MAGIC)) != MAGIC:
        raise BadBackup("this is no backup of this program")
    length = int.from_bytes(source.read(4), "big")
    text = source.read(min(length, HEAD_MAX))
    try:
        head = json.loads(text)
        version = head["version"]
        known = (head["kdf"]["name"], head["cipher"], head["piece"]) == ("scrypt", "AES-256-GCM", PIECE)
        known = known and all(type(head["kdf"][name]) is int for name in _COST)
        sizes = len(bytes.fromhex(head["nonce"])) == 7 and len(bytes.fromhex(head["kdf"]["salt"])) == 16
    except (ValueError, KeyError, TypeError):
        raise BadBackup("the head of the file is damaged") from None
    if version != VERSION or not (known and sizes):
        raise BadBackup(f"version {version} of backups is not known to this program")
    return text, head


def is_backup(path: str | os.PathLike[str]) -> bool:
    """Whether a file begins as a backup does."""
    with open(path, "rb") as file:  # noqa: PTH123 (any path-like)
        return file.read(len(MAGIC)) == MAGIC
