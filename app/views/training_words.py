"""The training meter in words: what its display says, what it means, what changed in it."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from typing import Any

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l

from app.domain.states import UNIT, MeterType
from app.services.training import CONSUME, COVER, REGISTER, Done, Screen
from app.sts import meter_test
from app.sts.virtual_meter import MEMORY, Result
from app.views import figures
from app.views.engineering_words import REGISTERS, TESTS, watts

# What an answer means, for somebody who learns it; ok, warn or bad beside it.
RESULTS: Mapping[str, tuple[str, Any]] = {
    Result.ACCEPT: ("ok", _l("Accepted.")),
    Result.FIRST_SECTION: ("ok", _l("First key-change token taken. The meter waits two minutes for the others, in any order.")),
    Result.SECOND_SECTION: ("ok", _l("Second key-change token taken. The meter waits two minutes for the others, in any order.")),
    Result.THIRD_SECTION: ("ok", _l("Third key-change token taken. The meter waits two minutes for the others, in any order.")),
    Result.FOURTH_SECTION: ("ok", _l("Fourth key-change token taken. The meter waits two minutes for the others, in any order.")),
    Result.USED: ("bad", _l("USED: this token was entered before. Its units are in the meter already.")),
    Result.OLD: ("bad", _l("OLD: the token is older than all that the meter remembers.")),
    Result.CRC: ("bad", _l("REJECT: a digit is mistyped, or the token is for another meter or another key.")),
    Result.KEY_EXPIRED: ("bad", _l("KEY EXPIRED: the token lies beyond the expiry number of the meter's key. A key change is due.")),
    Result.OVERFLOW: ("bad", _l("OVERFLOW: with this token the meter would hold more credit than it can.")),
    Result.KEY_TYPE: ("bad", _l("KEY TYPE: the meter may not move to this key. A training meter moves to public test keys only.")),
    Result.FORMAT: ("bad", _l("FORMAT: these are not twenty digits that a token can have.")),
    Result.RANGE: ("bad", _l("RANGE: the token carries a value that the meter cannot take.")),
    Result.FUNCTION: ("bad", _l("FUNCTION: the meter does not know this kind of token.")),
    Result.DDTK: ("bad", _l("The meter is under its maker's key, which takes no credit.")),
    Result.MFR_CODE: ("bad", _l("MANUFACTURER: a test token of another manufacturer.")),
    "used": ("ok", _l("Units were used.")),
    "off": ("warn", _l("The supply is off: nothing was used.")),
    "tampered": ("warn", _l("TAMPER: the cover is open. The supply stays off until the tamper condition is cleared by a token.")),
}  # fmt: skip
WHAT: Mapping[str, Any] = {"token": _l("Token"), CONSUME: _l("Units used"), COVER: _l("Cover opened")}
NAMES: Mapping[str, Any] = {
    "power_limit_watts": _l("Maximum power limit"), "phase_unbalance_limit_watts": _l("Three-phase unbalance limit"),
    "tariff_rate": _l("Tariff rate"), "water_meter_factor": _l("Water meter factor"), "tampered": _l("Tamper"),
    "sgc": "SGC", "krn": "KRN", "ti": "TI", "ken": "KEN",
}  # fmt: skip
REMEMBERED = MEMORY
_NUMBER = {name: number for number, name in enumerate(meter_test.TESTS)}
_WATTS = ("power_limit_watts", "phase_unbalance_limit_watts", "maximum_power_limit", "phase_unbalance_limit")


def result(done: Done) -> tuple[str, Any]:
    """Tone and sentence of an answer."""
    return RESULTS.get(done.said, ("warn", done.said))


def face(done: Done | None, screen: Screen) -> str:
    """The upper line of the display: its last answer as the standard spells it, else the state of the supply."""
    if done is None or done.what == CONSUME:
        return _("on") if screen.supplied else _("off")
    return "Tamper" if done.what == COVER else done.said


def unit(meter_type: MeterType) -> str:
    """The unit of the meter's credit."""
    return UNIT[meter_type]


def changes(done: Done, screen: Screen) -> list[tuple[str, str]]:
    """What became different, as name and "before → after"."""
    return [(_name(name, screen), f"{_value(name, old)} → {_value(name, new)}") for name, old, new in done.changed]


def shown(done: Done, screen: Screen) -> list[tuple[str, str]]:
    """What a test token put on the display: its name and the value."""
    return [(_test(name), _shown(name, value, screen)) for name, value in done.shown]


def limit(value: int | None) -> str:
    """A limit in kilowatts, or that there is none."""
    return _("no limit") if value is None else watts(value)


def _name(name: str, screen: Screen) -> str:
    if name.startswith("register "):
        number = int(name.removeprefix("register "))
        return _("Credit") if number == REGISTER[screen.meter_type] else str(REGISTERS[number])
    return str(NAMES.get(name, name))


def _value(name: str, value: Any) -> str:
    if name.startswith("register "):
        number = int(name.removeprefix("register "))
        if number > 3:
            return figures.number(Fraction(value, 100_000), 5, least=2)
        kinds = {at: kind for kind, at in REGISTER.items()}
        return f"{figures.units(value)} {UNIT[kinds[number]]}"
    if value is None:
        return "—"
    if name in _WATTS:
        return watts(value)
    if isinstance(value, bool):
        return _("open") if value else _("closed")
    return f"{value:02}" if name == "ti" else str(value)


def _test(name: str) -> str:
    if name not in _NUMBER:
        return name.replace("_", " ")
    return str(TESTS[_NUMBER[name]][0])


def _shown(name: str, value: int | str, screen: Screen) -> str:
    if name in _WATTS and isinstance(value, int):
        return watts(value)
    if name == "total_consumption" and isinstance(value, int):
        return figures.ltr(f"{figures.units(value)} {unit(screen.meter_type)}")
    if name == "meter_number":
        return figures.ltr(figures.meter_number(str(value)))
    if name == "tamper_status":
        return _("open") if value else _("closed")
    if name in {"encryption_algorithm", "tariff_index"}:
        return f"{value:02}"
    return str(value)
