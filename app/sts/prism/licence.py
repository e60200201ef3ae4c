"""Transaction licences: a text that lets the module answer so many more requests, authenticated, good once.

::

    STS-TRANSACTION-LICENCE 1
    module: <name of the security module>
    serial: <1 to 40 of A-Z a-z 0-9 _ . -, never used before>
    transactions: <1 to 1000000000>
    mac: <HMAC-SHA-256 of the four lines above, each ended by one line feed, 64 hexadecimal digits>

The key of the MAC is in the module's folder (licence.key), so who can write licences is who keeps that folder.
A module that has never seen a licence answers without counting down.  Each request that makes tokens with a
message id takes one transaction, whatever the number of its tokens; repeats and class 1 take none.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from dataclasses import dataclass

FIRST_LINE = "STS-TRANSACTION-LICENCE 1"
_LICENCE = re.compile(
    rf"({FIRST_LINE}\nmodule: ([^\n]{{1,64}})\nserial: ([A-Za-z0-9_.-]{{1,40}})\ntransactions: ([1-9][0-9]{{0,9}})\n)"
    r"mac: ([0-9a-fA-F]{64})\n?",
    re.ASCII,
).fullmatch
TRANSACTIONS_MAX = 1_000_000_000


class LicenceError(ValueError):
    """No licence of this module; says why."""


@dataclass(frozen=True, slots=True)
class Licence:
    """So many transactions, under a number that counts once."""

    serial: str
    transactions: int


def write(key: str, module: str, licence: Licence) -> str:
    """Return the text of a licence; ``key`` is the content of licence.key. Raises LicenceError."""
    said = (
        f"{FIRST_LINE}\nmodule: {module}\nserial: {licence.serial}\n"
        f"transactions: {licence.transactions}\n"
    )
    text = f"{said}mac: {_mac(key, said)}\n"
    read(key, module, text)
    return text


def read(key: str, module: str, text: str) -> Licence:
    """Return the licence in a text, when it is this module's and nobody changed it. Raises LicenceError."""
    match = _LICENCE(text.replace("\r\n", "\n").strip() + "\n")
    if match is None:
        raise LicenceError("this is no transaction licence of version 1")
    said, named, serial, transactions, mac = match.groups()
    if not hmac.compare_digest(_mac(key, said), mac.lower()):
        raise LicenceError("the licence was changed, or was written for another module")
    if named != module:
        raise LicenceError(f"the licence is for the module {named!r}")
    if int(transactions) > TRANSACTIONS_MAX:
        raise LicenceError(f"a licence has at most {TRANSACTIONS_MAX} transactions")
    return Licence(serial, int(transactions))


def _mac(key: str, said: str) -> str:
    return hmac.new(bytes.fromhex(key.strip()), said.encode(), hashlib.sha256).hexdigest()
