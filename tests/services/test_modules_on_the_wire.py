"""A sale whose security module is at the other end of a wire, as somebody at the counter sees it.

The stand-in for hardware makes a second token whenever it is asked a second time: `made` tells.
"""

from __future__ import annotations

import logging
from datetime import UTC, datetime, timedelta

import pytest

from app.db import transaction
from app.domain import errors
from app.domain.states import SaleStatus
from app.extensions import db
from app.models import ModuleHealth, Sale, SecurityModule, SupplyGroupKey, Token
from app.services import vending
from app.services.ledger_check import differences
from app.services.receipts import receipt_for
from app.services.resolve import Patience, ask_once_more, resolve
from app.sts.meter_number import pan_from_drn
from app.sts.module import MeterConfig
from app.sts.prism.interface import API
from tests.cast import PALM_STREET
from tests.services.test_many_at_once import together
from tests.services.wire import Wire, wired
from tests.sts.prism.fault_proxy import Fault

# What is at the other end of the wire asks no database: on PostgreSQL in the long form.
pytestmark = pytest.mark.postgresql_long

AT_ONCE = Patience(wait=timedelta(0))
METER = MeterConfig(pan_from_drn(PALM_STREET), ea=7, tct=2, sgc="123456", krn=1, ti=1, ken=255)


@pytest.fixture
def wire(context, cast, tmp_path):
    """The counter, the wire and the module."""
    with wired(cast, tmp_path) as made:
        yield made


def waiting() -> int:
    db.session.rollback()
    return db.session.query(Sale).filter_by(status=SaleStatus.RESERVED).count()


def resolved(wire: Wire, sale_id: int, patience: Patience = AT_ONCE) -> SaleStatus:
    return resolve(sale_id, wire.counter.cast.scope("amara"), wire.modules, patience)


def lost(wire: Wire, fault: Fault = Fault.CUT_BEFORE_REQUEST):
    """A sale whose answer was lost."""
    wire.counter.sells("palm_street", 5_00)
    wire.proxy.fault, wire.proxy.late_s = fault, 0.7  # longer than the counter is patient
    receipt = wire.counter.sells("palm_street", 20_00)
    assert receipt.status is SaleStatus.RESERVED
    return receipt


def test_whatever_happens_on_the_wire_a_sale_ends_with_exactly_one_token(wire, caplog):
    caplog.set_level(logging.CRITICAL)
    sold = []
    for fault in Fault:
        wire.modules = wire.counter.modules = wire.restart()
        proxy, scope = wire.proxy, wire.counter.cast.scope("amara")
        proxy.raw, proxy.fault, proxy.late_s = fault is Fault.FLIPPED_STREAM, None, 0.7
        wire.modules.probe(1)
        proxy.fault = fault
        if fault is Fault.WRONG_CERTIFICATE:
            wire.modules.by_id(1).line._drop_idle()  # the line was cut, and then somebody else answers
        order = wire.counter.order("palm_street", 5_00)
        sale_id = wire.counter.sends(order).sale_id
        proxy.fault = None
        proxy.wait()
        assert resolve(sale_id, scope, wire.modules, AT_ONCE) is SaleStatus.ISSUED, fault
        # The customer insists, and gets the same slip.
        receipt = wire.counter.sends(order)
        assert (receipt.sale_id, len(receipt.tokens)) == (sale_id, 1), fault
        read = wire.hardware.module.verify(METER, receipt.tokens[0].digits)
        assert read.amount == receipt.carried_units, fault
        sold.append(sale_id)
        assert len(wire.hardware.made) == len(sold), f"{fault} made a second token"
    assert len({token.digits for token in db.session.query(Token)}) == len(Fault)
    assert differences() == []


def test_a_module_that_refuses_for_good_fails_the_sale_and_gives_the_money_back(wire):
    wire.hardware.fails_with = ["EKeystore.NotFound"]
    with pytest.raises(errors.ModuleRefused):
        wire.counter.sells("palm_street", 20_00)
    assert (waiting(), wire.counter.account.held, wire.hardware.made) == (0, 0, [])


@pytest.mark.one_database
def test_nothing_is_sent_again_before_the_wait_is_over_nor_after_the_memory_is(wire):
    receipt = lost(wire)
    assert resolved(wire, receipt.sale_id, Patience(wait=timedelta(hours=1))) is SaleStatus.RESERVED
    wire.change(memory_hours=2)
    later = datetime.now(UTC) + timedelta(hours=3)
    scope = wire.counter.cast.scope("amara")
    assert resolve(receipt.sale_id, scope, wire.modules, AT_ONCE, lambda: later) is SaleStatus.RESERVED
    assert len(wire.hardware.made) == 1
    # Two people decide: the same request once more.
    assert ask_once_more(receipt.sale_id, wire.modules, AT_ONCE) is SaleStatus.ISSUED
    assert len(wire.hardware.made) == 2
    assert ask_once_more(receipt.sale_id, wire.modules, AT_ONCE) is SaleStatus.ISSUED
    assert len(wire.hardware.made) == 2


@pytest.mark.one_database
def test_a_module_that_cannot_be_asked_is_sent_nothing(wire, monkeypatch):
    receipt = lost(wire)

    def busy(*_call):
        raise API.ApiException(eCode="EService", eMsgEn="come again")

    monkeypatch.setattr(type(wire.hardware), "fetchTokenResult", busy)
    assert resolved(wire, receipt.sale_id) is SaleStatus.RESERVED
    assert len(wire.hardware.made) == 1


@pytest.mark.one_database
def test_a_sale_that_took_too_long_to_reserve_is_left_to_resolve(wire, monkeypatch):
    monkeypatch.setattr(vending, "ASK_WITHIN_S", -1.0)
    receipt = wire.counter.sells("palm_street", 20_00)
    assert (receipt.status, wire.hardware.made) == (SaleStatus.RESERVED, [])
    assert resolved(wire, receipt.sale_id) is SaleStatus.ISSUED
    assert len(wire.hardware.made) == 1


@pytest.mark.one_database
def test_a_second_sending_that_is_refused_fails_the_sale_only_if_the_module_still_knows_of_nothing(wire, monkeypatch):
    receipt = lost(wire, Fault.LATE)
    wire.proxy.wait()  # by now the token is made
    original, misses = type(wire.hardware).fetchTokenResult, ["the first time it is not found"]

    def late(self, *call):
        if misses:
            misses.pop()
            raise API.ApiException(eCode="ECacheMiss", eMsgEn="not here")
        return original(self, *call)

    monkeypatch.setattr(type(wire.hardware), "fetchTokenResult", late)
    wire.hardware.fails_with = ["EParamRange"]
    assert resolved(wire, receipt.sale_id) is SaleStatus.ISSUED
    assert len(wire.hardware.made) == 2
    other = lost(wire)
    wire.hardware.fails_with = ["EKeystore.NotFound"]
    assert resolved(wire, other.sale_id) is SaleStatus.FAILED
    assert wire.counter.account.held == 0


def test_many_who_resolve_at_once_send_one_request(wire, context):
    receipt = lost(wire)
    scope = wire.counter.cast.scope("amara")
    db.session.remove()
    moment = datetime.now(UTC) + timedelta(seconds=60)
    patience = Patience(wait=timedelta(seconds=30))
    results = together(
        context, lambda _n: resolve(receipt.sale_id, scope, wire.modules, patience, lambda: moment)
    )
    assert {str(result) for result in results} <= {"issued", "reserved"}
    assert resolved(wire, receipt.sale_id) is SaleStatus.ISSUED
    assert len(wire.hardware.made) == 2  # the sale before, and this one
    assert differences() == []


def test_a_dead_module_refuses_the_next_sale_before_anything_is_held_and_sells_when_it_is_back(wire):
    wire.counter.sells("palm_street", 5_00)
    wire.proxy.refuses = True
    wire.modules.by_id(1).line._drop_idle()
    order = wire.counter.order("palm_street", 20_00)
    first = wire.counter.sends(order)
    assert first.status is SaleStatus.RESERVED
    told = db.session.get_one(ModuleHealth, 1)
    assert not told.up and told.failure.startswith("ENetwork."), "every other process knows it too"
    db.session.remove()
    held = wire.counter.account.held
    with pytest.raises(errors.ModuleDown) as refused:
        wire.counter.sells("palm_street", 20_00)
    name = db.session.get_one(SecurityModule, 1).name
    assert refused.value.params["name"] == name
    assert datetime.now(UTC) - refused.value.params["since"] < timedelta(seconds=10)
    assert (waiting(), wire.counter.account.held) == (1, held)
    assert wire.counter.sends(order).sale_id == first.sale_id, "a second click still finds its sale"
    # The worker sees that the module is back.
    wire.proxy.refuses = False
    now = datetime.now(UTC)
    wire.health(up=True, since=now, checked_at=now)
    assert wire.counter.sells("palm_street", 20_00).status is SaleStatus.ISSUED
    assert resolved(wire, first.sale_id) is SaleStatus.ISSUED
    assert differences() == []


@pytest.mark.one_database
def test_what_the_worker_saw_of_a_dead_module_is_known_to_every_counter(wire):
    wire.counter.sells("palm_street", 5_00)
    since = datetime.now(UTC) - timedelta(minutes=7)
    wire.health(up=False, since=since, checked_at=datetime.now(UTC), failure="ENetwork.Refused")
    with pytest.raises(errors.ModuleDown) as refused:
        wire.counter.sells("palm_street", 20_00)
    assert refused.value.params["since"] == since


@pytest.mark.one_database
def test_a_process_that_has_just_started_finds_a_dead_module_out_before_the_sale(wire):
    wire.proxy.refuses = True
    with pytest.raises(errors.ModuleDown):
        wire.counter.sells("palm_street", 20_00)
    assert (waiting(), wire.counter.account.held) == (0, 0)
    health = db.session.get_one(ModuleHealth, 1)
    assert not health.up, "the others know it too"
    assert wire.modules.known_dead(1, health)
    health.up, health.checked_at = True, datetime.now(UTC) + timedelta(seconds=1)
    assert not wire.modules.known_dead(1, health)
    db.session.rollback()


@pytest.mark.one_database
def test_a_password_that_nobody_can_open_holds_no_money(wire, tmp_path):
    wire.change(sealed_password="v1:AAAA")
    with pytest.raises(errors.ModuleDown):
        wire.counter.sells("palm_street", 20_00)
    assert waiting() == 0


@pytest.mark.one_database
def test_a_module_that_moved_is_found_at_its_new_place(wire):
    wire.counter.sells("palm_street", 5_00)
    with wire.hardware.served() as elsewhere:
        wire.change(port=elsewhere)
        before = wire.proxy.counts["issueCreditToken"]
        assert wire.counter.sells("palm_street", 5_00).status is SaleStatus.ISSUED
        assert wire.proxy.counts["issueCreditToken"] == before
        wire.modules.close()


@pytest.mark.one_database
def test_a_check_value_that_is_not_the_known_one_leaves_the_sale_to_a_person(wire):
    with transaction() as session:
        for key in session.query(SupplyGroupKey).filter_by(sgc="123456"):
            key.kcv = "000000"
    receipt = wire.counter.sells("palm_street", 20_00)
    assert receipt.status is SaleStatus.RESERVED
    assert resolved(wire, receipt.sale_id) is SaleStatus.RESERVED
    assert len(wire.hardware.made) == 1
    right = next(key.kcv for key in wire.hardware.keys if key.sgc == "123456")
    with transaction() as session:
        for key in session.query(SupplyGroupKey).filter_by(sgc="123456"):
            key.kcv = right
    assert resolved(wire, receipt.sale_id) is SaleStatus.ISSUED
    assert len(wire.hardware.made) == 1


@pytest.mark.one_database
def test_a_wrong_amount_leaves_the_sale_to_a_person(wire, caplog):
    caplog.set_level(logging.CRITICAL)
    receipt = lost(wire, Fault.LATE)
    wire.proxy.wait()
    with transaction() as session:
        message = session.get_one(Sale, receipt.sale_id).message_id
    for token in wire.hardware.answers[message]:
        token.transferAmount += 10
    assert resolved(wire, receipt.sale_id) is SaleStatus.RESERVED
    assert len(wire.hardware.made) == 2


@pytest.mark.one_database
def test_a_sale_is_resolved_by_the_module_that_was_asked_also_after_another_took_over(wire):
    receipt = lost(wire, Fault.LATE)
    wire.proxy.wait()
    wire.change(serves_legacy=False, serves_sts6=False, active=False)
    assert resolved(wire, receipt.sale_id) is SaleStatus.ISSUED
    assert receipt_for(receipt.sale_id, wire.counter.cast.scope("amara")).tokens
