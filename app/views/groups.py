"""User groups (manual S4): a name, whose rows its people see, and a grid of what they may do.

Nobody gives a permission or a row scope that they do not have, nor changes the rights of
their own group.  A group owns one FAB role, which nobody sees.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Mapping
from typing import Any

from flask_appbuilder.forms import DynamicForm
from flask_appbuilder.security.sqla.models import PermissionView, Role
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_babel import ngettext
from markupsafe import Markup
from sqlalchemy import func, select
from wtforms import BooleanField, Field

from app.access import permissions
from app.access.current import current_scope, signed_in
from app.access.fab import Interface, SafeModelView
from app.access.permissions import Permission
from app.access.roles import GROUPS, may_give
from app.domain.errors import OutOfScope
from app.domain.states import RowScope
from app.extensions import db
from app.models import AppUser, UserGroup
from app.models.base import now
from app.views import figures
from app.views.fields import Text, Unused, Word
from app.views.group_names import group_name
from app.views.lists import Listed
from app.views.lists import words as holds
from app.views.menu import LINES
from app.views.people import given_by, rights_of

ROW_SCOPE = {
    RowScope.VENDING_POINT: _l("their own vending point"),
    RowScope.REGION: _l("their own region"),
    RowScope.ALL: _l("everything"),
}
# What set-up wrote of its own groups, in the order of theirs; translated while nobody has changed it.
SEEDED: Mapping[str, Any] = dict(
    zip(
        (description for _name, description, _scope in GROUPS),
        (
            _l("Sets the system up and looks after people."),
            _l("Leads a region: registers consumers and meters, approves."),
            _l("Sells at one vending point."),
            _l("Reads everything of a region and changes nothing."),
        ),
        strict=True,
    )
)
# What a person may do on a page; the name after FAB's "can_".
ACTS = {
    "can_read": _l("Look"),
    "can_edit": _l("Add and change"),
    "can_delete": _l("Delete"),
    "can_sell": _l("Sell"),
    "can_resolve": _l("Resolve waiting sales"),
    "can_print": _l("Print again"),
    "can_confirm_clock": _l("Confirm the clock"),
    "can_pick": _l("Look up in forms"),
    "can_propose": _l("Ask for it"),
    "can_approve": _l("Approve as the second person"),
    "can_decline": _l("Decline and take back"),
    "can_accept": _l("Accept differences of modules"),
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
    "can_send_elsewhere": _l("Have them sent to other addresses"),
    "menu_access": _l("See it in the menu"),
}
ELSEWHERE = {"ReportScheduleView": _l("Reports by e-mail"), "ExportView": _l("Exports"), "BulkView": _l("Many rows at once"), "HomeView": _l("Home"), "ReceiptView": _l("Receipts"), "DecisionView": _l("Decisions on lost sales"), "ReversalView": _l("Reversals"), "Pick": _l("Regions and consumers"), "RecordChanges": _l("Changes of a record, on its page"), "PointAccounts": _l("Balance and credit limit")}


def page_label(page: str) -> Any:
    """What a page is called in the menu."""
    lines = {line.name: line.label for line in LINES if line.label}
    return lines.get(page) or ELSEWHERE.get(page, page)


def in_words(rights: Iterable[Permission]) -> str:
    """Rights as people read them: what may be done on which page."""
    pages: dict[str, list[str]] = {}
    for right in sorted(rights):
        pages.setdefault(str(page_label(right.page)), []).append(str(ACTS.get(right.action, right.action)))
    return figures.listed((f"{page}: {figures.listed(acts)}" for page, acts in sorted(pages.items())), ";")


class _Grid:
    """Check boxes: a row for each page, a box for each act; boxes that one may not give are shut."""

    input_type = "checkbox"

    def __call__(self, field: Any, **_given: Any) -> Markup:
        """Draw the grid."""
        user = signed_in()
        own = rights_of(user.group) if user and user.group else set()
        chosen = set(field.data or ())
        rows: dict[str, list[Markup]] = {}
        for name, permission in permissions.every().items():
            box = Markup('<label class="check"><input type="checkbox" name="{}" value="{}"{}{}> {}</label>').format(
                field.name,
                name,
                Markup(" checked") if name in chosen else "",
                Markup("") if tuple(permission) in own else Markup(" disabled"),
                ACTS.get(permission.action, permission.action),
            )
            rows.setdefault(permission.page, []).append(box)
        lines = [
            Markup('<tr><th scope="row">{}</th><td>{}</td></tr>').format(page_label(page), Markup(" ").join(boxes))
            for page, boxes in rows.items()
        ]
        return Markup('<table class="table rights" id="{}"><tbody>{}</tbody></table>').format(
            field.id, Markup("").join(lines)
        )


class Rights(Field):
    """Permissions by their names in `access/permissions.py`; `data` is a list of names."""

    widget = _Grid()

    @property
    def counted(self) -> frozenset[str]:
        """The ticked names in no order."""
        return frozenset(self.data or ())

    @property
    def in_words(self) -> str:
        """What is ticked, page by page."""
        return in_words(permissions.every()[name] for name in self.data or ())

    def process_data(self, value: Any) -> None:
        """Nothing is ticked until the view says what the role has."""
        self.data = []

    def process_formdata(self, valuelist: list[str]) -> None:
        """Take the ticked names that exist."""
        known = permissions.every()
        self.data = [name for name in valuelist if name in known]

    def populate_obj(self, obj: Any, name: str) -> None:
        """Nothing: the view gives the role its permissions."""


class GroupForm(DynamicForm):
    """A group of people."""

    name = Text(_l("Name"), most=64, rules=[Unused(UserGroup.name, _l("Another group has this name."))])
    description = Text(_l("Description"), most=200, required=False)
    row_scope = Word(_l("They see the rows of"), ROW_SCOPE)
    second_factor = BooleanField(
        _l("Second factor is compulsory"),
        description=_l("Who has none sets it up at the next sign-in: six digits from an app after the password."),
    )
    rights = Rights(_l("They may"))


class UserGroupView(Listed, SafeModelView):
    """User groups."""

    datamodel = Interface(UserGroup)
    route_base = "/groups"
    list_title = _l("User groups")
    add_title = _l("Add user group")
    edit_title = _l("Change user group")
    show_title = _l("User group")
    empty_text = _l("No user groups yet.")
    add_row_message = _l("The user group is added.")
    edit_row_message = _l("The user group is changed.")
    delete_row_message = _l("The user group is deleted.")
    label_columns = {
        "name": _l("Name"), "description": _l("Description"), "row_scope": _l("They see the rows of"),
        "rights": _l("They may"), "active": _l("Active"), "second_factor": _l("Second factor is compulsory"),
    }  # fmt: skip
    list_columns = ["name", "description", "row_scope", "active"]
    show_columns = ["name", "description", "row_scope", "second_factor"]
    add_columns = edit_columns = ["name", "description", "row_scope", "second_factor", "rights"]
    order_columns = ["name"]
    base_order = ("name", "asc")
    found_by = {"name": holds(_l("Name"))}
    formatters_columns = {
        "name": group_name,
        "row_scope": lambda value: ROW_SCOPE[RowScope(value)],
        "description": lambda value: str(SEEDED.get(value, value or "—")),
    }
    add_form = edit_form = GroupForm

    def prefill_form(self, form: Any, pk: Any) -> None:
        """Tick what the group may do."""
        group = self._row(pk)
        names = {tuple(permission): name for name, permission in permissions.every().items()}
        form.rights.data = [names[right] for right in rights_of(group) if right in names]
        form.name.data = group_name(group)
        if group.description in SEEDED:
            form.description.data = str(SEEDED[group.description])

    def _save(self, form: Any, item: Any, *, new: bool) -> bool:
        if not new and not self._may_change(form, item):
            return False
        if form.description.data == str(SEEDED.get(item.description, "")):
            form.description.data = item.description  # the translation was left as it was
        if not new and form.name.data == group_name(item):
            form.name.data = item.name
        item.wanted = {permissions.every()[name] for name in form.rights.data or ()}
        return super()._save(form, item, new=new)

    @staticmethod
    def _may_change(form: Any, item: Any) -> bool:
        """A group above one's own is left alone; one's own keeps its rights."""
        if not given_by(item):
            form.rights.errors = [_("This group may do more than you. Ask somebody who may do as much.")]
            return False
        user = signed_in()
        if user is not None and user.group_id == item.id:
            if form.row_scope.data != item.row_scope or form.second_factor.data != item.second_factor:
                form.row_scope.errors = [_("The rights of your own group are changed by somebody else.")]
                return False
        return True

    def require_own(self, item: Any) -> None:
        """No wider rows than one's own."""
        if not may_give(current_scope().row_scope, RowScope(item.row_scope)):
            raise OutOfScope

    def explain(self, form: Any, refusal: Any) -> None:
        """A row scope out of reach is that field's fault."""
        if isinstance(refusal, OutOfScope):
            form.row_scope.errors = [*form.row_scope.errors, _("You cannot give more than you have yourself.")]
        else:
            super().explain(form, refusal)

    def pre_add(self, item: Any) -> None:
        """The group's own role."""
        taken = db.session.scalar(select(Role.id).where(Role.name == item.name))
        item.role = Role(name=f"{item.name[:55]} {secrets.token_hex(4)}" if taken else item.name)
        self._give(item)

    def pre_update(self, item: Any) -> None:
        """Change what the role may do, as far as one may give and take it."""
        user = signed_in()
        if user is None or user.group_id != item.id:
            self._give(item)

    @staticmethod
    def _give(item: Any) -> None:
        user = signed_in()
        own = rights_of(user.group) if user and user.group else set()
        had = {
            Permission(row.permission.name, row.view_menu.name): row for row in item.role.permissions
        }
        wanted = (item.wanted & own) | (had.keys() - own)
        rows = db.session.scalars(select(PermissionView)).all()
        if wanted != had.keys():
            # NB: the rights stand in another table; so that the second of two is refused, the group changes too.
            item.changed_at = now()
        item.role.permissions = [row for row in rows if (row.permission.name, row.view_menu.name) in wanted]

    def why_kept(self, item: Any) -> Any:
        """A group with people stays."""
        count = db.session.scalar(select(func.count()).where(AppUser.group_id == item.id))
        if not given_by(item):
            return _("This group may do more than you. Nothing was deleted.")
        return count and ngettext(
            "%(num)d user is in this group. Nothing was deleted. Put the user into another group first.",
            "%(num)d users are in this group. Nothing was deleted. Put them into another group first.",
            count,
        )

    def pre_delete(self, item: Any) -> None:
        """Its role goes with it."""
        db.session.delete(item.role)

    def why_not(self, row: Any, *, on: bool) -> Any:
        """A group above one's own is left alone."""
        return None if given_by(row) else _("This group may do more than you. Ask somebody who may do as much.")
