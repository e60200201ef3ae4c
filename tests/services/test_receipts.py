"""The slip's money and the numbers of its copies."""

from __future__ import annotations

import threading

import pytest
from flask_migrate import downgrade, upgrade
from sqlalchemy import select, text

from app.db import transaction
from app.extensions import db
from app.models import Meter, Reprint, Tariff, TariffPlan, TariffStep
from app.models.tariff import TariffFine
from app.services.receipts import count_reprint
from app.views.slip import make_slip
from tests.cast import LONG_AGO

PRINTERS = 6


@pytest.fixture
def jump(counter):
    """The pump on a tariff whose fine makes the price jump: 1.00 a unit, above 50 in one purchase 100.00 more."""
    with transaction() as session:
        meter = session.get_one(Meter, counter.cast.meters["pump"])
        tariff = Tariff(name="With fines", meter_type=meter.meter_type)
        tariff.plans.append(
            TariffPlan(
                name="2020", effective_from=LONG_AGO, steps=[TariffStep(start=0, price=1)],
                fines=[TariffFine(start=0, fine=0), TariffFine(start=500, fine=100)],
            )
        )  # fmt: skip
        session.add(tariff)
        session.flush()
        meter.tariff_id = tariff.id
    return counter


def paid(context, receipt) -> dict[str, str]:
    with context.test_request_context("/"):
        return {str(label): value for label, value in make_slip(receipt).paid}


def test_the_money_left_at_a_jump_stands_as_change_on_the_slip(context, jump):
    receipt = jump.sells("pump", 120_00)
    assert (receipt.amount, receipt.received, receipt.change) == (50_00, 120_00, 70_00)
    slip = paid(context, receipt)
    assert (slip["Amount received"], slip["Change"]) == ("120.00", "70.00")


def test_what_was_typed_as_received_goes_before_what_was_named(jump):
    receipt = jump.sells("pump", 120_00, received=200_00)
    assert (receipt.received, receipt.change) == (200_00, 150_00)


@pytest.mark.parametrize(("value", "by_quantity", "amount"), [(40_00, False, 40_00), (400, True, 40_00)])
def test_where_all_of_it_is_taken_nothing_is_invented(context, jump, value, by_quantity, amount):
    receipt = jump.sells("pump", value, by_quantity=by_quantity)
    assert (receipt.amount, receipt.received, receipt.change) == (amount, None, None)
    slip = paid(context, receipt)
    assert (slip["Amount received"], slip["Change"]) == ("40.00", "0.00")


def test_no_two_papers_of_one_sale_bear_the_same_number(context, counter):
    receipt = counter.sells("pump", 5_00)
    scope, user = counter.cast.scope("amara"), counter.cast.users["amara"]
    gate, drawn = threading.Barrier(PRINTERS), []
    db.session.remove()

    def print_one() -> None:
        with context.app_context():
            gate.wait()
            drawn.append(count_reprint(receipt.sale_id, user, scope))
            db.session.remove()

    printers = [threading.Thread(target=print_one) for _ in range(PRINTERS)]
    for printer in printers:
        printer.start()
    for printer in printers:
        printer.join()
    assert sorted(drawn) == list(range(1, PRINTERS + 1))


def test_numbers_drawn_twice_before_are_counted_on_by_the_upgrade(context, counter):
    twice, once = (counter.sells("pump", amount).sale_id for amount in (5_00, 6_00))
    db.session.remove()
    downgrade(revision="0006")
    with db.engine.begin() as connection:
        for sale_id, number in ((twice, 1), (once, 1), (twice, 1), (twice, 2), (twice, 2), (once, 2)):
            connection.execute(
                text(
                    "INSERT INTO reprint (sale_id, copy_number, user_id, printed_at)"
                    " VALUES (:sale, :number, :user, '2026-11-01 08:00:00')"
                ),
                {"sale": sale_id, "number": number, "user": counter.cast.users["amara"]},
            )
    upgrade()
    rows = db.session.execute(select(Reprint.sale_id, Reprint.copy_number).order_by(Reprint.id)).all()
    assert [number for sale, number in rows if sale == twice] == [1, 2, 3, 4]
    assert [number for sale, number in rows if sale == once] == [1, 2]
    with pytest.raises(Exception, match="append-only"), db.engine.begin() as connection:
        connection.execute(text("UPDATE reprint SET copy_number = 9"))
