"""The demonstration: a small utility with a week of real sales behind it, and a large one with three months."""

from __future__ import annotations

import json
from collections import Counter
from types import SimpleNamespace

import pytest
from sqlalchemy import select

from app.access.scope import Scope
from app.db import transaction
from app.demo import load_demonstration, scene_of
from app.domain.states import MeterStatus, MeterType, SaleKind, SaleStatus, TokenKind
from app.extensions import db
from app.models import (
    AppUser,
    Consumer,
    EngineeringRecord,
    Meter,
    Product,
    Region,
    Sale,
    SaleLine,
    Settings,
    Tariff,
    Token,
    VendingPoint,
)
from app.services import match
from app.services.ledger_check import differences
from app.sts.meter_number import pan_from_drn
from app.sts.module import MeterConfig
from app.views.exports import lines
from tests.importing import Importer, csv_file

DAYS = 3


def counts(*tables):
    return [db.session.query(table).count() for table in tables]


def tokens_are_real(modules, most):
    credit = db.session.query(Token).filter_by(kind=TokenKind.CREDIT)
    for token in credit.limit(most):
        meter = db.session.get_one(Meter, token.meter_id)
        config = MeterConfig(
            pan_from_drn(meter.meter_number), meter.ea, meter.tct, token.sgc, token.krn, token.ti, meter.ken
        )
        assert modules.by_id(token.module_id).verify(config, token.digits).amount == token.amount


@pytest.mark.one_database
def test_it_is_what_a_newcomer_needs_and_adds_up(context):
    modules = context.extensions["modules"]
    load_demonstration(modules, days=DAYS)
    assert counts(VendingPoint, Consumer, Meter) == [3, 12, 20]
    assert db.session.query(Region).filter_by(level=0).count() == 2
    assert {product.meter_type for product in db.session.query(Product)} == set(MeterType)
    meters = db.session.query(Meter).all()
    assert {(m.algorithm.value, m.ea) for m in meters} == {("legacy", 7), ("sts6", 7), ("sts6", 11)}
    assert {len(m.meter_number) for m in meters} == {11, 13}
    sales = db.session.query(Sale).all()
    assert len(sales) > 20
    assert {sale.status for sale in sales} == {SaleStatus.ISSUED}
    assert len({sale.business_date for sale in sales}) >= DAYS
    assert differences() == []
    assert db.session.execute(db.text("PRAGMA synchronous")).scalar() == 2, "as careful as ever afterwards"
    tokens_are_real(modules, 20)


@pytest.mark.one_database
def test_the_large_one_has_something_for_every_screen(context):
    modules, scene = context.extensions["modules"], scene_of("full")
    assert scene == scene_of("full"), "the same town for everybody"
    assert scene.days == 90
    load_demonstration(modules, days=DAYS, scene=scene)
    assert counts(VendingPoint, Consumer, Meter) == [5, 60, 80]
    states = Counter(meter.status for meter in db.session.query(Meter))
    assert states == {
        MeterStatus.INSTALLED: 69, MeterStatus.IN_STOCK: 5, MeterStatus.BLOCKED: 4, MeterStatus.REMOVED: 2
    }  # fmt: skip
    blocked = db.session.query(Meter).filter_by(status=MeterStatus.BLOCKED)
    assert all(meter.status_reason and meter.status_since for meter in blocked)
    assert {meter.meter_type for meter in db.session.query(Meter)} == set(MeterType)
    assert db.session.query(Meter).filter_by(sgc="888888").count() == 3, "a key change is due"
    assert db.session.query(AppUser).filter_by(active=False).count() == 1
    assert db.session.query(Consumer).filter(Consumer.debt_minor > 0).count() >= 3
    assert db.session.query(Consumer).filter_by(active=False).count() == 2
    assert sum(len(tariff.plans) for tariff in db.session.query(Tariff)) == 7, "the price of water has risen"
    assert len({sale.vending_point_id for sale in db.session.query(Sale)}) == 5
    kinds = {kind for (kind,) in db.session.query(SaleLine.kind).distinct()}
    assert {"step", "fee", "tax", "levy"} <= kinds
    acts = Counter((act.function, act.status) for act in db.session.query(EngineeringRecord))
    assert acts == {
        ("meter_test", "issued"): 2, ("key_change", "issued"): 2, ("clear_credit", "issued"): 1,
        ("maximum_power_limit", "issued"): 1, ("clear_tamper_condition", "issued"): 1,
        ("clear_tamper_condition", "proposed"): 1,
    }  # fmt: skip
    assert all(a.approver_id for a in db.session.query(EngineeringRecord).filter_by(function="clear_credit"))
    assert db.session.query(Meter).filter_by(krn=2).count() == 1, "one took its new key"
    assert db.session.query(Meter).filter(Meter.pending_sgc.is_not(None)).count() >= 1, "one is under way"
    assert db.session.query(Sale).filter_by(kind=SaleKind.REVERSAL).count() == 2
    assert differences() == []
    tokens_are_real(modules, 20)
    assert {one.row.difference for one in match.look(modules)} == {0}, "its past was made today"


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


@pytest.mark.one_database
def test_its_consumers_go_out_as_a_file_and_come_back_unchanged(context):
    load_demonstration(context.extensions["modules"], days=0)
    with transaction() as session:
        assert set(session.scalars(select(Consumer.language))) <= set(context.config["LANGUAGES"])
        # One who came from elsewhere, with a language that the program does not speak.
        session.query(Consumer).filter_by(user_number="12044").one().language = "zh"
    scope = Scope.everything(db.session.query(AppUser.id).filter_by(active=True).first()[0])
    anybody = SimpleNamespace(users={"admin": scope.user_id}, scope=lambda _who: scope)
    headings, rows = lines("consumers", select(Consumer.id))
    checked = Importer(context, anybody, "admin").checks("consumers", csv_file(headings, *rows))
    counts = json.loads(checked.counts)
    assert (counts["rows"], counts["same"]) == (12, 12), counts
