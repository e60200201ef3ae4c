"""A set-up database with the cast in it, and a counter to sell at."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import pytest
from flask import Flask

from app.extensions import db
from app.models import CashAccount, Meter
from app.services.receipts import Receipt, receipt_for
from app.services.vending import Order, Wish, quote, vend
from tests.cast import Cast, make_cast


@dataclass
class Counter:
    """Somebody at a vending point; `clock` is what the wall shows."""

    cast: Cast
    modules: Any
    who: str = "amara"
    point: str = "market"
    clock: datetime = field(default_factory=lambda: datetime.now(UTC))
    numbers: Any = field(default_factory=lambda: itertools.count(1))

    def order(self, meter: str, value: int, *, by_quantity: bool = False, **changes: Any) -> Order:
        """An order as the page would send it, with the price it was shown."""
        wish = Wish(self.number(meter), by_quantity, value)
        offer = quote(wish, self.cast.scope(self.who), instant=self.clock)
        priced = offer.quote
        facts = {
            "reference": f"reference-{next(self.numbers):05d}",
            "meter_number": wish.meter_number,
            "vending_point_id": self.cast.points[self.point],
            "operator_id": self.cast.users[self.who],
            "by_quantity": by_quantity,
            "value": value,
            "shown_amount": priced.amount_minor,
            "shown_units": priced.token_units,
            # Somebody who sells the same again means it.
            "again_after": offer.same.sale_id if offer.same else 0,
        }
        return Order(**(facts | changes))

    def sends(self, order: Order) -> Receipt:
        """Send an order and read its receipt."""
        scope = self.cast.scope(self.who)
        sale_id = vend(order, scope, self.modules, clock=lambda: self.clock)
        return receipt_for(sale_id, scope)

    def sells(self, meter: str, value: int, **changes: Any) -> Receipt:
        """Quote, sell, and read the receipt."""
        return self.sends(self.order(meter, value, **changes))

    def number(self, meter: str) -> str:
        """The meter number of one of the cast's meters."""
        return db.session.get_one(Meter, self.cast.meters[meter]).meter_number

    @property
    def account(self) -> CashAccount:
        """The vending point's account as it is now."""
        db.session.rollback()
        point = self.cast.points[self.point]
        return db.session.query(CashAccount).filter_by(vending_point_id=point).one()


@pytest.fixture
def cast(context: Flask) -> Cast:
    """Everybody, in this test's own database."""
    return make_cast()


@pytest.fixture
def counter(context: Flask, cast: Cast) -> Counter:
    """Amara at the Market shop."""
    return Counter(cast, context.extensions["modules"])


@pytest.fixture
def harbour(context: Flask, cast: Cast) -> Counter:
    """Bento at the Harbour shop."""
    return Counter(cast, context.extensions["modules"], who="bento", point="harbour")


@pytest.fixture
def corner(context: Flask, cast: Cast) -> Counter:
    """Corin at the Corner shop, in Amara's region."""
    return Counter(cast, context.extensions["modules"], who="corin", point="corner")
