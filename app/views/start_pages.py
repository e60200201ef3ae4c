"""The page after the sign-in, as each person likes it: a line of the menu that they may open."""

from __future__ import annotations

from typing import Any

from flask import current_app, url_for

from app.models import AppUser
from app.views.menu import LINES


def offered(user: AppUser) -> dict[str, Any]:
    """The menu's pages that this person sees, by their stable names."""
    names = [line.name for line in LINES if line.category is not None and line.offered()]
    seen = current_app.appbuilder.sm.get_user_menu_access(names, user)  # type: ignore[attr-defined]
    return {line.name: line.label for line in LINES if line.name in seen}


def address(user: AppUser) -> str | None:
    """Where the person begins, or None: at home, or at a page that is not theirs any more."""
    if not user.start_page or user.start_page not in offered(user):
        return None
    view = next((view for view in current_app.appbuilder.baseviews if type(view).__name__ == user.start_page), None)  # type: ignore[attr-defined]
    if view is None:
        return None
    needed = f"can_{view.get_method_permission(view.default_view)}"
    if (needed, view.class_permission_name) not in current_app.appbuilder.sm.get_user_permissions(user):  # type: ignore[attr-defined]
        return None
    return url_for(f"{view.endpoint}.{view.default_view}")
