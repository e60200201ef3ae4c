"""Reports by e-mail: each due time once, tried again when the server fails, and only what its owner may see then."""

from __future__ import annotations

import email
import email.policy
import threading
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select, update

from app.db import transaction
from app.domain.states import Every, SendingState
from app.domain.timetable import Timetable, next_due
from app.extensions import db
from app.models import (
    AppUser,
    BackgroundTask,
    ReportSchedule,
    ReportSending,
    SavedQuestion,
    Settings,
)
from app.models.base import now
from app.services import mail, saved_questions
from app.services import report_schedules as schedules
from app.services.mail import MailFailed
from app.services.report_schedules import Wish
from app.views import report_mail
from tests.world import make_world

ONE = pytest.mark.one_database
WEEKLY = Wish(Timetable(Every.WEEK, 7), "csv", "en")


@pytest.fixture
def world(app):
    return make_world(app)


@pytest.fixture
def letters(monkeypatch):
    """What was sent: (address, subject, text, files); `letters.fails` answers for an address."""

    class Sent(list):
        pass

    sent = Sent()

    def send(to, subject, text, files=()):
        if to in sent.fails:
            raise sent.fails[to]
        sent.append((to, subject, text, files))

    sent.fails = {}
    monkeypatch.setattr(report_mail.mail, "send", send)
    return sent


@pytest.fixture
def asked(app, world):
    """`asked("chidi")`: a schedule of a saved question of theirs, due a minute ago."""

    def make(who="chidi", query="period=today", report="sales-records", wish=WEEKLY, due=timedelta(minutes=-1)):
        with app.app_context():
            owner = world.cast.users[who]
            question = saved_questions.keep(owner, report, "Mine", query)
            made = schedules.add(question, owner, wish)
            with transaction() as session:
                session.execute(update(ReportSchedule).values(active=False).where(ReportSchedule.id != made))
                session.execute(update(ReportSchedule).values(next_at=now() + due).where(ReportSchedule.id == made))
            return made

    return make


@pytest.fixture
def rows(app):
    """`rows()`: every sending, oldest first."""

    def read():
        with app.app_context():
            found = list(db.session.scalars(select(ReportSending).order_by(ReportSending.id)))
            db.session.expunge_all()
            return found

    return read


def write(app, statement):
    with app.app_context(), transaction() as session:
        session.execute(statement)


def ready(app):
    """Let what waits for its next try be tried at once."""
    write(app, update(ReportSending).values(try_at=now() - timedelta(seconds=1)))


@ONE
@pytest.mark.parametrize(
    ("table", "after", "zone", "due"),
    [
        (Timetable(Every.DAY, 7), (2026, 11, 26, 4, 0), "Africa/Nairobi", (2026, 11, 27, 4, 0)),
        (Timetable(Every.DAY, 7), (2026, 11, 26, 3, 59), "Africa/Nairobi", (2026, 11, 26, 4, 0)),
        (Timetable(Every.WEEK, 0, weekday=6), (2026, 11, 28, 21, 0), "Africa/Nairobi", (2026, 12, 5, 21, 0)),
        (Timetable(Every.MONTH, 23, month_day=31), (2026, 2, 1, 0, 0), "Africa/Abidjan", (2026, 2, 28, 23, 0)),
        (Timetable(Every.MONTH, 6, month_day=1), (2026, 12, 1, 6, 0), "Africa/Abidjan", (2027, 1, 1, 6, 0)),
        # An hour that summer time skips, and one that it brings twice.
        (Timetable(Every.DAY, 2), (2026, 3, 28, 12, 0), "Europe/Berlin", (2026, 3, 29, 1, 0)),
        (Timetable(Every.DAY, 2), (2026, 10, 24, 12, 0), "Europe/Berlin", (2026, 10, 25, 0, 0)),
    ],
)
def test_it_is_due_at_the_hour_of_the_installation(table, after, zone, due):
    assert next_due(table, datetime(*after, tzinfo=UTC), zone) == datetime(*due, tzinfo=UTC)


def test_a_due_report_is_sent_once_with_the_owners_rows(app, asked, letters, rows, world):
    made = asked()
    assert report_mail.post(app) and report_mail.post(app)
    [(to, subject, text, [file])] = letters
    assert to == "chidi@example.org" and subject.startswith("Mine: Sales records, ")
    assert "as you asked for it under the name “Mine”" in text and f"/schedules/{made}" in text
    assert file.name.startswith("sales-records_") and file.media_type == "text/csv"
    said = file.data.decode("utf-8-sig")
    assert len(said.splitlines()) == 3 and not [secret for secret in world.secrets if secret in said]
    [row] = rows()
    assert (row.state, row.attempts, row.reached) == (SendingState.SENT, 1, "chidi@example.org")
    with app.app_context():
        next_at = db.session.get_one(ReportSchedule, made).next_at
    assert timedelta(0) < next_at - now() <= timedelta(days=7)


def test_two_workers_send_it_once(app, asked, letters, rows):
    asked()
    together = threading.Barrier(2)

    def worker():
        with app.app_context():
            together.wait()
            report_mail.post(app)

    both = [threading.Thread(target=worker) for _each in range(2)]
    for one in both:
        one.start()
    for one in both:
        one.join()
    assert len(letters) == 1 and len(rows()) == 1


def test_two_processes_cannot_claim_one_letter(app, asked):
    asked()
    with app.app_context():
        assert schedules.ring() == 1 and schedules.ring() == 0
        mine = schedules.take()
        assert mine is not None
        with transaction() as session:
            session.execute(update(ReportSending).values(claimed_by="elsewhere:1:word"))
        assert schedules.take() is None
        # That other computer was not heard of for long: nothing had left yet, so another one does it.
        with transaction() as session:
            session.execute(update(ReportSending).values(claimed_by="gone:1:word", beat_at=now() - timedelta(hours=1)))
        assert schedules.take() == mine


@ONE
def test_a_letter_that_may_have_left_with_its_worker_is_not_sent_again(app, asked, letters, rows):
    asked()
    with app.app_context():
        schedules.ring()
        schedules.hand(schedules.take(), "chidi@example.org")
        with transaction() as session:
            session.execute(update(ReportSending).values(claimed_by="gone:1:word", beat_at=now() - timedelta(hours=1)))
    report_mail.post(app)
    assert letters == []
    assert [(row.state, row.reason, row.detail) for row in rows()] == [(SendingState.FAILED, "unknown", "chidi@example.org")]


@ONE
def test_missed_times_are_one_letter_and_tell_of_the_due_day(app, asked, letters):
    asked(due=timedelta(days=-20), query="period=today")
    report_mail.post(app)
    [(_to, _subject, text, files)] = letters
    assert "There was nothing in this period" in text and not files  # of that day, not of today


@ONE
def test_a_server_that_fails_is_tried_again_later_and_given_up_after_six_times(app, asked, letters, rows):
    asked()
    letters.fails = {"chidi@example.org": MailFailed("silent")}
    assert not report_mail.post(app)
    [row] = rows()
    assert (row.state, row.reason) == (SendingState.WAITING, "silent")
    assert timedelta(minutes=1) < row.try_at - now() <= timedelta(minutes=2)
    report_mail.post(app)
    assert rows()[0].attempts == 1  # not before its time
    for _each in range(5):
        ready(app)
        report_mail.post(app)
    [row] = rows()
    assert (row.state, row.attempts, row.reason) == (SendingState.FAILED, 6, "silent")


@ONE
def test_a_refusal_for_good_is_not_tried_again_and_who_has_it_is_not_sent_it_twice(app, asked, letters, rows):
    made = asked("efua")
    write(app, update(ReportSchedule).where(ReportSchedule.id == made).values(addresses="office@example.org\nboard@example.org"))
    letters.fails = {"office@example.org": MailFailed("silent")}
    report_mail.post(app)
    assert [to for to, *_rest in letters] == ["efua@example.org", "board@example.org"]
    letters.fails = {}
    ready(app)
    report_mail.post(app)
    assert [to for to, *_rest in letters][2:] == ["office@example.org"]
    assert rows()[0].state is SendingState.SENT
    letters.fails = {"efua@example.org": MailFailed("address", permanent=True)}
    with app.app_context():
        schedules.send_now(made, db.session.get_one(ReportSchedule, made).owner_id)
    report_mail.post(app)
    assert (rows()[1].state, rows()[1].reason, rows()[1].attempts) == (SendingState.FAILED, "address", 1)


def _off(world):
    return update(AppUser).where(AppUser.id == world.cast.users["efua"]).values(active=False)


def _nameless(world):
    return update(AppUser).where(AppUser.id == world.cast.users["efua"]).values(email="")


def _wrong(world):
    return update(SavedQuestion).where(SavedQuestion.name == "Mine").values(query="period=today&point=GONE")


@ONE
@pytest.mark.parametrize(("happens", "why"), [(_off, "owner_off"), (_nameless, "no_address"), (_wrong, "question_wrong")])
def test_it_pauses_and_goes_on_by_itself(app, asked, letters, rows, world, happens, why):
    made = asked("efua")
    write(app, happens(world))
    report_mail.post(app)
    assert letters == [] and [(row.state, row.reason) for row in rows()] == [(SendingState.SKIPPED, why)]
    with app.app_context():
        assert db.session.get_one(ReportSchedule, made).paused == why
    write(app, update(AppUser).where(AppUser.username == "efua").values(active=True, email="efua@example.org"))
    write(app, update(SavedQuestion).values(query="period=today"))
    write(app, update(ReportSchedule).where(ReportSchedule.id == made).values(next_at=now()))
    report_mail.post(app)
    with app.app_context():
        assert len(letters) == 1 and db.session.get_one(ReportSchedule, made).paused is None


@ONE
@pytest.mark.parametrize(("page", "why"), [("SaleRecordView", "no_permission"), ("ReportScheduleView", "not_elsewhere")])
def test_a_lost_permission_stops_it(app, asked, letters, rows, page, why):
    made = asked("efua")
    with app.app_context():
        role = app.appbuilder.sm.find_role("Administrator")
        role.permissions = [one for one in role.permissions if one.view_menu.name != page]
        db.session.commit()
    write(app, update(ReportSchedule).where(ReportSchedule.id == made).values(addresses="office@example.org"))
    report_mail.post(app)
    assert letters == [] and rows()[0].reason == why


@ONE
def test_who_was_moved_is_sent_the_rows_of_the_new_place(app, asked, letters, world):
    asked()
    write(app, update(AppUser).where(AppUser.username == "chidi").values(region_id=world.cast.regions["lake"]))
    report_mail.post(app)
    [(_to, _subject, _text, [file])] = letters
    assert len(file.data.decode("utf-8-sig").splitlines()) == 2 and "Harbour shop" in file.data.decode()


@ONE
def test_what_is_too_large_for_a_letter_is_prepared_and_the_letter_says_where(app, asked, letters, rows, monkeypatch):
    monkeypatch.setitem(report_mail.FILE_ROWS_MAX, "csv", 1)
    asked()
    report_mail.post(app)
    [(_to, _subject, text, files)] = letters
    [row] = rows()
    assert not files and f"{app.config['SITE_URL']}/work/{row.task_id}" in text
    with app.app_context():
        task = db.session.get_one(BackgroundTask, row.task_id)
        assert (task.kind, task.actor) == ("report", "chidi")
    monkeypatch.setitem(report_mail.LONG_ROWS_MAX, "csv", 1)
    write(app, update(ReportSchedule).values(next_at=now()))
    report_mail.post(app)
    assert rows()[-1].reason == "too_many_rows" and len(letters) == 1


@ONE
@pytest.mark.parametrize(("form", "mark"), [("xlsx", b"PK"), ("pdf", b"%P")])
def test_it_speaks_the_language_that_was_chosen(app, asked, letters, form, mark):
    asked(wish=replace(WEEKLY, form=form, language="fr"))
    report_mail.post(app)
    [(_to, subject, _text, [file])] = letters
    assert "Registre des ventes" in subject and file.data[:2] == mark


@ONE
def test_another_time_zone_is_reckoned_anew_and_sends_nothing_early(app, asked, letters):
    made = asked(due=timedelta(days=1))
    write(app, update(Settings).values(time_zone="Pacific/Auckland"))
    report_mail.post(app)
    with app.app_context():
        row = db.session.get_one(ReportSchedule, made)
        assert (row.next_at, row.reckoned_in) == (next_due(schedules.timetable_of(row), now(), "Pacific/Auckland"), "Pacific/Auckland")
    assert letters == []


@ONE
def test_a_click_too_many_is_one_letter(app, asked, letters, world):
    made = asked(due=timedelta(days=1))
    with app.app_context():
        schedules.send_now(made, world.cast.users["chidi"])
        with pytest.raises(schedules.AlreadyUnderWay):
            schedules.send_now(made, world.cast.users["chidi"])
    report_mail.post(app)
    assert len(letters) == 1


@ONE
def test_the_shell_lists_them_and_sends_what_is_due(app, asked, letters):
    made = asked()
    shell = app.test_cli_runner()
    assert f"{made}  chidi  sales-records  Mine  csv  next" in shell.invoke(args=["schedules", "list"]).output
    done = shell.invoke(args=["schedules", "run"])
    assert done.exit_code == 0 and len(letters) == 1, done.output
    letters.fails = {"chidi@example.org": MailFailed("silent")}
    write(app, update(ReportSchedule).where(ReportSchedule.id == made).values(next_at=now()))
    assert shell.invoke(args=["schedules", "run"]).exit_code == 1


@ONE
def test_the_shell_writes_what_is_due_into_the_outbox_once_with_its_file(app, asked, tmp_path, monkeypatch):
    monkeypatch.setattr(mail, "way", lambda: mail.Way(tmp_path, "Till <till@example.org>"))
    asked(wish=replace(WEEKLY, form="xlsx"))
    for _ in range(2):
        assert app.test_cli_runner().invoke(args=["schedules", "run"]).exit_code == 0
    [written] = tmp_path.glob("*.eml")
    letter = email.message_from_bytes(written.read_bytes(), policy=email.policy.default)
    [file] = letter.iter_attachments()
    assert letter["to"] == "chidi@example.org" and file.get_filename().startswith("sales-records_")
    assert file.get_filename().endswith(".xlsx") and file.get_content()[:2] == b"PK"
