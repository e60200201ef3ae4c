"""What somebody typed at the counter, as it was typed, and the wish it means.

The text is kept beside its meaning, so that a refusal never loses what was typed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from app.domain.digits import ascii_digits
from app.domain.money import Currency, parse_decimal, to_minor
from app.views.figures import plain_number

TENTHS = Currency("", "", 1)  # units have one decimal
TEXT_MAX = 60
REFERENCE_MAX = 80
ROW_ID_MAX = 2**31 - 1


@dataclass(frozen=True, slots=True)
class Typed:
    """The fields of the purchase page: text, and which side was named."""

    meter_number: str = ""
    by_quantity: bool = False
    value: str = ""
    received: str = ""
    point: str = ""
    only_fees: bool = False
    # The purchase's own reference, and the newest sale of the same that the seller was warned of.
    reference: str = ""
    again: str = ""

    @classmethod
    def read(cls, fields: Mapping[str, str], meter_number: str = "") -> Typed:
        """Take the fields of a form or an address; what is missing is empty, nothing is refused."""
        return cls(
            meter_number=ascii_digits(meter_number or fields.get("meter_number", ""))[:TEXT_MAX],
            by_quantity=fields.get("by") == "quantity",
            # A quick value that was pressed stands for what was typed.
            value=(fields.get("pick") or fields.get("value", "")).strip()[:TEXT_MAX],
            received=fields.get("received", "").strip()[:TEXT_MAX],
            point=fields.get("point", "")[:TEXT_MAX],
            only_fees=fields.get("only_fees") == "yes",
            reference=fields.get("reference", "")[:REFERENCE_MAX],
            again=fields.get("again", "")[:TEXT_MAX],
        )

    def kept(self) -> dict[str, str]:
        """What the address of the purchase page carries, so that nothing typed is lost."""
        fields = {
            "by": "quantity" if self.by_quantity else "",
            "value": self.value,
            "received": self.received,
            "point": self.point,
            "reference": self.reference,
        }
        return {name: text for name, text in fields.items() if text}

    def with_meter(self, meter_number: str) -> Typed:
        """The same wish for the meter as it is really numbered."""
        return replace(self, meter_number=meter_number)

    def with_point(self, point: str) -> Typed:
        """The vending point of the sale before, where none was chosen."""
        return self if self.point else replace(self, point=point)

    def wish_value(self, currency: Currency) -> int:
        """Minor units, or tenths by quantity.  Raises the refusals of `parse_decimal`."""
        return _whole(self.value, TENTHS if self.by_quantity else currency)

    def received_minor(self, currency: Currency) -> int | None:
        """What the customer handed over; None when nothing was typed."""
        return _whole(self.received, currency) if self.received else None


def _whole(text: str, currency: Currency) -> int:
    return to_minor(parse_decimal(plain_number(text), decimals=currency.decimals), currency)


def row_id(text: str) -> int | None:
    """A row's id from a form; None for anything that no row can have."""
    if not (text.isascii() and text.isdigit() and len(text) <= 10):
        return None
    return int(text) if 0 < int(text) <= ROW_ID_MAX else None


def shown(text: str) -> int:
    """A figure of the page's own hidden fields; a tampered one never matches a quote."""
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 18 else -1
