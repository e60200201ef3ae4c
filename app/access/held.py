"""What a role may do, read as one text: so it comes with the person, in the statement that every request asks."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from flask_appbuilder.security.sqla.models import (
    Permission,
    PermissionView,
    ViewMenu,
    assoc_permissionview_role,
)
from sqlalchemy import func, literal, select

from app.access.permissions import WHOLE

Pair = tuple[str, str]


def held_by(role_id: Any) -> Any:
    """The permissions of a role as a column: a line each, action and page with a space between; NULL for none."""
    permission, page, pair = Permission.__table__, ViewMenu.__table__, PermissionView.__table__
    link = assoc_permissionview_role
    line = permission.c.name + literal(" ", literal_execute=True) + page.c.name
    return (
        select(func.aggregate_strings(line, "\n"))
        .select_from(link)
        .join(pair, pair.c.id == link.c.permission_view_id)
        .join(permission, permission.c.id == pair.c.permission_id)
        .join(page, page.c.id == pair.c.view_menu_id)
        .where(link.c.role_id == role_id)
        .scalar_subquery()
    )


@lru_cache(maxsize=256)
def pairs_of(held: str | None, *, whole: bool) -> frozenset[Pair]:
    """The text as (permission, page) pairs; those for the whole installation only where the person sees all of it."""
    pairs = frozenset(tuple(line.split(" ", 1)) for line in (held or "").split("\n") if line)
    return pairs if whole else pairs - WHOLE  # type: ignore[return-value]
