"""Closed months: added up once, opened again by a late sale, and read by reports in the place of their days."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from sqlalchemy import select, update

from app.db import transaction
from app.domain.calendar import month_start, next_month
from app.extensions import db
from app.models import MonthSums, SaleDay, SaleMonth
from app.reports.catalogue import BY_NAME
from app.reports.installation import installation
from app.reports.question import ask
from app.reports.report import Asked
from app.services import month_sums
from app.services.ledger_check import differences


def statistics(cast, first, last):
    session = db.session()
    report, house = BY_NAME["sales-statistics"], installation(session, datetime.now(UTC))
    given = {"from": first.isoformat(), "to": last.isoformat(), "group": "month"}
    question, faults = ask(session, cast.scope("efua"), report.choices, given, house)
    assert faults == ()
    answer = report.answer(Asked(session, cast.scope("efua"), house, question))
    return [row.cells for row in answer.rows(0, None)], [row.cells for row in answer.totals]


def test_a_closed_month_is_read_in_the_place_of_its_days_and_a_late_sale_opens_it(counter, cast):
    today = datetime.now(UTC)
    for days_ago in (100, 71, 70, 42, 20):
        counter.clock = today - timedelta(days=days_ago)
        counter.sells("palm_street", 20_00)
    first, last = (today - timedelta(days=100)).date(), today.date()
    before = statistics(cast, month_start(first), last)
    closed = month_sums.close_months(last)
    assert closed[0] == month_start(first)
    assert next_month(closed[-1]) <= last
    assert month_sums.close_months(last) == []
    assert differences() == []
    assert statistics(cast, month_start(first), last) == before
    assert statistics(cast, first, last) == before  # part of a month is read by its days
    # NB: the days are what it was made from; changed behind its back, the month shows that it was read.
    with transaction() as session:
        session.execute(update(SaleMonth).where(SaleMonth.month == closed[0]).values(amount=SaleMonth.amount + 1))
    assert statistics(cast, month_start(first), last) != before
    assert [line for line in differences() if line.startswith("sale_month")] != []
    month_sums.mark_month(db.session(), closed[0], closed=False)
    db.session.commit()
    assert statistics(cast, month_start(first), last) == before
    assert month_sums.close_months(last) == [closed[0]]
    assert differences() == []


def test_a_sale_booked_into_a_closed_month_opens_it_again(counter, cast):
    today = datetime.now(UTC)
    counter.clock = today - timedelta(days=70)
    counter.sells("palm_street", 20_00)
    month = month_start(db.session.scalars(select(SaleDay.business_date)).one())
    assert month in month_sums.close_months(today.date())
    counter.sells("palm_street", 30_00)
    db.session.rollback()
    assert db.session.get_one(MonthSums, month).closed is False
    assert differences() == []
    assert month in month_sums.close_months(today.date())
    assert db.session.scalar(select(SaleMonth.amount).where(SaleMonth.month == month)) == 50_00
    assert differences() == []


def test_this_month_and_the_last_days_of_grace_stay_open(counter, cast):
    counter.sells("palm_street", 20_00)
    today = datetime.now(UTC).date()
    assert month_sums.close_months(today) == []
    assert month_sums.close_months(next_month(today)) == []
    assert month_sums.close_months(next_month(today) + timedelta(days=3)) == [month_start(today)]
