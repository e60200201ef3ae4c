"""How we speak to PostgreSQL: a connection that forgets nothing it has prepared, and does no work that nobody reads.

Every request ends its reads with a rollback, and psycopg forgets all prepared statements at it; so the server planned
each statement anew, which took several times what running it takes.  PostgreSQL itself keeps them, and plans them
again when a table changes.
"""

from __future__ import annotations

import select
from collections.abc import Sequence
from typing import Any

from psycopg import Connection, Cursor, OperationalError, _queries
from psycopg.pq import ConnStatus, ExecStatus, TransactionStatus
from psycopg.pq.abc import PGconn, PGresult
from psycopg.types.numeric import Int8Dumper
from sqlalchemy import Engine, event
from sqlalchemy.exc import DisconnectionError

# A statement is prepared when it comes for the second time on its connection.
PREPARED_AFTER = 1
# An execution option for statements that read a day as well as years.  After five times PostgreSQL keeps one plan for
# whatever is asked: a reconciliation of a day, 80 ms before, then takes 800.
OWN_PLAN = {"own_plan": True}
# Statements up to this length are translated into psycopg's form once: that which reads a desk has 8 700 signs.
_queries.MAX_CACHED_STATEMENT_LENGTH = 16_384


class Columns(Sequence[tuple[Any, ...]]):
    """The columns of an answer as DB-API describes them: name and type, each worked out when somebody asks.

    psycopg makes an object for each column of each answer; SQLAlchemy only wants to know whether there are any.
    """

    def __init__(self, answer: PGresult, encoding: str) -> None:
        """Of one answer; names are in this encoding."""
        self._answer, self._encoding = answer, encoding

    def __len__(self) -> int:
        return self._answer.nfields

    def __getitem__(self, place: Any) -> Any:
        if isinstance(place, slice):
            return [self[each] for each in range(*place.indices(len(self)))]
        name = self._answer.fname(range(len(self))[place])
        named = None if name is None else name.decode(self._encoding)
        return (named, self._answer.ftype(range(len(self))[place]), None, None, None, None, None)


class Lean(Cursor[Any]):
    """A cursor that describes its columns only to who reads them."""

    @property
    def description(self) -> Any:
        """As DB-API has it; None where the statement gives no rows."""
        answer = self.pgresult
        if answer is None or not (answer.nfields or answer.status == ExecStatus.TUPLES_OK):
            return None
        return Columns(answer, self.connection.info.encoding)


class Keeping(Connection[Any]):
    """A connection whose prepared statements outlive a rollback."""

    def rollback(self) -> None:
        """End the transaction; nothing where there is none."""
        with self.lock:
            if self.pgconn.transaction_status == TransactionStatus.IDLE:
                return
            if self.pgconn.exec_(b"ROLLBACK").status == ExecStatus.COMMAND_OK:
                return
        super().rollback()  # says what is wrong


def configure_postgresql(engine: Engine) -> None:
    """Let the engine connect so, and see without asking that the server has ended a connection of the pool."""

    @event.listens_for(engine, "do_connect")
    def _connect(_dialect: object, _record: object, places: list[Any], names: dict[str, Any]) -> Keeping:
        made = Keeping.connect(*places, prepare_threshold=PREPARED_AFTER, cursor_factory=Lean, **names)
        # NB: by itself psycopg sends a whole number in the smallest type that holds it, and every mixture of types
        # would be a statement of its own to prepare and to plan.
        made.adapters.register_dumper(int, Int8Dumper)
        return made

    @event.listens_for(engine, "do_execute")
    def _planned(cursor: Any, statement: str, values: Any, context: Any) -> bool:
        """Plan what says so (`OWN_PLAN`) for its own values, each time."""
        if not context.execution_options.get("own_plan") or not isinstance(cursor, Lean):
            return False
        cursor.execute(statement, values, prepare=False)
        return True

    @event.listens_for(engine, "checkout")
    def _taken(connection: Keeping, _record: object, _fairy: object) -> None:
        """Take a new connection for one on which something came while nothing was asked: a farewell, mostly."""
        if connection.closed or has_ended(connection.pgconn):
            raise DisconnectionError("the server has ended this connection")


def has_ended(connection: PGconn) -> bool:
    """Whether the server has said farewell on a connection that waits for nothing, or the other end is gone."""
    if not _has_come(connection.socket):
        return False
    if not connection.ssl_in_use:
        return True
    # Inside TLS things come that nobody asked for, such as tickets of the session: read them, and look again.
    try:
        connection.consume_input()
    except OperationalError:
        return True
    return connection.status != ConnStatus.OK or _has_come(connection.socket)


def _has_come(socket: int) -> bool:
    """Whether there is something to read, or the other end is gone."""
    asked = select.poll()
    asked.register(socket, select.POLLIN)
    return bool(asked.poll(0))
