"""Key files: how vending keys come into a software module, and what is refused (docs/keyfile.md).

A key file is the envelope of `keystore` with the time it was issued.  It is taken whole or not at all: keys are
added, and facts of held keys renewed; a held key is never replaced by another, and nothing goes back in time.

>>> from app.sts.demonstration import demonstration_keys
>>> noon = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
>>> text = write(demonstration_keys(), 'correct horse', noon)
>>> opened = read(text, 'correct horse', now=noon)
>>> opened.issued_at == noon, opened.keys == demonstration_keys()
(True, True)
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from app.sts.keys import Secret
from app.sts.keystore import FORMAT, VERSION, KeyStore, KeyStoreError, VendingKey, seal, unseal
from app.sts.token_id import has_zone

#: A clock may be a little ahead; a file from later than this is refused.
_AHEAD = timedelta(days=1)
#: No more than this is read.
SIZE_MAX = 48 * 1024
HARDWARE_ONLY = (
    "this looks like a key load file of a Key Management Centre: it is encrypted for one hardware security "
    "module and can be loaded into that hardware only"
)
#: Records of edition 1 begin with 95xx; later ones are text with these words, or signed containers.
_RECORDS = re.compile(r"\s*95[0-9]{2}[0-9A-Z]", re.ASCII).match
_WORDS = re.compile(r"\bKLF\b|key.?load|\bKMC\b|STS600|BEGIN (PKCS7|CMS)", re.IGNORECASE).search


class KeyFileError(KeyStoreError):
    """A key file that is refused whole; says why, without any key."""

    code = "keyfile"


@dataclass(frozen=True, slots=True)
class KeyFile(Secret):
    """An opened key file."""

    issued_at: datetime
    keys: tuple[VendingKey, ...]


def write(vending_keys: Iterable[VendingKey], passphrase: str, issued_at: datetime) -> str:
    """Return the text of a key file. Raises KeyFileError without keys, KeyStoreError when one stands twice.

    >>> write((), 'correct horse', datetime.now(UTC))
    Traceback (most recent call last):
        ...
    app.sts.keyfile.KeyFileError: a key file holds at least one key
    """
    held = tuple(vending_keys)
    if not held:
        raise KeyFileError("a key file holds at least one key")
    if len(passphrase) < 8:
        raise KeyFileError("the pass phrase of a key file has at least 8 characters")
    return seal(held, passphrase, issued_at.astimezone(UTC).replace(microsecond=0))


def inspect(text: str) -> dict[str, object]:
    """Return what a key file says of itself without its pass phrase. Raises KeyFileError.

    >>> inspect('{}')
    Traceback (most recent call last):
        ...
    app.sts.keyfile.KeyFileError: this is no key file of this program
    """
    if len(text) > SIZE_MAX:
        raise KeyFileError(f"a key file has at most {SIZE_MAX} characters")
    try:
        sealed = json.loads(text)
    except (ValueError, RecursionError):
        sealed = None
    if not isinstance(sealed, dict) or sealed.get("format") != FORMAT:
        if looks_like_hardware_file(text):
            raise KeyFileError(HARDWARE_ONLY)
        raise KeyFileError("this is no key file of this program")
    if sealed.get("version") != VERSION:
        other = sealed.get("version")
        other = other if isinstance(other, int | str) else "something else"
        raise KeyFileError(f"a key file of version {VERSION} is needed, this is {other!r}")
    return {name: sealed.get(name) for name in ("format", "version", "issued_at", "kdf", "cipher")}


def read(text: str, passphrase: str, now: datetime) -> KeyFile:
    """Return the opened file; ``now``: by which it must have been issued. Raises KeyFileError, KeyStoreError.

    >>> read('{}', 'correct horse', datetime.now(UTC))
    Traceback (most recent call last):
        ...
    app.sts.keyfile.KeyFileError: this is no key file of this program
    """
    inspect(text)
    contents = unseal(text, passphrase)
    if contents.issued_at is None or not has_zone(contents.issued_at):
        raise KeyFileError("the key file does not say when it was issued")
    if contents.issued_at > now + _AHEAD:
        raise KeyFileError("the key file was issued in the future: look at the clocks")
    if not contents.keys:
        raise KeyFileError("the key file holds no key")
    return KeyFile(contents.issued_at, contents.keys)


def merge(held: KeyStore, file: KeyFile) -> tuple[VendingKey, ...]:
    """Return the keys after loading a file: old ones, renewed ones, new ones. Raises KeyFileError.

    Refused whole: a file older than the newest loaded, another key under a held group and revision, and a
    held key whose expiry number would sink.

    >>> from pathlib import Path
    >>> from app.sts.demonstration import demonstration_keys
    >>> first, *others = demonstration_keys()
    >>> noon = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
    >>> len(merge(KeyStore(Path('none'), (first,)), KeyFile(noon, (first, *others))))
    5
    """
    if held.issued_at is not None and file.issued_at < held.issued_at:
        raise KeyFileError(
            f"the key file of {file.issued_at:%Y-%m-%d %H:%M:%S} UTC is older than the one loaded, of"
            f" {held.issued_at:%Y-%m-%d %H:%M:%S} UTC"
        )
    merged = {(key.sgc, key.krn): key for key in held.keys}
    for key in file.keys:
        known = merged.get((key.sgc, key.krn))
        if known is not None:
            _require_same(known, key)
        merged[key.sgc, key.krn] = key
    return tuple(merged.values())


def _require_same(known: VendingKey, key: VendingKey) -> None:
    name = f"vending key {key.sgc}/{key.krn}"
    if known.material != key.material:
        raise KeyFileError(f"{name} is held already with another check value ({known.kcv})")
    fixed = ("key_type", "dkga", "base_date")
    if changed := [one for one in fixed if getattr(known, one) != getattr(key, one)]:
        raise KeyFileError(f"{name} is held already with another {changed[0].replace('_', ' ')}")
    if key.ken < known.ken:
        raise KeyFileError(
            f"the key expiry number of {name} would go back from {known.ken} to {key.ken}"
        )


def looks_like_hardware_file(text: str) -> bool:
    """Answer whether this is a key load file for hardware, as far as its first lines show.

    >>> looks_like_hardware_file('95000289050716STS04A600404\\n9520...'), looks_like_hardware_file('{}')
    (True, False)
    """
    head = text[:4000]
    return bool(_RECORDS(head) or _WORDS(head) or "\0" in head)
