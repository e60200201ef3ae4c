"""Which balanced postings a sale makes.

A posting is one row: debit account, credit account, an amount above zero in minor units.
An imbalance cannot be written down.

>>> from app.domain.quote import LineKind
>>> [entry] = entries_of_sale([(LineKind.STEP, "energy", 650)])
>>> entry.debit, entry.credit, entry.amount
('cash', 'revenue.energy', 650)
>>> entries_of_sale([(LineKind.ROUNDING, "rounding", -3)])[0].debit
'rounding'
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

from app.domain.quote import LineKind

CASH = "cash"
# What a consumer owes from before, and against what it came into the books.
DEBT = "debt"
DEBT_OPENED = "debt.opened"


@dataclass(frozen=True, slots=True)
class Entry:
    """`amount` minor units (> 0) from the account `credit` to the account `debit`."""

    debit: str
    credit: str
    amount: int
    line_no: int | None = None

    def __post_init__(self) -> None:
        if self.amount <= 0:
            raise ValueError("a posting has an amount above zero")
        if self.debit == self.credit:
            raise ValueError("a posting needs two accounts")


class PricedLine(Protocol):
    """What a posting needs of a line of a quote or of a stored sale."""

    @property
    def kind(self) -> str:
        """One of LineKind, as text."""

    @property
    def code(self) -> str:
        """Which fee, levy or tax."""

    @property
    def amount_minor(self) -> int:
        """What is printed, in minor units."""


def account_of(kind: str, code: str) -> str:
    """The account that a line of this kind and code belongs to."""
    match kind:
        case LineKind.STEP:
            return "revenue.energy"
        case LineKind.FEE | LineKind.ARREARS:
            return f"revenue.fee.{code}"
        case LineKind.CHANNEL:
            return f"revenue.channel.{code}"
        case LineKind.TAX:
            return f"tax.{code}"
        case LineKind.LEVY:
            return f"levy.{code}"
        case LineKind.FINE:
            return "revenue.fine"
        case LineKind.DEBT:
            return DEBT
        case LineKind.ROUNDING:
            return "rounding"
    raise ValueError(f"no account for a line of kind {kind!r}")


def entries_of_sale(
    lines: Iterable[PricedLine | tuple[str, str, int]], cash_account: str = CASH
) -> tuple[Entry, ...]:
    """One entry per line that is not zero; a negative line swaps the sides.

    Lines are quote lines, stored sale lines, or (kind, code, amount_minor); `line_no` counts
    all of them from 1, the zero ones included.
    """
    entries = []
    for line_no, line in enumerate(lines, start=1):
        if isinstance(line, tuple):
            kind, code, amount = line
        else:
            kind, code, amount = line.kind, line.code, line.amount_minor
        account = account_of(kind, code)
        if amount > 0:
            entries.append(Entry(cash_account, account, amount, line_no))
        elif amount < 0:
            entries.append(Entry(account, cash_account, -amount, line_no))
    return tuple(entries)


def entries_of_reversal(entries: Iterable[Entry]) -> tuple[Entry, ...]:
    """The same rows with the sides swapped: together with the sale they come to nothing."""
    return tuple(Entry(e.credit, e.debit, e.amount, e.line_no) for e in entries)
