"""Exports (manual R1, R3): what a list shows with its filters, as csv or Excel, ready to come back.

A csv file is sent while it is read.  A large workbook is made by the worker and fetched later.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from flask import abort, redirect, request, url_for
from flask_appbuilder import expose
from flask_appbuilder.security.decorators import has_access, permission_name
from flask_babel import lazy_gettext as _l

from app.access import permissions as p
from app.access.fab import SafeBaseView
from app.extensions import db
from app.services import exports, tasks
from app.views import filtered, import_words
from app.views.import_files import AT_ONCE_MAX, as_csv, as_workbook, new_reference
from app.views.imports import owner
from app.views.installation import currency

READS = {"consumers": p.READ_CONSUMERS, "meters": p.READ_METERS}
QUERY_MAX = 4_000


def lines(kind: str, chosen: Any) -> tuple[list[str], Iterator[list[str]]]:
    """Headings in the reader's language, and the rows."""
    names = list(import_words.HEADINGS[kind])
    headings = [import_words.heading(kind, name) for name in names]
    return headings, exports.rows(db.session(), kind, chosen, names, import_words.word, currency().decimals)


class ExportView(SafeBaseView):
    """Lists as files."""

    route_base = "/exports"
    default_view = "csv"
    title = _l("Exports")

    @expose("/csv/<kind>")
    @has_access
    @permission_name("read")
    def csv(self, kind: str) -> Any:
        """A csv file of what the list shows."""
        self._require(kind)
        return as_csv(f"{kind}.csv", *lines(kind, filtered.chosen(kind)))

    @expose("/workbook/<kind>", methods=["POST"])
    @has_access
    @permission_name("read")
    def workbook(self, kind: str) -> Any:
        """An Excel file of what the list shows; a large one is made in the background."""
        self._require(kind)
        rows = filtered.chosen(kind)
        count = filtered.count_of(rows)
        if count <= AT_ONCE_MAX:
            return as_workbook(f"{kind}.xlsx", str(import_words.KINDS[kind]), *lines(kind, rows))
        query = request.query_string.decode("ascii", "replace")
        if len(query) > QUERY_MAX:
            abort(414)
        task = tasks.ask(
            "export", f"export-{new_reference()}", owner(), {"kind": kind, "query": query, "file_name": f"{kind}.xlsx"}, count
        )
        return redirect(url_for("WorkView.show", task_id=task), 303)

    def _require(self, kind: str) -> None:
        if kind not in READS:
            abort(404)
        if not self.appbuilder.sm.has_access(READS[kind].action, READS[kind].page):
            abort(403)
