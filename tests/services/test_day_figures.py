"""Today's figures: the same as the reports' to the cent, beside the same weekdays at this time of day."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import update

from app.access.scope import Scope
from app.db import transaction
from app.domain.states import MeterType
from app.extensions import db
from app.models import Currency, Settings, VendingPoint
from app.reports.catalogue import BY_NAME
from app.reports.installation import installation
from app.reports.question import ask
from app.reports.report import Asked
from app.services import day_figures, home, reversals
from tests.services.test_decisions import Deaf

NOON = datetime.now(UTC).replace(hour=12, minute=0, second=0, microsecond=0)
WEEK = timedelta(days=7)
ALL = Scope.everything()


def told(scope, at=NOON):
    row = home.settings_row()
    return day_figures.today(db.session(), scope, home.currency(), row.time_zone, at)


def total(name, scope, column, **given):
    """One total of a report of today, asked at noon."""
    session, report = db.session(), BY_NAME[name]
    house = installation(session, NOON)
    question, faults = ask(session, scope, report.choices, {"period": "today", **given}, house)
    assert faults == ()
    answer = report.answer(Asked(session, scope, house, question))
    at = [one.key for one in answer.columns].index(column)
    return sum(row.cells[at] for row in answer.totals if row.level == 2)


def settle_in(zone_name):
    with transaction() as session:
        session.execute(update(Settings).values(time_zone=zone_name))


@pytest.fixture
def random_day(counter, corner, harbour):
    """Sales of today before noon and of the same weekday before, some undone."""
    choose = random.Random(7)
    counters = ((counter, ("palm_street", "pump")), (corner, ("mill", "pump")), (harbour, ("pier",)))
    for weeks, times in ((1, 4), (0, 6)):
        for minute in sorted(choose.randrange(8 * 60) for _ in range(times)):
            one, meters = choose.choice(counters)
            one.clock = NOON - weeks * WEEK - timedelta(minutes=480 - minute)
            sold = one.sells(choose.choice(meters), choose.randrange(5_00, 99_99))
    reversals.propose(sold.sale_id, "A random day takes it back", one.cast.scope(one.who), not_handed_over=True, clock=lambda: NOON)
    [request] = reversals.requests_on(sold.sale_id)
    reversals.approve(sold.sale_id, request.id, one.cast.scope("efua"), clock=lambda: NOON)
    return counter


def test_each_figure_is_the_reports_to_the_cent(random_day):
    for who in ("chidi", "dalia", "efua"):
        scope = random_day.cast.scope(who)
        day = told(scope)
        assert day.amount == total("sales-statistics", scope, "amount"), who
        assert (day.sales, day.reversals) == tuple(total("sales-statistics", scope, one) for one in ("sales", "reversals")), who
        assert day.given_back == -total("day-sheet", scope, "back"), who
        for kind, sums in day.kinds.items():
            assert sums.amount == total("sales-statistics", scope, "amount", type=kind.value), (who, kind)
    for who in ("amara", "corin", "bento"):
        scope = random_day.cast.scope(who)
        day = told(scope)
        assert (day.amount, day.sales) == (total("day-sheet", scope, "cash"), total("day-sheet", scope, "sales")), who
        assert day.own == total("day-sheet", scope, "cash", operator=who), who
        assert sum(sums.amount for sums in day.hours.values()) == day.amount == sum(sums.amount for sums in day.kinds.values())


def test_hours_are_those_of_the_zone_and_the_usual_stops_at_this_time_of_day(counter):
    zone = "Asia/Kathmandu"  # five hours and three quarters before Greenwich
    settle_in(zone)
    here = datetime(2026, 6, 11, 10, 20, tzinfo=ZoneInfo(zone))
    for weeks, clocks in ((2, ("09:59", "10:10", "10:21")), (1, ("10:05",)), (0, ("10:00", "10:19"))):
        for clock in clocks:
            hour, minute = map(int, clock.split(":"))
            counter.clock = (here - weeks * WEEK).replace(hour=hour, minute=minute).astimezone(UTC)
            counter.sells("pump", 10_00 + minute)
    day = told(counter.cast.scope("amara"), here.astimezone(UTC))
    assert (day.hour, day.weeks, list(day.hours)) == (10, 2, [9, 10])
    assert day.usual == (10_59 + 10_10 + 10_05) // 2, "what came at 10:21 had not come by now"
    assert day.hours[9] == day_figures.Sums(0, 0, 5_30), "half of 10.59, a half upwards"
    assert day.hours[10] == day_figures.Sums(20_19, 2, (10_10 + 10_21 + 10_05) // 2)
    assert list(day.kinds) == [MeterType.WATER]


@pytest.mark.one_database
def test_money_that_waits_is_in_the_drawer_and_not_yet_sold(counter):
    counter.clock = NOON - timedelta(minutes=30)
    counter.sells("palm_street", 20_00)
    counter.modules = Deaf(counter.modules)
    counter.sells("pump", 7_00)
    seller, manager = counter.cast.scope("amara"), counter.cast.scope("chidi")
    assert (told(seller).amount, told(seller).sales) == (27_00, 1)
    assert (told(manager).amount, told(manager).sales) == (20_00, 1)
    assert home.waiting_since(manager) == (1, told(manager).day)
    waiting, more = home.waiting_sales(seller)
    assert ([sale.amount for sale in waiting], more) == ([7_00], 0)


@pytest.mark.one_database
def test_another_currency_is_told_apart_and_never_added(counter):
    counter.clock = NOON - timedelta(minutes=30)
    counter.sells("palm_street", 20_00)
    with transaction() as session:
        kenya = Currency(code="KES", symbol="KSh", decimals=2, name="Kenyan shilling")
        session.add(kenya)
        session.flush()
        session.execute(update(Settings).values(currency_id=kenya.id))
    day = told(ALL)
    assert (day.currency.code, day.amount, day.sales, day.hours, day.kinds) == ("KES", 0, 0, {}, {})
    assert day.others == (("USD", 2, 20_00),)
    assert day_figures.points(db.session(), ALL, home.currency(), day.day).best == ()


@pytest.mark.one_database
def test_points_are_ranked_and_those_that_usually_sell_and_do_not_are_named(counter, corner, harbour):
    corner.clock = harbour.clock = NOON - WEEK
    corner.sells("mill", 30_00)
    corner.sells("mill", 40_00)
    harbour.sells("pier", 9_00)
    counter.clock = NOON
    counter.sells("palm_street", 20_00)
    session, day, money = db.session(), NOON.date(), home.currency()
    found = day_figures.points(session, counter.cast.scope("chidi"), money, day)
    assert [(point.code, point.amount, point.sales) for point in found.best] == [("MKT", 20_00, 1)]
    assert [(point.code, point.amount) for point in found.quiet] == [("CRN", 70_00)]
    assert (found.selling, found.silent, found.active) == (1, 1, 2)
    assert {point.code for point in day_figures.points(session, ALL, money, day).quiet} == {"CRN", "HRB"}
    with transaction() as writing:
        writing.execute(update(VendingPoint).where(VendingPoint.code == "CRN").values(active=False))
    assert day_figures.points(session, counter.cast.scope("chidi"), money, day).quiet == (), "one that was shut is not missed"


@pytest.mark.one_database
def test_the_last_sales_of_a_region_are_looked_for_within_a_week(counter):
    counter.clock = NOON - timedelta(days=3)
    sale_id = counter.sells("palm_street", 20_00).sale_id
    day, manager = NOON.date(), counter.cast.scope("chidi")
    assert [sale.id for sale in home.last_sales(manager, day)] == [sale_id]
    assert home.last_sales(manager, day + WEEK) == []
    assert [sale.id for sale in home.last_sales(counter.cast.scope("amara"), day + WEEK)] == [sale_id]
