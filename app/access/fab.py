"""The hardened bases of every page: use these, never FAB's own.

`SafeModelView` is for reference data, `ScopedModelView` for rows that belong to somebody,
`LedgerView` for what is only ever shown, `SafeBaseView` for pages that act.  What they close
is listed in decision 0007.

The floors below the pages speak no language: a refusal becomes a sentence through
``app.extensions["sentence"]``, which the pages put there.
"""

from __future__ import annotations

import re
from typing import Any, ClassVar

from flask import abort, request, session
from flask_appbuilder import BaseView, ModelView, expose
from flask_appbuilder.security.decorators import has_access
from wtforms import HiddenField

from app.access.current import current_scope
from app.access.fields import ExactDecimalField, ScopedAJAXField
from app.access.interface import (
    Interface,
    RegionFilter,
    RequestFilters,
    ScopeFilter,
    list_arguments,
    read_filters,
)
from app.access.saving import Acting, Saving, sentence
from app.access.scope import SCOPED, By, require
from app.access.versions import NAMES
from app.domain.errors import OutOfScope, Refusal
from app.models import Region

__all__ = [
    "ExactDecimalField", "Interface", "LedgerView", "RegionFilter", "SafeBaseView", "SafeModelView",
    "ScopeFilter", "ScopedAJAXField", "ScopedModelView", "has_access", "sentence",
]  # fmt: skip

HISTORY_URL_MAX = 400


class History:
    """The way back, in the session cookie: short addresses of this site only."""

    def update_redirect(self) -> None:
        """Remember this page, unless its address would swell the cookie."""
        address = request.full_path.rstrip("?")
        if len(address) <= HISTORY_URL_MAX:
            pages = [page for page in session.get("page_history", []) if page != address]
            session["page_history"] = [*pages, address][-4:]


class SafeBaseView(History, BaseView):  # type: ignore[misc]
    """A page that acts.  Every exposed method carries `@has_access`, or is named in `open_methods`."""

    # Methods that need a sign-in but no permission of their own.
    open_methods: ClassVar[frozenset[str]] = frozenset()

    def __init__(self) -> None:
        super().__init__()
        for name in dir(self):
            method = getattr(self, name)
            bare = hasattr(method, "_urls") and not hasattr(method, "_permission_name")
            if bare and name not in self.open_methods:
                raise TypeError(f"{type(self).__name__}.{name} is exposed without @has_access")


class SafeModelView(History, Saving, Acting, RequestFilters, ModelView):  # type: ignore[misc]
    """CRUD of reference data; permissions are can_read, can_add, can_edit, can_delete and the actions' names."""

    method_permission_name: ClassVar[dict[str, str]] = {
        "list": "read", "show": "read", "add": "add", "edit": "edit", "delete": "delete",
        "switch": "edit",
    }  # fmt: skip
    download = None  # FAB's would hand out any uploaded file

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if not self.actions:  # no doors that lead nowhere
            self.exclude_route_methods = {*self.exclude_route_methods, "action", "action_post"}

    # --- how it is put together -----------------------------------------------------------

    def _init_properties(self) -> None:
        searched = bool(self.search_columns)
        # FAB adds to these in place, and they stand on the class: every application has its own.
        self.label_columns = dict(self.label_columns or {})
        self.validators_columns = {k: list(v) for k, v in (self.validators_columns or {}).items()}
        super()._init_properties()
        if not searched:  # FAB's default is every column, and every relation loaded whole
            self.search_columns: list[str] = []
            self._filters = self.datamodel.get_filters()
        self._keep_regions()

    def _keep_regions(self) -> None:
        """A form offers and accepts regions of one's own subtree only."""
        for kind in ("add", "edit", "search"):
            given = dict(getattr(self, f"{kind}_form_query_rel_fields", None) or {})
            for column in getattr(self, f"{kind}_columns"):
                if self.datamodel.is_relation_many_to_one(column):
                    related = self.datamodel.get_related_model(column)
                    if related is Region and column not in given:
                        given[column] = [["id", RegionFilter, None]]
            setattr(self, f"{kind}_form_query_rel_fields", given)

    def _init_forms(self) -> None:
        super()._init_forms()
        if hasattr(self.datamodel.obj, "version"):
            carried = {name: HiddenField() for name in NAMES}
            self.edit_form = type("VersionedForm", (self.edit_form,), carried)

    # --- reading --------------------------------------------------------------------------

    def _row(self, pk: Any) -> Any:
        """One row of one's own; anything else does not exist."""
        if not re.fullmatch(r"[0-9]{1,18}", str(pk)):
            abort(404)
        return self.datamodel.get(int(pk), self._base_filters) or abort(404)

    def _list(self, **kwargs: Any) -> Any:
        wanted = list_arguments(self)
        read_filters(self._filters, self._filters.get_search_filters())
        widgets = self._get_list_widget(
            filters=self._filters,
            order_column=wanted.order_column,
            order_direction=wanted.order_direction,
            page=wanted.page,
            page_size=wanted.page_size,
            **kwargs,
        )
        return self._get_search_widget(form=self.search_form.refresh(), widgets=widgets)

    def _get_list_widget(self, filters: Any, *, page: Any = None, page_size: Any = None, **more: Any) -> Any:
        """One page of a list, also of a related one; behind its end the last page: addresses grow old."""
        drawn = super()._get_list_widget(filters, page=page, page_size=page_size, **more)
        told = drawn["list"].template_args
        if page and not told["pks"]:
            last = max(0, (told["count"] - 1) // told["page_size"])
            return super()._get_list_widget(filters, page=last, page_size=page_size, **more)
        return drawn

    def _show(self, pk: Any) -> Any:
        item = self._row(pk)
        widgets = self._get_show_widget(pk, item)
        self.update_redirect()
        return self._related(item, widgets)

    def allowed_related(self) -> list[Any]:
        """Related lists whose own page this person may open.

        FAB checks no permission here, and takes a subclass of a related view for the view.
        """
        sm = self.appbuilder.sm
        wanted = [view for view in self._related_views if type(view) in self.related_views]
        return [view for view in wanted if sm.has_access("can_read", view.class_permission_name)]

    def _related(self, item: Any, widgets: dict[str, Any]) -> dict[str, Any]:
        widgets["related_views"] = []
        for view in self.allowed_related():
            wanted = list_arguments(view)
            widgets["related_views"].append(
                self._get_related_view_widget(
                    item, view, wanted.order_column, wanted.order_direction, wanted.page, wanted.page_size
                )
            )
        return widgets

    @expose("/show/<pk>", methods=["GET"])
    @has_access
    def show(self, pk: str) -> Any:
        """One row with its related lists."""
        widgets = self._show(pk)
        return self.render_template(
            self.show_template,
            pk=pk,
            title=self.show_title,
            widgets=widgets,
            related_views=self.allowed_related(),
        )


class ScopedModelView(SafeModelView):
    """CRUD of rows that belong to a region or a vending point; a foreign row does not exist.

    `by` says which owner counts (None: the model's own rule).
    """

    by: ClassVar[By | None] = None

    def _init_properties(self) -> None:
        if self.datamodel.obj not in SCOPED:
            raise TypeError(f"{self.datamodel.obj.__name__} has no scope")
        own = ["id", ScopeFilter, self.by]
        if own not in (self.base_filters or []):
            self.base_filters = [*(self.base_filters or []), own]
        super()._init_properties()

    def require_own(self, item: Any) -> None:
        """A row may be stored only where its person could see it."""
        require(item, current_scope())

    def explain(self, form: Any, refusal: Refusal) -> None:
        """A region out of reach is the region field's fault."""
        if isinstance(refusal, OutOfScope) and "region" in form:
            form["region"].errors = [*form["region"].errors, sentence(refusal)]
        else:
            super().explain(form, refusal)


class LedgerView(ScopedModelView):
    """What is only ever shown: list and single row; there is nothing to add, change or delete."""

    include_route_methods: ClassVar[set[str]] = {"list", "show"}
