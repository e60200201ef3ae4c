"""Users (manual S5): who they are, which group, where they belong, and whether they may sign in.

Nobody gives what they do not have: not a group with wider rows or more permissions than
their own, not a region outside their own.  Users are switched off, never deleted.  Nobody types a
password for somebody else: a new person gets a link to choose one.
"""

from __future__ import annotations

from typing import Any

from flask import flash, g, redirect, url_for
from flask_appbuilder.forms import DynamicForm
from flask_appbuilder.models.filters import BaseFilter
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from sqlalchemy import inspect, select, update
from wtforms import BooleanField
from wtforms.validators import ValidationError

from app.access.current import current_scope, signed_in
from app.access.fab import SafeModelView
from app.access.roles import may_give
from app.access.scope import Scope, own_people
from app.domain.errors import LastKeepers, OutOfScope, StaleRow
from app.domain.states import RowScope
from app.extensions import db
from app.models import AppUser, Region, UserGroup, VendingPoint
from app.services import keepers, mail_queue, password_links
from app.views import people_acts, sessions, sight
from app.views.fields import Nobodys, Row, Shape, Text, email, telephone
from app.views.group_names import group_name
from app.views.lists import PLACE, Listed, Rows, begins, one_row, typed
from app.views.people_acts import PeopleActs, give_link
from app.views.pickers import REGIONS, Picker
from app.views.sight import rights_of


def within(region: Region | None, scope: Scope) -> bool:
    """Whether a person of this region is one's own; one without a region belongs to those over all."""
    if scope.sees_all:
        return True
    return region is not None and scope.region_path is not None and region.path.startswith(scope.region_path)


def is_own(person: AppUser, scope: Scope) -> bool:
    """Whether a person as they are about to be stored would be one's own (`scope.own_people` says it of rows).

    Who sells at a vending point and has no region belongs where it lies.
    """
    if scope.sees_all:
        return True
    point = person.vending_point
    if scope.row_scope is RowScope.VENDING_POINT:
        mine = point is not None and point.id == scope.vending_point_id
        return mine and (person.region is None or within(person.region, scope))
    if person.region is not None:
        return within(person.region, scope)
    kept = person.group is not None and person.group.row_scope is not RowScope.ALL
    return kept and point is not None and within(point.region, scope)


class OwnPeople(BaseFilter):
    """The people of one's own part."""

    name = "own people"
    arg_name = "own_people"

    def apply(self, query: Any, _value: Any) -> Any:
        """Keep users to the current scope."""
        return query.filter(own_people(current_scope()))


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
            Nobodys(_l("Another user has this name.")),
        ],
        render_kw={"autocapitalize": "none", "spellcheck": "false"},
    )
    first_name = Text(_l("First name"), most=64)
    last_name = Text(_l("Last name"), most=64)
    email = Text(
        _l("E-mail"), most=120, rules=[email(), Nobodys(_l("Another user has this address."))],
        description=_l(
            "For three days after you add somebody or change their address, you two cannot approve each other’s steps. For a new account these days begin with its first password."
        ),
    )
    phone = Text(_l("Phone"), most=40, required=False, rules=[telephone()], render_kw={"inputmode": "tel"})
    group = Row(_l("User group"), groups_to_give, get_label=group_name, description=_l("Says what the person may do, and with whose rows."))
    region = Picker(
        _l("Region"), REGIONS, required=False,
        description=_l("Needed where the group sees a region: this one, and all below it. Who sells at a vending point may have none, and belongs where that lies."),
    )  # fmt: skip
    vending_point = Row(
        _l("Vending point"), _points, required=False,
        description=_l("Where the person sells. Needed where the group sees one vending point."),
    )  # fmt: skip
    active = BooleanField(
        _l("May sign in"), default=True, description=_l("Somebody new gets a link to choose a password; nobody else types it.")
    )

    def validate_region(self, field: Any) -> None:
        """Somebody with a region of their own gives a region within it."""
        if not within(field.data, current_scope()):
            raise ValidationError(_("Choose a region within your own."))

    def validate(self, extra_validators: Any = None) -> bool:
        """Whoever sees the rows of a place has one, and whoever looks after a region keeps people to it.

        NB: both fields are optional, so rules of their own would not run when they are empty.
        """
        fine = super().validate(extra_validators)
        scope = self.group.data.row_scope if self.group.data else None
        if scope is RowScope.ALL and self.region.data is None and not self.region.errors and not current_scope().sees_all:
            self.region.errors = [_("Choose a region within your own.")]
            return False
        lacking = {RowScope.VENDING_POINT: self.vending_point, RowScope.REGION: self.region}.get(scope)
        if lacking is None or lacking.data is not None or lacking.errors:
            return fine
        lacking.errors = [
            _("People of this group sell at a vending point and see nothing without one. Choose it.")
            if scope is RowScope.VENDING_POINT
            else _("People of this group see the rows of a region and nothing without one. Choose it.")
        ]
        return False


class People(Rows):
    """People with what is worked out of them; the locks of a page are read at once."""

    def get_values(self, lst: Any, list_columns: Any) -> Any:
        """The columns of each person."""
        users = list(lst)
        people_acts.learn_locks(users)
        yield from super().get_values(users, list_columns)


class AppUserView(PeopleActs, Listed, SafeModelView):
    """Users of one's own region."""

    datamodel = People(
        AppUser,
        eager=["group", "region", "vending_point"],
        computed={"status": people_acts.state, "sees": sight.in_words, "last_sign_in": people_acts.last_sign_in},
        orders={"last_sign_in": (None, [AppUser.last_login])},
    )
    route_base = "/users"
    include_route_methods = {"list", "show", "add", "edit", "switch", "link", "unlock", "drop_factor", "sign_out"}
    list_template, show_template = "people/list.html", "people/show.html"
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
        "vending_point": _l("Vending point"), "active": _l("May sign in"), "phone": _l("Phone"),
        "status": _l("State"), "sees": _l("What they may see"), "last_sign_in": _l("Last sign-in"),
    }  # fmt: skip
    list_columns = ["username", "first_name", "last_name", "group", "sees", "status", "last_sign_in"]
    show_columns = [
        "username", "first_name", "last_name", "email", "phone", "group", "region", "vending_point", "status", "sees",
        "last_sign_in",
    ]  # fmt: skip
    add_columns = edit_columns = [
        "username", "first_name", "last_name", "email", "phone", "group", "region", "vending_point", "active",
    ]  # fmt: skip
    order_columns = ["username", "first_name", "last_name", "last_sign_in"]
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
    add_form = edit_form = UserForm

    def require_own(self, item: Any) -> None:
        """The group and the region must be such as the signed-in person may give."""
        if not is_own(item, current_scope()) or not given_by(item.group):
            raise OutOfScope

    def _save(self, form: Any, item: Any, *, new: bool) -> bool:
        if not new and not self._may_change(form, item):
            return False
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
        if own and (form.region.data is not item.region or form.vending_point.data is not item.vending_point):
            form.region.errors = [_("Your own region and vending point are changed by somebody else.")]
            return False
        if own and form.email.data != item.email:  # a forgotten password goes there, and reports to oneself
            form.email.errors = [_("Your own address takes your password. Change it in the account settings.")]
            return False
        return True

    def pre_add(self, item: Any) -> None:
        """No password, and a link to choose one, in the same transaction."""
        item.password, item.link_secret = None, None
        if item.active:
            db.session.add(item)
            db.session.flush()
            item.link_secret = give_link(db.session(), item, password_links.INVITE)

    def post_add(self, item: Any) -> None:
        """Keep for the answer what only it may tell."""
        g.invited = item.id, item.link_secret, item.active

    def post_add_redirect(self) -> Any:
        """The link, where no mail takes it to the person; else the person's page."""
        key, secret, active = g.invited
        return self.link_given(key, secret) if active else redirect(url_for("AppUserView.show", pk=key))

    def pre_update(self, item: Any) -> None:
        """Being switched off ends every session of the person; with it, or another address, no link works any more.

        The version rises by a guarded update: the second of two at one moment is refused.
        """
        table = AppUser.__table__
        same = (table.c.id == item.id) & (table.c.version == item.version)
        if db.session.execute(update(table).where(same).values(version=item.version + 1)).rowcount != 1:
            raise StaleRow
        parting = not item.active or item.region is not None or inspect(item).attrs.group.history.deleted
        if parting and keepers.keeps_alone(db.session(), item.id):
            raise LastKeepers
        left = inspect(item).attrs.email.history.deleted
        if left or not item.active:
            password_links.end_all(db.session(), item.id)
        elif any(inspect(item).attrs[name].history.has_changes() for name in ("group", "region", "vending_point")):
            g.link_ended = password_links.end_given(db.session(), item.id)
        if left:
            mail_queue.add(db.session(), "notice", {"user": item.id, "what": "email", "to": left[0]})
        if not item.active:
            sessions.end_all(item.id)

    def post_update(self, item: Any) -> None:
        """Say that a link is gone which whoever gave it may have kept: the person may do something else now."""
        if g.pop("link_ended", False):
            flash(_("The link that was given before does not work any more. Make another on this person’s page."), "warning")

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
            key = row.id
            sessions.end_all(key)
            password_links.end_all(db.session(), key)
            db.session.commit()
