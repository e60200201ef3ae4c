"""A row moved, put in or taken out by somebody with the database's own password is named by the recount."""

from __future__ import annotations

import pytest
from sqlalchemy import delete, insert, select, update

from app.db import transaction
from app.domain.ledger import CASH
from app.domain.states import SaleKind
from app.extensions import db
from app.models import (
    CashAccount,
    LedgerAccount,
    Posting,
    Sale,
    SaleFee,
    SaleLine,
    Settings,
    Token,
    triggers,
)
from app.services import debts, ledger_check, reversals
from tests.services.conftest import Counter

SALE, POSTING, TOKEN = Sale.__table__, Posting.__table__, Token.__table__


def spoil(*statements: object) -> None:
    db.session.rollback()
    with db.engine.begin() as connection:
        triggers.remove(connection)
        for statement in statements:
            connection.execute(statement)  # type: ignore[call-overload]


def named() -> set[tuple[str, str, int]]:
    return {(one.code, one.about, one.row) for one in ledger_check.found()}


def cash_of(point: int) -> int:
    found = select(LedgerAccount.id).where(LedgerAccount.code == CASH, LedgerAccount.scope_key == point)
    return int(db.session.execute(found).scalar_one())


def reverse(counter: Counter, sale_id: int) -> int:
    """Undone by one person alone."""
    with transaction() as session:
        session.get_one(Settings, 1).four_eyes = ""
    undone = reversals.propose(sale_id, "Wrong meter", counter.cast.scope("amara"), not_handed_over=True)
    assert undone is not None
    return undone


def test_postings_moved_to_the_cash_of_another_point_are_named_though_balances_agree(counter):
    sale = counter.sells("palm_street", 20_00)
    Counter(counter.cast, counter.modules, who="bento", point="harbour").sells("pier", 5_00)
    market, harbour = (counter.cast.points[name] for name in ("market", "harbour"))
    assert named() == set()
    mine, other, account = cash_of(market), cash_of(harbour), CashAccount.__table__
    spoil(
        update(POSTING).where(POSTING.c.sale_id == sale.sale_id, POSTING.c.debit_id == mine).values(debit_id=other),
        update(POSTING).where(POSTING.c.sale_id == sale.sale_id, POSTING.c.credit_id == mine).values(credit_id=other),
        update(account).where(account.c.vending_point_id == market).values(balance=account.c.balance + 20_00),
        update(account).where(account.c.vending_point_id == harbour).values(balance=account.c.balance - 20_00),
    )
    assert named() == {("postings", "sale", sale.sale_id)}


def test_a_posting_that_no_sale_and_no_debt_explains_is_named(counter):
    counter.sells("palm_street", 20_00)
    consumer = counter.cast.consumers["achieng"]
    debts.opening_balance(consumer, 5_00, "Old account", "opening-0001")
    debts.opening_balance(consumer, -2_00, "Paid in cash", "opening-0002")
    assert named() == set()
    row = db.session.execute(select(POSTING).where(POSTING.c.sale_id.is_not(None)).limit(1)).mappings().one()
    revenue = db.session.scalars(select(LedgerAccount.id).where(LedgerAccount.code.like("revenue%")).limit(2)).all()
    put_in = {**row, "id": 9_000, "sale_id": None, "debit_id": revenue[0], "credit_id": revenue[-1]}
    if len(revenue) == 1:
        put_in["credit_id"] = db.session.scalars(select(LedgerAccount.id).where(LedgerAccount.code == "debt.opened")).one()
    spoil(insert(POSTING).values(**put_in))
    assert named() == {("posting", "posting", 9_000)}


def test_a_debt_whose_posting_says_something_else_is_named(counter):
    consumer = counter.cast.consumers["achieng"]
    debts.opening_balance(consumer, 5_00, "Old account", "opening-0001")
    entry = db.session.execute(select(debts.DebtEntry)).scalar_one()
    entry_id, table = entry.id, debts.DebtEntry.__table__
    spoil(update(table).where(table.c.id == entry_id).values(amount=6_00))
    assert named() == {("debt_entry", "consumer", consumer)}


def test_a_reversal_that_names_another_sale_is_named(counter):
    first, second = counter.sells("palm_street", 20_00).sale_id, counter.sells("mill", 30_00).sale_id
    undone = reverse(counter, first)
    assert named() == set()
    spoil(update(SALE).where(SALE.c.id == undone).values(reverses_id=second))
    assert named() == {("reversal", "sale", undone)}


@pytest.mark.one_database
def test_a_reversal_that_names_a_sale_of_the_same_sum_is_named(counter):
    first, twin = counter.sells("palm_street", 20_00).sale_id, counter.sells("palm_street", 20_00).sale_id
    undone = reverse(counter, first)
    spoil(update(SALE).where(SALE.c.id == undone).values(reverses_id=twin))
    assert named() == {("reversal", "sale", undone)}


@pytest.mark.one_database
def test_lines_of_a_reversal_that_are_not_its_sale_s_are_named(counter):
    undone = reverse(counter, counter.sells("palm_street", 20_00).sale_id)
    line = SaleLine.__table__
    spoil(update(line).where(line.c.sale_id == undone).values(code="other"))
    assert ("reversal", "sale", undone) in named()
    assert db.session.query(Sale).filter_by(kind=SaleKind.REVERSAL).count() == 1


def test_a_sale_moved_to_another_meter_than_its_token_is_named(counter):
    sale = counter.sells("palm_street", 20_00)
    spoil(update(SALE).where(SALE.c.id == sale.sale_id).values(meter_id=counter.cast.meters["mill"]))
    assert ("meter", "sale", sale.sale_id) in named()


def test_fees_of_a_sale_that_were_taken_out_or_altered_are_named(counter):
    sale = counter.sells("palm_street", 20_00)
    fees = SaleFee.__table__
    assert db.session.query(SaleFee).count() and named() == set()
    spoil(update(fees).values(taken=fees.c.taken + 1))
    assert named() == {("fees", "sale", sale.sale_id)}
    spoil(delete(fees))
    assert named() == {("fees", "sale", sale.sale_id)}
