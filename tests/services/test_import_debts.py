"""What consumers owe from before comes in by file through postings, once, whatever comes again."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from app.extensions import db
from app.models import Consumer, DebtEntry
from app.services import debts
from app.services.ledger_check import differences
from tests.importing import CONSUMER_HEADINGS, Importer, counts, csv_file

# The rules are the same on both, and other tests of reading files in run on both: on PostgreSQL in the long form.
pytestmark = pytest.mark.postgresql_long


@pytest.fixture
def chidi(context, cast) -> Importer:
    return Importer(context, cast)


def test_a_debt_of_before_becomes_a_posting_once(chidi, cast):
    headings = (*CONSUMER_HEADINGS, "Opening debt", "Reason of the debt")
    content = csv_file(
        headings, ("20001", "Moussa", "Market Town", "", "", "150.50", "Old meter"), ("20002", "Li", "Market Town", "", "", "9", ""),
        ("10482", "", "", "", "", "7", "x"), ("20003", "Ana", "Market Town", "", "", "", ""),
    )  # fmt: skip
    row = chidi.imports("consumers", content, whole=False)
    assert chidi.faults(row) == {3: [("debt_reason", "debt_reason")], 4: [("debt", "debt_known")]}
    debtor = db.session.scalars(select(Consumer).where(Consumer.user_number == "20001")).one()
    assert debtor.debt_minor == 150_50
    entry = db.session.scalars(select(DebtEntry)).one()
    assert (entry.reason, entry.reference, entry.user_id) == ("Old meter", f"import:{row.id}:2", cast.users["chidi"])
    again = chidi.imports("consumers", content, whole=False)
    assert counts(again) == {"rows": 4, "same": 2, "bad": 2}
    assert differences() == []


def test_the_same_file_comes_again_after_its_debt_has_moved(chidi, cast):
    headings = (*CONSUMER_HEADINGS, "Opening debt", "Reason of the debt")
    content = csv_file(headings, ("20001", "Moussa", "Market Town", "", "", "150.50", "Old meter"))
    chidi.imports("consumers", content)
    debtor = db.session.scalars(select(Consumer).where(Consumer.user_number == "20001")).one()
    debts.opening_balance(debtor.id, -50_00, "forgiven", "by-hand-1")
    again = chidi.imports("consumers", content)
    assert (again.state, counts(again)) == ("done", {"rows": 1, "same": 1})
    assert db.session.get_one(Consumer, debtor.id, populate_existing=True).debt_minor == 100_50
    assert differences() == []
