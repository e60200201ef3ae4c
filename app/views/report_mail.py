"""What the worker does when a report is due by e-mail: the question answered for its owner of that moment, and sent.

The period is that of the due time, whenever the letter leaves; whose rows they are is asked at the
sending.  An owner who was switched off, or lost the right or the address, is sent nothing.
"""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

from flask import Flask, current_app, url_for
from flask_babel import force_locale
from flask_babel import gettext as _

from app.access import permissions as p
from app.access.current import scope_of
from app.access.scope import Scope
from app.domain.states import SendingState
from app.extensions import db
from app.models import AppUser, ReportSchedule, ReportSending
from app.models.base import now
from app.reports.catalogue import BY_NAME
from app.reports.report import FILE_ROWS_MAX, LONG_ROWS_MAX, Report
from app.reports.table import Answer
from app.services import mail, report_schedules, report_tasks
from app.services.mail import Attachment, MailFailed
from app.services.tasks import Owner
from app.views import figures, filtered
from app.views.letters import page
from app.views.report_address import frozen
from app.views.report_runs import steady
from app.views.report_words import NOTES, ReportSpeech, period_words
from app.views.reports import TYPES, Read, file_name, front_of, read_question, text_of, write_file
from app.views.work_runs import may

log = logging.getLogger("app.reports")
MEGABYTE = 1 << 20


class LeftOut(Exception):
    """Nothing is sent this time; `code` says why."""

    def __init__(self, code: str) -> None:
        self.code = code
        super().__init__(code)


@dataclass(frozen=True, slots=True)
class Due:
    """One sending: when it was due, whose question, for whom."""

    id: int
    schedule: ReportSchedule
    sending: ReportSending
    owner: AppUser
    report: Report
    scope: Scope


@dataclass(frozen=True, slots=True)
class Letter:
    """A report as it is sent; the file is prepared by `task_id` where it is too large to go along."""

    subject: str
    text: str
    files: Sequence[Attachment] = ()
    task_id: int | None = None


def post(app: Flask) -> bool:
    """Send every report that is due; False when some letter has to be tried again."""
    done = True
    with app.app_context():
        report_schedules.ring()
        while (sending_id := report_schedules.take()) is not None:
            done = _send(app, sending_id) and done
            db.session.rollback()
    return done


def _send(app: Flask, sending_id: int) -> bool:
    try:
        due = _due(sending_id)
        receivers = _receivers(due)
        with app.test_request_context("/"):
            filtered.stand_in(due.scope)
            with force_locale(_language(due.schedule)):
                letter = _letter(due)
        db.session.rollback()
    except LeftOut as left:
        db.session.rollback()
        failed = left.code == "too_many_rows"
        report_schedules.end(sending_id, SendingState.FAILED if failed else SendingState.SKIPPED, left.code)
        return True
    except Exception:
        db.session.rollback()
        log.exception("report %s could not be made for its letter", sending_id)
        return not report_schedules.fail(sending_id, "crashed", "", permanent=False)
    return _deliver(sending_id, receivers, letter)


def _deliver(sending_id: int, receivers: Sequence[str], letter: Letter) -> bool:
    """Hand the letter to everybody who has not got it; one address that fails does not stop the others."""
    failure: MailFailed | None = None
    for address in receivers:
        report_schedules.hand(sending_id, address)
        try:
            mail.send(address, letter.subject, letter.text, letter.files)
        except MailFailed as error:
            log.warning("report %s: %s", sending_id, error.code)
            failure = error if failure is None or failure.permanent else failure
            report_schedules.hand(sending_id, None)
        else:
            report_schedules.hand(sending_id, None, reached=address)
    if failure is None:
        report_schedules.end(sending_id, SendingState.SENT, task_id=letter.task_id)
        return True
    return not report_schedules.fail(sending_id, failure.code, "", permanent=failure.permanent)


def _due(sending_id: int) -> Due:
    """Everything about a sending.  Raises LeftOut when its owner may not have it now."""
    sending = db.session.get_one(ReportSending, sending_id, populate_existing=True)
    schedule = db.session.get_one(ReportSchedule, sending.schedule_id, populate_existing=True)
    owner = db.session.get_one(AppUser, schedule.owner_id, populate_existing=True)
    report = BY_NAME.get(schedule.question.report)
    if not owner.active:
        raise LeftOut("owner_off")
    if report is None:
        raise LeftOut("question_wrong")
    if not may(owner, p.READ_REPORTS, report.permission):
        raise LeftOut("no_permission")
    if not owner.email:
        raise LeftOut("no_address")
    if schedule.addresses and not may(owner, p.SEND_ELSEWHERE):
        raise LeftOut("not_elsewhere")
    return Due(sending_id, schedule, sending, owner, report, scope_of(owner))


def _receivers(due: Due) -> list[str]:
    have = set(due.sending.reached.splitlines())
    wanted = dict.fromkeys([str(due.owner.email), *due.schedule.addresses.splitlines()])
    return [address for address in wanted if address not in have]


def _language(schedule: ReportSchedule) -> str:
    offered = current_app.config["LANGUAGES"]
    return schedule.language if schedule.language in offered else str(current_app.config["BABEL_DEFAULT_LOCALE"])


def _letter(due: Due) -> Letter:
    """The report as a letter, in the language of this context.  Raises LeftOut."""
    at, words = due.sending.due_at, dict(parse_qsl(due.schedule.question.query))
    name, form = due.schedule.question.name, due.schedule.form
    steady(db.session())
    read = read_question(due.report, words, at)
    if read.faults:
        raise LeftOut("question_wrong")
    read = replace(read, house=replace(read.house, now=now()))
    answer = due.report.answer(read.asked)
    title, period = ReportSpeech().say(due.report.title), period_words(read.question.period)
    subject = _("%(column)s: %(what)s", column=name, what=figures.listed((title, period)))
    first = _("%(report)s, %(period)s, as you asked for it under the name “%(name)s”.", report=title, period=period, name=name)
    path = url_for("ReportScheduleView.show", schedule_id=due.schedule.id)
    last = _("When it is sent, and how to stop it: %(link)s", link=f"{current_app.config['SITE_URL']}{path}")
    if answer.count == 0:
        nothing = _("There was nothing in this period, so no file goes along.")
        return Letter(subject, page(first, *(str(NOTES[code][1]) for code in answer.notes), nothing, last))
    if answer.count > LONG_ROWS_MAX[form]:
        raise LeftOut("too_many_rows")
    data = _file(due, read, answer, form) if answer.count <= FILE_ROWS_MAX[form] else None
    if data is not None and len(data) <= current_app.config["MAIL_FILE_MAX_MB"] * MEGABYTE:
        return Letter(subject, page(first, last), [Attachment(file_name(read, form), TYPES[form].partition(";")[0], data)])
    task = _prepared(due, read, answer, form)
    link = f"{current_app.config['SITE_URL']}{url_for('WorkView.show', task_id=task)}"
    told = _("The file is too large for a letter. It is being prepared; fetch it here after signing in: %(link)s", link=link)
    return Letter(subject, page(first, told, last), task_id=task)


def _file(due: Due, read: Read, answer: Answer, form: str) -> bytes:
    front = front_of(read, answer, due.owner.person)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"report.{form}"
        if form == "csv":
            return b"".join(text_of(form, answer, front, read.house))
        write_file(path, form, answer, front, read.house)
        return path.read_bytes()


def _prepared(due: Due, read: Read, answer: Answer, form: str) -> int:
    """The same in the background, for its owner to fetch; a second try is the same task."""
    facts: dict[str, Any] = {
        "report": due.report.name, "query": frozen(read), "form": form, "file_name": file_name(read, form),
    }  # fmt: skip
    path = None if due.scope.sees_all else (due.scope.region_path or "/none/")
    owner = Owner(due.owner.id, due.owner.username, _language(due.schedule), path)
    return report_tasks.prepare(owner, due.scope, facts, answer.count, f"letter-{due.id}")
