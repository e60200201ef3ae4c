"""Questions of reports that people save under a name: save, open, rename, overwrite, delete, their own only.

They are a convenience of the reader's, like the language: a sign-in is needed, the right to the report,
and no permission besides.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qsl

from flask import abort, current_app, flash, redirect, request, url_for
from flask_appbuilder import expose
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_babel import lazy_pgettext
from flask_wtf import FlaskForm
from wtforms import PasswordField
from wtforms.validators import InputRequired, Length

from app.access import permissions as p
from app.access import security_log
from app.access.current import signed_in
from app.access.fab import SafeBaseView
from app.domain.errors import OutOfScope
from app.extensions import db
from app.models import AppUser, SavedQuestion
from app.models.reporting import NAME_MAX
from app.reports.catalogue import BY_NAME
from app.reports.report import Report
from app.services import saved_questions
from app.services.saved_questions import QUERY_MAX, GoesElsewhere, NameTaken, TooManyKept
from app.views import figures
from app.views.account import proven
from app.views.fields import NEEDED, Text
from app.views.report_address import address, opened
from app.views.report_filters import told
from app.views.report_words import PERIODS, ReportSpeech, filter_words, period_words, when
from app.views.reports import Read, read_question
from app.views.signin import TEXT_MAX


def may_read(report: Report | None) -> bool:
    """Whether the signed-in person may open this report."""
    sm = current_app.appbuilder.sm  # type: ignore[attr-defined]
    return report is not None and bool(sm.has_access(*p.READ_REPORTS) and sm.has_access(*report.permission))


def owner_now() -> AppUser:
    """The person of this request; whoever is not signed in is sent to the door."""
    return signed_in() or abort(401)


class NameForm(FlaskForm):
    """The name of a saved question."""

    name = Text(lazy_pgettext("thing", "Name"), most=NAME_MAX)


class OverwriteForm(FlaskForm):
    """The password, before somebody else is sent another question."""

    password = PasswordField(
        _l("Your password"), [InputRequired(NEEDED), Length(max=TEXT_MAX)], render_kw={"autocomplete": "current-password"}
    )


class RenameForm(NameForm):
    """Another name for what others are sent: it stands over their letters."""

    password = PasswordField(
        _l("Your password"), [InputRequired(NEEDED), Length(max=TEXT_MAX)], description=_l("This question is sent to other addresses."),
        render_kw={"autocomplete": "current-password"},
    )  # fmt: skip


class SavedQuestionView(SafeBaseView):
    """One's own saved questions.  Needs a sign-in, and the right to the report."""

    route_base = "/questions"
    default_view = "add"
    open_methods = frozenset({"add", "overwrite", "rename", "delete"})

    @expose("/add/<report>", methods=["GET", "POST"])
    def add(self, report: str) -> Any:
        """Save the question of this address under a name."""
        user, read = owner_now(), self._read(report)
        form, same = NameForm(), None
        if form.validate_on_submit():
            try:
                made = saved_questions.keep(user.id, report, str(form.name.data), address(read))
            except NameTaken:
                rows = saved_questions.kept(db.session(), user.id, report)
                same = next((row for row in rows if row.name.lower() == str(form.name.data).lower()), None)
                form.name.errors = [_("You saved another question of this report under this name. Choose another name, or overwrite that one.")]
            except TooManyKept:
                form.name.errors = [_("You have saved %(most)s questions, and more cannot be kept. Delete one first.", most=saved_questions.KEPT_MAX)]
            else:
                flash(_("The question is saved."), "success")
                return redirect(opened(saved_questions.question(db.session(), made, user.id)), 303)
        return self._form(form, read, _("Save this question"), same=same)

    @expose("/<int:question_id>/overwrite", methods=["POST"])
    def overwrite(self, question_id: int) -> Any:
        """Put the question of this address in the place of a saved one; where others are sent it, with the password."""
        user_id, row = owner_now().id, self._row(question_id)
        name, read = row.report, self._read(row.report)
        try:
            saved_questions.overwrite(question_id, user_id, name, address(read))
        except GoesElsewhere:
            if "password" not in request.form:
                return self._asks_for_password(question_id, read, OverwriteForm(formdata=None)), 409
            form = OverwriteForm()
            if not form.validate() or not proven(user_id, form.password):
                return self._asks_for_password(question_id, read, form), 422
            letters = saved_questions.overwrite(question_id, user_id, name, address(read), proven=True)
            security_log.tell("report_question", question=question_id, schedules=letters)
        flash(_("The question is saved."), "success")
        return redirect(opened(self._row(question_id)), 303)

    @expose("/<int:question_id>/rename", methods=["GET", "POST"])
    def rename(self, question_id: int) -> Any:
        """Give it another name; where others are sent it, with the password."""
        user_id, row = owner_now().id, self._row(question_id)
        elsewhere = bool(saved_questions.sent_elsewhere(db.session(), question_id, user_id))
        form = RenameForm(obj=row) if elsewhere else NameForm(obj=row)
        if form.validate_on_submit() and (not elsewhere or proven(user_id, form.password)):
            try:
                letters = saved_questions.rename(question_id, user_id, str(form.name.data), proven=elsewhere)
            except NameTaken:
                form.name.errors = [_("You saved another question of this report under this name. Choose another name.")]
            except GoesElsewhere:  # since a moment ago: the form asks for the password now
                return redirect(url_for("SavedQuestionView.rename", question_id=question_id), 303)
            else:
                if letters:
                    security_log.tell("report_question", question=question_id, schedules=letters)
                flash(_("The question has its new name."), "success")
                return redirect(opened(self._row(question_id)), 303)
        row = self._row(question_id)
        read = read_question(BY_NAME[row.report], dict(parse_qsl(row.query)))
        return self._form(form, read, _("Rename"), row=row)

    @expose("/<int:question_id>/delete", methods=["POST"])
    def delete(self, question_id: int) -> Any:
        """Forget it."""
        user, row = owner_now(), self._row(question_id)
        back = url_for("ReportView.show", report=row.report) + "?" + row.query
        saved_questions.delete(question_id, user.id)
        flash(_("The question is deleted."), "success")
        return redirect(back, 303)

    @staticmethod
    def _row(question_id: int) -> SavedQuestion:
        user = owner_now()
        try:
            if question_id >= 2**63:
                abort(404)
            row = saved_questions.question(db.session(), question_id, user.id)
        except OutOfScope:
            abort(404)
        if not may_read(BY_NAME.get(row.report)):
            abort(403)
        return row

    @staticmethod
    def _read(name: str) -> Read:
        """The question of this address; what cannot be answered cannot be saved."""
        report = BY_NAME.get(name) or abort(404)
        if not may_read(report):
            abort(403)
        read = read_question(report, request.args)
        if read.faults or len(address(read)) > QUERY_MAX:  # the report's own page says what is wrong
            abort(redirect(url_for("ReportView.show", report=name) + "?" + request.query_string.decode("ascii", "replace"), 303))
        return read

    def _asks_for_password(self, question_id: int, read: Read, form: OverwriteForm) -> Any:
        """The page that says which letters will hold what instead."""
        row, user = self._row(question_id), owner_now()
        return self.render_template(
            "reports/overwrite.html", title=_("Overwrite “%(name)s”?", name=figures.own(row.name)), form=form, row=row,
            report=read.report, speech=ReportSpeech(), query=address(read), span=_span(read), lines=filter_words(read.question, told(read.fields, read.question)),
            letters=saved_questions.sent_elsewhere(db.session(), question_id, user.id), when=when, back=opened(row),
        )  # fmt: skip

    def _form(self, form: NameForm, read: Read, title: str, **more: Any) -> Any:
        query = address(read)
        page = self.render_template(
            "reports/question.html", title=title, form=form, report=read.report, speech=ReportSpeech(), query=query,
            span=_span(read), lines=filter_words(read.question, told(read.fields, read.question)),
            back=opened(more["row"]) if "row" in more else url_for("ReportView.show", report=read.report.name) + "?" + query,
            same=more.get("same"), renamed="row" in more,
        )  # fmt: skip
        return page, 422 if form.is_submitted() else 200


def _span(read: Read) -> Any:
    """The period of a question: by its name, or its days."""
    return period_words(read.question.period) if read.question.named == "days" else PERIODS[read.question.named]
