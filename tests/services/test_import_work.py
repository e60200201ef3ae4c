"""An import whose work is stopped, given up, taken over or broken off is never left where nobody can go on."""

from __future__ import annotations

import json

import pytest
from sqlalchemy import func, select, update

from app.db import transaction
from app.domain.states import ImportState, TaskState
from app.extensions import db
from app.models import BackgroundTask, Consumer, ConsumerTerm, DebtEntry
from app.services import tasks
from app.services.imports import batches
from app.views import work_runs
from tests.importing import CONSUMER_HEADINGS, Importer, csv_file

pytestmark = pytest.mark.one_database
DEBTS = (*CONSUMER_HEADINGS, "Opening debt", "Reason of the debt")
ROWS = csv_file(DEBTS, *[(f"2000{n}", f"Moussa {n}", "Market Town", "", "", "5", "Old meter") for n in range(3)])


@pytest.fixture
def chidi(context, cast) -> Importer:
    return Importer(context, cast)


def running(chidi: Importer):
    """An import that somebody has asked to run, before a worker has begun it."""
    row = chidi.checks("consumers", ROWS)
    batches.run(row.id, chidi.cast.scope("chidi"), chidi.owner, whole=True)
    return chidi.batch(row.id)


def goes_on(chidi: Importer, batch_id: int) -> None:
    batches.run(batch_id, chidi.cast.scope("chidi"), chidi.owner, whole=True)
    chidi.worker()
    assert chidi.batch(batch_id).state is ImportState.DONE
    assert db.session.scalar(select(func.count()).select_from(Consumer)) == 5
    assert db.session.scalar(select(func.count()).select_from(DebtEntry)) == 3


def orphaned() -> None:
    """Whoever has claimed work is gone."""
    with transaction() as session:
        session.execute(
            update(BackgroundTask).where(BackgroundTask.state == TaskState.RUNNING).values(claimed_by="elsewhere:1:x", beat_at=None)
        )


def test_work_that_waits_is_stopped_and_the_import_can_go_on(chidi, cast):
    batch_id = chidi.uploads("consumers", ROWS)
    tasks.cancel(chidi.batch(batch_id).task_id, cast.scope("chidi"))
    assert chidi.batch(batch_id).state is ImportState.FAILED
    batches.read_again(batch_id, cast.scope("chidi"), chidi.owner, {})
    chidi.worker()
    assert chidi.batch(batch_id).state is ImportState.READ
    row = running(chidi)
    tasks.cancel(row.task_id, cast.scope("chidi"))
    row = chidi.batch(row.id)
    assert (row.state, row.error) == (ImportState.CHECKED, None)
    goes_on(chidi, row.id)


def test_an_import_that_was_stopped_can_be_given_up(chidi, cast):
    row = running(chidi)
    tasks.cancel(row.task_id, cast.scope("chidi"))
    batches.drop(row.id, cast.scope("chidi"))
    assert chidi.batch(row.id).state is ImportState.DROPPED


def test_work_that_is_given_up_gives_the_import_back(chidi):
    row = running(chidi)
    for _ in range(tasks.ATTEMPTS_MAX):
        assert tasks.claim(("import_run",)) is not None
        orphaned()
    assert tasks.claim(("import_run",)) is None
    row = chidi.batch(row.id)
    assert (row.state, json.loads(row.error)) == (ImportState.CHECKED, ["given_up", {}])
    goes_on(chidi, row.id)


def test_what_was_broken_off_after_the_rows_were_in_goes_on(chidi, monkeypatch):
    row = running(chidi)

    def breaks(*_):
        raise LookupError

    with monkeypatch.context() as patch:
        patch.setattr(work_runs.applying, "finish", breaks)
        chidi.worker()
    row = chidi.batch(row.id)
    assert row.state is ImportState.FINISHING
    assert batches.halted(db.session(), row)
    assert db.session.scalar(select(func.count()).select_from(DebtEntry)) == 0
    goes_on(chidi, row.id)
    assert db.session.scalar(select(func.count()).select_from(ConsumerTerm).where(ConsumerTerm.term == "moussa")) == 3


def test_a_worker_that_lost_its_claim_leaves_the_import_to_the_next(chidi, monkeypatch):
    row = running(chidi)
    real = work_runs.applying.apply

    def loses(*given):
        orphaned()
        real(*given)

    with monkeypatch.context() as patch:
        patch.setattr(work_runs.applying, "apply", loses)
        chidi.worker()
    assert chidi.batch(row.id).state is ImportState.RUNNING
    assert db.session.get_one(BackgroundTask, row.task_id).state is TaskState.RUNNING
    assert db.session.scalar(select(func.count()).select_from(Consumer)) == 2
    chidi.worker()
    assert chidi.batch(row.id).state is ImportState.DONE
    assert db.session.scalar(select(func.count()).select_from(Consumer)) == 5
