"""Users (manual S5): who they are, which group, where they belong, and whether they may sign in.

Nobody gives what they do not have: not a group with wider rows or more permissions than
their own, not a region outside their own.  Users are switched off, never deleted.
"""

from __future__ import annotations

from typing import Any

from flask import current_app
from flask_appbuilder.forms import DynamicForm
from flask_appbuilder.models.filters import BaseFilter
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from sqlalchemy import or_, select, update
from wtforms import BooleanField, PasswordField
from wtforms.validators import InputRequired, Length, Optional, ValidationError

from app.access.current import current_scope, signed_in
from app.access.fab import Interface, SafeModelView
from app.access.roles import may_give
from app.access.scope import Scope
from app.domain.errors import OutOfScope, StaleRow
from app.domain.states import RowScope
from app.extensions import db
from app.models import AppUser, Region, UserGroup, VendingPoint
from app.views import sessions
from app.views.account import password_fault, set_password
from app.views.fields import NEEDED, Row, Shape, Text, Unused, email
from app.views.group_names import group_name
from app.views.lists import PLACE, Listed, begins, one_row, typed
from app.views.pickers import REGIONS, Picker
from app.views.signin import TEXT_MAX


def within(region: Region | None, scope: Scope) -> bool:
    """Whether a person of this region is one's own; one without a region belongs to those over all."""
    if scope.sees_all:
        return True
    return region is not None and scope.region_path is not None and region.path.startswith(scope.region_path)


class OwnPeople(BaseFilter):
    """People whose region, or whose vending point's, lies in one's own."""

    name = "own people"
    arg_name = "own_people"

    def apply(self, query: Any, _value: Any) -> Any:
        """Keep users to the current scope."""
        scope = current_scope()
        if scope.sees_all:
            return query
        low = scope.region_path
        if low is None:
            return query.filter(AppUser.id == scope.user_id)
        regions = select(Region.id).where(Region.path >= low, Region.path < low[:-1] + "0")
        points = select(VendingPoint.id).where(VendingPoint.region_id.in_(regions))
        own = or_(
            AppUser.region_id.in_(regions),
            AppUser.region_id.is_(None) & AppUser.vending_point_id.in_(points),
        )
        return query.filter(own)


def rights_of(group: UserGroup) -> set[tuple[str, str]]:
    """The permissions of a group's role."""
    return current_app.appbuilder.sm.get_role_permissions(group.role)  # type: ignore[attr-defined, no-any-return]


def given_by(group: UserGroup) -> bool:
    """Whether the signed-in person has at least what this group has."""
    user = signed_in()
    if user is None or user.group is None or not may_give(current_scope().row_scope, group.row_scope):
        return False
    return rights_of(group) <= rights_of(user.group)


def groups_to_give() -> list[UserGroup]:
    """The groups that the signed-in person may put somebody into."""
    rows = select(UserGroup).where(UserGroup.active).order_by(UserGroup.name)
    return [group for group in db.session.scalars(rows) if given_by(group)]


def _points() -> list[VendingPoint]:
    rows = select(VendingPoint).where(VendingPoint.active).order_by(VendingPoint.name)
    return list(db.session.scalars(rows))


def _all_points() -> list[VendingPoint]:
    return list(db.session.scalars(select(VendingPoint).order_by(VendingPoint.name)))


def _all_groups() -> list[UserGroup]:
    return list(db.session.scalars(select(UserGroup).order_by(UserGroup.name)))

class UserForm(DynamicForm):
    """What is known of a person."""

    username = Text(
        _l("User name"),
        most=64,
        rules=[
            Shape(r"[A-Za-z0-9._@-]{2,64}", _l("Two or more letters, digits, and the signs . _ - @ only.")),
            Unused(AppUser.username, _l("Another user has this name.")),
        ],
        render_kw={"autocapitalize": "none", "spellcheck": "false"},
    )
    first_name = Text(_l("First name"), most=64)
    last_name = Text(_l("Last name"), most=64)
    email = Text(
        _l("E-mail"), most=120, rules=[email(), Unused(AppUser.email, _l("Another user has this address."))]
    )
    group = Row(_l("User group"), groups_to_give, get_label=group_name, description=_l("Says what the person may do, and with whose rows."))
    region = Picker(_l("Region"), REGIONS, required=False)
    vending_point = Row(_l("Vending point"), _points, required=False)
    active = BooleanField(_l("May sign in"), default=True)
    password = PasswordField(_l("Password"))

    def validate_password(self, field: Any) -> None:
        """As strong as what people choose themselves."""
        if not field.data:
            return
        known = AppUser(
            username=self.username.data or "", email=self.email.data or "", last_name=self.last_name.data or ""
        )
        fault = password_fault(field.data, known)
        if fault:
            raise ValidationError(fault)

    def validate_region(self, field: Any) -> None:
        """Somebody with a region of their own gives a region within it."""
        if not within(field.data, current_scope()):
            raise ValidationError(_("Choose a region within your own."))

    def validate(self, extra_validators: Any = None) -> bool:
        """Whoever sees the rows of a place has one.

        NB: both fields are optional, so rules of their own would not run when they are empty.
        """
        fine = super().validate(extra_validators)
        scope = self.group.data.row_scope if self.group.data else None
        lacking = {RowScope.VENDING_POINT: self.vending_point, RowScope.REGION: self.region}.get(scope)
        if lacking is None or lacking.data is not None or lacking.errors:
            return fine
        lacking.errors = [
            _("People of this group sell at a vending point and see nothing without one. Choose it.")
            if scope is RowScope.VENDING_POINT
            else _("People of this group see the rows of a region and nothing without one. Choose it.")
        ]
        return False

    def populate_obj(self, obj: Any) -> None:
        """Everything but the password, which is hashed elsewhere."""
        for name, field in self._fields.items():
            if name not in ("password", "csrf_token"):
                field.populate_obj(obj, name)


class NewUserForm(UserForm):
    """With the first password, to be changed at the first sign-in."""

    password = PasswordField(
        _l("First password"),
        [InputRequired(NEEDED), Length(max=TEXT_MAX)],
        description=_l("The person has to change it at the first sign-in."),
    )


class ChangeUserForm(UserForm):
    """A new password is given only when one is typed."""

    password = PasswordField(
        _l("New password"),
        [Optional(), Length(max=TEXT_MAX)],
        description=_l("Leave it empty to keep the one until now. The person has to change a new one."),
    )


class AppUserView(Listed, SafeModelView):
    """Users of one's own region."""

    datamodel = Interface(AppUser, eager=["group", "region", "vending_point"])
    route_base = "/users"
    include_route_methods = {"list", "show", "add", "edit", "switch"}
    base_filters = [["id", OwnPeople, None]]
    list_title = _l("Users")
    add_title = _l("Add user")
    edit_title = _l("Change user")
    show_title = _l("User")
    empty_text = _l("No users yet.")
    add_row_message = _l("The user is added.")
    edit_row_message = _l("The user is changed.")
    label_columns = {
        "username": _l("User name"), "first_name": _l("First name"), "last_name": _l("Last name"),
        "email": _l("E-mail"), "group": _l("User group"), "region": _l("Region"),
        "vending_point": _l("Vending point"), "active": _l("May sign in"),
    }  # fmt: skip
    list_columns = ["username", "first_name", "last_name", "group", "region", "vending_point", "active"]
    show_columns = ["username", "first_name", "last_name", "email", "group", "region", "vending_point", "active"]
    add_columns = edit_columns = [*show_columns, "password"]
    order_columns = ["username", "first_name", "last_name", "active"]
    base_order = ("username", "asc")
    found_by = {
        "username": begins(_l("User name")),
        "last_name": begins(_l("Last name")),
        "email": begins(_l("E-mail")),
        "group": one_row(_l("User group"), _all_groups, get_label=group_name),
        "vending_point": one_row(_l("Vending point"), _all_points),
        "region": typed(PLACE, _l("Region")),
    }
    formatters_columns = {"group": lambda group: group_name(group) or "—"}
    add_form = NewUserForm
    edit_form = ChangeUserForm

    def require_own(self, item: Any) -> None:
        """The group and the region must be such as the signed-in person may give."""
        if not within(item.region, current_scope()) or not given_by(item.group):
            raise OutOfScope

    def process_form(self, form: Any, is_created: bool) -> None:
        """Keep the typed password for the row; it is hashed in the same transaction."""
        form.given = form.password.data or None

    def _save(self, form: Any, item: Any, *, new: bool) -> bool:
        if not new and not self._may_change(form, item):
            return False
        item.new_password = form.given
        return super()._save(form, item, new=new)

    @staticmethod
    def _may_change(form: Any, item: Any) -> bool:
        """Whoever has more than oneself is left alone; one's own rights are changed by somebody else."""
        if item.group is not None and not given_by(item.group):
            form.group.errors = [_("This person may do more than you. Ask somebody who may do as much.")]
            return False
        own = item.id == current_scope().user_id
        if own and (not form.active.data or form.group.data is not item.group):
            form.group.errors = [_("Your own group and access are changed by somebody else.")]
            return False
        return True

    def pre_add(self, item: Any) -> None:
        """Hash the first password."""
        set_password(item, item.new_password, must_change=True)

    def pre_update(self, item: Any) -> None:
        """A new password, and being switched off, end every session of the person.

        The version rises by a guarded update: the second of two at one moment is refused.
        """
        table = AppUser.__table__
        same = (table.c.id == item.id) & (table.c.version == item.version)
        if db.session.execute(update(table).where(same).values(version=item.version + 1)).rowcount != 1:
            raise StaleRow
        if item.new_password:
            set_password(item, item.new_password, must_change=item.id != current_scope().user_id)
        if item.new_password or not item.active:
            own = item.id == current_scope().user_id
            sessions.end_all(item.id, but_this=own)

    def why_not(self, row: Any, *, on: bool) -> Any:
        """Whoever has more than oneself is left alone, and nobody switches themselves."""
        if row.group is not None and not given_by(row.group):
            return _("This person may do more than you. Ask somebody who may do as much.")
        if row.id == current_scope().user_id:
            return _("Your own group and access are changed by somebody else.")
        return None

    def switched(self, row: Any, *, on: bool) -> None:
        """Who was switched off is signed out everywhere."""
        if not on:
            sessions.end_all(row.id, but_this=False)
            db.session.commit()
