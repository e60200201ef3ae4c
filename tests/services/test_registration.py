"""Whose meter is whose, and the states of a meter's life, on both databases (manual R2, R3)."""

from __future__ import annotations

from datetime import date

import pytest
from sqlalchemy import select

from app.domain.errors import (
    ConsumerLeft,
    MeterBlocked,
    MeterTaken,
    OutOfScope,
    ReasonMissing,
    StepForbidden,
    UnknownMeter,
)
from app.domain.states import METER_STEPS, MeterStatus
from app.extensions import db
from app.models import AuditEntry, Consumer, Meter
from app.services import meter_states, registration
from app.services.meter_keys import held_key, held_keys
from tests.cast import PIER

INSTALLED, BLOCKED, IN_STOCK, REMOVED = MeterStatus.INSTALLED, MeterStatus.BLOCKED, MeterStatus.IN_STOCK, MeterStatus.REMOVED


@pytest.fixture
def chidi(cast):
    """The scope of Chidi, whose region has no Harbour."""
    return cast.scope("chidi")


@pytest.fixture
def put(cast):
    """`put("pier", consumer_id=None)`: a meter as the test needs it."""

    def change(name, **facts):
        meter = db.session.get_one(Meter, cast.meters[name])
        for column, value in facts.items():
            setattr(meter, column, value)
        db.session.commit()

    return change


def _meter(cast, name):
    db.session.expire_all()
    return db.session.get_one(Meter, cast.meters[name])


# --- whose --------------------------------------------------------------------------------


def test_an_unbound_meter_in_stock_is_bound_and_installed_at_once(cast, chidi, put):
    put("pump", consumer_id=None, status=IN_STOCK, installed_on=None)
    owner = cast.consumers["achieng"]
    assert registration.bind([cast.meters["pump"]], owner, chidi, date(2026, 11, 5)) == 1
    pump = _meter(cast, "pump")
    assert (pump.consumer_id, pump.status, pump.installed_on) == (owner, INSTALLED, date(2026, 11, 5))
    assert registration.bind([cast.meters["pump"]], owner, chidi, date(2026, 11, 9)) == 0  # a second click
    assert _meter(cast, "pump").installed_on == date(2026, 11, 5)


@pytest.mark.one_database
def test_nothing_is_bound_to_a_consumer_who_has_left(cast, chidi, put):
    put("pump", consumer_id=None)
    db.session.get_one(Consumer, cast.consumers["achieng"]).active = False
    db.session.commit()
    with pytest.raises(ConsumerLeft):
        registration.bind([cast.meters["pump"]], cast.consumers["achieng"], chidi)
    assert _meter(cast, "pump").consumer_id is None


def test_a_foreign_meter_a_foreign_consumer_and_a_taken_meter_cannot_be_bound(cast, chidi, put):
    put("pier", consumer_id=None)
    put("pump", consumer_id=None)
    achieng, juma = cast.consumers["achieng"], cast.consumers["juma"]
    with pytest.raises(UnknownMeter):
        registration.bind([cast.meters["pump"], cast.meters["pier"]], achieng, chidi)
    with pytest.raises(UnknownMeter):
        registration.bind([987654321], achieng, chidi)
    with pytest.raises(OutOfScope):
        registration.bind([cast.meters["pump"]], juma, chidi)
    with pytest.raises(UnknownMeter):
        registration.unbind([cast.meters["pier"]], juma, chidi)
    assert _meter(cast, "pump").consumer_id is None and _meter(cast, "pier").consumer_id is None
    with pytest.raises(MeterTaken):
        registration.bind([cast.meters["palm_street"]], juma, cast.scope("efua"))
    assert [m.meter_number for m in registration.find_unbound_meters(db.session(), PIER[:6], chidi)[0]] == [_meter(cast, "pump").meter_number]


def test_a_removed_meter_is_not_offered_and_not_bound(cast, chidi, put):
    put("pump", consumer_id=None, status=REMOVED)
    assert registration.find_unbound_meters(db.session(), _meter(cast, "pump").meter_number, chidi) == ([], False)
    with pytest.raises(StepForbidden):
        registration.bind([cast.meters["pump"]], cast.consumers["achieng"], chidi)


def test_unbinding_leaves_somebody_elses_meter_alone(cast, chidi):
    mill, achieng = cast.meters["mill"], cast.consumers["achieng"]
    assert registration.unbind([mill], cast.consumers["juma"], chidi) == 0
    assert registration.unbind([mill], achieng, chidi) == 1
    assert registration.unbind([mill], achieng, chidi) == 0


# --- states -------------------------------------------------------------------------------


@pytest.mark.parametrize("old", MeterStatus)
@pytest.mark.parametrize("to", MeterStatus)
@pytest.mark.one_database
def test_a_meter_becomes_what_may_follow_and_nothing_else(cast, chidi, put, old, to):
    put("palm_street", status=old)
    ids = [cast.meters["palm_street"]]
    if old is to:
        assert meter_states.change(ids, to, "why", chidi) == 0
    elif (old, to) in METER_STEPS:
        assert meter_states.change(ids, to, "why", chidi) == 1
        assert _meter(cast, "palm_street").status is to and to in meter_states.may_become(old)
    else:
        with pytest.raises(StepForbidden):
            meter_states.change(ids, to, "why", chidi)
        assert _meter(cast, "palm_street").status is old


def test_the_counter_refuses_a_blocked_meter_with_reason_and_who_until_it_is_released(cast, chidi, counter):
    ids = [cast.meters["palm_street"]]
    db.session().info["actor"] = (cast.users["chidi"], "chidi")
    with pytest.raises(ReasonMissing):
        meter_states.change(ids, BLOCKED, "", chidi)
    assert meter_states.change(ids, BLOCKED, "Seal broken", chidi) == 1
    with pytest.raises(MeterBlocked) as refused:
        counter.sells("palm_street", 2000)
    told = refused.value.params
    assert (told["reason"], told["by"]) == ("Seal broken", "Chidi Test") and told["since"] is not None
    meter_states.change(ids, INSTALLED, "Seal renewed", chidi)
    db.session().info.pop("actor")
    assert counter.sells("palm_street", 2000).tokens
    entries = db.session.scalars(select(AuditEntry).where(AuditEntry.table_name == "meter", AuditEntry.action == "change"))
    assert ["Seal broken" in entry.after or "Seal renewed" in entry.after for entry in entries] == [True, True]


def test_a_foreign_meter_cannot_be_blocked(cast, chidi):
    with pytest.raises(UnknownMeter):
        meter_states.change([cast.meters["palm_street"], cast.meters["pier"]], BLOCKED, "why", chidi)
    assert _meter(cast, "palm_street").status is INSTALLED


def test_a_meter_taken_into_stock_forgets_its_day_and_its_consumer_where_that_is_wanted(cast, chidi):
    meter_states.change([cast.meters["mill"]], IN_STOCK, None, chidi, unbind=True)
    mill = _meter(cast, "mill")
    assert (mill.consumer_id, mill.installed_on, mill.status) == (None, None, IN_STOCK)


# --- keys and makers ----------------------------------------------------------------------


@pytest.mark.one_database
def test_a_key_counts_only_where_a_module_holds_and_serves_it(cast):
    palm = _meter(cast, "palm_street")
    held = held_key(db.session(), palm.sgc, palm.krn, palm.algorithm)
    assert held is not None and held.module and held.end.at.year == 2045
    assert held_key(db.session(), palm.sgc, 9, palm.algorithm) is None
    held.row.module.serves_legacy = False
    db.session.commit()
    assert held_key(db.session(), palm.sgc, palm.krn, palm.algorithm) is None
    assert all(key.row.algorithm.value == "sts6" for key in held_keys(db.session()))
