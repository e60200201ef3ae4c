"""Who can still look after groups and people: there is always somebody, so that nobody is locked out for good."""

from __future__ import annotations

from collections.abc import Iterable

from flask_appbuilder.security.sqla.models import Permission as PermissionRow
from flask_appbuilder.security.sqla.models import (
    PermissionView,
    ViewMenu,
    assoc_permissionview_role,
)
from sqlalchemy import and_, func, or_, select
from sqlalchemy.orm import Session

from app.access import permissions as p
from app.domain.states import RowScope
from app.models import AppUser, UserGroup

# Without these nobody could give anybody a right back.
KEEPING = (p.READ_GROUPS, p.CHANGE_GROUPS, p.READ_USERS, p.CHANGE_USERS)


def keeps(row_scope: RowScope, rights: Iterable[tuple[str, str]]) -> bool:
    """Whether people with these rights over these rows can look after everybody."""
    return row_scope is RowScope.ALL and {tuple(right) for right in KEEPING} <= {tuple(right) for right in rights}


def others_keep(session: Session, group_id: int) -> bool:
    """Whether somebody of another group, who may sign in, can look after everybody.

    Locks the groups over everything, so that two of them do not take it from each other at the same moment.
    """
    over_all = select(UserGroup.id, UserGroup.role_id).where(UserGroup.row_scope == RowScope.ALL).order_by(UserGroup.id)
    groups = session.execute(over_all.with_for_update()).tuples().all()
    return any(key != group_id and _holds(session, role_id) and _has_people(session, key) for key, role_id in groups)


def _holds(session: Session, role_id: int) -> bool:
    wanted = or_(*(and_(PermissionRow.name == one.action, ViewMenu.name == one.page) for one in KEEPING))
    held = (
        select(func.count(PermissionView.id))
        .join(PermissionRow, PermissionRow.id == PermissionView.permission_id)
        .join(ViewMenu, ViewMenu.id == PermissionView.view_menu_id)
        .join(assoc_permissionview_role, assoc_permissionview_role.c.permission_view_id == PermissionView.id)
        .where(assoc_permissionview_role.c.role_id == role_id, wanted)
    )
    return session.execute(held).scalar_one() == len(KEEPING)


def _has_people(session: Session, group_id: int) -> bool:
    # Somebody with a region is kept to it, whatever the group says.
    free = select(AppUser.id).where(AppUser.group_id == group_id, AppUser.active, AppUser.region_id.is_(None))
    return session.execute(free.limit(1)).first() is not None
