"""Who is asking: the signed-in person of this request, and the `Scope` that follows.

Computed once per request and kept in `g`.  Nobody, a person without a group and a person who
was switched off see nothing (fail closed).  Outside a request there is no current scope: the
worker and the shell say theirs explicitly.
"""

from __future__ import annotations

from flask import g, has_request_context
from flask_login import current_user

from app.access.scope import Scope
from app.domain.states import RowScope
from app.models import AppUser, UserGroup

NOTHING = Scope()


def scope_of(user: AppUser, group: UserGroup | None = None) -> Scope:
    """Which rows this person may see, from group, region and vending point; in another `group`, if one is given.

    An operator's region is their own, else their vending point's; a manager and an auditor
    need one of their own; an administrator without one is over all.
    """
    group = group or user.group
    if not user.active or group is None:
        return Scope(user_id=user.id)
    row_scope = group.row_scope
    region = user.region
    if region is None and row_scope is RowScope.VENDING_POINT and user.vending_point is not None:
        region = user.vending_point.region
    return Scope(
        user_id=user.id,
        row_scope=row_scope,
        vending_point_id=user.vending_point_id,
        region_path=None if region is None else region.path,
    )


def signed_in() -> AppUser | None:
    """The person of this request, or None."""
    if not has_request_context() or not current_user.is_authenticated:
        return None
    user = current_user._get_current_object()  # noqa: SLF001  (a proxy would outlive the request)
    return user if isinstance(user, AppUser) else None


def current_scope() -> Scope:
    """The scope of this request; nothing at all outside of one, or while nobody is signed in.

    NB: "nobody" is never remembered, because the sign-in comes later in the same request; and
    while the person is being looked up, the guard's question is answered with nothing.
    """
    if not has_request_context():
        return NOTHING
    kept: Scope | None = g.get("_scope")
    if kept is not None:
        return kept
    if g.get("_scope_busy"):
        return NOTHING
    g._scope_busy = True  # noqa: SLF001
    try:
        user = signed_in()
        if user is None:
            return NOTHING
        g._scope = scope_of(user)  # noqa: SLF001
        return g._scope  # type: ignore[no-any-return]  # noqa: SLF001
    finally:
        g._scope_busy = False  # noqa: SLF001


def forget_scope() -> None:
    """Compute it anew at the next question: somebody signed in or out within this request."""
    g.pop("_scope", None)
