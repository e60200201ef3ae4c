"""The look keeps its promises: contrast, mirroring, no inline code, nothing of FAB's stock panels."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

APP = Path(__file__).resolve().parents[2] / "app"
SHEETS = sorted((APP / "static" / "css").glob("*.css"))
TEMPLATES = sorted((APP / "templates").rglob("*.html"))
TOKENS = (APP / "static" / "css" / "tokens.css").read_text(encoding="utf-8")

# Text on its ground: 4.5 to 1 (WCAG 1.4.3). Edges that mean something: 3 to 1 (1.4.11).
TEXT = [
    ("ink", "paper"), ("ink-2", "paper"), ("ink-3", "paper"), ("ink-3", "ground"), ("brand", "paper"),
    ("brand", "brand-soft"), ("on-brand", "brand"), ("on-brand", "brand-2"), ("on-bad", "bad"),
    ("ok", "ok-soft"), ("warn", "warn-soft"), ("bad", "bad-soft"), ("ok", "paper"), ("warn", "paper"), ("bad", "paper"), ("ink", "bad-soft"), ("ink", "warn-soft"),
    ("electricity-ink", "electricity-soft"), ("water-ink", "water-soft"), ("gas-ink", "gas-soft"),
    ("time-ink", "time-soft"), ("side-ink", "side"), ("side-quiet", "side"), ("on-bar", "bar"),
    ("meter-ink", "meter-face"),
]  # fmt: skip
EDGES = [("field", "paper"), ("brand", "paper"), ("electricity", "paper"), ("water", "paper"), ("gas", "paper")]
THEMES = {"light": ":root {", "dark": ':root[data-theme="dark"] {', "system": ':root[data-theme="auto"] {'}


def values(theme: str) -> dict[str, str]:
    """The tokens of one theme by name."""
    body = TOKENS.split(THEMES[theme], 1)[1].split("}", 1)[0]
    return dict(re.findall(r"--([a-z0-9-]+): ([^;]+);", body))


def luminance(colour: str) -> float:
    """Relative luminance of #rgb or #rrggbb (WCAG)."""
    digits = colour.lstrip("#")
    digits = "".join(c * 2 for c in digits) if len(digits) == 3 else digits
    parts = [int(digits[i : i + 2], 16) / 255 for i in (0, 2, 4)]
    red, green, blue = [p / 12.92 if p <= 0.03928 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    """Between 1 and 21."""
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_text_can_be_read_on_its_ground(theme: str) -> None:
    """Every pair that the parts use, in both themes."""
    colours = {**values("light"), **values(theme)}
    weak = {
        f"{text} on {ground}": round(contrast(colours[text], colours[ground]), 2)
        for text, ground in TEXT
        if contrast(colours[text], colours[ground]) < 4.5
    }
    assert weak == {}


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_edges_that_mean_something_can_be_seen(theme: str) -> None:
    """Boxes, buttons and the fills of charts."""
    colours = {**values("light"), **values(theme)}
    assert all(contrast(colours[edge], colours[ground]) >= 3 for edge, ground in EDGES)


def test_a_dark_system_gives_the_same_colours_as_choosing_dark() -> None:
    """The list stands twice in the sheet, because CSS cannot share it."""
    assert values("dark") == values("system")
    assert values("dark")


@pytest.mark.parametrize("sheet", SHEETS, ids=lambda sheet: sheet.name)
def test_sheets_mirror_for_right_to_left(sheet: Path) -> None:
    """Only logical sides, but for what says for which direction it is."""
    physical = re.compile(
        r"(?:^|[\s;{])(?:(?:margin|padding|border)-(?:left|right)[a-z-]*|left|right)\s*:|text-align:\s*(?:left|right)|float:\s*(?:left|right)"
    )
    lines = sheet.read_text(encoding="utf-8").splitlines()
    # Select2 places its arrow by `right`; it is taken back there.
    found = [line.strip() for line in lines if physical.search(line) and "select2" not in line and '[dir="rtl"]' not in line]
    assert found == []


def test_templates_carry_no_inline_style_or_handler() -> None:
    """The content security policy would drop them."""
    within = re.compile(r"<[a-z][^>]*\s(?:style|on[a-z]+)\s*=")
    lapses = []
    for template in TEMPLATES:
        text = re.sub(r"\{#.*?#\}", "", template.read_text(encoding="utf-8"), flags=re.DOTALL)
        bare = [script for script in re.findall(r"<script[^>]*>", text) if "nonce=" not in script]
        if within.search(text) or bare:
            lapses.append(str(template.relative_to(APP / "templates")))
    assert lapses == []
    assert len(TEMPLATES) > 100


@pytest.mark.parametrize(
    "name",
    [
        "init", "baselayout", "navbar", "navbar_menu", "navbar_right", "index", "footer", "flash", "general/lib",
        "general/confirm", "general/alert", "general/security/login_db", "general/model/list", "general/model/show",
        "general/model/add", "general/model/edit", "general/model/show_cascade", "general/model/edit_cascade",
        "general/widgets/base_list", "general/widgets/list", "general/widgets/search", "general/widgets/form",
        "general/widgets/show", "general/widgets/roles/list", "general/widgets/roles/show",
    ],
)  # fmt: skip
def test_what_people_see_of_the_framework_is_drawn_by_us(name: str) -> None:
    """A stock panel would come back with its coloured head and its accordion."""
    ours = (APP / "templates" / "appbuilder" / f"{name}.html").read_text(encoding="utf-8")
    assert "panel-primary" not in ours
    assert "glyphicon" not in ours
    assert "well" not in re.findall(r'class="([a-z-]+)', ours)


def test_no_page_names_another_host() -> None:
    """Fonts, scripts and pictures come from here."""
    outside = re.compile(r"(?:src|href)=\"(?:https?:)?//|url\([\"']?(?:https?:)?//")
    for path in [*TEMPLATES, *SHEETS, *(APP / "static" / "js").rglob("*.js")]:
        assert not outside.search(path.read_text(encoding="utf-8")), path
