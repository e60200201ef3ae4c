"""Closed tens of days, months and quarters: added up once, opened again by a late sale, and read by reports in the place of days."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from itertools import product

from sqlalchemy import func, select, update

from app.db import transaction
from app.domain.calendar import (
    month_start,
    next_month,
    next_quarter,
    next_ten,
    quarter_start,
    ten_start,
)
from app.extensions import db
from app.models import (
    DaySums,
    MonthSums,
    QuarterSums,
    RegionDay,
    RegionMonth,
    SaleDay,
    SaleMonth,
    SaleQuarter,
    SaleTen,
    TenSums,
)
from app.reports.catalogue import BY_NAME
from app.reports.installation import installation
from app.reports.question import ask
from app.reports.report import Asked
from app.services import day_sums, month_sums
from app.services.ledger_check import differences


def statistics(cast, first, last, group="month", then=""):
    session = db.session()
    report, house = BY_NAME["sales-statistics"], installation(session, datetime.now(UTC))
    given = {"from": first.isoformat(), "to": last.isoformat(), "group": group, "then": then}
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
    by_point = statistics(cast, month_start(first), last, "point")
    # NB: the days are what it was made from; changed behind its back, the month shows that it was read.
    with transaction() as session:
        for table in (SaleMonth, RegionMonth):
            session.execute(update(table).where(table.month == closed[0]).values(amount=table.amount + 1))
    assert statistics(cast, month_start(first), last) != before
    assert statistics(cast, month_start(first), last, "point") != by_point
    assert {line.split()[0] for line in differences()} == {"sale_month", "region_month"}
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


def test_a_closed_day_is_read_by_its_region_and_a_late_sale_opens_it(counter, cast):
    today = datetime.now(UTC)
    for days_ago in (9, 8, 8, 5):
        counter.clock = today - timedelta(days=days_ago)
        counter.sells("palm_street", 20_00)
    first, last = (today - timedelta(days=10)).date(), today.date()
    asked = [(group, statistics(cast, first, last, group)) for group in ("day", "week", "province", "type", "point")]
    closed = day_sums.close_days(last)
    assert len(closed) == 3
    assert day_sums.close_days(last) == []
    assert differences() == []
    for group, before in asked:
        assert statistics(cast, first, last, group) == before
    with transaction() as session:
        session.execute(update(RegionDay).where(RegionDay.business_date == closed[2]).values(amount=RegionDay.amount + 1))
    assert [line.split()[0] for line in differences()] == ["region_day"]
    for group, before in asked:
        assert (statistics(cast, first, last, group) != before) is (group != "point")
    counter.sells("palm_street", 20_00)  # opens it: what stands in region_day is read no more
    db.session.rollback()
    assert db.session.get_one(DaySums, closed[2]).closed is False
    assert differences() == []
    assert day_sums.close_days(last) == [closed[2]]
    assert differences() == []


def test_by_vending_point_closed_tens_of_days_are_read_and_a_late_sale_opens_one(counter, corner, cast):
    begin = ten_start((datetime.now(UTC) - timedelta(days=45)).date())
    second = next_ten(begin)
    third = next_ten(second)
    today = datetime.now(UTC)
    for first, days, seller, meter in (
        (begin, 0, counter, "palm_street"), (begin, 7, corner, "mill"), (second, 1, counter, "palm_street"),
        (second, 1, corner, "mill"), (third, 3, counter, "pump"),
    ):  # fmt: skip
        seller.clock = datetime.combine(first, time(12), UTC) + timedelta(days=days)
        seller.sells(meter, 20_00)
    spans = [(begin, today.date()), (begin + timedelta(days=1), today.date()), (second, third - timedelta(days=1))]
    keys = [("point", ""), ("point", "month"), ("month", "point"), ("point", "day"), ("day", "")]
    asked = [(one, statistics(cast, *one[0], *one[1])) for one in product(spans, keys)]
    closed = month_sums.close_tens(today.date())
    assert closed[:3] == [begin, second, third]
    assert month_sums.close_tens(today.date()) == []
    assert differences() == []
    for (span, (group, then)), before in asked:
        assert statistics(cast, *span, group, then) == before
    # NB: the days are what it was made from; changed behind its back, the ten shows that it was read.
    with transaction() as session:
        session.execute(update(SaleTen).where(SaleTen.first == second).values(amount=SaleTen.amount + 1))
    assert [line.split()[0] for line in differences()] == ["sale_ten", "sale_ten"]
    for (span, (group, then)), before in asked:
        assert (statistics(cast, *span, group, then) != before) is (group in ("point", "month") and then != "day")
    month_sums.mark_ten(db.session(), second, closed=False)
    db.session.commit()
    assert [statistics(cast, *span, *keys) for (span, keys), _before in asked] == [before for _one, before in asked]
    corner.clock = counter.clock
    corner.sells("mill", 30_00)  # opens it: what stands in sale_ten is read no more
    db.session.rollback()
    assert db.session.get_one(TenSums, third).closed is False
    assert differences() == []
    assert month_sums.close_tens(today.date()) == [second, third]
    assert db.session.scalar(select(func.sum(SaleTen.amount)).where(SaleTen.first == third)) == 50_00
    assert differences() == []


def test_by_vending_point_closed_quarters_are_read_and_a_late_sale_opens_one(counter, corner, cast):
    today = datetime.now(UTC)
    begin = quarter_start((today - timedelta(days=200)).date())
    second = next_quarter(begin)
    for days, seller, meter in ((80, counter, "palm_street"), (85, corner, "mill")):
        seller.clock = datetime.combine(begin, time(12), UTC) + timedelta(days=days)
        seller.sells(meter, 20_00)
    month_sums.close_months(today.date())
    spans = [(begin, today.date()), (begin + timedelta(days=1), today.date()), (begin, second - timedelta(days=2))]
    asked = [(span, statistics(cast, *span, "point")) for span in spans]
    by_month = statistics(cast, *spans[0], "month", "point")
    assert month_sums.close_quarters(today.date())[:2] == [begin, second]
    assert month_sums.close_quarters(today.date()) == []
    assert differences() == []
    for span, before in asked:
        assert statistics(cast, *span, "point") == before
    # NB: changed behind its days' back, the quarter shows where it was read.
    with transaction() as session:
        session.execute(update(SaleQuarter).where(SaleQuarter.first == begin).values(amount=SaleQuarter.amount + 1))
    assert {line.split()[0] for line in differences()} == {"sale_quarter"}
    assert [statistics(cast, *span, "point") != before for span, before in asked] == [True, False, False]
    assert statistics(cast, *spans[0], "month", "point") == by_month
    corner.sells("mill", 30_00)  # opens it: what stands in sale_quarter is read no more
    db.session.rollback()
    assert db.session.get_one(QuarterSums, begin).closed is False
    assert differences() == []
    assert month_sums.close_quarters(today.date()) == [begin]
    assert db.session.scalar(select(func.sum(SaleQuarter.amount)).where(SaleQuarter.first == begin)) == 70_00


def test_this_month_and_the_last_days_of_grace_stay_open(counter, cast):
    counter.sells("palm_street", 20_00)
    today = datetime.now(UTC).date()
    assert month_sums.close_months(today) == []
    assert month_sums.close_months(next_month(today)) == []
    assert month_sums.close_months(next_month(today) + timedelta(days=3)) == [month_start(today)]
