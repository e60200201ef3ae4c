"""Quotes per second of the tariff engine: one thread, a compiled three-step plan.

    .venv/bin/python bench/pricing.py [SECONDS]

Time is this process's own processor time, so that neighbours on a shared core do not count.
"priced" is a quote with its sum and units; "explained" also makes and reads every line.
"""

from __future__ import annotations

import random
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from app.domain.compile import compile_plan
from app.domain.money import Currency
from app.domain.plan import Fee, FeeState, History, Plan, Step, Tax
from app.domain.pricing import quote_by_amount, quote_by_quantity
from app.domain.quote import Quote
from app.domain.states import ChargeMethod, Settlement
from app.sts.amount import MAX_TENTHS, representable_at_least

USD = Currency("USD", "$", 2)
REST = (USD, Settlement.UP, representable_at_least, MAX_TENTHS)
THREE = Plan(
    "three steps",
    (
        Step(0, Fraction("12.50"), ("t1",)),
        Step(500, Fraction("19.75"), ("t1",)),
        Step(1500, Fraction("29.50"), ("t2",)),
    ),
    taxes=(Tax("t1", "VAT 8 %", Fraction("0.08")), Tax("t2", "VAT 18 %", Fraction("0.18"))),
)
FEE = Fee("fixed", "Monthly fee", Fraction(150), ChargeMethod.MONTH)
PLANS = {
    "three steps, bare": replace(THREE, steps=tuple(replace(s, taxes=()) for s in THREE.steps)),
    "three steps, tax by step": THREE,
    "the same with a monthly fee": replace(THREE, fees=(FEE,)),
}


def rate(work: Callable[[int], object], seconds: float) -> float:
    """Calls per processor second of `work`, fed with wishes from a fixed seed; the best of three runs."""
    wishes = [random.Random(1).randrange(200, 9000) for _ in range(500)]
    best = 0.0
    for _ in range(3):
        done, began = 0, time.process_time()
        while time.process_time() - began < seconds / 3:
            for wish in wishes:
                work(wish)
            done += len(wishes)
        best = max(best, done / (time.process_time() - began))
    return best


def row(name: str, direction: str, work: Callable[[int], Quote], seconds: float) -> None:
    """Measure one plan in one direction and print it."""
    priced = rate(work, seconds)
    explained = rate(lambda wish: work(wish).lines, seconds)
    print(f"{name:30} {direction:12} {priced:10,.0f} {explained:12,.0f}")


def measure(name: str, plan: Plan, seconds: float) -> None:
    """Both directions of one plan: 20.0 to 900.0 units, or 400.00 to 18 000.00 of money."""
    ready = compile_plan(plan)
    past = History(units_before=300, fees={"fixed": FeeState(1)})
    row(name, "by quantity", lambda wish: quote_by_quantity(ready, past, wish, *REST), seconds)
    row(name, "by amount", lambda wish: quote_by_amount(ready, past, wish * 200, *REST), seconds)


def main() -> None:
    """Print a table, one row per plan and direction."""
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 1.0
    print(f"{'plan':30} {'direction':12} {'priced/s':>10} {'explained/s':>12}")
    for name, plan in PLANS.items():
        measure(name, plan, seconds)
    print(f"{'compiling the plan':43} {rate(lambda _: compile_plan(THREE), seconds):10,.0f}")


if __name__ == "__main__":
    main()
