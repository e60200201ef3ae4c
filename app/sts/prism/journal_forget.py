"""Which answers of the module server's journal are surely so old that they may be forgotten.

Their times are what a clock said, and clocks are wrong at times.  Their ids rise in the order they were given.  So
answers are forgotten from the lowest id on, while they and what follows them look old, and only when every month since
has seen tokens: a clock that jumped leaves a gap in the days, or a day in the future.  In doubt nothing is forgotten.
"""

from __future__ import annotations

import sqlite3
from datetime import UTC, date, datetime, timedelta

from app.sts.prism import journal_tables as tables

#: A longer time without a token is taken for a jump of the clock; answers are kept longer by this for a shorter one.
GAP = timedelta(days=30)
_MOST = 2000


def forget_answers(connection: sqlite3.Connection, instant: datetime, memory: timedelta) -> int:
    """Delete the oldest answers, at most some thousand, that are surely older than ``memory``; the number of them.

    ``instant``: the clock, aware. Raises sqlite3.Error.
    """
    before = int((instant - memory - GAP).timestamp())
    # The newest time of those that were forgotten: an answer that seems older than it was given under another clock.
    newest = tables.fact(connection, "forgotten_until") or 0
    last = None
    rows = connection.execute("SELECT id, answered_at FROM answer ORDER BY id LIMIT ?", (_MOST,))
    for identifier, at in rows.fetchall():
        if at >= before:
            break
        if at >= newest:
            last, newest = identifier, at
    if last is None or not _clock_is_steady(connection, instant, memory + GAP):
        return 0
    with connection:
        connection.execute("BEGIN IMMEDIATE")
        tables.set_fact(connection, "forgotten_until", newest)
        return connection.execute("DELETE FROM answer WHERE id <= ?", (last,)).rowcount


def _clock_is_steady(connection: sqlite3.Connection, instant: datetime, age: timedelta) -> bool:
    """Whether the days with tokens, and the newest answer, bear the clock out for so long."""
    (newest,) = connection.execute("SELECT answered_at FROM answer ORDER BY id DESC LIMIT 1").fetchone()
    if newest > instant.timestamp():
        return False
    today = instant.astimezone(UTC).date()
    first = today - age
    rows = connection.execute("SELECT DISTINCT day FROM day_count WHERE day >= ? ORDER BY day", (first.isoformat(),))
    days = [first, *(date.fromisoformat(day) for (day,) in rows.fetchall())]
    if days[-1] > today:
        return False
    return all(later - earlier <= GAP for earlier, later in zip(days, [*days[1:], today], strict=True))
