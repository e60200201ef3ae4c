"""The one transaction in which the rows of an import become records: whole, once, of what is so by then."""

from __future__ import annotations

import json
import os
import signal
import sqlite3

import pytest
from sqlalchemy import delete, event, func, select, update

from app.db import transaction
from app.extensions import db
from app.models import ImportRow, Meter, MeterLock, SecurityModule, SupplyGroupKey
from app.services import licensing
from app.services.imports import batches
from app.services.imports.statements import Writing
from tests import licences
from tests.cast import MILL, PALM_STREET
from tests.importing import METER_HEADINGS, Importer, counts
from tests.services.test_imports import NEW, good, meter, meters


@pytest.fixture
def chidi(context, cast) -> Importer:
    return Importer(context, cast)


def runs(chidi: Importer, row, *, whole: bool) -> None:
    batches.run(row.id, chidi.cast.scope("chidi"), chidi.owner, whole=whole)
    chidi.worker()


def how_many(model) -> int:
    return db.session.scalar(select(func.count()).select_from(model))


def faults(row) -> dict[int, list]:
    rows = db.session.query(ImportRow).filter_by(batch_id=row.id, action="stale").order_by(ImportRow.line)
    return {one.line: json.loads(one.faults) for one in rows}


def test_the_licence_is_asked_for_the_meters_that_are_really_added(chidi):
    licensing.trust(db.engine, licences.ISSUER.public)
    licences.put(meters_allowed=6)
    row = chidi.checks("meters", meters(good(NEW[0]), good(NEW[1])))
    assert counts(row) == {"rows": 2, "new": 2}
    chidi.imports("meters", meters(good(NEW[0])))
    runs(chidi, row, whole=False)
    done = chidi.batch(row.id)
    assert (done.state, done.error) == ("done", None), "there is room for the one that is not there yet"
    assert counts(done) == {"rows": 2, "new": 2, "stale": 1, "added": 1}
    assert how_many(Meter) == how_many(MeterLock) == 6


@pytest.mark.parametrize("change", ["switched off", "gone", "other algorithm"])
def test_a_key_that_went_since_the_check_takes_no_new_meters(chidi, change):
    lines = [(*good(NEW[0]), ""), (*good(NEW[1])[:5], "201457", "1", ""), (PALM_STREET, *[""] * 4, "123456", "1", "9 Hill Road")]
    row = chidi.checks("meters", meters(*lines, headings=(*METER_HEADINGS, "Address")))
    assert counts(row) == {"rows": 3, "new": 2, "change": 1}
    with transaction() as session:
        key = SupplyGroupKey.sgc == "123456"
        if change == "switched off":
            session.execute(update(SecurityModule).values(active=False))
        elif change == "gone":
            session.execute(delete(SupplyGroupKey).where(key))
        else:
            session.execute(update(SupplyGroupKey).where(key).values(dkga=4))
    runs(chidi, row, whole=True)
    gone = 2 if change == "switched off" else 1
    assert json.loads(chidi.batch(row.id).error) == ["moved", {"rows": gone}]
    assert how_many(Meter) == 4
    runs(chidi, row, whole=False)
    assert faults(row) == {line: [["sgc", "key_gone", {}]] for line in range(2, 2 + gone)}
    assert meter(PALM_STREET).address == "9 Hill Road", "a meter that has the key keeps it"
    assert how_many(Meter) == 6 - gone


def test_columns_that_no_row_changes_are_not_written(chidi):
    """What the checked rows leave alone belongs to whoever changes it meanwhile; nor are its indexes touched."""
    row = chidi.checks("meters", meters((PALM_STREET, "5 Hill Road"), headings=("Meter number", "Address")))
    said: list[str] = []

    def note(_c, _cur, statement, *_):
        said.append(statement)

    event.listen(db.engine, "before_cursor_execute", note)
    runs(chidi, row, whole=True)
    event.remove(db.engine, "before_cursor_execute", note)
    (written,) = [one for one in said if one.startswith("UPDATE meter SET")]
    assert "status" not in written and "region_id" not in written and "address = s.address" in written
    assert meter(PALM_STREET).address == "5 Hill Road"


def test_rows_of_several_kinds_of_change_are_each_written_as_checked(chidi):
    headings = ("Meter number", "Address", "State", "Reason", "Largest purchase")
    lines = [(PALM_STREET, "5 Hill Road", "", "", ""), (MILL, "", "Blocked", "Tampered", "12.5")]
    before = {number: (meter(number).version, meter(number).status_since) for number in (PALM_STREET, MILL)}
    done = chidi.imports("meters", meters(*lines, headings=headings))
    assert counts(done) == {"rows": 2, "change": 2, "changed": 2}
    home, mill = meter(PALM_STREET), meter(MILL)
    assert (home.address, home.status, home.status_since) == ("5 Hill Road", "installed", before[PALM_STREET][1])
    assert (mill.status, mill.status_reason, mill.largest_purchase, mill.status_by) == ("blocked", "Tampered", 125, "Chidi Test")
    assert (home.version, mill.version) == (before[PALM_STREET][0] + 1, before[MILL][0] + 1)


@pytest.mark.one_database
def test_others_write_until_the_rows_are_ready_to_be_written(chidi, monkeypatch):
    """The long work on the rows is done before the lock: what is sold then is not waited for."""
    made_ready = Writing.lay_out
    file = db.engine.url.database

    def sells(self, session):
        made_ready(self, session)
        with sqlite3.connect(file, timeout=0) as other:
            other.execute("UPDATE meter_lock SET sales = 77")
        other.close()

    monkeypatch.setattr(Writing, "lay_out", sells)
    done = chidi.imports("meters", meters(good(NEW[0])))
    assert (done.state, how_many(Meter)) == ("done", 5)
    assert set(db.session.scalars(select(MeterLock.sales))) == {77, 0}


@pytest.mark.one_database
def test_a_worker_that_is_killed_while_it_writes_has_written_nothing(chidi):
    """All or nothing holds against SIGKILL: the next worker finds nothing done, and does all of it."""
    batch_id = chidi.checks("meters", meters(*[good(number) for number in NEW])).id
    batches.run(batch_id, chidi.cast.scope("chidi"), chidi.owner, whole=True)
    db.session.remove()
    db.engine.dispose()
    child = os.fork()
    if child == 0:
        written = Writing.add

        def dies(self, session, values):
            written(self, session, values)
            os.kill(os.getpid(), signal.SIGKILL)

        Writing.add = dies
        try:
            chidi.worker()
        finally:
            os._exit(1)
    _, status = os.waitpid(child, 0)
    assert os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL
    assert (how_many(Meter), chidi.batch(batch_id).state) == (4, "running")
    chidi.worker()
    assert (how_many(Meter), how_many(MeterLock), chidi.batch(batch_id).state) == (24, 24, "done")
