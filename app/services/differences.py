"""What a check of the books names: one difference, by a code with its figures, and whose rows it is about."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from app.models.summaries import COUNTED

# What the shell says; the page says the same by the code, in the reader's language.
SENTENCES = {
    "account": "vending point {point}: {name} is {stored}, the facts say {counted}",
    "receipts": "vending point {point}: {count} receipts, but the newest is number {newest}",
    "lines": "sale {sale}: the lines add up to {counted}, the amount is {stored}",
    "postings": "sale {sale} ({status}): the postings are not those of its lines",
    "posting": "posting {posting}: no sale and no debt that was entered explains these {amount}",
    "debt_entry": "consumer {consumer}: the posting of debt entry {entry} does not say what the entry says",
    "reversal": "sale {sale}: it is not the mirror of the sale that it undoes",
    "meter": "sale {sale}: its token is for meter {pan}, the sale for another one",
    "fees": "sale {sale}: what is kept of its fees is not what its lines say",
    "debt": "consumer {consumer}: the debt is {stored}, the postings say {counted}",
    "tokens": "sale {sale} ({status}): {counted} credit tokens instead of {wanted}",
    "carried": "sale {sale}: the token carries {counted}, the sale says {stored}",
    "digits": "sale {sale}: its tokens are not those that the module made",
    "day": "{table} {where}: stored {stored}, the facts say {counted}",
}


@dataclass(frozen=True, slots=True)
class Difference:
    """One place where what is stored and the facts disagree.

    `about` says whose it is: 'sale', 'point', 'consumer', 'region' or 'posting', with the row's id.
    """

    code: str
    about: str
    row: int
    facts: Mapping[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        return SENTENCES[self.code].format(**{self.about: self.row, **self.facts})

    def plain(self) -> dict[str, Any]:
        """What is stored of it."""
        return {"code": self.code, "about": self.about, "row": self.row, "facts": dict(self.facts)}


def at_sale(code: str, sale_id: int, **facts: Any) -> Difference:
    """A difference in one sale."""
    return Difference(code, "sale", sale_id, facts)


def sums_in_words(row: tuple[int, ...] | None) -> str:
    """The counted figures of a day's or a month's row, by their names."""
    if row is None:
        return "nothing"
    return ", ".join(f"{name} {value}" for name, value in zip(COUNTED, row, strict=True))
