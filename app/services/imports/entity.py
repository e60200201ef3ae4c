"""What a kind of record needs to be imported: one frozen description, one file for each.

A description names its columns, what each may hold, and how a row that was read becomes the
values of a record.  Everything else (files, staging, writing, pages) is the same for all.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from enum import Enum
from typing import Any

from sqlalchemy import Row, select
from sqlalchemy.orm import Session

from app.access.scope import Scope
from app.models import Region, Settings
from app.models.base import PRICE_SCALE
from app.services.imports.fields import Fault, Field
from app.services.regions import in_scope, living, offered

Values = dict[str, Any]
# A value that a known record shall lose; None leaves what it has.
CLEARED = ""


@dataclass(slots=True)
class Book:
    """What rows are checked against: whose import it is, the lists of words, the rows of reference."""

    session: Session
    scope: Scope
    choices: Mapping[str, Mapping[str, Any]]
    mark: str = "."
    decimals: int = 2
    # The consumer whose page the import was begun on; their meters are bound at once.
    consumer_id: int | None = None
    regions: Places | None = None
    # Whatever an entity keeps for its checks: tables by name, and rows of the chunk at hand.
    tables: dict[str, Any] = field(default_factory=dict)

    def begin(self) -> None:
        """Read what every entity needs."""
        self.decimals = self.session.get_one(Settings, 1).currency.decimals
        self.regions = Places.of(self.session, self.scope)

    def place(self, text: str, known: Row[Any] | None) -> int:
        """The region of this name; what a record has already it keeps.  Raises Fault.

        A name of two places is the record's own where one of them is, and so is one that is switched off.
        """
        found = self.places.find(text, None if known is None else known.region_id)
        if known is None or known.region_id != found:
            self.require_offered(found, text)
        return found

    def require_offered(self, region_id: int, text: str) -> None:
        """Raise Fault where the place, or one above it, is switched off."""
        if region_id in self.places.off:
            raise Fault("switched_off", text=text[:60])

    @property
    def places(self) -> Places:
        """The regions that begin() has read."""
        if self.regions is None:
            raise LookupError("begin() first")
        return self.regions


@dataclass(frozen=True, slots=True)
class Entity:
    """One kind of record: `key` is the field by which a known one is found.

    `begin` reads tables of reference once; `look` reads what the rows of one chunk name;
    `settle` turns the values of a row, with the record it finds or None, into the values of its
    columns and adds what is wrong to the faults.  `on_change` are columns that follow from a
    change, as SQL with {new} for a column's new value; `after` makes what follows from new and
    changed rows (a list of their ids), `beside` is SQL that belongs into the same transaction: it
    reads what was laid out for it from {staged}.
    """

    name: str
    model: Any
    key: str
    fields: tuple[Field, ...]
    columns: tuple[str, ...]
    settle: Callable[[Values, Row[Any] | None, Book, list[tuple[str, Fault]]], Values]
    begin: Callable[[Book], None] = lambda *_: None
    look: Callable[[Book, Sequence[Values]], None] = lambda *_: None
    # What is odd about a row that may be stored all the same; said as faults are.
    warn: Callable[[Values, Row[Any] | None, Book], list[tuple[str, Fault]]] = lambda *_: []
    after: Callable[[Session, Sequence[int]], None] | None = None
    beside: str = ""
    # Values of a new row that stand in no column of the table, and what is made of them once it is in.
    extras: tuple[str, ...] = ()
    follow: Callable[[Session, int, Mapping[str, Any], str, int], None] = lambda *_: None
    # Columns of a known record that the checks look at besides those that are imported.
    seen: tuple[str, ...] = ()
    # The key of the example row of the template: never added, and told apart in the counts.
    example: str = ""
    # Columns that name another record, and its table: what was fine at the check is asked again when it is written.
    links: Mapping[str, str] = field(default_factory=dict)
    # What else is asked again then: (field, code) by the condition that refuses, of the laid out row s and
    # its record o, as SQL.
    again: Mapping[tuple[str, str], str] = field(default_factory=dict)
    on_change: Mapping[str, str] = field(default_factory=dict)
    # The same for a new record.  :now is the time and :who the name of whoever imports.
    on_new: Mapping[str, str] = field(default_factory=dict)
    # How many new records are still allowed (None: any), and the same asked for good, by their number,
    # in the transaction that adds them: it raises the refusal.
    room: Callable[[Session], int | None] = lambda *_: None
    claim: Callable[[Session, int], None] = lambda *_: None

    def field(self, name: str) -> Field:
        """The field of this name."""
        return next(one for one in self.fields if one.name == name)

    def stored(self, row: Mapping[str, Any]) -> Values:
        """The values of all columns as the table keeps them and JSON carries them."""
        return {name: _stored(row[name]) for name in self.columns}

    def more(self, row: Mapping[str, Any]) -> list[Any]:
        """The extras of a row in their order."""
        return [_stored(row.get(name)) for name in self.extras]

    def known(self, session: Session, keys: Iterable[str]) -> dict[str, Row[Any]]:
        """The records of these keys, whoever owns them, with their region's path."""
        table = self.model.__table__
        rows = session.execute(
            select(
                *[table.c[name] for name in ("id", "version", self.key, *self._others())],
                Region.path.label("region_path"),
            )
            .join(Region, Region.id == table.c.region_id)
            .where(table.c[self.key].in_(list(keys)))
        )
        return {getattr(row, self.key): row for row in rows}

    def _others(self) -> list[str]:
        return [name for name in (*self.columns, *self.seen) if name != self.key]


def _stored(value: Any) -> Any:
    """One value as a table keeps it: the word of a list, a day as text, a price as a whole number."""
    kind = type(value)
    if kind is str or kind is int or value is None:
        return value
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, Decimal):
        return int(value * PRICE_SCALE)
    return value


class Places:
    """The regions of one scope by what people call them."""

    def __init__(self, rows: Iterable[tuple[int, str, str]], off: Iterable[int] = ()) -> None:
        self.off = frozenset(off)
        self.names: dict[int, str] = {}
        # NB: a name may hold a comma, so that a full name may be that of two places.
        self.whole: dict[str, list[int]] = {}
        self.short: dict[str, list[int]] = {}
        for region_id, name, full_name in rows:
            self.names[region_id] = full_name
            self.whole.setdefault(_plain(full_name), []).append(region_id)
            self.short.setdefault(_plain(name), []).append(region_id)

    @classmethod
    def of(cls, session: Session, scope: Scope) -> Places:
        """Read them; those of others do not exist."""
        rows = session.execute(
            select(
                Region.id, Region.name, Region.full_name, offered().label("offered")
            ).where(in_scope(scope), living())
        ).all()
        return cls(
            ((row.id, row.name, row.full_name) for row in rows),
            [row.id for row in rows if not row.offered],
        )

    def find(self, text: str, own: int | None = None) -> int:
        """By the full name, by the way down (Kenya > Coast > Market Town), or by a name that is alone.

        A full name of two places is that of `own` where it is one of them.  Raises Fault.
        """
        plain = _plain(text)
        some = self.whole.get(plain, [])
        if not some and (">" in text or "/" in text):
            parts = [part.strip() for part in text.replace("/", ">").split(">")]
            some = self.whole.get(_plain(", ".join(reversed(parts))), [])
        if own is not None and own in some:
            return own
        some = some or self.short.get(plain, [])
        if len(some) == 1:
            return some[0]
        raise Fault("two_places" if some else "unknown_region", text=text[:60])


def _plain(text: str) -> str:
    return " ".join(text.casefold().replace(" ,", ",").split())
