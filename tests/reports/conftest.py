"""The cast with a random past in the books, and every form of a report read back as whole numbers."""

from __future__ import annotations

import csv
import io
import json
import random
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from pypdf import PdfReader
from python_calamine import CalamineWorkbook

from app.access.scope import Scope
from app.extensions import db
from app.models.base import now
from app.reports.catalogue import BY_NAME
from app.reports.installation import Installation, installation
from app.reports.question import ask
from app.reports.report import Asked
from app.reports.table import Answer, Kind, Row, made
from app.services import reversals
from app.views.report_words import ReportSpeech, cover
from app.views.reports import text_of, write_file
from tests.cast import Cast, make_cast
from tests.services.conftest import Counter

SELLERS = (("amara", "market", ("palm_street", "pump")), ("corin", "corner", ("mill", "pump")), ("bento", "harbour", ("pier",)))
DAYS = 40


@pytest.fixture
def cast(context: Flask) -> Cast:
    """Everybody, in this test's own database."""
    return make_cast()


def random_past(app: Flask, cast: Cast, seed: int, sales: int, ago: int = DAYS) -> int:
    """Sell at three points on random days of the weeks that began `ago` days ago, and take some back at their end.

    How many were undone.  Weeks after weeks must go forward: a clock behind the newest token is refused.
    """
    choose = random.Random(seed)
    counters = [
        Counter(cast, app.extensions["modules"], who=who, point=point, numbers=(ago * 1_000 + n for n in count(1)))
        for who, point, _ in SELLERS
    ]
    start = datetime.now(UTC) - timedelta(days=ago)
    end = start + timedelta(days=DAYS, minutes=-1)
    moments = sorted(choose.random() for _ in range(sales))
    made = []
    for moment in moments:
        at = choose.randrange(len(counters))
        counters[at].clock = start + timedelta(days=(DAYS - 1) * moment)
        meter = choose.choice(SELLERS[at][2])
        made.append((SELLERS[at][0], counters[at].sells(meter, choose.randrange(5_00, 99_99)).sale_id))
    undone = choose.sample(made, max(1, sales // 8))
    for who, sale_id in undone:
        reversals.propose(sale_id, "A random past takes it back", cast.scope(who), lambda: end, not_handed_over=True)
        [request] = reversals.requests_on(sale_id)
        reversals.approve(sale_id, request.id, cast.scope("efua"), lambda: end)
    return len(undone)


@dataclass
class Forms:
    """One answer in every form."""

    answer: Answer
    house: Installation
    folder: Path
    front: Any

    def totals(self) -> dict[str, dict[str, int]]:
        """What the answer itself says, by currency and column."""
        found: dict[str, dict[str, int]] = {}
        for row in self.answer.totals:
            if row.level == 2:
                found[row.currency] = {
                    column.key: value for column, value in zip(self.answer.columns, row.cells, strict=True)
                    if column.kind.numeric and value is not None
                }  # fmt: skip
        return found

    def added(self) -> dict[str, dict[str, int]]:
        """The rows, added up here."""
        found: dict[str, dict[str, int]] = {}
        for row in self.answer.rows(0, None):
            if row.level == 0:
                sums = found.setdefault(row.currency, {})
                for column, value in zip(self.answer.columns, row.cells, strict=True):
                    if column.kind.numeric:
                        sums[column.key] = sums.get(column.key, 0) + (value or 0)
        return found

    def json(self) -> dict[str, dict[str, int]]:
        """The totals of the JSON file."""
        told = json.loads(b"".join(text_of("json", self.answer, self.front, self.house)))
        numeric = {c["key"] for c in told["columns"] if Kind(c["kind"]).numeric}
        return {
            row["currency"]: {key: row[key] for key in numeric if row[key] is not None}
            for row in told["totals"] if row["level"] == 2
        }  # fmt: skip

    def csv(self) -> dict[str, int]:
        """The sums of the columns of the csv file, of one currency."""
        text = b"".join(text_of("csv", self.answer, self.front, self.house)).decode("utf-8-sig")
        lines = list(csv.reader(io.StringIO(text)))[1:]
        sums = {}
        for at, column in enumerate(self.answer.columns):
            if column.kind.numeric:
                places = {Kind.MONEY: 2, Kind.UNITS: 1}.get(column.kind, 0)
                sums[column.key] = int(sum(Decimal(line[at] or 0) for line in lines).scaleb(places))
        return sums

    def excel(self) -> tuple[dict[str, int], dict[str, int]]:
        """The sums of the rows and the row of totals of the workbook, of one currency."""
        path = self.folder / "table.xlsx"
        write_file(path, "xlsx", self.answer, self.front, self.house)
        lines = CalamineWorkbook.from_path(str(path)).get_sheet_by_index(1).to_python()
        doubled = 2 if any(row.level == 1 for row in self.answer.rows(0, None)) else 1
        sums, total = {}, {}
        for at, column in enumerate(self.answer.columns):
            if column.kind.numeric:
                places = {Kind.MONEY: 2, Kind.UNITS: 1}.get(column.kind, 0)
                cells = [round(Decimal(str(line[at] or 0)).scaleb(places)) for line in lines[1:]]
                sums[column.key] = sum(cells[: self.answer.count]) // doubled
                last = len(cells) - 2  # the check row stands under the totals
                total[column.key] = cells[last]
                assert cells[last + 1] == 0 or self.answer.summed[-1].level < 2
        return sums, total

    def pdf(self) -> str:
        """The text of the PDF file."""
        path = self.folder / "table.pdf"
        write_file(path, "pdf", self.answer, self.front, self.house)
        return "\n".join(page.extract_text() for page in PdfReader(str(path)).pages)


@pytest.fixture
def forms(context: Flask, cast: Cast, tmp_path: Path) -> Callable[..., Forms]:
    """`forms("sales-records", "efua", group="week")`: the answer in every form."""

    def make(name: str, who: str | Scope = "efua", **given: str) -> Forms:
        session, report = db.session(), BY_NAME[name]
        scope = who if isinstance(who, Scope) else cast.scope(who)
        house = installation(session, now())
        given = {"from": (house.today - timedelta(days=DAYS + 1)).isoformat(), "to": house.today.isoformat()} | given
        question, faults = ask(session, scope, report.choices, given, house)
        assert faults == ()
        answer = report.answer(Asked(session, scope, house, question))
        return Forms(answer, house, tmp_path, cover(report, question, answer, house, {}, "Efua"))

    return make


def listed(rows: Iterable[Row]) -> Callable[[int, int | None], Iterator[Row]]:
    """Rows that are written by hand, as `Answer.rows` hands them out."""
    return made(tuple(rows), lambda row: row)


def digits_of(text: str) -> str:
    """A printed text without space of any kind."""
    return re.sub(r"\s", "", text)


def told(forms: Forms, column_key: str) -> str:
    """How the total of a column is printed."""
    [row] = [row for row in forms.answer.totals if row.level == 2]
    at = [column.key for column in forms.answer.columns].index(column_key)
    return ReportSpeech().cell(forms.answer.columns[at], row, row.cells[at], forms.answer)
