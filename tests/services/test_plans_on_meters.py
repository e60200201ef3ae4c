"""What a plan asks of one meter: fees by its capacity, and first steps that add up."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from app.db import transaction
from app.domain import errors
from app.domain.states import ChargeMethod, MeterType
from app.extensions import db
from app.models import Meter, Tariff, TariffFee, TariffPlan, TariffStep
from app.services.clock import confirm_clock
from tests.cast import LONG_AGO

pytestmark = pytest.mark.one_database


def put_on(counter, *plans: TariffPlan, **facts: object) -> None:
    """Put the meter at 7 Palm Street, there since January 2024, on these price lists."""
    with transaction() as session:
        tariff = Tariff(name="Under test", meter_type=MeterType.ELECTRICITY, plans=list(plans))
        session.add(tariff)
        session.flush()
        meter = session.get_one(Meter, counter.cast.meters["palm_street"])
        meter.tariff_id, meter.installed_on = tariff.id, date(2024, 1, 10)
        for name, value in facts.items():
            setattr(meter, name, value)
    with transaction() as session:  # it has been on this tariff all the time
        session.get_one(Meter, counter.cast.meters["palm_street"]).tariff_since = LONG_AGO


def by_capacity(unit: str | None) -> TariffPlan:
    fee = TariffFee(
        code="capacity", name="Capacity", amount=Decimal("6.00"), method=ChargeMethod.PURCHASE,
        per_capacity=True, capacity_unit=unit,
    )  # fmt: skip
    return TariffPlan(
        name="By capacity", effective_from=LONG_AGO, fees=[fee],
        steps=[TariffStep(start=0, price=Decimal("0.20"))],
    )  # fmt: skip


@pytest.mark.parametrize("unit", ["kVA", None])
def test_a_fee_goes_by_the_capacity_of_the_meter(counter, unit):
    put_on(counter, by_capacity("kVA"), capacity=Decimal("2.2"), capacity_unit=unit)
    receipt = counter.sells("palm_street", 20_00)
    (fee,) = [line for line in receipt.lines if line.kind == "fee"]
    assert (fee.amount, str(fee.params["times"])) == (13_20, "2.2")


def test_the_capacity_may_change_between_two_purchases(counter):
    put_on(counter, by_capacity(None), capacity=Decimal("2"))
    assert counter.order("palm_street", 20_00).shown_units == 400
    with transaction() as session:
        session.get_one(Meter, counter.cast.meters["palm_street"]).capacity = Decimal("3")
    assert counter.order("palm_street", 20_00).shown_units == 100


@pytest.mark.parametrize("facts", [{}, {"capacity": Decimal("40"), "capacity_unit": "A"}])
def test_a_meter_without_that_capacity_is_refused_in_words(counter, facts):
    put_on(counter, by_capacity("kVA"), **facts)
    with pytest.raises(errors.MeterWithoutCapacity) as refused:
        counter.order("palm_street", 20_00)
    assert refused.value.params == {"unit": "kVA"}


def lifeline(begins: datetime = LONG_AGO, *, adds_up: bool = True) -> TariffPlan:
    """15 units at 0.10 each month, then 0.50."""
    return TariffPlan(
        name=str(begins.date()), effective_from=begins, lifeline_adds_up=adds_up,
        steps=[TariffStep(start=0, price=Decimal("0.10")), TariffStep(start=150, price=Decimal("0.50"))],
    )  # fmt: skip


def costs(counter, day: datetime, units: int) -> int:
    counter.clock = day
    confirm_clock(counter.cast.users["chidi"], day)
    return counter.sells("palm_street", units * 10, by_quantity=True).amount


def noon(year: int, month: int, day: int) -> datetime:
    return datetime(year, month, day, 12, tzinfo=UTC)


def test_the_first_steps_of_missed_months_add_up(counter):
    put_on(counter, lifeline(), installed_on=date(2026, 7, 3))
    assert costs(counter, noon(2026, 7, 5), 15) == 1_50
    assert costs(counter, noon(2026, 10, 6), 45) == 4_50  # August, September, October
    assert costs(counter, noon(2026, 10, 7), 1) == 50  # all three are used
    assert costs(counter, noon(2026, 11, 8), 16) == 2_00  # and November has its own alone
    db.session.rollback()


def test_what_is_left_of_them_stays_for_the_month(counter):
    put_on(counter, lifeline(), installed_on=date(2026, 9, 3))
    assert costs(counter, noon(2026, 10, 6), 10) == 1_00
    assert costs(counter, noon(2026, 10, 7), 21) == 2_50  # 20 of 30, then one at 0.50


def test_months_before_the_price_list_had_it_do_not_count(counter):
    put_on(counter, lifeline(adds_up=False), lifeline(noon(2026, 10, 1)))
    assert costs(counter, noon(2026, 11, 6), 31) == 3_50  # October and November


def test_without_it_every_month_has_one(counter):
    put_on(counter, lifeline(adds_up=False))
    assert costs(counter, noon(2026, 11, 6), 16) == 2_00
