"""How often a sign-in may fail: per account and, ten times as often, per address, counted in the database.

All processes count together.  An attempt is written down before the password is looked at,
so that a burst of parallel guesses counts as what it is, and taken back when it was right.
A name that does not exist counts like one that does.  The lock ends by itself.
"""

from __future__ import annotations

import hashlib
import hmac
from datetime import timedelta

from limits import parse
from sqlalchemy import delete, func, select

from app.db import retried, transaction
from app.models.base import now
from app.models.user import SignInFailure

# Many slow guesses: this many times the short limit within an hour.
SLOW_FACTOR = 5
# Many people may share one address (a shop behind one router), one account is one person.
ADDRESS_FACTOR = 10
SLOW_WINDOW = timedelta(hours=1)
KEPT = timedelta(days=1)


def subjects(account: str, address: str, key: str, door: str = "") -> tuple[str, str]:
    """What is counted, as keyed hashes: the account as it was typed, and the address.

    `door` is what is counted apart from sign-ins.  It stands first, so nothing that is typed reaches it.
    """
    named = (f"{door}account:{account.casefold().strip()}", f"{door}address:{address}")
    first, second = (hmac.new(key.encode(), s.encode(), hashlib.sha256).hexdigest() for s in named)
    return first, second


def note_attempt(wanted: tuple[str, str], limit: str) -> timedelta | None:
    """Write one attempt down; the time to wait when there were too many, else None.

    `wanted` is the account and the address; `limit` reads like ``10 per minute`` and is the account's,
    the address has ADDRESS_FACTOR times as much.
    """
    return retried(lambda: _note(wanted, limit))


def _note(wanted: tuple[str, str], limit: str) -> timedelta | None:
    allowed = parse(limit)
    window = timedelta(seconds=allowed.get_expiry())
    rules = ((allowed.amount, window), (allowed.amount * SLOW_FACTOR, max(SLOW_WINDOW, window)))
    at = now()
    with transaction() as session:
        session.execute(delete(SignInFailure).where(SignInFailure.failed_at < at - KEPT))
        for subject, factor in zip(wanted, (1, ADDRESS_FACTOR), strict=True):
            for most, span in rules:
                counted = session.scalar(
                    select(func.count()).where(
                        SignInFailure.subject == subject, SignInFailure.failed_at > at - span
                    )
                )
                if (counted or 0) >= most * factor:
                    return span
        session.add_all(SignInFailure(subject=subject, failed_at=at) for subject in wanted)
    return None


def forgive(wanted: tuple[str, str]) -> None:
    """The password was right: the account starts anew, and this attempt leaves its address."""
    account, address = wanted

    def work() -> None:
        with transaction() as session:
            session.execute(delete(SignInFailure).where(SignInFailure.subject == account))
            newest = (
                select(SignInFailure.id)
                .where(SignInFailure.subject == address)
                .order_by(SignInFailure.id.desc())
                .limit(1)
            )
            session.execute(delete(SignInFailure).where(SignInFailure.id.in_(newest.scalar_subquery())))

    retried(work)
