"""Which rows are whose, asked of statements and of single rows."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from app.access.scope import By, Scope, narrow, require
from app.db import transaction
from app.domain.errors import OutOfScope
from app.domain.states import RowScope
from app.extensions import db
from app.models import Consumer, Meter, Region, Sale, Token, VendingPoint

PLACES = ("market", "corner", "harbour")


def seen(world, scope: Scope, by: By) -> list[str]:
    """Places whose sale the scope sees by this owner."""
    ids = set(db.session.scalars(narrow(select(Sale.id), scope, by)))
    return [place for place in PLACES if world.rows["sale"][place] in ids]


EXPECTED = {
    ("amara", By.VENDING_POINT): ["market"],
    ("amara", By.POINT_REGION): ["market", "corner"],
    ("amara", By.CONSUMER_REGION): ["market", "corner"],
    ("bento", By.VENDING_POINT): ["harbour"],
    ("bento", By.CONSUMER_REGION): ["harbour"],
    ("chidi", By.VENDING_POINT): ["market", "corner"],
    ("dalia", By.CONSUMER_REGION): ["market", "corner"],
    ("efua", By.VENDING_POINT): list(PLACES),
}


def test_reports_ask_by_point_and_by_region(app, world):
    with app.app_context():
        found = {(name, by): seen(world, world.cast.scope(name), by) for name, by in EXPECTED}
    assert found == EXPECTED


def test_nobody_sees_nothing(app, world):
    with app.app_context():
        for by in By:
            assert seen(world, Scope(), by) == []
            assert seen(world, Scope(row_scope=RowScope.REGION), by) == []
            assert seen(world, Scope.everything(), by) == list(PLACES)
        assert seen(world, Scope(row_scope=RowScope.VENDING_POINT), By.VENDING_POINT) == []


def test_a_single_foreign_row_is_refused(app, world):
    rows = {Sale: "sale", Consumer: "consumer", Meter: "meter", VendingPoint: "point"}
    with app.app_context():
        for name, own, foreign in (("amara", "market", "harbour"), ("chidi", "market", "harbour")):
            scope = world.cast.scope(name)
            for model, kind in rows.items():
                require(db.session.get_one(model, world.rows[kind][own]), scope)
                with pytest.raises(OutOfScope):
                    require(db.session.get_one(model, world.rows[kind][foreign]), scope)


def test_a_neighbour_of_the_same_region_is_a_stranger_to_an_operator(app, world):
    with app.app_context():
        sale = db.session.get_one(Sale, world.rows["sale"]["corner"])
        require(sale, world.cast.scope("chidi"))
        with pytest.raises(OutOfScope):
            require(sale, world.cast.scope("amara"))


def test_a_row_without_an_owner_is_a_mistake_of_the_program(app, world):
    with app.app_context():
        with pytest.raises(LookupError):
            require(world.cast, world.cast.scope("amara"))
        assert db.session.scalars(narrow(select(Token.id), Scope(), By.VENDING_POINT, Token)).all() == []


def test_a_token_stays_with_the_region_of_its_sale_when_the_vending_point_moves(app, world):
    """As the sale itself does: what was made in a region is looked up there for ever."""
    with app.app_context():
        cast = world.cast
        before = {name: tokens(cast.scope(name)) for name in ("chidi", "dalia", "efua", "corin")}
        assert before["chidi"], "Chidi's region has sold and recorded"
        with transaction() as session:
            session.get_one(VendingPoint, cast.points["corner"]).region_id = cast.regions["harbour"]
        for name in ("chidi", "dalia", "efua", "corin"):
            assert tokens(cast.scope(name)) == before[name], name
        lake = Scope(row_scope=RowScope.REGION, region_path=db.session.get_one(Region, cast.regions["lake"]).path)
        assert not tokens(lake) & before["chidi"]


def tokens(scope: Scope) -> set[int]:
    return set(db.session.scalars(narrow(select(Token.id), scope, By.VENDING_POINT, Token)))
