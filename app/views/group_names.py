"""What a user group is called: those of set-up in the reader's language, until somebody gives them a name of their own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flask_babel import lazy_pgettext

from app.access.roles import GROUPS
from app.models import UserGroup

# In the order of set-up's groups; what it stored is in English.
NAMES: Mapping[str, Any] = dict(
    zip(
        (name for name, _description, _scope in GROUPS),
        (
            lazy_pgettext("user group", "Administrator"),
            lazy_pgettext("user group", "Manager"),
            lazy_pgettext("user group", "Operator"),
            lazy_pgettext("user group", "Auditor"),
        ),
        strict=True,
    )
)


def group_name(group: Any) -> str:
    """The name of a group, or of its stored name; nothing for None.  The caller knows that it is a group."""
    stored = str(group or "")
    return str(NAMES.get(stored, stored))


def called(row: Any) -> str:
    """The name of a row of any kind; a vending point that is called Operator keeps its name."""
    return group_name(row) if isinstance(row, UserGroup) else str(row)
