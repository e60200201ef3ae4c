"""The audit log as a csv file: what its list shows with its filters, each value before and after, in words."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from flask import abort, current_app
from flask_appbuilder import expose
from flask_appbuilder.security.decorators import has_access, permission_name
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from sqlalchemy import Select

from app.access.fab import SafeBaseView
from app.access.interface import read_filters
from app.extensions import db
from app.models import AuditEntry
from app.services.exports import CHUNK_ROWS
from app.views import audit, audit_words
from app.views.import_files import as_csv


class AuditFilesView(SafeBaseView):
    """Entries of the audit log as files; who may read the log may take it along."""

    route_base = "/audit/file"
    default_view = "csv"
    class_permission_name = "AuditEntryView"
    title = list_title = _l("Audit log")

    @expose("/csv")
    @has_access
    @permission_name("read")
    def csv(self) -> Any:
        """What the list shows: one line for each value that changed."""
        head = [
            _("Number of the record"), _("Time"), _("Who"), _("Did"), _("Record"), _("What"), _("Before"), _("After"), _("Sealed"),
        ]  # fmt: skip
        return as_csv("audit.csv", head, _lines(_chosen()))


def _chosen() -> Select[Any]:
    """The list's entries with the filters of the address.  A filter that cannot be read ends the request."""
    view: Any = next(one for one in current_app.appbuilder.baseviews if isinstance(one, audit.AuditEntryView))  # type: ignore[attr-defined]
    if read_filters(view._filters, view._filters.get_search_filters()):  # noqa: SLF001  (as the list itself does)
        abort(400)
    joined = view._filters.get_joined_filters(view._base_filters)  # noqa: SLF001
    statement: Select[Any] = view.datamodel.apply_filters(db.session.query(AuditEntry), joined).order_by(None).statement
    return statement


def _lines(chosen: Select[Any]) -> Iterator[list[str]]:
    """The newest first, some hundreds at a time; no read stays open while somebody slow takes the lines."""
    before: int | None = None
    while True:
        some = chosen if before is None else chosen.where(AuditEntry.id < before)
        entries = list(db.session.scalars(some.order_by(AuditEntry.id.desc()).limit(CHUNK_ROWS)))
        audit_words.learn_names(entries)
        lines = [line for entry in entries for line in _of(entry)]
        before = entries[-1].id if entries else None
        db.session.rollback()
        yield from lines
        if len(entries) < CHUNK_ROWS:
            return


def _of(entry: AuditEntry) -> Iterator[list[str]]:
    first = [
        str(entry.row_id), entry.at.isoformat(timespec="seconds"), audit.who(entry), str(audit.ACTIONS.get(entry.action, entry.action)),
        audit.what(entry),
    ]  # fmt: skip
    last = str(_("Yes") if entry.chain_hash is not None else _("No"))
    for name, old, new in audit.value_changes(entry) or [("", "", "")]:
        yield [*first, str(name), _word(old), _word(new), last]


def _word(value: Any) -> str:
    if value is None:
        return ""
    return str((_("Yes") if value else _("No")) if isinstance(value, bool) else value)
