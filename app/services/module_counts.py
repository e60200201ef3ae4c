"""What a module says that it made: each UTC day, a running total, or nothing.

Our own module server counts by day (`ModuleAdmin.countsPerDay`); one in this process has its answers in
this database; hardware may tell a total in `getStatus`, or does not count.  The network is asked with no
transaction open, and a module that does not answer is an answer too.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Protocol

from app.models import SecurityModule as ModuleRow
from app.services.issue import leave_transaction
from app.services.security_module import NETWORK
from app.sts.module import ModuleError, SecurityModule
from app.sts.prism import admin
from app.sts.prism.place import Place

DAY, JOURNAL, TOTAL, NONE, SILENT = "day", "journal", "total", "none", "silent"
# How it counts, for the shell.
SOURCES = {
    DAY: "counts by day", JOURNAL: "its answers stand here", TOTAL: "a first look at its total",
    NONE: "it does not count", SILENT: "it did not answer",
}  # fmt: skip
# A server tells no more than some four hundred days at once.
DAYS_AT_ONCE = timedelta(days=300)
# It speaks, but knows no such call, or this user may not ask.
KNOWS_NOT = frozenset({"EMethod.Unknown", "EAuthentication.Permission"})


class Reachable(Protocol):
    """Where modules are found, see security_module.InstalledModules."""

    def by_id(self, module_id: int, offset_minutes: int = 0) -> SecurityModule:
        """The module of a row."""
        ...

    def place_of(self, row: ModuleRow) -> Place:
        """Where it is reached.  Raises ModuleError."""
        ...


@dataclass(frozen=True, slots=True)
class Told:
    """How a module counts, and what it told: tokens by UTC day, or one running total."""

    source: str
    by_day: Mapping[date, int] = field(default_factory=dict)
    total: int | None = None


def ask(row: ModuleRow, modules: Reachable, first: date, last: date) -> Told:
    """Ask one module for its counts between two UTC days, both inclusive.  `row` is detached from its session."""
    if row.kind != NETWORK:
        return Told(JOURNAL)
    leave_transaction()
    try:
        return _by_day(modules.place_of(row), first, last)
    except ModuleError as error:
        if error.code not in KNOWS_NOT:
            return Told(SILENT)
    try:
        total = modules.by_id(row.id).status().tokens_issued
    except ModuleError:
        return Told(SILENT)
    return Told(TOTAL, total=total) if total else Told(NONE)


def _by_day(place: Place, first: date, last: date) -> Told:
    by_day: dict[date, int] = {}
    while first <= last:
        through = min(last, first + DAYS_AT_ONCE)
        for day, _token_class, _subclass, tokens in admin.counts_per_day(place, first, through):
            by_day[day] = by_day.get(day, 0) + tokens
        first = through + timedelta(days=1)
    return Told(DAY, by_day)
