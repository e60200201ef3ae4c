"""The wall: every ORM select of a request is kept to the rows its person may see.

It covers lists, single rows, relations, form choices and look-ups alike, wherever they are
written.  It does not see Core statements, `text()` and bulk updates: those come through
`scope.narrow`.  Nor does it see `session.get` of a row that the session holds already, because
no select happens: who reads a row unscoped does not leave it there.  A statement that must see
all rows says so with the execution option
`unscoped=True` (facts for pricing, uniqueness); it may give sums and flags, never rows.
Outside a request nothing is narrowed: services get their scope as an argument.
Decision 0005.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from flask import has_request_context
from sqlalchemy import event
from sqlalchemy.orm import ORMExecuteState, with_loader_criteria

from app.access.current import current_scope
from app.access.scope import SCOPED, Scope, criterion


@lru_cache(maxsize=256)
def criteria(scope: Scope) -> tuple[Any, ...]:
    """The loader options that keep any select to this scope; built once, not for every select of a page."""
    return tuple(
        # NB: it must propagate, or a joined eager load would bring foreign rows along.
        with_loader_criteria(model, criterion(model, scope), include_aliases=True)
        for model in SCOPED
    )


def keep_to_scope(state: ORMExecuteState) -> None:
    """Narrow one select, unless it says that it must see everything."""
    if not state.is_select or state.is_column_load or not has_request_context():
        return
    if state.execution_options.get("unscoped"):
        return
    scope = current_scope()
    if not scope.sees_all:
        state.statement = state.statement.options(*criteria(scope))


def install_guard(session: Any) -> None:
    """Put the guard before every select of this session (once, however many applications)."""
    if not event.contains(session, "do_orm_execute", keep_to_scope):
        event.listen(session, "do_orm_execute", keep_to_scope)
