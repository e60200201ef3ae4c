"""The words for the closed lists of the business: what stands on pills, tiles and in sentences."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flask_babel import lazy_gettext as _l
from flask_babel import lazy_pgettext

from app.domain.states import (
    Algorithm,
    ChargeMethod,
    MeterStatus,
    MeterType,
    SaleKind,
    SaleStatus,
    TokenKind,
)

METER_TYPE: Mapping[MeterType, Any] = {
    MeterType.ELECTRICITY: _l("Electricity"),
    MeterType.WATER: _l("Water"),
    MeterType.GAS: _l("Gas"),
    MeterType.TIME: lazy_pgettext("meter type", "Time"),
}
METER_STATUS: Mapping[MeterStatus, Any] = {
    MeterStatus.IN_STOCK: _l("in stock"),
    MeterStatus.INSTALLED: _l("installed"),
    MeterStatus.BLOCKED: _l("blocked"),
    MeterStatus.REMOVED: _l("removed"),
}
ALGORITHM: Mapping[Algorithm, Any] = {Algorithm.LEGACY: _l("legacy"), Algorithm.STS6: "STS6"}
SALE_STATUS: Mapping[SaleStatus, Any] = {
    SaleStatus.RESERVED: _l("Waiting"),
    SaleStatus.ISSUED: _l("Sold"),
    SaleStatus.FAILED: _l("Failed"),
}
SALE_KIND: Mapping[SaleKind, Any] = {SaleKind.SALE: _l("Sale"), SaleKind.REVERSAL: _l("Reversal")}
TOKEN_KIND: Mapping[TokenKind, Any] = {
    TokenKind.CREDIT: _l("Credit"),
    TokenKind.KEY_CHANGE: _l("Key change"),
    TokenKind.ENGINEERING: _l("Engineering"),
}
# A fee and how often it falls due: "150.00 once a month".
EVERY: Mapping[ChargeMethod, Any] = {
    ChargeMethod.PURCHASE: _l("each purchase"),
    ChargeMethod.DAY: _l("once a day"),
    ChargeMethod.WEEK: _l("once a week"),
    ChargeMethod.MONTH: _l("once a month"),
    ChargeMethod.YEAR: _l("once a year"),
}
