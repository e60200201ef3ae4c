"""Shape of tables that were added up by one or two keys: rows, a subtotal under each value of the first, totals.

Rows are made as they are looked at: of two thousand a page shows fifty.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby, islice, pairwise
from operator import itemgetter
from typing import Any, NamedTuple

from app.reports.installation import Installation
from app.reports.table import Answer, Column, Drill, Figure, Row, made

Asks = Mapping[str, str]
# The list whose rows stand behind the figures.
DRILLS_TO = "sales-records"


def alphabetical(words: str) -> str:
    """What names are put in order by: without case and accents, so that Émile stands beside Emil.

    >>> sorted(["Zoe", "amara", "Émile", "Emil"], key=alphabetical)
    ['amara', 'Emil', 'Émile', 'Zoe']
    """
    plain = words.casefold()
    if plain.isascii():
        return plain
    return "".join(sign for sign in unicodedata.normalize("NFKD", plain) if not unicodedata.combining(sign))


def together(asks: Iterable[Asks]) -> dict[str, str]:
    """What the rows behind several keys are asked for: of two spans of days, those that lie in both.

    >>> together([{"from": "2026-11-03", "to": "2026-11-03"}, {"from": "2026-11-01", "to": "2026-11-30"}])
    {'from': '2026-11-03', 'to': '2026-11-03'}
    """
    found: dict[str, str] = {}
    for one in asks:
        for name, value in one.items():
            narrower = {"from": max, "to": min}.get(name)
            found[name] = narrower(found[name], value) if narrower and name in found else value
    return found


@dataclass(frozen=True, slots=True)
class Key:
    """One key of the rows as they were read, of which it has `width` places.

    Of what stands there `order` makes what rows are put in order by, and `tell` what is shown and what the list of
    sales behind it is asked for.
    """

    column: Column
    width: int
    order: Callable[..., tuple[Any, ...]]
    tell: Callable[..., tuple[Any, Asks]]


def _no_key() -> tuple[Any, ...]:
    return ()


class Table(NamedTuple):
    """Columns, what each row is made of, what makes it, and the totals."""

    columns: tuple[Column, ...]
    entries: Sequence[Any]
    make: Callable[[Any], Row]
    totals: tuple[Row, ...]

    def top(self, *names: str) -> tuple[Figure, ...]:
        """The totals of these columns as the figures at the top, for each currency."""
        at = {column.key: n for n, column in enumerate(self.columns)}
        return tuple(
            Figure(self.columns[at[name]].title, self.columns[at[name]].kind, row.cells[at[name]], row.currency)
            for row in self.totals for name in names
        )  # fmt: skip

    def answer(self, house: Installation, figures: tuple[Figure, ...], notes: tuple[str, ...] = ()) -> Answer:
        """The whole answer."""
        return Answer(
            columns=self.columns, count=len(self.entries), rows=made(self.entries, self.make), totals=self.totals,
            decimals=house.decimals, figures=figures, notes=notes,
        )  # fmt: skip


class _Below(NamedTuple):
    """In the place of a row: a subtotal of these."""

    rows: Sequence[Any]


@dataclass(frozen=True, slots=True)
class Shape:
    """Makes a table of rows that each have a currency, the places of each key, and a whole number for each figure.

    `also` tells of a row's figures what more the list of sales behind it is asked for.
    """

    keys: Sequence[Key]
    figures: Sequence[Column]
    currency: Column
    also: Callable[[Mapping[str, int]], Asks]

    def table(self, found: Iterable[Any]) -> Table:
        """Rows in the order of their keys, each currency by itself."""
        ends = [1 + sum(key.width for key in self.keys[:n]) for n in range(len(self.keys) + 1)]
        # NB: flat, because thousands of them are compared; where there is no second key, nothing is put in its place.
        places = [(key.order, slice(*span)) for key, span in zip(self.keys, pairwise(ends), strict=True)]
        (order, at), (then, there) = (*places, (_no_key, slice(0, 0)))[:2]
        ordered = sorted(found, key=lambda raw: (raw[0], *order(*raw[at]), *then(*raw[there])))
        apart = [list(mine) for _currency, mine in groupby(ordered, itemgetter(0))]
        several = [self.currency] if len(apart) > 1 else []
        maker = _Maker(self, ends, bool(several))
        entries = ordered if len(self.keys) == 1 else [one for mine in apart for one in _with_subtotals(mine, ends[0])]
        columns = (*(key.column for key in self.keys), *several, *self.figures)
        return Table(columns, entries, maker.row, tuple(maker.sum(2, mine) for mine in apart))


def _with_subtotals(rows: list[Any], first: int) -> Iterator[Any]:
    for _value, part in groupby(rows, itemgetter(first)):
        below = list(part)
        yield from below
        yield _Below(below)


@dataclass(frozen=True, slots=True)
class _Maker:
    """Makes rows and sums of what was read; `ends` are the places where keys begin, and where the last one ends."""

    shape: Shape
    ends: Sequence[int]
    several: bool

    def row(self, raw: Any) -> Row:
        """One row and where it leads, or a subtotal."""
        if isinstance(raw, _Below):
            return self.sum(1, raw.rows)
        told, figures = [self._told(raw, at) for at in range(len(self.shape.keys))], raw[self.ends[-1] :]
        asks = together(one for _shown, one in told)
        asks |= self.shape.also(dict(zip((column.key for column in self.shape.figures), figures, strict=True)))
        return Row(self._cells((shown for shown, _asks in told), raw[0], figures), raw[0], drill=Drill(DRILLS_TO, asks))

    def sum(self, level: int, rows: Sequence[Any]) -> Row:
        """What rows come to: those of one value of the first key (level 1), which is named, or of a currency (2)."""
        currency = rows[0][0]
        shown = [self._told(rows[0], 0)[0] if level == 1 else None, *[None] * (len(self.shape.keys) - 1)]
        figures = (sum(column) for column in islice(zip(*rows, strict=True), self.ends[-1], None))
        return Row(self._cells(shown, currency, figures), currency, level=level)

    def _told(self, raw: Any, at: int) -> tuple[Any, Asks]:
        return self.shape.keys[at].tell(*raw[self.ends[at] : self.ends[at + 1]])

    def _cells(self, shown: Iterable[Any], currency: str, figures: Iterable[int]) -> tuple[Any, ...]:
        return (*shown, *([currency] if self.several else []), *figures)
