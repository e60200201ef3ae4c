"""docs/security.md: every requirement of ASVS 5.0, levels 1 and 2, once, with a status; what it names exists."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PAGE = (ROOT / "docs" / "security.md").read_text(encoding="utf-8")
# Chapter.section: its requirements at levels 1 and 2 (OWASP ASVS 5.0.0; the others are level 3).
ASKED = """V1.1: 1,2; V1.2: 1,2,3,4,5,6,7,8,9; V1.3: 1,2,3,4,5,6,7,8,9,10,11; V1.4: 1,2,3; V1.5: 1,2; V2.1: 1,2,3; V2.2:
1,2,3; V2.3: 1,2,3,4; V2.4: 1; V3.2: 1,2; V3.3: 1,2,3,4; V3.4: 1,2,3,4,5,6; V3.5: 1,2,3,4,5; V3.7: 1,2; V4.1:
1,2,3; V4.2: 1; V4.3: 1,2; V4.4: 1,2,3,4; V5.1: 1; V5.2: 1,2,3; V5.3: 1,2; V5.4: 1,2,3; V6.1: 1,2,3; V6.2:
1,2,3,4,5,6,7,8,9,10,11,12; V6.3: 1,2,3,4; V6.4: 1,2,3,4; V6.5: 1,2,3,4,5; V6.6: 1,2,3; V6.8: 1,2,3,4; V7.1:
1,2,3; V7.2: 1,2,3,4; V7.3: 1,2; V7.4: 1,2,3,4,5; V7.5: 1,2; V7.6: 1,2; V8.1: 1,2; V8.2: 1,2,3; V8.3: 1; V8.4:
1; V9.1: 1,2,3; V9.2: 1,2,3,4; V10.1: 1,2; V10.2: 1,2; V10.3: 1,2,3,4; V10.4: 1,2,3,4,5,6,7,8,9,10,11; V10.5:
1,2,3,4,5; V10.6: 1,2; V10.7: 1,2,3; V11.1: 1,2; V11.2: 1,2,3; V11.3: 1,2,3; V11.4: 1,2,3,4; V11.5: 1; V11.6:
1; V12.1: 1,2,3; V12.2: 1,2; V12.3: 1,2,3,4; V13.1: 1; V13.2: 1,2,3,4,5; V13.3: 1,2; V13.4: 1,2,3,4,5; V14.1:
1,2; V14.2: 1,2,3,4; V14.3: 1,2,3; V15.1: 1,2,3; V15.2: 1,2,3; V15.3: 1,2,3,4,5,6,7; V16.1: 1; V16.2:
1,2,3,4,5; V16.3: 1,2,3,4; V16.4: 1,2,3; V16.5: 1,2,3; V17.1: 1; V17.2: 1,2,3,4; V17.3: 1,2"""
ROWS = [tuple(cell.strip() for cell in line.strip("|").split("|")) for line in PAGE.splitlines() if re.match(r"\| V\d", line)]


def asked() -> list[str]:
    """All 253, in order."""
    parts = (entry.split(": ") for entry in ASKED.replace("\n", " ").split("; "))
    return [f"{section.strip()}.{number}" for section, numbers in parts for number in numbers.split(",")]


def test_each_requirement_stands_once():
    assert len(asked()) == 253
    told = Counter(name for row in ROWS for name in row[0].split(", "))
    assert {name for name, times in told.items() if times > 1} == set()
    assert sorted(told) == sorted(asked())


def test_each_row_says_how_it_stands_and_why():
    assert {row[2] for row in ROWS} == {"met", "not met", "not applicable"}
    assert [row[0] for row in ROWS if len(row) != 4 or not row[1] or not row[3]] == []


def test_what_the_page_names_exists():
    named = set(re.findall(r"`([\w./-]+/[\w.-]+\.(?:py|md|js|html))`", PAGE))
    assert len(named) > 60
    assert [name for name in sorted(named) if not ((ROOT / name).exists() or (ROOT / "app" / name).exists())] == []


def test_the_page_counts_its_rows_right():
    counts = Counter(row[2] for row in ROWS for _name in row[0].split(", "))
    assert f"{counts['met']} met, {counts['not applicable']} not applicable, {counts['not met']} not met" in PAGE
