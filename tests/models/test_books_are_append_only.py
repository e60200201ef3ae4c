"""What must not be cannot be written, whoever tries: the database itself refuses."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError, IntegrityError, StatementError

from app.db import TransactionMisuse, transaction
from app.extensions import db
from app.models import AuditEntry, Consumer, Posting, Sale, TariffPlan, TariffStep
from app.models.audit import AUDITED
from app.services.pricing import CLOCK_AHEAD
from app.services.reserve import reserve
from tests.services.conftest import cast, counter  # noqa: F401  (fixtures)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE posting SET amount = amount + 1",
        "DELETE FROM posting",
        "UPDATE token SET digits = '00000000000000000000'",
        "DELETE FROM token",
        "UPDATE sale_line SET amount = 0",
        "DELETE FROM sale_line",
        "UPDATE sale_fee SET taken = 0",
        "UPDATE module_answer SET tokens = '[]'",
        "DELETE FROM sale",
        "UPDATE sale SET status = 'failed'",
        "UPDATE sale SET amount = 1",
        "DELETE FROM audit_entry",
        "UPDATE audit_entry SET actor = 'nobody'",
        "UPDATE audit_entry SET user_id = 1",
    ],
)
def test_nothing_of_the_books_is_changed_or_deleted(counter, statement):  # noqa: F811
    counter.sells("palm_street", 20_00)
    with pytest.raises(DBAPIError, match="append-only"), transaction() as session:
        session.execute(text(statement))


@pytest.mark.one_database  # PostgreSQL has no such statement
@pytest.mark.parametrize("table", ["posting", "token", "sale_line", "module_answer", "sale", "audit_entry"])
def test_nothing_of_the_books_is_replaced(counter, table):  # noqa: F811
    counter.sells("palm_street", 20_00)
    with pytest.raises(DBAPIError, match="append-only"), transaction() as session:
        session.execute(text(f"INSERT OR REPLACE INTO {table} SELECT * FROM {table}"))  # noqa: S608


def test_the_books_are_not_emptied_at_a_stroke(counter, backend):  # noqa: F811
    if backend == "sqlite":
        return  # has no such statement
    counter.sells("palm_street", 20_00)
    for table in ("posting", "token", "sale", "audit_entry"):
        with pytest.raises(DBAPIError, match="append-only"), transaction() as session:
            session.execute(text(f"TRUNCATE {table} CASCADE"))


@pytest.mark.parametrize(
    "change", ["token_units = 1", "request = '{}'", "module_id = NULL", "consumer_id = NULL", "received = 1"]
)
def test_what_was_reserved_is_not_rewritten_before_it_is_settled(counter, change):  # noqa: F811
    order = counter.order("palm_street", 20_00)
    reserve(order, counter.cast.scope("amara"), counter.clock, CLOCK_AHEAD)
    with pytest.raises(DBAPIError, match="append-only"), transaction() as session:
        session.execute(text(f"UPDATE sale SET {change}"))  # noqa: S608


def test_an_id_is_never_used_twice(counter):  # noqa: F811
    with transaction() as session:
        plan = session.query(TariffPlan).order_by(TariffPlan.id.desc()).first()
        facts = {"tariff_id": plan.tariff_id, "name": "Next", "effective_from": datetime(2040, 1, 1, tzinfo=UTC)}
        session.add(TariffPlan(**facts))
    with transaction() as session:
        plan = session.query(TariffPlan).order_by(TariffPlan.id.desc()).first()
        gone = plan.id
        session.delete(plan)
    with transaction() as session:
        session.add(TariffPlan(**facts))
    assert db.session.query(TariffPlan).order_by(TariffPlan.id.desc()).first().id > gone


@pytest.mark.one_database  # PostgreSQL never does
def test_what_a_person_may_delete_has_ids_that_are_never_used_twice(context):
    """The audit log speaks of rows by their id, of deleted ones too."""
    made = db.session.execute(text("SELECT name, sql FROM sqlite_master WHERE type = 'table'")).all()
    own = {name: sql for name, sql in made if name in AUDITED and "id INTEGER" in sql}
    kept = {"licence", "settings", "clock_confirmation", "sale_decision", "reversal_request"}  # never deleted
    assert {name for name, sql in own.items() if "AUTOINCREMENT" not in sql} <= kept


def test_the_sealer_may_fill_an_entrys_chain_once(counter):  # noqa: F811
    seal = text("UPDATE audit_entry SET chain_no = 1, chain_before = '', chain_hash = 'x' WHERE id = :id")
    entry = db.session.query(AuditEntry).order_by(AuditEntry.id).first().id
    with transaction() as session:
        session.execute(seal, {"id": entry})
    with pytest.raises(DBAPIError, match="append-only"), transaction() as session:
        session.execute(seal, {"id": entry})


def test_a_posting_of_nothing_or_to_itself_cannot_be_written(counter):  # noqa: F811
    counter.sells("palm_street", 20_00)
    good = db.session.query(Posting).order_by(Posting.id).first()
    facts = {
        "sale_id": None, "entry_no": 1, "debit_id": good.debit_id, "credit_id": good.credit_id, "amount": 1,
        "currency": "USD", "business_date": good.business_date, "posted_at": datetime.now(UTC),
    }  # fmt: skip
    for change in ({"amount": 0}, {"amount": -1}, {"credit_id": good.debit_id}):
        with pytest.raises(IntegrityError), transaction() as session:
            session.add(Posting(**(facts | change)))


def test_a_float_is_no_money_and_no_price(counter):  # noqa: F811
    for bad in ({"amount": 20.0}, {"amount": True}):
        with pytest.raises(StatementError), transaction() as session:
            session.execute(Sale.__table__.update().values(**bad))
    with pytest.raises(StatementError), transaction() as session:
        session.execute(TariffStep.__table__.update().values(price=0.2))


def test_prices_come_back_exactly_as_they_went_in(counter):  # noqa: F811
    for price in (Decimal("0.12345678"), Decimal("1000000000"), Decimal("0")):
        with transaction() as session:
            session.query(TariffStep).order_by(TariffStep.id).first().price = price
        assert db.session.query(TariffStep).order_by(TariffStep.id).first().price == price


def test_a_changed_step_raises_the_version_of_its_plan(counter):  # noqa: F811
    before = db.session.query(TariffPlan).order_by(TariffPlan.id).first().version
    db.session.rollback()
    with transaction() as session:
        session.query(TariffStep).order_by(TariffStep.id).first().price = Decimal("0.21")
    assert db.session.query(TariffPlan).order_by(TariffPlan.id).first().version == before + 1


def test_a_change_and_its_audit_entry_are_one(counter):  # noqa: F811
    with transaction() as session:
        session.query(Consumer).order_by(Consumer.id).first().name = "Somebody Else"
    entry = db.session.query(AuditEntry).order_by(AuditEntry.id.desc()).first()
    assert (entry.action, entry.table_name, entry.actor) == ("change", "consumer", "system")
    assert '"name": "Somebody Else"' in entry.after
    assert "Achieng" in entry.before


def test_a_transaction_inside_another_or_over_unsaved_changes_is_refused(counter):  # noqa: F811
    with transaction(), pytest.raises(TransactionMisuse), transaction():
        pass
    db.session.query(Consumer).order_by(Consumer.id).first().name = "Unsaved"
    with pytest.raises(TransactionMisuse), transaction():
        pass
