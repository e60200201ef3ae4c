"""Says which fields a tariff case may have, level by level, and refuses what is not among them.

A field that is read by nobody would be a rule that nobody keeps, so below the case itself
every name must be known.  At the level of the case whatever describes it may stand (a country,
a receipt's number), but no name that is a rule further down: there it would do nothing.
Words about a row (NOTES) may stand in every object.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from enum import StrEnum
from fractions import Fraction
from typing import Final

from app.domain.money import Mode
from app.domain.states import ChargeMethod, StepPeriod

DECIMAL: Final = re.compile(r"-?[0-9]{1,20}(\.[0-9]{1,20})?")
NOTES: Final = frozenset(
    {
        *("name", "title", "description", "note", "notes", "comment", "comments"),
        *("source", "evidence", "stated", "worked", "needs", "requires"),
    }
)
FIGURES: Final = frozenset({"units", "amount", "change"})
LINE: Final = "line."

Check = Callable[[object, str], None]


class CaseError(ValueError):
    """The file does not keep to the format."""


def number(text: object, where: str = "") -> Fraction:
    """The exact number of decimal text (or of a JSON number read as text)."""
    if not isinstance(text, str | int) or not DECIMAL.fullmatch(str(text)):
        raise CaseError(f"{where} is not a number: {text!r}" if where else f"not a number: {text!r}")
    return Fraction(text)


def is_true(value: object) -> bool:
    """Whether a checked flag is set; null is not set."""
    return value is True or value == "true"


def check_case_shape(raw: Mapping[str, object]) -> None:
    """Raise CaseError for the first field of a case that is missing, unknown or of the wrong kind."""
    misplaced = raw.keys() & RULES
    if misplaced:
        raise CaseError(f"{min(misplaced)} does not stand in the case itself")
    for field in ("tariff", "purchases"):
        if raw.get(field) is None:
            raise CaseError(f"{field} is missing")
    TARIFF(raw["tariff"], "tariff")
    _rows(PURCHASE)(raw["purchases"], "purchases")
    if not raw["purchases"]:
        raise CaseError("purchases is empty")


def check_tariff_shape(tariff: object) -> None:
    """Raise CaseError for the first field of a tariff that is missing, unknown or of the wrong kind."""
    TARIFF(tariff, "tariff")


def _number(value: object, where: str) -> None:
    number(value, where)


def _not_negative(value: object, where: str) -> None:
    if number(value, where) < 0:
        raise CaseError(f"{where} is below zero: {value}")


def _positive(value: object, where: str) -> None:
    if number(value, where) <= 0:
        raise CaseError(f"{where} is not above zero: {value}")


def _share(value: object, where: str) -> None:
    if not 0 <= number(value, where) <= 1:
        raise CaseError(f"{where} is not a share of one: {value}")


def _whole(value: object, where: str) -> None:
    _not_negative(value, where)
    if number(value, where).denominator != 1:
        raise CaseError(f"{where} is not a whole number: {value}")


def _days(value: object, where: str) -> None:
    _whole(value, where)
    _positive(value, where)


def _text(value: object, where: str) -> None:
    if not isinstance(value, str) or not value:
        raise CaseError(f"{where} is not a text: {value!r}")


def _codes(value: object, where: str) -> None:
    codes = [value] if isinstance(value, str) else value
    if not isinstance(codes, list) or not all(isinstance(code, str) for code in codes):
        raise CaseError(f"{where} is not a list of codes: {value!r}")


def _flag(value: object, where: str) -> None:
    if not isinstance(value, bool) and value not in ("true", "false"):
        raise CaseError(f"{where} is neither true nor false: {value!r}")


def _word_of(words: Iterable[str]) -> Check:
    known = [str(word) for word in words]

    def check(value: object, where: str) -> None:
        if value not in known:
            raise CaseError(f"{where} is none of {', '.join(known)}: {value!r}")

    return check


def _values(kind: type[StrEnum]) -> Check:
    return _word_of(one.value for one in kind)


def _object(needed: Mapping[str, Check], optional: Mapping[str, Check] | None = None) -> Check:
    """An object of these fields; an optional one may be null, which is the same as not there."""
    fields = {**needed, **(optional or {})}

    def check(value: object, where: str) -> None:
        if not isinstance(value, Mapping):
            raise CaseError(f"{where} is not an object: {value!r}")
        for name in value:
            if name not in fields and name not in NOTES:
                raise CaseError(f"{where}.{name} is not a field of the format")
        for name, check_field in fields.items():
            if name in needed and name not in value:
                raise CaseError(f"{where}.{name} is missing")
            if name in needed or value.get(name) is not None:
                check_field(value[name], f"{where}.{name}")

    return check


def _rows(check_row: Check) -> Check:
    def check(value: object, where: str) -> None:
        if not isinstance(value, list):
            raise CaseError(f"{where} is not a list: {value!r}")
        for index, row in enumerate(value, start=1):
            check_row(row, f"{where}[{index}]")

    return check


def _step_scale(value: object, where: str) -> None:
    """A number of days, or an object that holds it under one of two names."""
    if isinstance(value, Mapping):
        _object({}, {"days": _days, "days_in_month": _days})(value, where)
        if len(value.keys() & {"days", "days_in_month"}) != 1:
            raise CaseError(f"{where} needs either days or days_in_month")
    else:
        _days(value, where)


def _schedule_tariff(value: object, where: str) -> None:
    TARIFF(value, where)


def _figure(name: object, where: str) -> None:
    if name not in FIGURES and not (isinstance(name, str) and name.startswith(LINE)):
        raise CaseError(f"{where}.{name} is not a figure of a purchase")


def _figures(value: object, where: str) -> None:
    if not isinstance(value, Mapping):
        raise CaseError(f"{where} is not an object: {value!r}")
    for name, figure in value.items():
        _figure(name, where)
        number(figure, f"{where}.{name}")


def _tolerance(value: object, where: str) -> None:
    """One for all figures, or one for each by its key."""
    if not isinstance(value, Mapping):
        _not_negative(value, where)
        return
    for name, figure in value.items():
        _figure(name, where)
        _not_negative(figure, f"{where}.{name}")


def _purchase(value: object, where: str) -> None:
    _PURCHASE_FIELDS(value, where)
    if isinstance(value, Mapping):
        other = "quantity" if value["by"] == "amount" else "amount"
        if value.get(other) is not None:
            raise CaseError(f"{where}.{other} stands beside by {value['by']}")
        if value.get(str(value["by"])) is None:
            raise CaseError(f"{where}.{value['by']} is missing")


_ROUNDING: Final = _object({"mode": _values(Mode), "quantum": _positive})
_TARIFF_FIELDS: Final[dict[str, Check]] = {
    "steps": _rows(_object({"from": _number, "price": _number}, {"to": _number, "taxes": _codes})),
    "step_period": _values(StepPeriod),
    "step_scale": _step_scale,
    "by_total": _rows(_object({"tariff": _schedule_tariff}, {"from": _number, "to": _number})),
    "penalties": _rows(_object({"from": _number, "amount": _number}, {"to": _number})),
    "fixed": _rows(
        _object(
            {"code": _text, "amount": _number},
            # Ours: the unit of the meter's own capacity, in place of a fixed multiplier.
            {"period": _values(ChargeMethod), "times": _number, "per_capacity": _text},
        )
    ),
    "fixed_cap_share": _number,
    "fixed_per_unit": _number,
    "per_unit_levies": _rows(_object({"code": _text, "amount": _number})),
    "fees_first": _rows(_object({"code": _text, "amount": _number}, {"times": _number})),
    "taxes": _rows(_object({"code": _text, "rate": _number}, {"base": _codes})),
    "tax_of_gross": _rows(_object({"code": _text, "rate": _number})),
    "price_includes_tax": _flag,
    "rounding": _object({}, {"units": _ROUNDING, "money": _ROUNDING}),
}
TARIFF: Final = _object({}, _TARIFF_FIELDS)
_STATE_FIELDS: Final[dict[str, Check]] = {
    "units_before": _not_negative,
    "months_due": _not_negative,
    "lifeline_months": _whole,
    "days_in_month": _days,
    "debt": _object({"balance": _not_negative, "share": _share}),
}
_BY: Final = _word_of(("amount", "quantity"))
_WISH: Final[dict[str, Check]] = {
    "amount": _not_negative,
    "quantity": _not_negative,
    "state": _object({}, _STATE_FIELDS),
    "continues": _flag,
    "tolerance": _tolerance,
}
_PURCHASE_FIELDS: Final = _object({"by": _BY, "expect": _figures}, _WISH)
PURCHASE: Final[Check] = _purchase
# What is a rule elsewhere: in the case itself it would be passed over in silence.
RULES: Final = frozenset(
    {*_TARIFF_FIELDS, *_STATE_FIELDS, *_WISH, "by", "expect", "default_tolerance"}
)
