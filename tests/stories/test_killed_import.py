"""A worker is killed in the middle of an import (SIGKILL); the next one goes on, and nothing is there twice."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from sqlalchemy import func, select

from app.extensions import db
from app.models import AuditEntry, BackgroundTask, Consumer, ConsumerTerm, ImportBatch, ImportRow
from app.services.imports import batches
from tests.cast import make_cast
from tests.importing import CONSUMER_HEADINGS, Importer, csv_file

ROOT = Path(__file__).resolve().parents[2]
ROWS = 6_000
pytestmark = pytest.mark.deep


def started(app) -> subprocess.Popen[bytes]:
    environment = {
        "PATH": os.environ["PATH"], "DATABASE_URL": app.config["DATABASE_URL"], "MODULE_PORT": "0",
        "INSTANCE_DIR": str(app.config["INSTANCE_DIR"]), "SECRET_KEY": app.config["SECRET_KEY"],
    }  # fmt: skip
    return subprocess.Popen([sys.executable, "-m", "app.worker"], cwd=ROOT, env=environment, stderr=subprocess.DEVNULL)


def until(question, what: str, seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        db.session.rollback()
        db.session.expire_all()
        if question():
            return
        time.sleep(0.02)
    pytest.fail(f"not within {seconds:g} s: {what}")


def killed(process: subprocess.Popen[bytes]) -> None:
    process.send_signal(signal.SIGKILL)
    process.wait()


def count(model, *conditions) -> int:
    return db.session.scalar(select(func.count()).select_from(model).where(*conditions))


def test_each_step_survives_the_end_of_its_worker(context):
    cast = make_cast()
    chidi = Importer(context, cast)
    lines = [(f"K{n:05d}", f"Name{n:05d}", "Market Town", "", "") for n in range(ROWS)]
    batch_id = chidi.uploads("consumers", csv_file(CONSUMER_HEADINGS, *lines))
    chidi.worker()
    scope, row = cast.scope("chidi"), chidi.batch(batch_id)
    mapping = json.loads(row.mapping)
    batches.check(batch_id, scope, chidi.owner, mapping, whole=True, known="update", mark=".")

    def state() -> str:
        return db.session.scalar(select(ImportBatch.state).where(ImportBatch.id == batch_id))

    worker = started(context)
    until(lambda: 0 < count(ImportRow) < ROWS, "some rows are staged")
    killed(worker)
    assert state() == "checking"
    worker = started(context)
    until(lambda: state() == "checked", "the check came to its end")
    assert count(ImportRow, ImportRow.action == "new") == ROWS == count(ImportRow)
    batches.run(batch_id, scope, chidi.owner, whole=True)
    until(lambda: state() in ("finishing", "done"), "the rows are in")
    killed(worker)
    worker = started(context)
    until(lambda: state() == "done", "what follows was made")
    until(lambda: not count(BackgroundTask, BackgroundTask.finished_at.is_(None)), "every task has ended")
    killed(worker)
    assert count(Consumer) == ROWS + 2
    assert count(ConsumerTerm, ConsumerTerm.term.like("name%")) == ROWS
    assert count(AuditEntry, AuditEntry.action == "import") == 1
