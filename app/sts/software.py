"""The software security module: makes tokens in this process, from vending keys it was handed.

Decoder keys are derived for each request and never kept. What it made is in the journal before the
caller sees it. It raises ModuleError only, with PrismToken's codes.

>>> from app.sts.demonstration import demonstration_keys
>>> from app.sts.journal import MemoryJournal
>>> module = SoftwareModule('software', demonstration_keys(), MemoryJournal())
>>> meter = MeterConfig('600727000000000009', ea=7, tct=2, sgc='201457', krn=1, ti=1, ken=255)
>>> noon = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
>>> [made] = module.credit_token('m1', meter, 0, 256, noon)
>>> made.amount, made.token_id, module.verify(meter, made.digits).amount
(256, 6781680, 256)
>>> module.credit_token('m1', meter, 0, 256, noon) == (made,)
True
"""

import hashlib
import re
from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TypeVar

from app.sts import credit, errors, key_change, management, meter_number, meter_test
from app.sts.ciphers import sta
from app.sts.drawing import Rule, draw
from app.sts.journal import Drawing, Journal, Tokens
from app.sts.keyring import KeyRing, refused, require_time
from app.sts.keys import DecoderKey
from app.sts.keystore import VendingKey
from app.sts.module import (
    Advice,
    Amendment,
    IssuedToken,
    KeyFacts,
    MeterConfig,
    MeterTestToken,
    ModuleError,
    ModuleStatus,
    Verification,
)
from app.sts.verify import check_offset, verify

VERSION = "1.0"
T = TypeVar("T")
_MESSAGE_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.,-]{0,39}").fullmatch


class SoftwareModule:
    """A SecurityModule in process; safe between threads when its journal is."""

    def __init__(
        self,
        name: str,
        vending_keys: Iterable[VendingKey],
        journal: Journal,
        *,
        tid_offset_minutes: int = 0,
        tables: str = "production",
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        """``tid_offset_minutes`` is added to UTC before a token id is computed; ``clock`` judges key changes.

        ``tables`` names the STA set, see ``ciphers.sta.load``. Raises InvalidFormat, OSError for a bad one,
        OffsetOutOfRange, see ``verify.check_offset``; ModuleError for two keys of one group and revision.
        """
        self.name = name
        self.training_only = sta.load(tables).training_only
        self._offset_minutes, self._tables = check_offset(tid_offset_minutes), tables
        self.load(vending_keys)
        self._journal, self._clock = journal, clock
        self._issued = 0

    def credit_token(
        self, message_id: str, meter: MeterConfig, subclass: int, amount: int, issue_time: datetime,
        rule: Rule = Rule.NEXT_FREE,
    ) -> Tokens:
        """Class 0, see SecurityModule; ``rule``: how the token id follows from the time."""

        def digits(key: DecoderKey, identifier: int) -> str:
            return credit.issue(key, credit.Credit(subclass, amount, identifier))

        carried = _checked(lambda: credit.carried(subclass, amount))
        return self._token(message_id, meter, (0, subclass, amount, carried), issue_time, digits, rule)

    def management_token(
        self, message_id: str, meter: MeterConfig, subclass: int, value: int, issue_time: datetime,
        rule: Rule = Rule.NEXT_FREE,
    ) -> Tokens:
        """Class 2 but key changes, see SecurityModule; ``rule``: how the token id follows from the time."""

        def digits(key: DecoderKey, identifier: int) -> str:
            return management.issue(key, management.Management(subclass, value, identifier))

        _checked(lambda: management.encode(management.Management(subclass, value, 0, 0)))
        carried = management.carried(subclass, value)
        return self._token(message_id, meter, (2, subclass, value, carried), issue_time, digits, rule)

    def key_change_tokens(
        self, message_id: str, meter: MeterConfig, amendment: Amendment
    ) -> Tokens:
        """A key-change set, see SecurityModule; judged by the module's own clock."""
        _require_message_id(message_id)

        def make() -> Tokens:
            tokens, _ = self._key_change(meter, amendment, self._clock())
            self._issued += len(tokens)
            return tokens

        return self._journal.keep(message_id, _digest("key change", meter, amendment), make)

    def meter_test_token(self, subclass: int, control: int, mfr_code: int) -> MeterTestToken:
        """Class 1, see SecurityModule."""
        digits = _checked(lambda: meter_test.issue(subclass, control, mfr_code))
        return MeterTestToken(digits, subclass, control, mfr_code)

    def verify(self, meter: MeterConfig, digits: str) -> Verification:
        """Decode under this meter's key, see SecurityModule; ModuleError without its vending key."""
        vending_key = self._ring.of(meter)
        drn = meter_number.drn_from_pan(meter.pan)
        return verify(
            digits,
            self._ring.decoder_key(meter, vending_key),
            base_date=vending_key.base_date,
            ken=meter.ken,
            key_type=meter.key_type,
            mfr_code=meter_number.manufacturer_code(drn),
            tid_offset_minutes=self._offset_minutes,
        )

    def fetch(self, message_id: str) -> Tokens:
        """The remembered answer, see SecurityModule."""
        _require_message_id(message_id)
        answer = self._journal.answer(message_id)
        if answer is None:
            raise ModuleError(
                "ECacheMiss", permanent=False, detail="this message id was never taken"
            )
        return answer.tokens

    def load(self, vending_keys: Iterable[VendingKey]) -> None:
        """Work with other keys from now on: all of them, or none when one is no key."""
        self._ring = KeyRing(vending_keys, timedelta(minutes=self._offset_minutes), self._tables)

    def facts(self, sgc: str, krn: int) -> KeyFacts | None:
        """Return what may be told of the key of a group and revision, None when there is none."""
        return self._ring.facts_of(sgc, krn)

    def status(self) -> ModuleStatus:
        """Keys, tokens made since the start, alerts."""
        now = self._clock()
        alerts = self._ring.alerts(now)
        if self.training_only:
            alerts += ("ETables.Training: EA07 runs on the sample tables: its tokens are for training only",)
        return ModuleStatus(self.name, VERSION, self._ring.facts(), self._issued, alerts)

    def _token(
        self,
        message_id: str,
        meter: MeterConfig,
        said: tuple[int, int, int, int],
        issue_time: datetime,
        digits: Callable[[DecoderKey, int], str],
        rule: Rule,
    ) -> Tokens:
        """Make one token with a token id, after a key change if one is asked for or due."""
        _require_message_id(message_id)
        require_time(issue_time)
        token_class, subclass, asked, carried = said
        # NB: the time is no part of the digest; a repeat after a lost answer comes later.
        what: tuple[object, ...] = (token_class, subclass, asked)
        if rule is not Rule.NEXT_FREE:
            what += (rule.name, issue_time.isoformat() if rule is Rule.EXACT else "")
        digest = _digest(str(what), meter, meter.amendment)
        try:
            before, after = self._change_if_due(meter, issue_time)
            key = self._ring.of(after)
            minute = self._require_vendable(after, key, token_class, issue_time)
        except ModuleError:
            # A repeat of what was answered gets its answer, also when the key has expired since.
            known = self._journal.answer(message_id)
            if known is not None and known.request_digest == digest:
                return known.tokens
            raise
        if rule is Rule.EXACT:  # the caller's own count, to which no offset is added
            minute = self._ring.minute(key, issue_time, shifted=False)
        row, wanted = draw(rule, key, minute, min(key.ken, after.ken))
        decoder_key = self._ring.decoder_key(after, key)
        kcv = self._ring.kcv(key)

        def make(identifier: int) -> Tokens:
            made = IssuedToken(
                digits(decoder_key, identifier), after.pan, after.ea, after.tct, after.sgc, after.krn,
                after.ti, token_class, subclass, identifier, key.base_date, issue_time, carried, kcv,
            )  # fmt: skip
            self._issued += 1 + len(before)
            return (*before, made)

        return self._journal.issue(Drawing(message_id, digest, after.pan, row, wanted, make))

    def _require_vendable(
        self, meter: MeterConfig, key: VendingKey, token_class: int, issue_time: datetime
    ) -> int:
        """Refuse credit under a default key, a carrier the key is not for, and a key that is over.

        Gives the token id of the moment.
        """
        if token_class == 0 and key.key_type == 1:
            raise refused("no credit under a default key (KT 1)")
        _require_carrier(meter, key)
        return self._ring.require_usable(key, issue_time)

    def _change_if_due(self, meter: MeterConfig, now: datetime) -> tuple[Tokens, MeterConfig]:
        amendment = meter.amendment
        if amendment is None:
            held = self._ring.of(meter)
            newest = self._ring.newest(held, now) if meter.allow_krn_update else held
            if newest is held and not (meter.allow_ken_update and held.ken != meter.ken):
                return (), meter
            amendment = Amendment(newest.sgc, newest.krn, meter.ti)
        return self._key_change(meter, amendment, now)

    def _key_change(
        self, meter: MeterConfig, amendment: Amendment, now: datetime
    ) -> tuple[Tokens, MeterConfig]:
        """Return the set, and the meter as it is after taking it. Expired old keys may be left."""
        old = self._ring.of(meter)
        new = self._ring.find(amendment.sgc, amendment.krn)
        _require_carrier(meter, new)
        self._ring.require_usable(new, now)
        after = replace(
            meter, sgc=new.sgc, krn=new.krn, ti=amendment.ti, ken=new.ken, key_type=new.key_type,
            amendment=None,
        )  # fmt: skip
        ti, kcv = amendment.ti, self._ring.kcv(old)
        rollover = old.base_date != new.base_date
        change = key_change.KeyChange(
            self._ring.decoder_key(after, new), new.sgc, new.krn, new.key_type, ti, new.ken,
            rollover, meter.three_key_tokens,
        )  # fmt: skip
        digits = key_change.issue(self._ring.decoder_key(meter, old), change)
        advice = Advice(new.sgc, new.krn, ti, new.ken, rollover, self._ring.kcv(new), meter.expiry)
        tokens = tuple(
            IssuedToken(
                twenty, meter.pan, meter.ea, meter.tct, meter.sgc, meter.krn, meter.ti, 2, section,
                None, old.base_date, now, None, kcv, advice if section == key_change.FIRST else None,
            )
            for section, twenty in zip(key_change.SECTIONS, digits, strict=False)
        )  # fmt: skip
        return tokens, after


def _checked(work: Callable[[], T]) -> T:
    """Turn the codec's refusals into the module's."""
    try:
        return work()
    except errors.StsError as error:
        raise refused(errors.sentence(error)) from None


def _require_carrier(meter: MeterConfig, key: VendingKey) -> None:
    if key.key_type == 3 and meter.tct != 1:
        raise refused("a common key (KT 3) is for magnetic cards (TCT 01) only")


def _require_message_id(message_id: str) -> None:
    if type(message_id) is not str or not _MESSAGE_ID(message_id):
        raise refused("a message id has 1 to 40 of the characters A-Z a-z 0-9 _ . , -")


def _digest(what: str, meter: MeterConfig, amendment: Amendment | None) -> str:
    return hashlib.sha256(f"{what}|{meter!r}|{amendment!r}".encode()).hexdigest()
