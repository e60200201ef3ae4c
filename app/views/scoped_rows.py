"""Rows of a large table that belong to regions: a page of them costs the page, however many there are.

The scope as a plain condition is a list of regions that SQLite, without statistics, walks first, sorting every
row of a province for a page of twenty-five.  So ids are found first, by a statement that says its scope itself
in the way that suits its size; the rows are then read by their ids, under the wall.  Decision 0005.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, func, select

from app.access.current import current_scope
from app.access.interface import COUNT_CAP, ScopeFilter
from app.access.scope import SCOPED, criterion
from app.services.consumer_words import asked_last, is_small
from app.views.lists import Rows

UNSCOPED = {"unscoped": True}


class ScopedRows(Rows):
    """`Rows` of a model that belongs to regions and has a hundred thousand rows (Consumer, Meter)."""

    def query(
        self,
        filters: Any = None,
        order_column: str = "",
        order_direction: str = "",
        page: int | None = None,
        page_size: int | None = None,
        **_more: Any,
    ) -> tuple[int, list[Any]]:
        """How many rows match (up to COUNT_CAP), and one page of them."""
        found = self._found(filters)
        counted = select(func.count()).select_from(found.limit(COUNT_CAP).subquery())
        count = int(self.session.execute(counted, execution_options=UNSCOPED).scalar_one())
        wanted = self.apply_pagination(self.apply_order_by(found, order_column, order_direction, add_pk=True), page, page_size)
        ids = list(self.session.execute(wanted.statement, execution_options=UNSCOPED).scalars())
        rows = self.session.query(self.obj).filter(self.get_pk().in_(ids))
        read = {row.id: row for row in self.with_eager(rows)}
        return count, [read[key] for key in ids if key in read]

    def _found(self, filters: Any) -> Any:
        """A query of the ids that match and are one's own."""
        query = self.session.query(self.get_pk()).filter(self._own())
        for flt, values in zip(filters.filters, filters.values, strict=True) if filters else ():
            if isinstance(flt, ScopeFilter):
                continue  # said above, in the way that suits
            for value in values if isinstance(values, list) else [values]:
                query = flt.apply(query, value)
        return query

    def _own(self) -> ColumnElement[bool]:
        scope = current_scope()
        if is_small(self.session, self.obj, scope):
            return criterion(self.obj, scope)
        return asked_last(self.obj, scope)

    def joined(self, query: Any, relation: str) -> Any:
        """The relation for an order; a foreign row of it has no place in it."""
        reached = getattr(self.obj, relation)
        other = reached.property.mapper.class_
        return query.outerjoin(reached.and_(criterion(other, current_scope())) if other in SCOPED else reached)
