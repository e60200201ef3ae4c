"""The words of every closed list of the business: one table per list, in the order of its form."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flask_babel import lazy_gettext as _l
from flask_babel import lazy_pgettext

from app.domain.states import (
    Algorithm,
    CapacityUnit,
    ChargeMethod,
    MeterStatus,
    MeterType,
    Paper,
    Recovery,
    SaleKind,
    SaleStatus,
    Settlement,
    StepPeriod,
    TokenKind,
)

METER_TYPE: Mapping[MeterType, Any] = {
    MeterType.ELECTRICITY: _l("Electricity"),
    MeterType.WATER: _l("Water"),
    MeterType.GAS: _l("Gas"),
    MeterType.TIME: lazy_pgettext("meter type", "Time"),
}
METER_STATUS: Mapping[MeterStatus, Any] = {
    MeterStatus.INSTALLED: _l("Installed"),
    MeterStatus.IN_STOCK: _l("In stock"),
    MeterStatus.BLOCKED: _l("Blocked"),
    MeterStatus.REMOVED: _l("Removed"),
}
ALGORITHM: Mapping[Algorithm, Any] = {Algorithm.LEGACY: _l("Legacy"), Algorithm.STS6: "STS6"}
SALE_STATUS: Mapping[SaleStatus, Any] = {
    SaleStatus.ISSUED: _l("Sold"),
    SaleStatus.RESERVED: _l("Waiting"),
    SaleStatus.FAILED: _l("Failed"),
}
SALE_KIND: Mapping[SaleKind, Any] = {SaleKind.SALE: _l("Sale"), SaleKind.REVERSAL: _l("Reversal")}
TOKEN_KIND: Mapping[TokenKind, Any] = {
    TokenKind.CREDIT: _l("Credit"),
    TokenKind.KEY_CHANGE: _l("Key change"),
    TokenKind.ENGINEERING: _l("Engineering"),
}
PAPER: Mapping[Paper, Any] = {
    Paper.ROLL_58: _l("58 mm"),
    Paper.ROLL_80: _l("80 mm"),
    Paper.SHEET: _l("A4"),
}
CHARGE_METHOD: Mapping[ChargeMethod, Any] = {
    ChargeMethod.PURCHASE: _l("Each purchase"),
    ChargeMethod.DAY: _l("Every day"),
    ChargeMethod.WEEK: _l("Weekly"),
    ChargeMethod.MONTH: _l("Monthly"),
    ChargeMethod.YEAR: _l("Yearly"),
}
# A fee and how often it falls due: "150.00 once a month".
EVERY: Mapping[ChargeMethod, Any] = {
    ChargeMethod.PURCHASE: _l("each purchase"),
    ChargeMethod.DAY: _l("once a day"),
    ChargeMethod.WEEK: _l("once a week"),
    ChargeMethod.MONTH: _l("once a month"),
    ChargeMethod.YEAR: _l("once a year"),
}
STEP_PERIOD: Mapping[StepPeriod, Any] = {
    StepPeriod.MONTH: _l("per calendar month"),
    StepPeriod.PURCHASE: _l("for each purchase"),
    StepPeriod.YEAR: _l("per calendar year"),
}
RECOVERY: Mapping[Recovery, Any] = {
    Recovery.WHOLE: _l("taken whole"),
    Recovery.CAPPED: _l("taken up to a share of the purchase"),
    Recovery.FORGIVEN: _l("forgiven"),
}
ROUNDING: Mapping[str, Any] = {"up": _l("up"), "down": _l("down"), "half_up": _l("to the nearest")}
UNIT_ROUNDING: Mapping[str, Any] = {**ROUNDING, "none": _l("not at all")}
# What a fee may be multiplied by: the capacity of the meter, in the unit it is stated in.
CAPACITY: Mapping[str, Any] = {
    "kVA": _l("kVA of the meter"), "A": _l("ampere of the meter"), "kW": _l("kW of the meter")
}  # fmt: skip
SETTLEMENT: Mapping[Settlement, Any] = {Settlement.UP: _l("Round up"), Settlement.DOWN: _l("Round down")}
GENDER: Mapping[str, Any] = {"f": _l("Female"), "m": _l("Male"), "x": _l("Other")}
WEEKDAY: Mapping[int, Any] = {
    0: _l("Monday"), 1: _l("Tuesday"), 2: _l("Wednesday"), 3: _l("Thursday"), 4: _l("Friday"),
    5: _l("Saturday"), 6: _l("Sunday"),
}  # fmt: skip
EA: Mapping[int, Any] = {7: _l("07 (STA)"), 11: _l("11 (MISTY1), STS6 only")}
TCT: Mapping[int, Any] = {
    2: _l("02 (typed in)"), 1: _l("01 (magnetic card)"), 7: _l("07 (virtual, over a line)"), 8: _l("08 (DLMS/COSEM)"),
}  # fmt: skip
CAPACITY: Mapping[str, Any] = {
    CapacityUnit.KVA.value: _l("kVA"), CapacityUnit.AMPERE.value: _l("A"), CapacityUnit.KILOWATT.value: _l("kW"),
}  # fmt: skip
BASE_YEAR: Mapping[int, str] = {93: "1993", 14: "2014", 35: "2035"}
