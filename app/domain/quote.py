"""A priced purchase that explains itself, line by line.

Every line has its exact amount and the amount as printed; the printed ones, with the closing
rounding line, always add up to the sum that is charged (rule f).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from fractions import Fraction
from functools import cached_property
from typing import Protocol

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
    units where a line has one.  `params` is ready for JSON: ints, decimal text ("29.5")
    and code words; `lines.py` says which kind has which.
    """

    kind: LineKind
    code: str
    name: str
    params: Mapping[str, int | str]
    quantity: Fraction | None
    amount: Fraction
    amount_minor: int


@dataclass(frozen=True, slots=True)
class FeeTaken:
    """What a purchase does to one fee: newly owed (`assessed`) and paid (`taken`), major units.

    The sum of assessed minus taken over a meter's sales is what is carried to the next one.
    `periods` are the newly due periods this purchase has charged.
    """

    code: str
    method: ChargeMethod
    periods: int
    assessed: Fraction
    taken: Fraction


class Explanation(Protocol):
    """Makes the lines and fee records of a quote when somebody reads them."""

    def lines(self, amount_minor: int) -> tuple[Line, ...]:
        """All lines, the rounding line last."""

    def fees(self) -> tuple[FeeTaken, ...]:
        """One record for every fee of the plan."""


@dataclass(frozen=True)
class Quote:
    """What a purchase costs and carries.

    `exact_units` is what the money buys exactly, `priced_units` that rounded by the plan
    (rule b), `token_units` the tenths the token carries (rule c; 0: only fees are paid, no
    token).  `given_away` is token minus exact, in units; below zero it is the customer's
    loss by a plan that rounds down.  `left_minor` is money that no quantity costs (a fine
    or lifeline limit makes the price jump): it is handed back, never lost.
    """

    by: By
    amount_minor: int
    exact_units: Fraction
    priced_units: Fraction
    token_units: int
    explanation: Explanation = field(repr=False, compare=False)
    left_minor: int = 0

    @property
    def given_away(self) -> Fraction:
        """Units in the token beyond what the lines charge."""
        return Fraction(self.token_units, 10) - self.exact_units

    @cached_property
    def lines(self) -> tuple[Line, ...]:
        """The sum explained; the printed amounts add up to `amount_minor`."""
        return self.explanation.lines(self.amount_minor)

    @cached_property
    def fees(self) -> tuple[FeeTaken, ...]:
        """What became of each fixed fee."""
        return self.explanation.fees()
