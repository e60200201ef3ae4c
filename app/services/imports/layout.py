"""What a file of rows looks like: its cells, its layout, and why it cannot be read."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

# A cell is its text, or a sign and its text: see `spreadsheet`.
Cell = str | tuple[str, str]
COLUMNS_MAX = 100
CELL_MAX = 2_000
HEAD_LINES = 20  # the headings stand in one of the first rows
SAMPLE_LINES = 5


class Unreadable(Exception):
    """The file cannot be taken; `code` and `params` become a sentence on the page."""

    def __init__(self, code: str, **params: Any) -> None:
        self.code, self.params = code, params
        super().__init__(f"{code}({params})")


@dataclass(slots=True)
class Layout:
    """How a file was read: `kind` is 'csv' or 'xlsx'; `head` is the number of the row of headings."""

    kind: str = "csv"
    encoding: str = ""
    separator: str = ""
    sheet: str = ""
    sheets: list[str] = field(default_factory=list)
    head: int = 0
    headings: list[str] = field(default_factory=list)
    sample: list[list[str]] = field(default_factory=list)
    rows: int = 0

    def plain(self) -> dict[str, Any]:
        """As JSON carries it."""
        return asdict(self)


def shown(cell: Cell) -> str:
    """The text of a cell."""
    return cell if isinstance(cell, str) else cell[1]
