"""Passwords that others try first: those that very many people have, and those that were stolen somewhere.

`common_passwords.bin` comes with the program: of each of the 44 000 commonest passwords of twelve signs and more the
first six bytes of its SHA-256, in order.  They are those among the first million of the ten million passwords that
Mark Burnett gave to the public domain ("Today I Am Releasing Ten Million Passwords", xato.net, February 2015);
`tools/common_passwords.py` made the file.  A list of breached passwords is the installation's own: a file of SHA-1
hashes in order, as Have I Been Pwned hands it out, searched where it lies.  No request leaves the house.
"""

from __future__ import annotations

import hashlib
from bisect import bisect_left
from pathlib import Path
from typing import BinaryIO

COMMON_FILE = Path(__file__).with_name("common_passwords.bin")
RECORD = 6
SHA1_SIGNS = 40
BEHIND = b"\xff"


def record_of(password: str) -> bytes:
    """What the file of common passwords holds of one; big and small letters are alike."""
    return hashlib.sha256(password.casefold().encode("utf-8", "replace")).digest()[:RECORD]


def is_common(password: str) -> bool:
    """Whether very many people have this password."""
    wanted = record_of(password)
    with COMMON_FILE.open("rb") as file:

        def record(number: int) -> bytes:
            file.seek(number * RECORD)
            return file.read(RECORD)

        number = bisect_left(range(file.seek(0, 2) // RECORD), wanted, key=record)
        return record(number) == wanted


def is_breached(password: str, hashes: Path) -> bool:
    """Whether the file of hashes (lines like ``SHA1`` or ``SHA1:COUNT``, in order) has this password.

    Reads some forty lines of it, however large it is.  Raises OSError when it cannot be read.
    """
    # SHA-1 is how these files name passwords; nothing is kept or proven by it.
    name = hashlib.sha1(password.encode("utf-8", "replace"), usedforsecurity=False)
    wanted = name.hexdigest().upper().encode("ascii")
    with hashes.open("rb") as file:
        # Behind the last line is more than any hash.
        place = bisect_left(range(file.seek(0, 2)), wanted, key=lambda at: _line_from(file, at) or BEHIND)
        return _line_from(file, place) == wanted


def _line_from(file: BinaryIO, place: int) -> bytes:
    """The hash of the first line that begins at this place or later; nothing at the end."""
    file.seek(max(place - 1, 0))
    if place:
        file.readline()
    return file.readline()[:SHA1_SIGNS].upper()
