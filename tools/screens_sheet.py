"""Lays the pictures of a folder on one contact sheet, each under its name."""

from __future__ import annotations

from html import escape
from pathlib import Path
from typing import Any

PAGE = """<!doctype html><meta charset="utf-8"><style>
body {{ margin: 12px; font: 12px sans-serif; display: grid;
  grid-template-columns: repeat({across}, minmax(0, 1fr)); gap: 10px; }}
figure {{ margin: 0; overflow-wrap: anywhere; }}
img {{ width: 100%; max-height: 560px; object-fit: cover; object-position: top;
  border: 1px solid #999; }}
</style>{figures}"""
WIDTH = 2000  # pixels


def sheet(browser: Any, folder: Path, target: Path) -> None:
    """Draw the sheet of a folder with the browser that took its pictures."""
    pictures = sorted(folder.glob("*.jpg"))
    narrow = folder.name.endswith("-390")
    figures = "".join(
        f'<figure><img src="{escape(picture.name)}"><figcaption>{escape(picture.stem)}</figcaption></figure>'
        for picture in pictures
    )
    page_file = folder / "sheet.html"
    page_file.write_text(PAGE.format(across=12 if narrow else 6, figures=figures), "utf-8")
    page = browser.new_page(viewport={"width": WIDTH, "height": 800})
    page.goto(page_file.as_uri())
    page.screenshot(path=str(target), full_page=True, type="jpeg", quality=70)
    page.close()
