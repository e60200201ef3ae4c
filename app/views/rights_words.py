"""Rights in the operator's words, and in the order of the menu: function by function, act by act."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l

from app.access import permissions
from app.access.permissions import Permission
from app.domain.states import RowScope
from app.views import figures
from app.views.menu import CATEGORIES, LINES

# What a person may do on a page; the name after FAB's "can_".
ACTS = {
    "can_read": _l("Look"),
    "can_add": _l("Add"),
    "can_edit": _l("Change"),
    "can_delete": _l("Delete"),
    "can_sell": _l("Sell"),
    "can_resolve": _l("Resolve waiting sales"),
    "can_print": _l("Print again"),
    "can_confirm_clock": _l("Confirm the clock"),
    "can_pick": _l("Look up in forms"),
    "can_propose": _l("Ask for it"),
    "can_approve": _l("Approve as the second person"),
    "can_decline": _l("Decline and take back"),
    "can_accept": _l("Accept differences of modules (over everything only)"),
    "can_maximum_power_limit": _l("Limit the power"),
    "can_clear_credit": _l("Clear the balance"),
    "can_clear_tamper_condition": _l("Clear tamper"),
    "can_maximum_phase_unbalance_limit": _l("Limit the unbalance of phases"),
    "can_set_tariff_rate": _l("Set the tariff rate"),
    "can_water_meter_factor": _l("Set the water meter factor"),
    "can_key_change": _l("Change keys, and say what became of it"),
    "can_meter_test": _l("Make test tokens"),
    "can_ask_again": _l("Ask a silent module again"),
    "can_load": _l("Load another"),
    "can_import": _l("Import from files"),
    "can_change": _l("Change many rows"),
    "can_cancel": _l("Stop work"),
    "can_use": _l("Type tokens in"),
    "can_open": _l("Open it (over everything only)"),
    "can_unlock": _l("Unlock addresses (over everything only)"),
    "can_send_elsewhere": _l("Have them sent to other addresses"),
    "menu_access": _l("See it in the menu"),
    # What the log of changes tells of earlier releases.
    "can_write": _l("Add and change"),
    "can_decide": _l("Propose and approve"),
}
ELSEWHERE = {
    "ReportScheduleView": _l("Reports by e-mail"), "ExportView": _l("Exports"), "BulkView": _l("Many rows at once"),
    "HomeView": _l("Home"), "ReceiptView": _l("Receipts"), "DecisionView": _l("Decisions on lost sales"),
    "ReversalView": _l("Reversals"), "Pick": _l("Regions and consumers"),
    "RecordChanges": _l("Changes of a record, on its page"), "PointAccounts": _l("Balance and credit limit"),
}  # fmt: skip
# The columns of the grid that have one act each; every other act stands in the last column.
COLUMNS = {
    "see": (_l("Look"), ("can_read", "can_pick", "can_open")),
    "add": (_l("Add"), ("can_add",)),
    "change": (_l("Change"), ("can_edit",)),
    "delete": (_l("Delete"), ("can_delete",)),
    "approve": (_l("Approve"), ("can_approve",)),
}
SYSTEM = "System"


@dataclass(frozen=True, slots=True)
class Row:
    """One function: its page and its permissions by their names in `access.permissions`."""

    page: str
    label: Any
    names: tuple[str, ...]

    def of(self, column: str) -> tuple[str, ...]:
        """The names that stand in one column."""
        acts = COLUMNS[column][1]
        return tuple(name for name in self.names if permissions.every()[name].action in acts)

    @property
    def special(self) -> tuple[str, ...]:
        """The names that have no column of their own."""
        plain = {act for _label, acts in COLUMNS.values() for act in acts}
        return tuple(name for name in self.names if permissions.every()[name].action not in plain)

    @property
    def whole(self) -> bool:
        """Whether what it shows is the whole installation's: nobody who is kept to a region changes it."""
        return any(permissions.every()[name] in permissions.WHOLE for name in (*self.of("change"), *self.of("add"))) or "LOAD_LICENCE" in self.names


@dataclass(frozen=True, slots=True)
class Part:
    """One part of the menu with its functions, in its order."""

    name: str
    label: Any
    rows: tuple[Row, ...]


def page_label(page: str) -> Any:
    """What a page is called in the menu."""
    lines = {line.name: line.label for line in LINES if line.label}
    return lines.get(page) or ELSEWHERE.get(page, page)


def act_label(name: str) -> Any:
    """What a permission lets somebody do, by its name in `access.permissions`."""
    action = permissions.every()[name].action
    return ACTS.get(action, action)


def in_words(rights: Iterable[Permission]) -> str:
    """Rights as people read them: what may be done on which page."""
    pages: dict[str, list[str]] = {}
    for right in sorted(rights):
        pages.setdefault(str(page_label(right.page)), []).append(str(ACTS.get(right.action, right.action)))
    said = (_("%(column)s: %(what)s", column=page, what=figures.listed(acts)) for page, acts in sorted(pages.items()))
    return figures.listed(said, ";")


@cache
def parts() -> tuple[Part, ...]:
    """Every function in the order of the menu; one without a line of its own stands where its page belongs."""
    names: dict[str, list[str]] = {}
    for name, right in permissions.every().items():
        names.setdefault(right.page, []).append(name)
    placed = {category.name: [] for category in CATEGORIES}  # type: dict[str, list[str]]
    placed[CATEGORIES[0].name].append("HomeView")
    for category, page in _pages():
        if page in names and not any(page in pages for pages in placed.values()):
            placed[category].append(page)
    left = names.keys() - {page for pages in placed.values() for page in pages}
    placed[SYSTEM] += sorted(left)
    return tuple(
        Part(one.name, one.label, tuple(Row(page, page_label(page), tuple(names[page])) for page in placed[one.name]))
        for one in CATEGORIES
    )


def _pages() -> Iterator[tuple[str, str]]:
    category = CATEGORIES[0].name
    for line in LINES:
        category = line.category or category
        yield category, line.view().class_permission_name or line.name


def idle(rights: Iterable[Permission], row_scope: RowScope) -> set[Permission]:
    """Those of `rights` that give nothing to people who see the rows of a place only."""
    return set() if row_scope is RowScope.ALL else set(rights) & permissions.WHOLE


def system_pages(rights: Iterable[Permission]) -> list[Any]:
    """The functions of System among `rights`, by what they are called; looking something up in a form is none."""
    pages = {right.page for right in rights} - {"Pick", "RecordChanges"}
    return [row.label for part in parts() if part.name == SYSTEM for row in part.rows if row.page in pages]
