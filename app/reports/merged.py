"""Rows of several tables as one list: each is read in its own order from its own index, and merged as they come.

As one statement, a database would first put all of them beside each other; so a page reads as many of each as it
lies deep.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from contextlib import ExitStack, closing
from heapq import merge
from itertools import islice
from operator import itemgetter
from typing import Any

from app.reports.names import UNSCOPED
from app.reports.records import CHUNK, RecordList
from app.reports.report import Asked
from app.reports.table import Answer, Row


def answer(asked: Asked, lists: Sequence[RecordList]) -> Answer:
    """The answer of lists with the same columns, without sums; what is said of the whole, the first one says."""
    question, first = asked.question, lists[0]
    counts = [one.count for one in lists if one.count is not None]
    count = sum(int(asked.session.execute(one, execution_options=UNSCOPED).scalar_one()) for one in counts)

    def rows(offset: int, limit: int | None) -> Iterator[Row]:
        end = None if limit is None else offset + limit
        with ExitStack() as open_ones:  # what a page leaves unread must not stay open
            read = [open_ones.enter_context(closing(_read(asked, one, at, end))) for at, one in enumerate(lists)]
            found = merge(*read, key=itemgetter(0), reverse=question.descending)
            yield from (row for _place, row in islice(found, offset, end))

    return Answer(
        columns=first.columns, count=count, rows=rows, totals=(), decimals=asked.house.decimals,
        figures=first.counted(count), order=question.order, descending=question.descending,
    )  # fmt: skip


def _read(asked: Asked, records: RecordList, number: int, end: int | None) -> Generator[tuple[Any, Row], None, None]:
    """The first `end` rows of one list, each with its place among those of all lists."""
    question = asked.question
    keys = [records.orders.get(question.order, records.lead), records.tie]
    order = [one.desc() for one in keys] if question.descending else keys
    statement = records.rows.add_columns(*keys).order_by(*order)
    if end is None or records.ids is None or keys[0] is records.lead:
        statement = statement.limit(end)
    else:  # in the order of another index, before a row is read
        statement = statement.where(records.tie.in_(records.ids.order_by(*order).limit(end)))
    options = UNSCOPED | {"yield_per": CHUNK}
    with asked.session.connection().execute(statement, execution_options=options) as found:
        for *told, lead, tie in found:
            yield (lead, number, tie), records.make(told)
