"""Pages of large tables: a page costs what it shows, however many rows there are.

Ids are found first, by a statement that says its scope itself, once; the rows are then read by their ids, under the
wall.  Of sales only narrow columns are read to find a page, which an index holds; of consumers and meters the scope is
said in the way that suits its size: as a plain condition it is a list of regions that SQLite, without statistics,
walks first, sorting every row of a province for a page of twenty-five.  Decision 0005.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, func, select

from app.access.current import current_scope
from app.access.interface import COUNT_CAP, ScopeFilter
from app.access.scope import SCOPED, asked_last, criterion, tokens_of_few
from app.domain.states import RowScope
from app.models import Sale, Token
from app.postgresql import OWN_PLAN
from app.services.consumer_words import is_small
from app.views.lists import Rows

# So few rows are found before they are put in order: else databases walk all there are in that order.
FEW = 500
# NB: a plan for any region suits neither a town nor a country.
ONCE = {"unscoped": True} | OWN_PLAN


class PagedRows(Rows):
    """`Rows` of a model that belongs to somebody and has millions of rows."""

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
        some = self._ids(found.limit(FEW + 1))
        if len(some) <= FEW:
            count, found = len(some), self.session.query(self.get_pk()).filter(self.get_pk().in_(some))
        else:
            counted = select(func.count()).select_from(found.limit(COUNT_CAP).subquery())
            count = int(self.session.execute(counted, execution_options=ONCE).scalar_one())
        ids = self._page(found, count, (order_column, order_direction), (page, page_size)) if count else []
        rows = self.session.query(self.obj).filter(self.get_pk().in_(ids))
        read = {row.id: row for row in self.with_eager(rows)}
        return count, [read[key] for key in ids if key in read]

    def _page(self, found: Any, count: int, order: tuple[str, str], page: tuple[int | None, int | None]) -> list[int]:
        """The ids of one page."""
        wanted = self.apply_order_by(found, *order, add_pk=True)
        number, size = page
        if not size or not FEW < count < COUNT_CAP:
            return self._ids(self.apply_pagination(wanted, number, size))
        # NB: all of them: with a limit PostgreSQL would walk all rows there are in that order, of which few are one's own.
        begin = (number or 0) * size
        return self._ids(wanted)[begin : begin + size]

    def _ids(self, query: Any) -> list[int]:
        return list(self.session.execute(query.statement, execution_options=ONCE).scalars())

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
        return criterion(self.obj, current_scope())


class TokenRows(PagedRows):
    """Tokens, which belong to whom their sale or engineering act belongs to."""

    def _own(self) -> ColumnElement[bool]:
        scope = current_scope()
        by_region = scope.row_scope is not RowScope.VENDING_POINT
        return tokens_of_few(scope) if by_region and is_small(self.session, Sale, scope) else criterion(Token, scope)


class ScopedRows(PagedRows):
    """Rows that belong to regions (Consumer, Meter)."""

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
