"""The pages of docs/ agree with the program."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import config

ROOT = Path(__file__).resolve().parents[1]
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])
LINK = re.compile(r"\]\(([^)#\s]+)(#[^)]*)?\)")
ROW = re.compile(r"^\| (`[A-Z][^|]*) \|", re.MULTILINE)


def names_in_settings() -> set[str]:
    page = (ROOT / "docs" / "settings.md").read_text(encoding="utf-8")
    return set(re.findall(r"`([A-Z_]+)`", " ".join(ROW.findall(page))))


def test_every_setting_has_its_line():
    assert sorted(set(config.load({})) - names_in_settings()) == []


def test_no_line_is_about_a_setting_that_is_gone():
    assert sorted(names_in_settings() - set(config.load({}))) == []


def test_links_lead_somewhere():
    links = [(page, link) for page in PAGES for link, _ in LINK.findall(page.read_text(encoding="utf-8"))]
    here = [(page, link) for page, link in links if "://" not in link and not link.startswith("mailto:")]
    assert [(page.name, link) for page, link in here if not (page.parent / link).exists()] == []
    assert len(here) > 50


def test_the_plan_of_the_house_names_every_room():
    plan = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    rooms = {path.name for path in (ROOT / "app").iterdir() if (path / "__init__.py").exists()}
    files = {path.stem.removesuffix("_data") for path in ROOT.glob("app/*.py")} - {"__init__"}
    assert sorted(room for room in rooms | files if not re.search(rf"\b{room}\b", plan)) == []


def test_every_decision_has_context_decision_and_consequences():
    decisions = sorted((ROOT / "docs" / "decisions").glob("*.md"))
    assert len(decisions) >= 8
    for page in decisions:
        heads = re.findall(r"^## (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
        assert heads == ["Context", "Decision", "Consequences"], page.name


def test_the_changelog_speaks_to_those_who_run_it():
    page = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    assert "## Unreleased" in page or re.search(r"^## \d", page, re.MULTILINE)


@pytest.mark.parametrize("word", ["make run", "make test"])
def test_the_readme_has_the_two_commands(word):
    readme = ROOT / "README.md"
    assert readme.exists()
    assert word in readme.read_text(encoding="utf-8")
