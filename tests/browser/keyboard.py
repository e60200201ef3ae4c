"""A person without a mouse in a page of Chromium: Tab by Tab through it, and what stands in the way.

What is held: each thing that can be used takes the focus, the focus is seen and not covered, it goes in the order of the page and
of reading, never sticks, and nothing is for the mouse alone.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

# Numbers everything that Tab should reach, and remembers how it looks while it has no focus.
MARK = (Path(__file__).parent / "keyboard.js").read_text("utf-8")
STEPS_MAX, PARTS_MAX = 600, 8


def walk(page: Any) -> list[str]:
    """Tab from the top of the page to its end; what there is to object to."""
    page.evaluate(MARK)
    waiting = page.evaluate("() => window.keys.begin()")
    found = list(page.evaluate("() => window.keys.mouseOnly()"))
    seen: list[int] = []
    inside = 0
    for _step in range(min(len(waiting) * 2 + 40, STEPS_MAX)):
        page.keyboard.press("Tab")
        at, faults = page.evaluate("() => window.keys.here()")
        found += faults
        inside = inside + 1 if seen and at == seen[-1] else 0
        if inside > PARTS_MAX:
            found.append(f"the focus sticks: {dict(waiting).get(at)}")
        if inside > PARTS_MAX or at is None or at in seen[:-1]:
            break  # round once: back at the top, or out of the page
        if not inside:  # a date has a stop for each of its parts
            seen.append(at)
    if seen != sorted(seen):
        found.append(f"not in the order of the page: {seen}")
    return found + [f"never reached: {words}" for number, words in waiting if number not in seen]
