"""The books and the log are looked over, what was found stays, and each reads what is theirs."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import update

from app.db import transaction
from app.extensions import db
from app.models import AuditEntry, BookCheck, CashAccount, Consumer, Sale, SaleDay, triggers
from app.models.base import now
from app.services import audit_chain, book_checks
from tests.services.conftest import Counter


@pytest.fixture
def harbour(counter) -> Counter:
    """Bento at the Harbour shop, a stranger to the coast."""
    return Counter(counter.cast, counter.modules, who="bento", point="harbour")


def spoil(*statements: object) -> None:
    """What somebody with the database's own password can do."""
    db.session.rollback()
    with db.engine.begin() as connection:
        triggers.remove(connection)
        for statement in statements:
            connection.execute(statement)  # type: ignore[call-overload]


def test_books_that_agree_are_told_so_with_what_was_recounted(counter):
    counter.sells("palm_street", 20_00)
    heard: list[int] = []
    assert book_checks.ledger("efua", heard.append) == []
    row = book_checks.last(book_checks.LEDGER)
    counts = json.loads(row.counts)
    assert (row.wrong, row.actor, counts["sales"]) == (0, "efua", 1) and counts["postings"] > 1
    assert heard[-1] >= 2, "the sale was looked at for its lines and for its tokens"


def test_each_kind_of_difference_has_its_code_and_its_row(counter):
    sale = counter.sells("palm_street", 20_00)
    consumer = db.session.query(Sale).one().consumer_id
    spoil(
        update(CashAccount).where(CashAccount.vending_point_id == counter.cast.points["market"]).values(balance=1),
        update(Sale.__table__).where(Sale.__table__.c.id == sale.sale_id).values(amount=20_01),
        update(Consumer.__table__).where(Consumer.__table__.c.id == consumer).values(debt_minor=7),
        update(SaleDay.__table__).values(fees=5),
    )
    found = book_checks.ledger("")
    assert {(one.code, one.about) for one in found} >= {
        ("account", "point"), ("lines", "sale"), ("debt", "consumer"), ("day", "point"), ("day", "region"),
    }  # fmt: skip
    assert f"sale {sale.sale_id}: the lines add up to 2000, the amount is 2001" in map(str, found)
    assert book_checks.last(book_checks.LEDGER).wrong == len(found)


def test_somebody_of_a_region_reads_the_differences_of_their_own_rows(counter, harbour):
    mine, other = counter.sells("palm_street", 20_00), harbour.sells("pier", 20_00)
    spoil(update(Sale.__table__).values(amount=1))
    findings = [one.plain() for one in book_checks.ledger("")]
    cast = counter.cast
    assert {one["row"] for one in findings if one["code"] == "lines"} == {mine.sale_id, other.sale_id}
    assert {one["row"] for one in book_checks.mine(findings, cast.scope("chidi")) if one["about"] == "sale"} == {mine.sale_id}
    points = {one["row"] for one in book_checks.mine(findings, cast.scope("chidi")) if one["about"] == "point"}
    assert points == {cast.points["market"]}
    assert book_checks.mine(findings, cast.scope("efua")) == findings


def test_the_log_is_followed_and_its_first_fault_is_kept(counter, tmp_path):
    key = tmp_path / "audit.key"
    key.write_bytes(b"k" * 32)
    key.chmod(0o600)
    audit_chain.seal(audit_chain.read_seal(key))
    assert book_checks.audit("", key).finding is None
    row = book_checks.last(book_checks.AUDIT)
    assert row.wrong == 0 and json.loads(row.counts).keys() == {"sealed", "unsealed", "until"}
    spoil(update(AuditEntry.__table__).where(AuditEntry.__table__.c.chain_no == 2).values(actor="nobody"))
    book_checks.audit("", key)
    [finding] = json.loads(book_checks.last(book_checks.AUDIT).findings)
    assert (finding["code"], finding["place"]) == ("altered", 2)
    with pytest.raises(audit_chain.NoKey):
        book_checks.audit("", Path(tmp_path / "gone.key"))
    assert json.loads(book_checks.last(book_checks.AUDIT).findings) == [{"code": "no_key"}]


@pytest.mark.one_database
def test_home_is_told_of_what_is_wrong_of_what_is_old_and_of_what_never_was(context, cast):
    assert book_checks.attention() == []
    late = now() + book_checks.OLD_AFTER + timedelta(hours=1)
    assert {(due.kind, due.why) for due in book_checks.attention(late)} == {(kind, "never") for kind in book_checks.KINDS}
    book_checks.keep("ledger", "", now(), 0, [], {})
    book_checks.keep("audit", "", now(), 2, [], {})
    assert {(due.kind, due.why) for due in book_checks.attention()} == {("audit", "wrong")}
    assert ("ledger", "old") in {(due.kind, due.why) for due in book_checks.attention(late)}
    assert not book_checks.is_due("ledger") and book_checks.is_due("ledger", late) and book_checks.is_due("match")


def test_what_was_found_is_not_changed(context, cast):
    book_checks.keep("ledger", "", now(), 3, [], {})
    with pytest.raises(Exception, match="append-only"), transaction() as session:
        session.execute(update(BookCheck).values(wrong=0))
