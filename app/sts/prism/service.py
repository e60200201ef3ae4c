"""Our software security module as a server: `python -m app.sts.prism.service --folder F --address A --port N`.

Speaks TokenApi 1.1 and ModuleAdmin in framed binary Thrift over TLS.  One thread serves all connections, makes the
tokens and writes the journal's log, so that all requests of a moment share one write to the disk; a second puts the log
into the journal's tables; two more compute scrypt.  SIGTERM ends it after the requests that have begun.
"""

from __future__ import annotations

import argparse
import contextlib
import gc
import logging
import os
import signal
import socket
import sqlite3
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from types import FrameType

from app.sts.prism import certificate
from app.sts.prism import folder as places
from app.sts.prism.dispatch import Dispatch
from app.sts.prism.journal import FileJournal
from app.sts.prism.journal_start import ACCEPT_LOSS, MARGIN, raise_floor
from app.sts.prism.limits import Limits
from app.sts.prism.methods import Methods
from app.sts.prism.office import Office
from app.sts.prism.transport import Transport
from app.sts.prism.users import Users, UsersError
from app.sts.software import SoftwareModule

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Settings:
    """How a module server is started. ``tables``: the STA set; ``test_mode``: never in the field.

    ``accept_loss``: go on with what is left of the journal, once, when nothing better is to be had.
    """

    name: str = "software"
    tid_offset_minutes: int = 0
    tables: str = "production"
    test_mode: bool = False
    accept_loss: bool = False
    limits: Limits = field(default_factory=Limits)
    clock: Callable[[], datetime] = lambda: datetime.now(UTC)


def serve(
    folder: Path,
    address: str,
    port: int,
    stop: threading.Event,
    settings: Settings | None = None,
    listening: Callable[[int], None] = lambda _port: None,
) -> None:
    """Serve the module of a prepared folder until ``stop`` is set; ``listening`` is told the port (0: any).

    Raises OSError (address in use, folder in use by another server), KeyStoreError, UsersError, sqlite3.Error,
    ValueError (the journal's log is damaged).
    """
    settings = settings or Settings()
    with contextlib.ExitStack() as end:
        _lock(folder, end)
        store = places.open_keys(folder)
        journal = _journal(folder, settings)
        end.callback(journal.close)
        module = SoftwareModule(
            settings.name, store.keys, journal,
            tid_offset_minutes=settings.tid_offset_minutes, tables=settings.tables,
            clock=settings.clock,
        )  # fmt: skip
        context = certificate.server_context(
            folder / places.CERTIFICATE, folder / places.PRIVATE_KEY
        )
        listener = socket.create_server(
            (address, port),
            family=socket.AF_INET6 if ":" in address else socket.AF_INET,
            backlog=128,
        )
        transport = Transport(listener, context, settings.limits)

        def counters() -> dict[str, object]:
            return {"connections": transport.connections, **transport.counters}

        office = Office(
            folder, store, module, journal,
            test_mode=settings.test_mode, counters=counters, clock=settings.clock,
        )  # fmt: skip
        users = Users(folder / places.USERS)
        methods = Methods(module, journal, users, office, clock=settings.clock)
        dispatch = Dispatch(transport, journal, methods)
        listening(listener.getsockname()[1])
        dispatch.run(stop)


def _journal(folder: Path, settings: Settings) -> FileJournal:
    """The journal, which must be there: a folder is made with one."""
    path = folder / places.JOURNAL
    try:
        places.require_journal(folder)
    except FileNotFoundError:
        if not settings.accept_loss:
            raise
        log.warning("%s is begun anew; token ids go on %s later than the clock", path, MARGIN)
        raise_floor(path, settings.clock() + MARGIN)
    return FileJournal(path, grouped=True, clock=settings.clock, accept_loss=settings.accept_loss)


def _lock(folder: Path, end: contextlib.ExitStack) -> None:
    """Hold the folder: two servers on one journal could draw the same token id."""
    import fcntl

    handle = os.open(folder / places.LOCK, os.O_WRONLY | os.O_CREAT, 0o600)
    file = end.enter_context(os.fdopen(handle, "a"))
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        raise OSError(f"another module server uses {folder.name}") from None


class OneLine(logging.Formatter):
    """UTC, level, part and what happened, on a line that nothing typed elsewhere can end."""

    converter = staticmethod(time.gmtime)
    default_time_format, default_msec_format = "%Y-%m-%dT%H:%M:%S", "%s.%03dZ"

    def format(self, record: logging.LogRecord) -> str:
        """One line, and the way to a fault set in below it."""
        first, *more = super().format(record).splitlines()
        return "\n    ".join([first, *more])


def _lines() -> logging.Handler:
    handler = logging.StreamHandler()
    handler.setFormatter(OneLine("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    return handler


def main(arguments: list[str] | None = None) -> int:
    """The program."""
    parser = argparse.ArgumentParser(prog="python -m app.sts.prism.service", description=__doc__)
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--address", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=9443)
    parser.add_argument("--name", default=Settings().name)
    parser.add_argument("--tid-offset-minutes", type=int, default=0)
    parser.add_argument("--tables", default=Settings().tables)
    parser.add_argument(
        "--test-mode", action="store_true", help="let token ids be forgotten; never in the field"
    )
    parser.add_argument(
        ACCEPT_LOSS, action="store_true", help="go on, this once, with what is left of a lost or damaged journal"
    )
    given = parser.parse_args(arguments)
    logging.basicConfig(handlers=[_lines()])
    stop = threading.Event()

    def end(_number: int, _frame: FrameType | None) -> None:
        stop.set()

    signal.signal(signal.SIGTERM, end)
    signal.signal(signal.SIGINT, end)
    # A request leaves no circles of objects behind: looking for them a thousandth as often costs nothing.
    gc.freeze()
    gc.set_threshold(50_000, 20, 100)

    def say(port: int) -> None:
        print(f"security module {given.name} listens on {given.address} port {port}", flush=True)

    settings = Settings(given.name, given.tid_offset_minutes, given.tables, given.test_mode, given.accept_loss)
    try:
        serve(given.folder, given.address, given.port, stop, settings, say)
    except (OSError, ValueError, UsersError, sqlite3.Error) as error:
        print(f"the security module ends: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
