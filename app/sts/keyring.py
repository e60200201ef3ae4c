"""The vending keys a software module was handed, and the standard's rules for using them.

Expiry is judged with the token id of the moment under the key's base date (IEC 62055-41, 6.1.10):
no token is made under an expired key and none changes a meter to one; away from one is allowed.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta

from app.sts import errors, token_id
from app.sts.keys import DecoderKey, KeyTarget, prepare
from app.sts.keystore import VendingKey
from app.sts.module import KeyFacts, MeterConfig, ModuleError

#: A key that ends within this time is an alert.
WARN_BEFORE = timedelta(days=90)


class KeyRing:
    """Vending keys by supply group and revision, each made ready once. Raises ModuleError only."""

    def __init__(self, keys: Iterable[VendingKey], offset: timedelta, tables: str) -> None:
        """``offset`` is added to UTC before a token id is computed; ``tables`` is the STA set."""
        self._keys: dict[tuple[str, int], VendingKey] = {}
        for key in keys:
            if (key.sgc, key.krn) in self._keys:
                raise refused(f"vending key {key.sgc}/{key.krn} was handed over twice")
            self._keys[key.sgc, key.krn] = key
        self._ready = {
            spot: prepare(key.dkga, key.material, tables) for spot, key in self._keys.items()
        }
        self._facts = {spot: key.facts() for spot, key in self._keys.items()}
        self._offset = offset

    def find(self, sgc: str, krn: int, key_type: int | None = None) -> VendingKey:
        """Return the key of a group and revision, of this type if one is named."""
        key = self._keys.get((sgc, krn))
        if key is None or key_type not in (None, key.key_type):
            kind = "" if key_type is None else f" of key type {key_type}"
            detail = f"no vending key {sgc}/{krn}{kind}"
            raise ModuleError("EKeystore.NotFound", permanent=True, detail=detail)
        return key

    def of(self, meter: MeterConfig) -> VendingKey:
        """Return the vending key a meter is under."""
        return self.find(meter.sgc, meter.krn, meter.key_type)

    def decoder_key(self, meter: MeterConfig, key: VendingKey) -> DecoderKey:
        """Derive the key inside one meter."""
        target = KeyTarget(
            meter.pan, meter.ea, key.sgc, key.key_type, key.krn, meter.ti, key.base_date
        )
        if meter.ea not in key.eas:
            raise refused(f"vending key {key.sgc}/{key.krn} is not for EA{meter.ea:02d}")
        try:
            return self._ready[key.sgc, key.krn].decoder_key(target)
        except errors.StsError as error:
            raise refused(errors.sentence(error)) from None

    def kcv(self, key: VendingKey) -> str:
        """Return a key's check value, computed once."""
        return self._facts[key.sgc, key.krn].kcv

    def newest(self, held: VendingKey, now: datetime) -> VendingKey:
        """Return the key of the same group and type that became active last, else the held one."""
        newest = held
        for key in self._keys.values():
            if (key.sgc, key.key_type) != (held.sgc, held.key_type) or key.active_from is None:
                continue
            later = newest.active_from is None or key.active_from > newest.active_from
            if later and not self.unusable(key, now):
                newest = key
        return newest

    def minute(self, key: VendingKey, now: datetime, *, shifted: bool = True) -> int:
        """Return the token id of a moment under a key's base date, reserved minute or not.

        ``shifted``: with the module's offset added.
        """
        require_time(now)
        try:
            moment = now + self._offset if shifted else now
        except OverflowError:
            raise refused("the time of issue is at an end of the calendar") from None
        try:
            return token_id.clock_minute(moment, key.base_date)
        except errors.TokenIdOutOfRange:
            if moment < token_id.base(key.base_date):
                detail = f"vending key {key.sgc}/{key.krn}: its base date has not begun"
                raise ModuleError("ESts.VkBeforeBdt", permanent=True, detail=detail) from None
            raise expired(key) from None

    def require_usable(self, key: VendingKey, now: datetime) -> int:
        """Refuse a key that is expired, over, or not yet active at a moment; gives that moment's token id."""
        minute = self.minute(key, now)
        if token_id.is_expired(minute, key.ken):
            raise expired(key)
        if key.active_to is not None and now > key.active_to:
            raise expired(key)
        if key.active_from is not None and now < key.active_from:
            detail = f"vending key {key.sgc}/{key.krn} is not active yet"
            raise ModuleError("EKeystore.NotFound", permanent=True, detail=detail)
        return minute

    def unusable(self, key: VendingKey, now: datetime) -> str:
        """Return why :meth:`require_usable` would refuse, or nothing."""
        try:
            self.require_usable(key, now)
        except ModuleError as error:
            return str(error)
        return ""

    def facts(self) -> tuple[KeyFacts, ...]:
        """Return everything but the keys."""
        return tuple(self._facts.values())

    def facts_of(self, sgc: str, krn: int) -> KeyFacts | None:
        """Return everything but the key of a group and revision."""
        return self._facts.get((sgc, krn))

    def ends(self, key: VendingKey) -> datetime:
        """Return when a key makes its last token: by its expiry number, its base date or its own end."""
        minutes = (key.ken + 1) << 16
        last = token_id.base(key.base_date) + timedelta(minutes=minutes) - self._offset
        return last if key.active_to is None else min(last, key.active_to)

    def alerts(self, now: datetime) -> tuple[str, ...]:
        """Return a line for each key that makes no tokens at a moment, or will soon make none."""
        lines = []
        for key in self._keys.values():
            if reason := self.unusable(key, now):
                lines.append(reason)
            elif (end := self.ends(key)) - now < WARN_BEFORE:
                name = f"vending key {key.sgc}/{key.krn}"
                lines.append(f"EKeystore.Expiring: {name} makes its last token on {end:%Y-%m-%d} (UTC)")
        return tuple(lines)


def require_time(now: object) -> None:
    """Refuse what is no time with its zone.

    >>> require_time(None)
    Traceback (most recent call last):
        ...
    app.sts.module.ModuleError: EParamRange: a time of issue needs its time zone
    """
    if not token_id.has_zone(now):
        raise refused("a time of issue needs its time zone")


def refused(detail: str) -> ModuleError:
    """Return the refusal of a request that will never be right.

    >>> str(refused('no such meter'))
    'EParamRange: no such meter'
    """
    return ModuleError("EParamRange", permanent=True, detail=detail)


def expired(key: VendingKey) -> ModuleError:
    """Return the refusal of a key whose time is over, with what to do.

    >>> str(expired(VendingKey('888888', 1, 2, dkga=2, base_date=93, ken=255, material=bytes(8))))
    'ESts.VkExpired: vending key 888888/1 has expired: a key change to a newer key is due'
    """
    detail = f"vending key {key.sgc}/{key.krn} has expired: a key change to a newer key is due"
    return ModuleError("ESts.VkExpired", permanent=True, detail=detail)
