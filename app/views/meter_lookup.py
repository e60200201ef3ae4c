"""From what was typed at the counter to meter cards, or to the sentence why there is none."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from flask import current_app
from flask_babel import gettext as _
from flask_babel import ngettext

from app.access.current import current_scope
from app.domain import errors
from app.domain.digits import ascii_digits
from app.domain.errors import Refusal
from app.services.due import Due
from app.services.pricing import Sight
from app.services.search import LIMIT, LONGEST, find_meters
from app.sts import meter_number as drn
from app.sts.errors import InvalidCheckDigit, StsError
from app.views import figures
from app.views.messages import at_the_till

SHORTEST_NUMBER = 11
MISSING, UNPROCESSABLE = 404, 422


def look_up(text: str) -> dict[str, Any]:
    """The cards for what was typed, with the sentence for a number that cannot be a meter's.

    A number is judged only when nothing is found by it: telephone and ID numbers have as
    many digits.
    """
    typed = " ".join(text.split())[:LONGEST]
    if not any(sign.isalpha() for sign in typed):
        typed = ascii_digits(typed)
    cards = find_meters(typed, current_scope())
    refusal = None if cards else _why_nothing(typed)
    found = f"{len(cards)}+" if len(cards) == LIMIT else len(cards)
    return {
        "q": typed,
        "cards": cards,
        "count": ngettext("%(found)s meter", "%(found)s meters", len(cards), found=found) if cards else "",
        "refused": at_the_till(refusal) if refusal else "",
        "status": status_of(refusal),
        "sentence": at_the_till,
        "due_words": due_words,
        # A receipt number and a reference have digits; words of nobody's name are no reference.
        "as_reference": any(sign.isdigit() for sign in typed),
    }


def due_words(due: Due | None) -> str:
    """What a meter owes before it buys a unit: fees of its periods, old debt; nothing when it owes nothing."""
    if not due:
        return ""
    said, decimals, code = [], due.currency.decimals, due.currency.code
    if due.fees:
        fees = figures.with_code(figures.number(due.fees, decimals), code)
        missed = ngettext(
            "fees %(money)s, with %(num)s missed period", "fees %(money)s, with %(num)s missed periods",
            due.missed, money=fees,
        )  # fmt: skip
        said.append(missed if due.missed else _("fees %(money)s", money=fees))
    if due.debt_minor:
        said.append(_("debt %(money)s", money=figures.money_code(due.debt_minor, decimals, code)))
    return figures.listed(said, ";")


def status_of(refusal: Refusal | None) -> int:
    """404 for what is not there, 422 for what cannot be."""
    if refusal is None:
        return 200
    return MISSING if isinstance(refusal, errors.UnknownMeter) else UNPROCESSABLE


def sight_of(typed: str) -> Sight:
    """The meter of a whole number, one's own.  Raises BadMeterNumber, WrongCheckDigit, UnknownMeter."""
    sight = Sight(whole_number(typed), current_scope(), ahead=clock_ahead())
    sight.desk  # noqa: B018  (unknown and foreign ones end here)
    return sight


def clock_ahead() -> timedelta:
    """How far the clock may run ahead of the newest token."""
    return timedelta(days=current_app.config["CLOCK_AHEAD_DAYS"])


def whole_number(typed: str) -> str:
    """The digits of a whole number.  Raises BadMeterNumber, WrongCheckDigit."""
    digits = ascii_digits("".join(typed.split()))
    if (refusal := number_refusal(digits)) is not None:
        raise refusal
    return digits


def number_refusal(digits: str) -> Refusal | None:
    """What is wrong with a meter number as such, or None."""
    try:
        drn.validate(digits)
    except InvalidCheckDigit:
        return errors.WrongCheckDigit(text=digits[:40])
    except StsError:
        return errors.BadMeterNumber(text=digits[:40])
    return None


def _why_nothing(typed: str) -> Refusal | None:
    """Why a whole number leads to no meter; None for words and for beginnings of numbers."""
    digits = "".join(typed.split())
    if not (digits.isascii() and digits.isdigit()) or len(digits) < SHORTEST_NUMBER:
        return None
    return number_refusal(digits) or errors.UnknownMeter(meter_number=digits)
