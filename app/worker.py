"""The worker: one process beside the web server for what nobody waits for at a counter.

It resolves waiting sales, probes the modules, seals the audit log, says that it lives, and does
the long work that pages ask for (imports, large exports, changes of many rows), and sends mail.  Run by
`run.py` or as `python -m app.worker`; SIGINT lets it finish what it does.  Never started from a
web process.
"""

from __future__ import annotations

import logging
import os
import sys
import threading
import time
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from flask import Flask
from huey import Huey, RedisHuey, SqliteHuey
from huey.consumer import Consumer, Scheduler
from huey.serializer import SignedSerializer
from sqlalchemy import select

from app import logs
from app.access.scope import Scope
from app.db import learn_sizes
from app.domain.calendar import business_date
from app.domain.engineering import ActStatus
from app.domain.states import SaleStatus
from app.extensions import db
from app.models import Sale, SecurityModule, Settings
from app.models.base import now
from app.services import audit_chain, book_checks, day_sums, health, inactive, match, month_sums
from app.services.engineering_tokens import resolve_act, waiting_acts
from app.services.resolve import Patience, resolve
from app.views import letters, report_mail, work_runs

NAME = "vending"
LATER_MAX_S = 60.0  # what fails, or finds nothing it could do, is tried again at least so often
LOST_AFTER_S = 30.0  # a task that was queued and has not begun is queued again after this long
AT_THE_COUNTER = timedelta(seconds=10)  # younger sales are still being made
RESOLVE_EVERY_S, SEAL_EVERY_S, PROBE_EVERY_S, LIFE_EVERY_S = 3.0, 5.0, 15.0, 20.0
# Long work waits in a table, so that nothing is lost with a queue; this looks for it.
WORK_EVERY_S, MAIL_EVERY_S, CLEAN_EVERY_S = 1.0, 2.0, 3600.0
REPORTS_EVERY_S = 20.0  # a report by e-mail is due at a full hour
# Whether a daily look is due; not while the program starts, when everybody wants the processor.
CHECK_EVERY_S, CHECK_FIRST_S = 60.0, 15.0
SIZES_EVERY_S, SIZES_FIRST_S = 24 * 3600.0, 30.0
log = logging.getLogger("app.worker")


def make_queue(settings: Mapping[str, Any]) -> Huey:
    """The queue of this installation: a SQLite file of its own, or Redis.

    What is queued is signed with the secret key: a task is code that runs.
    """
    kept: dict[str, Any] = {
        "results": False,
        "serializer": SignedSerializer(secret=settings["SECRET_KEY"], salt="queue"),
    }
    if settings["REDIS_URL"]:
        return RedisHuey(NAME, url=settings["REDIS_URL"], **kept)
    return SqliteHuey(NAME, filename=str(settings["QUEUE_FILE"]), **kept)


class Chore:
    """Something done again and again; a failure is logged and makes the next try come later.

    `work` gives False when there was something to do that could not be done now.
    """

    def __init__(
        self,
        name: str,
        every_s: float,
        work: Callable[[], bool],
        clock: Callable[[], float] = time.monotonic,
        first_s: float = 0.0,
    ) -> None:
        self.name = name
        self._every_s, self._work, self._clock = every_s, work, clock
        self._pause_s = every_s
        self._next = clock() + first_s if first_s else 0.0
        self._queued_at: float | None = None
        self._running = False
        self._lock = threading.Lock()

    def due(self, _timestamp: datetime | None = None) -> bool:
        """Whether it is time; asked by the scheduler, which queues the chore when it is."""
        with self._lock:
            at = self._clock()
            waiting = self._queued_at is not None and at - self._queued_at < LOST_AFTER_S
            if self._running or waiting or at < self._next:
                return False
            self._queued_at = at
            return True

    def hurry(self) -> None:
        """Make it due at once."""
        with self._lock:
            self._next, self._pause_s = 0.0, self._every_s

    def take(self) -> None:
        """Do it because the queue says so, but not twice: a queue may bring a task late that was held for lost."""
        with self._lock:
            if self._queued_at is None or self._running:
                return
        self.run()

    def run(self) -> None:
        """Do it.  Raises what went wrong, for the queue to log with where it happened."""
        done, self._running = False, True
        try:
            done = self._work()
        finally:
            with self._lock:
                self._running = False
                self._pause_s = self._every_s if done else min(self._pause_s * 2, LATER_MAX_S)
                self._next = self._clock() + self._pause_s
                self._queued_at = None


def chores_of(app: Flask) -> list[Chore]:
    """Everything the worker does by itself."""

    def inside(work: Callable[[], bool]) -> Callable[[], bool]:
        def run() -> bool:
            with app.app_context():
                return work()

        return run

    patience = Patience(
        timedelta(seconds=app.config["MODULE_WAIT_S"]), timedelta(hours=app.config["MODULE_MEMORY_H"])
    )
    resolving = Chore("resolve", RESOLVE_EVERY_S, inside(lambda: _resolve(app, patience)))

    def probe() -> bool:
        recovered = health.probe_all(lambda row: _connect_test(app, row))
        if recovered:
            resolving.hurry()
        return True

    return [
        resolving,
        Chore("seal", SEAL_EVERY_S, inside(lambda: _seal(app))),
        Chore("probe", PROBE_EVERY_S, inside(probe)),
        Chore("life", LIFE_EVERY_S, inside(_live)),
        Chore("work", WORK_EVERY_S, lambda: work_runs.run_next(app)),
        Chore("mail", MAIL_EVERY_S, lambda: letters.post(app)),
        Chore("reports", REPORTS_EVERY_S, lambda: report_mail.post(app)),
        Chore("clean", CLEAN_EVERY_S, lambda: work_runs.clean(app)),
        Chore("ledger", CHECK_EVERY_S, inside(_recount), first_s=CHECK_FIRST_S),
        Chore("verify", CHECK_EVERY_S, inside(lambda: _verify(app)), first_s=CHECK_FIRST_S),
        Chore("match", CHECK_EVERY_S, inside(lambda: _match(app)), first_s=CHECK_FIRST_S),
        Chore("sums", CLEAN_EVERY_S, inside(_close_sums)),
        Chore("sizes", SIZES_EVERY_S, inside(_learn_sizes), first_s=SIZES_FIRST_S),
        Chore("inactive", CLEAN_EVERY_S, inside(_count_inactive), first_s=CHECK_FIRST_S),
    ]


def _live() -> bool:
    health.sign_of_life()
    return True


def _learn_sizes() -> bool:
    learn_sizes()
    return True


def _close_sums() -> bool:
    """Add up the days, tens of days, months and quarters that are over, for reports over many points and years."""
    today = business_date(now(), db.session().get_one(Settings, 1).time_zone)
    day_sums.close_days(today)
    month_sums.close_tens(today)
    month_sums.close_quarters(today)
    for month in month_sums.close_months(today):
        log.info("the sums of %s are added up", month)
    return True


def _count_inactive() -> bool:
    """Who bought nothing lately, for the home page."""
    zone = db.session().get_one(Settings, 1).time_zone
    for day in inactive.keep_counts(business_date(now(), zone)):
        log.info("inactive consumers of the thirty days until %s are counted", day)
    return True


def _seal(app: Flask) -> bool:
    audit_chain.seal(audit_chain.read_seal(Path(app.config["AUDIT_KEY_FILE"])))
    return True


def _recount() -> bool:
    """The books, once a day."""
    if book_checks.is_due(book_checks.LEDGER):
        wrong = len(book_checks.ledger(""))
        if wrong:
            log.error("the books do not agree with the sales in %s places: flask ledger check", wrong)
    return True


def _verify(app: Flask) -> bool:
    """The log of changes, once a day."""
    if book_checks.is_due(book_checks.AUDIT):
        try:
            seen = book_checks.audit("", Path(app.config["AUDIT_KEY_FILE"]))
        except (audit_chain.NoKey, audit_chain.ChainBroken) as error:
            log.error("the log of changes cannot be followed: %s", error)  # noqa: TRY400  (its own words say it)
            return True
        if seen.finding is not None or not seen.head_known:
            log.error("the log of changes is not whole: flask audit verify")
    return True


def _match(app: Flask) -> bool:
    """Each module's count beside the books, once the day is over."""
    if match.is_due():
        match.look(app.extensions["modules"])
        wrong = len(match.standing())
        if wrong:
            log.error("%s counts of modules do not match the books: flask module match", wrong)
    return True


def _resolve(app: Flask, patience: Patience) -> bool:
    """Ask what became of every waiting sale and engineering act; False when some go on waiting.

    One that cannot be asked does not stop the others: it is logged, and asked again.
    """
    waiting = (
        select(Sale.id)
        .where(Sale.status == SaleStatus.RESERVED, Sale.reserved_at < now() - AT_THE_COUNTER)
        .order_by(Sale.reserved_at)
    )
    ids = db.session().execute(waiting, execution_options={"unscoped": True}).scalars().all()
    modules = app.extensions["modules"]
    left = sum(_waits("sale", key, lambda key=key: resolve(key, Scope.everything(), modules, patience)) for key in ids)
    acts = waiting_acts(now() - AT_THE_COUNTER)
    left += sum(_waits("engineering record", key, lambda key=key: resolve_act(key, modules, patience)) for key in acts)
    return not left


def _waits(what: str, key: int, ask: Callable[[], SaleStatus | ActStatus]) -> bool:
    """Ask what became of one; whether it goes on waiting."""
    try:
        status = ask()
    except Exception:
        log.exception("%s %s could not be resolved", what, key)
        db.session().rollback()
        return True
    if status.value == SaleStatus.RESERVED.value:
        return True
    log.info("%s %s is %s now", what, key, status.value)
    return False


def _connect_test(app: Flask, row: SecurityModule) -> health.Trial:
    from app.sts.module import ModuleError
    from app.sts.prism.trial import Step, Trial, connect_test

    try:
        place = app.extensions["modules"].place_of(row)
    except ModuleError as error:  # its password cannot be opened: as good as down, and told so
        return Trial((Step("credentials", ok=False, ms=0, code=error.code, detail=error.detail),))
    return connect_test(place)


class Terse(logging.Filter):
    """A queue that does not answer is one line a minute, not a page for each try."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._clock, self._next = clock, 0.0

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether to let a record through."""
        from redis.exceptions import ConnectionError as NoAnswer

        error = record.exc_info[1] if record.exc_info else None
        if not (record.name.startswith("huey") and isinstance(error, NoAnswer)):
            return True
        if self._clock() < self._next:
            return False
        self._next = self._clock() + LATER_MAX_S
        record.msg, record.args, record.exc_info = "the queue in Redis does not answer: %s", (error,), None
        return True


class _EverySecond(Scheduler):
    """Looks for due chores each second; huey's own looks once a minute."""

    periodic_task_seconds = 1


class _Consumer(Consumer):
    scheduler_class = _EverySecond


def make_consumer(app: Flask, queue: Huey) -> Consumer:
    """The consumer of `queue`, with the chores of `app` among its tasks."""
    for chore in chores_of(app):
        queue.periodic_task(chore.due, name=chore.name)(chore.take)
    # Four threads: neither a probe that waits for a silent module, nor long work, nor a recount keeps the log unsealed.
    return _Consumer(queue, workers=4, periodic=True, initial_delay=0.1, max_delay=1.0)


def main() -> int:
    """Run until a signal: SIGINT finishes what is being done, SIGTERM drops it."""
    from run import app

    os.umask(0o077)  # the queue holds code that will run
    log.setLevel(logging.INFO)
    logs.install(app.config["LOG_FORMAT"]).addFilter(Terse())
    make_consumer(app, make_queue(app.config)).run()
    return 0


if __name__ == "__main__":
    # By its own name: what is queued says in which module it lives.
    from app.worker import main as work

    sys.exit(work())
