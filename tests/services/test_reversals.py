"""A sale undone: counter-entries to the cent, fees and steps open again, two people, never twice."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest
from sqlalchemy import select

from app.db import transaction
from app.domain import errors
from app.domain.states import SaleKind, SaleStatus
from app.extensions import db
from app.models import (
    AuditEntry,
    Consumer,
    PasswordLink,
    Sale,
    SaleDay,
    Settings,
    TariffPlan,
    Token,
)
from app.models.base import now
from app.services import debts, reserve, reversals
from app.services.four_eyes import (
    APART_AFTER,
    READ_LINK,
    needs_second_person,
    one_hand_until,
    two_until,
)
from app.services.habits import last_purchases, served_last
from app.services.ledger_check import differences
from app.services.receipts import receipt_for, reversal_of
from tests.cast import PALM_STREET
from tests.services.test_decisions import Deaf
from tests.services.test_many_at_once import together

WHY = "Wrong meter; the slip was torn up in front of the customer"


def reverse(counter, sale_id, by="amara", approver="chidi") -> int:
    cast = counter.cast
    assert reversals.propose(sale_id, WHY, cast.scope(by), not_handed_over=True) is None
    [request] = [told for told in reversals.requests_on(sale_id) if told.status == "proposed"]
    return reversals.approve(sale_id, request.id, cast.scope(approver))


def opened(cast, *acts) -> None:
    """Entries of the log: (how long ago, what somebody did, by whom, with whose account, what it became)."""
    for ago, action, by, whose, after in acts:
        db.session.add(
            AuditEntry(
                at=now() - ago, action=action, user_id=cast.users[by], actor=by, table_name="ab_user",
                row_id=str(cast.users[whose]), before="{}", after=after,
            )
        )  # fmt: skip
    db.session.commit()


def opened_by_the_other(cast) -> None:
    """Efua made a link for Amara's password, and another address for Chidi's account; what others did counts nothing."""
    at_once = timedelta(0)
    opened(
        cast, (at_once, "give_link", "efua", "amara", "{}"), (at_once, "change", "efua", "chidi", '{"email": "x@example.org"}'),
        (at_once, "change", "chidi", "efua", '{"phone": "1"}'),
    )  # fmt: skip


def test_a_reversal_gives_the_money_back_and_the_books_still_agree(counter):
    before = (counter.account.balance, counter.account.receipts)
    receipt = counter.sells("palm_street", 20_00)
    reversal = db.session.get_one(Sale, reverse(counter, receipt.sale_id))
    assert (reversal.kind, reversal.status, reversal.amount, reversal.reverses_id) == (
        SaleKind.REVERSAL, SaleStatus.ISSUED, 20_00, receipt.sale_id,
    )  # fmt: skip
    assert (counter.account.balance, counter.account.receipts) == (before[0], before[1] + 2)
    assert differences() == []
    [day] = db.session.execute(select(SaleDay)).scalars()
    assert (day.sales, day.reversals, day.amount, day.units, day.energy, day.fees) == (1, 1, 0, 0, 0, 0)
    assert receipt_for(receipt.sale_id, counter.cast.scope("amara")).reversed


def test_after_a_reversal_the_fee_falls_due_again_and_the_steps_begin_anew(counter):
    first = counter.sells("palm_street", 20_00)
    reverse(counter, first.sale_id)
    again = counter.sells("palm_street", 20_00)
    assert [(line.kind, line.amount) for line in again.lines] == [(line.kind, line.amount) for line in first.lines]
    assert (again.carried_units, again.units_before) == (first.carried_units, first.units_before)


@pytest.mark.one_database
def test_a_reversal_belongs_to_who_asked_for_it_and_the_sale_to_its_seller(counter):
    sale_id = counter.sells("palm_street", 20_00).sale_id
    seller = receipt_for(sale_id, counter.cast.scope("chidi")).facts["operator"]
    undoing = receipt_for(reverse(counter, sale_id, by="efua"), counter.cast.scope("chidi"))
    assert undoing.facts["operator"] == db.session.get_one(Sale, undoing.sale_id).operator.person == "Efua Test"
    assert receipt_for(sale_id, counter.cast.scope("chidi")).facts["operator"] == seller != "Efua Test"


@pytest.mark.one_database
def test_a_reversed_purchase_is_nobodys_last_one(counter):
    meters, amara = counter.cast.meters, counter.cast.scope("amara")
    stands = counter.sells("palm_street", 20_00)
    for meter in ("palm_street", "pump"):
        reverse(counter, counter.sells(meter, 30_00).sale_id)
    assert last_purchases(db.session(), [meters["palm_street"], meters["pump"]]) == {
        meters["palm_street"]: (stands.reserved_at, stands.carried_units)
    }
    assert [(served.meter_number, served.amount) for served in served_last(db.session(), amara, 5)] == [(PALM_STREET, 20_00)]


@pytest.mark.one_database
def test_whether_a_sale_is_undone_is_one_answer_and_so_are_the_digits_that_may_be_shown(counter):
    undone, stands = (counter.sells("palm_street", 20_00).sale_id for _ in range(2))
    reversal = reverse(counter, undone)
    told = {row.id: row.undone for row in db.session.execute(select(Sale.id, Sale.undone))}
    assert told == {undone: True, stands: False, reversal: False}
    shown = {token.sale_id: digits for token, digits in db.session.execute(select(Token, Token.shown_digits))}
    assert shown == {undone: None, stands: db.session.query(Token.digits).filter_by(sale_id=stands).scalar()}


def test_a_sale_whose_token_the_customer_has_is_not_reversed(counter):
    cast, sale_id = counter.cast, counter.sells("palm_street", 20_00).sale_id
    with pytest.raises(errors.NotReversible, match="handed_over"):
        reversals.propose(sale_id, WHY, cast.scope("amara"), not_handed_over=False)
    assert reversals.requests_on(sale_id) == []
    reversal = db.session.get_one(Sale, reverse(counter, sale_id))
    assert json.loads(reversal.snapshot)["reverses"]["not_handed_over"] is True
    [told] = reversals.requests_on(sale_id)
    assert told.not_handed_over and reversals.asking(cast.scope("chidi")) == []


def test_no_page_takes_the_reference_of_a_reversal(counter):
    sale_id = counter.sells("palm_street", 20_00).sale_id
    reversal = db.session.get_one(Sale, reverse(counter, sale_id))
    assert not reserve.REFERENCE(reversal.reference)
    for reserved in (reversal.reference, f"reversal-{sale_id + 2}"):  # the second as older rows have it
        with pytest.raises(errors.BadReference):
            counter.sells("palm_street", 21_00, reference=reserved)


def test_a_reference_squatted_before_does_not_keep_a_sale_from_being_reversed(counter, monkeypatch):
    sale_id = counter.sells("palm_street", 20_00).sale_id
    with monkeypatch.context() as before:
        before.setattr(reserve, "REFERENCE", lambda _text: True)
        counter.sells("mill", 30_00, reference=f"reversal-{sale_id}")
    assert db.session.get_one(Sale, reverse(counter, sale_id)).reverses_id == sale_id


def test_a_request_waits_for_the_others_of_its_region(counter):
    cast, sale_id = counter.cast, counter.sells("palm_street", 20_00).sale_id
    reversals.propose(sale_id, WHY, cast.scope("amara"), not_handed_over=True)
    seen = {who: [(row.requests, row.sale_id) for row in reversals.asking(cast.scope(who))] for who in ("amara", "bento", "chidi", "efua")}
    assert seen == {"amara": [], "bento": [], "chidi": [(1, sale_id)], "efua": [(1, sale_id)]}
    shown = {who: [row.sale_id for row in reversals.waiting(cast.scope(who), [cast.users["amara"]])] for who in seen}
    assert shown == {"amara": [], "bento": [], "chidi": [sale_id], "efua": [sale_id]}


def test_nobody_reverses_alone_or_twice_or_a_strangers_sale(counter):
    cast, sale_id = counter.cast, counter.sells("palm_street", 20_00).sale_id
    with pytest.raises(errors.OutOfScope):
        reversals.propose(sale_id, WHY, cast.scope("bento"), not_handed_over=True)
    reversals.propose(sale_id, WHY, cast.scope("chidi"), not_handed_over=True)
    with pytest.raises(errors.ProposalOpen):
        reversals.propose(sale_id, WHY, cast.scope("amara"), not_handed_over=True)
    [request] = reversals.requests_on(sale_id)
    with pytest.raises(errors.FourEyes):
        reversals.approve(sale_id, request.id, cast.scope("chidi"))
    opened_by_the_other(cast)
    with pytest.raises(errors.SameHand) as refused:
        reversals.approve(sale_id, request.id, cast.scope("efua"))
    later = refused.value.params["until"]
    reversals.approve(sale_id, request.id, cast.scope("efua"), lambda: later)
    with pytest.raises(errors.ProposalClosed):
        reversals.approve(sale_id, request.id, cast.scope("efua"))
    with pytest.raises(errors.NotReversible):
        reversals.propose(sale_id, WHY, cast.scope("amara"), not_handed_over=True)
    assert db.session.query(Sale).filter_by(kind=SaleKind.REVERSAL).count() == 1


def test_one_hand_reaches_over_accounts_that_open_accounts(counter):
    cast, instant = counter.cast, now()
    day = timedelta(days=1)
    who = cast.users

    def until(one, other):
        return one_hand_until(db.session(), who[one], who[other], instant)

    opened(
        cast, (2 * day, "invite", "efua", "chidi", "{}"), (day, READ_LINK, "chidi", "amara", "{}"), (day, "add", "amara", "chidi", "{}"),
        (day, "give_link", "chidi", "bento", "{}"), (4 * day, "invite", "dalia", "efua", "{}"),
        (4 * day, READ_LINK, "corin", "efua", "{}"),
    )  # fmt: skip
    found = {pair: until(*pair) for pair in (("efua", "amara"), ("amara", "efua"), ("amara", "bento"), ("dalia", "amara"))}
    long, short = (moment and round((moment - instant) / day) for moment in (found["amara", "bento"], found["efua", "amara"]))
    assert (long, short, found["amara", "efua"], found["dalia", "amara"]) == (2, 1, found["efua", "amara"], None)
    assert until("corin", "efua") is None
    # The old invitation counts when its account is entered for the first time, and later links of it do not.
    for used in (day, day / 2):
        db.session.add(PasswordLink(user_id=who["efua"], purpose="invitation", secret_hash=str(used), expires_at=instant, used_at=instant - used))
    db.session.commit()
    assert [round((until("dalia", other) - instant) / day) for other in ("efua", "amara")] == [2, 1]
    assert round((until("corin", "efua") - instant) / day) == 2, "whoever read the link that lay unused"


def test_eight_approvals_at_once_book_one_reversal(context, counter):
    cast, sale_id = counter.cast, counter.sells("palm_street", 20_00).sale_id
    reversals.propose(sale_id, WHY, cast.scope("amara"), not_handed_over=True)
    [request] = reversals.requests_on(sale_id)
    scope = cast.scope("chidi")
    results = together(context, lambda _number: reversals.approve(sale_id, request.id, scope))
    assert len([result for result in results if isinstance(result, int)]) == 1
    assert all(isinstance(result, int | errors.ProposalClosed | errors.NotReversible) for result in results)
    assert differences() == []


@pytest.mark.one_database
def test_a_declined_request_can_be_made_again(counter):
    cast, sale_id = counter.cast, counter.sells("palm_street", 20_00).sale_id
    reversals.propose(sale_id, WHY, cast.scope("amara"), not_handed_over=True)
    [request] = reversals.requests_on(sale_id)
    reversals.decline(sale_id, request.id, cast.scope("chidi"))
    reverse(counter, sale_id)
    assert [told.status for told in reversals.requests_on(sale_id)] == ["declined", "done"]


@pytest.mark.one_database
def test_where_one_person_is_enough_it_is_booked_at_once(counter):
    with transaction() as session:
        session.get_one(Settings, 1).four_eyes = ""
    sale_id = counter.sells("palm_street", 20_00).sale_id
    done = reversals.propose(sale_id, WHY, counter.cast.scope("amara"), not_handed_over=True)
    assert done == reversal_of(db.session(), sale_id).id
    assert differences() == []


@pytest.mark.one_database
def test_who_ticks_an_act_off_does_it_alone_only_after_three_days_once_the_house_is_set_up(counter):
    ticked = {"table_name": "settings", "row_id": "1", "action": "change", "actor": "efua", "user_id": counter.cast.users["efua"]}
    with transaction() as session:
        house = session.get_one(Settings, 1)
        house.four_eyes = ""
        for ago, listed in ((timedelta(0), "clear_credit,reversal"), (APART_AFTER + timedelta(minutes=1), "key_change")):
            session.add(AuditEntry(at=now() - ago, before=json.dumps({"four_eyes": listed}), after='{"four_eyes": ""}', **ticked))
        for ago, before, after in ((50, "", "water_meter_factor"), (10, "water_meter_factor", "")):  # by mistake, and off again
            said = {"before": json.dumps({"four_eyes": before}), "after": json.dumps({"four_eyes": after})}
            session.add(AuditEntry(at=now() - timedelta(minutes=ago), **said, **ticked))
    assert not needs_second_person(db.session(), "reversal"), "in its first days"
    with transaction() as session:
        session.get_one(Settings, 1).created_at = now() - APART_AFTER - timedelta(hours=1)
    assert two_until(db.session()).keys() == {"clear_credit", "reversal"}
    assert [needs_second_person(db.session(), act) for act in ("reversal", "clear_credit", "key_change")] == [True, True, False]


@pytest.mark.one_database
def test_a_sale_that_waits_and_a_reversal_cannot_be_reversed(context, counter, caplog):
    caplog.set_level("CRITICAL")
    counter.modules = Deaf(context.extensions["modules"])
    waiting = counter.sells("palm_street", 20_00).sale_id
    with pytest.raises(errors.NotReversible) as refused:
        reversals.propose(waiting, WHY, counter.cast.scope("amara"), not_handed_over=True)
    assert refused.value.params["reason"] == "waiting"
    counter.modules = context.extensions["modules"]
    reversal = reverse(counter, counter.sells("mill", 20_00).sale_id)
    with pytest.raises(errors.NotReversible):
        reversals.propose(reversal, WHY, counter.cast.scope("amara"), not_handed_over=True)


def test_a_recovered_debt_is_owed_again(counter):
    consumer = counter.cast.consumers["achieng"]
    with transaction() as session:
        for plan in session.execute(select(TariffPlan)).scalars():
            plan.debt_share = 1
    debts.opening_balance(consumer, 5_00, "Old account", "opening-0001")
    receipt = counter.sells("palm_street", 20_00)
    db.session.rollback()
    assert db.session.get_one(Consumer, consumer).debt_minor == 0
    reverse(counter, receipt.sale_id)
    db.session.rollback()
    assert db.session.get_one(Consumer, consumer).debt_minor == 5_00
    assert differences() == []
