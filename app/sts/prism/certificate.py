"""The certificate of the module server: made by itself for one host, known by its fingerprint."""

from __future__ import annotations

import hashlib
import ipaddress
import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from app.sts.keystore import write_private

_VALID = timedelta(days=3650)


def create(certificate: Path, private_key: Path, host: str) -> None:
    """Write a new self-signed certificate for a host name or address, and localhost; ten years long."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "STS security module")])
    names: list[x509.GeneralName] = [x509.DNSName("localhost")]
    try:
        names.append(x509.IPAddress(ipaddress.ip_address(host)))
    except ValueError:
        names.append(x509.DNSName(host))
    begin = datetime.now(UTC) - timedelta(days=1)  # a client's clock may be a little behind
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(begin)
        .not_valid_after(begin + _VALID)
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    write_private(
        private_key,
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        ),
    )
    write_private(certificate, made.public_bytes(serialization.Encoding.PEM))


def fingerprint(certificate: Path) -> str:
    """SHA-256 of the certificate, 64 lowercase hexadecimal digits. Raises OSError, ValueError."""
    der = ssl.PEM_cert_to_DER_cert(_first(certificate.read_text("ascii")))
    return hashlib.sha256(der).hexdigest()


def server_context(certificate: Path, private_key: Path) -> ssl.SSLContext:
    """TLS for the server: 1.2 or later, no renegotiation. Raises ssl.SSLError, OSError."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.options |= ssl.OP_NO_RENEGOTIATION | ssl.OP_NO_COMPRESSION
    context.num_tickets = 0
    context.load_cert_chain(certificate, private_key)
    return context


def _first(text: str) -> str:
    """The server's own certificate of a chain in one file."""
    end = "-----END CERTIFICATE-----"
    return text[: text.index(end) + len(end)] + "\n"
