"""What every report becomes and every form is drawn from: columns, rows, totals, figures, charts.

All figures are whole numbers: money in minor units of the row's currency, units in tenths.  Two
currencies are never added, and neither are kWh and cubic metres: a sum over both is `None`, and
the totals say each by itself.
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from app.domain.states import MeterType
from app.reports.period import Period


class Kind(enum.Enum):
    """What a cell holds, which decides how each form writes it."""

    TEXT = "text"
    CODE = "code"  # digits and letters that are read one by one: a receipt's or a user's number
    METER = "meter"
    TOKEN = "token"  # noqa: S105
    TYPE = "type"  # a MeterType
    WORD = "word"  # a member of a closed list, named by `Column.words`
    COUNT = "count"
    MONEY = "money"
    UNITS = "units"
    PERMILLE = "permille"
    DAY = "day"
    WEEK = "week"
    MONTH = "month"
    YEAR = "year"
    MOMENT = "moment"

    @property
    def numeric(self) -> bool:
        """Whether it stands at the end of its column and may be added."""
        return self in NUMERIC


# Signs of a text in a cell of a workbook, which takes 32 767.
TEXT_MAX = 32_000
NUMERIC = frozenset({Kind.COUNT, Kind.MONEY, Kind.UNITS, Kind.PERMILLE})


@dataclass(frozen=True, slots=True)
class Column:
    """One column: `title` in English (said), or the kind of meter `of` that it counts.

    `width` in characters, for files.  `sorts` says that a reader may order by it.
    """

    key: str
    title: str
    kind: Kind
    width: int = 14
    of: MeterType | None = None
    words: str = ""
    sorts: bool = True
    # Nearly said by another column: it gives way where a screen is narrow.
    aside: bool = False
    # Anything but nothing is wrong there, and marked.
    alarm: bool = False
    # What people read in the place of a value that a row does not have (said); programs read nothing.
    none: str = ""


@dataclass(frozen=True, slots=True)
class Drill:
    """Where a row leads: a report with other arguments; an empty one takes away what was asked before."""

    report: str
    arguments: Mapping[str, str]


class Row(NamedTuple):
    """Cells in the order of the columns.  `level` 0 is a row, 1 a subtotal, 2 a total.

    `sale_id` and `act_id` (of the engineering desk) are there only where the reader may open the slip.
    A tuple, because files are made of millions of them.
    """

    cells: tuple[Any, ...]
    currency: str = ""
    meter_type: MeterType | None = None
    level: int = 0
    drill: Drill | None = None
    sale_id: int | None = None
    act_id: int | None = None


@dataclass(frozen=True, slots=True)
class Figure:
    """One of the figures at the top; `was` is that of the period before."""

    title: str
    kind: Kind
    value: int
    currency: str = ""
    was: int | None = None
    meter_type: MeterType | None = None


@dataclass(frozen=True, slots=True)
class Series:
    """One colour of a chart."""

    values: tuple[int, ...]
    of: MeterType | None = None
    title: str = ""


@dataclass(frozen=True, slots=True)
class Chart:
    """Bars over categories, stacked; every chart has one measure and one currency."""

    title: str
    kind: Kind
    category: Column
    categories: tuple[Any, ...]
    series: tuple[Series, ...]
    currency: str = ""
    # The last bar is of a day, week, month or year that is not over.
    unfinished: bool = False
    # The longer piece of time (of period.GROUPS) that is drawn in the place of too many of those asked for.
    grouped: str = ""
    # How many bars there would be where only the largest are drawn.
    whole: int = 0

    @property
    def only(self) -> MeterType | None:
        """The kind of meter of a chart that has no other."""
        return self.series[0].of if len(self.series) == 1 else None


@dataclass(frozen=True, slots=True)
class Answer:
    """A report's answer.  `rows(offset, limit)` reads a window of them, or all with limit None."""

    columns: tuple[Column, ...]
    count: int
    rows: Callable[[int, int | None], Iterator[Row]]
    totals: tuple[Row, ...]
    decimals: Mapping[str, int]
    figures: tuple[Figure, ...] = ()
    charts: tuple[Chart, ...] = ()
    # Sentences about the whole, as codes the pages word.
    notes: tuple[str, ...] = ()
    order: str = ""
    descending: bool = False
    # Of lists without totals whose rows are all of one currency.
    currency: str = ""
    # What the figures are compared with.
    before: Period | None = None

    @property
    def currencies(self) -> tuple[str, ...]:
        """The currencies that it speaks of, in order."""
        found = {row.currency for row in self.totals if row.currency} | ({self.currency} - {""})
        return tuple(sorted(found))

    @property
    def summed(self) -> tuple[Row, ...]:
        """The totals that say something: kWh and cubic metres alone have no sum of both."""
        adding = [at for at, column in enumerate(self.columns) if column.kind.numeric]
        return tuple(row for row in self.totals if any(row.cells[at] is not None for at in adding))

    def says_kind(self, row: Row) -> bool:
        """Whether a cell of a sum names the kind of meter that it is of."""
        cells = zip(self.columns, row.cells, strict=True)
        return any(column.kind is Kind.TYPE and value is not None for column, value in cells)

    def places(self, currency: str) -> int:
        """Decimals of a currency."""
        return self.decimals.get(currency, 2)


def exact(value: int, places: int) -> str:
    """A whole number with its last `places` digits behind a point: what files for programs hold.

    >>> exact(123456, 2), exact(-5, 2), exact(7, 0)
    ('1234.56', '-0.05', '7')
    """
    if not places:
        return str(value)
    if value < 0:
        return f"-{exact(-value, places)}"
    digits = str(value)
    if len(digits) <= places:
        digits = digits.zfill(places + 1)
    return f"{digits[:-places]}.{digits[-places:]}"


def made(entries: Sequence[Any], make: Callable[[Any], Row]) -> Callable[[int, int | None], Iterator[Row]]:
    """Rows that are made as they are handed out, each of what stands in its place."""
    return lambda offset, limit: (make(one) for one in entries[offset : None if limit is None else offset + limit])
