"""Ready plans of real utilities to start from, with their source and date.

The data stands in `app/domain/catalogue.json`, in the format of tariff cases; each entry names the
public case (`tests/tariffs/`) that it reproduces.  They are price lists of their day: a utility
that starts from one puts in its own figures.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

from app import domain
from app.domain.case_file import read_tariff
from app.domain.plan import Plan
from app.domain.states import MeterType
from app.models import TariffPlan
from app.services.plan_rows import rows_of

FILE: Final = Path(domain.__file__).with_name("catalogue.json")
# What the source leaves open: 'price' (1 stands for the price of energy), 'above' (nothing can be
# bought beyond the last step that it tells).
STAND_INS: Final = frozenset({"price", "above"})


@dataclass(frozen=True, slots=True)
class Entry:
    """A price list of one utility; `case` is the public case that it prices to the cent.

    `country` is an ISO 3166 code, `currency` an ISO 4217 code, `date` as exact as the source is.
    """

    key: str
    name: str
    utility: str
    country: str
    currency: str
    date: str
    source: str
    meter_type: MeterType
    plan: Plan
    stand_ins: tuple[str, ...]
    case: str


@cache
def entries() -> tuple[Entry, ...]:
    """Every entry, by country and date."""
    content = json.loads(FILE.read_text("utf-8"), parse_float=str, parse_int=str)
    found = [
        Entry(
            key=raw["key"],
            name=raw["name"],
            utility=raw["utility"],
            country=raw["country"],
            currency=raw["currency"],
            date=raw["date"],
            source=raw["source"],
            meter_type=MeterType(raw["meter_type"]),
            plan=read_tariff(raw["name"], raw["tariff"]),
            stand_ins=tuple(raw.get("stand_ins", ())),
            case=raw["case"],
        )
        for raw in content["entries"]
    ]
    return tuple(sorted(found, key=lambda entry: (entry.country, entry.date, entry.key)))


def entry(key: str) -> Entry:
    """The entry of this key.  Raises KeyError."""
    return {one.key: one for one in entries()}[key]


def make_plan(chosen: Entry) -> TariffPlan:
    """An unsaved plan as the entry says; tariff and effective time are the caller's to set."""
    return rows_of(chosen.plan)
