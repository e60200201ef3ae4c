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

from app.sts import credit, errors, key_change, management, meter_number, meter_test, token_id
from app.sts.ciphers import sta
from app.sts.journal import Journal, Tokens
from app.sts.keys import DecoderKey, KeyTarget, prepare
from app.sts.keystore import VendingKey
from app.sts.module import (
    Advice,
    Amendment,
    IssuedToken,
    MeterConfig,
    MeterTestToken,
    ModuleError,
    ModuleStatus,
    Verification,
)
from app.sts.verify import verify

VERSION = '1.0'
T = TypeVar('T')
_MESSAGE_ID = re.compile(r'[A-Za-z0-9][A-Za-z0-9_.,-]{0,39}').fullmatch


class SoftwareModule:
    """A SecurityModule in process; safe between threads when its journal is."""

    def __init__(  # noqa: PLR0913
        self,
        name: str,
        vending_keys: Iterable[VendingKey],
        journal: Journal,
        *,
        tid_offset_minutes: int = 0,
        tables: str = 'production',
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        """``tid_offset_minutes`` is added to UTC before a token id is computed; ``clock`` judges key changes.

        ``tables`` names the STA set, see ``ciphers.sta.load``. Raises InvalidFormat, OSError for a bad one.
        """
        self.name = name
        self.training_only = sta.load(tables).training_only
        self._offset = timedelta(minutes=tid_offset_minutes)
        self._offset_minutes = tid_offset_minutes
        self._journal, self._clock = journal, clock
        self._keys = {(key.sgc, key.krn): key for key in vending_keys}
        self._ready = {
            spot: prepare(key.dkga, key.material, tables) for spot, key in self._keys.items()
        }
        self._issued = 0

    def credit_token(
        self, message_id: str, meter: MeterConfig, subclass: int, amount: int, issue_time: datetime
    ) -> Tokens:
        """Class 0, see SecurityModule."""

        def digits(key: DecoderKey, identifier: int) -> str:
            return credit.issue(key, credit.Credit(subclass, amount, identifier))

        carried = _checked(lambda: credit.carried(subclass, amount))
        return self._token(message_id, meter, (0, subclass, amount, carried), issue_time, digits)

    def management_token(
        self, message_id: str, meter: MeterConfig, subclass: int, value: int, issue_time: datetime
    ) -> Tokens:
        """Class 2 but key changes, see SecurityModule."""

        def digits(key: DecoderKey, identifier: int) -> str:
            return management.issue(key, management.Management(subclass, value, identifier))

        _checked(lambda: management.encode(management.Management(subclass, value, 0, 0)))
        carried = management.carried(subclass, value)
        return self._token(message_id, meter, (2, subclass, value, carried), issue_time, digits)

    def key_change_tokens(
        self, message_id: str, meter: MeterConfig, amendment: Amendment
    ) -> Tokens:
        """A key-change set, see SecurityModule; judged by the module's own clock."""
        _require_message_id(message_id)

        def make() -> Tokens:
            tokens, _ = self._key_change(meter, amendment, self._clock())
            self._issued += len(tokens)
            return tokens

        return self._journal.keep(message_id, _digest('key change', meter, amendment), make)

    def meter_test_token(self, subclass: int, control: int, mfr_code: int) -> MeterTestToken:
        """Class 1, see SecurityModule."""
        digits = _checked(lambda: meter_test.issue(subclass, control, mfr_code))
        return MeterTestToken(digits, subclass, control, mfr_code)

    def verify(self, meter: MeterConfig, digits: str) -> Verification:
        """Decode under this meter's key, see SecurityModule; ModuleError without its vending key."""
        vending_key = self._vending_key(meter.sgc, meter.krn, meter.key_type)
        drn = meter_number.drn_from_pan(meter.pan)
        return verify(
            digits,
            self._decoder_key(meter, vending_key),
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
            raise ModuleError('ECacheMiss', permanent=False, detail='this message id was never taken')
        return answer.tokens

    def status(self) -> ModuleStatus:
        """Keys, tokens made since the start, alerts."""
        now = self._clock()
        alerts = [
            f'vending key {key.sgc}/{key.krn} makes no tokens now: {reason}'
            for key in self._keys.values()
            if (reason := self._unusable(key, now))
        ]
        if self.training_only:
            alerts.append('EA07 runs on the sample tables: its tokens are for training only')
        facts = tuple(key.facts() for key in self._keys.values())
        return ModuleStatus(self.name, VERSION, facts, self._issued, tuple(alerts))

    def _token(
        self,
        message_id: str,
        meter: MeterConfig,
        said: tuple[int, int, int, int],
        issue_time: datetime,
        digits: Callable[[DecoderKey, int], str],
    ) -> Tokens:
        """Make one token with a token id, after a key change if one is asked for or due."""
        _require_message_id(message_id)
        token_class, subclass, asked, carried = said
        # NB: the time is no part of the digest; a repeat after a lost answer comes later.
        digest = _digest(str((token_class, subclass, asked)), meter, meter.amendment)
        known = self._journal.answer(message_id)
        if known is not None and known.request_digest == digest:
            return known.tokens  # also when the key has expired since
        before, after = self._change_if_due(meter, issue_time)
        key = self._vending_key(after.sgc, after.krn, after.key_type)
        self._require_vendable(after, key, token_class, issue_time)
        minute = self._minute(key, issue_time)
        decoder_key = self._decoder_key(after, key)

        def wanted(last: int | None) -> int:
            try:
                identifier = token_id.first_free(minute, last)
            except errors.TokenIdOutOfRange:
                raise _expired(key) from None
            if token_id.is_expired(identifier, min(key.ken, after.ken)):
                raise _expired(key)
            return identifier

        def make(identifier: int) -> Tokens:
            made = IssuedToken(
                digits(decoder_key, identifier), after.pan, after.ea, after.tct, after.sgc, after.krn,
                after.ti, token_class, subclass, identifier, key.base_date, issue_time, carried, key.kcv,
            )  # fmt: skip
            self._issued += 1 + len(before)
            return (*before, made)

        return self._journal.issue(message_id, digest, after.pan, key.base_date, wanted, make)

    def _change_if_due(self, meter: MeterConfig, now: datetime) -> tuple[Tokens, MeterConfig]:
        amendment = meter.amendment
        if amendment is None:
            held = self._vending_key(meter.sgc, meter.krn, meter.key_type)
            newest = self._newest(held, now) if meter.allow_krn_update else held
            if newest is held and not (meter.allow_ken_update and held.ken != meter.ken):
                return (), meter
            amendment = Amendment(newest.sgc, newest.krn, meter.ti)
        return self._key_change(meter, amendment, now)

    def _key_change(
        self, meter: MeterConfig, amendment: Amendment, now: datetime
    ) -> tuple[Tokens, MeterConfig]:
        """Return the set, and the meter as it is after taking it. Expired old keys may be left."""
        old = self._vending_key(meter.sgc, meter.krn, meter.key_type)
        new = self._vending_key(amendment.sgc, amendment.krn, None)
        if new.key_type == 3 and meter.tct != 1:
            raise _refused('a common key (KT 3) is for magnetic cards (TCT 01) only')
        self._require_usable(new, now)
        after = replace(
            meter, sgc=new.sgc, krn=new.krn, ti=amendment.ti, ken=new.ken, key_type=new.key_type,
            amendment=None,
        )  # fmt: skip
        rollover = old.base_date != new.base_date
        change = key_change.KeyChange(
            self._decoder_key(after, new), new.sgc, new.krn, new.key_type, amendment.ti, new.ken,
            rollover, meter.three_key_tokens,
        )  # fmt: skip
        advice = Advice(new.sgc, new.krn, amendment.ti, new.ken, rollover, new.kcv)
        digits = key_change.issue(self._decoder_key(meter, old), change)
        tokens = tuple(
            IssuedToken(
                twenty, meter.pan, meter.ea, meter.tct, meter.sgc, meter.krn, meter.ti, 2, subclass, None,
                old.base_date, now, None, old.kcv, advice if subclass == key_change.FIRST else None,
            )
            for subclass, twenty in zip(key_change.SECTIONS, digits, strict=False)
        )  # fmt: skip
        return tokens, after

    def _vending_key(self, sgc: str, krn: int, key_type: int | None) -> VendingKey:
        key = self._keys.get((sgc, krn))
        if key is None or key_type not in (None, key.key_type):
            kind = '' if key_type is None else f' of key type {key_type}'
            raise ModuleError('EKeystore.NotFound', permanent=True, detail=f'no vending key {sgc}/{krn}{kind}')
        return key

    def _decoder_key(self, meter: MeterConfig, key: VendingKey) -> DecoderKey:
        target = KeyTarget(meter.pan, meter.ea, key.sgc, key.key_type, key.krn, meter.ti, key.base_date)
        return _checked(lambda: self._ready[key.sgc, key.krn].decoder_key(target))

    def _newest(self, held: VendingKey, now: datetime) -> VendingKey:
        """The key of the same group and type that became active last; the held one if none is newer."""
        newest = held
        for key in self._keys.values():
            if (key.sgc, key.key_type) != (held.sgc, held.key_type) or key.active_from is None:
                continue
            later = newest.active_from is None or key.active_from > newest.active_from
            if later and not self._unusable(key, now):
                newest = key
        return newest

    def _minute(self, key: VendingKey, now: datetime) -> int:
        """The token id of a moment under a key's base date."""
        if now.tzinfo is None:
            raise _refused('a time of issue needs its time zone')
        try:
            return token_id.clock_minute(now + self._offset, key.base_date)
        except errors.TokenIdOutOfRange:
            if now + self._offset < token_id.base(key.base_date):
                detail = f'vending key {key.sgc}/{key.krn}: its base date has not begun'
                raise ModuleError('ESts.VkBeforeBdt', permanent=True, detail=detail) from None
            raise _expired(key) from None

    def _require_vendable(
        self, meter: MeterConfig, key: VendingKey, token_class: int, now: datetime
    ) -> None:
        if key.key_type == 1 and token_class == 0:
            raise _refused('no credit under a default key (KT 1)')
        if key.key_type == 3 and meter.tct != 1:
            raise _refused('a common key (KT 3) is for magnetic cards (TCT 01) only')
        self._require_usable(key, now)

    def _require_usable(self, key: VendingKey, now: datetime) -> None:
        """Refuse a key that is expired, over, or not yet active at a moment."""
        if token_id.is_expired(self._minute(key, now), key.ken):
            raise _expired(key)
        if key.active_to is not None and now > key.active_to:
            raise _expired(key)
        if key.active_from is not None and now < key.active_from:
            raise ModuleError(
                'EKeystore.NotFound', permanent=True, detail=f'vending key {key.sgc}/{key.krn} is not active yet'
            )

    def _unusable(self, key: VendingKey, now: datetime) -> str:
        try:
            self._require_usable(key, now)
        except ModuleError as error:
            return str(error)
        return ''


def _checked(work: Callable[[], T]) -> T:
    """Turn the codec's refusals into the module's."""
    try:
        return work()
    except errors.StsError as error:
        raise _refused(errors.sentence(error)) from None


def _refused(detail: str) -> ModuleError:
    return ModuleError('EParamRange', permanent=True, detail=detail)


def _expired(key: VendingKey) -> ModuleError:
    detail = f'vending key {key.sgc}/{key.krn} has expired: a key change to a newer key is due'
    return ModuleError('ESts.VkExpired', permanent=True, detail=detail)


def _require_message_id(message_id: str) -> None:
    if type(message_id) is not str or not _MESSAGE_ID(message_id):
        raise _refused('a message id has 1 to 40 of the characters A-Z a-z 0-9 _ . , -')


def _digest(what: str, meter: MeterConfig, amendment: Amendment | None) -> str:
    return hashlib.sha256(f'{what}|{meter!r}|{amendment!r}'.encode()).hexdigest()
