"""Key changes that ride on a sale: what a meter is to be moved to, and what came of it.

A module may put a key-change set before the credit token.  From then on the meter is on its way: every
later sale asks for the same change again (the consumer may have lost the slip), until it is confirmed.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import and_, case, not_, or_, update
from sqlalchemy.orm import Session

from app.models import Meter
from app.sts.module import Advice, Amendment, IssuedToken


def amendment_for(meter: Meter) -> Amendment | None:
    """Where the next sale's tokens must lead, when a key change of the meter is under way."""
    if meter.pending_sgc is None or meter.pending_krn is None or meter.pending_ti is None:
        return None
    return Amendment(meter.pending_sgc, meter.pending_krn, meter.pending_ti)


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
