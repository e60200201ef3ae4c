"""On which paper somebody prints: what they printed on last, else their vending point's, else the installation's."""

from __future__ import annotations

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from app.db import transaction
from app.domain.states import Paper
from app.models import AppUser, Settings, VendingPoint


def paper_of(text: str | None) -> Paper | None:
    """The paper of this name, or None."""
    return Paper(text) if text in set(Paper) else None


def paper_for(session: Session, user_id: int | None) -> Paper:
    """The paper to print on, as nobody says otherwise."""
    own, _point = _chosen(session, user_id)
    return own or _usual(session, user_id)


def remember_paper(user_id: int, paper: Paper) -> None:
    """Keep what somebody printed on; what is usual at their place is not kept, so that a new printer there counts."""
    with transaction() as session:
        own, _point = _chosen(session, user_id)
        wanted = None if paper is _usual(session, user_id) else paper
        if own is not wanted:
            session.execute(update(AppUser).where(AppUser.id == user_id).values(slip_paper=wanted))


def _usual(session: Session, user_id: int | None) -> Paper:
    _own, point = _chosen(session, user_id)
    return point or paper_of(session.get_one(Settings, 1).slip_paper) or Paper.ROLL_80


def _chosen(session: Session, user_id: int | None) -> tuple[Paper | None, Paper | None]:
    """Of the person and of their vending point."""
    row = session.execute(
        select(AppUser.slip_paper, VendingPoint.slip_paper)
        .join(VendingPoint, VendingPoint.id == AppUser.vending_point_id, isouter=True)
        .where(AppUser.id == user_id),
        execution_options={"unscoped": True},
    ).one_or_none()
    return (None, None) if row is None else (paper_of(row[0]), paper_of(row[1]))
