"""What somebody of a group would see: the menu, what they may do there, whose rows, and how many of them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from flask_babel import lazy_gettext as _l
from sqlalchemy import func, select

from app.access.current import current_scope, scope_of
from app.access.permissions import WHOLE, Permission
from app.access.scope import Scope, criterion, own_people
from app.domain.states import RowScope
from app.extensions import db
from app.models import AppUser, Consumer, Meter, Sale, UserGroup, VendingPoint
from app.models.token import EngineeringRecord
from app.views import figures, sight
from app.views.menu import LINES
from app.views.rights_field import names_of
from app.views.rights_words import act_label, parts

ROWS_OF = {
    RowScope.VENDING_POINT: _l("Sales, receipts and tokens of their own vending point only. Consumers and meters of its region, to serve them."),
    RowScope.REGION: _l("Everything of their own region and of the places below it; nothing of other regions."),
    RowScope.ALL: _l("Everything. Somebody of this group with a region of their own is kept to that region."),
}
COUNTED = (
    (_l("Consumers"), Consumer), (_l("Meters"), Meter), (_l("Vending points"), VendingPoint), (_l("Sales"), Sale),
    (_l("Engineering records"), EngineeringRecord),
)  # fmt: skip
COUNT_MOST = 10_000
PEOPLE_MOST = 200


@dataclass(frozen=True, slots=True)
class Function:
    """A function with what may be done there, in words; `in_menu` is False where another page leads there."""

    label: Any
    acts: tuple[Any, ...]
    in_menu: bool


@dataclass(frozen=True, slots=True)
class Seen:
    """What is seen: parts of the menu with their functions, whose rows, and for a person how many."""

    menu: tuple[tuple[Any, tuple[Function, ...]], ...]
    rows: Any
    person: str = ""
    where: str = ""
    counts: tuple[tuple[Any, str], ...] = ()


def seen(rights: Iterable[Permission], row_scope: RowScope, scope: Scope | None = None) -> Seen:
    """What people with these rights see; `scope` is that of one person, who may be kept to a region."""
    over_all = scope.sees_all if scope is not None else row_scope is RowScope.ALL
    held = set(names_of(set(rights) - (set() if over_all else WHOLE)))
    lines = {line.view().class_permission_name or line.name for line in LINES if line.category and line.offered()}
    menu = []
    for part in parts():
        rows = [(row, tuple(name for name in row.names if name in held)) for row in part.rows]
        functions = tuple(
            Function(row.label, tuple(act_label(name) for name in names), row.page in lines) for row, names in rows if names
        )
        if functions:
            menu.append((part.label, functions))
    return Seen(tuple(menu), ROWS_OF[row_scope])


def seen_by(user: AppUser, group: UserGroup) -> Seen:
    """What this person would see as one of `group`; nothing is changed and nobody is signed in."""
    scope = scope_of(user, group)
    rights = {Permission(*right) for right in sight.rights_of(group)}
    shown = seen(rights, group.row_scope, scope)
    told = tuple((label, _count(model, scope)) for label, model in COUNTED)
    return Seen(shown.menu, shown.rows, user.person, sight.in_words(user, group), told)


def _count(model: Any, scope: Scope) -> str:
    """How many rows, at most those that the reader may know of."""
    own = select(model.id).where(criterion(model, scope), criterion(model, current_scope())).limit(COUNT_MOST + 1)
    number = db.session.execute(select(func.count()).select_from(own.subquery())).scalar_one()
    return f"{figures.number(COUNT_MOST, 0)}+" if number > COUNT_MOST else figures.number(number, 0)


def people_to_choose(group: UserGroup) -> list[AppUser]:
    """People of one's own part, those of the group first."""
    rows = select(AppUser).where(AppUser.active, own_people(current_scope()))
    rows = rows.order_by(AppUser.group_id != group.id, AppUser.last_name, AppUser.first_name, AppUser.id)
    return list(db.session.scalars(rows.limit(PEOPLE_MOST)))
