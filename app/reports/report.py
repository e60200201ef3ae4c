"""The shape of one report: who may read it, what may be asked, and how it is answered."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from sqlalchemy.orm import Session

from app.access import permissions as p
from app.access.permissions import Permission
from app.access.scope import Scope
from app.domain.states import RowScope
from app.reports.installation import Installation
from app.reports.question import Choices, Question
from app.reports.table import Answer

# What a table on the screen or in memory may hold.
ROWS_MAX = 20_000
PAGE_SIZE = 50
# What each kind of file takes while a browser waits, and what it takes at all: made by the worker or the shell.
FILE_ROWS_MAX = {"pdf": 5_000, "xlsx": 100_000, "csv": 200_000, "json": 200_000}
LONG_ROWS_MAX = {"pdf": 20_000, "xlsx": 1_000_000, "csv": 5_000_000, "json": 5_000_000}
# Files that a person may have prepared in the background.
LATER = ("xlsx", "pdf", "csv")


class TooMany(Exception):
    """More rows than this form takes; a person narrows the period or groups more coarsely."""

    def __init__(self, limit: int, count: int | None = None) -> None:
        self.limit, self.count = limit, count
        super().__init__(f"more than {limit} rows")


@dataclass(frozen=True, slots=True)
class Asked:
    """Who asks, where, and what: the whole argument of a report."""

    session: Session
    scope: Scope
    house: Installation
    question: Question


@dataclass(frozen=True, slots=True)
class Report:
    """One report of the catalogue; `title` and `about` are said in English and translated where they are shown.

    `wide` reports go by the reader's region even for an operator (manual P1, P6 to P8).
    """

    name: str
    number: str
    title: str
    about: str
    icon: str
    choices: Choices
    answer: Callable[[Asked], Answer]
    wide: bool = False
    permission: Permission = p.READ_REPORTS

    def whole(self, asked: Asked, limit: int) -> Answer:
        """The answer for a file.  Raises TooMany if it has more rows than that."""
        answer = self.answer(asked)
        if answer.count > limit:
            raise TooMany(limit, answer.count)
        return answer

    def drills(self, scope: Scope) -> bool:
        """Whether a figure of it is the sum of rows that this reader sees: not beyond the own vending point."""
        return not (self.wide and scope.row_scope is RowScope.VENDING_POINT)
