"""What every report becomes and every form is drawn from: columns, rows, totals, figures, charts.

All figures are whole numbers: money in minor units of the row's currency, units in tenths.  Two
currencies are never added, and neither are kWh and cubic metres: a sum over both is `None`, and
the totals say each by itself.
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
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
    # What people read in the place of a value that a row does not have (said); programs read nothing.
    none: str = ""


@dataclass(frozen=True, slots=True)
class Drill:
    """Where a row leads: a report with other arguments."""

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


def listed(rows: Iterable[Row]) -> Callable[[int, int | None], Iterator[Row]]:
    """Rows that are in memory, as `Answer.rows` hands them out."""
    kept = tuple(rows)
    return lambda offset, limit: iter(kept[offset:] if limit is None else kept[offset : offset + limit])


def made(rows: Sequence[Callable[[], Row]]) -> Callable[[int, int | None], Iterator[Row]]:
    """Rows that are made as they are handed out."""
    return lambda offset, limit: (one() for one in rows[offset : None if limit is None else offset + limit])


@dataclass(slots=True)
class Sums:
    """Adds rows up, column by column, each currency by itself.

    Units of two kinds of meter give None: kWh and cubic metres have no sum.
    """

    columns: tuple[Column, ...]
    adds: frozenset[str]
    cells: list[Any] = field(default_factory=list)
    _unit: MeterType | None = None
    _rows: int = 0
    # The places of what is added, and whether it is units of the row's own kind of meter, units of one, or neither.
    _places: list[tuple[int, bool, bool]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.cells = [0 if column.key in self.adds else None for column in self.columns]
        self._places = [
            (at, column.kind is Kind.UNITS, column.kind is Kind.UNITS and column.of is None)
            for at, column in enumerate(self.columns) if column.key in self.adds
        ]  # fmt: skip

    def add(self, row: Row) -> None:
        """One more row of the same currency."""
        mixed = bool(self._rows) and row.meter_type is not self._unit
        cells, given = self.cells, row.cells
        for at, units, own_units in self._places:
            value = given[at]
            if (own_units and mixed) or cells[at] is None or (units and value is None):
                cells[at] = None
            else:
                cells[at] += value or 0
        self._unit = row.meter_type if not self._rows else (None if mixed else self._unit)
        self._rows += 1

    def row(self, level: int, currency: str, first: Any = None, drill: Drill | None = None) -> Row:
        """The sum as a row; `first` stands in the first column."""
        cells = list(self.cells)
        for at, column in enumerate(self.columns):
            if column.key == "currency":
                cells[at] = currency  # NB: a check in a workbook adds up by it
        if cells and first is not None:
            cells[0] = first
        return Row(tuple(cells), currency, self._unit, level, drill)
