"""Reading several rows by their ids: all of them, once, in few different statements."""

from __future__ import annotations

import pytest
from sqlalchemy import Integer, column, func, select

from app.extensions import db
from app.models import Meter
from app.services.several import one_of, rows_of
from tests.services.test_statements import counted

pytestmark = pytest.mark.one_database


def meters(length):
    return select(Meter.id).where(one_of(Meter.id, length)).order_by(Meter.id)


def test_each_row_comes_once_however_many_are_wanted(counter):
    ids = sorted(counter.cast.meters.values())
    for wanted in (ids[:1], ids[:2], ids, [*ids, *range(10_000, 10_013)]):
        assert [row[0] for row in rows_of(db.session(), meters, set(wanted))] == [one for one in wanted if one in ids]
    assert list(rows_of(db.session(), meters, ())) == []


def test_lists_of_any_length_are_few_statements(counter):
    def count(length):
        return select(func.count()).where(one_of(column("id", Integer), length)).select_from(Meter.__table__)

    with counted() as seen:
        for many in range(1, 41):
            list(rows_of(db.session(), count, range(1, many + 1)))
    assert len(seen) == 40
    assert len(set(seen)) == 3, "of ten, twenty and forty"
