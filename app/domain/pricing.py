"""Tariff plan + wish + history -> Quote, in both directions, exactly.

Rounding happens where the rules say and nowhere else: (a) the settlement method rounds money
to the currency's unit; (b) the plan rounds the units an amount buys; (c) the token carries
those, raised to what a token can hold; (d) a wished quantity is first raised to what a token
can hold, and that is charged; (e) by amount the lines are for the exact money; (f) a rounding
line closes the sum.  Steps count what tokens carried (g): that is `History.units_before`.
"""
from __future__ import annotations

from collections.abc import Callable

from app.domain.money import Currency
from app.domain.plan import Charge, Debt, Fee, FeeState, Fine, History, Levy, Plan, Schedule, Step, Tax
from app.domain.quote import By, FeeTaken, Line, LineKind, Quote
from app.domain.states import Settlement

__all__ = [
    "By", "Charge", "Debt", "Fee", "FeeState", "FeeTaken", "Fine", "History", "Levy", "Line",
    "LineKind", "Plan", "Quote", "Schedule", "Step", "Tax", "quote_by_amount", "quote_by_quantity",
]  # fmt: skip


def quote_by_amount(
    plan: Plan,
    history: History,
    amount_minor: int,
    currency: Currency,
    settlement: Settlement,
    representable: Callable[[int], int],
    maximum: int,
) -> Quote:
    """What `amount_minor` buys.  `representable` raises tenths to what a token can hold."""
    raise NotImplementedError


def quote_by_quantity(
    plan: Plan,
    history: History,
    quantity_tenths: int,
    currency: Currency,
    settlement: Settlement,
    representable: Callable[[int], int],
    maximum: int,
) -> Quote:
    """What `quantity_tenths` cost.  `representable` raises tenths to what a token can hold."""
    raise NotImplementedError
