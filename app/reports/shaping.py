"""Shape of tables that are added up by one or two keys: rows, a subtotal under each value of the first, a total."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from app.reports.table import Column, Drill, Row, Sums


@dataclass(frozen=True, slots=True)
class Leaf:
    """The finest row: what orders it under each key, what is shown, and its figures by column key."""

    keys: tuple[tuple[Any, Any], ...]
    figures: tuple[int, ...]
    currency: str
    # What the list of sales behind it is asked for.
    asks: Mapping[str, str] = field(default_factory=dict)


def table(
    columns: tuple[Column, ...], leaves: Iterable[Leaf], figures: tuple[str, ...]
) -> tuple[list[Row], list[Row]]:
    """Add leaves of the same keys up; rows with subtotals, and a total for each currency."""
    sums: dict[str, dict[tuple[Any, ...], list[int]]] = {}
    shown: dict[tuple[Any, ...], tuple[Any, ...]] = {}
    asks: dict[tuple[Any, ...], Mapping[str, str]] = {}
    for leaf in leaves:
        where = tuple(order for order, _words in leaf.keys)
        shown[where] = tuple(words for _order, words in leaf.keys)
        asks[where] = leaf.asks
        kept = sums.setdefault(leaf.currency, {}).setdefault(where, [0] * len(figures))
        for at, value in enumerate(leaf.figures):
            kept[at] += value
    rows: list[Row] = []
    totals: list[Row] = []
    for currency in sorted(sums):
        made = [
            (where, Row(cells, currency, drill=Drill("sales-records", asks[where]) if asks[where] else None))
            for where in sorted(sums[currency])
            for cells in (_cells(columns, shown[where], figures, sums[currency][where], currency),)
        ]
        mine, total = subtotals(made, columns, frozenset(figures), currency, two=len(made[0][0]) > 1)
        rows += mine
        totals.append(total)
    return rows, totals


def _cells(
    columns: tuple[Column, ...], shown: tuple[Any, ...], names: tuple[str, ...], sums: list[int], currency: str
) -> tuple[Any, ...]:
    known = dict(zip(names, sums, strict=True))
    left = list(shown)
    return tuple(
        known[column.key] if column.key in known else currency if column.key == "currency" else left.pop(0)
        for column in columns
    )


def subtotals(
    made: list[tuple[tuple[Any, ...], Row]], columns: tuple[Column, ...], adds: frozenset[str], currency: str,
    *, two: bool,
) -> tuple[list[Row], Row]:
    """Rows in their order, a subtotal after those of one first key where there are two keys, and the total."""
    groups: dict[Any, list[Row]] = {}
    for where, row in made:
        groups.setdefault(where[0] if two else None, []).append(row)
    rows: list[Row] = []
    everything = Sums(columns, adds)
    for kept in groups.values():
        part = Sums(columns, adds)
        for row in kept:
            everything.add(row)
            if two:
                part.add(row)
        rows += kept
        if two:
            rows.append(part.row(1, currency, kept[0].cells[0]))
    return rows, everything.row(2, currency)
