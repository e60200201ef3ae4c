"""Sales in two currencies, one without decimals: each is added up by itself, in every form."""

from __future__ import annotations

import json
from itertools import count

import pytest
from python_calamine import CalamineWorkbook
from sqlalchemy import func, select

from app.extensions import db
from app.models import Currency, Sale, Settings
from app.views.report_words import ReportSpeech, period_words
from app.views.reports import text_of, write_file
from tests.reports.conftest import digits_of
from tests.services.conftest import Counter

pytestmark = pytest.mark.one_database
QUESTIONS = (
    ("sales-statistics", {"group": "day", "then": "point"}), ("sales-statistics", {"group": "type"}),
    ("purchase-statistics", {"group": "month"}), ("sales-records", {}), ("purchase-records", {}),
    ("reconciliation", {"group": "day"}), ("day-sheet", {"group": "operator"}),
)  # fmt: skip


def sells_in(code, counter, value):
    """One more sale, in another currency of no decimals."""
    row = db.session.scalars(select(Currency).where(Currency.code == code)).one_or_none()
    if row is None:
        row = Currency(code=code, name=code, symbol=code, decimals=0)
        db.session.add(row)
        db.session.flush()
    db.session.get_one(Settings, 1).currency_id = row.id
    db.session.commit()
    counter.sells("palm_street", value)


@pytest.fixture
def books(context, cast):
    """What was sold in each currency, by the sales themselves."""
    counter = Counter(cast, context.extensions["modules"])
    counter.sells("palm_street", 20_25)
    counter.sells("pump", 10_50)
    sells_in("XOF", counter, 7_000)
    sums = dict(db.session.execute(select(Sale.currency, func.sum(Sale.amount)).group_by(Sale.currency)).all())
    assert sums.keys() == {"USD", "XOF"}
    return {code: int(amount) for code, amount in sums.items()}


@pytest.mark.parametrize(("name", "given"), QUESTIONS)
def test_each_currency_is_added_up_by_itself(context, books, forms, name, given):
    with context.test_request_context():
        one = forms(name, **given)
        assert {code: sums["amount"] for code, sums in one.totals().items()} == books
        assert {code: sums["amount"] for code, sums in one.json().items()} == books
        assert {code: sums["amount"] for code, sums in one.added().items()} == books
        at = [column.key for column in one.answer.columns].index("amount")
        write_file(one.folder / "two.xlsx", "xlsx", one.answer, one.front, one.house)
        lines = CalamineWorkbook.from_path(str(one.folder / "two.xlsx")).get_sheet_by_index(1).to_python()
        totals = {line[at] for line in lines if line[0] == "Total"}
        assert totals == {books["USD"] / 100, books["XOF"]}
        paper = digits_of(one.pdf())
        for figure in one.answer.figures:
            title = f"{figure.title}({figure.currency})" if figure.kind.value == "money" else figure.title
            assert digits_of(title) in paper, figure
        assert f"{books['USD'] / 100:,.2f}" in paper
        assert f"{books['XOF']:,}" in paper
        assert json.loads(b"".join(text_of("json", one.answer, one.front, one.house)))["decimals"] == {"USD": 2, "XOF": 0}


def test_two_currencies_are_never_put_in_one_order(context, books, forms):
    """Nor where a page of the list is read from an index, its few rows sorted, or the whole list written to a file."""
    with context.test_request_context():
        for name in ("sales-records", "purchase-records"):
            for down, usd in (("0", [10_50, 20_25]), ("1", [20_25, 10_50])):
                answer = forms(name, order="amount", down=down).answer
                at = [column.key for column in answer.columns].index("amount")
                whole = [(row.currency, row.cells[at]) for row in answer.rows(0, None)]
                assert whole == [*(("USD", amount) for amount in usd), ("XOF", 7_000)]
                for offset, limit in ((0, 50), (0, 2), (1, 2), (2, 2), (1, 1), (3, 50)):
                    page = [(row.currency, row.cells[at]) for row in answer.rows(offset, limit)]
                    assert page == whole[offset : offset + limit], (name, down, offset, limit)
            # In the order of time they stand beside each other.
            assert [row.currency for row in forms(name, order="time", down="1").answer.rows(0, 1)] == ["XOF"]
        for name in ("sales-statistics", "purchase-statistics"):
            found = forms(name, group="type", order="amount", down="1").answer.rows(0, None)
            assert [row.currency for row in found] == ["USD", "USD", "XOF"]


def test_units_are_added_up_whatever_they_were_paid_in(context, books, forms):
    with context.test_request_context():
        one = forms("token-sales", type="electricity")
        at = [column.key for column in one.answer.columns].index("units")
        carried = [row.cells[at] for row in one.answer.rows(0, None)]
        assert len(carried) == 2
        [total] = one.answer.totals
        assert total.cells[at] == sum(carried)
        # A count beside money says of which currency.
        names = [ReportSpeech().figure(figure, forms("day-sheet").answer)[0] for figure in forms("day-sheet").answer.figures]
        assert names.count("Sales (USD)") == names.count("Sales (XOF)") == 1


def test_paper_has_a_chart_for_every_currency_and_the_days_of_the_period_before(context, cast, books, forms):
    sells_in("XAF", Counter(cast, context.extensions["modules"], numbers=count(50)), 9_000)
    with context.test_request_context():
        one = forms("sales-statistics", group="day")
        paper = digits_of(one.pdf())
        # Once as the title of its chart, once as the name of its figure.
        assert [paper.count(f"Sold({code})") for code in ("USD", "XAF", "XOF")] == [2, 2, 2]
        days = period_words(one.answer.before)
        assert paper.count(digits_of(days)) == len(one.answer.figures) == 12
        write_file(one.folder / "three.xlsx", "xlsx", one.answer, one.front, one.house)
        front = str(CalamineWorkbook.from_path(str(one.folder / "three.xlsx")).get_sheet_by_index(0).to_python())
        assert front.replace("\\u2060", "").count(days) == 12
