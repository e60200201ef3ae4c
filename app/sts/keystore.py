"""Vending keys at rest: one file, encrypted with AES-256-GCM under a key that scrypt makes of a pass phrase.

The file is a versioned JSON envelope (docs/keyfile.md); everything outside the ciphertext is authenticated
with it. It is this program's own format, not a key load file of the Key Management Centre. A wrong pass
phrase and a damaged file cannot be told apart, and neither is explained further.
"""

import base64
import hashlib
import hmac
import json
import os
import secrets
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, NoReturn, Self

from app.sts import errors, keys, token_id
from app.sts.module import KeyFacts

FORMAT, VERSION = "sts-vending-keys", 2
#: Version 1 had neither the check value and algorithms of each key, nor the time of issue.
_READABLE = (1, 2)
_COST = {"n": 32768, "r": 8, "p": 1}
#: Upper bounds of what a file may ask scrypt for: 256 MiB, some seconds.
_COST_MAX = {"n": 1 << 18, "r": 16, "p": 4}


class KeyStoreError(errors.StsError):
    """The file cannot be opened: no such format, a wrong pass phrase, or damage."""

    code = "keystore"


class Material(keys.Secret, bytes):
    """The bytes of a vending key. They do not print, are compared in constant time, and not copied or stored."""

    __slots__ = ()

    def __eq__(self, other: object) -> bool:
        """Compare with any bytes."""
        return isinstance(other, bytes) and hmac.compare_digest(self, other)

    def __ne__(self, other: object) -> bool:
        """The contrary."""
        return not self == other

    __hash__ = bytes.__hash__

    def __repr__(self) -> str:
        """Say how many there are."""
        return f"Material({len(self)} bytes)"

    __str__ = __repr__

    def __deepcopy__(self, memo: object) -> NoReturn:
        """Refuse ``dataclasses.asdict`` too, which copies what it finds."""
        self.__reduce__()


@dataclass(frozen=True, slots=True)
class VendingKey(keys.Secret):
    """A vending key with what the standard says about it; the material never shows and is not stored.

    ``sgc`` six digits; ``krn`` 1-9; ``key_type`` 1-3; ``dkga`` 2 (8 bytes) or 4 (20 bytes);
    ``base_date`` 93, 14, 35; ``ken`` 0-255; aware times between which tokens may be made, None open;
    ``eas``: the encryption algorithms its decoder keys may be for, by default all that DKGA allows.
    Raises InvalidKey or an OutOfRange.
    """

    sgc: str
    krn: int
    key_type: int
    dkga: int
    base_date: int
    ken: int
    material: bytes = field(repr=False)
    active_from: datetime | None = None
    active_to: datetime | None = None
    eas: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        """Refuse what no vending key can be."""
        errors.check_sgc(self.sgc)
        errors.check_range(errors.KeyRevisionNumberOutOfRange, self.krn, 1, 9)
        errors.check_range(errors.KeyTypeOutOfRange, self.key_type, 1, 3)
        errors.check_range(errors.KeyExpiryNumberOutOfRange, self.ken, 0, 255)
        token_id.base(self.base_date)
        keys.check_vending_key(self.dkga, self.material)
        object.__setattr__(self, "material", Material(self.material))
        allowed = (7,) if self.dkga == 2 else (7, 11)
        if any(type(ea) is not int or ea not in allowed for ea in self.eas):
            raise errors.UnknownAlgorithm(self.eas, allowed[0], allowed[-1])
        object.__setattr__(self, "eas", tuple(sorted(set(self.eas))) or allowed)
        for moment in (self.active_from, self.active_to):
            if moment is not None and not token_id.has_zone(moment):
                raise errors.InvalidFormat("a time of activation or expiry needs its time zone")

    @property
    def kcv(self) -> str:
        """Six hexadecimal digits, see ``keys.key_check_value``."""
        return keys.key_check_value(self.dkga, self.material)

    def facts(self) -> KeyFacts:
        """Return everything but the key."""
        return KeyFacts(
            self.sgc, self.krn, self.key_type, self.dkga, self.base_date, self.ken, self.kcv,
            self.active_from, self.active_to, self.eas,
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Contents(keys.Secret):
    """What an envelope held. ``issued_at``: when it was made, None in a key store that came from no file."""

    version: int
    issued_at: datetime | None
    keys: tuple[VendingKey, ...]


@dataclass(frozen=True, slots=True)
class KeyStore(keys.Secret):
    """The opened file; itself not stored or copied. ``issued_at``: of the newest key file that was loaded into it."""

    path: Path
    keys: tuple[VendingKey, ...]
    issued_at: datetime | None = None

    @classmethod
    def create(
        cls,
        path: Path | str,
        passphrase: str,
        vending_keys: Iterable[VendingKey],
        issued_at: datetime | None = None,
    ) -> Self:
        """Write (or replace) the file, readable by its owner only, whole or not at all."""
        store = cls(Path(path), tuple(vending_keys), issued_at)
        write_private(store.path, seal(store.keys, passphrase, issued_at).encode())
        return store

    @classmethod
    def open(cls, path: Path | str, passphrase: str) -> Self:
        """Return the opened store. Raises KeyStoreError, OSError when there is no such file."""
        contents = unseal(Path(path).read_bytes(), passphrase)
        return cls(Path(path), contents.keys, contents.issued_at)


def seal(
    vending_keys: Iterable[VendingKey], passphrase: str, issued_at: datetime | None = None
) -> str:
    """Return the envelope around keys. Raises KeyStoreError when a key stands twice.

    >>> key = VendingKey('123456', 1, 2, dkga=2, base_date=14, ken=255, material=bytes(8))
    >>> unseal(seal([key], 'correct horse'), 'correct horse').keys == (key,)
    True
    """
    held = tuple(vending_keys)
    _require_once(held)
    header = {
        "format": FORMAT,
        "version": VERSION,
        "issued_at": issued_at and issued_at.isoformat(),
        "kdf": {"name": "scrypt", **_COST, "salt": secrets.token_hex(16)},
        "cipher": {"name": "AES-256-GCM", "nonce": secrets.token_hex(12)},
    }
    plain = json.dumps([_to_row(key) for key in held]).encode()
    ciphertext, tag = _cipher(header, passphrase).encrypt_and_digest(plain)
    sealed = {**header, "tag": tag.hex(), "keys": base64.b64encode(ciphertext).decode()}
    return json.dumps(sealed, indent=1)


def unseal(text: str | bytes, passphrase: str) -> Contents:
    """Return what is in an envelope: all of it, or KeyStoreError.

    >>> unseal('{}', 'correct horse')
    Traceback (most recent call last):
        ...
    app.sts.keystore.KeyStoreError: wrong pass phrase, or the key file is damaged
    """
    try:
        sealed = json.loads(text)
        tag, ciphertext = bytes.fromhex(sealed.pop("tag")), base64.b64decode(sealed.pop("keys"))
        plain = _cipher(sealed, passphrase).decrypt_and_verify(ciphertext, tag)
        held = tuple(_from_row(row) for row in json.loads(plain))
        _require_once(held)
        issued_at = sealed.get("issued_at")
        return Contents(
            sealed["version"], datetime.fromisoformat(issued_at) if issued_at else None, held
        )
    except KeyStoreError:
        raise
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError):
        # from None: the inner error could quote what was decrypted
        raise KeyStoreError("wrong pass phrase, or the key file is damaged") from None


def create_passphrase(path: Path | str) -> str:
    """Write a new random pass phrase into a file only its owner can read, and return it.

    Raises FileExistsError: an existing pass phrase is never replaced, keys would be lost.

    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     create_passphrase(Path(folder, 'phrase')) == read_passphrase(Path(folder, 'phrase'))
    True
    """
    if Path(path).exists():
        raise FileExistsError(f"{Path(path).name} exists already")
    passphrase = secrets.token_urlsafe(32)
    write_private(Path(path), (passphrase + "\n").encode())
    return passphrase


def read_passphrase(path: Path | str) -> str:
    """Return the pass phrase of a file. Raises KeyStoreError when others may read it or it is no text, OSError.

    >>> read_passphrase('no such file')
    Traceback (most recent call last):
        ...
    FileNotFoundError: [Errno 2] No such file or directory: 'no such file'
    """
    if os.name == "posix" and Path(path).stat().st_mode & 0o077:
        raise KeyStoreError("the pass phrase file must be readable by its owner only (0600)")
    try:
        return Path(path).read_text("utf-8").strip()
    except UnicodeDecodeError:  # from None: the inner error quotes what it read
        raise KeyStoreError("the pass phrase file is not UTF-8 text") from None


def _cipher(header: dict[str, Any], passphrase: str) -> Any:
    from Crypto.Cipher import AES

    if header["format"] != FORMAT or header["version"] not in _READABLE:
        raise KeyStoreError("this version of the key file is not known")
    cost = {name: int(header["kdf"][name]) for name in _COST}
    if any(not 1 <= cost[name] <= _COST_MAX[name] for name in cost):
        raise KeyStoreError("the key file asks for too much work")
    salt = bytes.fromhex(header["kdf"]["salt"])
    memory = 256 * cost["n"] * cost["r"] + (1 << 20)
    key = hashlib.scrypt(passphrase.encode(), salt=salt, **cost, maxmem=memory, dklen=32)
    cipher = AES.new(key, AES.MODE_GCM, nonce=bytes.fromhex(header["cipher"]["nonce"]))
    return cipher.update(json.dumps(header, sort_keys=True).encode())


def write_private(path: Path, content: bytes) -> None:
    """Write beside, make durable, then rename over: a power cut leaves the old file or the new one.

    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     write_private(Path(folder, 'secret'), b'text')
    ...     oct(Path(folder, 'secret').stat().st_mode & 0o777)
    '0o600'
    """
    beside = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    handle = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)
    if os.name == "posix":
        folder = os.open(path.parent, os.O_RDONLY)
        os.fsync(folder)
        os.close(folder)


def _require_once(held: Iterable[VendingKey]) -> None:
    seen: set[tuple[str, int]] = set()
    for key in held:
        if (key.sgc, key.krn) in seen:
            raise KeyStoreError(f"vending key {key.sgc}/{key.krn} stands twice in the file")
        seen.add((key.sgc, key.krn))


def _to_row(key: VendingKey) -> dict[str, Any]:
    row: dict[str, Any] = {name: getattr(key, name) for name in VendingKey.__slots__}
    row["material"], row["kcv"] = key.material.hex(), key.kcv
    for name in ("active_from", "active_to"):
        row[name] = row[name] and row[name].isoformat()
    return row


def _from_row(row: dict[str, Any]) -> VendingKey:
    kcv = row.pop("kcv", None)
    for name in ("active_from", "active_to"):
        row[name] = datetime.fromisoformat(row[name]) if row[name] else None
    eas = tuple(row.pop("eas", ()))
    key = VendingKey(**{**row, "material": bytes.fromhex(row["material"]), "eas": eas})
    if kcv is not None and kcv != key.kcv:
        raise KeyStoreError(f"the check value of vending key {key.sgc}/{key.krn} does not fit it")
    return key
