"""Fixed fees when price lists change: nobody pays a period twice, or one in which there was no fee."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from app.db import transaction
from app.domain.states import ChargeMethod, MeterType
from app.extensions import db
from app.models import Meter, SaleLine, Tariff, TariffPlan, TariffStep
from app.services.clock import confirm_clock
from tests.cast import LONG_AGO


def at(year: int, month: int, day: int) -> datetime:
    return datetime(year, month, day, 12, tzinfo=UTC)


def plan(begins: datetime, fee: str, method: ChargeMethod) -> TariffPlan:
    steps = [TariffStep(start=0, price=Decimal("0.20"))]
    return TariffPlan(
        name=str(begins.date()), effective_from=begins, fixed_fee=Decimal(fee), fixed_method=method, steps=steps
    )


def on_tariff(counter, *plans: TariffPlan) -> None:
    """Put the meter at 7 Palm Street, there since January 2024, on these price lists."""
    with transaction() as session:
        tariff = Tariff(name="Over time", meter_type=MeterType.ELECTRICITY, plans=list(plans))
        session.add(tariff)
        session.flush()
        meter = session.get_one(Meter, counter.cast.meters["palm_street"])
        meter.tariff_id, meter.installed_on = tariff.id, date(2024, 1, 10)
    with transaction() as session:  # it has been on this tariff all the time
        session.get_one(Meter, counter.cast.meters["palm_street"]).tariff_since = LONG_AGO


def fees(counter, instant: datetime, value: int = 200_00) -> tuple[int, int]:
    """What a purchase pays for missed periods and for the current one, in minor units."""
    counter.clock = instant
    confirm_clock(counter.cast.users["chidi"], instant)  # months pass between two purchases
    receipt = counter.sells("palm_street", value)
    lines = db.session.query(SaleLine).filter_by(sale_id=receipt.sale_id).all()
    return (
        sum(line.amount for line in lines if line.kind == "arrears"),
        sum(line.amount for line in lines if line.kind == "fee"),
    )


def test_a_new_fee_is_not_asked_for_the_months_before_there_was_one(counter):
    free = plan(LONG_AGO, "0", ChargeMethod.MONTH)
    on_tariff(counter, free, plan(at(2026, 9, 3), "5", ChargeMethod.MONTH))
    assert fees(counter, at(2026, 11, 4)) == (10_00, 5_00)  # September, October; November


def test_a_fee_that_stopped_and_came_back_counts_from_its_return(counter):
    lists = [(LONG_AGO, "5"), (at(2026, 3, 1), "0"), (at(2026, 11, 1), "5")]
    on_tariff(counter, *(plan(begins, fee, ChargeMethod.MONTH) for begins, fee in lists))
    assert fees(counter, at(2026, 11, 4)) == (0, 5_00)


def test_a_paid_year_is_not_paid_again_by_the_month(counter):
    yearly = plan(at(2026, 1, 1), "60", ChargeMethod.YEAR)
    on_tariff(counter, yearly, plan(at(2026, 11, 1), "5", ChargeMethod.MONTH))
    assert fees(counter, at(2026, 1, 20)) == (0, 60_00)
    assert fees(counter, at(2026, 11, 3)) == (0, 0)
    assert fees(counter, at(2027, 1, 3)) == (0, 5_00)


def test_a_paid_month_is_not_paid_again_by_the_day(counter):
    monthly = plan(at(2026, 11, 1), "30", ChargeMethod.MONTH)
    on_tariff(counter, monthly, plan(at(2026, 11, 18), "1", ChargeMethod.DAY))
    assert fees(counter, at(2026, 11, 2)) == (0, 30_00)
    assert fees(counter, at(2026, 11, 20)) == (0, 0)
    assert fees(counter, at(2026, 12, 2)) == (1_00, 1_00)


@pytest.mark.one_database
def test_periods_paid_before_a_new_installation_do_not_pay_for_those_after_it(counter):
    on_tariff(counter, plan(at(2025, 1, 1), "5", ChargeMethod.MONTH))
    assert fees(counter, at(2025, 10, 20)) == (45_00, 5_00)
    with transaction() as session:
        session.get_one(Meter, counter.cast.meters["palm_street"]).installed_on = date(2026, 11, 1)
    assert fees(counter, at(2026, 11, 4)) == (0, 5_00)
    assert fees(counter, at(2026, 11, 5)) == (0, 0)
    assert fees(counter, at(2026, 12, 5)) == (0, 5_00)


@pytest.mark.one_database
def test_a_meter_that_moves_to_a_tariff_owes_nothing_of_it_from_before(counter):
    on_tariff(counter, plan(LONG_AGO, "5", ChargeMethod.MONTH))
    now = datetime.now(UTC)
    with transaction() as session:
        home = session.query(Tariff).filter_by(name="Home, two steps").one()
        session.get_one(Meter, counter.cast.meters["palm_street"]).tariff = home
    assert fees(counter, now) == (0, 1_50)
    meter = db.session.get_one(Meter, counter.cast.meters["palm_street"])
    assert meter.tariff_since >= now
