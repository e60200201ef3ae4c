"""What a person may see and do with it, in words: "sells at Market shop; sees region Jiaxing"."""

from __future__ import annotations

from typing import Any

from flask import current_app, g
from flask_babel import gettext as _

from app.access import permissions as p
from app.domain.states import RowScope
from app.models import AppUser, UserGroup
from app.views import figures


def rights_of(group: UserGroup) -> set[tuple[str, str]]:
    """The permissions of a group's role, read once per request."""
    kept: dict[int, set[tuple[str, str]]] = g.setdefault("_rights_of", {})
    if group.id not in kept:
        kept[group.id] = current_app.appbuilder.sm.get_role_permissions(group.role)  # type: ignore[attr-defined]
    return kept[group.id]


def in_words(user: AppUser, group: UserGroup | None = None) -> str:
    """Where the person sells, and whose rows they see; as one of another `group`, if one is given."""
    group = group or user.group
    if group is None:
        return _("sees nothing: has no group")
    told = [part for part in (_sells(user, group), _sees(user, group)) if part]
    return figures.listed(told, ";")


def _sells(user: AppUser, group: UserGroup) -> str:
    point: Any = user.vending_point
    if point is None:
        return ""
    name = figures.own(str(point))
    if tuple(p.SELL) in rights_of(group):
        return _("sells at %(point)s", point=name) if point.active else _("would sell at %(point)s, which is switched off", point=name)
    return _("belongs to %(point)s", point=name)


def _sees(user: AppUser, group: UserGroup) -> str:
    region = figures.own(str(user.region)) if user.region is not None else None
    if group.row_scope is RowScope.ALL:
        return _("sees region %(region)s", region=region) if region else _("sees everything")
    if group.row_scope is RowScope.REGION:
        return _("sees region %(region)s", region=region) if region else _("sees nothing: has no region")
    if user.vending_point is None:
        return _("sees nothing: has no vending point")
    own = region or figures.own(str(user.vending_point.region))
    return _("sees region %(region)s", region=own)
