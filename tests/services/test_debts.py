"""Old debts: how they come into the books, and how purchases pay them off, exactly once."""

from __future__ import annotations

from decimal import Decimal

import pytest

from app.db import transaction
from app.domain import errors
from app.extensions import db
from app.models import Consumer, DebtEntry, Meter, Posting, Sale, TariffPlan
from app.services import debts, vending
from app.services.debts import Opening, opening_balance, post_opening
from app.services.ledger_check import differences
from app.services.vending import vend
from tests.services.test_many_at_once import BUYERS, insists, together

MONEY = 20_00


def owes(cast, amount: int, share: str | None = "0.4", who: str = "achieng") -> None:
    """Achieng owes so much, and every electricity plan takes this share of a purchase for it."""
    with transaction() as session:
        for plan in session.query(TariffPlan):
            plan.debt_share = None if share is None else Decimal(share)
    if amount:
        opening_balance(cast.consumers[who], amount, "Bills of the old meter", f"opening-{who}-{amount}")


def debt(cast, who: str = "achieng") -> int:
    db.session.rollback()
    return db.session.get_one(Consumer, cast.consumers[who]).debt_minor


def line_of(receipt) -> int:
    return sum(line.amount for line in receipt.lines if line.kind == "debt")


def test_a_purchase_pays_its_share_of_the_debt(counter):
    owes(counter.cast, 50_00)
    receipt = counter.sells("palm_street", MONEY)
    assert line_of(receipt) == 8_00
    assert debt(counter.cast) == 42_00
    assert differences() == []


def test_the_last_of_the_debt_is_all_that_is_taken(counter):
    owes(counter.cast, 3_00)
    assert line_of(counter.sells("palm_street", MONEY)) == 3_00
    assert debt(counter.cast) == 0
    assert line_of(counter.sells("palm_street", MONEY)) == 0
    assert differences() == []


def test_a_plan_without_a_share_recovers_nothing(counter):
    owes(counter.cast, 50_00, share=None)
    assert line_of(counter.sells("palm_street", MONEY)) == 0
    assert debt(counter.cast) == 50_00


def test_a_wished_quantity_pays_its_share_too(counter):
    owes(counter.cast, 500_00)
    receipt = counter.sells("palm_street", 200, by_quantity=True)
    assert line_of(receipt) * 10 == pytest.approx(receipt.amount * 4, abs=10)
    assert debt(counter.cast) == 500_00 - line_of(receipt)


def test_a_sale_that_waits_holds_what_it_will_recover(counter, monkeypatch):
    owes(counter.cast, 10_00)
    with monkeypatch.context() as silent:
        silent.setattr(vending, "complete", lambda *_facts: None)
        vend(counter.order("palm_street", MONEY), counter.cast.scope("amara"), counter.modules)
    assert db.session.query(Sale).one().status.value == "reserved"
    assert debt(counter.cast) == 10_00
    assert debts.owed(db.session(), counter.cast.consumers["achieng"]) == 2_00
    assert line_of(counter.sells("mill", MONEY)) == 2_00
    with pytest.raises(errors.DebtTooSmall):
        opening_balance(counter.cast.consumers["achieng"], -1, "None of it is left", "too-much")
    assert differences() == []


def test_a_failed_sale_gives_back_what_it_held(counter, monkeypatch):
    owes(counter.cast, 10_00)
    with monkeypatch.context() as silent:
        silent.setattr(vending, "complete", lambda *_facts: None)
        vend(counter.order("palm_street", MONEY), counter.cast.scope("amara"), counter.modules)
    waiting = vending.read_reserved(db.session(), db.session.query(Sale).one().id)
    vending.fail(waiting, "refused", counter.clock)
    assert debts.owed(db.session(), counter.cast.consumers["achieng"]) == 10_00
    assert differences() == []


def test_eight_counters_recover_a_debt_once(context, counter):
    owes(counter.cast, 10_00, share="0.25")
    meters, modules, scope = ("palm_street", "mill"), counter.modules, counter.cast.scope("amara")
    orders = [counter.order(meters[n % 2], MONEY) for n in range(BUYERS)]
    db.session.remove()
    results = together(context, lambda n: insists(orders[n], scope, modules))
    assert all(isinstance(result, int) for result in results), results
    assert debt(counter.cast) == 0
    assert sum(line.amount for sale in db.session.query(Sale) for line in sale.lines if line.kind == "debt") == 10_00
    assert differences() == []


def test_the_same_reference_is_the_same_entry(cast):
    who = cast.consumers["achieng"]
    first = opening_balance(who, 12_00, "Old bills", "form-1")
    assert opening_balance(who, 12_00, "Old bills", "form-1") == first
    assert (debt(cast), db.session.query(DebtEntry).count(), db.session.query(Posting).count()) == (12_00, 1, 1)
    with pytest.raises(errors.ReferenceTaken):
        opening_balance(who, 13_00, "Old bills", "form-1")
    assert differences() == []


def test_what_was_entered_wrongly_is_taken_back_by_another_entry(cast):
    who = cast.consumers["achieng"]
    opening_balance(who, 12_00, "Old bills", "form-1")
    opening_balance(who, -2_00, "A bill was paid already", "form-2")
    assert debt(cast) == 10_00
    with pytest.raises(errors.DebtTooSmall) as refused:
        opening_balance(who, -10_01, "More than there is", "form-3")
    assert refused.value.params == {"left": 10_00}
    assert differences() == []


@pytest.mark.one_database
def test_an_entry_keeps_its_reason_and_whose_it_is(cast):
    opening_balance(cast.consumers["achieng"], 12_00, "Old bills", "form-1", cast.users["efua"])
    entry = db.session.query(DebtEntry).one()
    assert (entry.reason, entry.user_id, entry.amount, entry.currency) == ("Old bills", cast.users["efua"], 12_00, "USD")


@pytest.mark.one_database
def test_nothing_and_nobody_owe_nothing(cast):
    with pytest.raises(errors.NotPositive):
        opening_balance(cast.consumers["achieng"], 0, "Nothing", "form-1")
    with pytest.raises(errors.OutOfScope):
        opening_balance(999_999, 1, "Nobody", "form-1")


@pytest.mark.one_database
def test_an_import_enters_debts_in_its_own_transaction(cast):
    with transaction() as session:
        post_opening(session, Opening(cast.consumers["achieng"], 5_00, "Imported", "import:1:0"))
        session.rollback()  # the import fails
    assert (debt(cast), db.session.query(Posting).count()) == (0, 0)
    with transaction() as session:
        for row, who in enumerate(("achieng", "juma")):
            post_opening(session, Opening(cast.consumers[who], 5_00, "Imported", f"import:1:{row}"))
    assert (debt(cast), debt(cast, "juma")) == (5_00, 5_00)


@pytest.mark.one_database
def test_a_debt_that_nobody_posted_is_found(cast):
    with transaction() as session:
        session.get_one(Consumer, cast.consumers["juma"]).debt_minor = 7
    assert [line for line in differences() if "debt" in line] == [
        f"consumer {cast.consumers['juma']}: the debt is 7, the postings say 0"
    ]


@pytest.mark.one_database
def test_paying_off_does_not_disturb_who_edits_the_consumer(counter):
    owes(counter.cast, 10_00)
    row = db.session.get_one(Consumer, counter.cast.consumers["achieng"])
    before = row.version, row.changed_at
    counter.sells("palm_street", MONEY)
    db.session.expire_all()
    row = db.session.get_one(Consumer, counter.cast.consumers["achieng"])
    assert (row.version, row.changed_at) == before


@pytest.mark.one_database
def test_a_meter_without_a_consumer_owes_nothing(counter):
    owes(counter.cast, 10_00)
    assert db.session.get_one(Meter, counter.cast.meters["pier"]).consumer_id == counter.cast.consumers["juma"]
    assert debts.owed(db.session(), counter.cast.consumers["juma"]) == 0
