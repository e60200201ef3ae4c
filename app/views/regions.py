"""The region tree (manual S1): Country > Province or State > City or Town, on one page.

Type a name and press the plus at its level; the next level opens once the one above is
chosen.  Renaming, moving, merging, switching off and deleting stand beside the chosen place.
"""

from __future__ import annotations

import re
from typing import Any

from flask import abort, flash, redirect, request, url_for
from flask_appbuilder import expose
from flask_appbuilder.security.decorators import has_access, permission_name
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_wtf import FlaskForm
from sqlalchemy import select

from app.access.current import current_scope
from app.access.fab import SafeBaseView
from app.domain.errors import OutOfScope, Refusal, StaleRow, ValueTaken
from app.extensions import db
from app.models import Region
from app.services import region_changes, regions
from app.views import figures, region_page
from app.views.messages import sentence
from app.views.pickers import Picker, regions_at
from app.views.region_page import SAID, HomeForm, NameForm
from app.views.switching import wanted

FOUND_MAX = 50


class MergeForm(FlaskForm):
    """Which place the other one goes into."""

    into = Picker(_l("Into"), regions_at(0))

    @classmethod
    def of(cls, place: Region, formdata: Any = None) -> MergeForm:
        """The form that offers the places of the same level."""
        form = cls(formdata=None)
        form.into.source = regions_at(place.level)
        if formdata is not None:
            form.into.process(formdata)
        return form


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
        if not at:
            return self._page(None)
        place = self._any_place(at)
        if place.merged_into_id is not None:
            flash(_("%(name)s was merged into this place.", name=place.full_name), "info")
            return self._to(place.merged_into_id)
        return self._page(place)

    @expose("/add", methods=["POST"])
    @has_access
    @permission_name("add")
    def add(self) -> Any:
        """Add a place below `parent`, or a country."""
        key, form = request.form.get("parent", ""), NameForm()
        parent = self._place(key) if key else None
        if form.validate():
            try:
                made = region_changes.add(form.name.data, parent and parent.id, current_scope())
            except Refusal as refusal:
                self._explain(form.name, refusal)
            else:
                flash(_("%(name)s is added.", name=form.name.data), "success")
                # The name stays chosen, so that the next level is open at once.
                return redirect(url_for("RegionView.tree", at=made, added=1), 303)
        return self._page(parent, adding=form), 422

    @expose("/rename/<int:region_id>", methods=["POST"])
    @has_access
    @permission_name("edit")
    def rename(self, region_id: int) -> Any:
        """Give the place another name."""
        place, form = self._place(region_id), NameForm()
        form.present = place.name
        if form.validate():
            try:
                region_changes.rename(place.id, form.name.data, current_scope())
            except Refusal as refusal:
                self._explain(form.name, refusal)
            else:
                flash(_("The new name stands everywhere but on what was sold before."), "success")
                return self._to(region_id)
        return self._page(self._place(region_id), renaming=form), 422

    @expose("/move/<int:region_id>", methods=["POST"])
    @has_access
    @permission_name("edit")
    def move(self, region_id: int) -> Any:
        """Hang the place under another one of the level above, with all that lies below it."""
        place = self._place(region_id)
        if place.level == 0:
            abort(404)
        form = HomeForm.of(place, request.form)
        twin = None
        if form.validate():
            parent = form.parent.data
            try:
                region_changes.move(region_id, parent.id, current_scope())
            except ValueTaken:
                form.parent.errors = [_("A place of this name is there already.")]
                twin = self._twin(parent.id, region_id)
            except Refusal as refusal:
                self._explain(form.parent, refusal)
            else:
                flash(_("%(name)s is moved, with everything that belongs to it.", name=self._place(region_id).name), "success")
                return self._to(region_id)
        return self._page(self._place(region_id), moving=form, twin=twin), 422

    @expose("/merge/<int:region_id>", methods=["GET", "POST"])
    @has_access
    @permission_name("edit")
    def merge(self, region_id: int) -> Any:
        """Put everything of this place into another one: first what would happen, then the act."""
        place = self._place(region_id)
        given = request.form if request.method == "POST" else request.args
        form = MergeForm.of(place, given if "into" in given or "into-text" in given else None)
        if form.into.raw_data is None:
            return self._merge_page(place, form)
        if not form.into.validate(form):
            return self._merge_page(place, form), 422
        target = form.into.data
        if request.method == "POST" and request.form.get("seen"):
            try:
                region_changes.merge(region_id, target.id, request.form["seen"], current_scope())
            except OutOfScope:
                abort(404)
            except StaleRow:
                flash(_("One of the two was changed meanwhile. Nothing was merged. Look at it again."), "warning")
                return self._merge_page(self._place(region_id), form), 409
            flash(_("The two are one place now. What was sold before keeps the place it was sold in."), "success")
            return self._to(target.id)
        return self._merge_page(place, form)

    @expose("/switch/<int:region_id>", methods=["POST"])
    @has_access
    @permission_name("edit")
    def switch(self, region_id: int) -> Any:
        """Offer the place for new things no more, or again."""
        place, on = self._place(region_id), wanted()
        region_changes.switch(place.id, current_scope(), on=on)
        name = self._place(region_id).name
        said = _("%(name)s is offered again.", name=name) if on else _("%(name)s is switched off.", name=name)
        flash(said, "success")
        return self._to(region_id)

    @expose("/delete/<int:region_id>", methods=["POST"])
    @has_access
    @permission_name("delete")
    def delete(self, region_id: int) -> Any:
        """Delete a place that nothing uses."""
        place = self._place(region_id)
        name, above = place.name, place.parent_id
        try:
            region_changes.delete(region_id, current_scope())
        except OutOfScope:
            abort(404)
        except Refusal as refusal:
            flash(sentence(refusal), "danger")
            return self._page(self._place(region_id)), 422
        flash(_("%(name)s is deleted.", name=name), "success")
        return self._to(above)

    # --- the page -------------------------------------------------------------------------

    @staticmethod
    def _any_place(key: Any) -> Region:
        """A place of one's own, be it merged into another one; else 404."""
        if not re.fullmatch(r"[0-9]{1,9}", str(key)):
            abort(404)
        place = db.session.get(Region, int(key))
        if place is None or not regions.may_see(place, current_scope()):
            abort(404)
        return place

    def _place(self, key: Any) -> Region:
        place = self._any_place(key)
        return place if place.merged_into_id is None else abort(404)

    @staticmethod
    def _to(at: int | None) -> Any:
        return redirect(url_for("RegionView.tree", at=at or None), 303)

    @staticmethod
    def _twin(parent_id: int, region_id: int) -> Region | None:
        """The place that has the name already: the two may be meant to be one."""
        name = db.session.get_one(Region, region_id).name.casefold()
        rows = db.session.scalars(select(Region).where(regions.living(), Region.parent_id == parent_id))
        return next((row for row in rows if row.name.casefold() == name), None)

    @staticmethod
    def _explain(field: Any, refusal: Refusal) -> None:
        if isinstance(refusal, OutOfScope):
            abort(404)
        words = _("A place of this name is here already.") if isinstance(refusal, ValueTaken) else sentence(refusal)
        field.errors = [*field.errors, words]

    def _page(
        self, place: Region | None, adding: NameForm | None = None, renaming: NameForm | None = None,
        moving: HomeForm | None = None, twin: Region | None = None,
    ) -> Any:  # fmt: skip
        scope, session = current_scope(), db.session()
        may = {act: self.appbuilder.sm.has_access(f"can_{act}", "RegionView") for act in ("add", "edit", "delete")}
        columns = region_page.columns(place, scope, can_add=may["add"])
        if adding is not None:
            level = place.level + 1 if place else 0
            if level < len(columns):
                columns[level].form = adding
        words = " ".join(request.args.get("q", "").split())[:100]
        shown = {row.id: row for column in columns for row in column.rows if row.id in column.doors}
        if place:
            shown[place.id] = place
        counts = regions.counts(session, list(shown.values()))
        used = regions.uses(session, place.id) if place else {}
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
            found=regions.visible(session, scope, words, FOUND_MAX) if words else [],
            counts=counts,
            beside=region_page.beside,
            figures=region_page.figures(place, counts[place.id]) if place else [],
            used=[(SAID[word](count), region_page.link(word, place)) for word, count in used.items()] if place else [],
            merged=regions.merged_into(session, place.id) if place else [],
            comes_along=figures.listed(SAID[word](count) for word, count in counts[place.id].said().items()) if place else "",
            rename_form=renaming or (NameForm(formdata=None, data={"name": place.name}) if place else None),
            move_form=moving or (HomeForm.of(place) if place and place.level else None),
            twin=twin,
            may=may,
            may_pick=self.appbuilder.sm.has_access("can_pick", "Pick"),
        )

    def _merge_page(self, place: Region, form: MergeForm) -> Any:
        merging = None
        if form.into.data is not None and not form.into.errors:
            try:
                merging = region_changes.merging(db.session(), place.id, form.into.data.id, current_scope())
            except OutOfScope:
                form.into.errors = [_("Choose another place than this one, of the same level.")]
        return self.render_template(
            "regions/merge.html",
            title=_("Merge %(name)s into another place", name=place.name),
            place=place,
            form=form,
            merging=merging,
            moved=[SAID[word](count) for word, count in merging.moved.items()] if merging else [],
            sales=SAID["sales"](merging.sales) if merging and merging.sales else "",
        )
