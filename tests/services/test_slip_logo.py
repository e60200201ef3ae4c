"""What may stand on a slip as a picture: PNG and JPEG, bounded, and drawn anew."""

from __future__ import annotations

import io
from typing import Any

import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from app.domain.errors import LogoRefused
from app.extensions import db
from app.models import SlipLogo
from app.services import slip_logo

pytestmark = pytest.mark.one_database


def picture(kind: str = "PNG", size: tuple[int, int] = (300, 100), mode: str = "RGB", **more: Any) -> bytes:
    out = io.BytesIO()
    Image.new(mode, size, 0).save(out, kind, **more)
    return out.getvalue()


@pytest.mark.parametrize(("kind", "mode"), [("PNG", "RGB"), ("PNG", "RGBA"), ("PNG", "P"), ("PNG", "1"), ("JPEG", "RGB"), ("JPEG", "CMYK")])
def test_a_png_or_a_jpeg_is_taken(kind, mode):
    logo = slip_logo.accept(picture(kind, mode=mode), {"PNG": "logo.png", "JPEG": "LOGO.JPG"}[kind])
    with Image.open(io.BytesIO(logo.picture)) as seen:
        assert (seen.format, seen.mode, seen.size) == ("PNG", "RGB", (300, 100))


def test_what_is_clear_becomes_white_and_what_is_large_small():
    logo = slip_logo.accept(picture(mode="RGBA", size=(3000, 600)), "logo.png")
    assert (logo.width, logo.height) == (720, 144)
    with Image.open(io.BytesIO(logo.picture)) as seen:
        assert seen.getpixel((5, 5)) == (255, 255, 255)


def test_only_pixels_pass():
    words = PngInfo()
    words.add_text("Comment", "<script>alert(1)</script>")
    sent = picture(pnginfo=words) + b"<svg onload=alert(1)>"
    assert b"script" in sent
    kept = slip_logo.accept(sent, "logo.png").picture
    assert b"script" not in kept and b"svg" not in kept


SVG = b"<?xml version='1.0'?><svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>"


@pytest.mark.parametrize(
    ("sent", "reason"),
    [
        (SVG, "kind"),
        (picture("GIF", mode="P"), "kind"),
        (picture("BMP"), "kind"),
        (b"", "kind"),
        (picture()[:60], "broken"),
        (picture("JPEG", size=(400, 400))[:300], "broken"),
        (picture(size=(300, 8)), "small"),
        (picture(size=(6000, 5000), mode="1"), "pixels"),
        (b"\x89PNG" + b"0" * slip_logo.BYTES_MAX, "large"),
    ],
    ids=["svg", "gif", "bmp", "nothing", "cut-png", "cut-jpeg", "flat", "huge", "heavy"],
)
def test_anything_else_is_refused_with_its_reason(sent, reason):
    with pytest.raises(LogoRefused) as refused:
        slip_logo.accept(sent, "logo.jpeg" if sent.startswith(b"\xff\xd8") else "logo.png")
    assert refused.value.params == {"reason": reason}


def test_the_same_picture_is_kept_once(context):
    logo = slip_logo.accept(picture(), "logo.png")
    for _time in range(2):
        slip_logo.keep(db.session(), logo)
        db.session.commit()
    assert db.session.query(SlipLogo).count() == 1
    assert slip_logo.logo_of(db.session(), logo.digest) == logo
    assert slip_logo.logo_of(db.session(), "0" * 64) is None


@pytest.mark.parametrize(("kind", "name"), [("PNG", "logo.jpg"), ("JPEG", "logo.png"), ("PNG", "logo.svg"), ("PNG", "logo"), ("PNG", "logo.png.exe")])
def test_a_name_that_says_another_kind_is_refused(kind, name):
    with pytest.raises(LogoRefused) as refused:
        slip_logo.accept(picture(kind), name)
    assert refused.value.params == {"reason": "kind"}
