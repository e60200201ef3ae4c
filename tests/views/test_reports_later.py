"""Reports prepared in the background: whose rows, in which language, and who may fetch them afterwards."""

from __future__ import annotations

import contextvars
import csv
import io
import itertools
import json
from datetime import timedelta

import pytest
from python_calamine import CalamineWorkbook
from sqlalchemy import func, select, update

from app.db import transaction
from app.domain.states import TaskState
from app.extensions import db
from app.models import AppUser, BackgroundTask
from app.models.base import now
from app.reports import report as report_module
from app.services import report_tasks, task_files, tasks
from app.views import report_runs, work_runs
from tests.services.conftest import Counter
from tests.views.test_imports_pages import page, post, text
from tests.world import make_world

ONE = pytest.mark.one_database
TODAY = "/reports/sales-records/prepare?period=today"


@pytest.fixture
def world(app):
    return make_world(app)


@pytest.fixture
def enter(app, world, login):
    def sign_in(name):
        client = app.test_client()
        login(client, name)
        return client

    return sign_in


@pytest.fixture
def work(app):
    """`work()` does one piece of long work."""
    return lambda: work_runs.run_next(app)


@pytest.fixture
def change(app):
    """`change("chidi", active=False)`: an administrator does this to somebody."""

    def write(name, **values):
        with app.app_context(), transaction() as session:
            session.execute(update(AppUser).where(AppUser.username == name).values(**values))

    return write


def asks(client, form="csv", address=TODAY):
    answer = post(client, address, form=form)
    assert answer.status_code == 303, text(answer.get_data(as_text=True))[-600:]
    return answer.headers["Location"]


def cells(body: bytes) -> list[list[str]]:
    return list(csv.reader(io.StringIO(body.decode("utf-8-sig"))))


@pytest.mark.both_databases
def test_a_report_is_prepared_with_the_rows_of_who_asked_and_fetched(enter, work, look, world):
    chidi = enter("chidi")
    address = asks(chidi)
    assert "Waiting for the worker" in page(chidi, address)
    work()
    shown = page(chidi, address)
    assert "Preparing a report" in shown and "Kept until" in shown and "Sales records" in shown
    row = look(select(BackgroundTask).where(BackgroundTask.kind == "report"))
    assert (row.state, row.done, row.total, json.loads(row.result)) == (TaskState.DONE, 2, 2, {"rows": 2})
    answer = chidi.get(f"{address}/file")
    assert answer.headers["Content-Disposition"].split("filename=")[1].startswith("sales-records_")
    at_once = chidi.get("/reports/sales-records/table.csv?period=today").get_data()
    assert cells(answer.get_data()) == cells(at_once)
    said = answer.get_data(as_text=True)
    assert not [secret for secret in world.secrets if secret in said]


@ONE
def test_a_streamed_file_gives_its_connection_back(enter, app):
    chidi = enter("chidi")
    for form in ("csv", "json"):
        assert chidi.get(f"/reports/sales-records/table.{form}?period=today").get_data()
    with app.app_context():
        assert db.engine.pool.checkedout() == 0


@ONE
def test_an_operator_gets_the_own_points_rows_and_fetches_them(enter, work):
    amara = enter("amara")
    address = asks(amara)
    work()
    assert len(cells(amara.get(f"{address}/file").get_data())) == 2
    assert enter("chidi").get(f"{address}/file").status_code == 404  # somebody else's work


@ONE
@pytest.mark.parametrize("form", ["xlsx", "pdf"])
def test_workbook_and_paper_are_prepared_in_the_askers_language(enter, work, change, form):
    change("chidi", language="fr")
    chidi = enter("chidi")
    address = asks(chidi, form)
    change("chidi", language="en")  # what counts is the moment of asking
    work()
    body = chidi.get(f"{address}/file").get_data()
    assert body[:2] == (b"PK" if form == "xlsx" else b"%P")
    if form == "xlsx":
        sheet = CalamineWorkbook.from_filelike(io.BytesIO(body)).get_sheet_by_index(0).to_python()
        assert sheet[0][0] == "Registre des ventes" and "Chidi Test" in str(sheet)


@ONE
def test_a_relative_period_is_that_of_the_day_of_asking(enter, look):
    asks(enter("chidi"), address="/reports/sales-records/prepare?period=this_month&saved=3&page=2")
    facts = json.loads(look(select(BackgroundTask).where(BackgroundTask.kind == "report")).parameters)
    assert "period=days" in facts["query"] and "from=" in facts["query"] and "page" not in facts["query"]


@ONE
def test_a_second_click_is_the_same_work_and_five_are_enough(enter, look, monkeypatch):
    monkeypatch.setattr(report_tasks, "OPEN_MAX", 2)
    chidi = enter("chidi")
    assert asks(chidi) == asks(chidi)
    asks(chidi, "xlsx")
    refused = post(chidi, TODAY, form="pdf")
    assert refused.status_code == 429 and "2 reports of yours are being prepared already." in text(refused.get_data(as_text=True))
    assert look(select(func.count()).select_from(BackgroundTask).where(BackgroundTask.kind == "report")) == 2


def _off(change, app, world):
    change("chidi", active=False)


def _moved(change, app, world):
    change("chidi", region_id=world.cast.regions["lake"])


def _without(change, app, world):
    with app.app_context():
        role = app.appbuilder.sm.find_role("Manager")
        role.permissions = [one for one in role.permissions if one.view_menu.name != "SaleRecordView"]
        db.session.commit()


@ONE
@pytest.mark.parametrize(("happens", "why"), [(_off, "not_allowed"), (_moved, "moved_away"), (_without, "not_allowed")])
def test_who_lost_the_right_while_it_waited_gets_no_file(enter, work, look, app, world, change, happens, why):
    asks(enter("chidi"))
    happens(change, app, world)
    work()
    row = look(select(BackgroundTask).where(BackgroundTask.kind == "report"))
    assert (row.state, json.loads(row.error)[0], row.stored) == (TaskState.FAILED, why, None)


@ONE
@pytest.mark.parametrize("happens", [_moved, _without])
def test_who_lost_the_right_afterwards_finds_it_shut(enter, work, app, world, change, happens):
    chidi = enter("chidi")
    address = asks(chidi)
    work()
    happens(change, app, world)
    assert chidi.get(f"{address}/file").status_code == 403
    shown = page(chidi, address)
    assert "This file is no longer yours to fetch." in shown and f"{address}/file" not in shown
    assert "No longer yours to fetch" in page(chidi, "/work/")


@ONE
def test_who_was_switched_off_is_shown_the_door(enter, work, change):
    chidi = enter("chidi")
    address = asks(chidi)
    work()
    change("chidi", active=False)
    assert chidi.get(f"{address}/file").status_code in (302, 401)


@ONE
def test_somebody_over_a_part_does_not_fetch_what_was_made_for_the_whole(enter, work, change, world):
    efua = enter("efua")
    address = asks(efua)
    work()
    assert len(cells(efua.get(f"{address}/file").get_data())) == 4
    change("efua", region_id=world.cast.regions["coast"])
    assert efua.get(f"{address}/file").status_code == 403


@ONE
def test_it_stops_when_told_to_and_leaves_no_file(enter, work, app, look, monkeypatch):
    chidi = enter("chidi")
    address = asks(chidi)
    real = report_runs.watched

    def stopped(answer, told):
        def one_by_one(done, total):
            with app.app_context(), transaction() as session:
                session.execute(update(BackgroundTask).values(stop_wanted=True))
            told(done, total)

        return real(answer, one_by_one, every=1)

    monkeypatch.setattr(report_runs, "watched", stopped)
    monkeypatch.setattr(tasks, "BEAT_EVERY_S", 0)
    folder = work_runs.Folder(app.config["FILES_DIR"]).path
    before = set(folder.iterdir()) if folder.exists() else set()
    work()
    assert look(select(BackgroundTask.state).where(BackgroundTask.kind == "report")) == TaskState.CANCELLED
    assert "Cancelled" in page(chidi, address)
    assert set(folder.iterdir()) == before


@ONE
def test_a_pdf_stops_while_its_pages_are_laid_out(enter, work, app, look, monkeypatch):
    chidi = enter("chidi")
    address = asks(chidi, "pdf")
    real = report_runs.halves

    def stopped(told, count):
        of_rows, of_pages = real(told, count)

        def page_by_page(rows):
            with app.app_context(), transaction() as session:
                session.execute(update(BackgroundTask).values(stop_wanted=True))
            of_pages(rows)

        return of_rows, page_by_page

    monkeypatch.setattr(report_runs, "halves", stopped)
    monkeypatch.setattr(tasks, "BEAT_EVERY_S", 0)
    work()
    assert look(select(BackgroundTask.state).where(BackgroundTask.kind == "report")) == TaskState.CANCELLED
    assert look(select(BackgroundTask.done).where(BackgroundTask.kind == "report")) > 0
    assert "Cancelled" in page(chidi, address)


@ONE
def test_a_file_goes_after_its_days(enter, work, app, look):
    chidi = enter("chidi")
    address = asks(chidi)
    work()
    with app.app_context():
        with transaction() as session:
            session.execute(update(BackgroundTask).values(created_at=now() - timedelta(days=31)))
        task_files.clean(work_runs.folder(), 30)
    assert chidi.get(f"{address}/file").status_code == 404
    assert "The file is no longer kept." in page(chidi, address)


@ONE
def test_what_is_too_large_to_wait_for_is_offered_in_the_background(enter, monkeypatch):
    monkeypatch.setitem(report_module.FILE_ROWS_MAX, "xlsx", 2)
    efua = enter("efua")
    assert "Prepare Excel" in page(efua, "/reports/sales-records?period=today")
    refused = efua.get("/reports/sales-records/table.xlsx?period=today")
    said = refused.get_data(as_text=True)
    assert refused.status_code == 413 and "3 rows take longer than a page can wait." in said
    assert "Prepare in the background" in said


@ONE
def test_what_no_paper_takes_is_refused_and_something_else_offered(enter, monkeypatch, app, world, change):
    for limits in (report_module.FILE_ROWS_MAX, report_module.LONG_ROWS_MAX):
        monkeypatch.setitem(limits, "pdf", 2)
    monkeypatch.setitem(report_module.FILE_ROWS_MAX, "xlsx", 2)
    efua = enter("efua")
    shown = page(efua, "/reports/sales-records?period=today")
    assert "/table.pdf" not in shown and "Prepare PDF" not in shown
    for answer in (efua.get("/reports/sales-records/table.pdf?period=today"), post(efua, TODAY, form="pdf")):
        said = answer.get_data(as_text=True)
        assert answer.status_code == 413
        assert "Too many rows for paper: a PDF takes 2." in said and "Prepare Excel" in said
    monkeypatch.setitem(report_module.LONG_ROWS_MAX, "xlsx", 2)
    for form, sentence in (("pdf", "Too many rows for paper"), ("xlsx", "Too many rows for a workbook: a sheet takes 2.")):
        answer = efua.get(f"/reports/sales-records/table.{form}?period=today")
        said = answer.get_data(as_text=True)
        assert answer.status_code == 413 and sentence in said and "Take csv, or a shorter period." in said
        assert "Take Excel" not in said and "table.csv" in said
    assert post(efua, TODAY, form="xlsx").status_code == 413
    change("efua", language="fr")
    french = efua.get("/reports/sales-records/table.xlsx?period=today").get_data(as_text=True)
    assert "Trop de lignes pour un classeur" in french
    assert post(efua, TODAY, form="exe").status_code == 400


@pytest.mark.both_databases
def test_a_sale_booked_meanwhile_is_in_neither_totals_nor_rows(enter, work, app, world, monkeypatch):
    """The totals were read before it; the rows come from the same snapshot."""
    address = asks(enter("efua"))
    real = report_runs.watched

    def sold_meanwhile(answer, told):
        def sells():
            with app.app_context():
                Counter(world.cast, app.extensions["modules"], who="bento", point="harbour", numbers=itertools.count(900)).sells("pier", 10_00)

        contextvars.Context().run(sells)
        return real(answer, told)

    monkeypatch.setattr(report_runs, "watched", sold_meanwhile)
    work()
    efua = enter("efua")
    assert len(cells(efua.get(f"{address}/file").get_data())) == 4
    assert len(cells(efua.get("/reports/sales-records/table.csv?period=today").get_data())) == 5
