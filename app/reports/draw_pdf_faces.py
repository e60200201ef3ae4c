"""The faces of paper: DejaVu for most scripts, Droid Sans Fallback for Chinese, Japanese and Korean signs.

Neither has all signs, so a text is cut into runs, each drawn in its face.  Arabic is shaped and ordered before.
"""

from __future__ import annotations

import re
from functools import cache, lru_cache
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

FONT, BOLD, HAN = "ReportPlain", "ReportBold", "ReportHan"
FACES = {FONT: "dejavu/DejaVuSans.ttf", BOLD: "dejavu/DejaVuSans-Bold.ttf", HAN: "droid/DroidSansFallback.ttf"}
ISOLATES = {0x2060: None, 0x2066: None, 0x2067: None, 0x2068: None, 0x2069: None}
RIGHT_TO_LEFT = re.compile("[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufeff]")
HAN_SIGNS = re.compile("([\u1100-\u11ff\u2e80-\ua4cf\uac00-\ud7af\uf900-\ufaff\uff00-\uffef]+)")


@cache
def register(folder: Path) -> None:
    """Make the faces below `folder` known to reportlab."""
    from reportlab import rl_config
    from reportlab.pdfbase import pdfmetrics

    rl_config.useA85 = 0  # pages as bytes: as text they are a quarter larger, and take a twelfth of the time

    for name in (FONT, BOLD):
        _register(name, folder)
    pdfmetrics.registerFontFamily(FONT, normal=FONT, bold=BOLD, italic=FONT, boldItalic=BOLD)
    _folders.append(folder)


_folders: list[Path] = []


def _register(name: str, folder: Path) -> None:
    from reportlab.pdfbase import pdfmetrics
    from reportlab.pdfbase.ttfonts import TTFont

    pdfmetrics.registerFont(TTFont(name, str(folder / FACES[name])))


@cache
def _han() -> str:
    """The third face, read at the first sign that needs it: it is the largest."""
    _register(HAN, _folders[-1])
    return HAN


def visual(text: str, *, rtl: bool) -> str:
    """The letters in the order and the shapes in which they are drawn."""
    if not RIGHT_TO_LEFT.search(text):
        return text.translate(ISOLATES)
    import arabic_reshaper
    from xhtml2pdf.bidi import get_display

    return str(get_display(arabic_reshaper.reshape(text), "R" if rtl else "L")).translate(ISOLATES)


def runs(text: str, font: str) -> list[tuple[str, str]]:
    """A text that is ready to be drawn, as pieces with the face of each."""
    if not HAN_SIGNS.search(text):
        return [(text, font)]
    return [(piece, _han() if at % 2 else font) for at, piece in enumerate(HAN_SIGNS.split(text)) if piece]


def _width(text: str, font: str, size: float) -> float:
    """How wide a text is drawn, in points."""
    from reportlab.pdfbase.pdfmetrics import stringWidth

    return float(sum(stringWidth(piece, face, size) for piece, face in runs(text, font)))


# A table says the same names, states and days again and again, and each letter's width is looked up.
width_of = lru_cache(maxsize=10_000)(_width)


def markup(text: str, font: str) -> str:
    """For a paragraph: what is in the text is text, never markup."""
    return "".join(
        escape(piece) if face == font else f'<font name="{face}">{escape(piece)}</font>'
        for piece, face in runs(text, font)
    )


def lines_of(text: str, width: float, font: str, size: float, *, rtl: bool) -> list[str]:
    """Text from right to left, broken where it is read and only then turned: reportlab breaks at the other end."""
    lines: list[str] = []
    at = ""
    for word in re.split(r"[ \t\r\n]+", text):  # not at the spaces that hold words together
        longer = f"{at} {word}".strip()
        if at and width_of(visual(longer, rtl=rtl), font, size) > width:
            lines.append(at)
            longer = word
        at = longer
    return [visual(line, rtl=rtl) for line in (*lines, at)]


def write(canvas: Any, x: float, y: float, text: str, font: str, size: float) -> None:
    """Draw a text on a canvas from `x` on."""
    for piece, face in runs(text, font):
        canvas.setFont(face, size)
        canvas.drawString(x, y, piece)
        x += width_of(piece, face, size)


def strings(x: float, y: float, text: str, font: str, size: float, anchor: str = "start") -> list[Any]:
    """The same as shapes of a drawing; `anchor` says which part of the text stands at `x`."""
    from reportlab.graphics.shapes import String

    x -= width_of(text, font, size) * {"start": 0.0, "middle": 0.5, "end": 1.0}[anchor]
    made = []
    for piece, face in runs(text, font):
        made.append(String(x, y, piece, fontName=face, fontSize=size))
        x += width_of(piece, face, size)
    return made


def line(text: str, font: str, size: float, *, end: bool) -> Any:
    """One line of several faces as a cell of a table: as quick as a plain string."""
    from reportlab.platypus import Flowable

    class Line(Flowable):  # type: ignore[misc]
        def wrap(self, room: float, _height: float) -> tuple[float, float]:
            self.width = room
            return room, size * 1.28

        def draw(self) -> None:
            at = self.width - width_of(text, font, size) if end else 0.0
            write(self.canv, at, size * 0.28, text, font, size)

    return Line()
