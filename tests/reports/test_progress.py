"""A long report tells how far it is, and stops when it is called off."""

from __future__ import annotations

import pytest

from app.reports.progress import watched
from app.reports.table import Answer, Row, listed

TEN = Answer(columns=(), count=10, rows=listed(Row((number,)) for number in range(10)), totals=(), decimals={})


def test_it_tells_every_so_many_rows_and_at_the_end():
    seen = []
    assert len(list(watched(TEN, lambda *told: seen.append(told), every=4).rows(0, None))) == 10
    assert seen == [(4, 10), (8, 10), (10, 10)]


def test_whoever_calls_it_off_gets_no_further_rows():
    def off(done, _count):
        raise InterruptedError(done)

    got = []
    with pytest.raises(InterruptedError):
        got.extend(row.cells[0] for row in watched(TEN, off, every=3).rows(0, None))
    assert len(got) <= 3
