"""The vending keys that meters may be under, and what a meter's own data say that a person should know.

A key counts when an active module holds it and serves its algorithm: under any other a meter can be
registered, and cannot buy.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload

from app.domain.states import Algorithm
from app.models import SecurityModule, SupplyGroupKey
from app.models.base import now
from app.services.module_keys import KeyEnd, end_of

UNIQUE_KEY = 2  # key type of a vending unique key: the one meters are sold under


@dataclass(frozen=True, slots=True)
class HeldKey:
    """One key with the module that holds it, when it makes its last token, and whether that is near."""

    row: SupplyGroupKey
    module: str
    end: KeyEnd
    state: str

    @property
    def spot(self) -> tuple[str, int, Algorithm]:
        """What a meter says of its key."""
        return self.row.sgc, self.row.krn, self.row.algorithm


def held_keys(session: Session, instant: datetime | None = None) -> list[HeldKey]:
    """The keys that meters can buy under now, each once, by supply group and revision."""
    instant = instant or now()
    statement = (
        select(SupplyGroupKey)
        .join(SecurityModule, SecurityModule.id == SupplyGroupKey.module_id)
        .where(SecurityModule.active, SupplyGroupKey.key_type == UNIQUE_KEY)
        .options(joinedload(SupplyGroupKey.module))
        .order_by(SupplyGroupKey.sgc, SupplyGroupKey.krn, SupplyGroupKey.id)
    )
    found: dict[tuple[str, int, Algorithm], HeldKey] = {}
    for key in session.execute(statement).scalars():
        if not key.module.serves(key.algorithm):
            continue
        end = end_of(key)
        held = HeldKey(key, key.module.name, end, end.state(instant))
        found.setdefault(held.spot, held)
    return list(found.values())


def held_key(session: Session, sgc: str, krn: int, algorithm: Algorithm) -> HeldKey | None:
    """The key of this group, revision and algorithm, if meters can buy under it."""
    return next((key for key in held_keys(session) if key.spot == (sgc, krn, algorithm)), None)
