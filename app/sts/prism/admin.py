"""What the published interface lacks and our own module adds: its keys, and its counts.

Hardware does not know these calls: ModuleError('EMethod.Unknown', permanent). Then the facts of the
keys are typed in by an administrator.
"""

from collections.abc import Callable
from datetime import date
from typing import TypeVar

from app.sts.module import KeyFacts
from app.sts.prism.interface import API
from app.sts.prism.line import Line
from app.sts.prism.place import Place
from app.sts.prism.requests import OTHER, key_facts, wrong

# A key file's pass phrase goes through scrypt there, which takes its time.
LOAD_TIMEOUT_S = 30.0
T = TypeVar("T")
Counts = tuple[tuple[date, int, int, int], ...]


def list_keys(place: Place) -> tuple[KeyFacts, ...]:
    """Everything but the keys. Raises ModuleError."""
    return _through(place, keys_of)


def load_key_file(place: Place, text: str, passphrase: str) -> tuple[KeyFacts, ...]:
    """Hand a key file to the module; gives the facts of all keys it holds then. Raises ModuleError."""

    def load(line: Line) -> tuple[KeyFacts, ...]:
        given = (text, passphrase)
        answer = line.call("loadKeyFile", *given, service=API.ModuleAdmin, answer_timeout_s=LOAD_TIMEOUT_S)
        return tuple(key_facts(key) for key in answer)

    return _through(place, load)


def counts_per_day(place: Place, first_day: date, last_day: date) -> Counts:
    """(UTC day, token class, subclass, tokens made), as the module counted. Raises ModuleError."""
    days = (first_day.isoformat(), last_day.isoformat())

    def count(line: Line) -> Counts:
        answer = line.call("countsPerDay", *days, service=API.ModuleAdmin)
        return tuple((_day(row.day), row.tokenClass, row.subclass, row.tokens) for row in answer)

    return _through(place, count)


def keys_of(line: Line) -> tuple[KeyFacts, ...]:
    """As list_keys, on a line that is there. Raises ModuleError."""
    return tuple(key_facts(key) for key in line.call("listKeys", service=API.ModuleAdmin))


def _through(place: Place, work: Callable[[Line], T]) -> T:
    line = Line(place)
    try:
        return work(line)
    finally:
        line.close()


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise wrong(OTHER, f"a day of {text[:20]!r}") from None



