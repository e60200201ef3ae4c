"""Reports (manual P1 to P8 and two more): on the screen, and the same as Excel, PDF, csv and JSON.

A report's whole question stands in its address, so that it can be bookmarked and sent.  Whoever opens
the address gets the rows of their own scope.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from flask import Response, abort, current_app, request, send_file, stream_with_context, url_for
from flask_appbuilder import expose
from flask_babel import lazy_gettext as _l

from app.access.current import current_scope, signed_in
from app.access.fab import SafeBaseView, has_access
from app.extensions import db
from app.models.base import now
from app.reports import draw_excel, draw_pdf, draw_text
from app.reports.catalogue import BY_NAME, REPORTS
from app.reports.installation import Installation, installation
from app.reports.question import Fault, Question, ask
from app.reports.report import FILE_ROWS_MAX, PAGE_SIZE, Asked, Report, TooMany
from app.reports.speech import Cover
from app.reports.table import Answer, Row
from app.views.report_chart import chart_data
from app.views.report_filters import FilterField, fields, told
from app.views.report_words import NOTES, ReportSpeech, cover, fault, period_words

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
        "index": "read", "show": "read", "xlsx": "read", "pdf": "read", "csv": "read", "json": "read",
    }  # fmt: skip

    @expose("/")
    @has_access
    def index(self) -> Any:
        """The reports that the reader may open."""
        self.update_redirect()
        mine = [report for report in REPORTS if self._may(report)]
        return self.render_template("reports/index.html", title=self.title, reports=mine, speech=ReportSpeech())

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
            return self._page(read, None, too_many=refusal.limit), 413

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

    def _file(self, report: str, form: str) -> Any:
        read = self._read(report)
        if read.faults:
            return self._page(read, None), 422
        try:
            answer = read.report.whole(read.asked, FILE_ROWS_MAX[form])
        except TooMany as refusal:
            return self._page(read, None, too_many=refusal.limit, form=form), 413
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
        if answer is not None:
            shown = list(answer.rows(read.question.page * PAGE_SIZE, PAGE_SIZE))
        pages = 1 if answer is None else max(1, -(-answer.count // PAGE_SIZE))
        return self.render_template(
            "reports/show.html",
            title=speech.say(read.report.title),
            report=read.report,
            question=read.question,
            fields=read.fields,
            faults=[fault(one) for one in read.faults if one.field == ""],
            answer=answer,
            rows=shown,
            pages=pages,
            speech=speech,
            notes=NOTES,
            period=period_words(read.question.period),
            address=_address(read),
            drill=lambda row: _drill(self, read, row),
            may_open=self.appbuilder.sm.has_access("can_read", "ReceiptView"),
            charts=[] if answer is None else [chart_data(chart, answer, speech) for chart in answer.charts],
            limit_pdf=FILE_ROWS_MAX["pdf"],
            limit=more.get("too_many"),
            form=more.get("form", ""),
        )


def read_question(report: Report, given: Mapping[str, str]) -> Read:
    """An address as a question, with its fields ready to be drawn."""
    session, scope, house = db.session(), current_scope(), installation(db.session(), now())
    given = _with_place(given)
    question, faults = ask(session, scope, report.choices, given, house)
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


def _address(read: Read) -> Any:
    """Builds the addresses of this very question with something changed."""
    kept = {name: value for name, value in request.args.items() if value and not name.endswith("-text")}
    if read.question.picks.get("region") is not None:
        kept["region"] = str(read.question.picks["region"].id)

    def address(endpoint: str = "ReportView.show", **changed: Any) -> str:
        words = {**kept, "report": read.report.name, **changed}
        return url_for(endpoint, **{name: value for name, value in words.items() if value not in ("", None)})

    return address


def _drill(view: ReportView, read: Read, row: Row) -> str | None:
    """Where a row leads, if its reader may go there and would see what adds up to it."""
    if row.drill is None or not read.report.drills(current_scope()):
        return None
    target = BY_NAME.get(row.drill.report)
    if target is None or not view._may(target):  # noqa: SLF001
        return None
    known = {"type", "region", "point", "operator", "consumer", "meter"} & set(target.choices.filters)
    words = {name: value for name, value in request.args.items() if value and name in known}
    words |= {"from": read.question.period.first.isoformat(), "to": read.question.period.last.isoformat()}
    words |= row.drill.arguments
    return url_for("ReportView.show", report=target.name, **words)


def _sent(read: Read, answer: Answer, form: str) -> Response:
    """The file of an answer."""
    user = signed_in()
    who = "" if user is None else f"{user.first_name or ''} {user.last_name or ''}".strip() or user.username
    told_words = told(read.fields, read.question)
    front = cover(read.report, read.question, answer, read.house, told_words, who)
    span = f"{read.question.period.first.isoformat()}_{read.question.period.last.isoformat()}"
    name = f"{read.report.name}_{span}.{form}"
    if form in ("csv", "json"):
        body = text_of(form, answer, front, read.house)
        answered = Response(stream_with_context(body), content_type=TYPES[form])
        answered.headers.set("Content-Disposition", "attachment", filename=name)
        return answered
    held = tempfile.NamedTemporaryFile(suffix=f".{form}")  # noqa: SIM115  (it lives until it is sent)
    write_file(Path(held.name), form, answer, front, read.house)
    held.seek(0)
    return send_file(held, mimetype=TYPES[form], as_attachment=True, download_name=name)


def text_of(form: str, answer: Answer, front: Cover, house: Installation) -> Iterator[bytes]:
    """CSV or JSON, in a stream."""
    if form == "csv":
        return draw_text.as_csv(answer, ReportSpeech(), house.time_zone)
    return draw_text.as_json(answer, front, ReportSpeech())


def write_file(path: Path, form: str, answer: Answer, front: Cover, house: Installation) -> None:
    """An Excel or PDF file."""
    if form == "xlsx":
        draw_excel.as_workbook(path, answer, front, ReportSpeech(), house.time_zone)
    else:
        fonts = Path(current_app.static_folder or "") / FONTS
        draw_pdf.as_pdf(path, answer, front, ReportSpeech(), fonts)
