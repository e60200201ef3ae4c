"""FAB's security, cut to this house: our users, one group each, no other doors.

The role is the group's; FAB's groups, registration, statistics, role pages, machine login
and stock reset pages are not built.  Permissions are read once per request.  A menu line
shows for whoever has any permission of its page.
"""

from __future__ import annotations

from typing import Any

from flask import Flask, g, has_request_context
from flask_appbuilder import AppBuilder
from flask_appbuilder.security.sqla.manager import SecurityManager
from flask_appbuilder.views import UtilView
from flask_limiter import Limiter
from flask_limiter.util import get_remote_address
from sqlalchemy import select

from app.access.current import scope_of, signed_in
from app.access.held import Pair, held_by, pairs_of
from app.extensions import db
from app.models import AppUser
from app.views import sessions
from app.views.account import AccountView
from app.views.forgotten import ForgottenPasswordView
from app.views.own_factor import SecondFactorView
from app.views.own_security import OwnSecurityView
from app.views.signin import AuthView


class AppSecurityManager(SecurityManager):  # type: ignore[misc]
    """Who may open which door, asked by FAB's decorators and templates."""

    user_model = AppUser

    def create_limiter(self, app: Flask) -> Limiter:
        """FAB's own limiter, which asks before every request and limits nothing: not installed (`access.attempts` counts)."""
        return Limiter(get_remote_address, enabled=False)

    def register_views(self) -> None:
        """Only our own sign-in and account pages; users and groups stand in the menu's list."""
        self.auth_view = self.appbuilder.add_view_no_menu(AuthView)
        for page in (AccountView, OwnSecurityView, SecondFactorView, ForgottenPasswordView):
            self.appbuilder.add_view_no_menu(page)

    def load_user(self, pk: str) -> AppUser | None:
        """The person behind the cookie, if the session still stands."""
        return sessions.user_of_request(str(pk))

    def has_access(self, permission_name: str, view_name: str) -> bool:
        """Whether the signed-in person may; nothing is public."""
        user = signed_in()
        return user is not None and self._has_view_access(user, permission_name, view_name)

    def is_item_public(self, permission_name: str, view_name: str) -> bool:
        """Nothing is."""
        return False

    def get_user_roles(self, user: Any) -> list[Any]:
        """The role of the person's group; none without a group."""
        group = getattr(user, "group", None)
        return [] if group is None else [group.role]

    def get_user_permissions(self, user: Any) -> frozenset[Pair]:
        """All (permission, page) pairs of the person, read once per request: with who they are."""
        kept = g.setdefault(sessions.HELD, {}) if has_request_context() else {}
        group = getattr(user, "group", None)
        if group is None:
            return frozenset()
        if group.role_id not in kept:
            kept[group.role_id] = db.session.execute(select(held_by(group.role_id))).scalar_one()
        return pairs_of(kept[group.role_id], whole=isinstance(user, AppUser) and scope_of(user).sees_all)

    def _has_view_access(self, user: Any, permission_name: str, view_name: str) -> bool:
        if permission_name == "menu_access":
            return view_name in self.get_user_menu_access([view_name], user)
        return (permission_name, view_name) in self.get_user_permissions(user)

    def get_user_menu_access(self, menu_names: list[str] | None = None, user: Any = None) -> set[str]:
        """The lines and headings of the menu that the person sees."""
        user = user or signed_in()
        if user is None:
            return set()
        pages = {page for _permission, page in self.get_user_permissions(user)}
        names = set(menu_names or self.appbuilder.menu.get_flat_name_list())
        return {name for name in names if self._shows(self.appbuilder.menu.find(name), pages)}

    def _shows(self, item: Any, pages: set[str]) -> bool:
        if item is None:
            return False
        if item.childs:
            return any(self._shows(child, pages) for child in item.childs)
        return item.baseview is not None and item.baseview.class_permission_name in pages

    # FAB writes its tables from here while it starts and at set-up; `access.roles` does it instead.

    def create_db(self) -> None:
        """Nothing: set-up makes tables and roles."""

    def add_permissions_view(self, base_permissions: Any, view_menu: str) -> None:
        """Nothing: `access.roles.sync` keeps the permissions."""

    def add_permissions_menu(self, view_menu_name: str) -> None:
        """Nothing: the menu follows from the permissions of the pages."""

    def security_cleanup(self, baseviews: Any, menus: Any) -> None:
        """Nothing: `access.roles.sync` removes what is gone."""


class StsAppBuilder(AppBuilder):  # type: ignore[misc]
    """FAB without the pages that it opens unasked: language by GET, menu as JSON, API description."""

    def _add_admin_views(self) -> None:
        self._indexview = self.add_view_no_menu(self.indexview)
        self.add_view_no_menu(UtilView)
        self.sm.register_views()
