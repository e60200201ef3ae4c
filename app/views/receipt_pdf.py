"""The A4 receipt as a PDF file: fonts embedded, accents and Arabic script included, nothing fetched.

xhtml2pdf lays out old-fashioned tables only, so the file has a template of its own.
"""

from __future__ import annotations

import io
from pathlib import Path

from flask import current_app, render_template
from flask_babel import get_locale
from xhtml2pdf import pisa

from app.views.slip import SAY, Slip, how_many_tokens, qr_picture, token_title

FONTS = "vendor/fonts/dejavu"
# Locales whose script must be shaped and set from right to left.
SHAPED = {"ar": "arabic", "fa": "persian", "ur": "urdu", "he": "hebrew", "ps": "pashto"}


class PdfFailed(RuntimeError):
    """The file could not be laid out: a defect of the template, not of the receipt."""


def render_pdf(slip: Slip) -> bytes:
    """Lay the receipt out on one or more A4 pages."""
    static = Path(current_app.static_folder or "")
    html = render_template(
        "receipts/pdf.html",
        slip=slip,
        receipt=slip.receipt,
        currency=slip.receipt.currency,
        unit=slip.receipt.unit,
        fonts=static / FONTS,
        shaped=SHAPED.get(str(get_locale() or "en")[:2]),
        qr_picture=qr_picture,
        say=SAY,
        token_title=token_title,
        help_line=how_many_tokens(len(slip.receipt.tokens)),
    )
    # The isolating signs have no glyph; xhtml2pdf orders mixed lines by itself.
    html = html.translate({0x2066: None, 0x2069: None})
    out = io.BytesIO()
    if pisa.CreatePDF(html, dest=out, encoding="utf-8", link_callback=_own_files(static)).err:
        raise PdfFailed(f"the receipt of sale {slip.receipt.sale_id} could not be laid out")
    return out.getvalue()


def _own_files(static: Path):  # type: ignore[no-untyped-def]
    """Only files of our own static folder, and pictures that stand in the page itself."""

    def find(uri: str, _relative: str) -> str:
        if uri.startswith("data:") or Path(uri).resolve().is_relative_to(static.resolve()):
            return uri
        raise PdfFailed(f"a receipt may not load {uri[:80]}")

    return find
