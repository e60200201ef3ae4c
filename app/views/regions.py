"""The region tree (manual S1): Country > Province or State > City or Town, on one page.

Type a name and press the plus at its level; the next level opens once the one above is
chosen.  Renaming, moving and deleting stand beside the chosen place.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from flask import abort, flash, redirect, request, url_for
from flask_appbuilder import expose
from flask_appbuilder.security.decorators import has_access, permission_name
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_babel import ngettext
from flask_wtf import FlaskForm
from sqlalchemy import select

from app.access.current import current_scope
from app.access.fab import SafeBaseView
from app.access.scope import Scope
from app.domain.errors import OutOfScope, Refusal, ValueTaken
from app.extensions import db
from app.models import Region
from app.services import regions
from app.views.fields import Text
from app.views.messages import sentence

FOUND_MAX = 50
LEVELS = (
    (_l("Country"), _l("Country name"), ""),
    (_l("Province or state"), _l("Province or state name"), _l("Choose a country first.")),
    (_l("City or town"), _l("City or town name"), _l("Choose a province or state first.")),
)
# What uses a place; each a word for one and a word for many.
USES: Mapping[str, Callable[[int], str]] = {
    "places": lambda n: ngettext("%(num)d place below it", "%(num)d places below it", n),
    "vending_points": lambda n: ngettext("%(num)d vending point", "%(num)d vending points", n),
    "users": lambda n: ngettext("%(num)d user", "%(num)d users", n),
    "consumers": lambda n: ngettext("%(num)d consumer", "%(num)d consumers", n),
    "meters": lambda n: ngettext("%(num)d meter", "%(num)d meters", n),
    "sales": lambda n: ngettext("%(num)d sale", "%(num)d sales", n),
}


class NameForm(FlaskForm):
    """The name of a place."""

    name = Text(_l("Name"), most=100)


@dataclass(slots=True)
class Column:
    """One level of the tree as the page shows it."""

    title: Any
    prompt: Any
    hint: Any
    level: int
    parent: Region | None
    rows: list[Region]
    chosen: Region | None
    open: bool
    can_add: bool
    # Those of the rows that may be opened; places above one's own only show where it lies.
    doors: frozenset[int]
    form: NameForm | None = None


class RegionView(SafeBaseView):
    """The tree, and what can be done with the chosen place."""

    route_base = "/regions"
    default_view = "tree"
    title = list_title = _l("Regions")

    @expose("/")
    @has_access
    @permission_name("read")
    def tree(self) -> Any:
        """The tree, open at `at`; with `q`, the places that hold these words."""
        at = request.args.get("at", "")
        return self._page(self._place(at) if at else None)

    @expose("/add", methods=["POST"])
    @has_access
    @permission_name("write")
    def add(self) -> Any:
        """Add a place below `parent`, or a country."""
        key, form = request.form.get("parent", ""), NameForm()
        parent = self._place(key) if key else None
        if form.validate():
            try:
                made = regions.add(form.name.data, parent and parent.id, current_scope())
            except Refusal as refusal:
                self._explain(form, refusal)
            else:
                flash(_("%(name)s is added.", name=form.name.data), "success")
                # The name stays chosen, so that the next level is open at once.
                return redirect(url_for("RegionView.tree", at=made, added=1), 303)
        return self._page(parent, adding=form), 422

    @expose("/rename/<int:region_id>", methods=["POST"])
    @has_access
    @permission_name("write")
    def rename(self, region_id: int) -> Any:
        """Give the place another name."""
        place, form = self._place(region_id), NameForm()
        if form.validate():
            try:
                regions.rename(place.id, form.name.data, current_scope())
            except Refusal as refusal:
                self._explain(form, refusal)
            else:
                flash(_("The new name stands everywhere but on what was sold before."), "success")
                return self._to(region_id)
        return self._page(self._place(region_id), renaming=form), 422

    @expose("/move/<int:region_id>", methods=["POST"])
    @has_access
    @permission_name("write")
    def move(self, region_id: int) -> Any:
        """Hang the place under another one of the level above."""
        place, key = self._place(region_id), request.form.get("parent", "")
        if not key:
            flash(_("Choose where it belongs."), "danger")
            return self._page(place), 422
        try:
            regions.move(region_id, self._place(key).id, current_scope())
        except ValueTaken as refusal:
            flash(sentence(refusal), "danger")
            return self._page(self._place(region_id)), 422
        except OutOfScope:
            abort(404)
        return self._to(region_id)

    @expose("/delete/<int:region_id>", methods=["POST"])
    @has_access
    @permission_name("delete")
    def delete(self, region_id: int) -> Any:
        """Delete a place that nothing uses."""
        place = self._place(region_id)
        name, above = place.name, place.parent_id
        try:
            regions.delete(region_id, current_scope())
        except OutOfScope:
            abort(404)
        except Refusal as refusal:
            flash(sentence(refusal), "danger")
            return self._page(self._place(region_id)), 422
        flash(_("%(name)s is deleted.", name=name), "success")
        return self._to(above)

    # --- the page -------------------------------------------------------------------------

    def _place(self, key: Any) -> Region:
        if not re.fullmatch(r"[0-9]{1,9}", str(key)):
            abort(404)
        place = db.session.get(Region, int(key))
        if place is None or not regions.may_see(place, current_scope()):
            abort(404)
        return place

    def _to(self, at: int | None) -> Any:
        return redirect(url_for("RegionView.tree", at=at or None), 303)

    @staticmethod
    def _explain(form: NameForm, refusal: Refusal) -> None:
        if isinstance(refusal, OutOfScope):
            abort(404)
        words = _("A place of this name is here already.") if isinstance(refusal, ValueTaken) else sentence(refusal)
        form.name.errors = [*form.name.errors, words]

    def _page(self, place: Region | None, adding: NameForm | None = None, renaming: NameForm | None = None) -> Any:
        scope = current_scope()
        sm = self.appbuilder.sm
        can_write = sm.has_access("can_write", "RegionView")
        columns = _columns(place, scope, can_write)
        if adding is not None:
            level = place.level + 1 if place else 0
            if level < len(columns):
                columns[level].form = adding
        words = " ".join(request.args.get("q", "").split())[:100]
        used = regions.uses(db.session(), place.id) if place else {}
        # After a place was added the next one is typed: a level below it, or beside it on the last level.
        typing = min(place.level + 1, len(columns) - 1) if place and "added" in request.args else None
        self.update_redirect()
        return self.render_template(
            "regions/tree.html",
            title=self.title,
            columns=columns,
            typing=typing,
            place=place,
            words=words,
            found=regions.visible(db.session(), scope, words, FOUND_MAX) if words else [],
            used=", ".join(USES[word](count) for word, count in used.items()),
            rename_form=renaming or (NameForm(formdata=None, data={"name": place.name}) if place else None),
            homes=_homes(place, scope) if place and can_write else [],
            can_write=can_write,
            can_delete=sm.has_access("can_delete", "RegionView"),
        )


def _columns(place: Region | None, scope: Scope, can_write: bool) -> list[Column]:
    """The three levels; each holds the places below the one chosen above it."""
    inside = place
    if inside is None and scope.region_path:
        inside = db.session.get(Region, int(scope.region_path.strip("/").rpartition("/")[2]))
    chain = [int(key) for key in inside.path.strip("/").split("/")] if inside else []
    above = {row.id: row for row in db.session.scalars(select(Region).where(Region.id.in_(chain)))}
    columns: list[Column] = []
    for level, (title, prompt, hint) in enumerate(LEVELS):
        parent = above.get(chain[level - 1]) if 0 < level <= len(chain) else None
        opened = level == 0 or parent is not None
        rows: list[Region] = []
        if opened:
            below = select(Region).where(Region.parent_id == (parent.id if parent else None)).order_by(Region.name)
            rows = [row for row in db.session.scalars(below) if row.id in chain or regions.may_see(row, scope)]
        mine = scope.sees_all if parent is None else regions.may_see(parent, scope)
        columns.append(
            Column(
                title, prompt, hint, level, parent, rows,
                above.get(chain[level]) if level < len(chain) else None, opened, can_write and opened and mine,
                frozenset(row.id for row in rows if regions.may_see(row, scope)),
            )
        )  # fmt: skip
    return columns


def _homes(place: Region, scope: Scope) -> list[Region]:
    """Where a place could be moved: the places of the level above, but its own."""
    if place.level == 0:
        return []
    above = select(Region).where(Region.level == place.level - 1).order_by(Region.full_name)
    return [row for row in db.session.scalars(above) if row.id != place.parent_id and regions.may_see(row, scope)]
