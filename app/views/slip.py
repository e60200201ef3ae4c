"""The slip: a receipt as rows for 80 mm of paper, its height in millimetres, and its QR code.

The roll is cut where the server says: a printer is not asked to guess, and a slip of two
tokens is longer than one of one.  38 signs of the mono face stand on a line.
"""

from __future__ import annotations

import math
import textwrap
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import segno
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_babel import ngettext, pgettext

from app.domain.states import SaleKind, SaleStatus, TokenKind
from app.services.decisions import Told
from app.services.receipts import Receipt, ReceiptLine, receipt_number
from app.views import choices, figures
from app.views.sum_lines import Worded, worded

COLUMNS = 38
LINE_MM, BIG_LINE_MM, TOKEN_LINE_MM, QR_MM = 4.3, 5.5, 8.8, 31.5
PARTS, RULE_MM, EDGE_MM = 8, 3.2, 10
DEMONSTRATION = _l("DEMONSTRATION: made with a public key, no real meter takes this token.")
PENDING = _l("The token has not come yet.")
PENDING_MORE = _l("The money is held for this sale and cannot be taken twice. Bring this slip to get the token.")
REVERSED = _l("REVERSED: this sale was undone and its money given back.")
FAILED = _l("No token was made and no money was booked.")
MASK_KEEPS = 4
Row = tuple[str, str]


@dataclass(frozen=True, slots=True)
class StoredLine:
    """A stored line in the shape that `worded` speaks of."""

    kind: str
    name: str
    params: Mapping[str, Any]
    quantity: Fraction | None
    amount_minor: int

    @classmethod
    def of(cls, line: ReceiptLine) -> StoredLine:
        """Take one line of a receipt."""
        return cls(line.kind, line.name, line.params, line.quantity, line.amount)


@dataclass(frozen=True, slots=True)
class Slip:
    """What stands on the paper, in its order; templates only lay it out."""

    receipt: Receipt
    mark: int
    about: tuple[Row, ...]
    person: tuple[Row, ...]
    meter: tuple[Row, ...]
    lines: tuple[Worded, ...]
    paid: tuple[Row, ...]
    # The decision that released the sale, where two people made one.
    released: Told | None = None

    @property
    def pending(self) -> bool:
        """Whether the token is still to come."""
        return self.receipt.status is SaleStatus.RESERVED

    @property
    def failed(self) -> bool:
        """Whether the money was released again."""
        return self.receipt.status is SaleStatus.FAILED

    @property
    def undoes(self) -> str:
        """The receipt that a reversal undoes, as it is printed; nothing on any other slip."""
        undone = self.receipt.facts.get("reverses")
        return "" if undone is None else receipt_number(self.receipt.facts["point"]["code"], undone["receipt_number"]) or ""

    @property
    def why(self) -> str:
        """Why a sale was released, where two people decided it; else nothing."""
        if self.released is None or self.released.decided_at is None:
            return ""
        when = figures.moment(self.released.decided_at)
        return _("The security module never answered. Two people released this sale on %(time)s.", time=when)

    @property
    def back(self) -> str:
        """What the customer of a failed sale gets back."""
        receipt = self.receipt
        minor = receipt.amount if receipt.received is None else receipt.received
        money = figures.money_code(minor, receipt.currency.decimals, receipt.currency.code)
        return _("%(money)s goes back to the customer.", money=money)

    @property
    def height_mm(self) -> int:
        """How long the roll must be, with a little to spare."""
        rows = [*self.about, *self.person, *self.meter, *self.paid]
        rows += [(line.title, figures.money(line.amount_minor, self.receipt.currency.decimals)) for line in self.lines]
        texts = sum(_lines_of(label, value) for label, value in rows) + sum(map(_wraps, self._free_text()))
        tokens = len(self.receipt.tokens)
        height = texts * LINE_MM + tokens * (2 * TOKEN_LINE_MM + BIG_LINE_MM + QR_MM)
        return math.ceil(height + PARTS * RULE_MM + 4 * BIG_LINE_MM + EDGE_MM)

    def _free_text(self) -> list[str]:
        """The texts that run over the whole width; words wrap, so each may need a line more."""
        facts = self.receipt.facts
        utility, point = facts["utility"], facts["point"]
        said = [utility[name] or "" for name in ("name", "address", "telephone", "tax_number", "header", "footer")]
        said.append(f"{point['name']}, {point['region']}")
        said.append(how_many_tokens(len(self.receipt.tokens)))
        said += [REVERSED] if self.receipt.reversed else []
        said += [DEMONSTRATION] if self.receipt.demonstration else []
        said += [PENDING, PENDING_MORE] if self.pending else []
        said += [FAILED, self.why, self.back] if self.failed else []
        return [str(text) for text in said]


def make_slip(receipt: Receipt, mark: int = 0, released: Told | None = None) -> Slip:
    """Lay a receipt out; `mark` is the number of the copy, 0 on the first printing.

    `released`: the decision of two people that ended the sale, if there was one.
    """
    facts = receipt.facts
    currency, unit = receipt.currency, receipt.unit
    given_away = Fraction(facts.get("given_away") or 0)
    lines = worded([StoredLine.of(line) for line in receipt.lines], given_away, unit, currency, receipt.token_units)
    return Slip(
        receipt=receipt,
        mark=mark,
        about=tuple(_about(receipt)),
        person=tuple(_person(facts)),
        meter=tuple(_meter(receipt)),
        lines=tuple(lines),
        paid=() if receipt.status is SaleStatus.FAILED or receipt.kind is SaleKind.REVERSAL else tuple(_paid(receipt)),
        released=released,
    )


def _about(receipt: Receipt) -> list[Row]:
    facts = receipt.facts
    rows = [(_("Receipt"), receipt.number or (_("none") if receipt.status is SaleStatus.FAILED else _("waiting"))), (_("Time"), figures.moment(receipt.reserved_at))]
    rows.append((_("Vending point"), facts["point"]["name"]))
    rows.append((_("Operator"), facts.get("operator") or "—"))
    return rows


def _person(facts: Mapping[str, Any]) -> list[Row]:
    consumer = facts["consumer"]
    number = consumer["id_number"] or "—"
    if facts["utility"]["mask_id_number"] and len(number) > MASK_KEEPS:
        number = "•" * MASK_KEEPS + number[-MASK_KEEPS:]
    return [
        (pgettext("consumer", "User name"), consumer["name"]),
        (_("User number"), consumer["user_number"]),
        (_("ID number"), number),
        (_("Region"), facts["meter"]["region"]),
        (_("Address"), facts["meter"]["address"] or consumer["address"] or "—"),
    ]


def _meter(receipt: Receipt) -> list[Row]:
    meter = receipt.facts["meter"]
    return [
        (_("Meter type"), f"{choices.METER_TYPE[receipt.meter_type]}, {receipt.unit}"),
        (_("Meter number"), figures.meter_number(meter["meter_number"])),
        (_("SGC · KRN · TI"), f"{meter['sgc']} · {meter['krn']} · {meter['ti']:02d}"),
        (_("EA · TCT"), f"{meter['ea']:02d} · {meter['tct']:02d}"),
        (_("Tariff"), receipt.facts["tariff"]["name"]),
    ]


def _paid(receipt: Receipt) -> list[Row]:
    currency = receipt.currency
    fees = sum(line.amount for line in receipt.lines if line.kind in ("fee", "arrears", "channel"))
    rows = [(_("Of this, fees"), figures.money(fees, currency.decimals))]
    received = receipt.amount if receipt.received is None else receipt.received
    rows.append((_("Amount received"), figures.money(received, currency.decimals)))
    rows.append((pgettext("money", "Change"), figures.money(receipt.change or 0, currency.decimals)))
    return rows


def token_title(kind: str, amount: int | None, unit: str) -> str:
    """What a token is for: Credit token 108.7 kWh."""
    if kind == TokenKind.CREDIT:
        return _("Credit token %(units)s %(unit)s", units=figures.units(amount or 0), unit=unit)
    return str(choices.TOKEN_KIND[TokenKind(kind)])


def how_many_tokens(number: int) -> str:
    """The order of several tokens in words."""
    if number < 2:
        return _("Type the 20 digits into the meter, then Enter. If it shows USED, the token is already in.")
    return ngettext(
        "Type the %(num)s token.", "Type all %(num)s tokens in this order; the last one only after the others.",
        number,
    )  # fmt: skip


def qr(digits: str) -> str:
    """Twenty digits as an inline picture that any telephone reads.

    NB: without ``micro=False`` twenty digits become a Micro QR, which many cameras cannot read.
    """
    code = segno.make(digits, error="m", micro=False)
    return str(code.svg_inline(border=4, svgclass="qr", lineclass="qr-line", light="#fff", omitsize=True))


def qr_picture(digits: str) -> str:
    """The same as a data address, for the file that cannot hold a drawing."""
    return str(segno.make(digits, error="m", micro=False).png_data_uri(scale=6, border=4))


def _wraps(text: str) -> int:
    return len(textwrap.wrap(text, COLUMNS))


def _lines_of(label: str, value: str) -> int:
    """Lines that one row takes: label and value share a line while they fit."""
    return 1 if len(label) + len(value) < COLUMNS else _wraps(label) + _wraps(value)


# What the three papers say alike.
SAY = {
    "demonstration": DEMONSTRATION, "pending": PENDING, "pending_more": PENDING_MORE,
    "failed": FAILED, "reversed": REVERSED,
}  # fmt: skip
