"""Confirming the clock: somebody says that it is right, although tokens say otherwise."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import func, select

from app.db import transaction
from app.domain import errors
from app.extensions import db
from app.models import ClockConfirmation, Token
from app.models.base import now
from app.services.desk import newest_issue
from app.services.pricing import CLOCK_AHEAD


def clock_doubt(instant: datetime | None = None, ahead: timedelta = CLOCK_AHEAD) -> errors.Refusal | None:
    """Why selling is refused because of the clock, or None when nothing speaks against it."""
    try:
        newest_issue(db.session(), ahead).check(instant or now())
    except (errors.ClockBehind, errors.ClockAhead) as doubt:
        return doubt
    return None


def confirm_clock(user_id: int, instant: datetime | None = None) -> None:
    """Note that the clock was confirmed: tokens up to now no longer speak about it."""
    with transaction() as session:
        newest = session.execute(
            select(func.coalesce(func.max(Token.id), 0)), execution_options={"unscoped": True}
        ).scalar_one()
        session.add(
            ClockConfirmation(confirmed_at=instant or now(), after_token_id=int(newest), user_id=user_id)
        )
