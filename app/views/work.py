"""Background work: what is being done, how far it is, how it ended, and the files it made."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

from flask import abort, current_app, jsonify, redirect, send_file, url_for
from flask_appbuilder import expose
from flask_appbuilder.security.decorators import has_access, permission_name
from flask_babel import lazy_gettext as _l

from app.access import permissions as p
from app.access.current import current_scope
from app.access.fab import SafeBaseView
from app.access.permissions import Permission
from app.domain.errors import OutOfScope
from app.domain.states import TaskState
from app.extensions import db
from app.models import BackgroundTask
from app.reports.catalogue import BY_NAME
from app.services import report_tasks, tasks
from app.views import import_words
from app.views.report_words import ReportSpeech
from app.views.work_runs import folder

KINDS = {
    "import_read": _l("Reading a file"), "import_check": _l("Checking rows"), "import_run": _l("Importing rows"),
    "export": _l("Making an Excel file"), "marked": _l("Making an Excel file"), "bulk": _l("Changing rows"), "ledger_check": _l("Recounting the books"), "audit_verify": _l("Following the log of changes"),
    "report": _l("Preparing a report"),
}  # fmt: skip
# What the file of each kind of work asks for, beside the right to look at such records.
FETCHES: dict[str, tuple[Permission, ...]] = {"export": (p.EXPORT_ROWS,), "marked": (p.IMPORT_ROWS,), "bulk": (p.CHANGE_MANY,)}
READS: dict[str, tuple[Permission, ...]] = {"consumers": (p.READ_CONSUMERS,), "meters": (p.READ_METERS,)}
CHECKS = frozenset({"ledger_check", "audit_verify"})
STATES = {
    TaskState.WAITING: ("none", "fa-hourglass-half", _l("Waiting for the worker")),
    TaskState.RUNNING: ("warn", "fa-spinner", _l("Running")),
    TaskState.DONE: ("ok", "fa-circle-check", _l("Done")),
    TaskState.FAILED: ("bad", "fa-circle-xmark", _l("Failed")),
    TaskState.CANCELLED: ("none", "fa-ban", _l("Cancelled")),
}
OPEN = (TaskState.WAITING, TaskState.RUNNING)


class WorkView(SafeBaseView):
    """Background work."""

    route_base = "/work"
    default_view = "list"
    title = list_title = _l("Background work")

    @expose("/")
    @has_access
    @permission_name("read")
    def list(self) -> Any:
        """One's own tasks; administrators see those of their region."""
        self.update_redirect()
        rows = tasks.listed(db.session(), current_scope())
        return self.render_template(
            "work/list.html", title=self.title, rows=rows, kinds=KINDS, states=STATES, open=OPEN,
            error=_error, may_cancel=self._may_cancel(), batch_of=_batch_of, checks=CHECKS, fetched=self._may_fetch, report_of=report_of,
        )  # fmt: skip

    @expose("/<int:task_id>")
    @has_access
    @permission_name("read")
    def show(self, task_id: int) -> Any:
        """One task with its bar; it goes on when the page is left."""
        row = self._task(task_id)
        self.update_redirect()
        result = json.loads(row.result)
        kind = json.loads(row.parameters).get("kind", "meters")
        some = [(name, import_words.fault_words(kind, ("", code, params))) for name, code, params in result.get("some", ())]
        return self.render_template(
            "work/show.html", title=KINDS[row.kind], row=row, states=STATES, open=OPEN, result=result, some=some,
            error=_error(row), may_cancel=self._may_cancel(), batch_id=_batch_of(row), checks=CHECKS,
            fetched=self._may_fetch(row), report=report_of(row), kept_until=row.created_at + timedelta(days=current_app.config["FILES_KEEP_DAYS"]),
        )  # fmt: skip

    @expose("/<int:task_id>/state")
    @has_access
    @permission_name("read")
    def state(self, task_id: int) -> Any:
        """How far it is, for the bar of the page."""
        row = self._task(task_id)
        return jsonify(state=row.state.value, done=row.done, total=row.total)

    @expose("/<int:task_id>/cancel", methods=["POST"])
    @has_access
    @permission_name("cancel")
    def cancel(self, task_id: int) -> Any:
        """Have it stop; what is stored stays."""
        try:
            tasks.cancel(self._task(task_id).id, current_scope())
        except OutOfScope:
            abort(404)
        return redirect(url_for("WorkView.show", task_id=task_id), 303)

    @expose("/<int:task_id>/file")
    @has_access
    @permission_name("read")
    def file(self, task_id: int) -> Any:
        """The file that it made."""
        row = self._task(task_id)
        if row.stored is None:
            abort(404)
        if not self._may_fetch(row):
            abort(403)
        place = folder().place(row.stored)
        if not place.exists():
            abort(404)
        return send_file(place, as_attachment=True, download_name=row.file_name or "file")

    def _may_fetch(self, row: BackgroundTask) -> bool:
        """Whether this person sees today what the file holds: its rows, and that kind of them."""
        facts, then = json.loads(row.parameters), report_tasks.then_of(row)
        if then is not None:
            asked = BY_NAME.get(facts["report"])
            return asked is not None and self._has(p.READ_REPORTS, asked.permission) and report_tasks.covers(current_scope(), then)
        return self._has(*FETCHES.get(row.kind, ()), *READS.get(str(facts.get("kind")), ())) and tasks.covers(current_scope(), row)

    def _has(self, *needed: Permission) -> bool:
        return all(self.appbuilder.sm.has_access(*one) for one in needed)

    def _may_cancel(self) -> bool:
        return bool(self.appbuilder.sm.has_access("can_cancel", "WorkView"))

    def _task(self, task_id: int) -> BackgroundTask:
        if task_id >= 2**63:
            abort(404)
        try:
            return tasks.task(db.session(), task_id, current_scope())
        except OutOfScope:
            abort(404)


def _error(row: BackgroundTask) -> str:
    return import_words.trouble(json.loads(row.error)) if row.error else ""


def _batch_of(row: BackgroundTask) -> int | None:
    found = json.loads(row.parameters).get("batch")
    return int(found) if found is not None else None


def report_of(row: BackgroundTask) -> tuple[str, str] | None:
    """The title of the report that a task prepares, and where it is read."""
    facts = json.loads(row.parameters)
    report = BY_NAME.get(facts.get("report", "")) if row.kind == report_tasks.KIND else None
    if report is None:
        return None
    return ReportSpeech().say(report.title), url_for("ReportView.show", report=report.name) + "?" + facts["query"]
