"""Every sale makes balanced rows, and its reversal makes them nothing."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.ledger import Entry, account_of, entries_of_reversal, entries_of_sale
from app.domain.quote import LineKind

lines = st.lists(
    st.tuples(st.sampled_from(list(LineKind)), st.sampled_from(["a", "b"]), st.integers(-500, 500))
)


def balances(entries):
    total = Counter()
    for entry in entries:
        total[entry.debit] += entry.amount
        total[entry.credit] -= entry.amount
    return {account: amount for account, amount in total.items() if amount}


@given(lines)
def test_cash_grows_by_the_sum_of_the_lines(lines):
    entries = entries_of_sale(lines, "cash.market")
    assert balances(entries).get("cash.market", 0) == sum(amount for _, _, amount in lines)
    assert all(entry.amount > 0 for entry in entries)


@given(lines)
def test_a_sale_and_its_reversal_come_to_nothing(lines):
    entries = entries_of_sale(lines)
    assert balances([*entries, *entries_of_reversal(entries)]) == {}


def test_a_line_finds_its_account_and_keeps_its_number():
    found = entries_of_sale(
        [
            (LineKind.FEE, "rent", 0),
            (LineKind.STEP, "energy", 650),
            (LineKind.TAX, "vat", 10),
            (LineKind.ROUNDING, "rounding", -1),
        ]
    )
    assert found == (
        Entry("cash", "revenue.energy", 650, 2),
        Entry("cash", "tax.vat", 10, 3),
        Entry("rounding", "cash", 1, 4),
    )


@pytest.mark.parametrize("kind", list(LineKind))
def test_every_kind_of_line_has_an_account(kind):
    assert account_of(kind, "x")


def test_arrears_belong_to_their_fee():
    assert account_of("arrears", "rent") == account_of("fee", "rent") == "revenue.fee.rent"


def test_an_unknown_kind_has_none():
    with pytest.raises(ValueError):
        account_of("gift", "x")


@pytest.mark.parametrize("amount", [0, -1])
def test_a_posting_is_above_zero(amount):
    with pytest.raises(ValueError):
        Entry("cash", "debt", amount)


def test_a_posting_needs_two_accounts():
    with pytest.raises(ValueError):
        Entry("cash", "cash", 1)
