"""Two people decide: for what the installation wants it, and who counts as a second person.

Who proposed is not the second person, and neither is somebody of the same hand: whose way in the first one made or
opened lately, or the other way round, or one and the same third person both's, over however many accounts.  An
account, an invitation, a link for a password or another address may have been for themselves.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta

from sqlalchemy import String, and_, cast, func, or_, select
from sqlalchemy.orm import Session

from app.domain.errors import FourEyes, SameHand
from app.models import AuditEntry, PasswordLink, Settings
from app.models.base import now

# So long an account has to be its owner's: time enough for somebody to miss theirs, or to see one that nobody has.
# And so long an act goes on to take two people that somebody ticked off.
APART_AFTER = timedelta(days=3)
# Who ticks an act on and off again within it is where they were before.
BY_MISTAKE = timedelta(hours=1)
# What the log of changes calls acts by which one person comes to open another's account.
READ_LINK = "read_link"
OPENED = ("add", "invite", "give_link", READ_LINK)
ALWAYS = datetime.max.replace(tzinfo=UTC)

# Of each account who opened it, and when.
Openers = Mapping[int, list[tuple[int, datetime]]]


# --- what takes two people -----------------------------------------------------------------


def needs_second_person(session: Session, function: str) -> bool:
    """Whether the installation wants four eyes for a function, or did lately: one person could tick it off."""
    listed, made_at = _house(session)
    return function in listed or function in _ticked_off(session, made_at)


def two_until(session: Session) -> dict[str, datetime]:
    """The functions that are not ticked any more and go on to take two people, each until when."""
    listed, made_at = _house(session)
    return {name: until for name, until in _ticked_off(session, made_at).items() if name not in listed}


def _house(session: Session) -> tuple[list[str], datetime]:
    listed, made_at = session.execute(select(Settings.four_eyes, Settings.created_at).where(Settings.id == 1)).one()
    return listed.split(","), made_at


def _ticked_off(session: Session, made_at: datetime) -> dict[str, datetime]:
    """Until when what somebody ticked off takes two people; nothing while the house is being set up."""
    since = now() - APART_AFTER
    if made_at > since:
        return {}
    changes = select(AuditEntry.at, AuditEntry.user_id, AuditEntry.before, AuditEntry.after).where(
        AuditEntry.table_name == "settings", AuditEntry.action == "change", AuditEntry.user_id.is_not(None),
        AuditEntry.at > since, AuditEntry.before.contains('"four_eyes":'),
    )  # fmt: skip
    on: dict[str, tuple[int | None, datetime]] = {}
    off: dict[str, datetime] = {}
    for at, person, was, became in session.execute(changes.order_by(AuditEntry.at, AuditEntry.id)):
        before, after = (set(json.loads(told)["four_eyes"].split(",")) for told in (was, became))
        for name in before - after:
            ticked_by, ticked_at = on.get(name, (None, at))
            if ticked_by != person or at - ticked_at > BY_MISTAKE:
                off[name] = at + APART_AFTER
        on |= dict.fromkeys(after - before, (person, at))
    return off


# --- who is a second person ----------------------------------------------------------------


def require_two(session: Session, proposer: int, decider: int, instant: datetime) -> None:
    """Two user ids are two people.  Raises FourEyes, SameHand."""
    if proposer == decider:
        raise FourEyes
    until = one_hand_until(session, proposer, decider, instant)
    if until is not None:
        raise SameHand(until=until)


def one_hand_until(session: Session, one: int, other: int, instant: datetime) -> datetime | None:
    """Until when two people count as one, because somebody (one of them, or a third one) could act for both."""
    return apart_from(session, one, {other}, instant).get(other)


def apart_from(session: Session, one: int, others: Iterable[int], instant: datetime) -> dict[int, datetime]:
    """With whom of the others somebody counts as one person, each until when (`one_hand_until`)."""
    openers = _openers(session, instant - APART_AFTER)
    mine = _hands(one, openers)
    found: dict[int, datetime] = {}
    for other in others:
        theirs = _hands(other, openers)
        shared = [min(mine[person], theirs[person]) for person in mine.keys() & theirs.keys()]
        if shared:
            found[other] = max(shared) + APART_AFTER
    return found


def entered(session: Session, person: int) -> bool:
    """Whether a person has chosen a password by a link; until they have, the days of an opening do not begin."""
    used = select(PasswordLink.id).where(PasswordLink.user_id == person, PasswordLink.used_at.is_not(None)).limit(1)
    return session.execute(used).first() is not None


def _openers(session: Session, since: datetime) -> Openers:
    """Who opened whose account since then, or ever before its first password, which was chosen since then.

    NB: an invitation lives longer than `APART_AFTER`: nobody can miss or see an account before it is entered.
    """
    another_address = and_(AuditEntry.action == "change", AuditEntry.after.contains('"email":'))
    of_accounts = (AuditEntry.table_name == "ab_user") & AuditEntry.user_id.is_not(None)
    opening = or_(AuditEntry.action.in_(OPENED), another_address)
    told = select(AuditEntry.row_id, AuditEntry.user_id, AuditEntry.at)
    opened = told.where(of_accounts, opening, AuditEntry.at > since)
    account, first = cast(PasswordLink.user_id, String(40)), func.min(PasswordLink.used_at)
    entries = select(account.label("row_id"), first.label("at")).group_by(PasswordLink.user_id)
    entered = entries.having(first > since).subquery()
    made = (
        select(AuditEntry.row_id, AuditEntry.user_id, entered.c.at)
        .join(entered, entered.c.row_id == AuditEntry.row_id)
        .where(of_accounts, opening)
    )
    found: dict[int, list[tuple[int, datetime]]] = {}
    for row_id, person, at in session.execute(opened.union_all(made), execution_options={"unscoped": True}):
        found.setdefault(int(row_id), []).append((person, at))
    return found


def _hands(person: int, openers: Openers) -> dict[int, datetime]:
    """Who may act as this person: themselves, who opened their account, and so on upwards.

    With each the oldest opening on the way there, on the newest way.  NB: it ends, however the ways turn back:
    nobody is looked at again but with a later moment, and there are as many of those as openings.
    """
    hands, waiting = {person: ALWAYS}, [person]
    while waiting:
        one = waiting.pop()
        for opener, at in openers.get(one, ()):
            lasts = min(hands[one], at)
            if opener not in hands or lasts > hands[opener]:
                hands[opener] = lasts
                waiting.append(opener)
    return hands
