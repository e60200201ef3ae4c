"""How long a roll of paper must be: the height of a slip in millimetres, worked out by the server.

A roll is cut where the page ends, and a printer is not asked to guess: a slip of two tokens is
longer than one of one, and no slip feeds a metre of paper.  All text of a roll is in one mono face
at fixed heights of line (`slip.css` has the same figures), so lines can be counted.
"""

from __future__ import annotations

import math
import textwrap
from collections.abc import Iterable
from dataclasses import dataclass, replace

from app.domain.states import Paper
from app.services.slip_logo import Logo
from app.views import figures
from app.views.slip import Slip

QR_MM = 32.0  # with its room above; 21 of 29 modules are the code itself: 22.4 mm of 31
PART_MM = 3.3  # the dashed line with its room, above each part
PARTS = 4  # of a slip that is no receipt
SPARE_MM = 3.0
EDGES_MM = 6.0  # above and below, as @page has it
FRAME_MM = 5.5  # the frame of a warning with its room
AIR_MM = 1.5  # between the order of several tokens and the first of them


@dataclass(frozen=True, slots=True)
class Roll:
    """One width of roll: signs on a line and heights of lines, in millimetres; `small` is what rules are in."""

    width_mm: int
    side_mm: int
    columns: int
    line_mm: float
    small_columns: int
    small_mm: float
    big_columns: int
    big_mm: float
    token_mm: float
    logo_width_mm: int
    logo_height_mm: int


ROLLS = {
    Paper.ROLL_58: Roll(58, 5, 28, 3.8, 31, 3.4, 21, 5.0, 7.4, 36, 14),
    Paper.ROLL_80: Roll(80, 4, 38, 4.2, 43, 3.7, 29, 5.6, 9.4, 44, 16),
}


def page_size(slip: Slip, paper: Paper, mark: int | None = None) -> str:
    """The paper as CSS names it: `80mm 231mm`, or `A4`; `mark` is the number of the copy where it is not the slip's."""
    if paper is Paper.SHEET:
        return "A4"
    return f"{ROLLS[paper].width_mm}mm {height_mm(replace(slip, mark=slip.mark if mark is None else mark), paper)}mm"


def logo_size_mm(logo: Logo, paper: Paper) -> tuple[int, int]:
    """Width and height of the logo on this paper: as large as its room allows, never distorted."""
    roll = ROLLS.get(paper)
    width, height = (roll.logo_width_mm, roll.logo_height_mm) if roll else (60, 20)
    scale = min(width / logo.width, height / logo.height)
    return max(1, math.floor(logo.width * scale)), max(1, math.floor(logo.height * scale))


def height_mm(slip: Slip, paper: Paper) -> int:
    """How long the roll must be, with a little to spare."""
    roll = ROLLS[paper]
    receipt = slip.receipt
    parts = [
        logo_size_mm(slip.logo, paper)[1] + 1 if slip.logo else 0,
        _copy(slip, roll),
        _head(slip, roll),
        sum(FRAME_MM + _texts([text], roll.columns, roll.line_mm) for text in slip.warnings),
        *(PART_MM + _rows(rows, roll) for rows in (slip.about, slip.person, slip.meter)),
        PART_MM + _tokens(slip, roll),
        PART_MM + _lines(slip, roll),
        PART_MM + roll.big_mm + _rows(slip.paid, roll),
        PART_MM + _texts([slip.period, slip.then, *slip.messages], roll.columns, roll.line_mm),
        PART_MM + _texts([slip.last_line, *slip.foot], roll.columns, roll.line_mm),
    ]
    if len(figures.money(receipt.amount, receipt.currency.decimals)) + len(slip.totals[0]) + 5 > roll.big_columns:
        parts.append(roll.big_mm)
    return math.ceil(sum(parts) + EDGES_MM + SPARE_MM)


def plain_mm(
    paper: Paper, *, big: Iterable[str], texts: Iterable[str], rows: Iterable[tuple[str, str]], tokens: int
) -> int:
    """How long a roll must be for a slip that is no receipt: large lines, texts, rows, tokens with their codes."""
    roll = ROLLS[paper]
    parts = [
        _texts(big, roll.big_columns, roll.big_mm),
        _texts(texts, roll.columns - 1, roll.line_mm),
        _rows(rows, roll),
        tokens * (2 * roll.token_mm + QR_MM),
        PARTS * PART_MM + FRAME_MM + AIR_MM,
    ]
    return math.ceil(sum(parts) + EDGES_MM + SPARE_MM)


def _copy(slip: Slip, roll: Roll) -> float:
    if not slip.mark:
        return 0
    return roll.big_mm * 1.3 + _texts([slip.copy_text], roll.columns, roll.line_mm)


def _head(slip: Slip, roll: Roll) -> float:
    facts = slip.receipt.facts
    lines = [*slip.head, slip.place]
    big = _texts([facts["utility"]["name"], slip.titles[0]], roll.big_columns, roll.big_mm)
    return big + _texts(lines, roll.columns, roll.line_mm) + 1


def _tokens(slip: Slip, roll: Roll) -> float:
    titles = _texts(slip.token_titles, roll.big_columns + 3, roll.big_mm)
    said = _texts([slip.order_line, *slip.instead], roll.columns - 1, roll.line_mm) + len(slip.instead) + AIR_MM
    return titles + len(slip.receipt.tokens) * (2 * roll.token_mm + QR_MM) + said


def _lines(slip: Slip, roll: Roll) -> float:
    decimals = slip.receipt.currency.decimals
    titles = _rows([(line.title, figures.money(line.amount_minor, decimals)) for line in slip.lines], roll)
    return titles + _texts([line.rule for line in slip.lines], roll.small_columns, roll.small_mm)


def _texts(texts: Iterable[str], columns: int, line_mm: float) -> float:
    """The height of texts over the whole width; words wrap."""
    return line_mm * sum(len(textwrap.wrap(text, columns)) for text in texts)


def _rows(rows: Iterable[tuple[str, str]], roll: Roll) -> float:
    """The height of rows: label and value share a line while they fit."""
    return roll.line_mm * sum(_lines_of(label, value, roll.columns) for label, value in rows)


def _lines_of(label: str, value: str, columns: int) -> int:
    if len(label) + len(value) < columns:
        return 1
    return len(textwrap.wrap(label, columns)) + len(textwrap.wrap(value, columns))
