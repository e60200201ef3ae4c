"""Reports by e-mail as people set them up: from a saved question to its letters, their own only."""

from __future__ import annotations

import logging
import re
from datetime import timedelta

import pytest
from sqlalchemy import func, select, update

from app.db import transaction
from app.domain.states import Every
from app.models import AuditEntry, ReportSchedule, ReportSending, SavedQuestion, Settings
from app.models.base import now
from app.services import mail
from app.views import report_mail
from tests.views.test_imports_pages import page, post, text

pytestmark = pytest.mark.one_database
CHOSEN = {"every": "month", "weekday": "2", "month_day": "31", "at_hour": "6", "form": "pdf", "language": "fr"}


@pytest.fixture
def outbox(monkeypatch):
    sent = []
    monkeypatch.setattr(report_mail.mail, "send", lambda *letter: sent.append(letter))
    return sent


def saves(client, look, name="Mine"):
    post(client, "/questions/add/sales-records?period=last_month", name=name)
    return look(select(SavedQuestion).where(SavedQuestion.name == name)).id


def sends(client, look, name="Mine"):
    answer = post(client, f"/schedules/add/{saves(client, look, name)}", **CHOSEN)
    assert answer.status_code == 303, text(answer.get_data(as_text=True))[-500:]
    return answer.headers["Location"]


def number_of(address, look):
    return look(select(ReportSchedule).where(ReportSchedule.id == int(address.rpartition("/")[2]))).question_id


def test_a_saved_question_is_sent_when_its_owner_says(chidi, look):
    assert "Save a report’s question under a name first" in page(chidi, "/schedules/")
    number = saves(chidi, look)
    assert "Open a saved question" in page(chidi, "/schedules/")
    assert f"/schedules/add/{number}" in page(chidi, f"/reports/sales-records?period=last_month&saved={number}")
    assert "chidi@example.org" in page(chidi, f"/schedules/add/{number}")
    answer = post(chidi, f"/schedules/add/{number}", **CHOSEN)
    shown = text(page(chidi, answer.headers["Location"]))
    assert "The report will be sent." in shown and "Nothing was sent yet." in shown and "Last month" in shown
    row = look(select(ReportSchedule))
    assert (row.every, row.month_day, row.at_hour, row.form, row.language) == (Every.MONTH, 31, 6, "pdf", "fr")
    listed = text(page(chidi, "/schedules/"))
    assert "Mine" in listed and "Every month on the last day at 06:00" in listed
    assert "Sent by e-mail" in page(chidi, "/reports/")


def test_what_cannot_be_chosen_is_told_at_its_field(chidi, look):
    number = saves(chidi, look)
    for wrong in ({"every": "year"}, {"at_hour": "24"}, {"month_day": "0"}, {"weekday": "7"}, {"form": "doc"}, {"language": "xx"}):
        answer = post(chidi, f"/schedules/add/{number}", **{**CHOSEN, **wrong})
        assert answer.status_code == 422 and 'aria-invalid="true"' in answer.get_data(as_text=True), wrong
    assert look(select(func.count()).select_from(ReportSchedule)) == 0


def test_it_is_changed_stopped_and_deleted(app, chidi, look):
    address = sends(chidi, look)
    post(chidi, address, **{**CHOSEN, "every": "week", "weekday": "6"})
    assert "Every week on Sunday at 06:00" in text(page(chidi, "/schedules/"))
    post(chidi, f"{address}/switch")
    assert "Stopped" in page(chidi, "/schedules/") and not look(select(ReportSchedule)).active
    post(chidi, f"{address}/switch")
    assert look(select(ReportSchedule)).active
    post(chidi, f"{address}/delete")
    assert look(select(func.count()).select_from(ReportSchedule)) == 0
    assert look(select(func.count()).select_from(SavedQuestion)) == 1


def test_it_is_sent_now_and_the_page_says_what_became_of_it(app, chidi, look, outbox, monkeypatch):
    address = sends(chidi, look)
    post(chidi, f"{address}/send")
    assert "Waiting for the worker" in page(chidi, address)
    post(chidi, f"{address}/send")
    assert "A letter is under way already." in page(chidi, address)
    report_mail.post(app)
    assert len(outbox) == 1 and "Sent" in text(page(chidi, address)) and "by hand" in page(chidi, address)

    def silent(*_letter):
        raise mail.MailFailed("silent")

    with app.app_context(), transaction() as session:
        session.execute(update(ReportSending).values(due_at=now() - timedelta(days=1)))
    monkeypatch.setattr(report_mail.mail, "send", silent)
    post(chidi, f"{address}/send")
    report_mail.post(app)
    shown = text(page(chidi, address))
    assert "The mail server did not answer" in shown and "Next try" in shown


def test_deleting_a_question_ends_its_letters(chidi, look):
    sends(chidi, look)
    post(chidi, f"/questions/{look(select(SavedQuestion)).id}/delete")
    assert look(select(func.count()).select_from(ReportSchedule)) == 0


def test_other_addresses_are_for_administrators_and_stand_in_the_log(chidi, efua, look):
    address = sends(chidi, look)
    assert "Other e-mail addresses" not in page(chidi, address)
    assert post(chidi, f"{address}/addresses", addresses="a@example.org").status_code == 403
    post(chidi, f"{address}/delete")
    address = sends(efua, look, "Hers")
    for wrong in ("nobody", "a@b", "x@example.org <y@example.org>", "a@example.org\nno one"):
        answer = post(efua, f"{address}/addresses", addresses=wrong)
        assert answer.status_code == 422 and "is not an e-mail address." in answer.get_data(as_text=True), wrong
    two = "a@example.org, b@example.org\na@example.org"
    for password, said in (("", "Fill this in."), ("wrong", "This is not your password until now.")):
        answer = post(efua, f"{address}/addresses", addresses=two, password=password)
        assert answer.status_code == 422 and said in answer.get_data(as_text=True) and "b@example.org" in answer.get_data(as_text=True)
    assert look(select(ReportSchedule)).addresses == "", "a browser that was left open sends nothing to others"
    assert post(efua, f"{address}/addresses", addresses=two, password="demo").status_code == 303
    assert look(select(ReportSchedule)).addresses == "a@example.org\nb@example.org"
    entry = look(select(AuditEntry).where(AuditEntry.table_name == "report_schedule").order_by(AuditEntry.id.desc()))
    assert "b@example.org" in entry.after
    assert post(efua, f"{address}/addresses", addresses="a@example.org").status_code == 303, "to take one out asks nothing"
    assert look(select(ReportSchedule)).addresses == "a@example.org"


def test_another_question_in_the_place_of_one_that_others_are_sent_takes_the_password(chidi, efua, look, caplog, monkeypatch):
    monkeypatch.setattr(logging.getLogger("app.security"), "filters", [])
    caplog.set_level(logging.INFO, "app.security")
    post(chidi, f"/questions/{number_of(sends(chidi, look, 'His own'), look)}/overwrite?period=today")
    assert "period=today" in look(select(SavedQuestion)).query, "what goes to oneself is one's own"
    address = sends(efua, look)
    post(efua, f"{address}/addresses", addresses="a@example.org b@example.org", password="demo")
    post(efua, f"{address}/switch")
    number = number_of(address, look)
    other = f"/questions/{number}/overwrite?period=yesterday"
    mine = select(SavedQuestion).where(SavedQuestion.id == number)
    told = text(post(efua, other).get_data(as_text=True))
    assert "This question is sent to other addresses." in told and "a@example.org, b@example.org" in told and "Yesterday" in told
    for password, said in (("", "Fill this in."), ("wrong", "This is not your password until now.")):
        answer = post(efua, other, password=password)
        assert answer.status_code == 422 and said in answer.get_data(as_text=True)
    assert "last_month" in look(mine).query
    assert post(efua, f"/questions/{number}/overwrite?{look(mine).query}").status_code == 303, "the same asks nothing"
    assert post(efua, other, password="demo").status_code == 303
    assert "period=yesterday" in look(mine).query
    entry = look(select(AuditEntry).where(AuditEntry.table_name == "report_schedule").order_by(AuditEntry.id.desc()))
    assert "last_month" in entry.before and "yesterday" in entry.after and entry.user_id is not None
    shown = text(page(efua, f"/audit/show/{entry.id}"))
    assert "Question" in shown and "period=yesterday" in shown
    assert post(efua, f"{address}/addresses", addresses="").status_code == 303
    assert post(efua, f"/questions/{number}/overwrite?period=today&type=water").status_code == 303, "nobody else is sent it now"
    entry = look(select(AuditEntry).where(AuditEntry.table_name == "report_schedule").order_by(AuditEntry.id.desc()))
    assert "type=water" in entry.after, "but the log tells it"
    assert "Meter type Water" in text(page(efua, address).partition("schedule-form")[2].partition("form-grid")[0])
    post(efua, f"{address}/addresses", addresses="a@example.org", password="demo")
    rename = f"/questions/{number}/rename"
    assert "Your password" in page(efua, rename)
    for password in ("", "wrong"):
        assert post(efua, rename, name="Pay here", password=password).status_code == 422 and look(mine).name == "Mine"
    assert post(efua, rename, name="Ours", password="demo").status_code == 303 and look(mine).name == "Ours"
    told = [one.facts for one in caplog.records if one.message == "report_question"]
    assert [one["schedules"] for one in told] == [1, 1], "another question, and another name"


def test_nobody_sees_or_touches_anothers(chidi, efua, look):
    address = sends(chidi, look)
    question = look(select(SavedQuestion)).id
    assert efua.get(address).status_code == 404 and "Mine" not in page(efua, "/schedules/")
    assert efua.get(f"/schedules/add/{question}").status_code == 404
    for act in ("", "/switch", "/send", "/delete", "/addresses"):
        assert post(efua, address + act, **CHOSEN).status_code == 404, act


def test_weekdays_to_choose_from_begin_with_the_installations_first(app, chidi, look):
    with app.app_context(), transaction() as session:
        session.get_one(Settings, 1).first_weekday = 5
    shown = chidi.get(f"/schedules/add/{saves(chidi, look)}").get_data(as_text=True)
    days = re.search(r'<select [^>]*id="weekday".*?</select>', shown, re.DOTALL).group()
    assert re.findall(r'value="(\d)"( selected)?', days)[:3] == [("5", " selected"), ("6", ""), ("0", "")]
