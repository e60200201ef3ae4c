"""What a slip says of the month: bought so far, and what the same money buys from the first of the next."""

from __future__ import annotations

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l

from app.domain.states import SaleKind, StepPeriod
from app.services.receipts import Receipt
from app.views import figures


def period_words(receipt: Receipt) -> str:
    """How much was bought so far in the span of the steps; nothing where no span counts or nothing was sold."""
    said = {
        StepPeriod.MONTH: _l("Bought in this month with this purchase: %(units)s."),
        StepPeriod.YEAR: _l("Bought in this year with this purchase: %(units)s."),
    }.get(receipt.facts.get("step_period"))  # type: ignore[arg-type]
    if said is None or receipt.kind is SaleKind.REVERSAL or not receipt.tokens or receipt.reversed:
        return ""
    tenths = receipt.units_before + (receipt.carried_units or receipt.token_units)
    return str(said) % {"units": figures.ltr(f"{figures.units(tenths)}{figures.NBSP}{receipt.unit}")}


def then_words(receipt: Receipt) -> str:
    """What the same money buys from the first of next month, and why; nothing where it is as much or cannot be told."""
    if not receipt.then_holds:
        return ""
    then, currency = receipt.facts["then"], receipt.currency
    day, fees = figures.date_of(then["day"], "d MMMM"), figures.money_code(then["fees_minor"], currency.decimals, currency.code)
    if then["units"] is None:
        return _("From %(day)s fees of %(fees)s are due, more than this money.", day=day, fees=fees)
    units = figures.ltr(f"{figures.units(then['units'])}{figures.NBSP}{receipt.unit}")
    said = [_("From %(day)s the same money buys %(units)s.", day=day, units=units)]
    if then["new_steps"]:
        said.append(_("New month: step 1 starts again."))
    if then["fees_minor"]:
        said.append(_("Fees of %(fees)s are due then.", fees=fees))
    return " ".join(said)
