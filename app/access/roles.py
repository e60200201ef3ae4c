"""Which role has which permissions, and how they come into FAB's tables.

`sync` makes the tables hold exactly the permissions of the registered pages.  `seed` gives
the four seeded roles what they were never given before: what an administrator took away
stays away, and a release adds only what is new in it.  A user group owns one role; a user
has one group.  Decision 0005.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flask_appbuilder.security.sqla.models import (
    Permission as PermissionRow,
)
from flask_appbuilder.security.sqla.models import (
    PermissionView,
    Role,
    ViewMenu,
    assoc_permissionview_role,
)
from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from app.access import permissions as p
from app.access.permissions import Permission
from app.db import transaction
from app.domain.states import RowScope
from app.models.user import SeededPermission

OPERATOR = (
    p.OPEN_COUNTER, p.SELL, p.RESOLVE_SALES, p.ASK_WHAT_BECAME, p.READ_RECEIPTS, p.PRINT_RECEIPTS, p.READ_SALES,
    p.READ_CONSUMERS, p.READ_METERS, p.READ_SALE_RECORDS, p.READ_TOKENS, p.READ_ENGINEERING,
    p.OPEN_DESK, p.PRINT_ACTS, p.TEST_METERS, p.ASK_ACTS_AGAIN, p.LOOK_UP_TOKENS, p.OPEN_TRAINING, p.USE_TRAINING,
    p.READ_REVERSALS, p.PROPOSE_REVERSALS, p.READ_REPORTS, p.READ_WORK, p.CANCEL_WORK,
)  # fmt: skip
MANAGER = (
    *OPERATOR, p.CONFIRM_CLOCK, p.READ_DECISIONS, p.PROPOSE_DECISIONS, p.APPROVE_DECISIONS,
    p.ADD_CONSUMERS, p.CHANGE_CONSUMERS, p.DELETE_CONSUMERS, p.ADD_METERS, p.CHANGE_METERS, p.DELETE_METERS, p.LOOK_UP,
    p.IMPORT_ROWS, p.EXPORT_ROWS, p.CHANGE_MANY,
    p.READ_REGIONS, p.READ_VENDING_POINTS, p.READ_MANUFACTURERS, p.READ_PRODUCTS, p.READ_TARIFFS,
    p.READ_KEYS, p.READ_LICENCE, p.SEE_CHANGES, p.SEE_ACCOUNTS, p.READ_CHECKS,
    p.LIMIT_POWER, p.CLEAR_CREDIT, p.CLEAR_TAMPER, p.LIMIT_UNBALANCE, p.SET_TARIFF_RATE, p.SET_WATER_FACTOR,
    p.CHANGE_KEYS, p.APPROVE_ACTS, p.DECLINE_ACTS, p.APPROVE_REVERSALS,
)  # fmt: skip
# Sees everything of the region and changes nothing: no permission but reading.
AUDITOR = tuple(
    permission
    for permission in p.every().values()
    if permission.action == "can_read" and permission is not p.OPEN_COUNTER
)
ADMINISTRATOR = tuple(p.every().values())

ROLES: Mapping[str, tuple[Permission, ...]] = {
    "Administrator": ADMINISTRATOR,
    "Manager": MANAGER,
    "Operator": OPERATOR,
    "Auditor": AUDITOR,
}
# The seeded groups: name (and that of their role), description, whose rows they see.
GROUPS: tuple[tuple[str, str, RowScope], ...] = (
    ("Administrator", "Sets the system up and looks after people.", RowScope.ALL),
    ("Manager", "Leads a region: registers consumers and meters, approves.", RowScope.REGION),
    ("Operator", "Sells at one vending point.", RowScope.VENDING_POINT),
    ("Auditor", "Reads everything of a region and changes nothing.", RowScope.REGION),
)
_WIDTH = {RowScope.VENDING_POINT: 0, RowScope.REGION: 1, RowScope.ALL: 2}


def may_give(own: RowScope | None, wanted: RowScope) -> bool:
    """Whether somebody with `own` row scope may give `wanted`: never more than their own."""
    return own is not None and _WIDTH[wanted] <= _WIDTH[own]


def registered(sm: Any) -> set[Permission]:
    """Every permission that the registered pages ask for."""
    return {
        Permission(action, view.class_permission_name)
        for view in sm.appbuilder.baseviews
        for action in view.base_permissions
    }


def sync(sm: Any) -> None:
    """Make FAB's tables hold exactly the permissions of the registered pages."""
    wanted = registered(sm)
    with transaction() as session:
        rows = _permission_rows(session)
        _drop(session, [rows[gone].id for gone in rows.keys() - wanted])
        actions = {row.name: row for row in session.scalars(select(PermissionRow))}
        pages = {row.name: row for row in session.scalars(select(ViewMenu))}
        for new in sorted(wanted - rows.keys()):
            action = actions.setdefault(new.action, PermissionRow(name=new.action))
            page = pages.setdefault(new.page, ViewMenu(name=new.page))
            session.add(PermissionView(permission=action, view_menu=page))
        session.flush()
        _drop_unused(session, actions, pages)


def seed(sm: Any) -> int:
    """Sync, then give each seeded role what it never had before; says how many were given."""
    sync(sm)
    given = 0
    with transaction() as session:
        rows = _permission_rows(session)
        had = {(row.role_name, row.permission) for row in session.scalars(select(SeededPermission))}
        for name, listed in ROLES.items():
            role = session.scalars(select(Role).where(Role.name == name)).one_or_none()
            if role is None:
                role = Role(name=name)
                session.add(role)
                session.flush()
            held = {row.id for row in role.permissions}
            for permission in listed:
                row = rows.get(permission)
                if row is None or (name, str(permission)) in had:
                    continue
                session.add(SeededPermission(role_name=name, permission=str(permission)))
                if row.id not in held:
                    role.permissions.append(row)
                    given += 1
    return given


def _permission_rows(session: Session) -> dict[Permission, PermissionView]:
    return {
        Permission(row.permission.name, row.view_menu.name): row
        for row in session.scalars(select(PermissionView))
        if row.permission is not None and row.view_menu is not None
    }


def _drop(session: Session, ids: list[int]) -> None:
    link = assoc_permissionview_role.c.permission_view_id
    session.execute(delete(assoc_permissionview_role).where(link.in_(ids)))
    session.execute(delete(PermissionView).where(PermissionView.id.in_(ids)))
    session.expire_all()


def _drop_unused(session: Session, actions: dict[str, Any], pages: dict[str, Any]) -> None:
    used_actions = set(session.scalars(select(PermissionView.permission_id)))
    used_pages = set(session.scalars(select(PermissionView.view_menu_id)))
    for row, used in [(r, used_actions) for r in actions.values()] + [(r, used_pages) for r in pages.values()]:
        if row.id is not None and row.id not in used:
            session.delete(row)
