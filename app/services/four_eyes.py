"""Two people decide: for what the installation wants it, and who counts as a second person.

Who proposed is not the second person, and neither is somebody whose way in the first one made or opened lately, or
the other way round: an account, an invitation, a link for a password or another address may have been for themselves.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import and_, func, or_, select
from sqlalchemy.orm import Session

from app.domain.errors import FourEyes, SameHand
from app.models import AuditEntry, Settings

# So long an account has to be its owner's: time enough for somebody to miss theirs, or to see one that nobody has.
APART_AFTER = timedelta(days=3)
# What the log of changes calls acts by which one person comes to open another's account.
OPENED = ("add", "invite", "give_link")


def needs_second_person(session: Session, function: str) -> bool:
    """Whether the installation wants four eyes for a function."""
    listed: str = session.execute(select(Settings.four_eyes).where(Settings.id == 1)).scalar_one()
    return function in listed.split(",")


def require_two(session: Session, proposer: int, decider: int, instant: datetime) -> None:
    """Two user ids are two people.  Raises FourEyes, SameHand."""
    if proposer == decider:
        raise FourEyes
    pairs = ((proposer, decider), (decider, proposer))
    by_the_other = or_(*((AuditEntry.row_id == str(one)) & (AuditEntry.user_id == other) for one, other in pairs))
    another_address = and_(AuditEntry.action == "change", AuditEntry.after.contains('"email":'))
    opened = select(func.max(AuditEntry.at)).where(
        AuditEntry.table_name == "ab_user",
        by_the_other,
        or_(AuditEntry.action.in_(OPENED), another_address),
        AuditEntry.at > instant - APART_AFTER,
    )
    last = session.execute(opened).scalar_one()
    if last is not None:
        raise SameHand(until=last + APART_AFTER)
