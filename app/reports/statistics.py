"""Shape of the statistics P1 and P6: sums by one or two keys, with the kinds of meter beside each other.

Pure reckoning over `Fact`s: tried with facts written by hand.  What is asked for by money has a
column of money for each kind of meter and their sum; by units there is no sum over two kinds.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date
from functools import partial
from operator import attrgetter, itemgetter
from typing import Any, NamedTuple

from app.domain.states import MeterType
from app.models.summaries import COUNTED
from app.reports import names
from app.reports.headings import said
from app.reports.period import GROUPS, cut, piece
from app.reports.question import ALONE
from app.reports.report import ROWS_MAX, Asked, TooMany
from app.reports.shaping import alphabetical, together
from app.reports.statistics_chart import charts, drawn_by
from app.reports.sums import LEVELS, Fact, Source, facts, total
from app.reports.table import Answer, Chart, Column, Drill, Figure, Kind, Row, made

_AT = {name: at for at, name in enumerate(COUNTED)}
KEYS: Mapping[str, Column] = {
    "day": Column("day", said("Day"), Kind.DAY, 13),
    "week": Column("week", said("Week from"), Kind.WEEK, 13),
    "month": Column("month", said("Month"), Kind.MONTH, 13),
    "year": Column("year", said("Year"), Kind.YEAR, 8),
    "type": Column("type", said("Meter type"), Kind.TYPE, 14),
    "point": Column("point", said("Vending point"), Kind.TEXT, 24),
    "region": Column("region", said("Region"), Kind.TEXT, 32),
    "province": Column("province", said("Province or state"), Kind.TEXT, 28),
    "country": Column("country", said("Country"), Kind.TEXT, 20),
}
# What of a fact each key is told by.
_OF: Mapping[str, Callable[[Fact], Any]] = {
    **dict.fromkeys(GROUPS, attrgetter("day")), **dict.fromkeys(LEVELS, attrgetter("region_id")),
    "type": attrgetter("meter_type"), "point": attrgetter("point_id"),
}  # fmt: skip
ORDERS = (*KEYS, "sales", "reversals", "energy", "fees", "taxes", "amount", "units")
CURRENCY = Column("currency", said("Currency"), Kind.TEXT, 9)


class Told(NamedTuple):
    """One value of a key: what orders it, what is shown, and what its drill-down asks for."""

    order: Any
    shown: Any
    asks: Mapping[str, str]


def answer(asked: Asked, source: Source, drills_to: str) -> Answer:
    """Load, shape, and the figures of the period before."""
    question = asked.question
    keys = [name for name in (question.group, question.then) if name]
    found = facts(asked, source, question.period, keys)
    earlier = total(facts(asked, source, question.earlier, ()))
    drawn, bars = found, drawn_by(question, asked.house.first_weekday)
    if question.group == "week" and bars != "week":  # a week may hold days of two months
        drawn = facts(asked, source, question.period, (bars,))
    return shape(asked, found, earlier, _teller(asked, found), drills_to, drawn)


def shape(
    asked: Asked, found: list[Fact], earlier: dict[str, dict[str, int]],
    tell: Callable[[str, Fact], Told], drills_to: str, drawn: list[Fact] | None = None,
) -> Answer:  # fmt: skip
    """Facts to a table with subtotals, totals, figures and a chart for each currency.

    `drawn` are the facts of the charts where those of the table cannot be added up to their bars.
    """
    question = asked.question
    kinds = tuple(kind for kind in MeterType if any(fact.meter_type is kind for fact in found))
    currencies = sorted({fact.currency for fact in found})
    columns = _columns(question, kinds, several=len(currencies) > 1)
    rows: list[Callable[[], Row]] = []
    totals: list[Row] = []
    bars: list[Chart] = []
    for currency in currencies:
        mine = [fact for fact in found if fact.currency == currency]
        table, sum_row = _rows(question, mine, currency, columns, tell, drills_to)
        rows += table
        totals.append(sum_row)
        high = mine if drawn is None else [fact for fact in drawn if fact.currency == currency]
        bars += charts(asked, high, currency, kinds, tell, KEYS)
    if len(rows) > ROWS_MAX:
        raise TooMany(ROWS_MAX)
    return Answer(
        columns=columns, count=len(rows), rows=made(rows, lambda make: make()), totals=tuple(totals),
        decimals=asked.house.decimals, figures=_figures(total(found), earlier), charts=tuple(bars),
        before=question.earlier, order=question.order, descending=question.descending,
    )  # fmt: skip


def _columns(question: Any, kinds: tuple[MeterType, ...], *, several: bool) -> tuple[Column, ...]:
    keys = [KEYS[name] for name in (question.group, question.then) if name]
    columns = [*keys, *([CURRENCY] if several else [])]
    columns += [
        Column("sales", said("Sales"), Kind.COUNT, 9), Column("reversals", said("Reversals"), Kind.COUNT, 10),
    ]  # fmt: skip
    apart = "type" not in (question.group, question.then)
    if question.show == "units":
        if not apart:
            return (*columns, Column("units", said("Units"), Kind.UNITS, 15))
        return (*columns, *(Column(f"units.{kind.value}", "", Kind.UNITS, 15, of=kind) for kind in kinds))
    if apart and len(kinds) > 1:
        columns += [Column(f"amount.{kind.value}", "", Kind.MONEY, 15, of=kind) for kind in kinds]
    return (
        *columns,
        Column("energy", said("Energy and other"), Kind.MONEY, 15), Column("fees", said("Fees"), Kind.MONEY, 13),
        Column("taxes", said("Taxes"), Kind.MONEY, 13), Column("amount", said("Total"), Kind.MONEY, 16),
    )  # fmt: skip


def _rows(
    question: Any, mine: list[Fact], currency: str, columns: tuple[Column, ...],
    tell: Callable[[str, Fact], Told], drills_to: str,
) -> tuple[list[Callable[[], Row]], Row]:  # fmt: skip
    """The rows of one currency, with a subtotal under each value of the first key where there are two; and the total.

    Each row is made when it is looked at: of two thousand a page shows fifty.
    """
    keys = [name for name in (question.group, question.then) if name]
    lines: dict[tuple[Any, ...], tuple[list[Told], list[Fact]]] = {}
    for fact in mine:
        told = [tell(name, fact) for name in keys]
        lines.setdefault(tuple([one.order for one in told]), (told, []))[1].append(fact)
    row = _row_maker(columns, keys, currency, drills_to)
    ordered = sorted(lines.items(), key=itemgetter(0))
    at = next((n for n, column in enumerate(columns) if column.key == question.order), None)
    if at and question.order in _AT:
        figure = _AT[question.order]
        ordered.sort(key=lambda line: _sums(line[1][1])[figure], reverse=question.descending)
    elif at:
        ordered.sort(key=lambda line: _sortable(row(*line[1]).cells[at]), reverse=question.descending)
    elif question.descending:  # NB: by the first key it is the key's own order, not that of the words shown
        ordered.reverse()
    blank = Told(None, None, {})
    if len(keys) == 1:
        return [partial(row, *line) for _where, line in ordered], row([blank], mine, 2)
    groups: dict[Any, list[tuple[list[Told], list[Fact]]]] = {}
    for where, line in ordered:
        groups.setdefault(where[0], []).append(line)
    rows: list[Callable[[], Row]] = []
    for kept in groups.values():
        rows += [partial(row, *line) for line in kept]
        rows.append(partial(row, [kept[0][0][0], blank], [fact for _told, found in kept for fact in found], 1))
    return rows, row([blank, blank], mine, 2)


def _sortable(cell: Any) -> tuple[Any, ...]:
    return (0, cell) if isinstance(cell, int) else (cell is not None, str(cell))


def _row_maker(
    columns: tuple[Column, ...], keys: list[str], currency: str, drills_to: str
) -> Callable[..., Row]:
    """What makes a row of its keys and its facts: it lays all that a row may show in an order, and picks from there.

    A subtotal (level 1) and the total (2) are made of all facts below them, and lead nowhere.
    """
    kinds = tuple(MeterType)
    apart_by = [(what, kind) for what in (Kind.MONEY, Kind.UNITS) for kind in kinds]
    laid: list[Any] = [*keys, *COUNTED, "currency", *apart_by]
    pick = itemgetter(*(laid.index(one.key if one.of is None else (one.kind, one.of)) for one in columns))
    amount, units = _AT["amount"], _AT["units"]

    def row(told: list[Told], found: list[Fact], level: int = 0) -> Row:
        sums = _sums(found)
        apart = [0] * len(apart_by)
        for fact in found:
            at = kinds.index(fact.meter_type)
            apart[at] += fact.sums[amount]
            apart[len(kinds) + at] += fact.sums[units]
        kind = found[0].meter_type
        only = kind if all(fact.meter_type is kind for fact in found) else None
        if only is None:
            sums[units] = None  # kWh and cubic metres have no sum
        cells = pick((*[one.shown for one in told], *sums, currency, *apart))
        if level:
            return Row(cells, currency, only, level)
        asks = told[0].asks if len(told) == 1 else together(one.asks for one in told)
        return Row(cells, currency, only, drill=Drill(drills_to, asks))

    return row


def _sums(found: list[Fact]) -> list[Any]:
    """What facts add up to, each of COUNTED."""
    several = len(found) > 1
    sums = list(map(sum, zip(*[fact.sums for fact in found], strict=True)) if several else found[0].sums)
    # What is neither fee nor tax: steps, levies, fines, debts and roundings, so that the row adds up.
    sums[_AT["energy"]] = sums[_AT["amount"]] - sums[_AT["fees"]] - sums[_AT["taxes"]]
    return sums


def _figures(now: dict[str, dict[str, int]], earlier: dict[str, dict[str, int]]) -> tuple[Figure, ...]:
    """Of each currency: what was sold, of which taxes, how often, what was taken back."""
    found: list[Figure] = []
    for currency in sorted(now):
        mine, was = now[currency], earlier.get(currency, dict.fromkeys(COUNTED, 0))
        found += [
            Figure(said("Sold"), Kind.MONEY, mine["amount"], currency, was["amount"]),
            Figure(said("of which taxes"), Kind.MONEY, mine["taxes"], currency, was["taxes"]),
            Figure(said("Sales"), Kind.COUNT, mine["sales"], currency, was["sales"]),
            Figure(said("Reversals"), Kind.COUNT, mine["reversals"], currency, was["reversals"]),
        ]
    return tuple(found)


def _teller(asked: Asked, found: list[Fact]) -> Callable[[str, Fact], Told]:
    """How each key of a fact is ordered, shown and asked for."""
    question, house = asked.question, asked.house
    points = names.points(asked.session, {fact.point_id for fact in found if fact.point_id is not None})
    places = names.regions(asked.session, {fact.region_id for fact in found if fact.region_id is not None})
    above = names.regions(
        asked.session,
        {int(part) for path, _name in places.values() for part in path.strip("/").split("/")},
    )
    holds = names.holding(asked.session, above)
    # The figure of a place above the reader's own region, or above the one that was asked for, is all of that one.
    picked = question.picks.get("region")
    narrower = [path for path in (asked.scope.region_path, picked and picked.path) if path]

    def made(name: str, fact: Fact) -> Told:
        if name in GROUPS:
            day: date = cut(fact.day, name, house.first_weekday)  # type: ignore[arg-type]
            span = piece(day, name, question.period, house.first_weekday)
            return Told(day, day, {"from": span.first.isoformat(), "to": span.last.isoformat()})
        if name == "type":
            return Told(tuple(MeterType).index(fact.meter_type), fact.meter_type, {"type": fact.meter_type.value})
        if name == "point":
            code, words = points.get(fact.point_id or 0, ("", "?"))
            return Told((alphabetical(words), fact.point_id), words, {"point": code})
        path, words = places.get(fact.region_id or 0, ("/0/", "?"))
        ids = [int(part) for part in path.strip("/").split("/")][: LEVELS[name]]
        words = above.get(ids[-1], ("", words))[1]
        place = f"/{'/'.join(map(str, ids))}/"
        if any(path != place and path.startswith(place) for path in narrower):
            return Told((alphabetical(words), ids[-1]), words, {})
        asks = {"region": str(ids[-1])}
        # A figure of a place that is not at the level asked for, or has places within it, is of that place alone.
        if len(ids) < LEVELS[name] and ids[-1] in holds:
            asks["within"] = ALONE
        return Told((alphabetical(words), ids[-1]), words, asks)

    known: dict[str, dict[Any, Told]] = {name: {} for name in KEYS}

    def tell(name: str, fact: Fact) -> Told:
        value, kept = _OF[name](fact), known[name]
        told = kept.get(value)
        if told is None:
            told = kept[value] = made(name, fact)
        return told

    return tell
