"""What a reader asks of a report, read from the words of an address or of the shell.

Everything wrong is told at its field at once, as (field, reason); the pages word the reasons.  An
unknown word is a fault, never ignored: a report with another filter than the asked one would be
believed.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from enum import StrEnum
from typing import Any

from sqlalchemy.orm import Session

from app.access.scope import Scope
from app.domain.states import MeterType, SaleKind, SaleStatus
from app.reports import names
from app.reports.installation import Installation
from app.reports.period import EARLIEST, LATEST, NAMES, YEARS_MAX, Period, before, named

PAGE_MAX = 100_000
TEXT_MAX = 80
# Of the filter `within`: a place without those within it, as a figure by region is.
ALONE = "alone"
# What no field asks for: links do.
UNSEEN = frozenset({"order", "down", "page"})
# What an address may hold besides the filters of its report.
COMMON = frozenset({"period", "from", "to", "group", "then", "show", "order", "down", "page", "lang", "saved"})


@dataclass(frozen=True, slots=True)
class Choices:
    """What may be asked of one report: `groups` (the first is the default), `thens`, `shows`, filters."""

    period: str = "this_month"
    groups: tuple[str, ...] = ()
    thens: tuple[str, ...] = ()
    shows: tuple[str, ...] = ()
    filters: tuple[str, ...] = ()
    orders: tuple[str, ...] = ()
    descending: bool = False
    days_max: int = YEARS_MAX * 366


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong with one field."""

    field: str
    reason: str


@dataclass(frozen=True, slots=True)
class Question:
    """One question, whole and right.  `picks` holds the filters: ids, or members of closed lists."""

    period: Period
    named: str = ""
    group: str = ""
    then: str = ""
    show: str = ""
    order: str = ""
    descending: bool = False
    page: int = 0
    picks: Mapping[str, Any] = field(default_factory=dict)

    @property
    def earlier(self) -> Period:
        """The period that it is compared with."""
        return before(self.period, self.named)


def is_day(text: str) -> bool:
    """Whether this is a day of the calendar as an address has it.

    >>> is_day("2026-11-05"), is_day("2026-02-30"), is_day("20261105")
    (True, False, False)
    """
    try:
        return re.fullmatch(r"\d{4}-\d{2}-\d{2}", text, re.ASCII) is not None and date.fromisoformat(text) is not None
    except ValueError:
        return False


@dataclass(slots=True)
class _Reader:
    """Collects the values and the faults of one address."""

    given: Mapping[str, str]
    faults: list[Fault] = field(default_factory=list)

    def text(self, name: str) -> str:
        """What was typed, without space around it."""
        return self.given.get(name, "").strip()

    def wrong(self, name: str, reason: str) -> None:
        """Note a fault."""
        self.faults.append(Fault(name, reason))

    def one_of(self, name: str, known: tuple[str, ...]) -> str:
        """A member of a closed list; the first one when nothing was said."""
        text = self.text(name)
        if not text:
            return known[0] if known else ""
        if text not in known:
            self.wrong(name, "no_order" if name in UNSEEN else "unknown")
            return known[0] if known else ""
        return text

    def day(self, name: str) -> date | None:
        """A day as 2026-11-05."""
        text = self.text(name)
        if not text:
            return None
        day = date.fromisoformat(text) if is_day(text) else None
        if day is None:
            self.wrong(name, "no_day")
        elif not EARLIEST <= day <= LATEST:
            self.wrong(name, "far_away")
            return None
        return day


def ask(
    session: Session, scope: Scope, choices: Choices, given: Mapping[str, str], house: Installation
) -> tuple[Question, tuple[Fault, ...]]:
    """Read a question; with faults, it holds what could be read and is not to be answered."""
    reader = _Reader(given)
    period, name = _period(reader, choices, house)
    group = reader.one_of("group", choices.groups)
    thens = tuple(then for then in ("", *choices.thens) if then != group)
    then = reader.one_of("then", thens)
    order = reader.one_of("order", ("", *choices.orders))
    down = reader.one_of("down", ("", "0", "1"))
    page = reader.text("page")
    if page and not (page.isascii() and page.isdigit() and len(page) <= len(str(PAGE_MAX)) and int(page) <= PAGE_MAX):
        reader.wrong("page", "no_order")
        page = ""
    picks = {name: value for name in choices.filters if (value := _pick(reader, session, scope, name)) is not None}
    if "region" not in picks:
        picks.pop("within", None)  # without a place there is nothing within it
    elif "within" in picks:
        picks["region"] = replace(picks["region"], alone=True)
    for unknown in given.keys() - COMMON - set(choices.filters):
        if given[unknown].strip() and not unknown.endswith("-text"):
            reader.wrong("", "unknown_filter")
    question = Question(
        period=period, named=name, group=group, then=then, show=reader.one_of("show", choices.shows), order=order,
        descending=(down == "1") if down or order else choices.descending, page=int(page or 0), picks=picks,
    )  # fmt: skip
    return question, tuple(dict.fromkeys(reader.faults))


def _period(reader: _Reader, choices: Choices, house: Installation) -> tuple[Period, str]:
    first, last = reader.day("from"), reader.day("to")
    name = reader.text("period")
    if name and name not in (*NAMES, "days"):
        reader.wrong("period", "unknown")
        name = ""
    typed = bool(reader.text("from") or reader.text("to"))
    if name in NAMES or not (typed or name):
        name = name if name in NAMES else choices.period
        period = named(name, house.today, house.first_weekday)
        if period.days > choices.days_max:
            reader.wrong("period", _too_long(choices))
        return period, name
    if reader.faults:
        return Period(house.today, house.today), "days"
    if first is None or last is None:
        # One day alone is that day; an open end is today.
        first = first or last or house.today
        last = last or (max(house.today, first) if reader.text("from") else first)
    if first > last:
        reader.wrong("to", "before_from")
        return Period(last, first), "days"
    period = Period(first, last)
    if period.days > choices.days_max:
        reader.wrong("to", _too_long(choices))
    return period, "days"


def _too_long(choices: Choices) -> str:
    return "too_long" if choices.days_max > 400 else "too_long_days"


class InTheDrawer(StrEnum):
    """Sales whose money is there, with a token or waiting for one: a state to ask for, beside those of a sale."""

    BOTH = "sold_or_waiting"


_ENUMS = {"type": MeterType, "status": SaleStatus, "kind": SaleKind}


def _pick(reader: _Reader, session: Session, scope: Scope, name: str) -> Any:
    """One filter's value, or None when nothing was asked; what is not the reader's own is a fault."""
    text = reader.text(name)
    if not text:
        return SaleStatus.ISSUED if name == "status" else None
    if name == "status" and text == InTheDrawer.BOTH:
        return InTheDrawer.BOTH
    if name in _ENUMS:
        if text not in set(_ENUMS[name]):
            reader.wrong(name, "unknown")
            return None
        return _ENUMS[name](text)
    if name == "within":
        if text != ALONE:
            reader.wrong(name, "unknown")
        return ALONE
    if name == "less":
        if not re.fullmatch(r"[1-9][0-9]?", text, re.ASCII):
            reader.wrong(name, "no_percent")
            return None
        return int(text)
    found = names.own(session, scope, name, text) if len(text) <= TEXT_MAX and "\0" not in text else None
    if found is None:
        reader.wrong(name, "not_found")
    return found
