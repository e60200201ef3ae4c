"""Training meters: everything sold is accepted once, whatever the order, and remembered through a restart."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import select

from app.db import transaction
from app.domain import errors
from app.domain.states import TokenKind
from app.extensions import db
from app.models import AuditEntry, Meter, Settings, SupplyGroupKey, Token, TrainingState
from app.models.base import now
from app.services import training
from app.services.engineering import Wanted, make
from app.services.training import (
    enter,
    is_trainable,
    meters,
    open_cover,
    reset,
    screen,
    tokens_to_try,
)
from app.sts import meter_test
from app.sts.virtual_meter import PATIENCE
from tests.cast import MILL, PALM_STREET, PIER, PUMP
from tests.services.test_key_changes_on_sales import change
from tests.services.test_many_at_once import together
from tests.services.test_reversals import reverse

pytestmark = pytest.mark.postgresql_long

TABLES = "production"


class Trainee:
    """Somebody before a training meter, who always looks at the newest page."""

    def __init__(self, counter, meter_number=PALM_STREET, who="amara"):
        self.counter, self.meter_number = counter, meter_number
        self.scope = counter.cast.scope(who)

    @property
    def screen(self):
        """The meter as it stands."""
        db.session.rollback()
        return screen(self.meter_number, self.scope, TABLES)

    def types(self, digits):
        """Type a token in, and read the display."""
        enter(self.meter_number, digits, self.screen.turn, self.scope, TABLES)
        return self.screen.log[0].said

    def uses(self, tenths):
        """Draw units."""
        training.consume(self.meter_number, tenths, self.screen.turn, self.scope, TABLES)
        return self.screen


@pytest.fixture
def trainee(counter):
    return Trainee(counter)


@pytest.mark.parametrize("meter", ["palm_street", "pump", "mill"])
def test_every_token_that_is_sold_is_accepted_once(counter, meter):
    trainee = Trainee(counter, {"palm_street": PALM_STREET, "pump": PUMP, "mill": MILL}[meter])
    sold = [counter.sells(meter, 20_00 + extra) for extra in range(0, 300, 100)]
    tokens = [token for receipt in reversed(sold) for token in receipt.tokens]
    assert [trainee.types(token.digits) for token in tokens] == ["Accept"] * len(tokens)
    assert trainee.screen.credit == sum(receipt.carried_units for receipt in sold)
    assert trainee.types(tokens[0].digits) == "UsedError"
    assert trainee.screen.credit == sum(receipt.carried_units for receipt in sold)


def test_a_second_click_types_once_and_the_same_token_again_is_used(trainee, counter):
    digits = counter.sells("palm_street", 20_00).tokens[0].digits
    turn = trainee.screen.turn
    for _ in range(2):
        enter(PALM_STREET, digits, turn, trainee.scope, TABLES)
    assert [done.said for done in trainee.screen.log] == ["Accept"]
    assert trainee.types(digits) == "UsedError"


def test_two_windows_at_once_accept_it_once(trainee, counter, app):
    digits = counter.sells("palm_street", 20_00).tokens[0].digits
    scope = trainee.scope
    db.session.remove()
    answers = together(app, lambda n: enter(PALM_STREET, digits, 70 + 10 * n, scope, TABLES))
    assert answers == [None] * len(answers)
    assert sorted(done.said for done in trainee.screen.log) == ["Accept", *["UsedError"] * (len(answers) - 1)]


def test_a_key_change_with_a_sale_is_taken_in_any_order_and_the_credit_after_it(trainee, counter):
    change(counter, sgc="888888")  # its base date is over: the sale brings a set to revision 2
    with transaction() as session:
        meter = session.get_one(Meter, counter.cast.meters["palm_street"])
        meter.pending_sgc, meter.pending_krn, meter.pending_ti, meter.pending_ken = "888888", 2, 1, 255
    first, second, credit = counter.sells("palm_street", 20_00).tokens
    assert trainee.screen.spot == ("888888", 1, 1)
    assert trainee.types(credit.digits) == "CRCError"
    assert trainee.types(second.digits) == "2ndKCT"
    assert trainee.types(first.digits) == "Accept"
    assert trainee.screen.spot == ("888888", 2, 1) == trainee.screen.pending
    assert trainee.types(credit.digits) == "Accept" and trainee.types(first.digits) == "CRCError"
    assert trainee.screen.credit > 0


def test_an_unfinished_set_lapses(trainee, counter):
    change(counter, pending_sgc="123456", pending_krn=1, pending_ti=7, pending_ken=255)
    first, second, _credit = counter.sells("palm_street", 20_00).tokens
    enter(PALM_STREET, first.digits, 0, trainee.scope, TABLES)
    late = now() + PATIENCE + timedelta(seconds=5)
    enter(PALM_STREET, second.digits, 1, trainee.scope, TABLES, lambda: late)
    assert trainee.screen.log[0].said == "2ndKCT"
    enter(PALM_STREET, first.digits, 2, trainee.scope, TABLES, lambda: late)
    assert trainee.screen.spot == ("123456", 1, 7)


def test_limits_tamper_and_tests(trainee, counter):
    def makes(function, value=0):
        wanted = Wanted(
            reference=f"act-{function}", function=function, meter_number=PALM_STREET, value=value, reason="Trained",
            vending_point_id=counter.cast.points["market"], operator_id=counter.cast.users["chidi"],
        )  # fmt: skip
        record = make(wanted, counter.cast.scope("chidi"), counter.modules)
        return db.session.scalar(select(Token.digits).where(Token.engineering_id == record))

    with transaction() as session:
        session.get_one(Settings, 1).four_eyes = ""
    trainee.types(counter.sells("palm_street", 20_00).tokens[0].digits)
    assert trainee.types(makes("maximum_power_limit", 20_000)) == "Accept"
    assert trainee.screen.memory.power_limit_watts == 20_004
    credit = trainee.screen.credit
    assert trainee.uses(10).credit == credit - 10
    open_cover(PALM_STREET, trainee.screen.turn, trainee.scope, TABLES)
    assert not trainee.screen.supplied and trainee.uses(10).credit == credit - 10
    assert trainee.types(makes("clear_tamper_condition")) == "Accept"
    assert trainee.screen.supplied and trainee.uses(10).credit == credit - 20
    assert trainee.types(meter_test.issue(0, meter_test.control_of((4, 16), 0), 0)) == "Accept"
    assert dict(trainee.screen.log[0].shown) == {"key_revision_number": 1, "supply_group_code": "123456"}
    assert trainee.types(makes("clear_credit", 0xFFFF)) == "Accept"
    assert trainee.screen.credit == 0 and not trainee.screen.supplied


def test_nobody_has_a_strangers_training_meter_nor_one_under_a_real_key(trainee, counter):
    with pytest.raises(errors.UnknownMeter):
        screen(PIER, trainee.scope, TABLES)
    with pytest.raises(errors.UnknownMeter):
        enter(PIER, "1" * 20, 0, trainee.scope, TABLES)
    assert PIER not in [row.meter_number for row in meters(db.session(), trainee.scope)]
    assert is_trainable(db.session(), PALM_STREET, trainee.scope)
    with transaction() as session:
        for key in session.scalars(select(SupplyGroupKey).where(SupplyGroupKey.sgc == "123456")):
            key.demonstration = False
    assert not is_trainable(db.session(), PALM_STREET, trainee.scope)
    with pytest.raises(errors.UnknownMeter):
        reset(PALM_STREET, trainee.scope)


def test_a_reset_gives_a_new_meter_and_is_written_down(trainee, counter):
    digits = counter.sells("palm_street", 20_00).tokens[0].digits
    assert trainee.types(digits) == "Accept"
    [row] = [row for row in meters(db.session(), trainee.scope, PALM_STREET) if row.tried_at]
    assert (row.meter_number, row.credit) == (PALM_STREET, trainee.screen.credit)
    assert [(made, kind) for made, kind, _amount, _at in tokens_to_try(db.session(), trainee.screen.meter_id, trainee.scope)] == [
        (digits, TokenKind.CREDIT)
    ]
    reset(PALM_STREET, trainee.scope)
    assert (trainee.screen.credit, trainee.screen.log, trainee.screen.turn) == (0, (), 0)
    assert db.session.scalar(select(AuditEntry.table_name).where(AuditEntry.action == "reset")) == "training_state"
    assert trainee.types(digits) == "Accept"
    assert digits not in db.session.scalar(select(TrainingState.log)) + db.session.scalar(select(TrainingState.memory))


def test_the_token_of_a_reversed_sale_is_not_offered(trainee, counter):
    receipt = counter.sells("palm_street", 20_00)
    kept = counter.sells("palm_street", 30_00).tokens[0].digits
    reverse(counter, receipt.sale_id)
    offered = tokens_to_try(db.session(), trainee.screen.meter_id, trainee.scope)
    assert [digits for digits, *_rest in offered] == [kept]
