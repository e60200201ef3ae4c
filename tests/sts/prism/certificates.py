"""Certificates for tests: a self-signed one for loopback, and one that an authority signed."""

from __future__ import annotations

import hashlib
import ipaddress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID


@dataclass(frozen=True)
class Certificate:
    """Where its files are, and how it is known."""

    file: Path
    key_file: Path
    fingerprint: str
    authority: str


def make_certificate(folder: Path, name: str, *, host: str = "127.0.0.1", signed: bool = False) -> Certificate:
    """A certificate for `host`, signed by itself or by an authority made for it."""
    own, own_name = ec.generate_private_key(ec.SECP256R1()), _name(name)
    authority_pem = ""
    if signed:
        issuer, issuer_name = ec.generate_private_key(ec.SECP256R1()), _name(f"{name} authority")
        top = _signed(issuer_name, issuer_name, issuer, issuer, authority=True, host=None)
        authority_pem = top.public_bytes(serialization.Encoding.PEM).decode()
    else:
        issuer, issuer_name = own, own_name
    made = _signed(own_name, issuer_name, own, issuer, authority=False, host=host)
    file, key_file = folder / f"{name}.pem", folder / f"{name}-key.pem"
    file.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    key_file.write_bytes(
        own.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )
    der = made.public_bytes(serialization.Encoding.DER)
    return Certificate(file, key_file, hashlib.sha256(der).hexdigest(), authority_pem)


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def _signed(name, issuer_name, own, issuer, *, authority: bool, host: str | None) -> x509.Certificate:
    today = datetime.now(UTC)
    builder = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(issuer_name)
        .public_key(own.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(today - timedelta(days=1))
        .not_valid_after(today + timedelta(days=30))
        .add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True)
    )
    if host is not None:
        names = [x509.IPAddress(ipaddress.ip_address(host))]
        builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
    return builder.sign(issuer, hashes.SHA256())
