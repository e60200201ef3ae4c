"""Consumers and meters by file: every rule of the forms, all or nothing, never twice."""

from __future__ import annotations

import json

import pytest
from sqlalchemy import func, select, update

from app.db import transaction
from app.domain.errors import ImportMoved, LicenceFull, OutOfScope
from app.domain.states import MeterStatus, TaskState
from app.extensions import db
from app.models import (
    AppUser,
    AuditEntry,
    BackgroundTask,
    Consumer,
    ConsumerTerm,
    ImportRow,
    Meter,
    MeterLock,
    Region,
    Tariff,
)
from app.services import licensing, tasks
from app.services.imports import batches
from app.services.registration import find_consumers
from app.views import work_runs
from tests.cast import PALM_STREET, PIER, drn
from tests.importing import CONSUMER_HEADINGS, METER_HEADINGS, Importer, counts, csv_file

# The rules are the same on both, and other tests of reading files in run on both: on PostgreSQL in the long form.
pytestmark = pytest.mark.postgresql_long

MARKET = "Market Town, Coast, Kenya"
NEW = [drn(f"01000010{n:02d}") for n in range(20)]


@pytest.fixture
def chidi(context, cast) -> Importer:
    return Importer(context, cast)


@pytest.fixture
def efua(context, cast) -> Importer:
    return Importer(context, cast, "efua")


def meters(*lines, headings=METER_HEADINGS) -> bytes:
    return csv_file(headings, *lines)


def meter(number: str) -> Meter:
    return db.session.scalars(select(Meter).where(Meter.meter_number == number)).one()


def good(number: str, owner: str = "10482", place: str = MARKET) -> tuple[str, ...]:
    return number, "S200", owner, place, "Home, two steps", "123456", "1"


def test_meters_come_in_and_can_buy(chidi, counter):
    row = chidi.imports("meters", meters(good(NEW[0]), good(NEW[1], owner="")))
    assert (row.state, counts(row)) == ("done", {"rows": 2, "new": 2, "added": 2})
    made = meter(NEW[0])
    assert (made.consumer.user_number, made.region.name, made.algorithm, made.ken, made.ti) == ("10482", "Market Town", "legacy", 255, 1)
    assert made.status is MeterStatus.INSTALLED and made.status_since is not None and made.version == 1
    assert db.session.get(MeterLock, made.id) is not None
    counter.cast.meters["new"] = made.id
    assert counter.sells("new", 20_00).tokens


def test_consumers_come_in_and_are_found_by_their_words(chidi, cast):
    row = chidi.imports("consumers", csv_file(CONSUMER_HEADINGS, ("20001", "Désiré Kouamé", "Market Town", "+254 711 222 333", "X1")))
    assert counts(row) == {"rows": 1, "new": 1, "added": 1}
    for typed in ("kouame", "0711222", "x1", "20001"):
        assert [one.name for one in find_consumers(db.session(), typed, cast.scope("chidi"))] == ["Désiré Kouamé"], typed


def test_every_rule_of_the_form_holds_for_a_row(chidi):
    headings = (*METER_HEADINGS, "EA", "State", "Reason", "Smallest purchase, units", "Largest purchase, units")
    bad = [
        (NEW[0][:-1] + str((int(NEW[0][-1]) + 1) % 10), *good(NEW[0])[1:]),
        good(NEW[1], place="Harbour Town"),
        (NEW[2], "S999", "99999", MARKET, "Nothing", "999999", "9"),
        (NEW[3], "A15", "", MARKET, "Home, two steps", "123456", "1"),
        (*good(NEW[4]), "11"),
        (*good(NEW[5]), "", "Blocked"),
        (*good(NEW[6]), "", "", "", "10", "5"),
        good(NEW[7]),
        good(NEW[7]),
        good(PIER),
        ("", *good(NEW[8])[1:]),
        (NEW[9], "", "", "", "", "", ""),
        good(NEW[10], owner="10483"),
    ]
    row = chidi.checks("meters", meters(*bad, headings=headings))
    assert chidi.faults(row) == {
        2: [("meter_number", "check_digit")],
        3: [("region", "unknown_region")],
        4: [("product", "unknown_product"), ("tariff", "unknown_tariff"), ("consumer", "unknown_consumer"), ("sgc", "unknown_key")],
        5: [("tariff", "tariff_type")],
        6: [("ea", "ea_needs_sts6")],
        7: [("status_reason", "reason_needed")],
        8: [("largest_purchase", "below_smallest")],
        10: [("meter_number", "twice")],
        11: [("meter_number", "taken")],
        12: [("meter_number", "needed")],
        13: [("product", "needed"), ("sgc", "needed"), ("krn", "needed"), ("region", "needed")],
        14: [("consumer", "unknown_consumer")],
    }
    assert counts(row) == {"rows": 13, "new": 1, "bad": 12}


@pytest.mark.one_database
def test_warnings_are_counted_and_come_once_for_a_product(chidi):
    strange = drn("4400000001")
    row = chidi.imports("meters", meters(good(strange), good(NEW[0])))
    assert counts(row) == {"rows": 2, "new": 2, "warned": 1, "added": 2}
    told = [json.loads(one.faults) for one in batches.warned_rows(db.session(), row.id)]
    assert told[0] == [["meter_number", "maker_differs", {"found": "44", "maker": "Hexa", "code": "01"}]] and len(told) == 1
    moved = chidi.checks("meters", csv_file(("Meter number", "Product model", "Address"), (strange, "S200", "7 Palm Street")))
    assert counts(moved) == {"rows": 1, "change": 1}, "it was said when the product was given"


@pytest.mark.one_database
def test_the_example_row_and_formulas_and_capacities_without_a_unit_are_told(chidi):
    headings = (*METER_HEADINGS, "Capacity", "Unit of capacity")
    lines = [
        (*good("00000000000"), "", ""), (*good("=1+1"), "", ""), (*good(drn("0100000031"))[:5], '="123456"', "1", "=A1*2", ""),
        (*good(drn("0100000032")), "2.5", ""), (*good(drn("0100000033")), "2.5", "kVA"),
    ]  # fmt: skip
    row = chidi.checks("meters", meters(*lines, headings=headings))
    assert counts(row) == {"rows": 5, "skip": 1, "example": 1, "bad": 3, "new": 1}
    assert chidi.faults(row) == {
        3: [("meter_number", "formula_text")],
        4: [("sgc", "formula_text"), ("capacity", "formula_text")],
        5: [("capacity_unit", "unit_needed")],
    }


@pytest.mark.one_database
def test_a_user_number_that_looks_shortened_is_taken_and_warned_of(chidi):
    content = csv_file(CONSUMER_HEADINGS, ("5E+10", "Moussa", MARKET, "", "5.19411E+10"), ("20002", "Nadia", MARKET, "5.19E+10", ""))
    row = chidi.checks("consumers", content)
    assert counts(row) == {"rows": 2, "new": 1, "warned": 1, "bad": 1}
    assert chidi.faults(row) == {3: [("telephone", "shortened")]}
    (warned,) = batches.warned_rows(db.session(), row.id)
    assert [(name, code) for name, code, _ in json.loads(warned.faults)] == [("user_number", "looks_shortened"), ("id_number", "looks_shortened")]
    done = chidi.imports("consumers", content, whole=False)
    assert counts(done)["added"] == 1
    again = chidi.checks("consumers", content)
    assert counts(again) == {"rows": 2, "same": 1, "bad": 1}


def test_all_or_nothing_or_the_good_rows(chidi):
    content = meters(good(NEW[0]), ("123", *good(NEW[1])[1:]))
    row = chidi.checks("meters", content)
    with pytest.raises(ImportMoved):
        batches.run(row.id, chidi.cast.scope("chidi"), chidi.owner, whole=True)
    assert db.session.scalar(select(func.count()).select_from(Meter)) == 4
    done = chidi.imports("meters", content, whole=False)
    assert counts(done) == {"rows": 2, "new": 1, "bad": 1, "added": 1}
    mended = chidi.imports("meters", meters(good(NEW[0]), good(NEW[1])))
    assert counts(mended) == {"rows": 2, "same": 1, "new": 1, "added": 1}


def test_the_same_file_again_adds_nothing(chidi):
    content = meters(good(NEW[0]), good(NEW[1]))
    first = chidi.imports("meters", content)
    again = chidi.imports("meters", content)
    assert counts(again) == {"rows": 2, "same": 2}
    assert batches.same_file(db.session(), again).id == first.id
    assert meter(NEW[0]).version == 1


def test_one_reference_is_one_import(chidi):
    content = meters(good(NEW[0]))
    assert chidi.uploads("meters", content, reference="r") == chidi.uploads("meters", content, reference="r")


def test_known_rows_are_brought_up_to_date_or_left(chidi, cast):
    content = meters((PALM_STREET, "5 Hill Road", "In stock"), headings=("Meter number", "Address", "State"))
    left = chidi.imports("meters", content, known="skip")
    assert counts(left) == {"rows": 1, "skip": 1}
    before = meter(PALM_STREET)
    since, version, installed = before.status_since, before.version, before.installed_on
    done = chidi.imports("meters", content)
    after = meter(PALM_STREET)
    assert counts(done) == {"rows": 1, "change": 1, "changed": 1}
    assert (after.address, after.status, after.version) == ("5 Hill Road", MeterStatus.IN_STOCK, version + 1)
    assert after.consumer_id == cast.consumers["achieng"], "an empty cell leaves what is stored"
    assert after.status_since != since and after.installed_on is None and after.status_by == "Chidi Test"
    staged = db.session.query(ImportRow).filter_by(batch_id=done.id).one()
    assert (json.loads(staged.before), staged.target_id) == (
        {"address": None, "installed_on": installed.isoformat(), "status": "installed"}, after.id,
    )


def test_a_forbidden_step_and_a_meter_of_others(chidi):
    headings = ("Meter number", "State", "User number")
    chidi.imports("consumers", csv_file(CONSUMER_HEADINGS, ("20001", "Moussa", "Market Town", "", "")))
    row = chidi.checks("meters", meters((PALM_STREET, "in stock", "20001"), headings=headings))
    assert chidi.faults(row) == {2: [("consumer", "meter_taken")]}
    reasons = ("Meter number", "State", "Reason")
    chidi.imports("meters", meters((PALM_STREET, "Blocked", "Tampered"), headings=reasons))
    assert meter(PALM_STREET).status_reason == "Tampered"
    assert meter(PALM_STREET).status_by == "Chidi Test"
    row = chidi.checks("meters", meters((PALM_STREET, "Removed", ""), headings=headings))
    assert chidi.faults(row) == {2: [("status_reason", "reason_of_state")]}
    chidi.imports("meters", meters((PALM_STREET, "Removed", "Burnt"), headings=reasons))
    row = chidi.checks("meters", meters((PALM_STREET, "Installed", ""), headings=headings))
    assert chidi.faults(row) == {2: [("status", "step")]}
    chidi.imports("meters", meters((PALM_STREET, "In stock", ""), headings=headings))
    assert meter(PALM_STREET).status_reason is None, "a reason goes with its state"
    assert meter(PALM_STREET).installed_on is None, "whoever gets it next owes nothing of the time before"


def test_a_meter_import_from_a_consumers_page_binds_at_once(chidi, cast):
    headings = ("Meter number", "Product model", "SGC", "KRN")
    row = chidi.imports("meters", meters((NEW[0], "S200", "123456", "1"), headings=headings), consumer=cast.consumers["achieng"])
    assert row.state == "done"
    assert (meter(NEW[0]).consumer.user_number, meter(NEW[0]).region.name) == ("10482", "Market Town")
    with pytest.raises(OutOfScope):
        chidi.uploads("meters", b"x", consumer=cast.consumers["juma"])


def test_one_entry_of_the_audit_log_with_its_rows(chidi):
    before = db.session.scalar(select(func.count()).select_from(AuditEntry))
    row = chidi.imports("meters", meters(*[good(number) for number in NEW[:5]]))
    entries = db.session.scalars(select(AuditEntry).order_by(AuditEntry.id)).all()[before:]
    assert [(e.action, e.table_name, e.row_id, e.actor) for e in entries] == [("import", "import_batch", str(row.id), "chidi")]
    assert json.loads(entries[0].after)["added"] == 5
    assert db.session.query(ImportRow).filter_by(batch_id=row.id).count() == 5
    told = db.session.scalars(select(AuditEntry).where(batches.imported_entries("meter", meter(NEW[2]).id))).all()
    assert [entry.id for entry in told] == [entries[0].id]


def test_a_full_licence_refuses_what_it_has_no_room_for(chidi, monkeypatch):
    monkeypatch.setattr(licensing, "meters_left", lambda session: 1)
    row = chidi.checks("meters", meters(good(NEW[0]), good(NEW[1])))
    assert chidi.faults(row) == {3: [("meter_number", "licence_full")]}

    def filled_meanwhile(session, wanted):
        assert wanted == 1
        raise LicenceFull(maximum=4)

    monkeypatch.setattr(licensing, "require_room", filled_meanwhile)
    batches.run(row.id, chidi.cast.scope("chidi"), chidi.owner, whole=False)
    chidi.worker()
    assert json.loads(chidi.batch(row.id).error)[0] == "licence_full"
    assert db.session.scalar(select(func.count()).select_from(Meter)) == 4


def test_what_is_switched_off_is_not_given_anew(chidi, cast):
    with transaction() as session:
        for row in (session.get_one(Region, cast.regions["market"]), session.get_one(Tariff, cast.tariffs["home"])):
            row.active = False
        session.get_one(Consumer, cast.consumers["achieng"]).active = False
    row = chidi.checks("meters", meters(good(NEW[0]), good(PALM_STREET)))
    assert sorted(chidi.faults(row)[2]) == [("consumer", "switched_off"), ("region", "switched_off"), ("tariff", "switched_off")]
    assert counts(row) == {"rows": 2, "same": 1, "bad": 1}


def test_an_import_of_others_does_not_exist(chidi, cast):
    batch_id = chidi.uploads("meters", meters(good(NEW[0])))
    for stranger in ("bento", "amara", "dalia"):
        with pytest.raises(OutOfScope):
            batches.batch(db.session(), batch_id, cast.scope(stranger))
    assert batches.batch(db.session(), batch_id, cast.scope("efua")).id == batch_id


def test_somebody_who_was_switched_off_meanwhile_imports_nothing(chidi, cast):
    row = chidi.checks("meters", meters(good(NEW[0])))
    batches.run(row.id, cast.scope("chidi"), chidi.owner, whole=True)
    with transaction() as session:
        session.execute(update(AppUser).where(AppUser.id == cast.users["chidi"]).values(active=False))
    chidi.worker()
    assert json.loads(chidi.batch(row.id).error)[0] == "not_allowed"
    assert db.session.scalar(select(func.count()).select_from(Meter)) == 4


def test_a_worker_that_died_in_the_middle_is_followed_by_another(chidi, cast, monkeypatch):
    row = chidi.checks("consumers", csv_file(CONSUMER_HEADINGS, *[(f"3{n:04d}", f"Name {n}", "Market Town", "", "") for n in range(5)]))
    batches.run(row.id, cast.scope("chidi"), chidi.owner, whole=True)
    work = tasks.claim(("import_run",))
    work_runs.RUNNERS["import_run"]

    def dies(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(work_runs.applying, "finish", dies)
        with pytest.raises(KeyboardInterrupt):
            work_runs.RUNNERS["import_run"](work)
    db.session.rollback()
    assert chidi.batch(row.id).state == "finishing"
    assert db.session.scalar(select(func.count()).select_from(ConsumerTerm).where(ConsumerTerm.term.startswith("name 0"))) == 0
    with transaction() as session:
        session.execute(update(BackgroundTask).where(BackgroundTask.id == work.id).values(claimed_by="elsewhere:1:x", beat_at=None))
    chidi.worker()
    assert chidi.batch(row.id).state == "done"
    assert db.session.scalar(select(func.count()).select_from(Consumer)) == 7
    assert [one.name for one in find_consumers(db.session(), "name 0", cast.scope("chidi"))] == ["Name 0"]
    assert db.session.get_one(BackgroundTask, work.id).state is TaskState.DONE


def test_what_takes_its_worker_down_again_and_again_is_given_up(chidi):
    batch_id = chidi.uploads("meters", meters(good(NEW[0])))
    task_id = chidi.batch(batch_id).task_id
    for _ in range(tasks.ATTEMPTS_MAX):
        assert tasks.claim(("import_read",)).id == task_id
        with transaction() as session:
            session.execute(update(BackgroundTask).values(claimed_by="elsewhere:1:x", beat_at=None))
    assert tasks.claim(("import_read",)) is None
    db.session.expire_all()
    assert json.loads(db.session.get_one(BackgroundTask, task_id).error)[0] == "given_up"


def test_an_import_is_given_up_before_it_changes_anything(chidi, cast):
    row = chidi.checks("meters", meters(good(NEW[0])))
    batches.drop(row.id, cast.scope("chidi"))
    with pytest.raises(ImportMoved):
        batches.run(row.id, cast.scope("chidi"), chidi.owner, whole=True)
    assert chidi.batch(row.id).state == "dropped"


def test_the_example_row_of_a_template_is_not_imported(efua):
    row = efua.checks("meters", meters(good("00000000000"), good(NEW[0])))
    assert counts(row) == {"rows": 2, "new": 1, "skip": 1, "example": 1}
    told = db.session.query(ImportRow).filter_by(batch_id=row.id, action="skip").one()
    assert json.loads(told.faults) == [["meter_number", "example", {}]]


def test_a_record_that_bears_the_number_of_the_example_is_a_record(efua, cast):
    with transaction() as session:
        session.get_one(Consumer, cast.consumers["achieng"]).user_number = "EXAMPLE-1"
    row = efua.checks("consumers", csv_file(CONSUMER_HEADINGS, ("EXAMPLE-1", "Renamed", "", "", "")))
    assert counts(row) == {"rows": 1, "change": 1}
