"""Where a security module is, who we are to it, and how its certificate is trusted.

>>> Place('hsm.example', 9443, 'vending', 'secret')
Place(address='hsm.example', port=9443, username='vending', trust='pinned', fingerprint=None, authority=None, \
connect_timeout_s=3.0, answer_timeout_s=10.0)
>>> Place('hsm.example', 0, 'vending', 'secret')
Traceback (most recent call last):
    ...
ValueError: a port is 1 to 65535
"""

import re
from dataclasses import dataclass, field

TRUSTS = ("pinned", "authority", "unchecked")
PASSWORD_MAX = 55  # characters; TokenApi 1.1
_FINGERPRINT = re.compile(r"[0-9a-f]{64}").fullmatch


@dataclass(frozen=True, slots=True)
class Place:
    """One module on the network.

    ``trust``: 'pinned' (the SHA-256 of its certificate is ``fingerprint``, 64 lowercase hexadecimal
    digits), 'authority' (signed by ``authority``, PEM, for ``address``) or 'unchecked' (encrypted, but
    with whoever answers). Times in seconds: to connect, and for one whole answer.
    Raises ValueError for what no place can be.
    """

    address: str
    port: int
    username: str
    password: str = field(repr=False)
    trust: str = "pinned"
    fingerprint: str | None = None
    authority: str | None = None
    connect_timeout_s: float = 3.0
    answer_timeout_s: float = 10.0

    def __post_init__(self) -> None:
        """Refuse what no place can be; a missing pin is refused when it is needed."""
        if not self.address:
            raise ValueError("a place has an address")
        if not 1 <= self.port <= 65535:
            raise ValueError("a port is 1 to 65535")
        if self.trust not in TRUSTS:
            raise ValueError(f"trust is one of {', '.join(TRUSTS)}")
        if self.fingerprint is not None and not _FINGERPRINT(self.fingerprint):
            raise ValueError("a fingerprint is 64 lowercase hexadecimal digits")
