"""Attempts counted in Redis: a sorted set for each subject, the time as the score.

Each is added first and counted then, in one transaction of Redis: of a burst none slips through, and
one that was one too many is taken out again.
"""

from __future__ import annotations

import logging
import secrets
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from redis import RedisError

from app.access.attempts import Rule, StoreGone

log = logging.getLogger("app.attempts")
PREFIX = "vending:attempt:"


class InRedis:
    """Counted in Redis.  `note` raises StoreGone; what only takes away passes over a Redis that is gone."""

    def __init__(self, client: Any, kept: timedelta) -> None:
        self._client, self._kept = client, kept

    def note(self, rules: Mapping[str, Sequence[Rule]], at: datetime) -> timedelta | None:
        """See attempts.Store."""
        try:
            return self._note(rules, at)
        except RedisError as error:
            raise StoreGone(type(error).__name__) from error

    def _note(self, rules: Mapping[str, Sequence[Rule]], at: datetime) -> timedelta | None:
        score, mark = at.timestamp(), secrets.token_hex(8)
        asked = [(subject, rule) for subject, each in rules.items() for rule in each]
        pipe = self._client.pipeline(transaction=True)
        for subject in rules:
            pipe.zremrangebyscore(PREFIX + subject, 0, (at - self._kept).timestamp())
            pipe.zadd(PREFIX + subject, {mark: score})
            pipe.expire(PREFIX + subject, self._kept)
        for subject, rule in asked:
            pipe.zcount(PREFIX + subject, f"({(at - rule.span).timestamp()}", "+inf")
        counts = pipe.execute()[-len(asked) :]
        full = next((rule.span for (_who, rule), count in zip(asked, counts, strict=True) if count > rule.most), None)
        if full is not None:
            pipe = self._client.pipeline(transaction=True)
            for subject in rules:
                pipe.zrem(PREFIX + subject, mark)
            pipe.execute()
        return full

    def forgive(self, account: str, address: str) -> None:
        """See attempts.Store."""
        try:
            self._client.delete(PREFIX + account)
            self._client.zpopmax(PREFIX + address)
        except RedisError as error:
            log.warning("attempts stay counted in Redis: %s", type(error).__name__)

    def recent(self, subjects: Sequence[str], since: datetime) -> Mapping[str, list[datetime]]:
        """See attempts.Store."""
        found: dict[str, list[datetime]] = {}
        try:
            for subject in subjects:
                scored = self._client.zrange(
                    PREFIX + subject, f"({since.timestamp()}", "+inf", byscore=True, withscores=True
                )
                if scored:
                    found[subject] = [datetime.fromtimestamp(score, UTC) for _mark, score in scored]
        except RedisError as error:
            log.warning("locks in Redis are not known: %s", type(error).__name__)
        return found

    def release(self, subjects: Sequence[str]) -> None:
        """See attempts.Store."""
        try:
            if subjects:
                self._client.delete(*(PREFIX + subject for subject in subjects))
        except RedisError as error:
            log.warning("attempts stay counted in Redis: %s", type(error).__name__)
