"""The engineering desk in words: what each function is for, what it does to the meter, what must be typed.

The names are the manual's; the danger is said before the button, not after it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l

from app.domain.engineering import ALL_REGISTERS, FUNCTIONS, KEY_CHANGE, METER_TEST, Unit
from app.models import EngineeringRecord
from app.views import figures


@dataclass(frozen=True, slots=True)
class Told:
    """A function's name, what the meter will do, and what to be careful of."""

    name: Any
    does: Any
    careful: Any
    icon: str
    endpoint: str


TOLD: Mapping[str, Told] = {
    "maximum_power_limit": Told(
        _l("Maximum power limit"),
        _l("The meter switches off when more power than this is drawn."),
        _l("Too low a limit leaves the consumer in the dark; look at what the line and the contract allow."),
        "fa-gauge-high", "maximum_power_limit",
    ),
    "clear_credit": Told(
        _l("Clear balance"),
        _l("The meter forgets the credit it holds."),
        _l("What the consumer has paid for is gone and cannot be brought back by this desk. Write the balance down first."),
        "fa-eraser", "clear_credit",
    ),
    "clear_tamper_condition": Told(
        _l("Clear tamper"),
        _l("The meter forgets that it was opened or turned, and may switch on again."),
        _l("Look at the meter and its seals first: the trace of what was done to it is lost."),
        "fa-shield-halved", "clear_tamper_condition",
    ),
    "maximum_phase_unbalance_limit": Told(
        _l("Three-phase unbalance limit"),
        _l("A three-phase meter switches off when its phases differ by more power than this."),
        _l("Only three-phase meters know this function."),
        "fa-scale-unbalanced", "maximum_phase_unbalance_limit",
    ),
    "set_tariff_rate": Told(
        _l("Tariff rate"),
        _l("The meter gets a rate of its own; what the number means is the maker's."),
        _l("Look the number up in the maker's manual. It has nothing to do with the tariff of the sale."),
        "fa-tags", "set_tariff_rate",
    ),
    "water_meter_factor": Told(
        _l("Water meter factor"),
        _l("The meter counts its pulses with this factor; what the number means is the maker's."),
        _l("A wrong factor makes every later cubic metre wrong."),
        "fa-droplet", "water_meter_factor",
    ),
    KEY_CHANGE: Told(
        _l("Key change"),
        _l("The meter moves to another vending key or tariff index."),
        _l("Afterwards it takes tokens of the new key only. All tokens of the set are typed, in their order."),
        "fa-key", "key_change",
    ),
    METER_TEST: Told(
        _l("Meter test"),
        _l("Any meter runs the tests or shows the values."),
        _l("These tokens need no key, carry no credit and change nothing."),
        "fa-vial", "tests",
    ),
}  # fmt: skip

# The registers of the standard's eight credit subclasses.
REGISTERS: Mapping[int, Any] = {
    ALL_REGISTERS: _l("All of them"),
    0: _l("Electricity"), 1: _l("Water"), 2: _l("Gas"), 3: _l("Time"),
    4: _l("Electricity currency"), 5: _l("Water currency"), 6: _l("Gas currency"), 7: _l("Time currency"),
}  # fmt: skip

# What a meter shows or does for each test of `meter_test.TESTS`, in the manual's order; number -> (name, shows).
TESTS: Mapping[int, tuple[Any, Any]] = {
    0: (_l("Initiate meter test"), _l("everything it can, one after the other")),
    1: (_l("Test load switch"), _l("the supply goes off and on again")),
    2: (_l("Test meter display"), _l("every segment of the display")),
    3: (_l("Display cumulative consumption"), _l("the units used since it was made")),
    4: (_l("Display KRN"), _l("the key revision number, 1 to 9")),
    5: (_l("Display TI"), _l("the tariff index, two digits")),
    6: (_l("Test token reader"), _l("a good reading, or the reader's fault")),
    7: (_l("Display maximum power limit"), _l("the limit in watts or kilowatts")),
    8: (_l("Display tamper status"), _l("whether it noticed tampering")),
    9: (_l("Display power consumption"), _l("the power drawn now")),
    10: (_l("Display software version"), _l("the version of its program")),
    11: (_l("Display phase power unbalance limit"), _l("the limit between phases")),
    12: (_l("Display water meter factor"), _l("the factor of its pulses")),
    13: (_l("Display tariff rate"), _l("the rate it was given")),
    14: (_l("Display EA"), _l("its encryption algorithm, 07 or 11")),
    15: (_l("Display number of KCTs supported"), _l("how many key-change tokens it takes")),
    16: (_l("Display SGC"), _l("the supply group code, six digits")),
    17: (_l("Display KEN"), _l("the key expiry number")),
    18: (_l("Display DRN"), _l("its own number")),
}


def name_of(function: str) -> str:
    """What a function is called; an unknown one keeps its stored name."""
    told = TOLD.get(function)
    return function.replace("_", " ") if told is None else str(told.name)


def meter_of(record: EngineeringRecord) -> str | None:
    """The number of the meter that an act was for, as its slip has it; None: for any meter.

    NB: the meter itself may be out of the reader's sight by now, where the act of their vending point is not.
    """
    meter = json.loads(record.snapshot).get("meter")
    return meter["meter_number"] if meter else None


def value_of(function: str, value: int) -> str:
    """A value in human units: 20000 watts are 20 kW."""
    facts = FUNCTIONS.get(function)
    if facts is None or facts.unit is Unit.NONE:
        return ""
    if facts.unit is Unit.WATT:
        return watts(value)
    if facts.unit is Unit.REGISTER:
        return str(REGISTERS.get(value, value))
    return str(value)


def watts(value: int) -> str:
    """Watts as kilowatts: 20004 -> 20.004 kW."""
    return _("%(power)s kW", power=figures.number(Fraction(value, 1000), 3, least=0))


def tests_of(numbers: list[int]) -> str:
    """The names of several tests, one after the other."""
    return figures.listed(TESTS[number][0] for number in numbers if number in TESTS)
