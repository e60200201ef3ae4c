"""The grid of what a group may do, as a field: a row for each function in the menu's order, a box for each act.

Boxes that one may not give are shut and keep what they hold; those of one's own group are all shut.  `data` is a
list of names of `access.permissions`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from flask import render_template
from flask_babel import lazy_gettext as _l
from flask_babel import lazy_pgettext
from markupsafe import Markup
from wtforms import Field

from app.access import permissions
from app.access.needs import needs_of
from app.access.permissions import Permission
from app.access.presets import PRESETS
from app.domain.states import RowScope
from app.views import rights_words
from app.views.group_names import NAMES
from app.views.rights_words import COLUMNS, act_label, in_words, parts, system_pages

PRESET_WORDS: Mapping[str, tuple[Any, Any]] = {
    "operator": (NAMES["Operator"], _l("Sells at one vending point.")),
    "supervisor": (
        lazy_pgettext("user group", "Cashier supervisor"),
        _l("Sells, approves what others ask to undo, looks at drawers and checks of a region."),
    ),
    "manager": (NAMES["Manager"], _l("Leads a region: registers consumers and meters, approves.")),
    "clerk": (lazy_pgettext("user group", "Registration clerk"), _l("Enters consumers and meters; sells nothing.")),
    "field": (lazy_pgettext("user group", "Field engineer"), _l("Makes engineering tokens and changes keys; takes no money.")),
    "auditor": (NAMES["Auditor"], _l("Reads everything of a region and changes nothing.")),
    "administrator": (NAMES["Administrator"], _l("Sets the system up and looks after people.")),
}


@dataclass(slots=True)
class Applied:
    """What a preset did to the form: its name, what came and went (names), and what the person may not give."""

    name: str
    more: list[str]
    fewer: list[str]
    left_out: list[str]


def names_of(rights: Iterable[tuple[str, str]]) -> list[str]:
    """The names of permissions, in the order of their list; what no list knows is left out."""
    wanted = {tuple(right) for right in rights}
    return [name for name, right in permissions.every().items() if tuple(right) in wanted]


def rights_named(names: Iterable[str]) -> set[Permission]:
    """Permissions by their names."""
    every = permissions.every()
    return {every[name] for name in names if name in every}


class _Grid:
    """Draws the grid with its presets, its warnings and its preview."""

    input_type = "checkbox"

    def __call__(self, field: Rights, **_given: Any) -> Markup:
        chosen = rights_named(field.data or ())
        needed = {name: " ".join(names_of(needs_of(right))) for name, right in permissions.every().items()}
        system = {name for row in next(part for part in parts() if part.name == rights_words.SYSTEM).rows for name in row.names}
        return Markup(render_template(  # noqa: S704  (a template, which escapes)
            "groups/_grid.html", field=field, parts=parts(), columns=COLUMNS, act_label=act_label, needed=needed,
            system={name for name in system if system_pages([permissions.every()[name]])},
            presets=PRESETS, preset_words=PRESET_WORDS, in_words=lambda names: in_words(rights_named(names)),
            system_pages=system_pages(chosen),
        ))  # fmt: skip


class Rights(Field):  # type: ignore[misc]
    """Permissions by their names in `access/permissions.py`; `data` is a list of names."""

    widget = _Grid()
    is_grid = True
    # What the view says of this form: names that one may give, names that the group has (None for a new group), why
    # every box is shut, what a preset did, and the preview that was asked for.
    given: frozenset[str] = frozenset()
    held: frozenset[str] | None = None
    shut: Any = ""
    applied: Applied | None = None
    seen: Any = None
    scope: str = ""
    # Whether the form said anything at all: boxes that are shut are not sent.
    was_sent = False

    @property
    def counted(self) -> frozenset[str]:
        """The ticked names in no order."""
        return frozenset(self.data or ())

    @property
    def in_words(self) -> str:
        """What is ticked, page by page."""
        return in_words(rights_named(self.data or ()))

    @property
    def warns(self) -> bool:
        """Whether System is given to people of one vending point."""
        return self.scope == RowScope.VENDING_POINT.value and bool(system_pages(rights_named(self.data or ())))

    def process_data(self, value: Any) -> None:
        """Nothing is ticked until the view says what the role has."""
        self.data = []

    def process_formdata(self, valuelist: list[str]) -> None:
        """Take the ticked names that exist."""
        known = permissions.every()
        self.was_sent = bool(valuelist)
        self.data = [name for name in valuelist if name in known]

    def populate_obj(self, obj: Any, name: str) -> None:
        """Nothing: the view gives the role its permissions."""
