"""The same figure on the screen, in Excel, on paper, in csv and JSON, and in the ledger: to the last cent."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from sqlalchemy import func, select

from app.domain.states import SaleKind
from app.extensions import db
from app.models import LedgerAccount, Posting, Sale
from app.models.base import now
from app.reports.installation import installation
from app.services.day_sums import close_days
from app.services.ledger_check import differences
from app.services.month_sums import close_months, close_quarters, close_tens
from tests.reports.conftest import DAYS, digits_of, random_past, told

QUESTIONS = (
    ("sales-statistics", {"group": "day"}),
    ("sales-statistics", {"group": "week", "then": "point"}),
    ("sales-statistics", {"group": "type", "show": "units"}),
    ("sales-statistics", {"group": "province", "show": "units"}),
    ("purchase-statistics", {"group": "region", "then": "month"}),
    ("sales-records", {}),
    ("purchase-records", {}),
    ("token-sales", {}),
    ("reconciliation", {"group": "day", "then": "point"}),
    ("day-sheet", {"group": "operator", "then": "type"}),
)
STATISTICS = 5  # so many of them read sums of days and months
BY_POINT = ("sales-statistics", {"group": "point"})  # and this one tens of days besides


def ledger_cash(first: date = date.min, last: date = date.max) -> int:
    """What the ledger says was taken in cash on these days, less what was given back."""
    cash = select(LedgerAccount.id).where(LedgerAccount.code == "cash")
    amount = select(func.coalesce(func.sum(Posting.amount), 0)).where(Posting.business_date.between(first, last))
    taken, given = amount.where(Posting.debit_id.in_(cash)), amount.where(Posting.credit_id.in_(cash))
    return int(db.session.execute(taken).scalar_one()) - int(db.session.execute(given).scalar_one())


def check_every_form(one, cash):
    """All forms of one answer say the same, and what it says of money is the ledger's."""
    [(currency, total)] = one.totals().items()
    assert list(one.added()) == [currency]
    for key, value in total.items():
        assert one.added()[currency][key] == value, key
    assert one.json() == {currency: total}
    sums, excel_total = one.excel()
    csv_sums = one.csv()
    paper = digits_of(one.pdf())
    for key, value in total.items():
        assert (sums[key], excel_total[key], csv_sums[key]) == (value, value, value), key
        assert digits_of(told(one, key)) in paper, key
    if "amount" in total:
        assert total["amount"] == cash


def test_a_random_month_is_the_same_in_every_form_and_in_the_ledger(context, cast, forms):
    undone = random_past(context, cast, seed=7, sales=16)
    db.session.rollback()
    assert differences() == []
    assert db.session.scalar(select(func.count()).select_from(Sale).where(Sale.kind == SaleKind.REVERSAL)) == undone
    cash = ledger_cash()
    with context.test_request_context():
        for name, given in QUESTIONS:
            check_every_form(forms(name, **given), cash)


@pytest.mark.deep
def test_many_random_months_are_the_same_in_every_form_and_in_the_ledger(context, cast, forms, seed, deep_record):
    """One after the other up to today; statistics once more when their days and months are closed."""
    months, looks = 8, 0
    for month in range(months):
        ago = (months - month) * DAYS
        random_past(context, cast, seed=seed + month, sales=60, ago=ago)
        db.session.rollback()
        assert differences() == []
        today = installation(db.session(), now()).today
        first = today - timedelta(days=ago)
        last = first + timedelta(days=DAYS - 1)
        for closed in (False, True):
            if closed:
                close_days(today)
                close_tens(today)
                close_quarters(today)
                close_months(today)
                assert differences() == []
            cash = ledger_cash(first, last)
            with context.test_request_context():
                for name, given in (BY_POINT, *QUESTIONS[: STATISTICS if closed else None]):
                    asked = {"from": first.isoformat(), "to": last.isoformat()} | given
                    check_every_form(forms(name, **asked), cash)
                    looks += 1
    # All of it at once, read from closed months and what lies around them.
    whole = {"from": (today - timedelta(days=months * DAYS + 1)).isoformat()}
    with context.test_request_context():
        for group in ("month", "point"):
            check_every_form(forms("sales-statistics", **whole, group=group), ledger_cash())
    deep_record("random months of reports", months=months, sales=months * 60, answers=looks + 2, forms=5, disagreements=0)
