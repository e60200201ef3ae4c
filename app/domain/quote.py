"""A priced purchase that explains itself, line by line.

Every line has its exact amount and the amount as printed; the printed ones, with the closing
rounding line, always add up to the sum that is charged (rule f).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction
from typing import Any

from app.domain.states import ChargeMethod


class By(StrEnum):
    """Which side the customer named."""

    AMOUNT = "amount"
    QUANTITY = "quantity"


class LineKind(StrEnum):
    """What a line of the sum is for."""

    CHANNEL = "channel"
    DEBT = "debt"
    ARREARS = "arrears"
    FEE = "fee"
    STEP = "step"
    LEVY = "levy"
    FINE = "fine"
    TAX = "tax"
    ROUNDING = "rounding"


@dataclass(frozen=True, slots=True)
class Line:
    """One line: what it is, the figures of its rule (`params`), and what it comes to.

    `amount` is exact in major units, `amount_minor` is what is printed; `quantity` is in
    units where a line has one.  `params` holds plain numbers only; wording is the page's.
    """

    kind: LineKind
    code: str
    name: str
    params: Mapping[str, Any]
    quantity: Fraction | None
    amount: Fraction
    amount_minor: int


@dataclass(frozen=True, slots=True)
class FeeTaken:
    """What a purchase does to one fee: newly owed (`assessed`) and paid (`taken`), major units.

    The sum of assessed minus taken over a meter's sales is what is carried to the next one.
    """

    code: str
    method: ChargeMethod
    periods: int
    assessed: Fraction
    taken: Fraction


@dataclass(frozen=True, slots=True)
class Quote:
    """What a purchase costs and carries.

    `exact_units` is what the money buys exactly, `priced_units` that rounded by the plan
    (rule b), `token_units` the tenths the token carries (rule c; 0: only fees are paid, no
    token).  `given_away` is token minus exact, in units; below zero it is the customer's
    loss by a plan that rounds down.  `left_minor` is money that no quantity costs (a fine
    or lifeline limit makes the price jump): it is handed back, never lost.
    """

    by: By
    lines: tuple[Line, ...]
    amount_minor: int
    exact_units: Fraction
    priced_units: Fraction
    token_units: int
    given_away: Fraction
    fees: tuple[FeeTaken, ...]
    left_minor: int = 0
