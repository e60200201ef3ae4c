"""How a journal is opened, copied and lifted: what its log has is judged, and taken into the tables.

A log that is not the one that the tables know of is refused (journal_log.judge).  An end that is torn is most often the
write that a crash interrupted, which nobody was told of; but it may be an answer that was given and then damaged.
Nobody can tell, so no token id is drawn again that it may have had.
"""

from __future__ import annotations

import json
import logging
import secrets
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

from app.sts import errors, token_id
from app.sts.prism import journal_files
from app.sts.prism import journal_log as logs
from app.sts.prism import journal_tables as tables
from app.sts.prism.journal_tables import Batch

log = logging.getLogger(__name__)
#: Where answers may have been lost, token ids go on so much later than the clock, and than the last id of a meter that
#: is ahead of it.
MARGIN = timedelta(minutes=15)
ACCEPT_LOSS = "--accept-loss"
_ADVICE = (
    "put the right files back, or restore the last backup (docs/module_server.md); what is lost stays lost with"
    f" {ACCEPT_LOSS}"
)


def begin(
    path: Path | str, log_files: journal_files.Log, instant: datetime, *, accept_loss: bool = False
) -> tuple[sqlite3.Connection, int]:
    """Open the tables, take what the log has, and begin a generation of it; also the last entry of the tables.

    ``accept_loss``: take what is left of a damaged log. Raises sqlite3.Error, OSError, and ValueError for an unknown
    version or a log that is damaged.
    """
    connection = tables.opened(path)
    try:
        expected = _expected(connection)
        files = logs.read(path)
        lost = _lost(path, files, expected, accept_loss=accept_loss)
        applied = absorb(connection, [file for file in files if file.may_be_of(expected.journal)])
        if lost:
            log.warning("%s: %s; token ids go on %s later than the clock", path, lost, MARGIN)
            _raise(connection, instant + MARGIN)
        # NB: in this order. Until the files have begun anew nothing of theirs is wanted any more; and they are not
        # expected before they are there.
        tables.set_fact(connection, "log_since", applied)
        log_files.begin(applied, expected.journal, expected.generation + 1)
        tables.set_fact(connection, "log_generation", expected.generation + 1)
    except BaseException:
        connection.close()
        raise
    return connection, applied


def absorb(connection: sqlite3.Connection, files: Sequence[logs.FileRead]) -> int:
    """Put into the tables what they lack of a log; the last entry they have then. Raises sqlite3.Error."""
    after = tables.fact(connection, "applied") or 0
    batch = Batch(after)
    for number, payload in logs.following(files, after):
        batch.add(_batch(number, payload))
        batch.last = number
    if batch.rows:
        tables.write(connection, batch, after)
    return batch.last


def copy(path: Path | str, target: Path | str) -> None:
    """Write a copy of a journal, its log taken into the tables, while a module may be working with it.

    Everything that was answered when the copy was begun is in it; nothing is beside it. Raises sqlite3.Error, OSError,
    and ValueError when no module works with it and its log is damaged.
    """
    rests = not journal_files.in_use(path)
    # NB: the log first. What leaves it meanwhile, because the tables took it, is in the tables' copy.
    files = logs.read(path)
    with closing(sqlite3.connect(path)) as source, closing(sqlite3.connect(target)) as made:
        source.backup(made, pages=-1)
    with closing(tables.opened(target)) as connection:
        # A module that works judged its log when it started, and writes it while it is read here.
        if rests and not journal_files.in_use(path):
            lost = _lost(path, files, _expected(connection), accept_loss=False)
            if lost:
                log.warning("%s: %s", path, lost)
        absorb(connection, files)
        tables.forget_log(connection)
        connection.execute("PRAGMA journal_mode = DELETE")  # one file, with nothing beside it


def raise_floor(path: Path | str, instant: datetime) -> None:
    """Have every token id drawn from now on, of any meter, be later than an instant (aware).

    For a journal that comes from a backup, while no module serves it. The floor never sinks.
    """
    with closing(tables.opened(path)) as connection:
        _raise(connection, instant)


def floor_id(unix_minute: int, base_date: int) -> int | None:
    """The token id that a floor is under a base date, or in its row of reserved minutes; None before that date."""
    base_date -= token_id.RESERVED_ROW if base_date > token_id.RESERVED_ROW else 0
    instant = datetime.fromtimestamp(unix_minute * 60, UTC)
    try:
        return token_id.clock_minute(instant, base_date)
    except errors.TokenIdOutOfRange:
        return None if instant < token_id.base(base_date) else token_id.MAX_TOKEN_ID


def day_of(at: int) -> str:
    """The UTC day of a time in Unix seconds."""
    return datetime.fromtimestamp(at, UTC).date().isoformat()


def _raise(connection: sqlite3.Connection, instant: datetime) -> None:
    """Raise the floor, and by MARGIN the last ids of meters that are ahead of where it is raised from."""
    minute = int(instant.timestamp()) // 60
    tables.set_fact(connection, "floor_minute", max(minute, tables.fact(connection, "floor_minute") or 0))
    ahead = MARGIN // timedelta(minutes=1)
    for base_date in token_id.BASE_DATES:
        first = floor_id(minute - ahead, base_date)
        if first is not None:
            tables.step_ahead(connection, base_date, first, ahead)


def _expected(connection: sqlite3.Connection) -> logs.Expected:
    """What the tables note of their log; a journal that has no id gets one."""
    journal, applied = tables.fact(connection, "journal"), tables.fact(connection, "applied") or 0
    if journal is None:
        journal = secrets.randbits(62)
        tables.set_fact(connection, "journal", journal)
    generation, since = tables.fact(connection, "log_generation"), tables.fact(connection, "log_since")
    return logs.Expected(journal, generation or 0, applied, applied if since is None else since)


def _lost(
    path: Path | str, files: Sequence[logs.FileRead], expected: logs.Expected, *, accept_loss: bool
) -> str:
    """What may be lost at the end of the log, in words. Raises ValueError when more is."""
    try:
        torn = logs.judge(path, files, expected)
    except logs.Damaged as damage:
        if accept_loss:
            return str(damage)
        raise logs.Damaged(f"{damage}: {_ADVICE}") from None
    return "the last entry of the journal's log is torn, perhaps by a crash" if torn else ""


def _batch(number: int, payload: bytes) -> Batch:
    """What an entry of the log says."""
    batch = Batch(number)
    for row in json.loads(b"[%b]" % payload):
        message_id, _, tokens, at, pan, base_date, drawn, transactions = row
        batch.rows[message_id] = json.dumps(row)
        if pan is not None:
            batch.last_ids[pan, base_date] = drawn
        for token in tokens:
            batch.counts[day_of(at), token["token_class"], token["subclass"]] += 1
        batch.transactions += transactions
    return batch
