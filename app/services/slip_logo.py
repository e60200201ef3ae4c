"""The utility's logo on slips: what is uploaded is checked, bounded, drawn anew as PNG, and kept by its digest.

The bytes that somebody sent are never stored or shown again: only pixels pass.  A drawing that may
hold scripts (SVG) is refused, and so is a picture that would take much memory to open.
"""

from __future__ import annotations

import hashlib
import io
import warnings
from dataclasses import dataclass
from pathlib import PurePath

from PIL import Image, ImageOps, UnidentifiedImageError
from sqlalchemy.orm import Session

from app.domain import errors
from app.models import SlipLogo
from app.models.base import now

BYTES_MAX = 2 * 1024 * 1024
PIXELS_MAX = 25_000_000
# What an A4 sheet shows at 300 dots an inch; a roll needs less.
WIDTH_MAX, HEIGHT_MAX = 720, 240
SIDE_MIN = 16
NAMES = {".png": "PNG", ".jpg": "JPEG", ".jpeg": "JPEG"}


@dataclass(frozen=True, slots=True)
class Logo:
    """A picture that may stand on a slip: PNG as this program wrote it, and its size in pixels."""

    digest: str
    picture: bytes
    width: int
    height: int


def accept(content: bytes, name: str) -> Logo:
    """The picture that was uploaded under this name, drawn anew on white.

    Raises LogoRefused with the reason: large, kind (other than the name's, too), pixels, small or broken.
    """
    if len(content) > BYTES_MAX:
        raise errors.LogoRefused(reason="large")
    kind = NAMES.get(PurePath(name.lower()).suffix)
    if kind is None:
        raise errors.LogoRefused(reason="kind")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(io.BytesIO(content), formats=[kind]) as sent:
                return _drawn(sent)
    except UnidentifiedImageError:
        raise errors.LogoRefused(reason="kind") from None
    except (Image.DecompressionBombWarning, Image.DecompressionBombError):
        raise errors.LogoRefused(reason="pixels") from None
    except (OSError, SyntaxError, ValueError, EOFError):  # what the readers of pictures raise on broken ones
        raise errors.LogoRefused(reason="broken") from None


def _drawn(sent: Image.Image) -> Logo:
    width, height = sent.size
    if width * height > PIXELS_MAX:
        raise errors.LogoRefused(reason="pixels")
    if min(width, height) < SIDE_MIN:
        raise errors.LogoRefused(reason="small")
    seen = ImageOps.exif_transpose(sent).convert("RGBA")
    white = Image.new("RGBA", seen.size, "white")
    plain = Image.alpha_composite(white, seen).convert("RGB")
    plain.thumbnail((WIDTH_MAX, HEIGHT_MAX), Image.Resampling.LANCZOS)
    out = io.BytesIO()
    plain.save(out, "PNG", optimize=True)
    picture = out.getvalue()
    return Logo(hashlib.sha256(picture).hexdigest(), picture, *plain.size)


def keep(session: Session, logo: Logo) -> None:
    """Store the picture, once, in the caller's transaction."""
    if session.get(SlipLogo, logo.digest) is None:
        session.add(
            SlipLogo(digest=logo.digest, picture=logo.picture, width=logo.width, height=logo.height, added_at=now())
        )


def logo_of(session: Session, digest: str | None) -> Logo | None:
    """The picture of this name, or None."""
    row = session.get(SlipLogo, digest) if digest else None
    return None if row is None else Logo(row.digest, row.picture, row.width, row.height)
