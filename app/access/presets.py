"""Kinds of people whose rights a new group may begin with: what they may do and whose rows they see, in one place.

A preset fills the form of a group and stores nothing.  Those of set-up are the lists of `roles`; whoever
applies one gets of it only what they have themselves.
"""

from __future__ import annotations

from dataclasses import dataclass

from app.access import permissions as p
from app.access import roles
from app.access.permissions import Permission
from app.domain.states import RowScope


@dataclass(frozen=True, slots=True)
class Preset:
    """What one kind of people needs; `name` is its stable key."""

    name: str
    row_scope: RowScope
    rights: frozenset[Permission]


# Sells less and looks after those who sell: undoes a sale with a second person, and sees what was changed.
SUPERVISOR = (
    *roles.OPERATOR, p.CONFIRM_CLOCK, p.READ_DECISIONS, p.PROPOSE_DECISIONS, p.APPROVE_DECISIONS, p.APPROVE_REVERSALS,
    p.READ_VENDING_POINTS, p.SEE_ACCOUNTS, p.READ_CHECKS, p.SEE_CHANGES, p.EXPORT_ROWS,
)  # fmt: skip
# Works at meters and takes no money.
FIELD = (
    p.READ_CONSUMERS, p.READ_METERS, p.ADD_METERS, p.CHANGE_METERS, p.LOOK_UP, p.READ_ENGINEERING, p.OPEN_DESK,
    p.PRINT_ACTS, p.LIMIT_POWER, p.CLEAR_TAMPER, p.LIMIT_UNBALANCE, p.SET_TARIFF_RATE, p.SET_WATER_FACTOR,
    p.CHANGE_KEYS, p.TEST_METERS, p.ASK_ACTS_AGAIN, p.LOOK_UP_TOKENS, p.OPEN_TRAINING, p.USE_TRAINING, p.READ_TOKENS,
    p.READ_REPORTS, p.READ_PRODUCTS, p.READ_MANUFACTURERS, p.READ_TARIFFS, p.READ_KEYS, p.READ_WORK, p.CANCEL_WORK,
)  # fmt: skip
# Enters consumers and meters, sells nothing and makes no token.
CLERK = (
    p.READ_CONSUMERS, p.ADD_CONSUMERS, p.CHANGE_CONSUMERS, p.READ_METERS, p.ADD_METERS, p.CHANGE_METERS, p.LOOK_UP,
    p.IMPORT_ROWS, p.EXPORT_ROWS, p.CHANGE_MANY, p.READ_WORK, p.CANCEL_WORK, p.READ_PRODUCTS, p.READ_TARIFFS,
    p.READ_REGIONS, p.SEE_CHANGES,
)  # fmt: skip

PRESETS = tuple(
    Preset(name, row_scope, frozenset(rights))
    for name, row_scope, rights in (
        ("operator", RowScope.VENDING_POINT, roles.OPERATOR),
        ("supervisor", RowScope.REGION, SUPERVISOR),
        ("manager", RowScope.REGION, roles.MANAGER),
        ("clerk", RowScope.REGION, CLERK),
        ("field", RowScope.REGION, FIELD),
        ("auditor", RowScope.REGION, roles.AUDITOR),
        ("administrator", RowScope.ALL, roles.ADMINISTRATOR),
    )
)
BY_NAME = {preset.name: preset for preset in PRESETS}
