"""What is read of some rows by their ids, in few different statements, however many ids there are.

A database plans a statement by its text, so a list as long as what was found would be planned anew for each length.
Lists have the lengths of FEWEST and its doubles instead, and the last id stands for the rest.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any

from sqlalchemy import ColumnElement, Select, bindparam
from sqlalchemy.orm import Session

# As many cards as a search shows.
FEWEST = 10


def one_of(column: Any, length: int) -> ColumnElement[bool]:
    """The condition that a column is one of a list of ids."""
    return column.in_([bindparam(f"id_{place}", type_=column.type) for place in range(length)])  # type: ignore[no-any-return]


def rows_of(
    session: Session,
    statement: Callable[[int], Select[Any]],
    ids: Collection[int],
    given: Mapping[str, Any] | None = None,
    **options: bool,
) -> Iterable[Any]:
    """Run the statement for a list of some length with `one_of` in it; read unscoped."""
    if not ids:
        return ()
    listed = sorted(ids)
    length = FEWEST
    while length < len(listed):
        length *= 2
    listed += [listed[-1]] * (length - len(listed))
    bound = {f"id_{place}": one for place, one in enumerate(listed)} | dict(given or {})
    return session.execute(statement(length), bound, execution_options={"unscoped": True, **options})
