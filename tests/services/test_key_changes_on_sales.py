"""A key change that rides on a sale: printed before the credit, asked for again, never by surprise."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import select
from sqlalchemy.orm import aliased

from app.db import transaction
from app.domain import errors
from app.domain.states import SaleStatus, TokenKind
from app.extensions import db
from app.models import Meter, Sale, Settings, SupplyGroupKey, Token
from app.services.key_changes import Outcome, confirm, under_way
from app.services.key_due import is_living, moment, next_key_of
from app.services.ledger_check import differences
from app.sts.meter_number import pan_from_drn
from app.sts.module import MeterConfig
from app.sts.token_id import BASE_DATES
from tests.cast import PALM_STREET, end_keys


def change(counter, **facts) -> None:
    with transaction() as session:
        meter = session.get_one(Meter, counter.cast.meters["palm_street"])
        for name, value in facts.items():
            setattr(meter, name, value)


def palm_street(counter) -> Meter:
    db.session.rollback()
    return db.session.get_one(Meter, counter.cast.meters["palm_street"])


def pending(counter) -> tuple:
    meter = palm_street(counter)
    return (meter.pending_sgc, meter.pending_krn, meter.pending_ti, meter.pending_ken, meter.pending_tries)


def says(counter, outcome, of=None) -> None:
    """Chidi says what became of the change that his page shows: the present one unless told."""
    meter = palm_street(counter)
    confirm(meter.id, outcome, str(of or under_way(meter)), counter.cast.scope("chidi"))


def test_an_ordinary_sale_leaves_no_key_change_behind(counter):
    receipt = counter.sells("palm_street", 20_00)
    assert len(receipt.tokens) == 1
    assert pending(counter) == (None, None, None, None, 0)
    request = json.loads(db.session.get_one(Sale, receipt.sale_id).request)
    assert (request["meter"]["allow_krn_update"], request["meter"]["allow_ken_update"]) == (True, True)
    assert request["meter"]["amendment"] is None


def test_a_set_that_the_module_adds_becomes_the_meters_pending_change_and_is_printed_in_order(counter):
    change(counter, ken=200)
    version = palm_street(counter).version
    receipt = counter.sells("palm_street", 20_00)
    assert [token.kind for token in receipt.tokens] == ["key_change", "key_change", "credit"]
    assert [token.position for token in receipt.tokens] == [1, 2, 3]
    assert pending(counter) == ("123456", 1, 1, 255, 1)
    assert palm_street(counter).version == version, "whoever edits the meter is not disturbed"
    again = counter.sells("palm_street", 20_00)
    assert len(again.tokens) == 3
    assert pending(counter)[-1] == 2
    sale = db.session.get_one(Sale, again.sale_id)
    assert json.loads(sale.request)["meter"]["amendment"] == {"sgc": "123456", "krn": 1, "ti": 1}
    assert differences() == []


def test_a_meter_on_its_way_to_another_key_gets_its_credit_under_that_key(counter):
    change(counter, sgc="201457", algorithm="sts6", pending_sgc="201457", pending_krn=2, pending_ti=7, pending_ken=255)
    receipt = counter.sells("palm_street", 20_00)
    first, second, credit = receipt.tokens
    assert (first.krn, credit.krn, credit.ti) == (1, 2, 7)
    before = MeterConfig(pan_from_drn(PALM_STREET), ea=7, tct=2, sgc="201457", krn=1, ti=1, ken=255)
    module = counter.modules.by_id(1)
    assert not module.verify(before, credit.digits).accepted
    read = module.verify(replace(before, krn=2, ti=7), credit.digits)
    assert (read.accepted, read.amount) == (True, receipt.carried_units)
    kinds = {token.digits: token.kind for token in db.session.query(Token)}
    assert (kinds[second.digits], kinds[credit.digits]) == (TokenKind.KEY_CHANGE, TokenKind.CREDIT)
    assert receipt.status is SaleStatus.ISSUED


@pytest.mark.parametrize("other", [{"pending_krn": 3}])
def test_a_pending_change_to_a_key_that_is_not_there_fails_the_sale_and_takes_no_money(counter, other):
    change(counter, pending_sgc="123456", pending_ti=1, pending_ken=255, **other)
    with pytest.raises(errors.ModuleRefused):
        counter.sells("palm_street", 20_00)
    assert counter.account.held == 0


def test_a_key_at_its_end_is_changed_with_the_sale_three_times_at_most_until_somebody_says_it_was_taken(counter):
    change(counter, sgc="888888")
    module = counter.modules.by_id(1)
    after = MeterConfig(pan_from_drn(PALM_STREET), ea=7, tct=2, sgc="888888", krn=2, ti=1, ken=255)
    sets = []
    for tries in (1, 2, 3):
        *first, credit = counter.sells("palm_street", 20_00 + tries).tokens
        sets.append([token.digits for token in first])
        assert (len(first), credit.krn, module.verify(after, credit.digits).accepted) == (2, 2, True)
        assert pending(counter) == ("888888", 2, 1, 255, tries)
    assert sets[0] == sets[1] == sets[2]
    with pytest.raises(errors.KeyChangeUnconfirmed):
        counter.sells("palm_street", 20_00)
    says(counter, Outcome.TAKEN)
    assert palm_street(counter).krn == 2
    assert [token.kind for token in counter.sells("palm_street", 21_00).tokens] == ["credit"]
    assert differences() == []


def test_of_two_open_pages_the_older_one_confirms_nothing(counter):
    change(counter, pending_sgc="123456", pending_krn=1, pending_ti=7, pending_ken=255, pending_tries=3)
    seen = under_way(palm_street(counter))
    says(counter, Outcome.NOT_TAKEN, seen)
    with pytest.raises(errors.KeyChangeMoved) as refused:
        says(counter, Outcome.NOT_TAKEN, seen)
    assert refused.value.params | {"sgc": "123456", "krn": 1, "ti": 7, "tries": 0} == refused.value.params
    for value in (20_00, 21_00, 22_00):
        counter.sells("palm_street", value)
    with pytest.raises(errors.KeyChangeMoved):
        says(counter, Outcome.NOT_TAKEN, seen)  # three sets again, but not those that this page saw
    says(counter, Outcome.GIVEN_UP)
    change(counter, pending_sgc="123456", pending_krn=1, pending_ti=8, pending_ken=255, pending_tries=3)
    with pytest.raises(errors.KeyChangeMoved):
        says(counter, Outcome.TAKEN, seen)
    assert pending(counter) == ("123456", 1, 8, 255, 3)


@pytest.mark.parametrize("over", [{"base_date": 93}, {"ken": 0}, {"base_date": 35}])
def test_a_dead_newest_key_does_not_hide_a_living_one(counter, over):
    change(counter, sgc="888888")
    with transaction() as session:
        living = session.query(SupplyGroupKey).filter_by(sgc="888888", krn=2).one()
        facts = {name: getattr(living, name) for name in ("module_id", "sgc", "key_type", "dkga", "base_date", "ken", "kcv")}
        last_year = counter.clock - timedelta(days=365)
        session.add(SupplyGroupKey(**(facts | {"krn": 3, "active_from": last_year} | over)))
        living.active_from = None
    assert counter.sells("palm_street", 20_00).tokens[-1].krn == 2


@pytest.mark.one_database
@pytest.mark.parametrize("offset", [-720, 0, 840])
def test_a_key_makes_credit_in_sql_up_to_the_very_minute(counter, offset):
    """The last minute of a KEN and the first of a base date, as `is_living` has them."""
    with transaction() as session:
        session.get_one(Settings, 1).token_offset_minutes = offset
        key = session.query(SupplyGroupKey).filter_by(sgc="888888", krn=2).one()
        key.base_date, key.ken, key.active_from = 14, 100, None
    held, minute = aliased(SupplyGroupKey), timedelta(minutes=1)
    following, is_next = next_key_of(held)
    found = select(following.id).select_from(held).outerjoin(following, is_next).where(held.sgc == "888888", held.krn == 1)
    for edge in (BASE_DATES[14], BASE_DATES[14] + minute * (101 << 16)):
        for step in (-2, -1, 0, 1):
            instant = edge + minute * (step - offset) + timedelta(seconds=59)
            alive = db.session.execute(found, moment(instant), execution_options={"unscoped": True}).scalar() is not None
            assert alive is is_living(key, offset, instant), (edge, step)


def test_a_key_at_its_end_with_nothing_to_follow_sells_nothing(counter):
    change(counter, sgc="888888")
    end_keys("888888")
    with pytest.raises(errors.KeyExpired):
        counter.sells("palm_street", 20_00)
    assert counter.account.held == 0
