"""What the worker does when a report is prepared in the background: the same question, answered into a file.

The owner's scope is that of the moment of asking, and it must still be theirs.  Totals and rows are
read in one snapshot, so that a sale booked meanwhile is in both or in neither.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

from flask import Flask, current_app
from sqlalchemy import text
from sqlalchemy.orm import Session

from app.access import permissions as p
from app.access.scope import Scope
from app.domain.states import RowScope
from app.extensions import db
from app.models import AppUser
from app.reports.catalogue import BY_NAME
from app.reports.progress import halves, watched
from app.reports.report import LONG_ROWS_MAX, TooMany
from app.services import report_tasks
from app.services.tasks import Work, WorkFailed
from app.views import work_runs
from app.views.reports import front_of, read_question, text_of, write_file


def steady(session: Session) -> None:
    """From here on this session reads one snapshot, until it is rolled back."""
    session.rollback()
    sqlite = session.get_bind().dialect.name == "sqlite"
    session.execute(text("BEGIN" if sqlite else "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ"))


def scope_then(user_id: int, kept: Mapping[str, Any]) -> Scope:
    """The scope that a task keeps, as a scope again."""
    rows = None if kept["rows"] is None else RowScope(kept["rows"])
    return Scope(user_id=user_id, row_scope=rows, vending_point_id=kept["point"], region_path=kept["region"])


def run(work: Work) -> None:
    """Answer the question of a task into a file."""
    facts = work.parameters
    report = BY_NAME.get(str(facts["report"]))
    if report is None:
        raise WorkFailed("question_gone")
    scope = work_runs.scope_now(work, p.READ_REPORTS, report.permission)
    if not report_tasks.covers(scope, facts["scope"]):
        raise WorkFailed("moved_away")
    files, form = work_runs.folder(), str(facts["form"])
    stored = files.new_name(f".{form}")
    with files.writing(stored):
        pass
    try:
        work_runs.inside(
            work, scope_then(work.owner.user_id, facts["scope"]), lambda: _write(work, files.place(stored), form)
        )
    except BaseException:
        files.drop(stored)
        raise
    work.file_name, work.stored = str(facts["file_name"]), stored


def _write(work: Work, path: Path, form: str) -> None:
    app: Flask = current_app._get_current_object()  # type: ignore[attr-defined]  # noqa: SLF001

    def told(done: int, total: int) -> None:
        with app.app_context():  # a session of its own: this one holds its snapshot
            work.tell(done, total)

    steady(db.session())
    read = read_question(BY_NAME[str(work.parameters["report"])], dict(parse_qsl(str(work.parameters["query"]))))
    if read.faults:
        raise WorkFailed("question_gone")
    try:
        answer = read.report.whole(read.asked, LONG_ROWS_MAX[form])
    except TooMany as refusal:
        raise WorkFailed("too_many_rows", limit=refusal.limit) from None
    owner = db.session.get_one(AppUser, work.owner.user_id, execution_options={"unscoped": True})
    front = front_of(read, answer, owner.person)
    # A PDF is laid out when its rows are read; the other forms are written meanwhile.
    of_rows, of_pages = halves(told, answer.count) if form == "pdf" else (told, _quiet)
    answer = watched(answer, of_rows)
    if form in ("csv", "json"):
        with path.open("wb") as file:
            file.writelines(text_of(form, answer, front, read.house))
    else:
        write_file(path, form, answer, front, read.house, of_pages)
    db.session.rollback()
    work.result = {"rows": answer.count}


def _quiet(_rows: int) -> None:
    """Forms without pages have nothing to tell of them."""
