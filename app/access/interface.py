"""FAB's data interface and filters, made safe: no shared state, cheap counts, one query per relation.

FAB keeps the search filters on the view object, which all threads share; here they live in
the request.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from flask import g, has_request_context, request
from flask_appbuilder.models.filters import BaseFilter, Filters
from flask_appbuilder.models.sqla.interface import SQLAInterface
from sqlalchemy import Column, func, inspect, select
from sqlalchemy.orm import Query, selectinload, undefer

from app.access.current import current_scope, signed_in
from app.access.scope import By, criterion
from app.models import Region

COUNT_CAP = 10_000
PAGE_SIZES = (10, 25, 50, 100)
PAGE_MAX = 100_000
PAGE_SIZE_MAX = 100
TEXT_MAX = 200
VALUES_MAX = 20


class Interface(SQLAInterface):  # type: ignore[misc]
    """Rows of one model for a view.  `eager` names relations that a list shows, and columns read only on demand."""

    def __init__(self, obj: Any, session: Any = None, eager: Sequence[str] = ()) -> None:
        super().__init__(obj, session)
        self.eager = tuple(eager)
        # FAB takes every column for one of the table; those that are worked out in SQL have no field in any form.
        worked_out = {name for name, column in self.list_columns.items() if not isinstance(column, Column)}
        for known in (self.list_columns, self.list_properties):
            for name in worked_out:
                known.pop(name, None)

    def apply_all(self, query: Query[Any], *args: Any, **kwargs: Any) -> Query[Any]:
        """Add one IN query per eager relation, and the eager columns, instead of one query per row."""
        return self.with_eager(super().apply_all(query, *args, **kwargs))

    def with_eager(self, query: Query[Any]) -> Query[Any]:
        """The query with its eager relations and columns."""
        relations = inspect(self.obj).relationships
        return query.options(*[
            (selectinload if name in relations else undefer)(getattr(self.obj, name)) for name in self.eager
        ])

    def query_count(
        self, query: Query[Any], filters: Filters | None = None, select_columns: list[str] | None = None
    ) -> int:
        """Count up to COUNT_CAP rows; beyond that the page says "10 000+"."""
        # NB: FAB keeps only filters of plain columns and to-one relations here, as its list does.
        kept = self.apply_filters(query, self.get_inner_filters(filters))
        some = kept.with_entities(self.get_pk()).order_by(None).limit(COUNT_CAP)
        return int(self.session.execute(select(func.count()).select_from(some.subquery())).scalar_one())

    def get_related_obj(self, col_name: str, value: Any) -> Any | None:
        """The related row of this key, if it is one's own; asked anew, never from the session's memory."""
        model = self.get_related_model(col_name)
        if not re.fullmatch(r"[0-9]{1,18}", str(value)):
            return None
        return self.session.scalars(select(model).where(self.get_pk(model) == int(value))).one_or_none()


class ScopeFilter(BaseFilter):  # type: ignore[misc]
    """The rows of this request's person; the second layer before the ORM guard.

    The filter's value is the `By` that says which owner counts, or None for the model's own.
    """

    name = "scope"
    arg_name = "scope"

    def apply(self, query: Query[Any], value: By | None) -> Query[Any]:
        """Keep the query to the current scope."""
        return query.filter(criterion(self.model, current_scope(), value))


class RegionFilter(BaseFilter):  # type: ignore[misc]
    """Regions inside one's own subtree: nobody gives what they do not have."""

    name = "own regions"
    arg_name = "own_regions"

    def apply(self, query: Query[Any], _value: Any) -> Query[Any]:
        """Keep regions to the current scope's subtree."""
        scope = current_scope()
        if scope.sees_all:
            return query
        low = scope.region_path
        if low is None:
            return query.filter(Region.id.is_(None))
        return query.filter(Region.path >= low, Region.path < low[:-1] + "0")


class RequestFilters:
    """A view whose search filters live in the request, not on the shared view object."""

    @property
    def _filters(self) -> Any:
        prototype = self.__dict__.get("_filters_prototype")
        if prototype is None or not has_request_context():
            return prototype
        store = g.setdefault("_view_filters", {})
        if id(self) not in store:
            own = Filters.__new__(Filters)
            own.__dict__.update(prototype.__dict__)
            own.clear_filters()
            store[id(self)] = own
        return store[id(self)]

    @_filters.setter
    def _filters(self, filters: Any) -> None:
        self.__dict__["_filters_prototype"] = filters


@dataclass(frozen=True, slots=True)
class Arguments:
    """What the address says about one list; nonsense becomes the default, never an error."""

    page: int
    page_size: int
    order_column: str
    order_direction: str


def list_arguments(view: Any) -> Arguments:
    """Read page, size and order for `view`; only its `order_columns` can be ordered by."""
    name = type(view).__name__
    user = signed_in()
    usual = user.page_size if user is not None and user.page_size in PAGE_SIZES else view.page_size
    column = request.args.get(f"_oc_{name}", "")
    direction = request.args.get(f"_od_{name}", "")
    if column not in view.order_columns or direction not in ("asc", "desc"):
        column = direction = ""
    return Arguments(
        page=_number(f"page_{name}", 0, PAGE_MAX) or 0,
        page_size=max(1, _number(f"psize_{name}", usual, PAGE_SIZE_MAX)),
        order_column=column,
        order_direction=direction,
    )


def _number(argument: str, default: int, maximum: int) -> int:
    text = request.args.get(argument, "")
    if not re.fullmatch(r"[0-9]{1,9}", text):
        return default
    return min(int(text), maximum)


def read_filters(filters: Filters, allowed: Any) -> list[str]:
    """Take the search filters of the address: known columns and operators, storable text only.

    Gives what is written like a filter and was not taken, whole or in part: a list leaves it
    away, but whoever acts on all its rows must not take more than was meant.
    """
    filters.clear_filters()
    left = [name for name in request.args if name.startswith("_flt_")]
    known = filters._all_filters  # noqa: SLF001  (FAB has no other door to the operators)
    for argument in request.args:
        match = re.fullmatch(r"_flt_([0-9])_(\w{1,64})", argument)
        if match is None or match[2] not in allowed:
            continue
        index, column = int(match[1]), match[2]
        given = request.args.getlist(argument)
        values = [v for v in given if "\x00" not in v and len(v) <= TEXT_MAX][:VALUES_MAX]
        if values and index < len(known.get(column) or ()):
            filters.add_filter_index(column, index, values)
            if len(values) == len(given):
                left.remove(argument)
    return left
