"""The slip: a receipt as rows of words, in the language it is printed in, and its QR code.

Templates lay it out on rolls (`roll` says how long) and on A4; nothing is computed there.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import segno
from flask_babel import get_locale, pgettext
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l

from app.domain.states import SaleKind, SaleStatus, TokenKind
from app.services.decisions import Told
from app.services.receipts import Receipt, ReceiptLine, receipt_number
from app.services.slip_logo import Logo
from app.views import choices, figures
from app.views.slip_month import period_words, then_words
from app.views.sum_lines import Worded, worded

DEMONSTRATION = _l("DEMONSTRATION: made with a public key, no real meter takes this token.")
PENDING = _l("The token has not come yet.")
PENDING_MORE = _l("The money is held for this sale and cannot be taken twice. Bring this slip to get the token.")
PENDING_NEXT = _l("The security module is asked again by itself. When its token is there, the real slip is printed here; until then this reference finds the sale.")
REVERSED = _l("REVERSED: this sale was undone and its money given back.")
WITHHELD = _l("A meter would still take its token, so it is shown to nobody any more.")
FAILED = _l("No token was made and no money was booked.")
# By what became of the sale: the title and the word of the sum, for rolls and for A4.
TITLES: Mapping[str, tuple[Any, Any]] = {
    "pending": (_l("PENDING SLIP"), _l("Pending slip")),
    "failed": (_l("NOT SOLD"), _l("Not sold")),
    "reversal": (_l("REVERSAL"), _l("Reversal")),
    "invoice": (_l("TAX INVOICE"), _l("Tax invoice")),
    "receipt": (_l("RECEIPT"), _l("Receipt")),
}
TOTALS: Mapping[str, tuple[Any, Any]] = {
    "pending": (_l("HELD"), _l("Held")),
    "failed": (_l("NOT BOOKED"), _l("Not booked")),
    "reversal": (_l("GIVEN BACK"), _l("Given back")),
    "invoice": (_l("PAID"), _l("Paid")),
    "receipt": (_l("PAID"), _l("Paid")),
}
MASK_KEEPS = 4
QUIET_ZONE, QR_SCALE = 4, 8
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
    # The code of the language that its words are in, and where its lines begin.
    language: str
    direction: str
    about: tuple[Row, ...]
    person: tuple[Row, ...]
    meter: tuple[Row, ...]
    lines: tuple[Worded, ...]
    paid: tuple[Row, ...]
    # What was bought in the span that the steps count over.
    period: str = ""
    # What the same money buys from the first of next month, where that is not as much.
    then: str = ""
    messages: tuple[str, ...] = ()
    copy_text: str = ""
    logo: Logo | None = None
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
    def kind(self) -> str:
        """What became of the sale, as the title says it."""
        if self.pending or self.failed:
            return "pending" if self.pending else "failed"
        if self.receipt.kind is SaleKind.REVERSAL:
            return "reversal"
        return "invoice" if self.receipt.facts["utility"]["tax_number"] else "receipt"

    @property
    def titles(self) -> tuple[str, str]:
        """The title on a roll and on A4."""
        roll, sheet = TITLES[self.kind]
        return str(roll), str(sheet)

    @property
    def totals(self) -> tuple[str, str]:
        """What the sum is called on a roll and on A4."""
        roll, sheet = TOTALS[self.kind]
        return str(roll), str(sheet)

    @property
    def undoes(self) -> str:
        """The receipt that a reversal undoes, as it is printed; nothing on any other slip."""
        undone = self.receipt.facts.get("reverses")
        return "" if undone is None else receipt_number(self.receipt.facts["point"]["code"], undone["receipt_number"]) or ""

    @property
    def warnings(self) -> tuple[str, ...]:
        """What stands in a frame at the top, what became of the sale first."""
        said = [(REVERSED, self.receipt.reversed), (DEMONSTRATION, self.receipt.demonstration)]
        return tuple(str(text) for text, true in said if true)

    @property
    def instead(self) -> tuple[str, ...]:
        """What stands in the place of a token, the most important sentence first; nothing where there is one."""
        if self.receipt.tokens:
            return ()
        if self.pending:
            return str(PENDING), str(PENDING_MORE), str(PENDING_NEXT)
        if self.failed:
            return tuple(filter(None, (str(FAILED), self.why, self.back)))
        if self.receipt.kind is SaleKind.REVERSAL:
            reason = self.receipt.facts["reverses"]["reason"]
            return (_("This undoes receipt %(number)s: %(reason)s", number=figures.ltr(self.undoes), reason=reason),)
        if self.receipt.reversed and self.receipt.token_units:
            return (str(WITHHELD),)
        return (_("Fees only: no token"),)

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
    def token_titles(self) -> tuple[str, ...]:
        """What each token is for, numbered where there are several: the order to type them in."""
        tokens = self.receipt.tokens
        named = [token_title(token.kind, token.amount, self.receipt.unit) for token in tokens]
        return tuple(named if len(named) < 2 else [f"{place}. {name}" for place, name in enumerate(named, 1)])

    @property
    def order_line(self) -> str:
        """The order of several tokens in words, to stand before them; nothing for one."""
        return self.help_line if len(self.receipt.tokens) > 1 else ""

    @property
    def last_line(self) -> str:
        """What to do with the one token, to stand after it; nothing for several."""
        return "" if self.order_line else self.help_line

    @property
    def help_line(self) -> str:
        """What the customer does with the token; nothing where there is none."""
        return how_many_tokens(len(self.receipt.tokens), self.receipt.set_repeated) if self.receipt.tokens else ""

    @property
    def head(self) -> tuple[str, ...]:
        """The lines under the name of the utility."""
        utility = self.receipt.facts["utility"]
        tax = _("Tax no. %(number)s", number=figures.ltr(utility["tax_number"])) if utility["tax_number"] else ""
        return tuple(filter(None, (figures.own(utility["address"] or ""), tax, figures.own(utility["header"] or ""))))

    @property
    def place(self) -> str:
        """The vending point and its region."""
        point = self.receipt.facts["point"]
        return figures.own(f"{point['name']}, {point['region']}")

    @property
    def foot(self) -> tuple[str, ...]:
        """The last lines: whom to call, and the utility's own, which mostly speaks of a token to be kept."""
        utility = self.receipt.facts["utility"]
        call = _("Help %(telephone)s", telephone=figures.ltr(utility["telephone"])) if utility["telephone"] else ""
        undone = self.failed or self.receipt.reversed or self.receipt.kind is SaleKind.REVERSAL
        return tuple(filter(None, (call, "" if undone else figures.own(utility["footer"] or ""))))


def make_slip(receipt: Receipt, mark: int = 0, released: Told | None = None, logo: Logo | None = None) -> Slip:
    """Lay a receipt out in the language that is spoken now; `mark` is the number of the copy, 0 on the first printing.

    `released`: the decision of two people that ended the sale, if there was one.
    """
    facts = receipt.facts
    currency, unit = receipt.currency, receipt.unit
    given_away = Fraction(facts.get("given_away") or 0)
    lines = worded([StoredLine.of(line) for line in receipt.lines], given_away, unit, currency, receipt.token_units)
    utility, locale = facts["utility"], get_locale()
    return Slip(
        receipt=receipt,
        mark=mark,
        language=str(locale or "en").replace("_", "-"),
        direction=locale.text_direction if locale is not None else "ltr",
        about=tuple(_about(receipt)),
        person=tuple(_person(facts)),
        meter=tuple(_meter(receipt)),
        lines=tuple(lines),
        paid=() if receipt.status is SaleStatus.FAILED or receipt.kind is SaleKind.REVERSAL else tuple(_paid(receipt)),
        period=period_words(receipt),
        then=then_words(receipt),
        messages=tuple(map(figures.own, utility.get("messages") or ())),
        copy_text=figures.own(utility.get("copy_text") or ""),
        logo=logo,
        released=released,
    )


def _about(receipt: Receipt) -> list[Row]:
    facts = receipt.facts
    waiting = _("none") if receipt.status is SaleStatus.FAILED else _("waiting")
    rows = [(_("Receipt"), figures.ltr(receipt.number) if receipt.number else waiting)]
    if receipt.status is not SaleStatus.ISSUED:
        rows.append((_("Reference"), figures.ltr(figures.groups_of_four(receipt.reference))))
    rows.append((_("Time"), figures.moment(receipt.reserved_at)))
    rows.append((_("Vending point"), figures.own(facts["point"]["name"])))
    rows.append((_("Operator"), figures.own(facts.get("operator") or "—")))
    return rows


def _person(facts: Mapping[str, Any]) -> list[Row]:
    consumer = facts["consumer"]
    number = consumer["id_number"] or "—"
    if facts["utility"]["mask_id_number"] and len(number) > MASK_KEEPS:
        number = "•" * MASK_KEEPS + number[-MASK_KEEPS:]
    return [
        (pgettext("consumer", "User name"), figures.own(consumer["name"])),
        (_("User number"), figures.ltr(consumer["user_number"])),
        (_("ID number"), figures.ltr(number)),
        (_("Region"), figures.own(facts["meter"]["region"])),
        (_("Address"), figures.own(facts["meter"]["address"] or consumer["address"] or "—")),
    ]


def _meter(receipt: Receipt) -> list[Row]:
    meter = receipt.facts["meter"]
    old = meter["sgc"], meter["krn"], meter["ti"]
    # A key change comes first, so the last token is one of the new key.
    new = next(((last.sgc, last.krn, last.ti) for last in receipt.tokens[-1:]), old)
    return [
        (_("Meter type"), figures.listed((choices.METER_TYPE[receipt.meter_type], receipt.unit))),
        (_("Meter number"), figures.ltr(figures.meter_number(meter["meter_number"]))),
        (_("SGC · KRN · TI"), key_line(*old)),
        *([(_("After the key change"), key_line(*new))] if new != old else []),
        (_("EA · TCT"), figures.ltr(f"{meter['ea']:02d} · {meter['tct']:02d}")),
        (_("Tariff"), figures.own(receipt.facts["tariff"]["name"])),
    ]


def key_line(sgc: str, krn: int, ti: int) -> str:
    """A meter's key data as the slip has them: 123456 · 1 · 01."""
    return figures.ltr(f"{sgc} · {krn} · {ti:02d}")


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


def how_many_tokens(number: int, repeated: bool = False) -> str:
    """What to do with one token, or the order of several, in words; `repeated`: their key change left earlier as well."""
    if repeated:  # made under the old key: a meter that took the change refuses it, and takes the last token
        again = _("If the meter refuses token 1 because the key change is in already, type token %(last)s at once.", last=number)
        return f"{how_many_tokens(number)} {again}"
    if number < 2:
        return _("Type the 20 digits into the meter, then Enter. If it shows USED, the token is already in.")
    if number == 2:
        return _("Type token 1 into the meter, then Enter; then token 2, then Enter. The meter takes token 2 only after token 1.")
    return _(
        "Type the tokens into the meter in the order of their numbers, from 1 to %(last)s, each with Enter."
        " The meter takes token %(last)s only after those before it.",
        last=number,
    )


def qr(digits: str) -> str:
    """Twenty digits as an inline picture that any telephone reads.

    NB: without ``micro=False`` twenty digits become a Micro QR, which many cameras cannot read.
    """
    code = segno.make(digits, error="m", micro=False)
    return str(code.svg_inline(border=QUIET_ZONE, svgclass="qr", lineclass="qr-line", light="#fff", omitsize=True))


def qr_picture(digits: str) -> str:
    """The same as a data address, for the file that cannot hold a drawing."""
    return str(segno.make(digits, error="m", micro=False).png_data_uri(scale=QR_SCALE, border=QUIET_ZONE))


def picture(logo: Logo) -> str:
    """The logo as a data address, so that a slip loads nothing."""
    return "data:image/png;base64," + base64.b64encode(logo.picture).decode("ascii")
