"""Reports by e-mail: when one's own saved questions are sent, and what became of each letter.

Sending to oneself needs the right to the report and nothing besides; other addresses are for who has
the permission for them, and gives the password again: whoever found a signed-in browser sends nothing out of the house.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl

from babel.dates import get_day_names
from flask import abort, current_app, flash, redirect, request, url_for
from flask_appbuilder import expose
from flask_appbuilder.security.decorators import has_access, permission_name
from flask_babel import get_locale
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_wtf import FlaskForm
from wtforms import PasswordField, SelectField
from wtforms.fields.choices import SelectChoice
from wtforms.validators import Length

from app.access import permissions as p
from app.access import security_log
from app.access.fab import SafeBaseView
from app.domain.errors import OutOfScope
from app.domain.states import Every, SendingState
from app.domain.timetable import Timetable
from app.extensions import db
from app.models import ReportSchedule, SavedQuestion, Settings
from app.reports.catalogue import BY_NAME
from app.services import report_schedules, saved_questions
from app.services.report_schedules import AlreadyUnderWay, TooManySchedules, Wish
from app.views.account import proven
from app.views.installation import settings
from app.views.language import chosen_language
from app.views.outbox import FAILURES
from app.views.report_address import opened, span
from app.views.report_filters import told
from app.views.report_saved import may_read, owner_now
from app.views.report_words import EVERY, ReportSpeech, filter_words, when
from app.views.reports import read_question
from app.views.signin import TEXT_MAX

FORMS = {"xlsx": _l("Excel"), "pdf": _l("PDF"), "csv": _l("csv")}
STATES: Mapping[SendingState, tuple[str, str, Any]] = {
    SendingState.WAITING: ("none", "fa-hourglass-half", _l("Waiting for the worker")),
    SendingState.RUNNING: ("warn", "fa-spinner", _l("Being sent")),
    SendingState.SENT: ("ok", "fa-circle-check", _l("Sent")),
    SendingState.SKIPPED: ("warn", "fa-circle-pause", _l("Left out")),
    SendingState.FAILED: ("bad", "fa-circle-xmark", _l("Failed")),
}
REASONS: Mapping[str, Any] = {
    **FAILURES,
    "owner_off": _l("Its owner may not sign in."),
    "no_permission": _l("You may no longer open this report."),
    "no_address": _l("You have no e-mail address. Give one in your account."),
    "not_elsewhere": _l("You may no longer send to other addresses. Take them out."),
    "question_wrong": _l("The question can no longer be answered. Open it and save it again."),
    "too_many_rows": _l("There are more rows than such a file takes. Choose csv, or a shorter period."),
    "crashed": _l("The report could not be made; the reason is in the program’s log."),
    "unknown": _l("The worker ended while the letter left. It may have arrived; if not, send it now."),
}
ADDRESSES_MAX, ADDRESS_MAX = 20, 254
ADDRESS = re.compile(r"[^\s@<>,;:\"()\\\[\]]{1,64}@[^\s@<>,;:\"()\\\[\].]+(\.[^\s@<>,;:\"()\\\[\].]+)+")


class ScheduleForm(FlaskForm):
    """When, in which form, in which language."""

    every = SelectField(_l("How often"), choices=[SelectChoice(one.value, words) for one, words in EVERY.items()])
    weekday = SelectField(_l("Day of the week"), coerce=int)
    month_day = SelectField(_l("Day of the month"), coerce=int)
    at_hour = SelectField(_l("Hour"), coerce=int)
    form = SelectField(_l("File"), choices=[SelectChoice(name, words) for name, words in FORMS.items()])
    language = SelectField(_l("Language"))

    def __init__(self, *given: Any, **more: Any) -> None:
        super().__init__(*given, **more)
        days, first = get_day_names("wide", locale=get_locale()), settings().first_weekday
        self.weekday.choices = [SelectChoice(day % 7, days[day % 7]) for day in range(first, first + 7)]
        self.month_day.choices = [SelectChoice(day, str(day) if day < 31 else _("the last")) for day in range(1, 32)]
        self.at_hour.choices = [SelectChoice(hour, f"{hour:02d}:00") for hour in range(24)]
        self.language.choices = [SelectChoice(code, one["name"]) for code, one in current_app.config["LANGUAGES"].items()]

    @property
    def wish(self) -> Wish:
        """What was chosen."""
        table = Timetable(Every(self.every.data), self.at_hour.data, self.weekday.data, self.month_day.data)
        return Wish(table, str(self.form.data), str(self.language.data))


class NewAddressForm(FlaskForm):
    """The password, before a report goes to somebody else."""

    password = PasswordField(
        _l("Your password"), [Length(max=TEXT_MAX)], description=_l("Needed only for an address that is new here."),
        render_kw={"autocomplete": "current-password"},
    )  # fmt: skip


class ReportScheduleView(SafeBaseView):
    """When one's own reports are sent.  Needs a sign-in; other addresses need their permission."""

    route_base = "/schedules"
    default_view = "list"
    title = _l("Reports by e-mail")
    open_methods = frozenset({"list", "add", "show", "switch", "send", "delete"})

    @expose("/")
    def list(self) -> Any:
        """One's own schedules, each with its last letter."""
        user = owner_now()
        rows = report_schedules.schedules(db.session(), user.id)
        last = report_schedules.sendings(db.session(), [row.id for row in rows], 1)
        return self.render_template(
            "reports/schedules.html", title=self.title, rows=rows, last=last, when=when, states=STATES, reasons=REASONS,
            by_name=BY_NAME, speech=ReportSpeech(), saved=bool(saved_questions.kept(db.session(), user.id)),
        )  # fmt: skip

    @expose("/add/<int:question_id>", methods=["GET", "POST"])
    def add(self, question_id: int) -> Any:
        """Have a saved question sent."""
        user, question = owner_now(), self._question(question_id)
        language = chosen_language()
        form = ScheduleForm(data={"every": "week", "at_hour": 7, "weekday": settings().first_weekday, "month_day": 1, "form": "xlsx", "language": language})
        if form.validate_on_submit():
            try:
                made = report_schedules.add(question.id, user.id, form.wish)
            except TooManySchedules:
                flash(_("You have %(most)s of them, and more cannot be kept. Delete one first.", most=report_schedules.SCHEDULES_MAX), "warning")
                return redirect(url_for("ReportScheduleView.list"), 303)
            flash(_("The report will be sent."), "success")
            return redirect(url_for("ReportScheduleView.show", schedule_id=made), 303)
        return self._page(form, question, None, 422 if form.is_submitted() else 200)

    @expose("/<int:schedule_id>", methods=["GET", "POST"])
    def show(self, schedule_id: int) -> Any:
        """One of them: when, to whom, what became of its letters."""
        user, row = owner_now(), self._row(schedule_id)
        form = ScheduleForm(obj=row)
        if not form.is_submitted():
            form.every.data = row.every.value
        elif form.validate():
            report_schedules.change(schedule_id, user.id, form.wish)
            flash(_("Saved."), "success")
            return redirect(url_for("ReportScheduleView.show", schedule_id=schedule_id), 303)
        return self._page(form, row.question, row, 422 if form.is_submitted() else 200)

    @expose("/<int:schedule_id>/switch", methods=["POST"])
    def switch(self, schedule_id: int) -> Any:
        """Stop it, or let it go on."""
        on = report_schedules.switch(self._row(schedule_id).id, owner_now().id)
        flash(_("It is sent again from the next time on.") if on else _("It is no longer sent."), "success")
        return redirect(url_for("ReportScheduleView.show", schedule_id=schedule_id), 303)

    @expose("/<int:schedule_id>/send", methods=["POST"])
    def send(self, schedule_id: int) -> Any:
        """Send it once, now."""
        try:
            report_schedules.send_now(self._row(schedule_id).id, owner_now().id)
        except AlreadyUnderWay:
            flash(_("A letter is under way already."), "warning")
        else:
            flash(_("The worker sends it within a minute."), "success")
        return redirect(url_for("ReportScheduleView.show", schedule_id=schedule_id), 303)

    @expose("/<int:schedule_id>/delete", methods=["POST"])
    def delete(self, schedule_id: int) -> Any:
        """Send it no more."""
        report_schedules.delete(self._row(schedule_id).id, owner_now().id)
        flash(_("It is no longer sent."), "success")
        return redirect(url_for("ReportScheduleView.list"), 303)

    @expose("/<int:schedule_id>/addresses", methods=["POST"])
    @has_access
    @permission_name("send_elsewhere")
    def addresses(self, schedule_id: int) -> Any:
        """To whom it goes besides its owner; a new one takes the password."""
        row, proof = self._row(schedule_id), NewAddressForm()
        wanted = dict.fromkeys(request.form.get("addresses", "").replace(",", " ").replace(";", " ").split())
        wrong = [one for one in wanted if len(one) > ADDRESS_MAX or not ADDRESS.fullmatch(one)]
        said = _("“%(text)s” is not an e-mail address.", text=wrong[0][:80]) if wrong else _("At most %(most)s addresses.", most=ADDRESSES_MAX)
        fine, added = not wrong and len(wanted) <= ADDRESSES_MAX, wanted.keys() - set(row.addresses.split())
        if not fine or (added and not (proof.validate() and proven(owner_now().id, proof.password))):
            row = self._row(schedule_id)
            form = ScheduleForm(formdata=None, obj=row)
            form.every.data = row.every.value
            typed = request.form.get("addresses", "")[:6000]
            return self._page(form, row.question, row, 422, wrong="" if fine else said, typed=typed, proof=proof)
        report_schedules.send_also_to(schedule_id, owner_now().id, wanted)
        if added:
            security_log.tell("report_addresses", schedule=schedule_id, added=len(added))
        flash(_("Saved."), "success")
        return redirect(url_for("ReportScheduleView.show", schedule_id=schedule_id), 303)

    @staticmethod
    def _question(question_id: int) -> SavedQuestion:
        try:
            row = saved_questions.question(db.session(), min(question_id, 2**63 - 1), owner_now().id)
        except OutOfScope:
            abort(404)
        if not may_read(BY_NAME.get(row.report)):
            abort(403)
        return row

    @staticmethod
    def _row(schedule_id: int) -> ReportSchedule:
        """One of one's own, also of a report that one may no longer open: it can still be stopped."""
        try:
            return report_schedules.schedule(db.session(), min(schedule_id, 2**63 - 1), owner_now().id)
        except OutOfScope:
            abort(404)

    def _page(self, form: ScheduleForm, question: SavedQuestion, row: ReportSchedule | None, status: int, **more: Any) -> Any:
        elsewhere = self.appbuilder.sm.has_access(*p.SEND_ELSEWHERE)
        page = self.render_template(
            "reports/schedule.html", title=question.name if row is not None else _("Send by e-mail"), form=form, question=question,
            row=row, report=BY_NAME.get(question.report), speech=ReportSpeech(), opened=opened, span=span, states=STATES, reasons=REASONS,
            sendings=[] if row is None else report_schedules.sendings(db.session(), [row.id])[row.id],
            address=owner_now().email, elsewhere=elsewhere or (row is not None and bool(row.addresses)), may_elsewhere=elsewhere,
            proof=more.get("proof") or NewAddressForm(formdata=None), wrong=more.get("wrong", ""), typed=more.get("typed", row.addresses if row is not None else ""),
            zone=db.session.get_one(Settings, 1).time_zone, when=when, lines=_asked(question),
        )  # fmt: skip
        return page, status


def _asked(question: SavedQuestion) -> tuple[tuple[str, str], ...]:
    """What the question asks besides its period: whoever enters an address sees what will be sent there."""
    report = BY_NAME.get(question.report)
    if report is None or not may_read(report):
        return ()
    read = read_question(report, dict(parse_qsl(question.query)))
    return () if read.faults else filter_words(read.question, told(read.fields, read.question))
