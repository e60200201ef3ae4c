"""A sale through the service, for tests of pages that show or protect what was sold."""

from __future__ import annotations

from flask import Flask

from app.services.receipts import Receipt
from tests.cast import Cast
from tests.services.conftest import Counter


def sell(app: Flask, cast: Cast, meter: str = "palm_street", who: str = "amara", point: str = "market") -> Receipt:
    """Sell for 20.00; the receipt is as the slip would show it."""
    with app.app_context():
        return Counter(cast, app.extensions["modules"], who, point).sells(meter, 2000)
