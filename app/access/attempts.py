"""How often a sign-in may fail: per account and, ten times as often, per address, counted for all processes together.

In the database, or in Redis where the setting says so (`keep_in`).  An attempt is written down before the
password is looked at, so that a burst of parallel guesses counts as what it is, and taken back when it was
right.  A name that does not exist counts like one that does.  The lock ends by itself, or an administrator
ends it (`release`).
"""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from limits import parse
from sqlalchemy import Engine, delete, func, select
from sqlalchemy.orm import Session

from app.db import retried, transaction
from app.domain.folding import fold
from app.extensions import db
from app.models.base import now
from app.models.user import SignInFailure

log = logging.getLogger("app.attempts")
_KEY = "attempts"
# Many slow guesses: this many times the short limit within an hour.
SLOW_FACTOR = 5
# Many people may share one address (a shop behind one router), one account is one person.
ADDRESS_FACTOR = 10
SLOW_WINDOW = timedelta(hours=1)
KEPT = timedelta(days=1)
# What is asked for besides the password of a sign-in, each counted apart: a code of the second factor, by the number of
# the person; and of who is signed in their own password again, before something dear changes, and the first code of a
# new factor.  Those two are counted by the browser's session: a stolen one locks the owner's own out of nothing.
CODE_DOOR, OWN_PASSWORD_DOOR, FIRST_CODE_DOOR = "code ", "own password ", "first code "


@dataclass(frozen=True, slots=True)
class Rule:
    """So many attempts within that time."""

    most: int
    span: timedelta


class StoreGone(Exception):
    """The store does not answer; nothing was counted."""


class Store(Protocol):
    """Where attempts are counted; subjects are keyed hashes."""

    def note(self, rules: Mapping[str, Sequence[Rule]], at: datetime) -> timedelta | None:
        """Write one attempt of each subject down, unless a rule is full already: then its span."""
        ...

    def forgive(self, account: str, address: str) -> None:
        """The account starts anew, and one attempt leaves its address."""
        ...

    def recent(self, subjects: Sequence[str], since: datetime) -> Mapping[str, list[datetime]]:
        """When each subject's attempts were, the oldest first."""
        ...

    def release(self, subjects: Sequence[str]) -> None:
        """These subjects start anew."""
        ...


def keep_in(engine: Engine, redis_url: str) -> None:
    """Count in Redis ("": in the database) for the installation of this engine."""
    # NB: a Redis that does not answer must not keep a counter waiting: the database counts meanwhile.
    kept: Store | None = None
    if redis_url:
        from redis import Redis  # loaded only where it is used

        from app.access.attempts_redis import InRedis

        kept = InRedis(Redis.from_url(redis_url, socket_timeout=1.0, socket_connect_timeout=1.0), KEPT)
    engine.update_execution_options(**{_KEY: kept})


def subjects(account: str, address: str, key: str, door: str = "") -> tuple[str, str]:
    """What is counted, as keyed hashes: the account as it was typed, and the address.

    `door` is what is counted apart from sign-ins.  It stands first, so nothing that is typed reaches it.
    NB: letters are folded further than a database does it, to which a capital I with a dot may be an i: one name is
    one count.
    """
    named = (f"{door}account:{fold(account)}", f"{door}address:{counted_as(address)}")
    first, second = (hmac.new(key.encode(), s.encode(), hashlib.sha256).hexdigest() for s in named)
    return first, second


def counted_as(address: str) -> str:
    """What an address is counted under: of IPv6 the first half, because whoever has one there has all of that half."""
    try:
        known = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if known.version == 4:
        return address
    return str(known.ipv4_mapped or ipaddress.ip_network((known, 64), strict=False))


def note_attempt(wanted: tuple[str, str], limit: str) -> timedelta | None:
    """Write one attempt down; the time to wait when there were too many, else None.

    `wanted` is the account and the address; `limit` reads like ``10 per minute`` and is the account's,
    the address has ADDRESS_FACTOR times as much.
    """
    rules = {subject: rules_of(limit, factor) for subject, factor in zip(wanted, (1, ADDRESS_FACTOR), strict=True)}
    in_redis = _redis()
    if in_redis is not None:
        try:
            return in_redis.note(rules, now())
        except StoreGone as error:
            log.warning("attempts are counted in the database: %s", error)
    return retried(lambda: TABLE.note(rules, now()))


def rules_of(limit: str, factor: int = 1) -> tuple[Rule, Rule]:
    """The short rule of a limit, and the slow one that follows from it."""
    allowed = parse(limit)
    window = timedelta(seconds=allowed.get_expiry())
    most = allowed.amount * factor
    return Rule(most, window), Rule(most * SLOW_FACTOR, max(SLOW_WINDOW, window))


def forgive(wanted: tuple[str, str]) -> None:
    """The password was right: the account starts anew, and this attempt leaves its address."""
    for store in _stores():
        retried(lambda store=store: store.forgive(*wanted))  # type: ignore[misc]


def locked_until(wanted: Iterable[str], limit: str, factor: int = 1) -> dict[str, datetime]:
    """Until when each of these subjects must wait (addresses: ADDRESS_FACTOR); those that need not are left out."""
    asked, rules, at = list(wanted), rules_of(limit, factor), now()
    found: dict[str, datetime] = {}
    for store in _stores() if asked else ():
        for subject, times in store.recent(asked, at - max(rule.span for rule in rules)).items():
            ends = [times[-rule.most] + rule.span for rule in rules if len(times) >= rule.most]
            until = max((end for end in ends if end > at), default=None)
            if until is not None:
                found[subject] = max(until, found.get(subject, until))
    return found


def release(wanted: Iterable[str]) -> None:
    """Whoever, or whatever address, was locked may try again at once."""
    asked = list(wanted)
    for store in _stores():
        retried(lambda store=store: store.release(asked))  # type: ignore[misc]


class InTable:
    """Counted in `sign_in_failure`."""

    def note(self, rules: Mapping[str, Sequence[Rule]], at: datetime) -> timedelta | None:
        """See Store."""
        with transaction() as session:
            _take_turns(session, rules)
            session.execute(delete(SignInFailure).where(SignInFailure.failed_at < at - KEPT))
            for subject, each in rules.items():
                for rule in each:
                    since = (SignInFailure.subject == subject) & (SignInFailure.failed_at > at - rule.span)
                    if (session.scalar(select(func.count()).where(since)) or 0) >= rule.most:
                        return rule.span
            session.add_all(SignInFailure(subject=subject, failed_at=at) for subject in rules)
        return None

    def forgive(self, account: str, address: str) -> None:
        """See Store."""
        with transaction() as session:
            session.execute(delete(SignInFailure).where(SignInFailure.subject == account))
            newest = (
                select(SignInFailure.id)
                .where(SignInFailure.subject == address)
                .order_by(SignInFailure.id.desc())
                .limit(1)
            )
            session.execute(delete(SignInFailure).where(SignInFailure.id.in_(newest.scalar_subquery())))

    def recent(self, subjects: Sequence[str], since: datetime) -> Mapping[str, list[datetime]]:
        """See Store."""
        rows = (
            select(SignInFailure.subject, SignInFailure.failed_at)
            .where(SignInFailure.subject.in_(subjects), SignInFailure.failed_at > since)
            .order_by(SignInFailure.failed_at)
        )
        found: dict[str, list[datetime]] = {}
        for subject, at in db.session().execute(rows):
            found.setdefault(subject, []).append(at)
        return found

    def release(self, subjects: Sequence[str]) -> None:
        """See Store."""
        with transaction() as session:
            session.execute(delete(SignInFailure).where(SignInFailure.subject.in_(subjects)))


def _take_turns(session: Session, wanted: Iterable[str]) -> None:
    """Let attempts of one account, or from one address, be counted one after the other, to the end of the transaction.

    NB: SQLite has one writer at a time; on PostgreSQL those of one moment would not see each other and all pass.
    """
    if session.get_bind().dialect.name == "postgresql":
        for key in sorted(int(subject[:15], 16) for subject in wanted):  # in one order, so that none waits in a ring
            session.execute(select(func.pg_advisory_xact_lock(key)))


TABLE = InTable()


def _redis() -> Store | None:
    found: Store | None = db.engine.get_execution_options().get(_KEY)
    return found


def _stores() -> list[Store]:
    """Everything that may hold attempts: the database counts while Redis is away."""
    in_redis = _redis()
    return [TABLE] if in_redis is None else [TABLE, in_redis]
