"""How every line looks that a process writes to standard error: UTC, one entry a line, as JSON or as text.

Nothing that somebody typed can begin a line of its own: JSON escapes line breaks, and in text what follows the
first line of an entry (the way to a fault) is set in.  The security log (`access/security_log.py`) is among them.

>>> entry = {"created": 0.5, "name": "app.security", "levelname": "INFO", "msg": "refused", "facts": {"row": "a\\nb"}}
>>> Text().format(logging.makeLogRecord(entry))
'1970-01-01T00:00:00.500Z INFO app.security: refused row="a\\\\nb"'
"""

from __future__ import annotations

import json
import logging
import sys
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import TextIO

SECURITY = "app.security"
MINUTE_S = 60.0
# Of the security log, for each process: whoever knocks without end fills no disk.
LINES_A_MINUTE = 300


class Structured(logging.Formatter):
    """An entry as a JSON object: time, level, part, message, its facts, and the way to a fault."""

    def format(self, record: logging.LogRecord) -> str:
        """One line."""
        entry = {"time": _time(record), "level": record.levelname, "part": record.name, "message": record.getMessage()}
        entry |= getattr(record, "facts", {})
        if record.exc_info:
            entry["fault"] = self.formatException(record.exc_info)
        return json.dumps(entry, ensure_ascii=True, default=str)


class Text(logging.Formatter):
    """An entry for people: the same, as words; lines that follow the first are set in."""

    def format(self, record: logging.LogRecord) -> str:
        """One line, and the way to a fault set in below it."""
        given = getattr(record, "facts", {})
        facts = "".join(f" {name}={json.dumps(fact, default=str)}" for name, fact in given.items())
        line = f"{_time(record)} {record.levelname} {record.name}: {_one_line(record.getMessage())}{facts}"
        if record.exc_info:
            way = self.formatException(record.exc_info).splitlines()
            line += "".join(f"\n    {_one_line(each)}" for each in way)
        return line


class Bounded(logging.Filter):
    """So many entries a minute; what was more is told by its number with the next one that passes."""

    def __init__(self, most: int = LINES_A_MINUTE, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._most, self._clock = most, clock
        self._began, self._passed, self._left_out = clock(), 0, 0
        self._lock = threading.Lock()

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether this one is written."""
        with self._lock:
            if self._clock() - self._began >= MINUTE_S:
                self._began, self._passed = self._clock(), 0
            if self._passed >= self._most:
                self._left_out += 1
                return False
            self._passed += 1
            if self._left_out:
                record.facts = {**getattr(record, "facts", {}), "left_out_before": self._left_out}
                self._left_out = 0
        return True


class _ToStandardError(logging.StreamHandler[TextIO]):
    """Asks for the stream at each entry: whoever turns it elsewhere finds them there."""

    def __init__(self) -> None:
        logging.Handler.__init__(self)

    @property
    def stream(self) -> TextIO:  # type: ignore[override]
        """Where standard error is now."""
        return sys.stderr


def formatter(form: str) -> logging.Formatter:
    """The form of the setting LOG_FORMAT: ``json`` or ``text``."""
    return Structured() if form == "json" else Text()


def install(form: str) -> logging.Handler:
    """From here on every entry of this process goes to standard error in this form; twice is once."""
    root, security = logging.getLogger(), logging.getLogger(SECURITY)
    handler = next((each for each in root.handlers if isinstance(each, _ToStandardError)), None) or _ToStandardError()
    handler.setFormatter(formatter(form))
    root.addHandler(handler)
    security.setLevel(logging.INFO)
    if not any(isinstance(each, Bounded) for each in security.filters):
        security.addFilter(Bounded())
    # The framework names page and permission without the person; the security log names all three.
    logging.getLogger("flask_appbuilder.security.decorators").setLevel(logging.ERROR)
    return handler


def _time(record: logging.LogRecord) -> str:
    return datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _one_line(text: str) -> str:
    """The text with what ends a line, or moves a terminal's hand, written out."""
    return "".join(sign if sign.isprintable() else sign.encode("unicode_escape").decode("ascii") for sign in text)
