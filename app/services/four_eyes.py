"""Two people decide: for what the installation wants it, and who counts as a second person.

Who proposed is not the second person, and neither is somebody whose way in the first one made or opened lately, or
the other way round: an account, an invitation, a link for a password or another address may have been for themselves.
"""

from __future__ import annotations

import json
from datetime import datetime, timedelta

from sqlalchemy import and_, func, or_, select
from sqlalchemy.orm import Session

from app.domain.errors import FourEyes, SameHand
from app.models import AuditEntry, Settings
from app.models.base import now

# So long an account has to be its owner's: time enough for somebody to miss theirs, or to see one that nobody has.
# And so long an act goes on to take two people that somebody ticked off.
APART_AFTER = timedelta(days=3)
# What the log of changes calls acts by which one person comes to open another's account.
OPENED = ("add", "invite", "give_link")


def needs_second_person(session: Session, function: str) -> bool:
    """Whether the installation wants four eyes for a function, or did lately: one person could tick it off."""
    house = select(Settings.four_eyes, Settings.created_at).where(Settings.id == 1)
    listed, made_at = session.execute(house).one()
    return function in listed.split(",") or function in _ticked_lately(session, made_at)


def _ticked_lately(session: Session, made_at: datetime) -> set[str]:
    """The functions that took two people before somebody changed that; none while the house is being set up."""
    since = now() - APART_AFTER
    if made_at > since:
        return set()
    changes = select(AuditEntry.before).where(
        AuditEntry.table_name == "settings", AuditEntry.action == "change", AuditEntry.user_id.is_not(None),
        AuditEntry.at > since, AuditEntry.before.contains('"four_eyes":'),
    )  # fmt: skip
    return {name for told in session.scalars(changes) for name in json.loads(told)["four_eyes"].split(",")}


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
