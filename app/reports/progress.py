"""Progress of a long report: the same answer, telling how many of its rows have been drawn."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

from app.reports.table import Answer, Row

EVERY_ROWS = 500


def watched(answer: Answer, told: Callable[[int, int], None], every: int = EVERY_ROWS) -> Answer:
    """The answer, whose rows call `told(rows done, rows in all)` every so often and at the end.

    What `told` raises ends the drawing: so a preparation that was called off stops within `every` rows.
    """

    def rows(offset: int, limit: int | None) -> Iterator[Row]:
        done = 0
        for done, row in enumerate(answer.rows(offset, limit), start=1):
            if done % every == 0:
                told(done, answer.count)
            yield row
        told(done, answer.count)

    return replace(answer, rows=rows)


def halves(told: Callable[[int, int], None], count: int) -> tuple[Callable[[int, int], None], Callable[[int], None]]:
    """Of a file whose rows are first read and then laid out on pages: what to tell of each, half of the whole.

    The first is for `watched`, the second is told the rows that stand on paper (with their totals).
    """
    return (
        lambda done, total: told(done // 2, total),
        lambda done: told((count + min(done, count)) // 2, count),
    )
