"""The closed lists of the business, their stored words, and which status may follow which.

>>> SaleStatus("issued") is SaleStatus.ISSUED
True
>>> require_step(SaleStatus.RESERVED, SaleStatus.ISSUED)
>>> require_step(SaleStatus.ISSUED, SaleStatus.FAILED)
Traceback (most recent call last):
    ...
app.domain.states.ForbiddenStep: issued may not become failed
"""

from __future__ import annotations

from enum import StrEnum
from types import MappingProxyType
from typing import Final


class MeterType(StrEnum):
    """What a meter counts; also the subclass of its credit tokens."""

    ELECTRICITY = "electricity"
    WATER = "water"
    GAS = "gas"
    TIME = "time"


UNIT: Final = MappingProxyType(
    {
        MeterType.ELECTRICITY: "kWh",
        MeterType.WATER: "m³",
        MeterType.GAS: "m³",
        MeterType.TIME: "min",
    }
)


class MeterStatus(StrEnum):
    """Where a meter is in its life; only an installed one may buy."""

    IN_STOCK = "in_stock"
    INSTALLED = "installed"
    BLOCKED = "blocked"
    REMOVED = "removed"


class SaleStatus(StrEnum):
    """Money held (reserved), token given (issued), or refused by the module for good (failed)."""

    RESERVED = "reserved"
    ISSUED = "issued"
    FAILED = "failed"


class SaleKind(StrEnum):
    """A sale, or the linked sale that undoes one."""

    SALE = "sale"
    REVERSAL = "reversal"


class ChargeMethod(StrEnum):
    """How often a fixed fee falls due."""

    PURCHASE = "purchase"
    DAY = "day"
    WEEK = "week"
    MONTH = "month"
    YEAR = "year"


class Paper(StrEnum):
    """What a slip is printed on: rolls of two widths (millimetres) and the sheet."""

    ROLL_58 = "58mm"
    ROLL_80 = "80mm"
    SHEET = "a4"


class StepPeriod(StrEnum):
    """The span over which delivered units count towards the steps."""

    MONTH = "month"
    PURCHASE = "purchase"
    YEAR = "year"


class Settlement(StrEnum):
    """How a sum becomes money that exists: up or down to the currency's unit."""

    UP = "up"
    DOWN = "down"


class Recovery(StrEnum):
    """What happens to the fees of missed periods."""

    WHOLE = "whole"
    CAPPED = "capped"
    FORGIVEN = "forgiven"


class CapacityUnit(StrEnum):
    """In what the capacity of a connection is stated, where a fee goes by it."""

    KVA = "kVA"
    AMPERE = "A"
    KILOWATT = "kW"


class RowScope(StrEnum):
    """Which rows the members of a user group may see, from narrow to wide."""

    VENDING_POINT = "vending_point"
    REGION = "region"
    ALL = "all"


class Algorithm(StrEnum):
    """The manual's two kinds of keys: DKGA02 (legacy) and DKGA04 (STS6)."""

    LEGACY = "legacy"
    STS6 = "sts6"


class TokenKind(StrEnum):
    """What a stored token is for."""

    CREDIT = "credit"
    KEY_CHANGE = "key_change"
    ENGINEERING = "engineering"


class UserStatus(StrEnum):
    """Whether a person may log in."""

    ACTIVE = "active"
    LOCKED = "locked"
    LEFT = "left"


class SignInAnswer(StrEnum):
    """What a sign-in that failed was answered with, as those are told who look after people."""

    UNKNOWN = "unknown"
    PASSWORD = "password"  # noqa: S105  (a word, no password)
    OFF = "off"
    CODE = "code"
    LOCKED = "locked"


class TaskState(StrEnum):
    """Where a piece of long work is."""

    WAITING = "waiting"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"


class ImportState(StrEnum):
    """Where an import is: read, told which column is what, checked, run, finished."""

    READING = "reading"
    READ = "read"
    CHECKING = "checking"
    CHECKED = "checked"
    RUNNING = "running"
    # Its rows are in; what follows from them (words to search by) is being made.
    FINISHING = "finishing"
    DONE = "done"
    FAILED = "failed"
    DROPPED = "dropped"


# A reserved sale ends as issued or failed; both ends are final (a reversal is a new sale).
SALE_STEPS: Final = frozenset(
    {(SaleStatus.RESERVED, SaleStatus.ISSUED), (SaleStatus.RESERVED, SaleStatus.FAILED)}
)
METER_STEPS: Final = frozenset(
    {
        (MeterStatus.IN_STOCK, MeterStatus.INSTALLED),
        (MeterStatus.IN_STOCK, MeterStatus.REMOVED),
        (MeterStatus.INSTALLED, MeterStatus.BLOCKED),
        (MeterStatus.INSTALLED, MeterStatus.REMOVED),
        (MeterStatus.INSTALLED, MeterStatus.IN_STOCK),
        (MeterStatus.BLOCKED, MeterStatus.INSTALLED),
        (MeterStatus.BLOCKED, MeterStatus.REMOVED),
        (MeterStatus.REMOVED, MeterStatus.IN_STOCK),
    }
)


class ForbiddenStep(Exception):
    """A status was asked to become one that may not follow it: a mistake in the program."""

    def __init__(self, old: StrEnum, new: StrEnum) -> None:
        super().__init__(f"{old} may not become {new}")


def require_step(old: SaleStatus | MeterStatus, new: SaleStatus | MeterStatus) -> None:
    """Raise ForbiddenStep unless `new` may follow `old` (SALE_STEPS, METER_STEPS)."""
    if (old, new) not in SALE_STEPS | METER_STEPS:
        raise ForbiddenStep(old, new)


class Every(StrEnum):
    """How often something recurs."""

    DAY = "day"
    WEEK = "week"
    MONTH = "month"


class SendingState(StrEnum):
    """How far one sending of a report by e-mail is; the last three are for good."""

    WAITING = "waiting"
    RUNNING = "running"
    SENT = "sent"
    SKIPPED = "skipped"
    FAILED = "failed"
