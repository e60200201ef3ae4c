"""Reads files of worked tariff cases: tariffs and purchases with their stated results.

The format is that of the public case set (`tests/tariffs/`), version 1; its `schema` entry
explains every field and `case_shape` says which there are.  Numbers are decimal text in the
case's currency and unit.  A case that does not keep to it is a CaseError that names the field.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import Any, Final

from app.domain.case_shape import CaseError, check_case_shape, check_tariff_shape, is_true, number
from app.domain.compile import TENTHS
from app.domain.money import Exact, Mode, Rounding, whole_or_fraction
from app.domain.plan import ENERGY, FINE, Charge, Debt, Fee, Fine, Levy, Plan, Schedule, Step, Tax
from app.domain.states import ChargeMethod, Recovery, StepPeriod

__all__ = ["Case", "CaseError", "CasePurchase", "CaseState", "read_cases", "read_tariff"]

TOLERANCE: Final = "0.005"


@dataclass(frozen=True, slots=True)
class CaseState:
    """The meter at a purchase: units in tenths; None where the case says nothing of it.

    `months_due` counts for every fee; a part of a month is money carried from before.
    """

    units_before: Exact | None = None
    months_due: Fraction = Fraction(1)
    lifeline_months: int = 1
    days_in_month: int | None = None
    debt: Debt | None = None


@dataclass(frozen=True, slots=True)
class CasePurchase:
    """One purchase of a case: what is wished, the meter's state, and what must come out."""

    by: str
    wish: Fraction
    continues: bool
    state: CaseState
    expect: Mapping[str, Fraction]
    tolerance: Mapping[str, Fraction]


@dataclass(frozen=True, slots=True)
class Case:
    """A tariff with its purchases, and where it comes from."""

    id: str
    title: str
    plan: Plan
    purchases: tuple[CasePurchase, ...]


def read_cases(path: str | Path) -> list[tuple[str, Case | CaseError]]:
    """Every case of a file with its id; one that cannot be understood as its CaseError.

    Raises CaseError if the file as a whole is not such a file.
    """
    try:
        content = json.loads(Path(path).read_text("utf-8"), parse_float=str, parse_int=str)
    except (OSError, ValueError) as error:
        raise CaseError(f"{path}: {error}") from error
    if not isinstance(content, dict) or not isinstance(content.get("cases"), list):
        raise CaseError(f"{path}: no list of cases")
    default = number(content.get("default_tolerance", TOLERANCE), "default_tolerance")
    found: list[tuple[str, Case | CaseError]] = []
    for index, raw in enumerate(content["cases"], start=1):
        name = str(raw.get("id", index)) if isinstance(raw, dict) else str(index)
        try:
            found.append((name, _case(name, raw, default)))
        except CaseError as error:
            found.append((name, error))
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            found.append((name, CaseError(f"{type(error).__name__}: {error}")))
    return found


def tenths(text: object) -> Exact:
    """A quantity of the file in tenths."""
    return whole_or_fraction(number(text) * TENTHS)


def _case(name: str, raw: object, tolerance: Fraction) -> Case:
    if not isinstance(raw, Mapping):
        raise CaseError("the case is not an object")
    check_case_shape(raw)
    plan = replace(read_tariff(name, raw["tariff"]), unit=str(raw.get("unit", "")))
    purchases = tuple(_purchase(purchase, tolerance) for purchase in raw["purchases"])
    if not any(purchase.expect for purchase in purchases):
        raise CaseError("purchases expect no figure at all")
    return Case(name, str(raw.get("title", "")), plan, purchases)


def read_tariff(name: str, tariff: Mapping[str, Any]) -> Plan:
    """The plan that a `tariff` entry describes.  Raises CaseError with the field that is wrong."""
    check_tariff_shape(tariff)
    return _plan(name, tariff)


def _plan(name: str, tariff: Mapping[str, Any]) -> Plan:
    cap, cap_unit = tariff.get("fixed_cap_share"), tariff.get("fixed_per_unit")
    rounding = tariff.get("rounding") or {}
    steps, steps_end = _ranges(_rows(tariff, "steps"), "steps")
    fines, fines_end = _ranges(_rows(tariff, "penalties"), "penalties")
    return Plan(
        name=name,
        steps=tuple(
            Step(start, number(row["price"]), None if row.get("taxes") is None else _codes(row["taxes"]))
            for start, row in steps
        ),
        steps_end=steps_end,
        step_period=StepPeriod(tariff.get("step_period") or "month"),
        step_scale_days=_scale_days(tariff.get("step_scale")),
        fines=tuple(Fine(start, number(row["amount"])) for start, row in fines),
        fines_end=fines_end,
        fees=tuple(_fee(row) for row in _rows(tariff, "fixed")),
        fee_recovery=Recovery.WHOLE if cap is None and cap_unit is None else Recovery.CAPPED,
        fee_cap_share=None if cap is None else number(cap),
        fee_cap_unit=None if cap_unit is None else number(cap_unit),
        taxes=(
            *(_tax(row) for row in _rows(tariff, "taxes")),
            *(
                Tax(row["code"], row.get("name", ""), number(row["rate"]), (), of_gross=True)
                for row in _rows(tariff, "tax_of_gross")
            ),
        ),
        levies=tuple(
            Levy(row["code"], row.get("name", ""), number(row["amount"]))
            for row in _rows(tariff, "per_unit_levies")
        ),
        fees_first=tuple(
            Charge(
                row["code"],
                row.get("name", ""),
                number(row["amount"]) * number(row.get("times") or "1"),
            )
            for row in _rows(tariff, "fees_first")
        ),
        by_total=_schedules(name, tariff),
        tax_inclusive=is_true(tariff.get("price_includes_tax")),
        unit_rounding=_rounding(rounding.get("units")),
        money_rounding=_rounding(rounding.get("money")),
    )


def _schedules(name: str, tariff: Mapping[str, Any]) -> tuple[Schedule, ...]:
    """A schedule is the whole tariff with its own fields put over the common ones."""
    rows = _rows(tariff, "by_total")
    if any(row.get("from") is not None for row in rows):
        _ranges([{"from": 0, **row} for row in rows], "by_total")
    common = {key: value for key, value in tariff.items() if key != "by_total"}
    return tuple(
        Schedule(
            None if row.get("to") is None else tenths(row["to"]),
            _plan(name, {**common, **row["tariff"]}),
        )
        for row in rows
    )


def _ranges(
    rows: list[Mapping[str, Any]], field: str
) -> tuple[list[tuple[Exact, Mapping[str, Any]]], Exact | None]:
    """Rows with their starts, and where the last one ends; they must follow without a gap."""
    found: list[tuple[Exact, Mapping[str, Any]]] = []
    end: Exact | None = None
    for index, row in enumerate(rows):
        start = tenths(row["from"])
        if index:
            # NB: price lists in whole units say "0 to 50, 51 to 200": the step has no gap.
            if end is None or not 0 <= start - end <= TENTHS:
                raise CaseError(
                    f"tariff.{field}[{index + 1}].from is {row['from']}, not where the one before ends"
                )
            start = end
        end = None if row.get("to") is None else tenths(row["to"])
        found.append((start, row))
    return found, end


def _fee(row: Mapping[str, Any]) -> Fee:
    return Fee(
        row["code"],
        row.get("name", ""),
        number(row["amount"]),
        ChargeMethod(row.get("period") or "month"),
        number(row.get("times") or "1"),
        per_capacity=row.get("per_capacity") is not None,
        capacity_unit=row.get("per_capacity"),
    )


def _tax(row: Mapping[str, Any]) -> Tax:
    words = {"penalty": FINE, "penalties": FINE}
    return Tax(
        row["code"],
        row.get("name", ""),
        number(row["rate"]),
        tuple(words.get(base, base) for base in _codes(row.get("base") or ENERGY)),
    )


def _codes(value: str | list[str]) -> tuple[str, ...]:
    """A list of codes; a single one may stand without the list."""
    return (value,) if isinstance(value, str) else tuple(value)


def _rows(tariff: Mapping[str, Any], name: str) -> list[Mapping[str, Any]]:
    """The rows under a name; nothing and null are none."""
    return tariff.get(name) or []


def _scale_days(value: object) -> int | None:
    """The N of "a month of N days": a number, or an object that holds it as days."""
    if isinstance(value, Mapping):
        value = value["days"] if "days" in value else value["days_in_month"]
    return None if value is None else int(number(value))


def _rounding(value: Mapping[str, Any] | None) -> Rounding | None:
    return None if value is None else Rounding(Mode(value["mode"]), number(value["quantum"]))


def _purchase(raw: Mapping[str, Any], tolerance: Fraction) -> CasePurchase:
    expect = {key: number(value) for key, value in raw["expect"].items()}
    given = raw.get("tolerance") or {}
    if not isinstance(given, Mapping):
        given = dict.fromkeys(expect, given)
    wide = {key: number(given[key]) if key in given else tolerance for key in expect}
    state = _state(raw.get("state") or {})
    return CasePurchase(
        raw["by"], number(raw[raw["by"]]), is_true(raw.get("continues")), state, expect, wide
    )


def _state(raw: Mapping[str, Any]) -> CaseState:
    given = {key: value for key, value in raw.items() if value is not None}
    debt = given.get("debt")
    return CaseState(
        units_before=tenths(given["units_before"]) if "units_before" in given else None,
        months_due=number(given.get("months_due", 1)),
        lifeline_months=int(number(given.get("lifeline_months", 1))),
        days_in_month=int(number(given["days_in_month"])) if "days_in_month" in given else None,
        debt=None if debt is None else Debt(number(debt["balance"]), number(debt["share"])),
    )
