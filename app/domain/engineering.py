"""The functions of the engineering desk: what each asks of a meter, and which values it takes.

Clause: IEC 62055-41, 6.2.4 (class 2, one meter's) and 6.2.3 (class 1, any meter's).

>>> FUNCTIONS["maximum_power_limit"].unit, FUNCTIONS["clear_credit"].allows(8)
(<Unit.WATT: 'watt'>, False)
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from app.domain.states import MeterType

KEY_CHANGE: Final = "key_change"
METER_TEST: Final = "meter_test"
#: ClearCredit: every register of the meter, whatever it counts.
ALL_REGISTERS: Final = 0xFFFF
#: The largest limit that a token can carry, in watts.
MOST_WATTS: Final = 18_201_624


def act_number(act_id: int) -> str:
    """The number of an act as its page, its slip and reports have it.

    >>> act_number(12)
    'E000012'
    """
    return f"E{act_id:06d}"


class Unit(StrEnum):
    """What the value of a function is: watts, a credit register, 16 raw bits, or nothing."""

    WATT = "watt"
    REGISTER = "register"
    RAW = "raw"
    NONE = "none"


class ActStatus(StrEnum):
    """A proposal waits for a second person, then the module is asked; the other three are final."""

    PROPOSED = "proposed"
    RESERVED = "reserved"
    ISSUED = "issued"
    FAILED = "failed"
    DECLINED = "declined"


@dataclass(frozen=True, slots=True)
class Function:
    """One meter-specific function: its class 2 subclass, its unit, and the meters that know it."""

    name: str
    subclass: int
    unit: Unit
    most: int
    meter_types: frozenset[MeterType]

    def allows(self, value: int) -> bool:
        """Whether a token of this function can carry `value` (in the function's unit)."""
        if self.unit is Unit.REGISTER:
            return value == ALL_REGISTERS or 0 <= value <= self.most
        return 0 <= value <= self.most


_EVERY = frozenset(MeterType)
_ELECTRIC = frozenset({MeterType.ELECTRICITY})
FUNCTIONS: Final[Mapping[str, Function]] = MappingProxyType(
    {
        function.name: function
        for function in (
            Function("maximum_power_limit", 0, Unit.WATT, MOST_WATTS, _ELECTRIC),
            Function("clear_credit", 1, Unit.REGISTER, 7, _EVERY),
            Function("clear_tamper_condition", 5, Unit.NONE, 0, _EVERY),
            Function("maximum_phase_unbalance_limit", 6, Unit.WATT, MOST_WATTS, _ELECTRIC),
            Function("set_tariff_rate", 2, Unit.RAW, 0xFFFF, _EVERY),
            Function("water_meter_factor", 7, Unit.RAW, 0xFFFF, frozenset({MeterType.WATER})),
        )
    }
)
