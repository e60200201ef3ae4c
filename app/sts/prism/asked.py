"""What a caller asks, from the structures of the wire to the values of `app.sts.module`; checked, exact.

>>> from app.sts.prism.interface import API
>>> meter(API.MeterConfigIn(drn='00000000000', ea=7, tct=2, sgc=1457, krn=1, ti=1, ken=255)).sgc
'001457'
>>> amount(4, 0.1), amount(0, 256.0)
(10000, 256)
"""

from __future__ import annotations

import math
import re
from contextlib import suppress
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

from app.sts import errors, meter_number, token_id
from app.sts.drawing import Rule
from app.sts.keyring import refused
from app.sts.module import Amendment, MeterConfig, ModuleError
from app.sts.prism.interface import API

_FLAGS = API.TokenIssueFlags
_EXTERNAL, _EXACT, _RESERVED = (
    _FLAGS.EXTERNAL_CLOCK, _FLAGS.TID_ADJUST_BDT, _FLAGS.SPECIAL_RESERVED,
)  # fmt: skip
#: Currency: 1.6383e30 units, in 0.00001.
CURRENCY_MAX = 16383 * 10**31
_DAY = re.compile("[0-9]{4}-[0-9]{2}-[0-9]{2}").fullmatch


def meter(config: Any, key_type: int = 2) -> MeterConfig:
    """Return the meter of a MeterConfigIn; the key type is its vending key's. Raises ModuleError."""
    try:
        return MeterConfig(
            pan(config.drn), config.ea, config.tct, sgc(config.sgc), config.krn, config.ti, config.ken,
            key_type,
            None if config.newConfig is None else amendment(config.newConfig),
            config.allowKrnUpdate, config.allowKenUpdate, config.allow3Kct, config.doe,
        )  # fmt: skip
    except ModuleError:
        raise
    except errors.StsError as error:
        raise refused(errors.sentence(error)) from None


def amendment(config: Any) -> Amendment:
    """Return what a MeterConfigAmendment asks for. Raises ModuleError."""
    try:
        return Amendment(sgc(config.toSgc), config.toKrn, config.toTi)
    except errors.StsError as error:
        raise refused(errors.sentence(error)) from None


def pan(number: str) -> str:
    """Return the MeterPAN of a DRN of 11 or 13 digits, or of a PAN. Raises ModuleError ESts.DrnOrPan."""
    try:
        return (
            meter_number.validate_pan(number)
            if len(number) == 18
            else meter_number.pan_from_drn(number)
        )
    except errors.InvalidCheckDigit as error:
        code, detail = "ESts.DrnOrPan.CheckDigit", str(error)
    except errors.StsError as error:
        code, detail = "ESts.DrnOrPan", str(error)
    raise ModuleError(code, permanent=True, detail=detail)


def sgc(number: int) -> str:
    """Return a supply group code as its six digits. Raises SupplyGroupCodeOutOfRange."""
    errors.check_range(errors.SupplyGroupCodeOutOfRange, number, 0, 999_999)
    return f"{number:06d}"


def amount(subclass: int, transfer_amount: float) -> int:
    """Return an amount of credit in tenths (subclass 0-3), or in 0.00001 currency units (4-7).

    A double stands for the shortest decimal that is read back as it: 0.1 is a tenth of a unit, exactly.
    Raises ModuleError for what is no whole number of steps: nothing is rounded here.
    """
    errors.check_range(errors.SubclassOutOfRange, subclass, 0, 7)
    if subclass < 4:
        return whole(transfer_amount)
    steps = _decimal(transfer_amount).scaleb(5)
    if steps != steps.to_integral_value() or abs(steps) > CURRENCY_MAX:
        raise refused("a currency amount is a number of 0.00001 units, within 1.6383e30")
    return int(steps)


def whole(value: float) -> int:
    """Return a double as the whole number it is, else ModuleError."""
    if not value.is_integer():  # no number and infinity are none either
        raise refused(
            "transferAmount is a whole number here: tenths of a unit, watts, or the raw field"
        )
    if not 0 <= value <= 2**32:
        raise refused("transferAmount is out of its range")
    return int(value)


def _decimal(value: float) -> Decimal:
    if not math.isfinite(value):
        raise refused("transferAmount is no number")
    return Decimal(repr(value))


def timing(token_time: int, flags: int, now: datetime) -> tuple[datetime, Rule]:
    """Return the time of issue and how the token id follows from it. Raises ModuleError."""
    if flags & ~(_EXTERNAL | _EXACT | _RESERVED):
        raise refused("flags has bits that mean nothing")
    if flags & _EXACT:
        if flags != _EXACT:
            raise refused("TID_ADJUST_BDT excludes EXTERNAL_CLOCK and SPECIAL_RESERVED")
        # Minutes since 1993 reach beyond its 24 bits, because the id is moved to the key's base date.
        if not 0 <= token_time <= 2**26:
            raise refused("tokenTime is not a number of minutes since 1993-01-01")
        return token_id.base(93) + timedelta(minutes=token_time), Rule.EXACT
    if flags & _EXTERNAL:
        if not 0 <= token_time < 2**32:
            raise refused("tokenTime is not a time in Unix seconds")
        now = datetime.fromtimestamp(token_time, UTC)
    return now, Rule.RESERVED if flags & _RESERVED else Rule.NEXT_FREE


def day(text: str) -> str:
    """Return a day YYYY-MM-DD. Raises ModuleError."""
    with suppress(ValueError):
        if _DAY(text):
            return date.fromisoformat(text).isoformat()
    raise refused("a day is written YYYY-MM-DD")
