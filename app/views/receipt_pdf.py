"""A slip as a PDF file on each paper: fonts embedded, accents and Arabic script included, nothing fetched.

xhtml2pdf lays out old-fashioned tables only, so the file has templates of its own.  The page of a
roll is cut after its last line: it is laid out on a long one first, and then measured.
"""

from __future__ import annotations

import io
import re
from pathlib import Path
from typing import Any

from flask import current_app, render_template
from pypdf import PdfReader, PdfWriter
from pypdf.generic import RectangleObject
from xhtml2pdf import pisa

from app.domain.states import Paper
from app.reports.draw_pdf_faces import FACES, HAN, HAN_SIGNS
from app.views.engineering_slip import ActSlip
from app.views.engineering_slip import height_mm as act_height_mm
from app.views.roll import ROLLS, height_mm, logo_size_mm
from app.views.slip import Slip, picture, qr_picture

FACES_AT, FONTS = "vendor/fonts", "vendor/fonts/dejavu"
# Locales whose script must be shaped; the direction is the template's.
SHAPED = {"ar": "arabic", "fa": "persian", "ur": "urdu", "he": "hebrew", "ps": "pashto"}
# How much longer than the printer's slip the first layout may become: its face is wider, and not mono.
LONGER, EDGE_MM = 3, 5
POINTS_PER_MM = 72 / 25.4


class PdfFailed(RuntimeError):
    """The file could not be laid out: a defect of the template, not of the receipt."""


def render_pdf(slip: Slip, paper: Paper) -> bytes:
    """Lay the receipt out on one or more A4 pages, or on one piece of a roll that is as long as it."""
    return lay_out(
        "receipts/pdf.html" if paper is Paper.SHEET else "receipts/pdf_roll.html",
        paper,
        0 if paper is Paper.SHEET else height_mm(slip, paper),
        slip=slip,
        receipt=slip.receipt,
        currency=slip.receipt.currency,
        picture=picture,
        logo_mm=logo_size_mm(slip.logo, paper) if slip.logo else None,
    )


def render_act_pdf(slip: ActSlip, paper: Paper) -> bytes:
    """Lay the slip of an engineering act out in the same way."""
    if paper is Paper.SHEET:
        return lay_out("engineering/pdf.html", paper, 0, slip=slip)
    return lay_out("engineering/pdf_roll.html", paper, act_height_mm(slip, paper), slip=slip)


def lay_out(template: str, paper: Paper, height: int, *, slip: Slip | ActSlip, **facts: Any) -> bytes:
    """Lay a slip out by its template; `height` is that of the printer's slip in mm where the paper is a roll."""
    static = Path(current_app.static_folder or "")
    html = render_template(
        template,
        slip=slip,
        fonts=static / FONTS,
        shaped=SHAPED.get(slip.language[:2]),
        qr_picture=qr_picture,
        roll=ROLLS.get(paper),
        long_mm=height * LONGER,
        **facts,
    )
    # The face has glyphs without width for embedding signs, and none for isolating ones.
    html = with_han(html.translate({0x2066: 0x202A, 0x2067: 0x202B, 0x2069: 0x202C}), static / FACES_AT / FACES[HAN])
    out = io.BytesIO()
    if pisa.CreatePDF(html, dest=out, encoding="utf-8", link_callback=_own_files(static)).err:
        raise PdfFailed(f"{template} could not be laid out")
    return out.getvalue() if paper is Paper.SHEET else _cut(out)


def with_han(html: str, face: Path) -> str:
    """Chinese, Japanese and Korean signs in a face that has them; a page without them does not read it.

    >>> with_han("<style></style><p title='王'>Mr 王</p>", Path("f.ttf")).partition("</style>")[2]
    "<p title='王'>Mr <span class='han'>王</span></p>"
    """
    if not HAN_SIGNS.search(html):
        return html
    rules = "".join(f'@font-face {{ font-family: Han; font-weight: {one}; src: url("{face}"); }}' for one in ("normal", "bold"))
    parts = re.split("(<[^>]*>)", html)
    parts[::2] = [HAN_SIGNS.sub(r"<span class='han'>\1</span>", part) for part in parts[::2]]
    return "".join(parts).replace("</style>", rules + ".han { font-family: Han; }</style>", 1)


def _cut(made: io.BytesIO) -> bytes:
    """Cut the page of a roll below its last line of text."""
    pages = PdfReader(made).pages
    if len(pages) != 1:
        raise PdfFailed("a slip did not fit on its roll")
    lowest: list[float] = []

    def note(text: str, cm: list[float], tm: list[float], _font: Any, _size: float) -> None:
        if text.strip():  # where the text stands, through both of its matrices
            lowest.append(tm[4] * cm[1] + tm[5] * cm[3] + cm[5])

    pages[0].extract_text(visitor_text=note)
    box = pages[0].mediabox
    bottom = max(0.0, min(lowest) - EDGE_MM * POINTS_PER_MM)
    writer = PdfWriter()
    page = writer.add_page(pages[0])
    for name in ("mediabox", "cropbox", "trimbox", "bleedbox", "artbox"):
        setattr(page, name, RectangleObject((0, bottom, float(box.width), float(box.height))))
    out = io.BytesIO()
    writer.write(out)
    return out.getvalue()


def _own_files(static: Path):  # type: ignore[no-untyped-def]
    """Only files of our own static folder, and pictures that stand in the page itself."""

    def find(uri: str, _relative: str) -> str:
        if uri.startswith("data:") or Path(uri).resolve().is_relative_to(static.resolve()):
            return uri
        raise PdfFailed(f"a receipt may not load {uri[:80]}")

    return find
