"""Reports that are sent by e-mail: when, and what became of each due time.

Whoever makes the row of a due time moves the schedule on in the same transaction, so that one time is
one letter however many workers there are.  A row is claimed before anything is done; a worker that
died while it handed a letter over may or may not have sent it, so that letter is not sent again.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import func, or_, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session, joinedload

from app.db import transaction
from app.domain.errors import OutOfScope
from app.domain.states import SendingState
from app.domain.timetable import Timetable, next_due
from app.extensions import db
from app.models import ReportSchedule, ReportSending, SavedQuestion, Settings
from app.models.base import now
from app.services import saved_questions, tasks

SCHEDULES_MAX = 50
# Minutes until a failed letter is tried again; after the last try it is given up.
WAITS_MIN = (2, 10, 30, 120, 360)
SHOWN = 20
OPEN = (SendingState.WAITING, SendingState.RUNNING)


class TooManySchedules(Exception):
    """This person has as many schedules as one may have."""


class AlreadyUnderWay(Exception):
    """A letter of this schedule waits or is being sent."""


@dataclass(frozen=True, slots=True)
class Wish:
    """When a question is sent, in which form and language."""

    timetable: Timetable
    form: str
    language: str

    def put(self, row: ReportSchedule, zone: str) -> None:
        """Write it into a schedule, and reckon when it is due next."""
        row.every, row.at_hour = self.timetable.every, self.timetable.hour
        row.weekday, row.month_day = self.timetable.weekday, self.timetable.month_day
        row.form, row.language = self.form, self.language
        row.next_at, row.reckoned_in = next_due(self.timetable, now(), zone), zone


def timetable_of(row: ReportSchedule) -> Timetable:
    """When this schedule is due."""
    return Timetable(row.every, row.at_hour, row.weekday, row.month_day)


def schedules(session: Session, owner_id: int | None = None) -> list[ReportSchedule]:
    """One's own schedules with their questions; everybody's for the shell."""
    wanted = select(ReportSchedule).options(joinedload(ReportSchedule.question)).join(SavedQuestion)
    if owner_id is not None:
        wanted = wanted.where(ReportSchedule.owner_id == owner_id)
    return list(session.scalars(wanted.order_by(func.lower(SavedQuestion.name), ReportSchedule.id)))


def schedule(session: Session, schedule_id: int, owner_id: int) -> ReportSchedule:
    """One of one's own.  Raises OutOfScope."""
    wanted = select(ReportSchedule).where(ReportSchedule.id == schedule_id, ReportSchedule.owner_id == owner_id)
    row = session.scalars(wanted).one_or_none()
    if row is None:
        raise OutOfScope
    return row


def sendings(session: Session, ids: Iterable[int], each: int = SHOWN) -> dict[int, list[ReportSending]]:
    """The newest sendings of these schedules."""
    found: dict[int, list[ReportSending]] = {}
    for one in ids:
        wanted = select(ReportSending).where(ReportSending.schedule_id == one).order_by(ReportSending.id.desc())
        found[one] = list(session.scalars(wanted.limit(each)))
    return found


def _zone(session: Session) -> str:
    return str(session.execute(select(Settings.time_zone).where(Settings.id == 1)).scalar_one())


def add(question_id: int, owner_id: int, wish: Wish) -> int:
    """Have a question of one's own sent; the schedule's id.  Raises OutOfScope, TooManySchedules."""
    with transaction() as session:
        saved_questions.question(session, question_id, owner_id)
        mine = select(func.count()).select_from(ReportSchedule).where(ReportSchedule.owner_id == owner_id)
        if session.execute(mine).scalar_one() >= SCHEDULES_MAX:
            raise TooManySchedules
        row = ReportSchedule(owner_id=owner_id, question_id=question_id)
        wish.put(row, _zone(session))
        session.add(row)
        session.flush()
        return row.id


def change(schedule_id: int, owner_id: int, wish: Wish) -> None:
    """Have it sent otherwise.  Raises OutOfScope."""
    with transaction() as session:
        wish.put(schedule(session, schedule_id, owner_id), _zone(session))


def switch(schedule_id: int, owner_id: int) -> bool:
    """Stop it or let it go on, from the next due time after now; whether it is on.  Raises OutOfScope."""
    with transaction() as session:
        row = schedule(session, schedule_id, owner_id)
        row.active, row.paused = not row.active, None
        row.next_at = next_due(timetable_of(row), now(), _zone(session))
        return row.active


def send_also_to(schedule_id: int, owner_id: int, addresses: Iterable[str]) -> None:
    """Set the addresses besides the owner's.  Raises OutOfScope."""
    with transaction() as session:
        schedule(session, schedule_id, owner_id).addresses = "\n".join(addresses)


def delete(schedule_id: int, owner_id: int) -> None:
    """Send it no more, and forget what was sent.  Raises OutOfScope."""
    with transaction() as session:
        session.delete(schedule(session, schedule_id, owner_id))


def send_now(schedule_id: int, owner_id: int) -> None:
    """Have it sent once at once.  Raises OutOfScope, AlreadyUnderWay."""
    try:
        with transaction() as session:
            row = schedule(session, schedule_id, owner_id)
            waiting = select(ReportSending.id).where(
                ReportSending.schedule_id == row.id, ReportSending.state.in_(OPEN)
            )
            if session.execute(waiting).first() is not None:
                raise AlreadyUnderWay
            at = now().replace(microsecond=0)
            session.add(ReportSending(schedule_id=row.id, due_at=at, try_at=at, by_hand=True))
    except IntegrityError:
        raise AlreadyUnderWay from None


# --- the worker's part --------------------------------------------------------------------


def ring() -> int:
    """Make the sendings of every schedule that is due; says how many.

    Several due times that were missed are one letter.  A schedule reckoned in another time zone than
    the installation's is reckoned anew.
    """
    session = db.session()
    at, zone = now(), _zone(session)
    due = select(ReportSchedule.id, ReportSchedule.next_at).where(
        ReportSchedule.active.is_(True), or_(ReportSchedule.next_at <= at, ReportSchedule.reckoned_in != zone)
    )
    found = session.execute(due).all()
    session.rollback()
    return sum(_rung(schedule_id, next_at, at, zone) for schedule_id, next_at in found)


def _rung(schedule_id: int, next_at: datetime, at: datetime, zone: str) -> bool:
    with transaction() as session:
        row = session.get(ReportSchedule, schedule_id, populate_existing=True)
        if row is None:
            return False
        same = (ReportSchedule.id == schedule_id) & (ReportSchedule.next_at == next_at)
        moved = session.execute(
            update(ReportSchedule)
            .where(same, ReportSchedule.active.is_(True))
            .values(next_at=next_due(timetable_of(row), at, zone), reckoned_in=zone)
            .execution_options(synchronize_session=False)
        )
        if moved.rowcount != 1 or next_at > at:  # type: ignore[attr-defined]
            return False
        session.add(ReportSending(schedule_id=schedule_id, due_at=next_at, try_at=at))
        return True


def take() -> int | None:
    """Claim the oldest sending that is to be tried, or whose worker is gone; its id, or None."""
    me, at, session = tasks.process_name(), now(), db.session()
    rows = session.scalars(
        select(ReportSending)
        .where(ReportSending.state.in_(OPEN), ReportSending.try_at <= at)
        .where(or_(ReportSending.claimed_by.is_(None), ReportSending.claimed_by != me))
        .order_by(ReportSending.try_at, ReportSending.id)
    ).all()
    wanted = [
        (row.id, row.claimed_by, row.handing)
        for row in rows
        if row.state is SendingState.WAITING or tasks.is_gone(row)
    ]
    session.rollback()
    for sending_id, by, handing in wanted:
        if _claimed(sending_id, by, me):
            if handing is None:
                return int(sending_id)
            end(sending_id, SendingState.FAILED, "unknown", handing)
    return None


def _claimed(sending_id: int, by: str | None, me: str) -> bool:
    same = ReportSending.claimed_by.is_(None) if by is None else ReportSending.claimed_by == by
    with transaction() as session:
        taken = session.execute(
            update(ReportSending)
            .where(ReportSending.id == sending_id, ReportSending.state.in_(OPEN), same)
            .values(
                state=SendingState.RUNNING, claimed_by=me, beat_at=now(), attempts=ReportSending.attempts + 1
            )
        )
        return bool(taken.rowcount == 1)  # type: ignore[attr-defined]


def hand(sending_id: int, address: str | None, reached: str | None = None) -> None:
    """Note to whom the letter is being handed just now, or (None) who has it.  Never inside a transaction."""
    values: dict[str, Any] = {"handing": address, "beat_at": now()}
    with transaction() as session:
        row = session.get_one(ReportSending, sending_id, populate_existing=True)
        if reached is not None:
            values["reached"] = f"{row.reached}\n{reached}".strip()
        session.execute(update(ReportSending).where(ReportSending.id == sending_id).values(**values))


def end(
    sending_id: int, state: SendingState, reason: str | None = None, detail: str = "", task_id: int | None = None
) -> None:
    """Write down for good what became of it; a reason also stands on its schedule while it lasts."""
    with transaction() as session:
        row = session.get(ReportSending, sending_id, populate_existing=True)
        if row is None:  # the schedule was deleted meanwhile
            return
        row.state, row.reason, row.detail, row.ended_at = state, reason, detail[:300], now()
        row.handing, row.claimed_by = None, None
        row.task_id = task_id or row.task_id
        paused = reason if state is SendingState.SKIPPED else None
        session.execute(update(ReportSchedule).where(ReportSchedule.id == row.schedule_id).values(paused=paused))


def fail(sending_id: int, code: str, detail: str, *, permanent: bool) -> bool:
    """The letter could not be sent: whether it is tried again."""
    with transaction() as session:
        row = session.get(ReportSending, sending_id, populate_existing=True)
        if row is None:
            return False
        again = not permanent and row.attempts <= len(WAITS_MIN)
        row.reason, row.detail, row.handing, row.claimed_by = code, detail[:300], None, None
        if again:
            row.state = SendingState.WAITING
            row.try_at = now() + timedelta(minutes=WAITS_MIN[row.attempts - 1])
        else:
            row.state, row.ended_at = SendingState.FAILED, now()
        return again
