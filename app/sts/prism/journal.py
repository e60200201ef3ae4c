"""The memory of the module server: a log that is fast to make durable, and tables that are fast to search.

Implements `app.sts.journal.Journal`.  A request is first *staged*: its token id and tokens are settled in memory.
`commit` then makes all that is staged durable with one write to the log (journal_log), and an answer may leave.  What
was staged and never committed was never made.  From time to time `settle` puts what the log has into the tables
(journal_tables); until then it is looked up in memory.

A journal that cannot be written is given up by the program: on the next start the files tell the truth.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

from app.sts.journal import Answer, Drawing, same_request, tokens_from_json, tokens_to_json
from app.sts.module import IssuedToken, ModuleError
from app.sts.prism import journal_start as start
from app.sts.prism import journal_tables as tables
from app.sts.prism.journal_files import Log
from app.sts.prism.journal_forget import forget_answers
from app.sts.prism.journal_tables import Batch

Tokens = tuple[IssuedToken, ...]
#: Answers are kept for so long; a message id is free again afterwards.
MEMORY = timedelta(days=400)
# A journal that is not grouped has nobody who settles it from time to time.
_UNSETTLED = 1000


class FileJournal:
    """A journal in a folder; ``grouped``: the caller commits, and holds answers back until then."""

    def __init__(
        self,
        path: Path | str,
        *,
        grouped: bool = False,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        accept_loss: bool = False,
    ) -> None:
        """Open or make the files. ``accept_loss``: go on with what a damaged log has left.

        Raises sqlite3.Error, OSError (also when another program has it open), and ValueError for an unknown version or
        a damaged log.
        """
        self._log = Log(path)
        try:
            self._writer, self._applied = start.begin(path, self._log, clock(), accept_loss=accept_loss)
        except BaseException:
            self._log.close()
            raise
        self._reader = tables.opened(path)
        self._grouped, self._clock = grouped, clock
        # NB: taken in this order; the last is held for moments only.
        self._committing, self._settling = threading.Lock(), threading.Lock()
        self._lock = threading.RLock()
        self._broken = False
        #: Since the opening; how many requests share one tells how busy the disk is.
        self.commits = 0
        self._floor = tables.fact(self._writer, "floor_minute")
        self._staged, self._logged = Batch(), Batch()  # not in the log; in the log and not in the tables
        self._answers: dict[str, Answer] = {}  # of both, as the last ids are
        self._last: dict[tuple[str, int], int] = {}
        self._made = tables.tokens_made(self._writer)
        self._day: tuple[int, str] = (-1, "")
        #: How many requests may still be answered; None without a licence.
        self.transactions_left = tables.transactions_left(self._writer)

    def answer(self, message_id: str) -> Answer | None:
        """See Journal; in a grouped journal it may still be staged."""
        with self._lock:
            self._require_whole()
            return self._answers.get(message_id) or self._known(message_id)

    def issue(self, asked: Drawing) -> Tokens:
        """See Journal."""
        spot = asked.pan, asked.row
        with self._lock:
            known, last = self._look(asked.message_id, spot)
            if known is None:
                self._require_transaction()
                drawn = asked.wanted(last)
                tokens = asked.make(drawn)
                self._stage(asked.message_id, asked.request_digest, tokens, f'"{asked.pan}",{asked.row},{drawn}')
                self._last[spot] = self._staged.last_ids[spot] = drawn
            else:
                tokens = same_request(known, asked.request_digest)
        self._done()
        return tokens

    def keep(self, message_id: str, request_digest: str, make: Callable[[], Tokens]) -> Tokens:
        """See Journal."""
        with self._lock:
            known = self.answer(message_id)
            if known is None:
                self._require_transaction()
                tokens = make()
                self._stage(message_id, request_digest, tokens, "null,null,null")
            else:
                tokens = same_request(known, request_digest)
        self._done()
        return tokens

    def is_staged(self, message_id: str) -> bool:
        """Whether an answer must still be held back."""
        return message_id in self._staged.rows

    @property
    def staged(self) -> int:
        """How many requests wait for :meth:`commit`."""
        return len(self._staged.rows)

    @property
    def unsettled(self) -> int:
        """How many requests wait for :meth:`settle`."""
        return len(self._logged.rows)

    def commit(self) -> None:
        """Make all that is staged durable. Raises OSError, sqlite3.Error: give the journal up."""
        with self._committing:
            staged = self._staged
            if not staged.rows:
                return
            with self._lock:
                self._staged = Batch()
            payload = ",".join(staged.rows.values()).encode()
            if not self._log.has_room(payload):
                self.settle()
            try:
                staged.last = self._log.append(payload)
            except BaseException:
                self._broken = True
                raise
            with self._lock:
                self._logged.add(staged)
                self._logged.last = staged.last
                self.commits += 1

    def settle(self) -> None:
        """Put what the log has into the tables; any thread. Raises sqlite3.Error: give the journal up."""
        with self._settling:
            with self._lock:
                batch, self._logged = self._logged, Batch()
            if not batch.rows:
                return
            try:
                tables.write(self._writer, batch, self._applied)
            except BaseException:
                self._broken = True
                raise
            self._applied = self._log.applied = batch.last
            with self._lock:
                for message_id in batch.rows:
                    del self._answers[message_id]
                for spot, drawn in batch.last_ids.items():
                    if self._last[spot] == drawn:  # else a later one is on its way
                        del self._last[spot]

    def counts(self, first_day: str, last_day: str) -> list[tuple[str, int, int, int]]:
        """(UTC day, class, subclass, tokens) between two days YYYY-MM-DD, both inclusive."""
        self._flush()
        with self._lock:
            return tables.counts(self._reader, first_day, last_day)

    def tokens_made(self) -> int:
        """All tokens this journal has counted."""
        return self._made

    def add_licence(self, serial: str, transactions: int) -> bool:
        """Add a licence's transactions once; False when its serial number was added before."""
        self._flush()
        with self._settling, self._lock:
            added = tables.add_licence(self._writer, serial, transactions, self._clock())
            self.transactions_left = tables.transactions_left(self._writer)
            return added

    def reset_ids(self, pattern: str) -> list[str]:
        """Forget the token ids of the PANs that fit a pattern of digits, ``*`` and ``?``: for test modules only."""
        self._flush()
        with self._settling, self._lock:
            return tables.reset_ids(self._writer, pattern)

    def forget_old_answers(self) -> int:
        """Delete up to some thousand answers that are surely older than MEMORY; the number of them."""
        with self._settling:
            return forget_answers(self._writer, self._clock(), MEMORY)

    def close(self) -> None:
        """Commit what is staged and close the files; nothing more is written to a journal that is broken."""
        if not self._broken:
            self._flush()
        self._log.close()
        self._reader.close()
        self._writer.close()

    def _done(self) -> None:
        if not self._grouped:
            self.commit()
            if self.unsettled >= _UNSETTLED:
                self.settle()

    def _flush(self) -> None:
        """Have everything in the tables."""
        self.commit()
        self.settle()

    def _stage(self, message_id: str, digest: str, tokens: Tokens, drawn: str) -> None:
        at, staged = int(self._clock().timestamp()), self._staged
        counted = 0 if self.transactions_left is None else 1
        # Message ids and digests have no character that JSON must escape.
        staged.rows[message_id] = f'["{message_id}","{digest}",{tokens_to_json(tokens)},{at},{drawn},{counted}]'
        self._answers[message_id] = Answer(digest, tokens)
        for token in tokens:
            staged.counts[self._day_of(at), token.token_class, token.subclass] += 1
        self._made += len(tokens)
        if self.transactions_left is not None:
            self.transactions_left -= 1
            staged.transactions += 1

    def _day_of(self, at: int) -> str:
        if at // 86400 != self._day[0]:
            self._day = at // 86400, start.day_of(at)
        return self._day[1]

    def _require_whole(self) -> None:
        """What memory holds of a journal that could not be written was perhaps never made."""
        if self._broken:
            raise ModuleError("EService", permanent=False, detail="the journal cannot be written")

    def _require_transaction(self) -> None:
        if self.transactions_left is not None and self.transactions_left <= 0:
            raise ModuleError(
                "EService.Disabled", permanent=True, detail="the transaction licence is used up"
            )

    def _known(self, message_id: str) -> Answer | None:
        row = tables.answer(self._reader, message_id)
        return None if row is None else Answer(row[0], tokens_from_json(row[1]))

    def _look(self, message_id: str, spot: tuple[str, int]) -> tuple[Answer | None, int | None]:
        """The answer to a message and the id no new one may be at or below, wherever they stand."""
        self._require_whole()
        digest, tokens, last = tables.answer_and_last_id(self._reader, message_id, *spot)
        answer = self._answers.get(message_id)
        if answer is None and digest is not None and tokens is not None:
            answer = Answer(digest, tokens_from_json(tokens))
        last = self._last.get(spot, last)
        if self._floor is not None:
            floor = start.floor_id(self._floor, spot[1])
            last = floor if last is None or (floor is not None and floor > last) else last
        return answer, last
