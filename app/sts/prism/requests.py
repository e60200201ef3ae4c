"""Plain values into structures of the wire, and back, believing nothing.

Amounts travel as whole tenths; of currency credit (subclasses 4-7) the text is read, never the double.
What the interface does not tell of a token, its base date, follows from the known facts of its vending
key, and the check value in the answer must be the known one.
"""

import re
from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Context, Decimal
from typing import Any

from app.sts import credit, management, meter_test, token_id
from app.sts.asked import is_key_change
from app.sts.errors import StsError
from app.sts.module import (
    Advice,
    Amendment,
    IssuedToken,
    KeyFacts,
    MeterConfig,
    MeterTestToken,
    ModuleError,
    Verification,
)
from app.sts.prism.interface import API

KCV, KEY, OTHER = "EAnswer.Kcv", "EAnswer.Key", "EAnswer.Other"
EXACT = Context(prec=60)  # digits; a currency amount has up to 36
_TWENTY_DIGITS = re.compile(r"[0-9]{20}").fullmatch
_SEVENTEEN_HEX = re.compile(r"[0-9A-Fa-f]{17}").fullmatch
_AMOUNT = re.compile(r"[+-]?[0-9]{1,36}(\.[0-9]{1,8})?").fullmatch


def wrong(code: str, detail: str) -> ModuleError:
    """An answer that must not be believed: a person decides, nothing is asked again."""
    return ModuleError(code, permanent=False, detail=detail)


def meter_in(meter: MeterConfig) -> Any:
    """A meter as the wire has it."""
    return API.MeterConfigIn(
        drn=meter.pan, ea=meter.ea, tct=meter.tct, sgc=int(meter.sgc), krn=meter.krn, ti=meter.ti,
        newConfig=amendment_in(meter.amendment) if meter.amendment else None, ken=meter.ken,
        allowKrnUpdate=meter.allow_krn_update, allowKenUpdate=meter.allow_ken_update,
        allow3Kct=meter.three_key_tokens,
    )  # fmt: skip


def amendment_in(amendment: Amendment) -> Any:
    """Where a key change leads, as the wire has it."""
    return API.MeterConfigAmendment(toSgc=int(amendment.sgc), toKrn=amendment.krn, toTi=amendment.ti)


def amount_in(token_class: int, subclass: int, amount: int) -> int | Decimal:
    """An amount as the wire has it: whole tenths, watts or raw bits; currency in its own unit.

    It becomes a double only when it is packed.
    """
    return Decimal(amount).scaleb(-5, EXACT) if token_class == 0 and subclass >= 4 else amount


def seconds_in(issue_time: datetime, offset_minutes: int) -> int:
    """The clock that token ids are to be made from: Unix seconds, moved by the installation's offset."""
    if issue_time.tzinfo is None:
        raise ModuleError("EParamRange", permanent=True, detail="a time of issue needs its time zone")
    return int((issue_time + timedelta(minutes=offset_minutes)).timestamp())


class Reader:
    """Reads answers in the light of what is known of the module's vending keys."""

    def __init__(self, facts: Iterable[KeyFacts], offset_minutes: int = 0) -> None:
        """``offset_minutes`` is taken off the times of verified tokens."""
        self._keys: dict[tuple[str, int], list[KeyFacts]] = {}
        for key in facts:
            self._keys.setdefault((key.sgc, key.krn), []).append(key)
        self._offset = timedelta(minutes=offset_minutes)

    def tokens(self, answer: Iterable[Any], issue_time: datetime | None) -> tuple[IssuedToken, ...]:
        """The tokens of an answer. Raises ModuleError with one of the codes EAnswer."""
        return tuple(self.token(token, issue_time) for token in answer)

    def token(self, said: Any, issue_time: datetime | None) -> IssuedToken:
        """One token. Raises ModuleError with one of the codes EAnswer."""
        if not _TWENTY_DIGITS(said.tokenDec) or not _SEVENTEEN_HEX(said.tokenHex):
            raise wrong(OTHER, "a token that is not twenty digits")
        if int(said.tokenDec) != int(said.tokenHex, 16):
            raise wrong(OTHER, "a token that is written in two ways which differ")
        sgc = f"{said.sgc:06d}"
        known = self._known(sgc, said.krn, said.vkKcv)
        token = IssuedToken(
            digits=said.tokenDec, pan=said.pan, ea=said.ea, tct=said.tct, sgc=sgc, krn=said.krn,
            ti=said.ti, token_class=said.tokenClass, subclass=said.subclass, token_id=None,
            base_date=known.base_date, issue_time=issue_time, amount=None, kcv=known.kcv,
            advice=self._advice(said.newConfig) if said.newConfig else None,
        )  # fmt: skip
        if is_key_change(token):
            return token
        return _with(token, said.tid, _amount(said))

    def verification(self, meter: MeterConfig, answer: Any) -> Verification:
        """What the module read in twenty digits."""
        reason, token, test = answer.validationResult, answer.token, answer.meterTestToken
        if test is not None:
            kind = meter_test.KINDS.get(test.subclass)
            facts = (("control", test.control), ("mfr_code", test.mfrcode))
            return Verification(reason, 1, test.subclass, kind, facts=facts)
        if token is None:
            return Verification(reason)
        if token.tokenClass == 2 and token.subclass not in management.KINDS:
            return Verification(reason, 2, token.subclass, "key_change")
        base_date = self._known(meter.sgc, meter.krn, token.vkKcv).base_date
        return Verification(
            reason, token.tokenClass, token.subclass, _kind(token.tokenClass, token.subclass), _amount(token),
            token.tid, token_id.issue_time(token.tid, base_date) - self._offset,
        )  # fmt: skip

    def _known(self, sgc: str, krn: int, kcv: str) -> KeyFacts:
        """The facts of the key that an answer names, when its check value is the known one."""
        keys = self._keys.get((sgc, krn), [])
        if not keys:
            raise wrong(KEY, f"nothing is known of vending key {sgc}/{krn}")
        for key in keys:
            if key.kcv.upper() == kcv.upper():
                return key
        expected = " or ".join(key.kcv for key in keys)
        raise wrong(KCV, f"vending key {sgc}/{krn} has check value {expected}, the answer says {kcv[:12]}")

    def _advice(self, said: Any) -> Advice:
        sgc = f"{said.toSgc:06d}"
        known = self._known(sgc, said.toKrn, said.toVkKcv)
        return Advice(sgc, said.toKrn, said.toTi, said.toKen, said.rollover, known.kcv)


def test_token(said: Any, subclass: int, control: int, mfr_code: int) -> MeterTestToken:
    """A class 1 token, which must be the one that the standard's own rules make."""
    if said.tokenDec != meter_test.issue(subclass, control, mfr_code):
        raise wrong(OTHER, "not the digits of this meter test")
    return MeterTestToken(said.tokenDec, subclass, control, mfr_code)


def alert(said: Any) -> str:
    """An alert in one line that begins with its code, which our own module writes before the words already.

    >>> alert(API.Alert(eCode='EKey', eMsgEn='a key ends')), alert(API.Alert(eCode='ESm', eMsgEn='ESm: hot'))
    ('EKey: a key ends', 'ESm: hot')
    """
    return str(said.eMsgEn if said.eMsgEn.startswith(f"{said.eCode}: ") else f"{said.eCode}: {said.eMsgEn}")


def key_facts(said: Any) -> KeyFacts:
    """What our own module tells of a vending key. Raises ModuleError for what no key can be."""
    if said.baseDate not in token_id.BASE_DATES or said.dkga not in {2, 4}:
        raise wrong(OTHER, f"a vending key with base date {said.baseDate} and DKGA {said.dkga}")
    return KeyFacts(
        f"{said.sgc:06d}", said.krn, said.keyType, said.dkga, said.baseDate, said.ken, said.kcv,
        _moment(said.activeFrom), _moment(said.activeTo), tuple(said.eas),
    )  # fmt: skip


def _moment(seconds: int | None) -> datetime | None:
    if seconds is None:
        return None
    try:
        return datetime.fromtimestamp(seconds, UTC)
    except (OverflowError, OSError, ValueError):
        raise wrong(OTHER, f"a time of {seconds} seconds") from None


def _with(token: IssuedToken, identifier: int, amount: int) -> IssuedToken:
    try:
        token_id.issue_time(identifier, token.base_date)
    except StsError:
        raise wrong(OTHER, f"a token id of {identifier}") from None
    return replace(token, token_id=identifier, amount=amount)


def _amount(said: Any) -> int:
    """What a credit or management token carries, exact."""
    if said.tokenClass == 0 and said.subclass >= 4:
        if not _AMOUNT(said.scaledAmount):
            raise wrong(OTHER, f"an amount of {said.scaledAmount[:40]!r}")
        steps = Decimal(said.scaledAmount).scaleb(5, EXACT)
        if steps != steps.to_integral_value():
            raise wrong(OTHER, f"an amount of {said.scaledAmount}, finer than there is")
        return int(steps)
    if not said.transferAmount.is_integer():
        raise wrong(OTHER, f"an amount of {said.transferAmount}, which is not whole")
    return int(said.transferAmount)


def _kind(token_class: int, subclass: int) -> str | None:
    if token_class == 0 and subclass < len(credit.KINDS):
        return credit.KINDS[subclass]
    return management.KINDS.get(subclass) if token_class == 2 else None
