"""A meter in software: configured like a real one, it takes tokens and answers with the standard's words.

It keeps credit registers, limits, tamper state, the token ids it remembers and unfinished key changes.
Tests use it as the counterpart of everything this package issues; people can be trained on it.
Clause: IEC 62055-41, 7 (TokenResult, order of the checks in 7.3); sizes are a maker's choice.

>>> from app.sts.credit import Credit, issue
>>> config = MeterConfig('600727000000000009', ea=7, tct=2, sgc='201457', krn=1, ti=1, ken=255)
>>> key = DecoderKey(7, bytes.fromhex('87F3ECBB2E46B48F'))
>>> meter, token = VirtualMeter(config, key), issue(key, Credit(0, 250, 85740))
>>> [meter.enter(digits).result.value for digits in (token, token, '1' * 20)]
['Accept', 'UsedError', 'CRCError']
>>> meter.registers[0]
250
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Self

from app.sts import (
    credit,
    errors,
    key_change,
    management,
    meter_number,
    meter_test,
    token,
    token_id,
)
from app.sts.amount import MAX_CURRENCY
from app.sts.keys import DecoderKey
from app.sts.meter_memory import Memory
from app.sts.module import MeterConfig

#: How many token ids it remembers, unless told otherwise.
MEMORY = 50
#: How long an unfinished key change waits for its next section, counted from the last one entered.
PATIENCE = timedelta(minutes=2)
#: The largest credit it can hold: 0.1 kWh, 0.1 m3 or 0.1 minute.
CAPACITY_TENTHS = 999_999_999


class Result(StrEnum):
    """The answers of a meter, spelled as the standard spells them."""

    ACCEPT = "Accept"
    FIRST_SECTION = "1stKCT"
    SECOND_SECTION = "2ndKCT"
    THIRD_SECTION = "3rdKCT"
    FOURTH_SECTION = "4thKCT"
    OVERFLOW = "OverflowError"
    KEY_TYPE = "KeyTypeError"
    FORMAT = "FormatError"
    RANGE = "RangeError"
    FUNCTION = "FunctionError"
    OLD = "OldError"
    USED = "UsedError"
    KEY_EXPIRED = "KeyExpiredError"
    DDTK = "DDTKError"
    CRC = "CRCError"
    MFR_CODE = "MfrCodeError"


@dataclass(frozen=True, slots=True)
class Reply:
    """What the display shows after twenty digits: the result, and values for tests and displays."""

    result: Result
    shown: tuple[tuple[str, int | str], ...] = ()

    @property
    def accepted(self) -> bool:
        """Whether the token took effect, or waits for the rest of its set."""
        return self.result is Result.ACCEPT or self.result.value.endswith("KCT")


class _Refused(Exception):
    def __init__(self, result: Result) -> None:
        super().__init__(result)
        self.result = result


_SECTION_RESULTS = {
    key_change.FIRST: Result.FIRST_SECTION,
    key_change.SECOND: Result.SECOND_SECTION,
    key_change.THIRD: Result.THIRD_SECTION,
    key_change.FOURTH: Result.FOURTH_SECTION,
}


class VirtualMeter:
    """One meter. Its attributes may be read at any time; only entering, consuming and opening change them."""

    def __init__(self, config: MeterConfig, key: DecoderKey, *, memory: int = MEMORY) -> None:
        """``config``: as a vending system knows it (KEN, SGC, KRN, KT and TI belong to ``key``).

        ``memory``: how many token ids it remembers, at least 1. Raises MemoryOutOfRange.
        """
        errors.check_range(errors.MemoryOutOfRange, memory, 1, token_id.MAX_TOKEN_ID + 1)
        self.config = config
        self.registers = dict.fromkeys(range(8), 0)
        self.power_limit_watts: int | None = None
        self.phase_unbalance_limit_watts: int | None = None
        self.tariff_rate: int | None = None
        self.water_meter_factor: int | None = None
        self.extended: dict[int, int] = {}
        self.flags: dict[int, int] = {}
        self.tampered = False
        self.consumed_tenths = 0
        self.token_ids: list[int] = []
        self._key, self._memory = key, memory
        self._sections: dict[int, dict[str, int]] = {}
        self._parts: dict[int, str] = {}
        self._section_at: datetime | None = None

    def open_cover(self) -> None:
        """Do what a seal is against: the meter notices and switches off until its tamper condition is cleared."""
        self.tampered = True

    def supplies(self, register: int) -> bool:
        """Answer whether the supply is on: there is credit in a register (0-7), and nobody opened the cover."""
        return not self.tampered and self.registers[register] > 0

    def consume(self, register: int, tenths: int) -> int:
        """Take units as a load would, and return how many were there: all, the rest, or none when it is off.

        ``register`` 0-3; ``tenths`` of its unit, 0..CAPACITY_TENTHS. Raises SubclassOutOfRange, AmountOutOfRange.
        """
        errors.check_range(errors.SubclassOutOfRange, register, 0, 3)
        errors.check_range(errors.AmountOutOfRange, tenths, 0, CAPACITY_TENTHS)
        taken = min(tenths, self.registers[register]) if self.supplies(register) else 0
        self.registers = self.registers | {register: self.registers[register] - taken}
        self.consumed_tenths += taken
        return taken

    def holds(self, key: DecoderKey) -> bool:
        """Answer whether this is the key inside the meter."""
        return self._key == key

    def memory(self) -> Memory:
        """Return what outlives a loss of power. The key is not among it: who restores the meter knows it."""
        return Memory(
            self.config, tuple(self.registers[at] for at in range(8)), self.power_limit_watts,
            self.phase_unbalance_limit_watts, self.tariff_rate, self.water_meter_factor,
            tuple(self.extended.items()), tuple(self.flags.items()), self.tampered, self.consumed_tenths,
            tuple(self.token_ids), tuple(self._parts.values()), self._section_at,
        )  # fmt: skip

    @classmethod
    def recalled(cls, kept: Memory, key: DecoderKey, *, memory: int = MEMORY) -> Self:
        """Return the meter as it was; ``key`` is the one it held. Raises what reading its unfinished set raises."""
        meter = cls(kept.config, key, memory=memory)
        meter.registers = dict(enumerate(kept.registers))
        meter.power_limit_watts = kept.power_limit_watts
        meter.phase_unbalance_limit_watts = kept.phase_unbalance_limit_watts
        meter.tariff_rate, meter.water_meter_factor = kept.tariff_rate, kept.water_meter_factor
        meter.extended, meter.flags = dict(kept.extended), dict(kept.flags)
        meter.tampered, meter.consumed_tenths = kept.tampered, kept.consumed_tenths
        meter.token_ids = list(kept.token_ids)
        for digits in kept.parts:
            fields = key_change.decode(token.read(digits, key)[1], key.ea)
            meter._sections[fields["subclass"]], meter._parts[fields["subclass"]] = fields, digits
        meter._section_at = kept.parts_at
        return meter

    def enter(self, digits: str, now: datetime | None = None) -> Reply:
        """Take twenty digits and answer; nothing changes unless the answer is accepted.

        ``now`` (aware) lets an unfinished key change lapse; without it sections wait for ever. Raises
        InvalidFormat for a time without its zone, nothing else.
        """
        if now is not None and not token_id.has_zone(now):
            raise errors.InvalidFormat("a time of entry needs its time zone")
        try:
            token_class, data = token.read(digits, self._key)
        except errors.InvalidFormat:
            return Reply(Result.FORMAT)
        except errors.ReservedToken:
            return Reply(Result.FUNCTION)
        except errors.InvalidChecksum:
            return Reply(Result.CRC)
        try:
            if token_class == 1:
                return Reply(Result.ACCEPT, self._test(data))
            if token_class == 2 and data >> 44 in key_change.SECTIONS:
                return Reply(self._key_section(digits, data, now))
            return Reply(self._ordinary(token_class, data))
        except errors.ReservedToken:
            return Reply(Result.FUNCTION)
        except _Refused as refusal:
            return Reply(refusal.result)

    def _ordinary(self, token_class: int, data: int) -> Result:
        """Class 0 and 2: the checks of the token id, then the effect, then remember the id."""
        identifier = token.unpack(data).token_id
        said = credit.decode(data) if token_class == 0 else management.decode(data)
        if token_class == 0 and self.config.key_type == 1:
            return Result.DDTK
        if token_id.is_expired(identifier, self.config.ken):
            return Result.KEY_EXPIRED
        if identifier in self.token_ids:
            return Result.USED
        # While there is room nothing was ever forgotten: an id that is not remembered was never used, however
        # old. Only a full memory has dropped ids, so that an older one may be a repeat.
        full = len(self.token_ids) >= self._memory
        if full and identifier < self.token_ids[0]:
            return Result.OLD
        if isinstance(said, credit.Credit):
            self._load(said)
        else:
            self._manage(said)
        self.token_ids = sorted([*self.token_ids, identifier])[-self._memory :]
        return Result.ACCEPT

    def _load(self, said: credit.Credit) -> None:
        total = self.registers[said.subclass] + said.amount
        capacity = CAPACITY_TENTHS if said.subclass < 4 else MAX_CURRENCY
        if not -capacity <= total <= capacity:
            raise _Refused(Result.OVERFLOW)
        self.registers[said.subclass] = total

    def _manage(self, order: management.Management) -> None:
        value = order.value
        if order.subclass == management.MAXIMUM_POWER_LIMIT:
            self.power_limit_watts = value
        elif order.subclass == management.MAXIMUM_PHASE_UNBALANCE_LIMIT:
            self.phase_unbalance_limit_watts = value
        elif order.subclass == management.CLEAR_CREDIT:
            if value > 7 and value != management.ALL_REGISTERS:
                raise _Refused(Result.RANGE)
            cleared = self.registers if value == management.ALL_REGISTERS else (value,)
            self.registers = self.registers | dict.fromkeys(cleared, 0)
        elif order.subclass == management.CLEAR_TAMPER_CONDITION:
            self.tampered = False
        elif order.subclass == management.SET_TARIFF_RATE:
            self.tariff_rate = value
        elif order.subclass == management.WATER_METER_FACTOR:
            self.water_meter_factor = value
        elif order.subclass == management.EXTENDED_SET and value >> 10 == 63:
            self.flags = self.flags | {value >> 1 & 511: value & 1}
        elif order.subclass == management.EXTENDED_SET:
            self.extended = self.extended | {value >> 10: value & 1023}
        else:
            raise _Refused(Result.FUNCTION)  # a maker's own function; this maker has none

    def _key_section(self, digits: str, data: int, now: datetime | None) -> Result:
        """Store a section; act when the set is complete, in whatever order it came."""
        fields = key_change.decode(data, self._key.ea)
        if now is not None and self._section_at is not None and now - self._section_at > PATIENCE:
            self._forget_parts()
        self._check_section(fields)
        self._sections[fields["subclass"]], self._section_at = fields, now
        self._parts[fields["subclass"]] = token.compact(digits)
        if not self._complete():
            return _SECTION_RESULTS[fields["subclass"]]
        self._change_key()
        return Result.ACCEPT

    def _check_section(self, fields: dict[str, int]) -> None:
        if not 1 <= fields.get("krn", 1) <= 9 or fields.get("ti", 0) > 99:
            raise _Refused(Result.RANGE)
        if max(fields.get("sgc", 0), fields.get("sgcho", 0) << 12) > 999_999:
            raise _Refused(Result.RANGE)
        new_type = fields.get("kt", self.config.key_type)
        if new_type != self.config.key_type and (
            new_type == 0 or (new_type == 3 and self.config.tct != 1)
        ):
            raise _Refused(Result.KEY_TYPE)

    def _complete(self) -> bool:
        if self._key.ea == 11:
            return set(self._sections) == set(key_change.SECTIONS)
        if not {key_change.FIRST, key_change.SECOND} <= set(self._sections):
            return False
        announced = self._sections[key_change.FIRST]["three_kct"]
        return not announced or key_change.THIRD in self._sections

    def _change_key(self) -> None:
        said: dict[str, int] = {}
        for fields in self._sections.values():
            said |= fields
        names = key_change.KEY_WORDS if self._key.ea == 11 else key_change.KEY_WORDS[::3]
        material = b"".join(said[name].to_bytes(4, "big") for name in names)
        group = None
        if self._key.ea == 11:  # four sections always carry it, whatever the 3KCT bit says
            group = said["sgcho"] << 12 | said["sgclo"]
        elif said["three_kct"]:  # a third section counts when announced
            group = said["sgc"]
        if group is not None and group > 999_999:
            self._forget_parts()
            raise _Refused(Result.RANGE)
        self.config = replace(
            self.config,
            sgc=self.config.sgc if group is None else f"{group:06d}",
            krn=said["krn"],
            key_type=said["kt"],
            ti=said["ti"],
            ken=said["kenho"] << 4 | said["kenlo"],
        )
        self._key = self._key.replaced(material)
        self._forget_parts()
        if said["ro"]:
            self.token_ids = []

    def _forget_parts(self) -> None:
        self._sections, self._parts = {}, {}

    def _test(self, data: int) -> tuple[tuple[str, int | str], ...]:
        """Class 1: what the display would show, in the order of the tests."""
        subclass, control, mfr_code = meter_test.decode(data)
        drn = meter_number.drn_from_pan(self.config.pan)
        if mfr_code not in (0, meter_number.manufacturer_code(drn)):
            raise _Refused(Result.MFR_CODE)
        if subclass == meter_test.EXTENDED_READ:
            index = control >> 22
            value = (
                self.flags.get(control >> 13 & 511, 0)
                if index == 63
                else self.extended.get(index, 0)
            )
            return (("extended_read", value),)
        if subclass >= 6:
            raise _Refused(Result.FUNCTION)
        wanted = [n for n in range(1, len(meter_test.TESTS)) if control >> n - 1 & 1]
        return tuple((meter_test.TESTS[n], self._display(meter_test.TESTS[n], drn)) for n in wanted)

    def _display(self, name: str, drn: str) -> int | str:
        config = self.config
        values: dict[str, int | str | None] = {
            "key_revision_number": config.krn,
            "tariff_index": config.ti,
            "maximum_power_limit": self.power_limit_watts,
            "total_consumption": self.consumed_tenths,
            "tamper_status": int(self.tampered),
            "phase_unbalance_limit": self.phase_unbalance_limit_watts,
            "water_meter_factor": self.water_meter_factor,
            "tariff_rate": self.tariff_rate,
            "encryption_algorithm": config.ea,
            "key_change_tokens_supported": 4 if config.ea == 11 else 3,
            "supply_group_code": config.sgc,
            "key_expiry_number": config.ken,
            "meter_number": drn,
        }
        value = values.get(name, "ok")
        return 0 if value is None else value
