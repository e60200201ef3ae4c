"""Load of tables that are added up by one or two keys: one statement adds, and names vending points and operators."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from datetime import date
from typing import Any

from sqlalchemy import BigInteger, ColumnElement, Date, Select, case, cast, func, literal, select

from app.domain.states import MeterType
from app.models import AppUser, VendingPoint
from app.reports.headings import said
from app.reports.names import OF_A_PERIOD
from app.reports.period import GROUPS, piece, pieces
from app.reports.report import FILE_ROWS_MAX, Asked, TooMany
from app.reports.shaping import Asks, Key, Shape, Table, alphabetical
from app.reports.statistics import CURRENCY, KEYS
from app.reports.table import Column, Kind

OPERATOR = Column("operator", said("Operator"), Kind.TEXT, 24)
_TYPES = tuple(MeterType)
# Lines, without their subtotals: a workbook takes them, a screen shows them by the page.
GROUPS_MAX = FILE_ROWS_MAX["xlsx"]
# What is read of a value beside its id: a code, and the words that people know it by.
_FULL = func.trim(func.coalesce(AppUser.first_name, "") + " " + func.coalesce(AppUser.last_name, ""))
_NAMED: Mapping[str, tuple[Any, Any, Any]] = {
    "point": (VendingPoint, VendingPoint.code, VendingPoint.name),
    "operator": (AppUser, AppUser.username, func.coalesce(func.nullif(_FULL, ""), AppUser.username)),
}


def grouped(
    asked: Asked, facts: Select[Any], figures: Sequence[Column], *,
    reckon: Callable[[Any], Mapping[str, ColumnElement[int]]] = lambda _sums: {},
    also: Callable[[Mapping[str, int]], Asks] = lambda _figures: {},
) -> Table:  # fmt: skip
    """Add `facts` up by the question's keys and by currency.

    `facts` is narrowed, and has a column for each key that may be asked for (day, type, point, operator), `currency`,
    and whole numbers under the name of each of the `figures`, but those that `reckon` makes of the sums of the others.
    `also` is that of `Shape`.  Raises TooMany if there are more rows than a table holds.
    """
    keys = [name for name in (asked.question.group, asked.question.then) if name]
    statement = _statement(asked, facts, keys, [column.key for column in figures], reckon).limit(GROUPS_MAX + 1)
    # On the session's connection: the session would look at each row once more.
    found = asked.session.connection().execute(statement, execution_options=OF_A_PERIOD).all()
    if len(found) > GROUPS_MAX:
        raise TooMany(GROUPS_MAX)
    twice = _alike(found, keys)
    return Shape([_key(asked, name, twice) for name in keys], figures, CURRENCY, also).table(found)


def whole(value: Any) -> ColumnElement[int]:
    """A figure in 64 bits: PostgreSQL makes a decimal of a sum, which takes longer to add and to read."""
    return cast(value, BigInteger)


def _statement(
    asked: Asked, facts: Select[Any], keys: Sequence[str], figures: Sequence[str],
    reckon: Callable[[Any], Mapping[str, ColumnElement[int]]],
) -> Select[Any]:  # fmt: skip
    """The currency, each key with its name, and the figures."""
    of = facts.subquery("fact").c
    pieces_of_time = [name for name in keys if name in GROUPS and name != "day"]
    if pieces_of_time:
        cuts = (_cut(asked, of.day, name).label(name) for name in pieces_of_time)
        of = select(*of, *cuts).subquery("cut").c
    by = [of.currency, *(of[name] for name in keys)]
    added = (whole(func.sum(of[name])).label(name) for name in figures if name in of)
    sums = select(*by, *added).group_by(*by).subquery("sums")
    wanted: list[Any] = [sums.c.currency]
    source: Any = sums
    for name in keys:
        wanted.append(sums.c[name])
        if name in _NAMED:
            target, code, words = _NAMED[name]
            # NB: money of a row that is not there any more would be money, too.
            source = source.outerjoin(target, target.id == sums.c[name])
            wanted += [func.coalesce(code, ""), func.coalesce(words, "?")]
        elif name == "type":
            wanted[-1] = case(*((sums.c.type == kind, at) for at, kind in enumerate(_TYPES)))
    told = {**dict(sums.c), **reckon(sums.c)}
    return select(*wanted, *(told[name] for name in figures)).select_from(source)


def _cut(asked: Asked, day: Any, name: str) -> ColumnElement[date]:
    """The first day of the piece of time that a day is in."""
    period, weekday = asked.question.period, asked.house.first_weekday
    firsts = pieces(period, name, weekday)
    return case(*((day <= piece(at, name, period, weekday).last, literal(at, Date())) for at in firsts))


def _key(asked: Asked, name: str, twice: AbstractSet[str]) -> Key:
    """How a key is put in order and shown, and what the sales behind it are asked for."""
    if name in _NAMED:
        column = OPERATOR if name == "operator" else KEYS[name]

        def named(_id: int, code: str, words: str) -> tuple[str, Asks]:
            # Two people of one name are told apart: somebody counts a drawer by it.
            return f"{words} ({code})" if words in twice else words, {name: code} if code else {}

        return Key(column, 3, lambda one, _code, words: (alphabetical(words), one), named)
    if name == "type":
        return Key(KEYS[name], 1, _itself, lambda at: (_TYPES[at], {"type": _TYPES[at].value}))

    def of_time(first: date) -> tuple[date, Asks]:
        span = piece(first, name, asked.question.period, asked.house.first_weekday)
        return first, {"from": span.first.isoformat(), "to": span.last.isoformat()}

    return Key(KEYS[name], 1, _itself, of_time)


def _itself(value: Any) -> tuple[Any]:
    return (value,)


def _alike(found: Sequence[Any], keys: Sequence[str]) -> AbstractSet[str]:
    """Names that several of what is told by name have."""
    twice: set[str] = set()
    at = 1
    for name in keys:
        if name in _NAMED:
            known = {(row[at], row[at + 2]) for row in found}
            twice |= {words for words, often in Counter(words for _id, words in known).items() if often > 1}
        at += 3 if name in _NAMED else 1
    return twice
