"""What the forms need from the floor of the pages: the reader's language, and a cover for paper and file."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

from app.reports.table import Answer, Chart, Column, Figure, Row


class Speech(Protocol):
    """The reader's language.  Digits are always 0 to 9; figures arrive as whole numbers."""

    @property
    def rtl(self) -> bool:
        """Whether the language runs from right to left."""

    def say(self, text: str) -> str:
        """A heading that was `said`."""

    def heading(self, column: Column, answer: Answer) -> str:
        """A column's heading with its currency or unit, when all rows have the same."""

    def cell(self, column: Column, row: Row, value: Any, answer: Answer) -> str:
        """A cell as people read it."""

    def figure(self, figure: Figure, answer: Answer) -> tuple[str, str, str]:
        """Name, value and what it is compared with."""

    def chart(self, chart: Chart) -> tuple[str, str]:
        """What a chart is of, and a sentence where its bars are not the rows asked for."""

    def word(self, column: Column, value: Any) -> str:
        """A member of a closed list, or a kind of meter, in words."""

    def pair(self, name: str, value: str) -> str:
        """What something is called, and what it is, with the language's own colon."""

    def page_of(self, page: int, pages: int) -> str:
        """The foot of a page of paper."""


def held(heading: str) -> str:
    """A heading whose parts stay on one line: "SGC · KRN · TI" is one thing."""
    return heading.replace(" · ", "\u00a0·\u00a0")


@dataclass(frozen=True, slots=True)
class Cover:
    """What stands before the table: what this is, of when, of what, by whom.  All in the reader's language."""

    title: str
    utility: str
    period: str
    lines: tuple[tuple[str, str], ...]
    notes: tuple[str, ...]
    made: str
    total: str
    check: str
