"""What `bench/vend.py` has measured, as tables for docs/performance.md, and what bounds a sale."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from bench.vend_client import quantile

OPERATORS = 16
AIMS = {"sales": 60, "operators_ms": 250, "quote_ms": 15, "search_ms": 20}


@dataclass
class Measured:
    """Everything of one database, for the tables."""

    name: str
    figures: dict[str, Any] = field(default_factory=dict)


def say(line: str) -> None:
    """How far it is, beside the tables."""
    print(line, file=sys.stderr, flush=True)


def row(*cells: object) -> str:
    """One line of a table."""
    return "| " + " | ".join(str(cell) for cell in cells) + " |"


def three(values: Sequence[float]) -> str:
    """Half, 95 and 99 per cent are not slower than these."""
    return " / ".join(f"{quantile(values, share):.0f}" for share in (50, 95, 99))


def tell(found: list[Measured], size: str) -> None:
    """The tables, and what bounds a sale."""
    print(f"\n{size}; load at the end {os.getloadavg()[0]:.1f}\n")
    print(row("database", "sales /s (Sell alone)", "ms p50 / p95 / p99", "whole purchases /s", "page, Sell, receipt, ms p95", "statements"))
    print(row("---", "---:", "---:", "---:", "---:", "---:"))
    for one in found:
        f = one.figures
        bought = ", ".join(f"{quantile(f['purchase'][k], 95):.0f}" for k in ("page", "ms", "receipt"))
        made = ", ".join(str(f["statements"][k]) for k in ("page", "sell", "receipt"))
        print(row(one.name, f"{f['sell']['rate']:.0f}", three(f["sell"]["ms"]), f"{f['purchase']['rate']:.0f}", bought, made))
    print(f"\nAim: {AIMS['sales']} sales a second.\n")
    print(row("database", f"{OPERATORS} operators: sales /s", "Sell, ms p50 / p95 / p99", "page, receipt, ms p95", "quote, server ms p50 / p95", "search, server ms p50 / p95", "later quotes", "later searches"))
    print(row("---", "---:", "---:", "---:", "---:", "---:", "---:", "---:"))
    for one in found:
        f, t = one.figures, one.figures["thinkers"]
        idle = [f"{quantile(f['idle'][k], 50):.1f} / {quantile(f['idle'][k], 95):.1f}" for k in ("quote", "search", "quote later", "search later")]
        print(row(one.name, f"{t['rate']:.1f}", three(t["ms"]), f"{quantile(t['page'], 95):.0f}, {quantile(t['receipt'], 95):.0f}", *idle))
    print(f"\nAims: Sell within {AIMS['operators_ms']} ms, a quote {AIMS['quote_ms']}, a search {AIMS['search_ms']} (p95).\n")
    print(row("database", "two commits /s", "empty view /s", "floor /s", "sales as a share of it", "processor a sale, ms: web, module, database, load"))
    print(row("---", "---:", "---:", "---:", "---:", "---:"))
    for one in found:
        f = one.figures
        floor = 1 / (1 / f["commits"] + 1 / f["empty"])
        spent = ", ".join(f"{f['sell']['cpu'][k]:.1f}" for k in ("web", "module", "database", "load"))
        print(row(one.name, f"{f['commits']:.0f}", f"{f['empty']:.0f}", f"{floor:.0f}", f"{100 * f['sell']['rate'] / floor:.0f} %", spent))
    for one in found:
        f = one.figures["sell"]
        busy = sum(f["cpu"].values()) * f["rate"] / 10 / (os.cpu_count() or 1)
        print(f"\n{one.name}: while it sold, {busy:.0f} % of the {os.cpu_count()} cores went into the sale itself; the web processes took {100 * f['cpu']['web'] / (sum(f['cpu'].values()) or 1):.0f} % of that.")
