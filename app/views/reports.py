"""Reports (manual P1 to P8 and two more): on the screen, and the same as Excel, PDF, csv and JSON.

A report's whole question stands in its address, so that it can be bookmarked and sent.  Whoever opens
the address gets the rows of their own scope.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from flask import (
    Response,
    abort,
    current_app,
    redirect,
    request,
    send_file,
    stream_with_context,
    url_for,
)
from flask_appbuilder import expose
from flask_babel import lazy_gettext as _l
from sqlalchemy.orm import Session
from werkzeug.datastructures import MultiDict

from app.access import permissions as p
from app.access.current import current_scope, signed_in
from app.access.fab import SafeBaseView, has_access
from app.extensions import db
from app.models.base import now
from app.reports import draw_excel, draw_pdf, draw_text
from app.reports.catalogue import BY_NAME, REPORTS
from app.reports.installation import Installation, installation
from app.reports.question import Fault, Question, ask
from app.reports.report import (
    FILE_ROWS_MAX,
    LATER,
    LONG_ROWS_MAX,
    PAGE_SIZE,
    Asked,
    Report,
    TooMany,
)
from app.reports.speech import Cover, held
from app.reports.table import Answer, Row
from app.services import report_tasks, saved_questions
from app.views.imports import owner
from app.views.report_address import address, frozen, opened, span
from app.views.report_chart import chart_data
from app.views.report_filters import FilterField, fields, told
from app.views.report_words import (
    GROUPS,
    NOTES,
    ReportSpeech,
    asked_words,
    cover,
    fault,
    period_words,
)

FONTS = "vendor/fonts"
TYPES = {
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "pdf": "application/pdf",
    "csv": "text/csv; charset=utf-8",
    "json": "application/json",
}


@dataclass(frozen=True, slots=True)
class Read:
    """An address that was read: what is asked, of whom, and what is wrong with it."""

    report: Report
    house: Installation
    question: Question
    faults: tuple[Fault, ...]
    fields: list[FilterField]

    @property
    def asked(self) -> Asked:
        """The argument of the report."""
        return Asked(db.session(), current_scope(), self.house, self.question)


class ReportView(SafeBaseView):
    """Reports."""

    route_base = "/reports"
    default_view = "index"
    title = _l("Reports")
    method_permission_name = {
        "index": "read", "show": "read", "xlsx": "read", "pdf": "read", "csv": "read", "json": "read", "prepare": "read",
    }  # fmt: skip

    @expose("/")
    @has_access
    def index(self) -> Any:
        """The reports that the reader may open."""
        self.update_redirect()
        mine = [report for report in REPORTS if self._may(report)]
        saved = [row for row in saved_questions.kept(db.session(), current_scope().user_id or 0) if row.report in {one.name for one in mine}]
        return self.render_template(
            "reports/index.html", title=self.title, reports=mine, speech=ReportSpeech(), saved=saved, opened=opened, span=span,
            by_name=BY_NAME, sent=saved_questions.sent_of(db.session(), current_scope().user_id or 0),
        )  # fmt: skip

    @expose("/<report>")
    @has_access
    def show(self, report: str) -> Any:
        """One report: figures, chart and table, or what is wrong with the question at its field."""
        read = self._read(report)
        self.update_redirect()
        if read.faults:
            return self._page(read, None), 422
        try:
            return self._page(read, read.report.answer(read.asked))
        except TooMany as refusal:
            return self._page(read, None, too_many=refusal), 413

    @expose("/<report>/table.xlsx")
    @has_access
    def xlsx(self, report: str) -> Any:
        """The same as an Excel workbook."""
        return self._file(report, "xlsx")

    @expose("/<report>/table.pdf")
    @has_access
    def pdf(self, report: str) -> Any:
        """The same on A4 paper."""
        return self._file(report, "pdf")

    @expose("/<report>/table.csv")
    @has_access
    def csv(self, report: str) -> Any:
        """The rows for another program."""
        return self._file(report, "csv")

    @expose("/<report>/table.json")
    @has_access
    def json(self, report: str) -> Any:
        """Everything in whole numbers, for another program."""
        return self._file(report, "json")

    @expose("/<report>/prepare", methods=["POST"])
    @has_access
    def prepare(self, report: str) -> Any:
        """Have the worker make a file that is too large to wait for."""
        read, form = self._read(report), request.form.get("form", "")
        if form not in LATER:
            abort(400)
        if read.faults:
            return self._page(read, None), 422
        try:
            count = read.report.whole(read.asked, LONG_ROWS_MAX[form]).count
        except TooMany as refusal:
            return self._page(read, None, too_many=refusal, form=form), 413
        facts = {"report": report, "query": frozen(read), "form": form, "file_name": file_name(read, form)}
        try:
            task = report_tasks.prepare(owner(), current_scope(), facts, count)
        except report_tasks.TooManyWaiting:
            return self._page(read, None, waiting=report_tasks.OPEN_MAX), 429
        return redirect(url_for("WorkView.show", task_id=task), 303)

    def _file(self, report: str, form: str) -> Any:
        read = self._read(report)
        if read.faults:
            return self._page(read, None), 422
        try:
            answer = read.report.whole(read.asked, FILE_ROWS_MAX[form])
        except TooMany as refusal:
            return self._page(read, None, too_many=refusal, form=form), 413
        return _sent(read, answer, form)

    def _read(self, name: str) -> Read:
        report = BY_NAME.get(name) or abort(404)
        if not self._may(report):
            abort(403)
        return read_question(report, request.args)

    def _may(self, report: Report) -> bool:
        return bool(self.appbuilder.sm.has_access(*report.permission))

    def _page(self, read: Read, answer: Answer | None, **more: Any) -> Any:
        speech = ReportSpeech()
        shown: list[Row] = []
        pages = 1 if answer is None else max(1, -(-answer.count // PAGE_SIZE))
        if read.question.page >= pages:  # rows that were there are gone, or somebody wrote the address
            read = replace(read, question=replace(read.question, page=pages - 1))
        if answer is not None:
            shown = list(answer.rows(read.question.page * PAGE_SIZE, PAGE_SIZE))
        return self.render_template(
            "reports/show.html",
            title=speech.say(read.report.title),
            report=read.report,
            question=read.question,
            fields=read.fields,
            faults=[fault(one) for one in read.faults if one.field not in {field.name for field in read.fields}],
            answer=answer,
            rows=shown,
            pages=pages,
            speech=speech,
            held=held,
            notes=NOTES,
            period=period_words(read.question.period),
            asked_words=[] if read.faults else asked_words(read.question, told(read.fields, read.question)),
            groups=GROUPS,
            address=_changed(read),
            drill=lambda row: _drill(self, read, row),
            may_open=self.appbuilder.sm.has_access("can_read", "ReceiptView"),
            may_open_acts=self.appbuilder.sm.has_access(*p.READ_ENGINEERING),
            charts=[] if answer is None else [chart_data(chart, answer, speech) for chart in answer.charts],
            at_once=FILE_ROWS_MAX,
            later={form: LONG_ROWS_MAX[form] for form in LATER},
            too_many=more.get("too_many"),
            form=more.get("form", ""),
            waiting=more.get("waiting"),
            may_work=self.appbuilder.sm.has_access(*p.READ_WORK),
            **_saved(read),
        )


def _saved(read: Read) -> dict[str, Any]:
    """What the reader has saved of this report, which of them is open, and whether it was changed since."""
    rows = saved_questions.kept(db.session(), current_scope().user_id or 0, read.report.name)
    wanted, query = request.args.get("saved", ""), "" if read.faults else address(read)
    current = next((row for row in rows if str(row.id) == wanted), None)
    return {
        "saved": rows, "opened": opened, "query": query, "current": current,
        "moved_on": current is not None and current.query != query,
    }  # fmt: skip


def read_question(report: Report, given: Mapping[str, str], at: datetime | None = None) -> Read:
    """An address as a question, with its fields ready to be drawn; `today` is that of the instant `at`, else of now."""
    session, scope, house = db.session(), current_scope(), installation(db.session(), at or now())
    # A form sends a field once; of two values that an address says, one would be left out unseen.
    twice = tuple(
        Fault("", "twice") for name in given if isinstance(given, MultiDict) and len(set(given.getlist(name))) > 1
    )
    given = _with_place(given)
    question, faults = ask(session, scope, report.choices, given, house)
    faults = (*faults, *twice[:1])
    return Read(report, house, question, faults, fields(report, session, scope, question, faults, given))


def _with_place(given: Mapping[str, str]) -> dict[str, str]:
    """Without the script a place is typed: its words stand for its id when they are a whole name."""
    from app.services import regions

    words = dict(given.items())
    typed = " ".join(words.get("region-text", "").split())
    if not typed:
        # An emptied field means every place, whatever the hidden one still says.
        if "region-text" in words:
            words.pop("region", None)
        return words
    found = regions.by_full_name(db.session(), current_scope(), typed)
    words["region"] = typed if found is None else str(found.id)
    return words


def _changed(read: Read) -> Any:
    """Builds the addresses of this very question with something changed."""
    kept = {name: value for name, value in request.args.items() if value and not name.endswith("-text")}
    if read.question.named != "days":  # days that were asked for before the period was named
        kept = {name: value for name, value in kept.items() if name not in ("from", "to")}
    if read.question.picks.get("region") is not None:
        kept["region"] = str(read.question.picks["region"].id)

    def changed(endpoint: str = "ReportView.show", **other: Any) -> str:
        words = {**kept, "report": read.report.name, **other}
        return url_for(endpoint, **{name: value for name, value in words.items() if value not in ("", None)})

    return changed


def _drill(view: ReportView, read: Read, row: Row) -> str | None:
    """Where a row leads, if its reader may go there and would see what adds up to it."""
    if row.drill is None or not read.report.drills(current_scope()):
        return None
    target = BY_NAME.get(row.drill.report)
    if target is None or not view._may(target):  # noqa: SLF001
        return None
    known = {"type", "region", "point", "operator", "consumer", "meter"} & set(target.choices.filters)
    # NB: of the question, not of the address: a place may have been typed, or emptied, without the script.
    words = {field.name: field.value for field in read.fields if field.name in known & read.question.picks.keys()}
    if "region" in known and "region" in read.question.picks:
        words["region"] = str(read.question.picks["region"].id)
    words |= {"from": read.question.period.first.isoformat(), "to": read.question.period.last.isoformat()}
    words |= row.drill.arguments
    return url_for("ReportView.show", report=target.name, **{name: value for name, value in words.items() if value})


def front_of(read: Read, answer: Answer, who: str) -> Cover:
    """What stands before the table of a file that `who` has made."""
    return cover(read.report, read.question, answer, read.house, told(read.fields, read.question), who)


def file_name(read: Read, form: str) -> str:
    """The name of a file: which report, of when."""
    span = f"{read.question.period.first.isoformat()}_{read.question.period.last.isoformat()}"
    return f"{read.report.name}_{span}.{form}"


def _sent(read: Read, answer: Answer, form: str) -> Response:
    """The file of an answer."""
    user = signed_in()
    front, name = front_of(read, answer, "" if user is None else user.person), file_name(read, form)
    if form in ("csv", "json"):
        body = text_of(form, answer, front, read.house)
        answered = Response(stream_with_context(_let_go(db.session(), body)), content_type=TYPES[form])
        answered.headers.set("Content-Disposition", "attachment", filename=name)
        return answered
    held = tempfile.NamedTemporaryFile(suffix=f".{form}")  # noqa: SIM115  (it lives until it is sent)
    write_file(Path(held.name), form, answer, front, read.house)
    held.seek(0)
    return send_file(held, mimetype=TYPES[form], as_attachment=True, download_name=name)


def _let_go(session: Session, body: Iterator[bytes]) -> Iterator[bytes]:
    """A stream that gives its connection back when it ends, or its reader has left: the request's own end comes before."""
    try:
        yield from body
    finally:
        session.close()


def text_of(form: str, answer: Answer, front: Cover, house: Installation) -> Iterator[bytes]:
    """CSV or JSON, in a stream."""
    if form == "csv":
        return draw_text.as_csv(answer, ReportSpeech(), house.time_zone)
    return draw_text.as_json(answer, front, ReportSpeech())


def write_file(
    path: Path, form: str, answer: Answer, front: Cover, house: Installation, laid: Callable[[int], None] = lambda _rows: None
) -> None:
    """An Excel or PDF file; of a PDF `laid` is told after each page how many rows stand on paper."""
    if form == "xlsx":
        draw_excel.as_workbook(path, answer, front, ReportSpeech(), house.time_zone)
    else:
        fonts = Path(current_app.static_folder or "") / FONTS
        draw_pdf.as_pdf(path, answer, front, ReportSpeech(), fonts, laid)
