"""What a consumer's last purchase would have been under a plan that is only typed yet."""

from __future__ import annotations

from decimal import Decimal

import pytest

from app.domain import errors
from app.domain.states import ChargeMethod, MeterType
from app.extensions import db
from app.models import TariffFee, TariffPlan, TariffStep
from app.services.preview import last_purchase_under

pytestmark = pytest.mark.one_database


def dearer(**facts: object) -> TariffPlan:
    """Twice the prices of home, and twice the fee; nothing of it is stored."""
    steps = [TariffStep(start=0, price=Decimal("0.40")), TariffStep(start=1000, price=Decimal("0.60"))]
    fee = {"fixed_fee": Decimal("3.00"), "fixed_method": ChargeMethod.MONTH}
    return TariffPlan(name="Dearer", steps=steps, **(fee | facts))


def again(counter, row: TariffPlan, who: str = "achieng", reader: str = "efua"):
    kind, scope = MeterType.ELECTRICITY, counter.cast.scope(reader)
    return last_purchase_under(db.session(), scope, counter.cast.consumers[who], row, kind)


def test_the_last_purchase_is_priced_with_the_past_that_it_had(counter):
    first = counter.sells("palm_street", 21_50)  # the fee of 1.50, then 100 units
    assert first.token_units == 1000
    found = again(counter, dearer())
    assert (found.wish, found.amount_minor, found.units) == (21_50, 21_50, 1000)
    assert found.quote.token_units == 463  # the fee of 3.00, then 18.50 at 0.40, up to the tenth
    counter.sells("palm_street", 6_00)  # no fee any more, and on the second step
    assert again(counter, dearer()).quote.token_units == 100


def test_a_wished_quantity_stays_a_quantity(counter):
    counter.sells("palm_street", 500, by_quantity=True)
    found = again(counter, dearer())
    assert (found.by_quantity, found.wish, found.quote.amount_minor) == (True, 500, 23_00)


def test_nothing_is_written(counter):
    counter.sells("palm_street", 21_50)
    assert again(counter, dearer()).quote.token_units == 463
    db.session.commit()
    assert db.session.query(TariffPlan).filter_by(name="Dearer").count() == 0


def test_there_may_be_no_purchase_of_this_kind(counter):
    counter.sells("pump", 21_50)
    assert again(counter, dearer()) is None


def test_a_foreign_consumer_is_nobody(counter):
    with pytest.raises(errors.OutOfScope):
        again(counter, dearer(), who="juma", reader="chidi")


def test_why_the_plan_refuses_it_is_told(counter):
    counter.sells("palm_street", 21_50)
    with pytest.raises(errors.FeesNotCovered):
        again(counter, dearer(fixed_fee=Decimal(50)))
    capacity = TariffFee(
        code="kva", name="", amount=Decimal(1), method=ChargeMethod.MONTH, per_capacity=True, capacity_unit="kVA"
    )
    with pytest.raises(errors.MeterWithoutCapacity):
        again(counter, dearer(fees=[capacity]))
