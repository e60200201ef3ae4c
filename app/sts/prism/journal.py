"""The memory of the module server: one SQLite file, and one write to the disk for all who wait.

Implements `app.sts.journal.Journal`.  A request is first *staged*: its token id and tokens are settled in
memory.  A *batch* of all staged requests is then committed at once, with synchronous=FULL.  An answer may leave
only when `durable` says so; what was staged and never committed was never made.
A journal that cannot be written is given up by the program: on the next start the file tells the truth.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from app.sts import errors, token_id
from app.sts.journal import Answer, same_request, tokens_from_json, tokens_to_json
from app.sts.module import IssuedToken, ModuleError
from app.sts.prism import journal_tables as tables

Tokens = tuple[IssuedToken, ...]
#: Answers are kept for so long; a message id is free again afterwards.
MEMORY = timedelta(days=400)


@dataclass
class Batch:
    """What one commit writes. ``ticket`` is the number of its last request."""

    ticket: int
    answers: list[tuple[str, str, str, int]] = field(default_factory=list)
    last_ids: dict[tuple[str, int], int] = field(default_factory=dict)
    counts: dict[tuple[str, int, int], int] = field(default_factory=dict)
    transactions: int = 0


class FileJournal:
    """A journal in a file; ``grouped``: the caller commits batches and holds answers back until then."""

    def __init__(
        self,
        path: Path | str,
        *,
        grouped: bool = False,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        """Open or make the file. Raises sqlite3.Error, OSError, ValueError for an unknown version."""
        self._writer = tables.opened(path)
        self._reader = tables.opened(path)
        self._grouped, self._clock = grouped, clock
        self._lock, self._writing = threading.RLock(), threading.RLock()
        self._broken = False
        #: Since the opening; how many requests share one tells how busy the disk is.
        self.commits = 0
        self._floor = tables.fact(self._writer, "floor_minute")
        self._ticket = self._durable = 0
        self._staged = Batch(0)
        # Staged or in a batch under way; they leave when the file has them.
        self._answers: dict[str, tuple[int, Answer]] = {}
        self._last: dict[tuple[str, int], tuple[int, int]] = {}
        #: How many requests may still be answered; None without a licence.
        self.transactions_left = tables.transactions_left(self._writer)

    def answer(self, message_id: str) -> Answer | None:
        """See Journal; in a grouped journal it may still be staged, see :meth:`ticket`."""
        with self._lock:
            staged = self._answers.get(message_id)
            return staged[1] if staged else self._known(message_id)

    def issue(
        self,
        message_id: str,
        request_digest: str,
        pan: str,
        base_date: int,
        wanted: Callable[[int | None], int],
        make: Callable[[int], Tokens],
    ) -> Tokens:
        """See Journal."""
        with self._lock:
            known, last = self._look(message_id, pan, base_date)
            if known is not None:
                return same_request(known, request_digest)
            self._require_transaction()
            drawn = wanted(last)
            tokens = make(drawn)
            self._stage(message_id, request_digest, tokens)
            self._last[pan, base_date] = self._ticket, drawn
            self._staged.last_ids[pan, base_date] = drawn
        self._settle()
        return tokens

    def keep(self, message_id: str, request_digest: str, make: Callable[[], Tokens]) -> Tokens:
        """See Journal."""
        with self._lock:
            known = self.answer(message_id)
            if known is not None:
                return same_request(known, request_digest)
            self._require_transaction()
            tokens = make()
            self._stage(message_id, request_digest, tokens)
        self._settle()
        return tokens

    def ticket(self, message_id: str) -> int:
        """The batch number that makes an answer durable; 0 when the file has it already."""
        with self._lock:
            staged = self._answers.get(message_id)
            return staged[0] if staged else 0

    def durable(self, ticket: int) -> bool:
        """Whether what bears this ticket has been committed."""
        return ticket <= self._durable

    @property
    def waiting(self) -> int:
        """How many requests are staged or being written."""
        return len(self._answers)

    def take(self) -> Batch | None:
        """Return all that is staged, for :meth:`write`; None when nothing is."""
        with self._lock:
            if not self._staged.answers:
                return None
            batch, self._staged = self._staged, Batch(0)
            return batch

    def write(self, batch: Batch) -> None:
        """Commit a batch; any thread, one at a time. Raises sqlite3.Error: give the journal up."""
        with self._writing:
            try:
                tables.write(
                    self._writer, batch.answers, batch.last_ids, batch.counts, batch.transactions
                )
            except BaseException:
                self._broken = True
                raise

    def written(self, batch: Batch) -> None:
        """Forget what the file now has."""
        with self._lock:
            self._durable = max(self._durable, batch.ticket)  # a flush may have overtaken it
            self.commits += 1
            for message_id, *_ in batch.answers:
                self._answers.pop(message_id, None)
            for spot in batch.last_ids:
                if spot in self._last and self._last[spot][0] <= batch.ticket:
                    del self._last[spot]

    def flush(self) -> None:
        """Commit what is staged before returning."""
        with self._writing:
            while batch := self.take():
                self.write(batch)
                self.written(batch)

    def counts(self, first_day: str, last_day: str) -> list[tuple[str, int, int, int]]:
        """(UTC day, class, subclass, tokens) between two days YYYY-MM-DD, both inclusive."""
        with self._lock:
            return tables.counts(self._reader, first_day, last_day)

    def tokens_made(self) -> int:
        """All tokens this journal has counted."""
        with self._lock:
            return tables.tokens_made(self._reader)

    def add_licence(self, serial: str, transactions: int) -> bool:
        """Add a licence's transactions once; False when its serial number was added before."""
        self.flush()
        with self._writing, self._lock:
            added = tables.add_licence(self._writer, serial, transactions, self._clock())
            self.transactions_left = tables.transactions_left(self._writer)
            return added

    def reset_ids(self, pattern: str) -> list[str]:
        """Forget the token ids of the PANs that fit a pattern of digits, ``*`` and ``?``: for test modules only."""
        self.flush()
        with self._writing, self._lock:
            return tables.reset_ids(self._writer, pattern)

    def forget_old_answers(self) -> int:
        """Delete up to some thousand answers older than MEMORY; the number of them."""
        with self._writing:
            return tables.forget_answers(self._writer, self._clock() - MEMORY)

    def close(self) -> None:
        """Commit what is staged and close the file; nothing more is written to one that is broken."""
        if not self._broken:
            self.flush()
        self._reader.close()
        self._writer.close()

    def _settle(self) -> None:
        if not self._grouped:
            self.flush()

    def _stage(self, message_id: str, digest: str, tokens: Tokens) -> None:
        now = self._clock()
        staged = self._staged
        self._ticket += 1
        staged.ticket = self._ticket
        staged.answers.append((message_id, digest, tokens_to_json(tokens), int(now.timestamp())))
        self._answers[message_id] = self._ticket, Answer(digest, tokens)
        day = now.astimezone(UTC).date().isoformat()
        for token in tokens:
            spot = day, token.token_class, token.subclass
            staged.counts[spot] = staged.counts.get(spot, 0) + 1
        if self.transactions_left is not None:
            self.transactions_left -= 1
            staged.transactions += 1

    def _require_transaction(self) -> None:
        if self.transactions_left is not None and self.transactions_left <= 0:
            raise ModuleError(
                "EService.Disabled", permanent=True, detail="the transaction licence is used up"
            )

    def _known(self, message_id: str) -> Answer | None:
        row = tables.answer(self._reader, message_id)
        return None if row is None else Answer(row[0], tokens_from_json(row[1]))

    def _look(self, message_id: str, pan: str, base_date: int) -> tuple[Answer | None, int | None]:
        """The answer to a message and the id no new one may be at or below, staged or in the file."""
        digest, tokens, last = tables.answer_and_last_id(self._reader, message_id, pan, base_date)
        answer = None
        if message_id in self._answers:
            answer = self._answers[message_id][1]
        elif digest is not None and tokens is not None:
            answer = Answer(digest, tokens_from_json(tokens))
        return answer, self._above(pan, base_date, last)

    def _above(self, pan: str, base_date: int, last: int | None) -> int | None:
        """The last id drawn, or the floor of a restore, whichever is later."""
        staged = self._last.get((pan, base_date))
        last = staged[1] if staged else last
        if self._floor is None:
            return last
        floor = _floor_id(self._floor, base_date)
        return last if floor is None or (last is not None and last > floor) else floor


def raise_floor(path: Path | str, instant: datetime) -> None:
    """Have every token id drawn from now on, of any meter, be later than an instant (aware).

    For a journal that comes from a backup, while no module serves it. The floor never sinks.
    """
    with tables.opened(path) as connection:
        minute = int(instant.timestamp()) // 60
        tables.set_fact(
            connection, "floor_minute", max(minute, tables.fact(connection, "floor_minute") or 0)
        )
    connection.close()


def _floor_id(unix_minute: int, base_date: int) -> int | None:
    base_date -= token_id.RESERVED_ROW if base_date > token_id.RESERVED_ROW else 0
    instant = datetime.fromtimestamp(unix_minute * 60, UTC)
    try:
        return token_id.clock_minute(instant, base_date)
    except errors.TokenIdOutOfRange:
        return None if instant < token_id.base(base_date) else token_id.MAX_TOKEN_ID
