"""How a page of reference data saves, deletes and acts: all or nothing, and a refusal is shown.

Mixed into `fab.SafeModelView`.  A save that is refused (rule, version, unique value, scope)
rolls back, shows the form again with what was typed and answers 422.  FAB would flash the
text of the exception, lose what was typed and leave the changed row in the session.
"""

from __future__ import annotations

import re
from typing import Any

from flask import abort, current_app, flash, redirect, request, session, url_for
from flask_appbuilder import expose
from flask_appbuilder.security.decorators import has_access
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm.exc import StaleDataError
from werkzeug import Response

from app.access.interface import read_filters
from app.access.versions import KEEP, TAKE, remember, show_both
from app.domain.errors import OutOfScope, Refusal, StaleRow, StillReferred, ValueTaken

ACTION_ROWS_MAX = 500
UNPROCESSABLE = 422


def sentence(refusal: Refusal) -> str:
    """A refusal in the reader's language."""
    return str(current_app.extensions["sentence"](refusal))


def _refers(error: IntegrityError) -> bool:
    """Whether a row was chosen that went meanwhile (a place that was merged or deleted)."""
    words = str(error.orig)
    return getattr(error.orig, "sqlstate", "") == "23503" or "FOREIGN KEY" in words or "was merged" in words


def _choosing() -> bool:
    """Whether a button was pressed that chooses one field of two versions; nothing is stored then."""
    return TAKE in request.form or KEEP in request.form


def _offer_present(form: Any, item: Any) -> None:
    """A choice offers what the row has now, even when that is no longer offered to others."""
    for name, field in form._fields.items():
        if hasattr(field, "offer_present"):
            field.offer_present(getattr(item, name, None))


class Saving:
    """Add, edit and delete of one view's rows."""

    datamodel: Any
    route_base: str
    endpoint: str

    @expose("/add", methods=["GET", "POST"])
    @has_access
    def add(self) -> Any:
        """An empty form, and the new row."""
        widgets = self._add()
        if not widgets:
            return self.post_add_redirect()
        page = self.render_template(self.add_template, title=self.add_title, widgets=widgets)
        return page, UNPROCESSABLE if request.method == "POST" and not self.only_asks() else 200

    @expose("/edit/<pk>", methods=["GET", "POST"])
    @has_access
    def edit(self, pk: str) -> Any:
        """The row in its form, and the changed row."""
        widgets = self._edit(pk)
        if not widgets:
            return self.post_edit_redirect()
        page = self.render_template(
            self.edit_template, title=self.edit_title, widgets=widgets, related_views=self.allowed_related()
        )
        refused = request.method == "POST" and not self.only_asks()
        return page, UNPROCESSABLE if refused else 200

    def only_asks(self) -> bool:
        """Whether the form was sent by a button that stores nothing."""
        return _choosing()

    @expose("/delete/<pk>", methods=["POST"])
    @has_access
    def delete(self, pk: str) -> Response:
        """Remove a row that nothing refers to; one that stays says why on its own page."""
        if not self._delete(pk):
            return redirect(url_for(f"{self.endpoint}.show", pk=pk, kept=1), 303)
        return self.post_delete_redirect()  # type: ignore[no-any-return]

    def post_add_redirect(self) -> Response:
        """Back to where one came from on this view's own pages, else to its list."""
        return redirect(self._way_back())

    def post_edit_redirect(self) -> Response:
        """Back to where one came from on this view's own pages, else to its list."""
        return redirect(self._way_back())

    def _way_back(self) -> str:
        """The page before this form, if it is this view's list or row or one that lists its rows."""
        before = [page for page in session.get("page_history", []) if page.partition("?")[0] != request.path]
        came = before[-1] if before else ""
        listed = f"{self.route_base}/list/", f"{self.route_base}/show/"
        # A list on another thing's page names that thing in the address of its Add button.
        sent_here = any(name.startswith("_flt_") for name in request.args)
        if came.startswith(listed) or (came and sent_here):
            return came
        return url_for(f"{self.endpoint}.list")

    def post_delete_redirect(self) -> Response:
        """Back to the list: the row's own page is gone."""
        return redirect(url_for(f"{self.endpoint}.list"), 303)

    def _add(self) -> Any:
        given = self._given(self.add_columns)
        form = self.add_form.refresh()
        if request.method == "POST":
            self._fill_form_exclude_cols(given, form)
            if form.validate():
                self.process_form(form, True)
                if self._save(form, self.datamodel.obj(), new=True):
                    return None
        else:
            self.update_redirect()
        return self._get_add_widget(form=form, exclude_cols=given)

    def _edit(self, pk: Any) -> Any:
        given = self._given(self.edit_columns)
        item = self._row(pk)
        key = self.datamodel.get_pk_value(item)
        if request.method == "POST":
            form = self.edit_form.refresh()
            self._fill_form_exclude_cols(given, form)
            form._id = key  # noqa: SLF001  (FAB's Unique passes the row itself by it)
            _offer_present(form, item)
            if _choosing():
                self._show_both(form, item)
            elif form.validate():
                self.process_form(form, False)
                if self._save(form, item, new=False):
                    return None
                item = self._row(pk)  # what was refused is no longer in it
                if getattr(form, "stale", False):
                    self._show_both(form, item)
        else:
            form = self.edit_form.refresh(obj=item)
            if hasattr(item, "version"):
                form.row_version.data = item.version
            self.prefill_form(form, key)
            if hasattr(item, "version"):
                remember(form, item)
            self.update_redirect()
        return self._related(item, self._get_edit_widget(form=form, exclude_cols=given))

    def _given(self, columns: list[str]) -> list[str]:
        """Relations that the address fills in (a related list's Add button)."""
        relations = {name for name in columns if self.datamodel.is_relation_many_to_one(name)}
        read_filters(self._filters, relations)
        kept = [
            (flt, values)
            for flt, values in self._filters.get_filters_values()
            if re.fullmatch(r"[0-9]{1,18}", values[0])
        ]
        self._filters.clear_filters()
        for flt, values in kept:
            self._filters._add_filter(flt, values[0])  # noqa: SLF001
        return list(self._filters.get_relation_cols())

    def _save(self, form: Any, item: Any, *, new: bool) -> bool:
        """Store the form in the row, or show why not; nothing half done is left in the session."""
        database = self.datamodel.session
        try:
            with database.no_autoflush:
                if not new and not self._same_version(form, item):
                    raise StaleRow
                form.populate_obj(item)
                self.require_own(item)
                (self.pre_add if new else self.pre_update)(item)
            database.add(item)
            database.commit()
        except ValueTaken:
            database.rollback()
            self._explain_taken(form)
            return False
        except Refusal as refusal:
            database.rollback()
            self.explain(form, refusal)
            return False
        except StaleDataError:
            database.rollback()
            self.explain(form, StaleRow())
            return False
        except IntegrityError as error:
            database.rollback()
            if _refers(error):
                self.explain(form, OutOfScope())
            else:
                self._explain_taken(form)
            return False
        (self.post_add if new else self.post_update)(item)
        flash(str(self.add_row_message if new else self.edit_row_message), "success")
        return True

    @staticmethod
    def _same_version(form: Any, item: Any) -> bool:
        shown = form.row_version.data if "row_version" in form else None
        return not shown or shown == str(item.version)

    def _show_both(self, form: Any, item: Any) -> None:
        """Set what was typed beside what is stored now, field by field."""
        theirs = self.edit_form(formdata=None, obj=item)
        self.prefill_form(theirs, self.datamodel.get_pk_value(item))
        form.versions = show_both(form, theirs, item, request.form)

    def explain(self, form: Any, refusal: Refusal) -> None:
        """Put the sentence at its field, or over the form when it belongs to none of them."""
        if isinstance(refusal, StaleRow):
            form.stale = True  # the page then shows both versions
            return
        words = sentence(refusal)
        if refusal.field and refusal.field in form:
            field = form[refusal.field]
            field.errors = [*field.errors, words]
        else:
            flash(words, "danger")

    def _explain_taken(self, form: Any) -> None:
        """Somebody was quicker by a moment: the form's own rules see their row now, and say it at the field."""
        if form.validate():
            self.explain(form, ValueTaken())

    def require_own(self, item: Any) -> None:
        """Refuse a row that would belong to somebody else; `ScopedModelView` knows whose it is."""

    def _delete(self, pk: Any) -> bool:
        item = self._row(pk)
        database = self.datamodel.session
        try:
            self.pre_delete(item)
            database.delete(item)
            database.commit()
        except (Refusal, StaleDataError, IntegrityError) as error:
            database.rollback()
            refused = StaleRow() if isinstance(error, StaleDataError) else StillReferred()
            flash(sentence(error if isinstance(error, Refusal) else refused), "danger")
            return False
        self.post_delete(item)
        flash(str(self.delete_row_message), "success")
        return True


class Acting:
    """Actions on rows, by POST only, and never on a stranger's."""

    def _wanted_action(self, name: str, *, single: bool) -> Any:
        chosen = self.actions.get(name)
        if chosen is None or not (chosen.single if single else chosen.multiple):
            abort(404)
        permission = self.get_action_permission_name(name)
        if not self.appbuilder.sm.has_access(permission, self.class_permission_name):
            abort(403)
        return chosen

    @expose("/action/<string:name>/<pk>", methods=["POST"])
    def action(self, name: str, pk: str) -> Any:
        """One action on one row of one's own."""
        chosen = self._wanted_action(name, single=True)
        return chosen.func(self._row(pk))

    @expose("/action_post", methods=["POST"])
    def action_post(self) -> Any:
        """One action on many rows, all of them one's own or none."""
        chosen = self._wanted_action(request.form.get("action", ""), single=False)
        keys = request.form.getlist("rowid")
        if len(keys) > ACTION_ROWS_MAX:
            abort(413)
        return chosen.func([self._row(key) for key in keys])
