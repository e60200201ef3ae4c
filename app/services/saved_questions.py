"""Questions of reports that people keep under a name: their own, and nobody else's.

A question is kept as the words of its address without the page and the language.  It is read anew
whenever it is opened, under the rights of that moment.
"""

from __future__ import annotations

from sqlalchemy import func, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from app.db import transaction
from app.domain.errors import OutOfScope
from app.models import ReportSchedule, SavedQuestion
from app.models.audit import note

KEPT_MAX = 200
QUERY_MAX = 2_000


class NameTaken(Exception):
    """Another question of this report is kept under this name."""


class TooManyKept(Exception):
    """This person keeps as many as one may keep."""


class GoesElsewhere(Exception):
    """This question goes to other addresses than its owner's: what they are sent changes with the password."""


def kept(session: Session, owner_id: int, report: str | None = None) -> list[SavedQuestion]:
    """One's own questions, of one report or of all, by name."""
    wanted = select(SavedQuestion).where(SavedQuestion.owner_id == owner_id)
    if report is not None:
        wanted = wanted.where(SavedQuestion.report == report)
    return list(session.scalars(wanted.order_by(func.lower(SavedQuestion.name), SavedQuestion.id)))


def question(session: Session, question_id: int, owner_id: int) -> SavedQuestion:
    """One of one's own.  Raises OutOfScope."""
    wanted = select(SavedQuestion).where(SavedQuestion.id == question_id, SavedQuestion.owner_id == owner_id)
    row = session.scalars(wanted).one_or_none()
    if row is None:
        raise OutOfScope
    return row


def keep(owner_id: int, report: str, name: str, query: str) -> int:
    """Keep a question under a new name; its id.  Raises NameTaken, TooManyKept."""
    try:
        with transaction() as session:
            mine = select(func.count()).select_from(SavedQuestion).where(SavedQuestion.owner_id == owner_id)
            if session.execute(mine).scalar_one() >= KEPT_MAX:
                raise TooManyKept
            row = SavedQuestion(owner_id=owner_id, report=report, name=name, query=query)
            session.add(row)
            session.flush()
            return row.id
    except IntegrityError:
        raise NameTaken from None


def overwrite(question_id: int, owner_id: int, report: str, query: str, *, proven: bool = False) -> int:
    """Put another question of the same report in its place; how many schedules send it to other addresses.

    What those receive was approved with a password (`proven`), and so is what takes its place.
    Raises OutOfScope, GoesElsewhere.
    """
    with transaction() as session:
        row = question(session, question_id, owner_id)
        if row.report != report:
            raise OutOfScope
        if row.query == query:
            return 0
        elsewhere = sent_elsewhere(session, question_id, owner_id)
        if elsewhere and not proven:
            raise GoesElsewhere
        for one in _sending(session, question_id, owner_id):  # NB: its addresses may be away for a moment only
            note(session, "change", "report_schedule", one.id, {"question": row.query}, {"question": query})
        row.query = query
        return len(elsewhere)


def rename(question_id: int, owner_id: int, name: str, *, proven: bool = False) -> int:
    """Give it another name, which the letters bear; how many schedules send it to other addresses (`overwrite`).

    Raises OutOfScope, NameTaken, GoesElsewhere.
    """
    try:
        with transaction() as session:
            row = question(session, question_id, owner_id)
            if row.name == name:
                return 0
            elsewhere = sent_elsewhere(session, question_id, owner_id)
            if elsewhere and not proven:
                raise GoesElsewhere
            for one in _sending(session, question_id, owner_id):
                note(session, "change", "report_schedule", one.id, {"name": row.name}, {"name": name})
            row.name = name
            return len(elsewhere)
    except IntegrityError:
        raise NameTaken from None


def delete(question_id: int, owner_id: int) -> None:
    """Forget it, and when it was to be sent.  Raises OutOfScope."""
    with transaction() as session:
        session.delete(question(session, question_id, owner_id))


def sent_elsewhere(session: Session, question_id: int, owner_id: int) -> list[ReportSchedule]:
    """The schedules by which one's own question goes to other addresses, also those that are stopped."""
    return [row for row in _sending(session, question_id, owner_id) if row.addresses]


def _sending(session: Session, question_id: int, owner_id: int) -> list[ReportSchedule]:
    """All schedules of one's own question."""
    own = (ReportSchedule.question_id == question_id) & (ReportSchedule.owner_id == owner_id)
    return list(session.scalars(select(ReportSchedule).where(own).order_by(ReportSchedule.id)))


def sent_of(session: Session, owner_id: int) -> dict[int, int]:
    """How many schedules each of one's own questions has."""
    counted = (
        select(ReportSchedule.question_id, func.count())
        .where(ReportSchedule.owner_id == owner_id)
        .group_by(ReportSchedule.question_id)
    )
    return {row[0]: row[1] for row in session.execute(counted)}
