"""The example of docs/reports.md is a whole report: as it stands there, it answers."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from app.extensions import db
from app.models.base import now
from app.reports.installation import installation
from app.reports.question import ask
from app.reports.report import Asked, Report
from tests.services.conftest import Counter

pytestmark = pytest.mark.one_database
DOCS = Path(__file__).resolve().parents[2] / "docs" / "reports.md"


def test_the_example_of_a_new_report_answers(context, cast):
    [code] = re.findall(r"```python\n(.*?)```", DOCS.read_text(encoding="utf-8"), re.DOTALL)
    made: dict[str, object] = {}
    exec(compile(code, "large_sales.py", "exec", dont_inherit=True), made)  # noqa: S102  (the page's own text)
    report = made["REPORT"]
    assert isinstance(report, Report)
    counter = Counter(cast, context.extensions["modules"])
    counter.sells("palm_street", 2_000_00)
    counter.sells("palm_street", 20_00)
    db.session.rollback()
    session, scope = db.session(), cast.scope("efua")
    house = installation(session, now())
    question, faults = ask(session, scope, report.choices, {"period": "today"}, house)
    assert faults == ()
    answer = report.whole(Asked(session, scope, house, question), 10)
    assert [row.cells[-1] for row in answer.rows(0, None)] == [2_000_00]
    assert [row.cells[-1] for row in answer.totals] == [2_000_00]
