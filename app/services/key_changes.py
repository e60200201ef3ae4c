"""Key changes that are under way: what a meter is to be moved to, and what came of it.

A key-change set is put before a credit token by the module, or made at the engineering desk.  From then on the
meter is on its way: every later token is preceded by the same set (the consumer may have lost the slip), at
most `TRIES` times, until a person says whether the meter took it.
"""

from __future__ import annotations

from dataclasses import astuple, dataclass
from enum import StrEnum
from typing import Any

from sqlalchemy import and_, case, not_, or_, select, update
from sqlalchemy.orm import Session, joinedload

from app.access.scope import Scope, require
from app.db import transaction
from app.domain import errors
from app.models import Meter
from app.sts.module import Advice, Amendment, IssuedToken

# So often a set goes out before somebody has to say what became of it.
TRIES = 3


class Outcome(StrEnum):
    """What a person says of a set that was handed out."""

    TAKEN = "taken"
    NOT_TAKEN = "not_taken"
    GIVEN_UP = "given_up"


@dataclass(frozen=True, slots=True)
class UnderWay:
    """The key change that a page shows: where to, how often it was handed out, and the version of the meter's row.

    NB: the version, because a set that did not arrive begins to count again: the same number comes twice.
    """

    sgc: str
    krn: int
    ti: int
    tries: int
    version: int

    def __str__(self) -> str:
        """As a form carries it."""
        return "/".join(map(str, astuple(self)))


def under_way(meter: Meter) -> UnderWay | None:
    """The key change of a meter that is under way."""
    to = amendment_for(meter)
    return None if to is None else UnderWay(to.sgc, to.krn, to.ti, meter.pending_tries, meter.version)


def amendment_for(meter: Meter) -> Amendment | None:
    """Where the next tokens must lead, when a key change of the meter is under way."""
    if meter.pending_sgc is None or meter.pending_krn is None or meter.pending_ti is None:
        return None
    return Amendment(meter.pending_sgc, meter.pending_krn, meter.pending_ti)


def require_confirmed(meter: Meter) -> None:
    """Refuse a sale whose set went out too often without a word.  Raises KeyChangeUnconfirmed."""
    if meter.pending_sgc is not None and meter.pending_tries >= TRIES:
        raise errors.KeyChangeUnconfirmed(tries=meter.pending_tries)


def confirm(meter_id: int, outcome: Outcome, of: str, scope: Scope) -> None:
    """Write down what became of the set: the meter's record moves, or the set goes out again, or is dropped.

    `of` is the change that the person speaks of (`UnderWay` as a form carries it).  Raises OutOfScope, NoKeyChange
    when somebody has said it before, and KeyChangeMoved when another one is under way, or the same once more.
    """
    with transaction() as session:
        found = select(Meter).where(Meter.id == meter_id).options(joinedload(Meter.region)).with_for_update(of=Meter)
        meter = session.execute(
            found, execution_options={"unscoped": True, "populate_existing": True}
        ).scalar_one_or_none()
        if meter is None:
            raise errors.OutOfScope
        require(meter, scope)
        present = under_way(meter)
        if present is None:
            raise errors.NoKeyChange
        if str(present) != of:
            raise errors.KeyChangeMoved(sgc=present.sgc, krn=present.krn, ti=present.ti, tries=present.tries)
        if outcome is Outcome.NOT_TAKEN:
            meter.pending_tries = 0
            return
        if outcome is Outcome.TAKEN:
            meter.sgc, meter.ken = present.sgc, _known(meter.pending_ken, meter.ken)
            meter.krn, meter.ti = present.krn, present.ti
        meter.pending_sgc = meter.pending_krn = meter.pending_ti = meter.pending_ken = None
        meter.pending_tries = 0


def _known(new: int | None, old: int) -> int:
    return old if new is None else new


def note_advice(session: Session, meter_id: int, tokens: tuple[IssuedToken, ...]) -> None:
    """Make a module's advice the meter's pending data; `pending_tries` counts the sets handed out.

    A meter that is there already, or on its way to elsewhere since, is left as it is: a sale may be
    settled long after it was reserved.
    NB: the row's version stays: whoever has the meter's page open changes other columns.
    """
    advice = next((token.advice for token in tokens if token.advice is not None), None)
    if advice is None:
        return
    session.execute(
        update(Meter)
        .where(Meter.id == meter_id, not_(_arrived(advice)), or_(Meter.pending_sgc.is_(None), _same(advice)))
        .values(
            pending_sgc=advice.to_sgc,
            pending_krn=advice.to_krn,
            pending_ti=advice.to_ti,
            pending_ken=advice.to_ken,
            pending_tries=case((Meter.pending_sgc.is_(None), 1), else_=Meter.pending_tries + 1),
        )
        .execution_options(synchronize_session=False, unscoped=True)
    )


def _arrived(advice: Advice) -> Any:
    return and_(
        Meter.sgc == advice.to_sgc,
        Meter.krn == advice.to_krn,
        Meter.ti == advice.to_ti,
        Meter.ken == advice.to_ken,
    )


def _same(advice: Advice) -> Any:
    return and_(
        Meter.pending_sgc == advice.to_sgc,
        Meter.pending_krn == advice.to_krn,
        Meter.pending_ti == advice.to_ti,
        Meter.pending_ken == advice.to_ken,
    )
