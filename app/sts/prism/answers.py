"""What the module answers, from the values of `app.sts.module` to the structures of the wire.

>>> scaled(0, 0, 256), scaled(0, 4, -99994), scaled(2, 0, 1000)
(('25.6', 'kWh'), ('-0.99994', 'currency units'), ('1000', 'W'))
"""

from __future__ import annotations

from collections.abc import Iterable
from decimal import MAX_PREC, Context, Decimal
from typing import Any

from app.sts import credit, id_record, management, meter_number, meter_test, token, token_id
from app.sts.module import (
    Advice,
    IssuedToken,
    KeyFacts,
    MeterConfig,
    MeterTestToken,
    ModuleStatus,
    Verification,
)
from app.sts.prism.interface import API

#: sts unit and scaled unit of a credit, by subclass modulo 4.
_UNITS = (("0.1 kWh", "kWh"), ("0.1 m3", "m3"), ("0.1 m3", "m3"), ("0.1 min", "min"))
_CURRENCY = ("0.00001 currency units", "currency units")
_WATTS = (management.MAXIMUM_POWER_LIMIT, management.MAXIMUM_PHASE_UNBALANCE_LIMIT)
_EXACT = Context(prec=MAX_PREC)


def tokens(made: Iterable[IssuedToken], module: str) -> list[Any]:
    """Return issued tokens; ``module`` is the name of the security module."""
    return [_token(one, module) for one in made]


def _token(made: IssuedToken, module: str) -> Any:
    return _structure(
        (made.pan, made.ea, made.tct, int(made.sgc), made.krn, made.ti),
        (made.token_class, made.subclass, made.token_id, made.amount),
        made.digits,
        (module, made.kcv),
        None if made.advice is None else advice(made, made.advice),
    )


def _structure(
    meter: tuple[str, int, int, int, int, int],
    said: tuple[int, int, int | None, int | None],
    digits: str,
    origin: tuple[str, str],
    changed: Any = None,
) -> Any:
    """Build a Token from what is known of the meter, of the token, and of its maker."""
    pan, ea, tct, sgc, krn, ti = meter
    token_class, subclass, identifier, amount = said
    value, unit = scaled(token_class, subclass, amount)
    return API.Token(
        drn=_drn(pan), pan=pan, ea=ea, tct=tct, sgc=sgc, krn=krn, ti=ti,
        tokenClass=token_class, subclass=subclass, tid=identifier or 0,
        transferAmount=_transfer(token_class, subclass, amount),
        isReservedTid=identifier is not None and token_id.is_reserved(identifier),
        newConfig=changed,
        description=description(token_class, subclass),
        stsUnitName=_sts_unit(token_class, subclass), scaledAmount=value, scaledUnitName=unit,
        tokenDec=digits, tokenHex=f"{int(digits):017X}",
        idSm=origin[0], vkKcv=origin[1],
    )  # fmt: skip


def advice(made: IssuedToken, change: Advice) -> Any:
    """Return what to store of a meter after a key change, with what stands on its new card."""
    record = id_record.IDRecord(
        made.pan, made.tct, made.ea, change.to_sgc, change.to_ti, change.to_krn, change.expiry
    )
    return API.MeterConfigAdvice(
        toSgc=int(change.to_sgc), toKrn=change.to_krn, toTi=change.to_ti, toKen=change.to_ken,
        idRecord=id_record.build(record), record2=id_record.build_record2(record),
        rollover=change.rollover, toVkKcv=change.kcv,
    )  # fmt: skip


def scaled(token_class: int, subclass: int, amount: int | None) -> tuple[str, str]:
    """Return an amount as an exact decimal with its unit."""
    if amount is None:
        return "", ""
    if token_class == 0 and subclass >= 4:
        return format(Decimal(amount).scaleb(-5, _EXACT), "f"), _CURRENCY[1]
    if token_class == 0:
        return f"{amount // 10}.{amount % 10}", _UNITS[subclass][1]
    return str(amount), "W" if subclass in _WATTS else ""


def _drn(pan: str) -> str:
    """The meter number inside a PAN that was checked when the request came."""
    return pan[6:17] if pan.startswith(meter_number.IIN_SHORT) else pan[4:17]


def _transfer(token_class: int, subclass: int, amount: int | None) -> float:
    """The double of the wire: tenths, watts, a raw field, or currency units (read scaledAmount then)."""
    if amount is None:
        return 0
    return amount / 100_000 if token_class == 0 and subclass >= 4 else amount


def _sts_unit(token_class: int, subclass: int) -> str:
    if token_class == 0:
        return _CURRENCY[0] if subclass >= 4 else _UNITS[subclass][0]
    return "W" if subclass in _WATTS else ""


def description(token_class: int, subclass: int) -> str:
    """Return what a token is for, in a few words."""
    if token_class == 0:
        return f"Credit: {credit.KINDS[subclass]}".replace("_", " ")
    if token_class == 1:
        return f"Test: {meter_test.KINDS[subclass]}".replace("_", " ")
    return f"Management: {management.KINDS.get(subclass, 'key_change')}".replace("_", " ")


def class_1(made: MeterTestToken, pan: str = "") -> Any:
    """Return a class 1 token; it is for every meter, unless a meter was asked about."""
    return API.MeterTestToken(
        drn=meter_number.drn_from_pan(pan) if pan else "", pan=pan, tokenClass=1,
        subclass=made.subclass, control=made.control, mfrcode=made.mfr_code,
        description=description(1, made.subclass),
        tokenDec=made.digits, tokenHex=f"{int(made.digits):017X}",
    )  # fmt: skip


def verification(
    said: Verification, meter: MeterConfig, digits: str, origin: tuple[str, str]
) -> Any:
    """Return what twenty digits mean for a meter; ``origin``: module name and KCV of the key."""
    result = API.VerifyResult(validationResult=said.reason)
    if said.kind is None or said.token_class is None or said.subclass is None:
        return result
    bare, facts = token.compact(digits), dict(said.facts)
    if said.token_class == 1:
        made = MeterTestToken(bare, said.subclass, facts["control"], facts["mfr_code"])
        result.meterTestToken = class_1(made, meter.pan)
        return result
    known = (meter.pan, meter.ea, meter.tct, int(meter.sgc), meter.krn, meter.ti)
    what = (said.token_class, said.subclass, said.token_id, said.amount)
    result.token = _structure(known, what, bare, origin)
    return result


def facts(key: KeyFacts) -> Any:
    """Return a vending key without the key."""
    return API.VendingKeyFacts(
        sgc=int(key.sgc), krn=key.krn, keyType=key.key_type, dkga=key.dkga, baseDate=key.base_date,
        ken=key.ken, kcv=key.kcv, eas=list(key.eas),
        activeFrom=None if key.active_from is None else int(key.active_from.timestamp()),
        activeTo=None if key.active_to is None else int(key.active_to.timestamp()),
    )  # fmt: skip


def status(said: ModuleStatus, counters: dict[str, object]) -> Any:
    """Return how the module is; keys stand in ``info`` as `vk.<SGC>.<KRN>`."""
    info = {"name": said.name, "idSm": said.name, "version": said.version, "api": API.ApiVersion}
    info |= {name: str(value) for name, value in counters.items()}
    for key in said.keys:
        until = "" if key.active_to is None else f" until={key.active_to.isoformat()}"
        begin = "" if key.active_from is None else f" from={key.active_from.isoformat()}"
        info[f"vk.{key.sgc}.{key.krn}"] = (
            f"kcv={key.kcv} kt={key.key_type} dkga={key.dkga:02d} bdt={key.base_date} ken={key.ken}{begin}{until}"
        )
    alerts = [API.Alert(eCode=_code(line), eMsgEn=line) for line in said.alerts]
    return API.NodeStatus(info=info, alerts=alerts)


def _code(line: str) -> str:
    """The code an alert begins with, or a general one."""
    code, colon, _ = line.partition(": ")
    return code if colon and code.startswith("E") and " " not in code else "ESm"
