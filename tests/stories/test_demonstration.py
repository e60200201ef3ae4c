"""The demonstration: a small utility with a week of real sales behind it."""

from __future__ import annotations

import pytest

from app.db import transaction
from app.demo import DAYS, load_demonstration
from app.domain.states import MeterType, SaleStatus
from app.extensions import db
from app.models import Consumer, Meter, Product, Region, Sale, Settings, Token, VendingPoint
from app.services.ledger_check import differences
from app.sts.meter_number import pan_from_drn
from app.sts.module import MeterConfig


@pytest.mark.one_database
def test_it_is_what_a_newcomer_needs_and_adds_up(context):
    modules = context.extensions["modules"]
    load_demonstration(modules)
    counts = [db.session.query(table).count() for table in (VendingPoint, Consumer, Meter)]
    assert counts == [3, 12, 20]
    assert db.session.query(Region).filter_by(level=0).count() == 2
    assert {product.meter_type for product in db.session.query(Product)} == set(MeterType)
    meters = db.session.query(Meter).all()
    assert {(m.algorithm.value, m.ea) for m in meters} == {("legacy", 7), ("sts6", 7), ("sts6", 11)}
    assert {len(m.meter_number) for m in meters} == {11, 13}
    sales = db.session.query(Sale).all()
    assert len(sales) > 100
    assert {sale.status for sale in sales} == {SaleStatus.ISSUED}
    assert len({sale.business_date for sale in sales}) >= DAYS
    assert differences() == []
    for token in db.session.query(Token).limit(20):
        meter = db.session.get_one(Meter, token.meter_id)
        config = MeterConfig(
            pan_from_drn(meter.meter_number), meter.ea, meter.tct, meter.sgc, meter.krn, meter.ti, meter.ken
        )
        assert modules.by_id(token.module_id).verify(config, token.digits).amount == token.amount


@pytest.mark.one_database
def test_it_leaves_a_database_alone_that_is_not_empty_and_goes_on_where_it_was_stopped(context):
    modules = context.extensions["modules"]
    with transaction() as session:
        session.add(Region(name="Somewhere"))
    assert load_demonstration(modules) == ["the database is not empty: nothing was loaded"]
    with transaction() as session:
        session.query(Region).delete()
    load_demonstration(modules, days=0)
    assert db.session.query(Sale).count() == 0
    assert db.session.get_one(Settings, 1).demonstration
    db.session.rollback()
    load_demonstration(modules, days=1)
    assert db.session.query(Sale).count() > 0
