"""What a virtual meter keeps through a loss of power: plain values, and their form as JSON.

The decoder key is not among them, nor the words of a new one: an unfinished key change is kept as the tokens
that were typed, which only the old key opens.

>>> from app.sts.module import MeterConfig
>>> config = MeterConfig('600727000000000009', ea=7, tct=2, sgc='201457', krn=1, ti=1, ken=255)
>>> kept = Memory(config, (250, *[0] * 7))
>>> Memory.from_json(kept.to_json()) == kept
True
"""

import json
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from app.sts.module import MeterConfig

_CONFIG = ("pan", "ea", "tct", "sgc", "krn", "ti", "ken", "key_type")


@dataclass(frozen=True, slots=True)
class Memory:
    """A meter at rest. ``registers``: eight, in tenths or 0.00001 currency units; limits in watts.

    ``parts``: tokens of an unfinished key change; ``parts_at``: when the last of them was typed.
    """

    config: MeterConfig
    registers: tuple[int, ...]
    power_limit_watts: int | None = None
    phase_unbalance_limit_watts: int | None = None
    tariff_rate: int | None = None
    water_meter_factor: int | None = None
    extended: tuple[tuple[int, int], ...] = ()
    flags: tuple[tuple[int, int], ...] = ()
    tampered: bool = False
    consumed_tenths: int = 0
    token_ids: tuple[int, ...] = ()
    parts: tuple[str, ...] = ()
    parts_at: datetime | None = None

    def to_json(self) -> str:
        """Return it as text."""
        said = asdict(self)
        said["config"] = {name: getattr(self.config, name) for name in _CONFIG}
        said["parts_at"] = None if self.parts_at is None else self.parts_at.isoformat()
        return json.dumps(said, sort_keys=True)

    @classmethod
    def from_json(cls, text: str) -> "Memory":
        """Return it from text. Raises whatever reading fails with, for what :meth:`to_json` never wrote."""
        said: dict[str, Any] = json.loads(text)
        for name in ("registers", "token_ids", "parts"):
            said[name] = tuple(said[name])
        for name in ("extended", "flags"):
            said[name] = tuple((pair[0], pair[1]) for pair in said[name])
        said["config"] = MeterConfig(**said["config"])
        said["parts_at"] = None if said["parts_at"] is None else datetime.fromisoformat(said["parts_at"])
        return cls(**said)
