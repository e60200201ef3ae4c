"""Engineering acts: made once, approved where two people must, and a key change that is followed to its end."""

from __future__ import annotations

import itertools
import logging
from datetime import timedelta

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import DBAPIError, IntegrityError

from app.db import transaction
from app.domain import errors
from app.domain.engineering import ALL_REGISTERS, KEY_CHANGE, METER_TEST, ActStatus
from app.domain.states import Algorithm, MeterStatus
from app.extensions import db
from app.models import EngineeringRecord, Meter, ModuleHealth, Token
from app.models.base import now
from app.services import engineering_tokens, key_changes
from app.services.engineering import Wanted, approve, decline, make, record_of
from app.services.engineering_tokens import FORGOTTEN, resolve_act, waiting_acts
from app.services.key_changes import Outcome
from app.services.resolve import Patience
from app.sts.meter_number import pan_from_drn
from app.sts.module import MeterConfig
from tests.cast import PALM_STREET, PIER, PUMP
from tests.services.test_decisions import Deaf
from tests.services.test_many_at_once import together

OLD, NEW = ("888888", 1, 1), ("888888", 2, 3)


class Desk:
    """Somebody at the engineering desk."""

    def __init__(self, cast, modules, who="chidi", point="market"):
        self.cast, self.modules, self.who, self.point = cast, modules, who, point
        self.numbers = itertools.count(1)
        self.clock = now()

    @property
    def scope(self):
        """What the person may see."""
        return self.cast.scope(self.who)

    def wants(self, function, meter_number=PALM_STREET, **more) -> Wanted:
        """An order as the page would send it."""
        facts = {"reference": f"act-{next(self.numbers):06}", "reason": "Asked for by the consumer"}
        return Wanted(
            function=function, meter_number=meter_number, vending_point_id=self.cast.points[self.point],
            operator_id=self.cast.users[self.who], **(facts | more),
        )  # fmt: skip

    def sends(self, wanted) -> EngineeringRecord:
        """Send it and read the record."""
        record_id = make(wanted, self.scope, self.modules, lambda: self.clock)
        db.session.rollback()
        return db.session.get_one(EngineeringRecord, record_id)

    def makes(self, function, meter_number=PALM_STREET, **more) -> EngineeringRecord:
        """Both at once."""
        return self.sends(self.wants(function, meter_number, **more))

    def says(self, outcome, who=None) -> None:
        """Say what became of the key change of Palm Street that is under way."""
        meter = palm_street(self.cast)
        scope = self.cast.scope(who or self.who)
        key_changes.confirm(meter.id, outcome, str(key_changes.under_way(meter)), scope)


@pytest.fixture
def desk(context, cast):
    return Desk(cast, context.extensions["modules"])


@pytest.fixture
def deaf(context):
    return Deaf(context.extensions["modules"])


def palm_street(cast) -> Meter:
    db.session.rollback()
    return db.session.get_one(Meter, cast.meters["palm_street"])


def put_under(cast, sgc, krn, ti) -> None:
    with transaction() as session:
        meter = session.get_one(Meter, cast.meters["palm_street"])
        meter.sgc, meter.krn, meter.ti = sgc, krn, ti


def count_tokens() -> int:
    db.session.rollback()
    return db.session.query(Token).count()


def test_a_power_limit_is_a_token_that_says_so_under_the_meters_key(desk):
    record = desk.makes("maximum_power_limit", value=20_000)
    assert record.status == ActStatus.ISSUED
    [token] = record.tokens
    meter = MeterConfig(pan_from_drn(PALM_STREET), ea=7, tct=2, sgc="123456", krn=1, ti=1, ken=255)
    told = desk.modules.by_id(1).verify(meter, token.digits)
    assert (told.kind, told.amount, told.accepted) == ("maximum_power_limit", 20_004, True)
    assert (token.meter_id, token.vending_point_id, token.token_id) == (
        record.meter_id, desk.cast.points["market"], told.token_id,
    )  # fmt: skip


def test_the_same_reference_is_the_same_act_and_another_act_under_it_is_refused(desk):
    wanted = desk.wants("maximum_power_limit", value=5_000)
    first = desk.sends(wanted)
    assert desk.sends(wanted).id == first.id
    assert count_tokens() == 1
    with pytest.raises(errors.ActReferenceTaken):
        desk.makes("maximum_power_limit", value=6_000, reference=wanted.reference)


def test_eight_clicks_of_one_page_make_one_token(context, desk):
    wanted = desk.wants("maximum_power_limit", value=5_000)
    scope = desk.scope
    ids = together(context, lambda _number: make(wanted, scope, desk.modules))
    assert len(set(ids)) == 1 and count_tokens() == 1


def test_clear_credit_waits_for_a_second_person_and_nothing_is_made_until_then(desk):
    record = desk.makes("clear_credit", value=ALL_REGISTERS)
    assert (record.status, record.request, count_tokens()) == (ActStatus.PROPOSED, None, 0)
    with pytest.raises(errors.FourEyes):
        approve(record.id, desk.scope, desk.modules)
    with pytest.raises(errors.OutOfScope):
        approve(record.id, desk.cast.scope("bento"), desk.modules)
    assert approve(record.id, desk.cast.scope("efua"), desk.modules) is ActStatus.ISSUED
    with pytest.raises(errors.ProposalClosed):
        approve(record.id, desk.cast.scope("efua"), desk.modules)
    assert count_tokens() == 1
    assert record_of(record.id, desk.scope).approver_id == desk.cast.users["efua"]


@pytest.mark.one_database
def test_a_declined_proposal_stays_declined(desk):
    record = desk.makes("clear_tamper_condition")
    decline(record.id, desk.cast.scope("efua"))
    with pytest.raises(errors.ProposalClosed):
        approve(record.id, desk.cast.scope("efua"), desk.modules)
    assert count_tokens() == 0


def test_what_was_done_is_not_changed_or_deleted_afterwards(desk):
    done = desk.makes("maximum_power_limit", value=1_000).id
    proposal = desk.makes("clear_credit", value=0).id
    for number, statement in (
        (done, "UPDATE engineering_record SET reason = 'none' WHERE id = :id"),
        (done, "UPDATE engineering_record SET status = 'failed' WHERE id = :id"),
        (proposal, "UPDATE engineering_record SET details = '{}' WHERE id = :id"),
        (proposal, "DELETE FROM engineering_record WHERE id = :id"),
    ):
        with pytest.raises(DBAPIError, match="append-only"), transaction() as session:
            session.execute(text(statement), {"id": number})


# --- key changes --------------------------------------------------------------------------


def test_a_meter_under_an_expired_key_is_led_to_the_new_one(desk, counter):
    put_under(desk.cast, *OLD)
    record = desk.makes(KEY_CHANGE, target=NEW)
    assert record.status == ActStatus.ISSUED
    assert [token.subclass for token in record.tokens] == [3, 4]
    meter = palm_street(desk.cast)
    assert (meter.sgc, meter.krn, meter.pending_krn, meter.pending_ti, meter.pending_tries) == ("888888", 1, 2, 3, 1)
    receipt = counter.sells("palm_street", 20_00)
    assert [token.kind for token in receipt.tokens] == ["key_change", "key_change", "credit"]
    assert receipt.tokens[-1].krn == 2
    assert receipt.tokens[0].digits == record.tokens[0].digits, "the same set may be typed twice"


def test_after_three_sets_the_next_sale_waits_for_a_persons_word(desk, counter):
    put_under(desk.cast, *OLD)
    desk.makes(KEY_CHANGE, target=NEW)
    for _number in range(key_changes.TRIES - 1):
        counter.sells("palm_street", 20_00)
    with pytest.raises(errors.KeyChangeUnconfirmed):
        counter.sells("palm_street", 20_00)
    desk.says(Outcome.NOT_TAKEN)
    assert len(counter.sells("palm_street", 20_00).tokens) == 3
    desk.says(Outcome.TAKEN)
    meter = palm_street(desk.cast)
    assert (meter.sgc, meter.krn, meter.ti, meter.pending_sgc, meter.pending_tries) == ("888888", 2, 3, None, 0)
    assert [token.kind for token in counter.sells("palm_street", 20_00).tokens] == ["credit"]
    with pytest.raises(errors.NoKeyChange):
        desk.says(Outcome.TAKEN)


@pytest.mark.one_database
def test_a_change_that_was_given_up_leaves_the_meter_as_it_is(desk):
    desk.makes(KEY_CHANGE, target=("123456", 1, 9))
    with pytest.raises(errors.OutOfScope):
        desk.says(Outcome.TAKEN, who="bento")
    desk.says(Outcome.GIVEN_UP)
    meter = palm_street(desk.cast)
    assert (meter.ti, meter.pending_sgc) == (1, None)


@pytest.mark.one_database
@pytest.mark.parametrize(
    ("present", "target", "refusal"),
    [
        (("123456", 1, 1), ("123456", 1, 1), errors.KeyAlreadyThere),
        (("123456", 1, 1), ("123456", 7, 1), errors.KeyNotHeld),
        (("123456", 1, 1), ("201457", 1, 1), errors.KeyNotHeld),  # an STS6 key, and the meter is legacy
        (("888888", 2, 1), ("888888", 1, 1), errors.KeyExpired),
    ],
)
def test_a_key_change_to_nowhere_is_refused(desk, present, target, refusal):
    put_under(desk.cast, *present)
    with pytest.raises(refusal):
        desk.makes(KEY_CHANGE, target=target)
    assert db.session.query(EngineeringRecord).count() == 0


@pytest.mark.one_database
def test_two_changes_of_one_meter_do_not_cross(desk):
    desk.makes(KEY_CHANGE, target=("123456", 1, 9))
    with pytest.raises(errors.KeyChangeOpen):
        desk.makes(KEY_CHANGE, target=("123456", 1, 8))
    assert desk.makes(KEY_CHANGE, target=("123456", 1, 9)).status == ActStatus.ISSUED


@pytest.mark.one_database
def test_a_limit_asked_for_during_a_key_change_lies_behind_the_set(desk):
    desk.makes(KEY_CHANGE, target=("123456", 1, 9))
    record = desk.makes("maximum_power_limit", value=3_000)
    assert [(token.subclass, token.ti) for token in record.tokens] == [(3, 1), (4, 1), (0, 9)]


# --- who and what ---------------------------------------------------------------------------


@pytest.mark.one_database
def test_a_strangers_meter_is_unknown_and_a_strangers_point_is_none(desk):
    with pytest.raises(errors.UnknownMeter):
        desk.makes("maximum_power_limit", PIER, value=1_000)
    desk.point = "harbour"
    with pytest.raises(errors.NoVendingPoint):
        desk.makes("maximum_power_limit", value=1_000)


@pytest.mark.one_database
@pytest.mark.parametrize(
    ("function", "meter_number", "value", "refusal"),
    [
        ("maximum_power_limit", PUMP, 1_000, errors.FunctionNotForMeter),
        ("maximum_power_limit", PALM_STREET, 18_201_625, errors.ValueOutOfRange),
        ("water_meter_factor", PALM_STREET, 1, errors.FunctionNotForMeter),
        ("clear_credit", PALM_STREET, 8, errors.ValueOutOfRange),
        ("set_tariff_rate", PALM_STREET, -1, errors.ValueOutOfRange),
        ("maximum_power_limit", "01000000019", 1_000, errors.UnknownMeter),
    ],
)
def test_what_no_meter_would_take_is_refused(desk, function, meter_number, value, refusal):
    with pytest.raises(refusal):
        desk.makes(function, meter_number, value=value)
    assert count_tokens() == 0


@pytest.mark.one_database
def test_a_removed_meter_gets_no_token(desk):
    with transaction() as session:
        session.get_one(Meter, desk.cast.meters["palm_street"]).status = MeterStatus.REMOVED
    with pytest.raises(errors.MeterBlocked):
        desk.makes("maximum_power_limit", value=1_000)


@pytest.mark.one_database
def test_a_test_token_is_the_same_for_every_meter_and_stands_in_the_books(desk):
    record = desk.makes(METER_TEST, None, tests=(0,), maker="00")
    assert [token.digits for token in record.tokens] == ["56493153725450313471"]
    assert (record.meter_id, record.module_id, record.status) == (None, None, ActStatus.ISSUED)
    with pytest.raises(errors.ValueOutOfRange):
        desk.makes(METER_TEST, None, tests=(), maker="00")


# --- a silent module ------------------------------------------------------------------------


def test_a_lost_answer_is_fetched_and_never_made_twice(desk, deaf, caplog):
    caplog.set_level(logging.CRITICAL)
    desk.modules = deaf
    record = desk.makes("maximum_power_limit", value=1_000)
    assert record.status == ActStatus.RESERVED and waiting_acts() == [record.id]
    deaf.hears = True
    assert resolve_act(record.id, deaf, Patience(wait=timedelta(0))) is ActStatus.ISSUED
    assert resolve_act(record.id, deaf, Patience(wait=timedelta(0))) is ActStatus.ISSUED
    assert count_tokens() == 1 and waiting_acts() == []


@pytest.mark.one_database
def test_a_silent_module_that_an_act_met_is_known_to_every_process(desk, deaf, caplog):
    """Its health stands in the books, so that the frame of every page says so and no sale waits for it as well."""
    caplog.set_level(logging.CRITICAL)
    desk.modules = deaf
    record = desk.makes("maximum_power_limit", value=1_000)
    told = db.session.get_one(ModuleHealth, record.module_id)
    assert (told.up, told.failure) == (False, "ENetwork.Timeout")


@pytest.mark.one_database
def test_an_act_that_the_module_has_forgotten_fails_because_nobody_saw_its_token(desk, deaf, caplog):
    caplog.set_level(logging.CRITICAL)
    desk.modules, desk.clock = deaf, now() - timedelta(days=9)
    record = desk.makes("maximum_power_limit", value=1_000)
    deaf.hears = deaf.forgets = True
    assert resolve_act(record.id, deaf) is ActStatus.FAILED
    db.session.rollback()
    failure = select(EngineeringRecord.failure).where(EngineeringRecord.id == record.id)
    assert db.session.execute(failure).scalar_one() == FORGOTTEN


@pytest.mark.one_database
def test_an_answer_that_the_books_refuse_fails_past_the_modules_memory(desk, deaf, caplog, monkeypatch):
    """Such as a token id that this meter has had from another module: it would wait for ever."""
    caplog.set_level(logging.CRITICAL)

    def refused(*_facts):
        raise IntegrityError("insert", {}, Exception("a token id was given twice"))

    monkeypatch.setattr(engineering_tokens, "_settle", refused)
    desk.modules = deaf
    record = desk.makes("maximum_power_limit", value=1_000)
    deaf.hears = True
    assert resolve_act(record.id, deaf, Patience(wait=timedelta(0))) is ActStatus.RESERVED
    later = now() + timedelta(days=9)
    assert resolve_act(record.id, deaf, clock=lambda: later) is ActStatus.FAILED
    assert waiting_acts() == [] and count_tokens() == 0


def test_an_sts6_meter_of_ea11_gets_four_sections(desk):
    mill = db.session.get_one(Meter, desk.cast.meters["mill"])
    assert mill.algorithm is Algorithm.STS6
    record = desk.makes(KEY_CHANGE, mill.meter_number, target=("201457", 2, 1))
    assert [token.subclass for token in record.tokens] == [3, 4, 8, 9]
