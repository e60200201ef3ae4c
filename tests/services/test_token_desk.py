"""The token desk: what twenty digits are, to whom how much of it is told, and what a meter will say."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from sqlalchemy import select

from app.domain import errors
from app.domain.engineering import METER_TEST
from app.extensions import db
from app.models import AuditEntry, Meter, Sale, Token
from app.services import token_desk
from app.services.engineering import Wanted, make
from app.services.key_changes import Outcome
from app.services.token_desk import Module, Says, ask, note_look_up
from app.sts import meter_test
from app.sts.meter_number import manufacturer_code, pan_from_drn
from app.sts.module import MeterConfig, ModuleError
from tests.cast import PALM_STREET, PIER, PUMP
from tests.services.test_key_changes_on_sales import change, says
from tests.services.test_reversals import reverse

pytestmark = pytest.mark.postgresql_long

NOWHERE = "01234567890123456789"  # class 3 by its digits
PALM = MeterConfig(pan_from_drn(PALM_STREET), ea=7, tct=2, sgc="123456", krn=1, ti=1, ken=255)


class Lost:
    """Modules that make the token; the answer is lost on the way."""

    def __init__(self, modules):
        self.modules = modules

    def __getattr__(self, name):
        return getattr(self.modules, name)

    def by_id(self, module_id, offset_minutes=0):
        """The module whose answer nobody hears."""
        return _Cut(self.modules.by_id(module_id, offset_minutes))


class _Cut:
    def __init__(self, module):
        self.module = module

    def credit_token(self, *given):
        self.module.credit_token(*given)
        raise ModuleError("ENetwork.Timeout", permanent=False)


def asked(counter, digits, meter=None, who=None, modules=None):
    answer = ask(digits, meter, counter.cast.scope(who or counter.who), modules or counter.modules)
    db.session.rollback()
    return answer


def mistyped(digits: str) -> str:
    return digits[:-1] + str((int(digits[-1]) + 1) % 10)


def test_a_token_of_ones_own_tells_everything_and_finds_its_meter(counter):
    receipt = counter.sells("palm_street", 20_00)
    answer = asked(counter, receipt.tokens[0].digits)
    details = answer.found.details
    assert (answer.says, answer.module, answer.later) == (Says.ACCEPTED, Module.AGREED, 0)
    assert (details.receipt, details.sale_id, details.person) == (receipt.number, receipt.sale_id, "Amara Test")
    assert (details.meter_number, details.amount, answer.found.units) == (PALM_STREET, receipt.carried_units, receipt.carried_units)
    assert (answer.found.spot, details.base_date, details.ken, answer.found.point) == (("123456", 1, 1), 14, 255, "Market shop")
    assert answer.target.meter_number == PALM_STREET and not answer.found.reversed
    counter.sells("palm_street", 30_00)
    assert asked(counter, receipt.tokens[0].digits, PALM_STREET).later == 1


def test_who_may_not_see_the_sale_learns_as_much_as_about_digits_of_nobody(counter):
    digits = counter.sells("palm_street", 20_00).tokens[0].digits
    near = asked(counter, digits, who="corin")
    assert (near.says, near.found.details, near.found.point) == (Says.METER_MISSING, None, "Market shop")
    assert near.found.units and near.target is None
    assert asked(counter, digits, PALM_STREET, who="corin").says is Says.ACCEPTED
    stranger, nobody = asked(counter, digits, who="bento"), asked(counter, mistyped(digits), who="bento")
    assert stranger.says is nobody.says is Says.UNKNOWN
    assert replace(stranger, digits="") == replace(nobody, digits="")
    with pytest.raises(errors.UnknownMeter):
        asked(counter, digits, PALM_STREET, who="bento")
    assert replace(asked(counter, digits, PIER, who="bento"), digits="") == replace(
        asked(counter, mistyped(digits), PIER, who="bento"), digits=""
    )


def test_another_meters_token_and_a_mistyped_one(counter):
    digits = counter.sells("palm_street", 20_00).tokens[0].digits
    assert asked(counter, digits, PUMP).says is Says.WRONG_METER
    wrong = asked(counter, mistyped(digits), PALM_STREET)
    assert (wrong.says, wrong.found, wrong.module) == (Says.MISTYPED, None, Module.AGREED)
    assert asked(counter, mistyped(digits)).says is Says.UNKNOWN


def test_a_reversed_sale_is_told_so_before_anything_else(counter):
    receipt = counter.sells("palm_street", 20_00)
    reverse(counter, receipt.sale_id)
    answer = asked(counter, receipt.tokens[0].digits)
    assert (answer.says, answer.found.reversed, answer.found.details.reversal) == (Says.REVERSED, True, "MKT-000002")
    assert asked(counter, receipt.tokens[0].digits, PUMP).says is Says.REVERSED


def test_nobody_is_told_to_type_a_token_of_a_reversed_sale_whatever_its_meter_would_say(counter):
    change(counter, pending_sgc="123456", pending_krn=1, pending_ti=7, pending_ken=255)
    receipt = counter.sells("palm_street", 20_00)
    assert [asked(counter, token.digits).says for token in receipt.tokens] == [
        Says.SET_PART, Says.SET_PART, Says.AFTER_CHANGE,
    ]  # fmt: skip
    reverse(counter, receipt.sale_id)
    assert {asked(counter, token.digits).says for token in receipt.tokens} == {Says.REVERSED}
    assert {asked(counter, token.digits, who="chidi").says for token in receipt.tokens} == {Says.REVERSED}
    says(counter, Outcome.TAKEN)
    assert {asked(counter, token.digits).says for token in receipt.tokens} == {Says.REVERSED}


def test_a_set_that_stands_on_another_slip_too_is_judged_by_that_one(counter):
    change(counter, pending_sgc="123456", pending_krn=1, pending_ti=7, pending_ken=255)
    stands, undone = (counter.sells("palm_street", 20_00) for _ in "12")
    assert stands.tokens[0].digits == undone.tokens[0].digits
    reverse(counter, undone.sale_id)
    assert asked(counter, stands.tokens[0].digits).says is Says.SET_PART


def test_a_key_change_before_and_after_it_is_taken(counter):
    before = counter.sells("palm_street", 20_00).tokens[0].digits
    change(counter, pending_sgc="123456", pending_krn=1, pending_ti=7, pending_ken=255)
    first, second, credit = counter.sells("palm_street", 20_00).tokens
    parts = [asked(counter, part.digits) for part in (first, second)]
    assert [(one.says, one.found.details.part, one.found.details.parts) for one in parts] == [
        (Says.SET_PART, 1, 2), (Says.SET_PART, 2, 2),
    ]  # fmt: skip
    assert parts[0].found.details.credit_after and parts[0].module is Module.AGREED
    assert asked(counter, credit.digits).says is Says.AFTER_CHANGE
    assert asked(counter, before).says is Says.ACCEPTED
    says(counter, Outcome.TAKEN)
    assert asked(counter, credit.digits).says is Says.ACCEPTED
    assert asked(counter, first.digits).says is Says.SET_DONE
    gone = asked(counter, before)
    assert (gone.says, gone.module, [key.spot for key in gone.target.former]) == (
        Says.BEFORE_CHANGE, Module.AGREED, [("123456", 1, 1)],
    )  # fmt: skip


def test_a_token_that_was_not_handed_over_is_never_told_to_anybody(counter, context):
    real = context.extensions["modules"]
    counter.modules = Lost(real)
    waiting = counter.sells("palm_street", 20_00)
    assert waiting.tokens == ()
    message = db.session.get_one(Sale, waiting.sale_id).message_id
    db.session.rollback()
    [made] = real.by_id(1).fetch(message)
    for who in ("amara", "chidi", "efua"):
        for meter in (None, PALM_STREET):
            answer = asked(counter, made.digits, meter, who, real)
            other = asked(counter, mistyped(made.digits), meter, who, real)
            assert answer.says is other.says is (Says.WAITING if meter else Says.UNKNOWN)
            assert (answer.found, answer.module, answer.later) == (None, Module.NOT_ASKED, 0)


def test_digits_that_fit_and_nobody_handed_out_tell_neither_amount_nor_time(counter):
    module = counter.modules.by_id(1)
    [made] = module.credit_token("elsewhere", PALM, 0, 123, datetime.now(UTC))
    answer = asked(counter, made.digits, PALM_STREET)
    assert (answer.says, answer.found, answer.test, answer.later) == (Says.NOT_HANDED_OUT, None, None, 0)
    assert asked(counter, made.digits).says is Says.UNKNOWN


def test_a_silent_module_leaves_what_the_books_say(counter, context):
    digits = counter.sells("palm_street", 20_00).tokens[0].digits

    class Silent:
        def require_alive(self, module, health):
            raise errors.ModuleDown(name=module.name, since=datetime.now(UTC))

    answer = asked(counter, digits, modules=Silent())
    assert (answer.says, answer.module, bool(answer.module_name)) == (Says.ACCEPTED, Module.SILENT, True)
    assert asked(counter, mistyped(digits), PALM_STREET, modules=Silent()).says is Says.UNCHECKED


def test_old_expired_and_without_a_key(counter, monkeypatch):
    digits = counter.sells("palm_street", 20_00).tokens[0].digits
    counter.sells("palm_street", 30_00)
    monkeypatch.setattr(token_desk, "MEMORY", 1)
    assert asked(counter, digits).says is Says.OLD
    change(counter, ken=1)
    assert asked(counter, digits).says is Says.KEY_EXPIRED
    change(counter, sgc="123456", ken=255, krn=9)
    assert asked(counter, digits).says is Says.BEFORE_CHANGE
    assert asked(counter, NOWHERE, PALM_STREET).says is Says.NO_FUNCTION


def test_test_tokens_are_read_without_a_key_for_whatever_meter(counter):
    everything = meter_test.issue(0, meter_test.control_of((0,), 0), 0)
    answer = asked(counter, everything, PALM_STREET)
    assert (answer.says, answer.test.tests, answer.test.maker, answer.found) == (Says.TEST, (0,), 0, None)
    own = manufacturer_code(PALM_STREET)
    two = meter_test.issue(0, meter_test.control_of((4, 16), 0), own)
    assert asked(counter, two, PALM_STREET).test.tests == (4, 16)
    other = meter_test.issue(0, meter_test.control_of((4,), 0), own + 1)
    assert asked(counter, other, PALM_STREET).says is Says.TEST_OTHER_MAKER
    assert asked(counter, other).says is Says.TEST
    assert asked(counter, mistyped(everything), PALM_STREET).says is Says.MISTYPED
    wanted = Wanted(
        reference="act-000001", function=METER_TEST, vending_point_id=counter.cast.points["market"],
        operator_id=counter.cast.users["amara"], reason="Shown", tests=(0,), maker="00",
    )  # fmt: skip
    record = make(wanted, counter.cast.scope("amara"), counter.modules)
    assert asked(counter, everything).found.details.act_id == record
    assert asked(counter, everything, who="bento").found is None


def test_a_look_up_is_written_down_without_the_digits(counter):
    digits = counter.sells("palm_street", 20_00).tokens[0].digits
    note_look_up(asked(counter, digits, PALM_STREET))
    [entry] = db.session.scalars(select(AuditEntry).where(AuditEntry.action == "look_up"))
    assert (entry.table_name, json.loads(entry.after)) == (
        "token", {"outcome": "accepted", "token": f"…{digits[-4:]}", "for_meter": PALM_STREET},
    )  # fmt: skip
    assert entry.row_id == str(db.session.scalar(select(Token.id).where(Token.digits == digits)))
    assert digits not in entry.after and db.session.scalar(select(Meter.id).where(Meter.meter_number == PALM_STREET))
