"""Every plan that the case format can state goes into the tables and comes back pricing the same."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.db import transaction
from app.domain.case_file import read_cases
from app.domain.compile import ready
from app.domain.plan import History, Plan
from app.domain.purchase import by_quantity
from app.domain.ranges import range_for
from app.domain.states import MeterType
from app.domain.tariff_check import check_case
from app.extensions import db
from app.models import Tariff, TariffPlan
from app.services.catalogue import STAND_INS, entries, entry, make_plan
from app.services.plan_rows import rows_of
from app.services.plans import compile_plan, faults_of
from tests.domain import plans
from tests.domain.test_tariff_cases import FILES

CASES = {name: case for path in FILES for name, case in read_cases(path)}
# The capacity of the meter in the two cases that go by it.
CAPACITY = {"P12": Fraction("2.2"), "P13": Fraction(40)}


def stored(rows: dict[str, TariffPlan]) -> dict[str, Plan]:
    """Each plan as it is read back from the tables."""
    with transaction() as session:
        for name, row in rows.items():
            row.effective_from = datetime(2026, 1, 1, tzinfo=UTC)
            tariff = Tariff(name=name, meter_type=MeterType.ELECTRICITY)
            session.add(tariff)
            session.flush()
            _belongs(row, tariff.id)
            session.add(row)
    db.session.remove()
    return {
        tariff.name: compile_plan(tariff.plans[0], tariff.meter_type) for tariff in db.session.query(Tariff)
    }


def _belongs(row: TariffPlan, tariff_id: int) -> None:
    row.tariff_id = tariff_id
    for below in row.schedules:
        below.effective_from = row.effective_from
        _belongs(below, tariff_id)


@pytest.mark.one_database
def test_every_case_comes_out_the_same_from_the_tables(context):
    loaded = stored({name: rows_of(case.plan) for name, case in CASES.items()})
    assert loaded.keys() == CASES.keys()
    for name, case in CASES.items():
        assert check_case(replace(case, plan=loaded[name])) == [], name


@pytest.mark.one_database
def test_every_entry_of_the_catalogue_prices_its_public_case_to_the_cent(context):
    loaded = stored({one.key: make_plan(one) for one in entries()})
    for one in entries():
        plan = loaded[one.key]
        if plan.capacity_fees:
            plan = plan.with_capacity(CAPACITY[one.case])
        assert check_case(replace(CASES[one.case], plan=plan)) == [], one.key


def test_every_real_utility_of_the_public_cases_is_in_the_catalogue():
    real = {name for name in CASES if name.startswith("P")}
    assert {one.case for one in entries()} == real
    assert all(one.source.startswith("http") and len(one.currency) == 3 for one in entries())
    assert all(STAND_INS.issuperset(one.stand_ins) for one in entries())


def test_what_the_catalogue_offers_is_sound_and_has_names():
    for one in entries():
        assert faults_of(make_plan(one), one.meter_type) == ()
        named = (*one.plan.all_fees, *one.plan.taxes, *one.plan.levies)
        assert all(part.name for part in named), one.key


def test_an_entry_is_found_by_its_key():
    assert entry("zesco-2019").utility == "ZESCO"
    with pytest.raises(KeyError):
        entry("nowhere")


@given(st.data())
def test_any_plan_prices_the_same_when_it_comes_back(data):
    plan = data.draw(plans.full_plans())
    back = compile_plan(rows_of(plan), MeterType.ELECTRICITY)
    assert compile_plan(rows_of(back), MeterType.ELECTRICITY) == back
    past, tenths = data.draw(plans.pasts(plan)), data.draw(st.integers(1, 60_000))
    assert costs(back, past, tenths) == costs(plan, past, tenths)


def costs(plan: Plan, past: History, tenths: int) -> object:
    """The exact cost, or where the plan ends."""
    where = range_for(ready(plan), past, tenths)
    return where.high if where.high is not None and tenths > where.high else by_quantity(where, past, tenths, 1).total_minor


@pytest.mark.parametrize("plan", [
    Plan("finer than a tenth", (plans.Step(0, Fraction(1)), plans.Step(Fraction(1, 2), Fraction(2)))),
    Plan("a third", (plans.Step(0, Fraction(1, 3)),)),
])  # fmt: skip
def test_what_the_tables_cannot_hold_is_no_plan(plan):
    with pytest.raises(ValueError, match=r"tenths|decimals"):
        rows_of(plan)
