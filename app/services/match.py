"""Each module's own count beside the books, day by day: made by the module, in our books, what nothing explains.

Days are UTC days, because modules count by them.  A look goes over the last week and today so far; what it found
is a row, and a row that says the same as the newest one is not written again.  The network is asked first, with
no transaction open; then the books are read; then the rows are written.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from sqlalchemy import func, select

from app.db import retried, transaction
from app.extensions import db
from app.models import ModuleMatch, RestoreDone
from app.models import SecurityModule as ModuleRow
from app.models.base import now
from app.services import book_checks
from app.services.match_books import Booked, first_journal, of_journal, of_span
from app.services.module_counts import DAY, JOURNAL, NONE, SILENT, TOTAL, Reachable, Told, ask

DAYS_BACK = 7
DAYS_SHOWN = 30
# A day is looked at when it is surely over, also by a module's clock.
SETTLED_AFTER = timedelta(minutes=10)
SAME = ("source", "made", "booked", "difference", "explained", "total")


@dataclass(frozen=True, slots=True)
class Found:
    """One module's day, as it was found now."""

    name: str
    row: ModuleMatch

    @property
    def differs(self) -> bool:
        """Whether something is left that nothing explains."""
        return bool(self.row.difference)


def look(
    modules: Reachable, actor: str = "", days: Sequence[date] | None = None, clock: Callable[[], datetime] = now
) -> list[Found]:
    """Match `days` (the last week and today, if not said), store what is new, and give all of it."""
    begun = clock()
    today = begun.astimezone(UTC).date()
    wanted = sorted(days) if days else [today - timedelta(days=ago) for ago in range(DAYS_BACK, -1, -1)]
    rows = _modules()
    told = {row.id: ask(row, modules, wanted[0], wanted[-1]) for row in rows}
    orphans = first_journal(key for key, said in told.items() if said.source == JOURNAL)
    found = [
        Found(row.name, matched)
        for row in rows
        for matched in _of_module(row.id, told[row.id], wanted, begun, orphans=orphans == row.id)
    ]
    db.session().rollback()
    kept = [one for one in found if _worth_a_row(one.row)]
    _store(kept)
    wrong = [one for one in kept if one.differs]
    findings = [{"module": one.name, "day": one.row.day.isoformat(), "difference": one.row.difference} for one in wrong]
    counts = {"modules": len(rows), "days": len(wanted)} | {
        name: sum(1 for said in told.values() if said.source == name) for name in (SILENT, NONE)
    }
    book_checks.keep(book_checks.MATCH, actor, begun, len(wrong), findings, counts)
    return kept


def is_due(instant: datetime | None = None) -> bool:
    """Whether the day before has not been looked at since it was surely over."""
    at = instant or now()
    border = datetime.combine(at.astimezone(UTC).date(), time(), UTC) + SETTLED_AFTER
    row = book_checks.last(book_checks.MATCH)
    return row is None or row.started_at < border <= at


def newest(since: date | None = None) -> list[Found]:
    """The newest row of each module and day, the latest day first."""
    session = db.session()
    first = since or (now().astimezone(UTC).date() - timedelta(days=DAYS_SHOWN))
    ids = select(func.max(ModuleMatch.id)).where(ModuleMatch.day >= first)
    found = (
        select(ModuleMatch, ModuleRow.name)
        .outerjoin(ModuleRow, ModuleRow.id == ModuleMatch.module_id)
        .where(ModuleMatch.id.in_(ids.group_by(ModuleMatch.module_id, ModuleMatch.day)))
        .order_by(ModuleMatch.day.desc(), ModuleMatch.module_id)
    )
    return [Found(name or str(row.module_id), row) for row, name in session.execute(found)]


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
    booked = of_span(session, module_id, begins, ends)
    made = told.by_day.get(day, 0) if told.source == DAY else None
    unexplained = None if made is None else booked.unexplained(made)
    return _row(module_id, day, (begins, ends), instant, told.source, made, booked, unexplained)


def _of_total(module_id: int, total: int, instant: datetime) -> ModuleMatch:
    """What a running total has grown by since it was told before; told for the first time it says nothing yet."""
    session = db.session()
    before = session.scalars(
        select(ModuleMatch)
        .where(ModuleMatch.module_id == module_id, ModuleMatch.total.is_not(None))
        .order_by(ModuleMatch.id.desc())
        .limit(1)
    ).first()
    begins = instant if before is None else before.ends_at
    made = None if before is None or total < (before.total or 0) else total - (before.total or 0)
    booked = of_span(session, module_id, begins, instant)
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
