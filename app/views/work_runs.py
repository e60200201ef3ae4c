"""What the worker does for each kind of long work, and how its end is written down.

The worker has no request: whose work it is comes from the task, and is looked up anew, so that
somebody who was switched off or lost a permission meanwhile does nothing more.
"""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from flask import Flask, current_app
from flask_babel import force_locale
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from app.access import permissions as p
from app.access.current import scope_of
from app.access.permissions import Permission
from app.access.scope import Scope
from app.db import retried
from app.domain.errors import LicenceFull
from app.domain.licence import LicenceEnded, LicenceUnproven
from app.domain.states import ImportState, TaskState
from app.extensions import db
from app.models import AppUser, ImportBatch
from app.services import audit_chain, book_checks, bulk, exports, ledger_check, tasks
from app.services.imports import applying, batches
from app.services.imports.checking import Checker
from app.services.imports.entity import Book
from app.services.imports.layout import Unreadable
from app.services.imports.reading import read_file, require_agreement, stored_rows
from app.services.task_files import Folder, forget_rows
from app.services.tasks import Cancelled, ClaimLost, Work, WorkFailed
from app.views import filtered, import_words

log = logging.getLogger("app.work")
_ONE_AT_A_TIME = threading.Lock()
# What an import needs beside its own permission, since a file may hold rows that are there already; and what a change of many rows needs.
WRITES: dict[str, tuple[Permission, ...]] = {
    "consumers": (p.ADD_CONSUMERS, p.CHANGE_CONSUMERS), "meters": (p.ADD_METERS, p.CHANGE_METERS),
}  # fmt: skip
CHANGES: dict[str, Permission] = {"consumers": p.CHANGE_CONSUMERS, "meters": p.CHANGE_METERS}
REFUSED_SHOWN = 200


def folder() -> Folder:
    """Where files of long work lie."""
    return Folder(Path(current_app.config["FILES_DIR"]))


def run_next(app: Flask) -> bool:
    """Do one piece of long work, if there is any and no other is being done here."""
    if not _ONE_AT_A_TIME.acquire(blocking=False):
        return True
    try:
        with app.app_context():
            work = tasks.claim(tuple(RUNNERS))
            if work is not None:
                _run(work)
            return True
    finally:
        _ONE_AT_A_TIME.release()


def _run(work: Work) -> None:
    """One task to its end, whatever that is."""
    session = db.session()
    try:
        with force_locale(work.owner.language):
            RUNNERS[work.kind](work)
    except ClaimLost:
        session.rollback()
        log.info("task %s (%s) is another worker's now", work.id, work.kind)
    except Cancelled:
        session.rollback()
        tasks.end(work, TaskState.CANCELLED)
    except WorkFailed as failure:
        session.rollback()
        tasks.end(work, TaskState.FAILED, failure)
    except Exception:
        session.rollback()
        log.exception("task %s (%s) failed", work.id, work.kind)
        tasks.end(work, TaskState.FAILED, WorkFailed("crashed"))
    else:
        tasks.end(work, TaskState.DONE)
    finally:
        session.info.pop("actor", None)


def may(user: AppUser, *needed: Permission) -> bool:
    """Whether somebody who is not at this computer has these permissions now: those of their group, as on every page.

    NB: not FAB's roles of the person, which nothing here keeps.
    """
    held = current_app.appbuilder.sm.get_user_permissions(user)  # type: ignore[attr-defined]
    return bool(user.active) and {tuple(one) for one in needed} <= held


def scope_now(work: Work, *needed: Permission) -> Scope:
    """What the owner may see now.  Raises WorkFailed when they may not do this any more."""
    user = db.session.get(AppUser, work.owner.user_id)
    if user is None or not may(user, *needed):
        raise WorkFailed("not_allowed")
    scope = scope_of(user)
    db.session.rollback()
    return scope


def _batch(work: Work) -> ImportBatch:
    row = db.session.get(ImportBatch, int(work.parameters["batch"]), populate_existing=True)
    if row is None or row.state is ImportState.DROPPED:
        raise Cancelled
    return row


# --- imports ------------------------------------------------------------------------------


def _read(work: Work) -> None:
    """Open the file in its own process and look which column is which."""
    row = _batch(work)
    scope_now(work, p.IMPORT_ROWS, *WRITES[row.entity])
    row = _batch(work)
    kind, stored, name = row.entity, row.stored, row.file_name
    files = folder()
    if stored is None or not files.place(stored).exists():
        raise WorkFailed("file_gone")
    db.session.rollback()
    try:
        require_agreement(files.place(stored), name)
        layout = read_file(
            files.place(stored), files.place(f"{stored}.rows"), import_words.known_headings(kind),
            current_app.config["IMPORT_ROWS_MAX"], work.parameters.get("wishes"), lambda: work.tell(0),
        )  # fmt: skip
    except Unreadable as fault:
        raise WorkFailed(fault.code, **fault.params) from None
    batches.settle(
        work, ImportState.READ, layout=json.dumps(layout.plain()), counts=json.dumps({"rows": layout.rows}),
        mapping=json.dumps(import_words.suggest(kind, layout.headings)),
    )  # fmt: skip


def _check(work: Work) -> None:
    """Every row against every rule, into staging; begun anew whatever an earlier try has left."""
    batch_id = int(work.parameters["batch"])
    scope = scope_now(work, p.IMPORT_ROWS, *WRITES[_batch(work).entity])
    row = _batch(work)
    entity, stored, update = batches.entity_of(row), row.stored, row.known == "update"
    mapping, consumer_id = json.loads(row.mapping), row.consumer_id
    rows = batches.layout_of(row).rows
    db.session.rollback()
    files = folder()
    if stored is None or not files.place(f"{stored}.rows").exists():
        raise WorkFailed("file_gone")
    forget_rows(select(ImportBatch.id).where(ImportBatch.id == batch_id))
    work.tell(0, rows, at_once=True)
    book = Book(
        db.session(), scope, import_words.vocabulary(), mark=str(work.parameters.get("mark") or "."), consumer_id=consumer_id
    )
    checker = Checker(entity, book, mapping, batch_id, update=update)
    checker.run(stored_rows(files.place(f"{stored}.rows")), lambda done: work.tell(done, rows))
    work.result = dict(checker.counts)
    counts = {"rows": rows, **checker.counts}
    batches.settle(work, ImportState.CHECKED, counts=json.dumps(counts))


def _import(work: Work) -> None:
    """The checked rows into the records, then what follows from them."""
    batch_id = int(work.parameters["batch"])
    row = _batch(work)
    entity, total = batches.entity_of(row), sum(json.loads(row.counts).get(name, 0) for name in ("new", "change"))
    if row.applied_at is None:
        scope = scope_now(work, p.IMPORT_ROWS, *WRITES[row.entity])
        work.tell(0, total, at_once=True)
        try:
            retried(lambda: applying.apply(batch_id, entity, scope, work.hold))
        except LicenceFull:
            raise WorkFailed("licence_full") from None
        except LicenceEnded:
            raise WorkFailed("licence_expired") from None
        except LicenceUnproven:
            raise WorkFailed("licence_unproven") from None
        except IntegrityError:
            raise WorkFailed("moved", rows=1) from None

    def tell(done: int) -> None:
        try:
            work.tell(done, total)
        except ClaimLost:
            raise
        except Cancelled:  # the rows are in: what follows from them is made in any case
            log.info("import %s is in already and is finished", batch_id)

    applying.finish(batch_id, entity, tell)
    row = db.session.get_one(ImportBatch, batch_id, populate_existing=True)
    work.result = json.loads(row.counts)
    db.session.rollback()


# --- exports and changes of many ----------------------------------------------------------


def inside(work: Work, scope: Scope, act: Callable[[], None]) -> None:
    """Do it as in a request of the owner's, with the filters of the list page."""
    app: Flask = current_app._get_current_object()  # type: ignore[attr-defined]  # noqa: SLF001
    with app.test_request_context(f"/?{work.parameters.get('query', '')}"):
        filtered.stand_in(scope)
        with force_locale(work.owner.language):
            act()


def _export(work: Work) -> None:
    """Filtered rows into an Excel workbook."""
    kind = str(work.parameters["kind"])
    reading = p.READ_CONSUMERS if kind == "consumers" else p.READ_METERS
    scope = scope_now(work, p.EXPORT_ROWS, reading)
    files = folder()
    stored, name = files.new_name(".xlsx"), str(work.parameters["file_name"])

    def write() -> None:
        from app.views.exports import lines

        headings, rows = lines(kind, filtered.chosen(kind))
        with files.writing(stored):
            pass
        done = exports.write_workbook(
            files.place(stored), str(import_words.KINDS[kind]), headings, rows, files.path, work.tell
        )
        work.result, work.file_name, work.stored = {"rows": done}, name, stored

    try:
        inside(work, scope, write)
    except BaseException:
        files.drop(stored)
        raise


def _marked(work: Work) -> None:
    """The file of an import with what is wrong, as a workbook."""
    from app.views.import_files import marked_lines

    scope = scope_now(work, p.IMPORT_ROWS)
    files = folder()
    stored = files.new_name(".xlsx")
    row = batches.batch(db.session(), int(work.parameters["batch"]), scope)
    sheet = batches.layout_of(row).sheet
    headings, rows = marked_lines(row, only_bad=bool(work.parameters["only_bad"]))
    with files.writing(stored):
        pass
    try:
        done = exports.write_workbook(files.place(stored), sheet, headings, rows, files.path, work.tell)
    except BaseException:
        files.drop(stored)
        raise
    work.result, work.file_name, work.stored = {"rows": done}, str(work.parameters["file_name"]), stored


def _bulk(work: Work) -> None:
    """One change to all rows that were chosen."""
    facts = work.parameters
    change = bulk.Change(str(facts["kind"]), str(facts["act"]), facts["value"], str(facts.get("reason", "")))
    scope = scope_now(work, p.CHANGE_MANY, CHANGES[change.kind])
    ids = [int(key) for key in facts["ids"]]  # as they were shown; those that are others' by now are left out
    work.tell(0, len(ids), at_once=True)
    outcome = bulk.change_many(change, ids, scope, (work.owner.user_id, work.owner.name), work.tell)
    work.result = {"changed": outcome.changed, "same": outcome.same, "refused": len(outcome.refused),
                   "some": outcome.refused[:REFUSED_SHOWN]}  # fmt: skip
    if outcome.refused:
        _refusals(work, change.kind, outcome)


def _refusals(work: Work, kind: str, outcome: bulk.Outcome) -> None:
    """The refused rows as a file."""
    files, key = folder(), batches.ENTITIES[kind].key
    stored = files.new_name(".csv")
    headings = [import_words.heading(kind, key), str(import_words.ERRORS_HEADING)]
    rows = [[name, import_words.fault_words(kind, ("", code, params))] for name, code, params in outcome.refused]
    with files.writing(stored) as file:
        for part in exports.as_csv(headings, rows):
            file.write(part)
    work.file_name, work.stored = "refused.csv", stored


def _ledger_check(work: Work) -> None:
    """Recount the books; what was found stands on the page of checks."""
    scope_now(work, p.READ_CHECKS)
    total = ledger_check.PASSES * book_checks.ledger_counts()["sales"]
    work.tell(0, total, at_once=True)
    book_checks.ledger(work.owner.name, lambda done: work.tell(min(done, total), total))


def _audit_verify(work: Work) -> None:
    """Follow the chain of the log of changes."""
    scope_now(work, p.READ_CHECKS)
    with suppress(audit_chain.NoKey, audit_chain.ChainBroken):  # that too is written down
        book_checks.audit(work.owner.name, Path(current_app.config["AUDIT_KEY_FILE"]), work.tell)


def _report(work: Work) -> None:
    """A report that is too large to wait for, as a file."""
    from app.views import report_runs

    report_runs.run(work)


def clean(app: Flask) -> bool:
    """Remove files that nobody fetched for long, old mail and old attempts to sign in."""
    from app.services import failed_sign_ins, mail_queue, outbox, task_files

    with app.app_context():
        days = app.config["FILES_KEEP_DAYS"]
        task_files.clean(folder(), days)
        outbox.clean(app.config["OUTBOX_DIR"], days)
        mail_queue.clean(days)
        failed_sign_ins.clean()
    return True


RUNNERS: dict[str, Callable[[Work], None]] = {
    "import_read": _read, "import_check": _check, "import_run": _import, "export": _export,
    "marked": _marked, "bulk": _bulk, "ledger_check": _ledger_check, "audit_verify": _audit_verify,
    "report": _report,
}  # fmt: skip
