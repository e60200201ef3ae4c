"""Who can still look after groups and people: there is always somebody, so that nobody is locked out for good."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import select
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
    """Whether somebody of another group, who may sign in, can look after everybody."""
    others = [one for one in _over_all(session) if one.id != group_id]
    return any(_holds(session, one) and _has_people(session, one.id) for one in others)


def keeps_alone(session: Session, user_id: int) -> bool:
    """Whether this person, as they are stored, is the last one who can look after everybody.

    NB: asked once their own row is held, or two who take it from each other at one moment would both be let.
    """
    groups = [one for one in _over_all(session) if _holds(session, one)]
    return any(_has_people(session, one.id, only=user_id) for one in groups) and not any(
        _has_people(session, one.id, but=user_id) for one in groups
    )


def _over_all(session: Session) -> list[UserGroup]:
    """The groups over everything, locked, so that two of them do not take it from each other at the same moment."""
    over_all = select(UserGroup).where(UserGroup.row_scope == RowScope.ALL).order_by(UserGroup.id).with_for_update()
    return list(session.scalars(over_all))


def _holds(session: Session, group: UserGroup) -> bool:
    session.refresh(group.role, ["permissions"])  # as it is now, not as this request read it
    return keeps(RowScope.ALL, ((row.permission.name, row.view_menu.name) for row in group.role.permissions))


def _has_people(session: Session, group_id: int, *, only: int | None = None, but: int | None = None) -> bool:
    # Somebody with a region is kept to it, whatever the group says.
    free = select(AppUser.id).where(AppUser.group_id == group_id, AppUser.active, AppUser.region_id.is_(None))
    if only is not None:
        free = free.where(AppUser.id == only)
    if but is not None:
        free = free.where(AppUser.id != but)
    return session.execute(free.limit(1)).first() is not None
