"""A virtual meter under the public compliance test keys, that can be put away and taken out again.

Which of the public vending keys it is under is kept as supply group, revision and tariff index; its decoder key
is derived anew each time.  It follows a key change to another public key and refuses any other, so that no key
of a real meter is ever in it.

>>> from app.sts.module import MeterConfig
>>> config = MeterConfig('600727000000000009', ea=7, tct=2, sgc='201457', krn=1, ti=1, ken=255)
>>> meter = TrainingMeter.fresh(config, 'production')
>>> meter.enter('1' * 20).result.value, meter.spot
('CRCError', ('201457', 1, 1))
"""

from dataclasses import replace
from datetime import datetime, timedelta
from functools import cache
from typing import Self

from app.sts.demonstration import demonstration_keys
from app.sts.keyring import KeyRing
from app.sts.keys import DecoderKey
from app.sts.meter_memory import Memory
from app.sts.module import MeterConfig, ModuleError
from app.sts.virtual_meter import Reply, Result, VirtualMeter

Spot = tuple[str, int, int]


class TrainingMeter:
    """One meter with the name of the public key it is under: SGC, KRN, TI."""

    def __init__(self, meter: VirtualMeter, spot: Spot, tables: str) -> None:
        """``meter`` holds the decoder key of ``spot``; ``tables``: the STA set, see ``ciphers.sta.load``."""
        self.meter, self.spot, self._tables = meter, spot, tables

    @classmethod
    def fresh(cls, config: MeterConfig, tables: str) -> Self:
        """Return a meter as it leaves the store. Raises ModuleError when its key is none of the public ones."""
        spot = (config.sgc, config.krn, config.ti)
        return cls(VirtualMeter(config, _key(config, spot, tables)), spot, tables)

    @classmethod
    def recalled(cls, kept: Memory, spot: Spot, tables: str) -> Self:
        """Return a meter as it was put away. Errors as :meth:`fresh`."""
        key = _key(kept.config, spot, tables)
        return cls(VirtualMeter.recalled(kept, key), spot, tables)

    def enter(self, digits: str, now: datetime | None = None) -> Reply:
        """Take twenty digits, see VirtualMeter; a key that is not public is refused and the set forgotten."""
        before = self.meter.memory()
        reply = self.meter.enter(digits, now)
        if self.meter.holds(_key(before.config, self.spot, self._tables)):
            return reply
        spot = self._recognised()
        if spot is None:
            self.meter = VirtualMeter.recalled(
                replace(before, parts=(), parts_at=None), _key(before.config, self.spot, self._tables)
            )
            return Reply(Result.KEY_TYPE)
        self.spot = spot
        return reply

    def _recognised(self) -> Spot | None:
        """Which public key it was moved to: a set of two tokens does not say the supply group."""
        config = self.meter.config
        for vending_key in demonstration_keys():
            if (vending_key.krn, vending_key.key_type) != (config.krn, config.key_type):
                continue
            if config.ea not in vending_key.eas:
                continue
            spot = (vending_key.sgc, vending_key.krn, config.ti)
            if self.meter.holds(_key(config, spot, self._tables)):
                return spot
        return None


def is_public(sgc: str, krn: int) -> bool:
    """Answer whether a supply group and revision name one of the public keys.

    >>> is_public('123456', 1), is_public('123456', 2)
    (True, False)
    """
    return (sgc, krn) in public_spots()


@cache
def public_spots() -> frozenset[tuple[str, int]]:
    """Return the supply groups and revisions of the public keys.

    >>> ('888888', 2) in public_spots()
    True
    """
    return frozenset((key.sgc, key.krn) for key in demonstration_keys())


@cache
def _ring(tables: str) -> KeyRing:
    return KeyRing(demonstration_keys(), timedelta(0), tables)


def _key(config: MeterConfig, spot: Spot, tables: str) -> DecoderKey:
    """The decoder key of a meter under one public vending key. Raises ModuleError."""
    sgc, krn, ti = spot
    ring = _ring(tables)
    if not is_public(sgc, krn):
        raise ModuleError("EKeystore.NotFound", permanent=True, detail=f"{sgc}/{krn} is no public key")
    return ring.decoder_key(replace(config, ti=ti), ring.find(sgc, krn))
