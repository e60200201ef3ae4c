"""Sales on both sides of midnight and one booked late into a closed month: every report and the ledger draw the same line."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest

from app.domain.calendar import month_start
from app.extensions import db
from app.models import MonthSums, Settings
from app.reports.installation import installation
from app.services.day_sums import close_days
from app.services.ledger_check import differences
from app.services.month_sums import close_months
from tests.reports.test_forms_agree import ledger_cash
from tests.services.conftest import Counter

pytestmark = pytest.mark.one_database
# East of UTC and west of it: there a sale's day and that of its instant are two.
ZONES = ("Pacific/Auckland", "America/Bogota")
MONEY = (
    ("sales-statistics", {"group": "day"}), ("sales-statistics", {"group": "month", "then": "point"}),
    ("purchase-statistics", {"group": "region"}), ("sales-records", {}), ("purchase-records", {}),
    ("reconciliation", {"group": "day"}), ("day-sheet", {"group": "operator"}),
)  # fmt: skip


@pytest.fixture
def told(context, forms):
    """`told(first, last)`: what each report of money says of these days, and what the ledger says."""

    def told(first: date, last: date) -> set[int]:
        days = {"from": first.isoformat(), "to": last.isoformat()}
        with context.test_request_context():
            answers = [forms(name, **days, **given) for name, given in MONEY]
            assert all(answer.added() == answer.totals() for answer in answers)
            assert forms("reconciliation", **days).answer.notes == ("agrees",)
        return {answer.totals()["USD"]["amount"] for answer in answers} | {ledger_cash(first, last)}

    return told


@pytest.mark.parametrize("name", ZONES)
def test_the_edges_of_a_month_are_where_the_clock_of_the_installation_has_them(context, cast, forms, told, name):
    db.session.get_one(Settings, 1).time_zone = name
    db.session.commit()
    counter = Counter(cast, context.extensions["modules"])
    today = installation(db.session(), datetime.now(UTC)).today
    last = month_start(month_start(today) - timedelta(days=40)) - timedelta(days=1)
    first, next_day = month_start(last), last + timedelta(days=1)

    def sells_at(day: date, clock: time, amount: int) -> None:
        counter.clock = datetime.combine(day, clock, ZoneInfo(name)).astimezone(UTC)
        counter.sells("palm_street", amount)

    sells_at(first - timedelta(days=1), time(23, 59, 59), 11_00)
    sells_at(first, time(0, 0), 12_00)
    sells_at(last, time(23, 59, 59), 20_00)
    assert told(first, last) == {32_00}
    assert told(first - timedelta(days=1), first - timedelta(days=1)) == {11_00}
    close_days(today)
    assert first in close_months(today)
    assert told(first, last) == {32_00}
    # Booked late: its day lies in a month that was added up already.
    sells_at(last, time(23, 59, 59, 999_999), 5_00)
    sells_at(next_day, time(0, 0), 40_00)
    db.session.rollback()
    assert not db.session.get_one(MonthSums, first).closed
    assert told(first, last) == {37_00}
    assert first in close_months(today)
    assert told(first, last) == {37_00}
    assert told(next_day, next_day) == {40_00}
    tokens = forms("token-sales", **{"from": first.isoformat(), "to": last.isoformat()})
    assert tokens.answer.count == 3
    assert differences() == []
