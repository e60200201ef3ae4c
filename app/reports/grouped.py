"""Load of tables that are added up by one or two keys: one statement adds, and names vending points and operators."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import date
from typing import Any

from sqlalchemy import BigInteger, ColumnElement, Date, Select, case, cast, func, literal, select

from app.domain.states import MeterType
from app.models import AppUser, VendingPoint
from app.reports.headings import said
from app.reports.names import OF_A_PERIOD
from app.reports.period import GROUPS, piece, pieces
from app.reports.report import ROWS_MAX, Asked, TooMany
from app.reports.shaping import Asks, Key, Shape, Table
from app.reports.statistics import CURRENCY, KEYS
from app.reports.table import Column, Kind

OPERATOR = Column("operator", said("Operator"), Kind.TEXT, 24)
_TYPES = tuple(MeterType)
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
    statement = _statement(asked, facts, keys, [column.key for column in figures], reckon).limit(ROWS_MAX + 1)
    # On the session's connection: the session would look at each row once more.
    found = asked.session.connection().execute(statement, execution_options=OF_A_PERIOD).all()
    table = Shape([_key(asked, name) for name in keys], figures, CURRENCY, also).table(found)
    if len(table.entries) > ROWS_MAX:
        raise TooMany(ROWS_MAX)
    return table


def whole(value: Any) -> ColumnElement[int]:
    """A sum as a whole number of 64 bits: PostgreSQL makes a decimal of it, which takes longer to add and to read."""
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
            source = source.join(target, target.id == sums.c[name])
            wanted += [code, words]
        elif name == "type":
            wanted[-1] = case(*((sums.c.type == kind, at) for at, kind in enumerate(_TYPES)))
    told = {**dict(sums.c), **reckon(sums.c)}
    return select(*wanted, *(told[name] for name in figures)).select_from(source)


def _cut(asked: Asked, day: Any, name: str) -> ColumnElement[date]:
    """The first day of the piece of time that a day is in."""
    period, weekday = asked.question.period, asked.house.first_weekday
    firsts = pieces(period, name, weekday)
    return case(*((day <= piece(at, name, period, weekday).last, literal(at, Date())) for at in firsts))


def _key(asked: Asked, name: str) -> Key:
    """How a key is shown, and what the sales behind it are asked for."""
    if name in _NAMED:
        return Key(OPERATOR if name == "operator" else KEYS[name], 3, lambda _id, code, words: (words, {name: code}))
    if name == "type":
        return Key(KEYS[name], 1, lambda at: (_TYPES[at], {"type": _TYPES[at].value}))

    def tell(first: date) -> tuple[date, Asks]:
        span = piece(first, name, asked.question.period, asked.house.first_weekday)
        return first, {"from": span.first.isoformat(), "to": span.last.isoformat()}

    return Key(KEYS[name], 1, tell)
