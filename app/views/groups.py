"""User groups (manual S4): a name, whose rows its people see, and a grid of what they may do.

Nobody gives a permission or a row scope that they do not have, nor changes the rights of
their own group.  A group owns one FAB role, which nobody sees.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from typing import Any

from flask import flash, request
from flask_appbuilder import expose
from flask_appbuilder.forms import DynamicForm
from flask_appbuilder.security.decorators import has_access, permission_name
from flask_appbuilder.security.sqla.models import PermissionView, Role
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_babel import lazy_pgettext, ngettext
from sqlalchemy import func, inspect, select
from wtforms import BooleanField

from app.access.current import current_scope, signed_in
from app.access.fab import Interface, SafeModelView
from app.access.needs import with_needs
from app.access.permissions import WHOLE, Permission
from app.access.presets import BY_NAME
from app.access.roles import GROUPS, may_give
from app.access.scope import own_people
from app.domain.errors import LastKeepers, OutOfScope
from app.domain.states import RowScope
from app.extensions import db
from app.models import AppUser, UserGroup
from app.models.base import now
from app.services import keepers
from app.views import figures, group_compare, group_seen
from app.views.fields import Text, Unused, Word
from app.views.group_names import group_name
from app.views.lists import Listed
from app.views.lists import words as holds
from app.views.people import given_by, rights_of
from app.views.rights_field import Applied, Rights, names_of, rights_named
from app.views.rights_words import idle, in_words, system_pages

__all__ = ["ROW_SCOPE", "GroupForm", "UserGroupView", "in_words"]

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
PRESET, LOOK = "preset", "look"


class GroupForm(DynamicForm):
    """A group of people."""

    name = Text(lazy_pgettext("thing", "Name"), most=64, rules=[Unused(UserGroup.name, _l("Another group has this name."))])
    description = Text(_l("Description"), most=200, required=False)
    row_scope = Word(
        _l("They see the rows of"), ROW_SCOPE,
        description=_l("Consumers, meters, sales and the rest: what lies outside is not there for them, whatever they may do."),
    )  # fmt: skip
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
        "name": lazy_pgettext("thing", "Name"), "description": _l("Description"), "row_scope": _l("They see the rows of"),
        "rights": _l("They may"), "active": _l("Active"), "second_factor": _l("Second factor is compulsory"),
    }  # fmt: skip
    list_columns = ["name", "description", "row_scope", "active"]
    show_columns = ["name", "description", "row_scope", "second_factor"]
    add_columns = edit_columns = ["name", "description", "row_scope", "second_factor", "rights"]
    order_columns = ["name"]
    base_order = ("name", "asc")
    found_by = {"name": holds(lazy_pgettext("thing", "Name"))}
    formatters_columns = {
        "name": group_name,
        "row_scope": lambda value: ROW_SCOPE[RowScope(value)],
        "description": lambda value: str(SEEDED.get(value, value or "—")),
    }
    add_form = edit_form = GroupForm
    add_template, edit_template = "groups/add.html", "groups/edit.html"
    list_template, show_template = "groups/list.html", "groups/show.html"

    # --- the form -------------------------------------------------------------------------

    def prefill_form(self, form: Any, pk: Any) -> None:
        """Tick what the group may do."""
        group = self._row(pk)
        form.rights.data = names_of(rights_of(group))
        form.name.data = group_name(group)
        if group.description in SEEDED:
            form.description.data = str(SEEDED[group.description])

    def only_asks(self) -> bool:
        """A preset and a preview store nothing, either."""
        return PRESET in request.form or LOOK in request.form or super().only_asks()

    def _add(self) -> Any:
        if request.method != "POST" or not self.only_asks():
            return super()._add()
        form = self.add_form.refresh()
        return self._get_add_widget(form=form)

    def _edit(self, pk: Any) -> Any:
        if PRESET not in request.form and LOOK not in request.form:
            return super()._edit(pk)
        item = self._row(pk)
        form = self.edit_form.refresh()
        form._id = item.id  # noqa: SLF001  (as in Saving)
        return self._related(item, self._get_edit_widget(form=form))

    def _get_add_widget(self, form: Any, **more: Any) -> Any:
        self._tell(form, None)
        return super()._get_add_widget(form=form, **more)

    def _get_edit_widget(self, form: Any, **more: Any) -> Any:
        self._tell(form, self._row(request.view_args["pk"]))  # type: ignore[index]
        return super()._get_edit_widget(form=form, **more)

    def _tell(self, form: Any, group: UserGroup | None) -> None:
        """Say what the grid may offer, and carry out what only asks."""
        field, own = form.rights, _own_rights()
        field.given = frozenset(names_of(own))
        if group is not None:
            held = names_of(rights_of(group))
            field.held = frozenset(held)
            user = signed_in()
            if user is not None and user.group_id == group.id:
                field.shut = _("The rights of your own group are changed by somebody else.")
            else:
                field.shut = _above(group) or ""
            # Boxes that are shut are not sent: they hold what they held.
            field.data = held if field.shut else sorted({*field.data, *(name for name in held if name not in field.given)})
        if request.method == "POST" and not field.shut and request.form.get(PRESET) in BY_NAME:
            _apply(form, request.form[PRESET])
        field.scope = str(form.row_scope.data or "")
        if LOOK in request.form and field.scope in set(RowScope):
            field.seen = group_seen.seen(rights_named(field.data), RowScope(field.scope))

    # --- saving ---------------------------------------------------------------------------

    def _save(self, form: Any, item: Any, *, new: bool) -> bool:
        if not new and not self._may_change(form, item):
            return False
        if form.description.data == str(SEEDED.get(item.description, "")):
            form.description.data = item.description  # the translation was left as it was
        if not new and form.name.data == group_name(item):
            form.name.data = item.name
        own = _own_rights()
        ticked = rights_named(form.rights.data or ()) & own
        item.wanted = with_needs(ticked)
        if item.wanted - own and not (item.wanted - own <= (set() if new else _rights_of(item))):
            form.rights.errors = [_("What you ticked needs more than you may give: %(rights)s.", rights=in_words(item.wanted - own))]
            return False
        added = item.wanted - ticked
        if not super()._save(form, item, new=new):
            return False
        if added:
            flash(_("Given too, because what you ticked needs it: %(rights)s.", rights=in_words(added)), "info")
        if rights := idle(ticked, item.row_scope):
            flash(_("These give nothing to people who see the rows of a place only: %(rights)s. They hold for everybody.", rights=in_words(rights)), "warning")
        if item.row_scope is RowScope.VENDING_POINT and (pages := system_pages(ticked)):
            flash(_("People of one vending point now see parts of System: %(pages)s. It is not meant for those who sell.", pages=figures.listed(pages)), "warning")
        return True

    @staticmethod
    def _may_change(form: Any, item: Any) -> bool:
        """A group above one's own is left alone; one's own keeps its rights."""
        if fault := _above(item):
            form.rights.errors = [fault]
            return False
        user = signed_in()
        if user is not None and user.group_id == item.id:
            told = _("The rights of your own group are changed by somebody else.")
            if form.row_scope.data != item.row_scope or form.second_factor.data != item.second_factor:
                form.row_scope.errors = [told]
                return False
            if form.rights.was_sent and form.rights.counted != frozenset(names_of(rights_of(item))):
                form.rights.errors = [told]
                return False
        return True

    def require_own(self, item: Any) -> None:
        """No wider rows than one's own; what the group has already is not given by this."""
        stays = item.id is not None and not inspect(item).attrs.row_scope.history.has_changes()
        if not stays and not may_give(current_scope().widest, RowScope(item.row_scope)):
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
        own = _own_rights()
        had = {Permission(row.permission.name, row.view_menu.name): row for row in item.role.permissions}
        wanted = (item.wanted & own) | (had.keys() - own)
        kept = inspect(item).attrs.row_scope.history.deleted
        before = kept[0] if kept else item.row_scope
        if item.id and keepers.keeps(before, had) and not keepers.keeps(item.row_scope, wanted):
            if not keepers.others_keep(db.session(), item.id):
                raise LastKeepers
        rows = db.session.scalars(select(PermissionView)).all()
        if wanted != had.keys():
            # NB: the rights stand in another table; so that the second of two is refused, the group changes too.
            item.changed_at = now()
        item.role.permissions = [row for row in rows if (row.permission.name, row.view_menu.name) in wanted]

    # --- deleting -------------------------------------------------------------------------

    def why_kept(self, item: Any) -> Any:
        """A group with people stays."""
        count = db.session.scalar(select(func.count()).where(AppUser.group_id == item.id))
        if not _within_reach(item):
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
        """A group above one's own, or of other people, is left alone."""
        return _above(row)

    # --- looking --------------------------------------------------------------------------

    def beside(self, pk: str) -> dict[str, Any]:
        """What people of this group see, or one person would as one of it."""
        group = self._row(pk)
        people, chosen = group_seen.people_to_choose(group), request.args.get("as", "")
        person = next((one for one in people if str(one.id) == chosen), None)
        rights = _rights_of(group)
        return {
            "people": people,
            "person": person,
            "seen": group_seen.seen_by(person, group) if person else group_seen.seen(rights, group.row_scope),
            "system_pages": system_pages(rights) if group.row_scope is RowScope.VENDING_POINT else [],
            "idle": in_words(idle(rights, group.row_scope)),
        }

    @expose("/compare")
    @has_access
    @permission_name("read")
    def compare(self) -> Any:
        """Two groups side by side: what differs, or everything."""
        groups = list(db.session.scalars(select(UserGroup).order_by(UserGroup.name)))
        return self.render_template(
            "groups/compare.html", title=_("Compare two groups"), groups=groups, scopes=ROW_SCOPE,
            **group_compare.compared(groups, request.args),
        )  # fmt: skip


def _own_rights() -> set[Permission]:
    """What the signed-in person may do, and so may give."""
    user = signed_in()
    held = _rights_of(user.group) if user and user.group else set()
    return held if current_scope().sees_all else held - WHOLE


def _within_reach(group: UserGroup) -> bool:
    """Whether the reader has all that this group has.  NB: nobody with a region has its rows, where it sees everything."""
    return given_by(group) and may_give(current_scope().widest, group.row_scope)


def _above(group: UserGroup) -> Any:
    """Why the group is left alone by this reader, or nothing: it may do more, or people of other places are in it."""
    if not _within_reach(group):
        return _("This group may do more than you. Ask somebody who may do as much.")
    own = select(AppUser.id).where(own_people(current_scope())).correlate(None)
    others = select(AppUser.id).where(AppUser.group_id == group.id, AppUser.id.not_in(own)).limit(1)
    if not current_scope().sees_all and db.session.execute(others).first():
        return _("People who are not yours to look after are in this group. Ask somebody who sees everything.")
    return None


def _rights_of(group: UserGroup) -> set[Permission]:
    return {Permission(*right) for right in rights_of(group)}


def _apply(form: Any, name: str) -> None:
    """Put a preset into the form, as far as one may give it, and say what that changed."""
    field, preset = form.rights, BY_NAME[name]
    before, wanted = set(field.data), set(names_of(preset.rights))
    kept = {held for held in field.held or () if held not in field.given}
    after = (wanted & field.given) | kept
    field.data = names_of(rights_named(after))
    if may_give(current_scope().widest, preset.row_scope):
        form.row_scope.data = preset.row_scope
    order = names_of(rights_named(before | wanted))
    field.applied = Applied(
        name,
        more=[one for one in order if one in after - before],
        fewer=[one for one in order if one in before - after],
        left_out=[one for one in order if one in wanted - field.given - kept],
    )
