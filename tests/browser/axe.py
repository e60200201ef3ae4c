"""axe-core in a page of Chromium: what stands against WCAG 2.2 A and AA, and against good order of a page."""

from __future__ import annotations

from pathlib import Path
from typing import Any

SCRIPT = (Path(__file__).resolve().parents[1] / "vendor/axe-core/axe.min.js").read_text("utf-8")
TAGS = ("wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22a", "wcag22aa", "best-practice")
CONTRAST = ("color-contrast", "link-in-text-block")
# Nothing is fetched anew, and target sizes are a rule that rests unless it is asked for.
ASK = """async ([part, kind, values]) => {
  const {violations} = await axe.run(part, {
    runOnly: {type: kind, values}, resultTypes: ['violations'], preload: false, iframes: false,
    rules: kind === 'tag' ? {'target-size': {enabled: true}, 'color-contrast': {enabled: false}, 'link-in-text-block': {enabled: false}} : {},
  });
  return violations.flatMap((rule) => rule.nodes.map((node) =>
    `${rule.id}: ${node.target.join(' ')} ${node.html.slice(0, 160)} ${node.failureSummary.split('\\n').slice(1).join(';')}`));
}"""
WEAR = "(theme) => { document.documentElement.dataset.theme = theme; }"
# What colours depend on: an element's classes, those of what it stands in, and its state.
LOOKS = """() => [...new Set([...document.querySelectorAll('body *')].map((one) =>
  [one.parentElement.className, one.tagName, one.className, one.disabled ? 'disabled' : ''].join('|')))]"""


class Eyes:
    """Axe-core with a memory: colours are judged again only where a page has something that none before it had.

    Judging colours is three quarters of the cost; `thorough` forgets, and judges every page.
    """

    def __init__(self, *, thorough: bool = False) -> None:
        self._seen: set[str] = set()
        self._thorough = thorough

    def violations(self, page: Any) -> list[str]:
        """What there is to object to on the page as it stands."""
        page.evaluate(SCRIPT)
        found = list(page.evaluate(ASK, ["html", "tag", list(TAGS)]))
        looks = set(page.evaluate(LOOKS))
        if self._thorough or looks - self._seen:
            part = "main" if self._seen and not self._thorough else "html"
            for theme in ("light", "dark"):
                page.evaluate(WEAR, theme)
                found += [f"{theme}: {line}" for line in page.evaluate(ASK, [part, "rule", list(CONTRAST)])]
            self._seen |= looks
        return found
