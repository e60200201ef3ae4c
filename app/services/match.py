"""Each module's own count beside the books, day by day: made by the module, in our books, what nothing explains.

Days are UTC days, because modules count by them.  A look goes over the last week, today so far, and every older day
with a difference, which stands until a later look of that day explains it or somebody accepts it: a module that does
not answer takes nothing back.  What was found is a row; one that says the same as the newest is not written again.
The network is asked first, with no transaction open; then the books are read; then the rows are written.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from sqlalchemy import ColumnElement, and_, func, or_, select

from app.db import retried, transaction
from app.extensions import db
from app.models import BookCheck, ModuleMatch, RestoreDone
from app.models import SecurityModule as ModuleRow
from app.models.audit import note
from app.models.base import now
from app.services import book_checks
from app.services.match_books import Booked, first_journal, of_journal, of_span
from app.services.module_counts import DAY, JOURNAL, NONE, SILENT, TOTAL, Reachable, Told, ask

DAYS_BACK = 7
DAY_LONG = timedelta(days=1)
DAYS_SHOWN = 30
# A day is looked at when it is surely over, also by a module's clock.
SETTLED_AFTER = timedelta(minutes=10)
SAME = ("source", "made", "booked", "difference", "explained", "total")


@dataclass(frozen=True, slots=True)
class Found:
    """One module's day, as it was found now."""

    name: str
    row: ModuleMatch


def look(
    modules: Reachable, actor: str = "", days: Sequence[date] | None = None, clock: Callable[[], datetime] = now
) -> list[Found]:
    """Match `days` (if not said: the last week, today, and days with a difference), store what is new, give all of it.

    What stands afterwards, also of modules that did not answer, is `standing`.
    """
    begun = clock()
    today = begun.astimezone(UTC).date()
    rows = _modules()
    recent = [today - timedelta(days=ago) for ago in range(DAYS_BACK + 1)]
    known = {(one.row.module_id, one.row.day) for one in standing()}
    db.session().rollback()
    older = {row.id: [] if days else [day for owner, day in known if owner == row.id] for row in rows}
    wanted = {row.id: sorted({*(days or recent), *older[row.id]}) for row in rows}
    told = {row.id: ask(row, modules, wanted[row.id][0] - DAY_LONG, wanted[row.id][-1]) for row in rows}
    orphans = first_journal(key for key, said in told.items() if said.source == JOURNAL)
    found = [
        Found(row.name, matched)
        for row in rows
        for matched in _of_module(row.id, told[row.id], wanted[row.id], begun, orphans=orphans == row.id)
    ]
    db.session().rollback()
    kept = [one for one in found if _worth_a_row(one.row) or (one.row.module_id, one.row.day) in known]
    _store(kept)
    booked = {one.row.module_id for one in kept}
    unasked = [row.id for row in rows if told[row.id].source == SILENT and (row.active or row.id in booked)]
    _keep(actor, begun, {"modules": len(rows), "days": len(days or recent), "unasked": unasked})
    return kept


def unasked(check: BookCheck | None) -> list[int]:
    """The modules that a look could not ask: what was found of them before stands."""
    return [] if check is None else list(json.loads(check.counts).get("unasked", ()))


def accept(name: str, day: date, reason: str, actor: str) -> None:
    """Say why a count that does not match may stay so: the same row once more, with the reason and the name.

    It no longer warns, until a look finds something else.  Raises LookupError where nothing stands.
    """
    _accept([one for one in standing() if (one.name, one.row.day) == (name, day)], reason, actor)


def accept_row(row_id: int, reason: str, actor: str) -> None:
    """The same for the one count that somebody saw.  Raises LookupError where it stands no more as it was."""
    _accept([one for one in standing() if one.row.id == row_id], reason, actor)


def _accept(found: Sequence[Found], reason: str, actor: str) -> None:
    """Write the rows once more with their reason, each with its entry in the log of changes."""
    before = book_checks.last(book_checks.MATCH)
    if not found or before is None:
        raise LookupError("no such difference stands")
    said = {"accepted_by": actor[:64], "reason": reason[:200]}
    columns = [column.name for column in ModuleMatch.__table__.columns if column.name != "id"]
    same = [(one.name, {column: getattr(one.row, column) for column in columns} | said) for one in found]
    begun, counts = before.started_at, json.loads(before.counts)

    def work() -> None:
        with transaction() as session:
            for name, facts in same:
                row = ModuleMatch(**facts)
                session.add(row)
                session.flush()
                told = {"name": name, "day": row.day.isoformat(), "made": row.made, "booked": row.booked}
                note(session, "accept", row.__tablename__, row.id, {}, told | {"difference": row.difference} | said)

    retried(work)
    _keep(actor, begun, counts)


def is_due(instant: datetime | None = None) -> bool:
    """Whether the day before has not been looked at since it was surely over."""
    at = instant or now()
    border = datetime.combine(at.astimezone(UTC).date(), time(), UTC) + SETTLED_AFTER
    row = book_checks.last(book_checks.MATCH)
    return row is None or row.started_at < border <= at


def newest(since: date | None = None) -> list[Found]:
    """The newest row of each module and day, and what stands from before, the latest day first."""
    first = since or (now().astimezone(UTC).date() - timedelta(days=DAYS_SHOWN))
    ids = select(func.max(ModuleMatch.id)).where(ModuleMatch.day >= first)
    standing_ids = [one.row.id for one in standing()]
    return _found(
        or_(ModuleMatch.id.in_(ids.group_by(ModuleMatch.module_id, ModuleMatch.day)), ModuleMatch.id.in_(standing_ids))
    )


def standing() -> list[Found]:
    """Every difference that no later look of the same span has explained and nobody has accepted."""
    # NB: spans of a running total begin where the one before ended; a later one says nothing of it.
    spans = select(func.max(ModuleMatch.id)).group_by(ModuleMatch.module_id, ModuleMatch.day, ModuleMatch.begins_at)
    return _found(and_(ModuleMatch.id.in_(spans), ModuleMatch.difference != 0, ModuleMatch.reason.is_(None)))


def restored_within(begins: datetime, ends: datetime) -> bool:
    """Whether books that came back from a backup lack something of this span."""
    lost = select(RestoreDone.id).where(RestoreDone.backup_of < ends, RestoreDone.restored_at > begins).limit(1)
    return db.session().execute(lost).first() is not None


# --- inside -------------------------------------------------------------------------------


def _modules() -> list[ModuleRow]:
    session = db.session()
    session.rollback()
    rows = list(session.scalars(select(ModuleRow).order_by(ModuleRow.id)))
    for row in rows:
        session.expunge(row)  # they outlive the transactions that come
    return rows


def _found(which: ColumnElement[bool]) -> list[Found]:
    rows = (
        select(ModuleMatch, ModuleRow.name)
        .outerjoin(ModuleRow, ModuleRow.id == ModuleMatch.module_id)
        .where(which)
        .order_by(ModuleMatch.day.desc(), ModuleMatch.module_id, ModuleMatch.id)
    )
    return [Found(name or str(row.module_id), row) for row, name in db.session().execute(rows)]


def _keep(actor: str, begun: datetime, counts: dict[str, Any]) -> None:
    """Write down what stands after a look."""
    wrong = standing()
    findings = [{"module": one.name, "day": one.row.day.isoformat(), "difference": one.row.difference} for one in wrong]
    db.session().rollback()
    book_checks.keep(book_checks.MATCH, actor, begun, len(wrong), findings, counts)


def _of_module(
    module_id: int, told: Told, days: Iterable[date], instant: datetime, *, orphans: bool
) -> list[ModuleMatch]:
    if told.source == TOTAL:
        return [_of_total(module_id, told.total or 0, instant)]
    return [_of_day(module_id, told, day, instant, orphans=orphans) for day in days]


def _of_day(module_id: int, told: Told, day: date, instant: datetime, *, orphans: bool) -> ModuleMatch:
    """One UTC day, or what is over of it."""
    begins = datetime.combine(day, time(), UTC)
    ends = min(begins + timedelta(days=1), max(instant, begins))
    session = db.session()
    made: int | None
    if told.source == JOURNAL:
        made, booked = of_journal(session, module_id, begins, ends, orphans=orphans)
        difference = made - booked.booked - sum(booked.reasons.values())
        return _row(module_id, day, (begins, ends), instant, told.source, made, booked, difference)
    booked = of_span(session, module_id, begins, ends, (instant,))
    made = told.by_day.get(day, 0) if told.source == DAY else None
    unexplained = None if made is None else booked.unexplained(made)
    if made is not None and not unexplained and booked.reasons:
        unexplained = _of_two_days(module_id, begins, ends, told.by_day.get(day - DAY_LONG, 0), made)
    return _row(module_id, day, (begins, ends), instant, told.source, made, booked, unexplained)


def _of_two_days(module_id: int, begins: datetime, ends: datetime, made_before: int, made: int) -> int:
    """What nothing explains of a day and the one before together: what explains one does not explain the other too."""
    session, before = db.session(), begins - DAY_LONG
    if of_span(session, module_id, before, begins).unexplained(made_before):
        return 0  # the day before says so itself
    return of_span(session, module_id, before, ends).unexplained(made_before + made)


def _of_total(module_id: int, total: int, instant: datetime) -> ModuleMatch:
    """What a running total has grown by since it was told before; told for the first time it says nothing yet."""
    session = db.session()
    before = session.scalars(
        select(ModuleMatch)
        .where(ModuleMatch.module_id == module_id, ModuleMatch.total.is_not(None), ModuleMatch.reason.is_(None))
        .order_by(ModuleMatch.id.desc())
        .limit(1)
    ).first()
    begins = instant if before is None else before.ends_at
    made = None if before is None or total < (before.total or 0) else total - (before.total or 0)
    booked = of_span(session, module_id, begins, instant, (begins, instant))
    difference = None if made is None else booked.unexplained(made)
    row = _row(module_id, begins.astimezone(UTC).date(), (begins, instant), instant, TOTAL, made, booked, difference)
    row.total = total
    return row


def _row(
    module_id: int,
    day: date,
    span: tuple[datetime, datetime],
    instant: datetime,
    source: str,
    made: int | None,
    booked: Booked,
    difference: int | None,
) -> ModuleMatch:
    reasons: dict[str, Any] = {} if made is None or made == booked.booked else dict(booked.reasons)
    return ModuleMatch(
        module_id=module_id, day=day, begins_at=span[0], ends_at=span[1], checked_at=instant, source=source,
        made=made, booked=booked.booked, difference=difference, explained=json.dumps(reasons, sort_keys=True),
    )  # fmt: skip


def _worth_a_row(row: ModuleMatch) -> bool:
    """A module that made nothing and is in no book that day has no line."""
    return bool(row.made or row.booked or row.total)


def _says_nothing_new(before: ModuleMatch, row: ModuleMatch) -> bool:
    """The same again; or no count, where there was one when the module could be asked."""
    if row.source in {SILENT, NONE} and before.made is not None:
        return True
    return before.ends_at >= row.ends_at and all(getattr(before, name) == getattr(row, name) for name in SAME)


def _store(found: list[Found]) -> None:
    def work() -> None:
        with transaction() as session:
            for one in found:
                row = one.row
                before = session.scalars(
                    select(ModuleMatch)
                    .where(ModuleMatch.module_id == row.module_id, ModuleMatch.day == row.day)
                    .order_by(ModuleMatch.id.desc())
                    .limit(1)
                ).first()
                if before is not None and _says_nothing_new(before, row):
                    continue
                session.add(row)

    retried(work)
