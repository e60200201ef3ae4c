"""What is known of the vending keys in a module: as it told them, or typed in for hardware.

The key itself is never here.  A module of ours tells its keys; the published interface of
hardware cannot, so an administrator types the facts from the key letter, and every answer of
the module is held against the check value.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import func, literal, select, union_all
from sqlalchemy.orm import Session, joinedload

from app.db import transaction
from app.domain import errors
from app.domain.states import Algorithm, MeterStatus
from app.extensions import db
from app.models import Meter, SecurityModule, SupplyGroupKey
from app.models.base import now
from app.postgresql import OWN_PLAN
from app.sts.demonstration import is_demonstration
from app.sts.module import KeyFacts
from app.sts.token_id import MAX_TOKEN_ID, base

# Meters must be visited, or customers type key-change tokens: half a year is not early.
ENDS_SOON = timedelta(days=180)
NEVER_EXPIRES = 255
MINUTES_PER_KEN = 1 << 16
VUDK = 2
# How many supply groups and revisions one statement asks about.
SPOTS = 100


@dataclass(frozen=True, slots=True)
class KeyEnd:
    """When a key makes its last token, and why: 'expiry' (KEN), 'base_date' or 'active_to'."""

    at: datetime
    why: str

    def state(self, instant: datetime) -> str:
        """'over', 'soon' or 'good'."""
        if instant > self.at:
            return "over"
        return "soon" if self.at - instant <= ENDS_SOON else "good"


def end_of(key: SupplyGroupKey) -> KeyEnd:
    """The end of a key: the earliest of its expiry number, its base date's and its own last day.

    Clause: IEC 62055-41, 6.1.10 (a token id's top eight bits may not exceed the KEN).
    """
    if key.ken < NEVER_EXPIRES:
        end = KeyEnd(base(key.base_date) + timedelta(minutes=(key.ken + 1) * MINUTES_PER_KEN - 1), "expiry")
    else:
        end = KeyEnd(base(key.base_date) + timedelta(minutes=MAX_TOKEN_ID), "base_date")
    if key.active_to is not None and key.active_to < end.at:
        return KeyEnd(key.active_to, "active_to")
    return end


def keys_of(module_id: int) -> list[SupplyGroupKey]:
    """The keys of one module by supply group and revision."""
    statement = (
        select(SupplyGroupKey)
        .where(SupplyGroupKey.module_id == module_id)
        .order_by(SupplyGroupKey.sgc, SupplyGroupKey.krn, SupplyGroupKey.key_type)
    )
    return list(db.session().scalars(statement))


def in_use() -> list[tuple[SupplyGroupKey, KeyEnd]]:
    """Keys of active modules that a meter in use is under, with their ends."""
    statement = (
        select(SupplyGroupKey)
        .join(SecurityModule, SecurityModule.id == SupplyGroupKey.module_id)
        .where(SecurityModule.active)
        .options(joinedload(SupplyGroupKey.module))
        .order_by(SupplyGroupKey.sgc, SupplyGroupKey.krn)
    )
    rows = [key for key in db.session().scalars(statement) if key.module.serves(key.algorithm)]
    bought_under = _with_meters({(key.sgc, key.krn) for key in rows})
    return [(key, end_of(key)) for key in rows if (key.sgc, key.krn) in bought_under]


def _with_meters(spots: Iterable[tuple[str, int]]) -> set[tuple[str, int]]:
    """Those supply groups and revisions that a meter in use is under.

    NB: each by its own figures, of which PostgreSQL knows how common they are; for any, it would read every meter.
    """
    found: set[tuple[str, int]] = set()
    wanted = sorted(spots)
    for begin in range(0, len(wanted), SPOTS):
        some = wanted[begin : begin + SPOTS]
        asked = (
            select(literal(number)).where(
                select(Meter.id)
                .where(Meter.sgc == sgc, Meter.krn == krn, Meter.status == MeterStatus.INSTALLED)
                .exists()
            )
            for number, (sgc, krn) in enumerate(some)
        )
        rows = db.session().execute(union_all(*asked), execution_options={"unscoped": True} | OWN_PLAN).scalars()
        found |= {some[number] for number in rows}
    return found


def ending(instant: datetime | None = None) -> list[tuple[SupplyGroupKey, KeyEnd]]:
    """Those of them that are over or end soon."""
    at = instant or now()
    return [(key, end) for key, end in in_use() if end.state(at) != "good"]


def uncovered(row: SecurityModule) -> list[tuple[str, int, int]]:
    """Supply group, revision and number of installed meters whose key this module does not hold.

    For the algorithms it serves; those meters cannot buy while it is the active one.
    """
    served = [a for a in Algorithm if row.serves(a)]
    held = (
        select(SupplyGroupKey.id)
        .where(
            SupplyGroupKey.module_id == row.id,
            SupplyGroupKey.sgc == Meter.sgc,
            SupplyGroupKey.krn == Meter.krn,
            SupplyGroupKey.key_type == VUDK,
        )
        .exists()
    )
    statement = (
        select(Meter.sgc, Meter.krn, func.count(Meter.id))
        .where(Meter.algorithm.in_(served), Meter.status == MeterStatus.INSTALLED, ~held)
        .group_by(Meter.sgc, Meter.krn)
        .order_by(func.count(Meter.id).desc(), Meter.sgc, Meter.krn)
    )
    found = db.session().execute(statement, execution_options={"unscoped": True})
    return [(str(sgc), int(krn), int(count)) for sgc, krn, count in found]


# --- writing ------------------------------------------------------------------------------


def refuse_public(told: Iterable[KeyFacts]) -> None:
    """Raises PublicKey when one of these is a demonstration key: installations in service ask before they note any."""
    if any(is_demonstration(facts.kcv) for facts in told):
        raise errors.PublicKey


def refresh(module_id: int, told: Iterable[KeyFacts]) -> int:
    """Make the stored facts exactly what the module told; gives how many keys it holds."""
    with transaction() as session:
        if session.get(SecurityModule, module_id) is None:
            raise errors.OutOfScope
        return write_keys(session, module_id, told)


def write_keys(session: Session, module_id: int, told: Iterable[KeyFacts]) -> int:
    """As `refresh`, inside a transaction of the caller's."""
    held = {
        (row.sgc, row.krn, row.key_type): row
        for row in session.scalars(select(SupplyGroupKey).where(SupplyGroupKey.module_id == module_id))
    }
    wanted = {(facts.sgc, facts.krn, facts.key_type): facts for facts in told}
    for spot, facts in wanted.items():
        row = held.get(spot)
        if row is None:
            session.add(_copied(SupplyGroupKey(module_id=module_id), facts))
        else:
            _copied(row, facts)
    for spot in held.keys() - wanted.keys():
        session.delete(held[spot])
    return len(wanted)


def type_in(module_id: int, facts: KeyFacts, *, correct: bool = False) -> None:
    """Note a key of a hardware module, or correct what was mistyped of one while meters buy under it.

    Raises OutOfScope, ValueTaken (this key is noted already, and nothing was said of correcting it).
    """
    with transaction() as session:
        if session.get(SecurityModule, module_id) is None:
            raise errors.OutOfScope
        spot = select(SupplyGroupKey).where(
            SupplyGroupKey.module_id == module_id,
            SupplyGroupKey.sgc == facts.sgc,
            SupplyGroupKey.krn == facts.krn,
            SupplyGroupKey.key_type == facts.key_type,
        )
        noted = session.scalars(spot).first()
        if noted is not None and not correct:
            raise errors.ValueTaken
        session.add(_copied(noted or SupplyGroupKey(module_id=module_id), facts))


def forget(module_id: int, key_id: int) -> None:
    """Take back a key that was typed in.  Raises OutOfScope, KeyInUse (meters buy under it here)."""
    with transaction() as session:
        key = session.get(SupplyGroupKey, key_id)
        if key is None or key.module_id != module_id:
            raise errors.OutOfScope
        under = select(func.count(Meter.id)).where(Meter.sgc == key.sgc, Meter.krn == key.krn)
        count = int(session.execute(under, execution_options={"unscoped": True}).scalar_one())
        if count and key.module.active and key.module.serves(key.algorithm):
            raise errors.KeyInUse(count=count)
        session.delete(key)


def _copied(row: SupplyGroupKey, facts: KeyFacts) -> SupplyGroupKey:
    row.sgc, row.krn, row.key_type = facts.sgc, facts.krn, facts.key_type
    row.dkga, row.base_date, row.ken, row.kcv = facts.dkga, facts.base_date, facts.ken, facts.kcv
    row.active_from, row.active_to = facts.active_from, facts.active_to
    row.demonstration = is_demonstration(facts.kcv)
    return row
