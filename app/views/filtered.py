"""The rows of a list page as its filters choose them, for exports and for changing many at once."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256
from typing import Any

from flask import abort, current_app, g
from sqlalchemy import Select, func, select

from app.access.interface import read_filters
from app.access.scope import Scope
from app.extensions import db
from app.models import Consumer, Meter

PAGES = {"consumers": ("ConsumerView", Consumer), "meters": ("MeterView", Meter)}


def page_of(kind: str) -> Any:
    """The list page of this kind of record."""
    name = PAGES[kind][0]
    return next(view for view in current_app.appbuilder.baseviews if type(view).__name__ == name)  # type: ignore[attr-defined]


def chosen(kind: str) -> Select[Any]:
    """The ids of all rows that the list shows with the filters of this request's address.

    A filter that cannot be read ends the request (400): without it there would be more rows than meant.
    """
    view, model = page_of(kind), PAGES[kind][1]
    if read_filters(view._filters, view._filters.get_search_filters()):  # noqa: SLF001  (as the list itself does)
        abort(400)
    joined = view._filters.get_joined_filters(view._base_filters)  # noqa: SLF001
    query = view.datamodel.apply_filters(db.session.query(model), joined)
    statement: Select[Any] = query.with_entities(model.id).order_by(None).statement
    return statement


def among(kind: str, ids: list[int]) -> Select[Any]:
    """Those of these ids that are one's own."""
    view, model = page_of(kind), PAGES[kind][1]
    query = view.datamodel.apply_filters(db.session.query(model), view._base_filters)  # noqa: SLF001
    statement: Select[Any] = query.filter(model.id.in_(ids)).with_entities(model.id).order_by(None).statement
    return statement


def count_of(statement: Select[Any]) -> int:
    """How many they are."""
    return int(db.session.execute(select(func.count()).select_from(statement.subquery())).scalar_one())


def seal(ids: Sequence[int]) -> str:
    """A word for exactly these rows, by which a question and its answer mean the same ones."""
    return sha256(",".join(map(str, sorted(ids))).encode()).hexdigest()


def stand_in(scope: Scope) -> None:
    """Let this request context be the owner's of a task: the worker has nobody signed in."""
    g._scope = scope  # noqa: SLF001  (as `access.current` keeps it)
