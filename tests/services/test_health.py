"""What is known of modules, worker, backups and the audit log, and when the home page warns."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest

from app.db import transaction
from app.extensions import db
from app.models import AuditEntry, BackupMade, ModuleHealth, SecurityModule, Settings
from app.services import health

NOON = datetime(2026, 11, 25, 12, 0, tzinfo=UTC)


@dataclass(frozen=True)
class Step:
    """One step of a stand-in connect test."""

    name: str
    ok: bool = True
    ms: int = 3
    code: str | None = None
    detail: str | None = None


@dataclass(frozen=True)
class Trial:
    """What a stand-in connect test found."""

    steps: tuple[Step, ...]
    version: str | None = "1.1"
    alerts: tuple[str, ...] = ()


WELL = Trial((Step("connect"), Step("ping", ms=7)), alerts=("the base date ends in 2045",))
REFUSED = Trial((Step("address"), Step("connect", ok=False, code="ECONNREFUSED", detail="refused")), None)


@pytest.fixture
def module(context) -> SecurityModule:
    with transaction() as session:
        session.query(SecurityModule).update({"active": False})
        row = SecurityModule(name="Far", kind="prism", address="127.0.0.1", port=9, serves_sts6=True)
        session.add(row)
    return row


def test_a_module_is_down_since_it_went_down_and_not_since_it_was_asked_again(module):
    health.note(module.id, health.heard_in(WELL), NOON)
    for minute in (1, 2, 3):
        health.note(module.id, health.heard_in(REFUSED), NOON + timedelta(minutes=minute))
    (down,) = health.facts(7, NOON).down
    assert (down.name, down.failure, down.detail) == ("Far", "ECONNREFUSED", "refused")
    assert down.since == NOON + timedelta(minutes=1)
    assert down.checked_at == NOON + timedelta(minutes=3)
    assert db.session.get_one(ModuleHealth, module.id).version == "1.1", "as it last told"


def test_a_probe_says_who_has_come_back(module):
    assert health.probe_all(lambda row: REFUSED) == ()
    assert health.probe_all(lambda row: WELL) == (module.id,)
    assert health.probe_all(lambda row: WELL) == ()
    row = db.session.get_one(ModuleHealth, module.id)
    assert (row.up, row.round_trip_ms, row.failure) == (True, 7, None)
    assert "2045" in row.alerts
    assert health.facts(7).down == ()


def test_no_transaction_is_open_while_a_module_is_waited_for(module):
    def ask(row):
        assert not db.session().in_transaction()
        assert row.address == "127.0.0.1"
        return WELL

    assert health.probe_all(ask) == ()


def test_a_module_that_is_switched_off_bothers_nobody(module):
    health.note(module.id, health.heard_in(REFUSED), NOON)
    with transaction() as session:
        session.get_one(SecurityModule, module.id).active = False
    assert health.facts(7).down == ()
    assert health.probe_all(lambda row: pytest.fail("was asked")) == ()


def test_a_backup_grows_old_and_so_does_having_none(context):
    begun = db.session.get_one(Settings, 1).created_at
    assert not health.facts(7, begun + timedelta(days=7)).backup_old
    assert health.facts(7, begun + timedelta(days=7, seconds=1)).backup_old
    with transaction() as session:
        session.add(BackupMade(made_at=begun + timedelta(days=5), file_name="b", size=1))
    assert not health.facts(7, begun + timedelta(days=12)).backup_old
    assert health.facts(7, begun + timedelta(days=13)).backup_old


def test_a_worker_is_silent_until_it_speaks_and_when_it_stops(context):
    assert health.facts(7).worker_silent
    health.sign_of_life(instant=NOON)
    health.sign_of_life(instant=NOON + timedelta(minutes=1))
    assert not health.facts(7, NOON + timedelta(minutes=3)).worker_silent
    assert health.facts(7, NOON + timedelta(minutes=4)).worker_silent


def test_audit_entries_that_nobody_seals_are_counted_after_a_while(context):
    before = health.facts(7, NOON).unsealed
    with transaction() as session:
        session.add(AuditEntry(at=NOON, action="add", table_name="region"))
    assert health.facts(7, NOON + timedelta(minutes=9)).unsealed == before
    assert health.facts(7, NOON + timedelta(minutes=11)).unsealed == before + 1
