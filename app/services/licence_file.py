"""The signed file of a licence: written with a private key, read with the public one (docs/licence.md).

::

    STS-VENDING-LICENCE 1
    holder: <1 to 100 characters>
    installation: <the twelve letters of one installation, or any>
    issued: <YYYY-MM-DDTHH:MM:SSZ>
    valid-until: <YYYY-MM-DD, or never>
    meters: <1 to 1000000000, or any>
    signature: <Ed25519 over the six lines above in UTF-8, each ended by one line feed; base64>

Whoever wants to alter a letter of it needs the private key.
"""

from __future__ import annotations

import base64
import binascii
import re
import unicodedata
from dataclasses import dataclass
from datetime import UTC, date, datetime

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from app.domain.licence import ForgedLicence, NotALicence, Terms

FIRST_LINE = "STS-VENDING-LICENCE 1"
SIZE_MAX = 4_096
METERS_MAX = 1_000_000_000
HOLDER_MAX = 100
INSTALLATION = re.compile(r"[A-Z2-7]{4}-[A-Z2-7]{4}-[A-Z2-7]{4}").fullmatch
_FILE = re.compile(
    rf"({FIRST_LINE}\nholder: ([^\n]{{1,{HOLDER_MAX}}})\ninstallation: (any|[A-Z2-7-]{{14}})\n"
    r"issued: ([0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z)\n"
    r"valid-until: (never|[0-9]{4}-[0-9]{2}-[0-9]{2})\n"
    r"meters: (any|[1-9][0-9]{0,9})\n)signature: ([A-Za-z0-9+/]{86}==)\n",
).fullmatch


class BadKey(ValueError):
    """A key that cannot be used; says why."""


@dataclass(frozen=True, slots=True)
class KeyPair:
    """A new pair: PKCS 8 in PEM, and the base64 of the 32 bytes that everybody may know."""

    private: str
    public: str


def new_keys(passphrase: str | None) -> KeyPair:
    """A new pair of keys; the private one is encrypted when there is a pass phrase."""
    key = Ed25519PrivateKey.generate()
    how = serialization.BestAvailableEncryption(passphrase.encode()) if passphrase else serialization.NoEncryption()
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, how)
    return KeyPair(pem.decode("ascii"), _public_text(key))


def write(terms: Terms, private: str, passphrase: str | None = None) -> str:
    """The signed text of a licence.  Raises BadKey, and ValueError for terms that no file can say."""
    if terms.issued_at is None:
        raise ValueError("a licence that is issued says when")
    said = (
        f"{FIRST_LINE}\nholder: {unicodedata.normalize('NFC', terms.holder)}\n"
        f"installation: {terms.installation or 'any'}\n"
        f"issued: {terms.issued_at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}\n"
        f"valid-until: {terms.valid_until.isoformat() if terms.valid_until else 'never'}\n"
        f"meters: {'any' if terms.meters_allowed is None else terms.meters_allowed}\n"
    )
    key = _private_key(private, passphrase)
    text = f"{said}signature: {base64.b64encode(key.sign(said.encode())).decode('ascii')}\n"
    try:
        read(text, _public_text(key))
    except NotALicence:
        raise ValueError("holder, installation, days or meters are not what a licence file can say") from None
    return text


def read(text: str, public_key: str) -> Terms:
    """The terms of a licence that the owner of `public_key` signed.

    Raises NotALicence, ForgedLicence, and BadKey for a key that is none.
    """
    said, terms, signature = _parts(text)
    try:
        public(public_key).verify(signature, said.encode())
    except InvalidSignature:
        raise ForgedLicence from None
    return terms


def claims(text: str) -> Terms:
    """What a licence file says of itself, whoever signed it.  Raises NotALicence."""
    return _parts(text)[1]


def public(text: str) -> Ed25519PublicKey:
    """A public key from its base64.  Raises BadKey."""
    try:
        raw = base64.b64decode(text.strip(), validate=True)
        return Ed25519PublicKey.from_public_bytes(raw)
    except (binascii.Error, ValueError):
        raise BadKey("a public key is the base64 of 32 bytes, as `flask licence keypair` prints it") from None


def _parts(text: str) -> tuple[str, Terms, bytes]:
    match = _FILE(text.removeprefix("\ufeff").replace("\r\n", "\n").strip() + "\n") if len(text) <= SIZE_MAX else None
    if match is None:
        raise NotALicence
    said, holder, installation, issued, until, meters, signature = match.groups()
    if holder != holder.strip() or not holder.isprintable():
        raise NotALicence
    if installation != "any" and not INSTALLATION(installation):
        raise NotALicence
    try:
        terms = Terms(
            holder,
            valid_until=None if until == "never" else date.fromisoformat(until),
            meters_allowed=None if meters == "any" else int(meters),
            installation=None if installation == "any" else installation,
            issued_at=datetime.fromisoformat(issued),
        )
    except ValueError:  # a 31st of June
        raise NotALicence from None
    if terms.meters_allowed is not None and terms.meters_allowed > METERS_MAX:
        raise NotALicence
    return said, terms, base64.b64decode(signature)


def _private_key(pem: str, passphrase: str | None) -> Ed25519PrivateKey:
    try:
        key = serialization.load_pem_private_key(pem.encode(), passphrase.encode() if passphrase else None)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise BadKey(f"the private key cannot be opened: {error}") from None
    if not isinstance(key, Ed25519PrivateKey):
        raise BadKey("the private key is of another kind than Ed25519")
    return key


def _public_text(key: Ed25519PrivateKey) -> str:
    raw = key.public_key().public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
    return base64.b64encode(raw).decode("ascii")
