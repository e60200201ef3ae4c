"""The worker does by itself what a person would otherwise have to remember."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace

import pytest

from app import worker
from app.db import transaction
from app.domain.states import SaleStatus
from app.extensions import db
from app.models import AuditEntry, EngineeringRecord, Region, Sale, SecurityModule, SignOfLife
from app.services.engineering import Wanted, make
from app.setup import _audit_key
from app.sts.module import ModuleError
from app.worker import Chore
from tests.cast import PALM_STREET, Cast, make_cast
from tests.services.conftest import Counter

ROOT = Path(__file__).resolve().parents[1]


def chore(app, name: str) -> Chore:
    return next(chore for chore in worker.chores_of(app) if chore.name == name)


class Silent:
    """The installed modules while their line is cut; `back` mends it."""

    def __init__(self, real) -> None:
        self.real, self.cut, self.asked = real, True, 0

    def by_id(self, module_id: int, offset_minutes: int = 0):
        """See Modules."""
        if not self.cut:
            return self.real.by_id(module_id, offset_minutes)
        self.asked += 1

        def fails(*_: object) -> None:
            raise ModuleError("ENetwork.Refused", permanent=False)

        return SimpleNamespace(credit_token=fails, management_token=fails, fetch=fails)

    def require_alive(self, module, health) -> None:
        """Nobody has noticed yet."""


@pytest.fixture
def silent(context) -> Silent:
    real = context.extensions["modules"]
    context.extensions["modules"] = stand_in = Silent(real)
    yield stand_in
    context.extensions["modules"] = real


@pytest.fixture
def cast(context) -> Cast:
    return make_cast()


def sale_of(minutes_ago: int, cast: Cast, modules, meter: str = "palm_street") -> int:
    clock = datetime.now(UTC) - timedelta(minutes=minutes_ago)
    Counter(cast, modules, clock=clock).sells(meter, 20_00, reference=f"of-{minutes_ago}-minutes-ago")
    return db.session.query(Sale).order_by(Sale.id.desc()).first().id


def status(sale_id: int) -> SaleStatus:
    db.session.rollback()
    return db.session.get_one(Sale, sale_id).status


def test_a_waiting_sale_gets_its_token_when_the_module_is_back(context, cast, silent):
    sale = sale_of(3, cast, silent)
    resolving = chore(context, "resolve")
    resolving.run()
    assert status(sale) is SaleStatus.RESERVED
    silent.cut = False
    resolving.run()
    assert status(sale) is SaleStatus.ISSUED


def test_a_waiting_engineering_act_gets_its_token_when_the_module_is_back(context, cast, silent):
    wanted = Wanted(
        reference="act-of-before", function="maximum_power_limit", vending_point_id=cast.points["market"],
        operator_id=cast.users["chidi"], reason="Stronger line", meter_number=PALM_STREET, value=5_000,
    )  # fmt: skip
    act = make(wanted, cast.scope("chidi"), silent, lambda: datetime.now(UTC) - timedelta(minutes=3))
    silent.cut = False
    chore(context, "resolve").run()
    db.session.rollback()
    assert db.session.get_one(EngineeringRecord, act).status == "issued"


def test_a_sale_that_is_being_made_is_left_alone(context, cast, silent):
    sale_of(0, cast, silent)
    asked = silent.asked
    chore(context, "resolve").run()
    assert silent.asked == asked


def test_one_sale_that_cannot_be_asked_does_not_stop_the_others(context, cast, silent, monkeypatch, caplog):
    first, second = sale_of(9, cast, silent), sale_of(3, cast, silent, "mill")
    real = worker.resolve

    def some_fail(sale_id, *rest):
        if sale_id == first:
            raise OSError("the pass phrase file is gone")
        return real(sale_id, *rest)

    monkeypatch.setattr(worker, "resolve", some_fail)
    silent.cut = False
    chore(context, "resolve").run()
    assert (status(first), status(second)) == (SaleStatus.RESERVED, SaleStatus.ISSUED)
    assert "pass phrase file is gone" in caplog.text


def test_it_seals_the_log_and_says_that_it_lives(context, tmp_path):
    context.config["AUDIT_KEY_FILE"] = tmp_path / "audit.key"
    _audit_key(tmp_path / "audit.key")
    with transaction() as session:
        session.add(Region(name="Kisumu"))
    for name in ("seal", "life", "life"):
        chore(context, name).run()
    db.session.rollback()
    assert db.session.query(AuditEntry).filter(AuditEntry.chain_no.is_(None)).count() == 0
    assert datetime.now(UTC) - db.session.get_one(SignOfLife, "worker").at < timedelta(minutes=1)


def test_a_module_that_comes_back_hurries_the_resolving(context, monkeypatch):
    with transaction() as session:
        session.add(SecurityModule(name="Far", kind="prism", address="127.0.0.1", port=9))
    failed = SimpleNamespace(name="connect", ok=False, ms=1, code="ENetwork.Refused", detail="refused")
    answers = [(failed,), ()]
    monkeypatch.setattr(
        worker, "_connect_test", lambda app, row: SimpleNamespace(steps=answers.pop(0), version=None, alerts=())
    )
    chores = {chore.name: chore for chore in worker.chores_of(context)}
    chores["resolve"].run()
    chores["probe"].run()
    assert not chores["resolve"].due()
    chores["probe"].run()
    assert chores["resolve"].due()


def test_what_fails_is_raised_and_tried_again_later_each_time():
    clock = [0.0]
    tries = []

    def fails() -> bool:
        tries.append(clock[0])
        raise OSError("no")

    trying = Chore("trying", 5, fails, clock=lambda: clock[0])
    while clock[0] < 200:
        if trying.due():
            assert not trying.due(), "queued once only"
            with pytest.raises(OSError, match="no"):
                trying.run()
        clock[0] += 1
    assert tries == [0, 10, 30, 70, 130, 190]


def test_a_chore_whose_task_was_lost_is_queued_again():
    clock = [0.0]
    lost = Chore("lost", 5, lambda: True, clock=lambda: clock[0])
    assert lost.due()
    clock[0] = worker.LOST_AFTER_S - 1
    assert not lost.due()
    clock[0] += 1
    assert lost.due()


@pytest.mark.one_database
def test_the_process_works_and_ends_when_told(context, database_url, instance, tmp_path):
    db.session.rollback()
    environment = {
        "PATH": os.environ["PATH"], "DATABASE_URL": database_url, "INSTANCE_DIR": str(tmp_path),
        "SECRET_KEY": "k" * 64, "MODULE_PORT": "0",
    }  # fmt: skip
    process = subprocess.Popen(
        [sys.executable, "-m", "app.worker"], cwd=ROOT, env=environment, stderr=subprocess.PIPE, text=True
    )
    try:
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline and not db.session.query(SignOfLife).count():
            db.session.rollback()
            assert process.poll() is None
            time.sleep(0.1)
        assert db.session.query(SignOfLife).count() == 1
        process.send_signal(signal.SIGINT)
        assert process.wait(10) == 0
        words = process.stderr.read()
        assert "audit.key is missing" in words, "a chore that fails says why"
    finally:
        process.kill()
        process.wait()
        process.stderr.close()
    assert (tmp_path / "queue.db").exists()
