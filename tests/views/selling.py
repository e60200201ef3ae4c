"""A sale through the service, for tests of pages that show or protect what was sold."""

from __future__ import annotations

from typing import Any

from flask import Flask

from app.services.receipts import Receipt
from app.sts.module import ModuleError
from tests.cast import Cast
from tests.services.conftest import Counter


def sell(app: Flask, cast: Cast, meter: str = "palm_street", who: str = "amara", point: str = "market") -> Receipt:
    """Sell for 20.00; the receipt is as the slip would show it."""
    with app.app_context():
        return Counter(cast, app.extensions["modules"], who, point).sells(meter, 2000)


class Answering:
    """Modules that answer everything with one error: silence, or (`permanent`) a refusal."""

    def __init__(self, modules: Any, code: str = "ENetwork.Timeout", *, permanent: bool = False) -> None:
        self.modules, self.code, self.permanent = modules, code, permanent

    def __getattr__(self, name: str) -> Any:
        return getattr(self.modules, name)

    def by_id(self, _module_id: int, _offset_minutes: int = 0) -> Any:
        """Nobody who would make a token."""
        raise ModuleError(self.code, permanent=self.permanent)
