"""A person without a mouse in a page of Chromium: Tab by Tab through it, and what stands in the way.

What is held: each thing that can be used takes the focus, the focus is seen and not covered, it goes in the order of the page and
never sticks, and nothing is for the mouse alone.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

# Numbers everything that Tab should reach, and remembers how it looks while it has no focus.
MARK = (Path(__file__).parent / "keyboard.js").read_text("utf-8")
STEPS_MAX = 400


def walk(page: Any) -> list[str]:
    """Tab from the top of the page to its end; what there is to object to."""
    page.evaluate(MARK)
    waiting = page.evaluate("() => window.keys.begin()")
    found = list(page.evaluate("() => window.keys.mouseOnly()"))
    seen: list[int] = []
    for _step in range(min(len(waiting) * 2 + 4, STEPS_MAX)):
        page.keyboard.press("Tab")
        at, faults = page.evaluate("() => window.keys.here()")
        found += faults
        if at is None or at in seen:
            break  # round once: back at the top, or out of the page
        seen.append(at)
    if seen != sorted(seen):
        found.append(f"not in the order of the page: {seen}")
    if len(seen) < len(waiting):  # the counter leads from the sum straight to the money; the way back passes the rest
        seen += _back(page, len(waiting))
    return found + [f"never reached: {words}" for number, words in waiting if number not in seen]


def _back(page: Any, steps: int) -> list[int]:
    """What Shift and Tab reach from the end of the page."""
    seen = []
    for _step in range(steps + 2):
        page.keyboard.press("Shift+Tab")
        at, _faults = page.evaluate("() => window.keys.here()")
        seen += [at] if at is not None else []
    return seen
