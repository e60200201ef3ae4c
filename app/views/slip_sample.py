"""A made-up sale for the preview of slips: nobody's name, nobody's meter, digits that no meter takes."""

from __future__ import annotations

import math
from datetime import UTC, date, datetime
from fractions import Fraction
from typing import Any

from flask_babel import gettext as _

from app.domain.money import Currency
from app.domain.states import UNIT, MeterType, SaleKind, SaleStatus, StepPeriod, TokenKind
from app.models import Settings
from app.services.receipts import Receipt, ReceiptLine, ReceiptToken, receipt_number

DIGITS = "12345678901234567890"
WHEN = datetime(2026, 11, 23, 11, 5, tzinfo=UTC)
UNITS_BEFORE, UNITS, SPARE = 1120, 1087, Fraction("0.065")
# The same 3000 in December: 150 for the fee, the rest on the first step at 20.
NEXT_MONTH, UNITS_THEN = date(2026, 12, 1), 1425


def sample(form: Any, settings: Settings) -> Receipt:
    """A receipt of electricity as a sale would make it now, with the words of the form."""
    row = settings.currency
    minor = 10**row.decimals
    step_1, step_2, tax = Fraction("38"), Fraction("70.635"), Fraction("0.075")
    prices = Fraction(20), Fraction("29.5")
    paid, first = 3000 * minor, round(step_1 * prices[0] * minor)
    second = math.floor((paid - first) / (1 + tax))
    third = paid - first - second
    lines = (
        ReceiptLine("fee", "fixed_fee", "", 0, None, {"price": Fraction(150), "method": "month", "reason": "paid"}),
        ReceiptLine("step", "step_1", "", first, step_1, {"step": 1, "price": prices[0], "from": Fraction(0), "to": Fraction(150)}),
        ReceiptLine("step", "step_2", "", second, step_2, {"step": 2, "price": prices[1], "from": Fraction(150), "to": None}),
        ReceiptLine("tax", "vat", _("VAT"), third, None, {"rate": tax, "base": Fraction(second, minor), "part": "step", "step": 2}),
        ReceiptLine("rounding", "rounding", "", 0, None, {}),
    )
    received = 3500 * minor
    return Receipt(
        sale_id=0, meter_id=0, status=SaleStatus.ISSUED, kind=SaleKind.SALE, reference="0" * 32,
        number=receipt_number("MKT", 413), reserved_at=WHEN, settled_at=WHEN, meter_type=MeterType.ELECTRICITY,
        unit=UNIT[MeterType.ELECTRICITY], currency=Currency(row.code, row.symbol, row.decimals), amount=paid,
        received=received, change=received - paid, token_units=UNITS, carried_units=UNITS, units_before=UNITS_BEFORE,
        lines=lines, tokens=(ReceiptToken(TokenKind.CREDIT.value, DIGITS, 1, UNITS, "123456", 1, 1, 11),),
        facts=_facts(form, settings), copies=0, reversed=False, then_holds=True,
    )  # fmt: skip


def _facts(form: Any, settings: Settings) -> dict[str, Any]:
    own = [form.slip_message.data, form.slip_message_electricity.data]
    return {
        "operator": _("Operator"),
        "utility": {
            "name": settings.utility_name, "address": settings.utility_address, "telephone": settings.utility_telephone,
            "tax_number": form.tax_number.data, "header": form.slip_header.data, "footer": form.slip_footer.data,
            "mask_id_number": form.mask_id_number.data, "messages": [text for text in own if text],
            "copy_text": form.slip_copy_text.data,
        },
        "consumer": {"name": _("A consumer"), "user_number": "10482", "id_number": "27714471", "address": None},
        "meter": {
            "meter_number": "04127300582", "address": _("Street and number"), "region": _("Town, country"),
            "sgc": "123456", "krn": 1, "ti": 1, "ea": 11, "tct": 2,
        },
        "point": {"name": _("Vending point"), "code": "MKT", "region": _("Town, country")},
        "tariff": {"name": _("A tariff")},
        "unit": UNIT[MeterType.ELECTRICITY], "step_period": StepPeriod.MONTH.value, "given_away": SPARE,
        "demonstration_key": False,
        "then": {"day": NEXT_MONTH, "units": UNITS_THEN, "fees_minor": 150 * 10**settings.currency.decimals, "new_steps": True},
    }  # fmt: skip
