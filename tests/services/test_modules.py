"""Keeping security modules: one active module for an algorithm, whoever is quicker; keys and their ends."""

from __future__ import annotations

import random
import threading
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select

from app.domain import errors
from app.domain.states import Algorithm, SaleStatus
from app.extensions import db
from app.models import AuditEntry, ModuleHealth, Sale, SecurityModule, SupplyGroupKey
from app.models.base import now
from app.services import module_facts, module_keys, modules
from app.services.modules import Draft
from app.sts.demonstration import demonstration_keys
from app.sts.module import KeyFacts

DRAFT = Draft(
    name="Basement", address="10.0.0.5", port=9443, username="vending", trust="pinned", fingerprint="ab" * 32,
    authority=None, memory_hours=None, serves_legacy=False, serves_sts6=True, active=False, sealed_password="sealed",
)  # fmt: skip
KEY = KeyFacts("600675", 1, 2, 4, 14, 255, "A1B2C3", None, None, (7, 11))


def names():
    db.session.rollback()
    return {a.value: row.name for a, row in modules.serving(db.session()).items()}


def software():
    return db.session.scalars(select(SecurityModule).where(SecurityModule.kind == "software")).one()


def test_the_database_itself_holds_one_active_module_for_an_algorithm(context, monkeypatch):
    """Two people at once: both looked, both saw it free; the slower one is told who was quicker."""
    modules.stand_down(software().id)
    monkeypatch.setattr(modules, "_require_free", lambda *_given, **_named: None)
    monkeypatch.setattr(modules, "_activate", lambda _session, row, _wanted: setattr(row, "active", True))
    modules.register(replace(DRAFT, active=True))
    with pytest.raises(errors.AlgorithmServed) as refused:
        modules.register(replace(DRAFT, name="Attic", active=True))
    assert refused.value.params == {"algorithm": Algorithm.STS6, "module": "Basement"}
    with pytest.raises(errors.ValueTaken):
        modules.register(replace(DRAFT, active=False))
    assert names() == {"sts6": "Basement"}


def test_changing_switching_and_standing_down_at_once_is_refused_or_done_and_never_fails(context, seed):
    """Whatever the order of their locks: no deadlock, no two active, nothing but refusals."""
    keys = [modules.register(replace(DRAFT, name=name, serves_legacy=True)) for name in ("Basement", "Attic", "Roof")]
    db.session.rollback()
    chance, troubles = random.Random(seed), []
    start = threading.Barrier(3)

    def act(key, dice):
        with context.app_context():
            for _ in range(25):
                start.wait()
                takes = [row.id for row in modules.serving(db.session()).values()]
                draft = replace(DRAFT, name=f"M{key}", serves_legacy=dice.random() < 0.7, active=True, take_over=True)
                version = modules.module(key).version
                db.session.rollback()
                work, *given = dice.choice([
                    (modules.make_active, key, takes), (modules.change, key, draft, version), (modules.stand_down, key),
                ])  # fmt: skip
                try:
                    work(*given)
                except errors.Refusal:  # somebody was quicker
                    continue
                except Exception as trouble:  # noqa: BLE001  told below
                    troubles.append(trouble)
            db.session.remove()

    threads = [threading.Thread(target=act, args=(key, random.Random(chance.random()))) for key in keys]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert troubles == []
    active = db.session.scalars(select(SecurityModule).where(SecurityModule.active)).all()
    assert sum(row.serves_legacy for row in active) <= 1 and sum(row.serves_sts6 for row in active) <= 1


def test_two_who_switch_over_at_once_leave_one_active(context):
    keys = [modules.register(replace(DRAFT, name=name)) for name in ("Basement", "Attic")]
    own, told = software().id, []
    start = threading.Barrier(2)

    def switch(key):
        with context.app_context():
            start.wait()
            try:
                modules.make_active(key, [own])
            except errors.Refusal as refusal:
                told.append(type(refusal))

    threads = [threading.Thread(target=switch, args=(key,)) for key in keys]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
    assert names()["legacy"] == "Software module" and names()["sts6"] in ("Basement", "Attic")
    assert told in ([errors.AlgorithmServed], [errors.StaleRow])


def test_taking_over_leaves_the_other_algorithm_where_it_is(context):
    modules.register(replace(DRAFT, active=True, take_over=True))
    assert names() == {"legacy": "Software module", "sts6": "Basement"}
    modules.register(replace(DRAFT, name="Both", serves_legacy=True, active=True, take_over=True))
    assert names() == {"legacy": "Both", "sts6": "Both"}
    assert not software().active and software().serves_legacy


def test_the_place_stays_while_sales_wait_for_this_very_module(context, counter):
    key = modules.register(DRAFT)
    row = db.session.get_one(SecurityModule, key)
    receipt = counter.sells("palm_street", 2000)
    held = db.session.get_one(Sale, receipt.sale_id)
    copy = {c.name: getattr(held, c.name) for c in Sale.__table__.columns if c.name != "id"}
    copy |= {
        "status": SaleStatus.RESERVED, "receipt_number": None, "reference": "waits-there", "message_id": "f" * 32,
        "module_id": key, "settled_at": None, "carried_units": None,
    }  # fmt: skip
    db.session.add(Sale(**copy))
    db.session.commit()
    with pytest.raises(errors.ModuleAwaited):
        modules.change(key, replace(DRAFT, address="10.0.0.6"), row.version)
    modules.change(key, replace(DRAFT, name="Cellar", sealed_password=None), row.version)
    db.session.expire_all()
    assert (row.name, row.address, row.sealed_password) == ("Cellar", "10.0.0.5", "sealed")
    with pytest.raises(errors.StaleRow):
        modules.change(key, DRAFT, 1)
    with pytest.raises(errors.ModuleInUse):
        modules.delete(key)


def test_a_module_goes_with_its_keys_and_its_health(context):
    key = modules.register(DRAFT, [KEY])
    db.session.add(ModuleHealth(module_id=key, up=True, since=now(), checked_at=now(), alerts="[]"))
    db.session.commit()
    modules.delete(key)
    assert db.session.get(SecurityModule, key) is None and db.session.get(ModuleHealth, key) is None
    with pytest.raises(errors.OutOfScope):
        modules.delete(key)


def test_refreshing_makes_the_facts_what_the_module_told(context):
    key = modules.register(DRAFT, [KEY])
    told = [replace(KEY, ken=200), *(k.facts() for k in demonstration_keys()[3:])]
    assert module_keys.refresh(key, told) == 3
    assert module_keys.refresh(key, told) == 3
    assert [(k.sgc, k.krn, k.ken, k.demonstration) for k in module_keys.keys_of(key)] == [
        ("201457", 1, 255, True), ("201457", 2, 255, True), ("600675", 1, 200, False),
    ]  # fmt: skip
    module_keys.refresh(key, told[1:])
    assert len(module_keys.keys_of(key)) == 2
    deleted = select(AuditEntry).where(AuditEntry.table_name == "supply_group_key", AuditEntry.action == "delete")
    assert len(db.session.scalars(deleted).all()) == 1


def test_a_typed_key_is_noted_once_and_kept_while_meters_buy_under_it(context, cast):
    key = modules.register(DRAFT)
    module_keys.type_in(key, KEY)
    with pytest.raises(errors.ValueTaken):
        module_keys.type_in(key, KEY)
    module_keys.type_in(key, replace(KEY, sgc="201457"))
    (meters,) = [k for k in module_keys.keys_of(key) if k.sgc == "201457"]
    module_keys.forget(key, meters.id)  # a stand-by's: nobody buys from it
    module_keys.type_in(key, replace(KEY, sgc="201457"))
    modules.make_active(key, [software().id])
    (meters,) = [k for k in module_keys.keys_of(key) if k.sgc == "201457"]
    with pytest.raises(errors.KeyInUse):
        module_keys.forget(key, meters.id)
    with pytest.raises(errors.OutOfScope):
        module_keys.forget(software().id, meters.id)


@pytest.mark.one_database
@pytest.mark.parametrize(
    ("facts", "last", "why"),
    [
        ({"base_date": 93}, "2024-11-24T20:15", "base_date"),
        ({"base_date": 14}, "2045-11-24T20:15", "base_date"),
        ({"base_date": 14, "ken": 103}, "2026-12-17T03:43", "expiry"),
        ({"base_date": 14, "ken": 0}, "2014-02-15T12:15", "expiry"),
        ({"base_date": 14, "active_to": datetime(2027, 1, 1, tzinfo=UTC)}, "2027-01-01T00:00", "active_to"),
    ],
)
def test_when_a_key_makes_its_last_token(facts, last, why):
    given = {"active_to": None, "ken": 255} | facts
    end = module_keys.end_of(SupplyGroupKey(**given))
    assert (end.at.strftime("%Y-%m-%dT%H:%M"), end.why) == (last, why)
    assert end.state(end.at + timedelta(minutes=1)) == "over"
    assert end.state(end.at - timedelta(days=10)) == "soon"
    assert end.state(end.at - timedelta(days=400)) == "good"


def test_keys_that_end_are_told_where_meters_are_under_them(context, cast):
    assert module_keys.ending() == []
    (key,) = [k for k in module_keys.keys_of(software().id) if (k.sgc, k.krn) == ("123456", 1)]
    key.active_to = now() + timedelta(days=30)
    db.session.commit()
    ((found, end),) = module_keys.ending()
    assert (found.sgc, end.why, end.state(now())) == ("123456", "active_to", "soon")


def test_the_overview_counts_what_the_books_hold(context, counter):
    counter.sells("palm_street", 2000)
    modules.register(DRAFT, [KEY])
    active, standby = module_facts.overview()
    assert (active.row.name, active.tokens_today, active.keys, active.waiting) == ("Software module", 1, 5, 0)
    assert (standby.row.name, standby.tokens_today, standby.keys, standby.alerts) == ("Basement", 0, 1, [])
