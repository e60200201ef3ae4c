"""What each report is for: whose rows, what counts, and what it must find."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from flask_babel import force_locale
from python_calamine import CalamineWorkbook
from sqlalchemy import update

from app.db import transaction
from app.extensions import db
from app.models import Consumer, Meter, SaleDay
from app.models.base import now
from app.reports.catalogue import REPORTS
from app.services import day_figures, home, reversals
from app.services.engineering import Wanted, make
from app.views.report_words import ReportSpeech
from app.views.reports import text_of, write_file
from tests.services.conftest import Counter
from tests.services.test_decisions import Deaf

pytestmark = pytest.mark.one_database


@pytest.fixture
def counter(context, cast):
    return Counter(cast, context.extensions["modules"])


@pytest.fixture
def corner(context, cast):
    return Counter(cast, context.extensions["modules"], who="corin", point="corner")


@pytest.fixture
def harbour(context, cast):
    return Counter(cast, context.extensions["modules"], who="bento", point="harbour")


def cells(one, *, level=0):
    """The rows of an answer as dictionaries."""
    keys = [column.key for column in one.answer.columns]
    kept = [*one.answer.rows(0, None), *one.answer.totals]
    return [dict(zip(keys, row.cells, strict=True)) for row in kept if row.level == level]


def money(totals):
    return {currency: sums.get("amount") for currency, sums in totals.items()}


def undo(cast, sale_id, by="amara"):
    reversals.propose(sale_id, "Wrong meter", cast.scope(by), not_handed_over=True)
    [request] = reversals.requests_on(sale_id)
    return reversals.approve(sale_id, request.id, cast.scope("efua"))


@pytest.mark.parametrize("report", REPORTS, ids=lambda report: report.name)
def test_every_choice_that_a_report_offers_is_answered(counter, forms, report):
    """Each grouping, second grouping and order; the totals are the same in all of them."""
    counter.sells("palm_street", 20_00)
    known, whole = report.choices, forms(report.name).totals()
    for name, values in (("group", known.groups), ("then", known.thens), ("order", known.orders), ("show", known.shows)):
        for value in values:
            if not (name == "then" and value == known.groups[0]):
                answered = forms(report.name, **{name: value, "down": "1"})
                if name != "show":
                    assert money(answered.totals()) == money(whole)


def test_the_reconciliation_agrees_until_somebody_touches_a_book(counter, forms):
    counter.sells("palm_street", 20_00)
    one = forms("reconciliation")
    assert one.answer.notes == ("agrees",)
    [row] = cells(one)
    assert (row["sales"], row["amount"], row["summed"], row["ledger"], row["differs"]) == (1, 20_00, 20_00, 20_00, 0)
    assert (row["due"], row["tokens"], row["wrong"]) == (1, 1, 0)
    with transaction() as session:
        session.execute(update(SaleDay).values(amount=SaleDay.amount + 1))
    one = forms("reconciliation")
    assert one.answer.notes == ("differs",)
    assert cells(one)[0]["differs"] == 1


def test_two_differences_that_cancel_out_are_both_seen(counter, corner, forms):
    counter.sells("palm_street", 20_00)
    corner.sells("mill", 20_00)
    with transaction() as session:
        for point, change in (("market", 5), ("corner", -5)):
            session.execute(
                update(SaleDay).where(SaleDay.vending_point_id == counter.cast.points[point]).values(amount=SaleDay.amount + change)
            )
    one = forms("reconciliation", group="month")
    [row] = cells(one)
    assert (row["amount"], row["summed"], row["differs"]) == (40_00, 40_00, 10)


def test_the_day_sheet_expects_what_is_in_the_drawer(counter, cast, forms):
    counter.sells("palm_street", 20_00)
    undone = counter.sells("pump", 7_00)
    undo(cast, undone.sale_id)
    counter.modules = Deaf(counter.modules)
    counter.sells("palm_street", 5_00)
    [total] = cells(forms("day-sheet", "amara"), level=2)
    assert (total["sales"], total["taken"], total["reversals"], total["back"]) == (2, 27_00, 1, -7_00)
    assert (total["amount"], total["waiting"], total["held"], total["cash"]) == (20_00, 1, 5_00, 25_00)
    # What a figure leads to adds up to it, also while a sale waits for its token.
    for group in ("operator", "type"):
        sheet = forms("day-sheet", "amara", group=group).answer
        cash = [column.key for column in sheet.columns].index("cash")
        for line in sheet.rows(0, None):
            behind = forms("sales-records", "amara", **line.drill.arguments)
            assert sum(money(behind.totals()).values()) == line.cells[cash]
    scope, row = counter.cast.scope("amara"), home.settings_row()
    today = day_figures.today(db.session(), scope, home.currency(), row.time_zone, now())
    assert (today.amount, today.sales, home.waiting_since(scope)[0]) == (total["cash"], 2, 1)


def test_purchases_of_the_region_are_seen_but_only_the_own_slip_opens(counter, corner, harbour, forms):
    counter.sells("palm_street", 20_00)
    corner.sells("mill", 11_00)
    harbour.sells("pier", 12_00)
    rows = list(forms("purchase-records", "amara").answer.rows(0, None))
    assert sorted((row.cells[-1], row.sale_id is not None) for row in rows) == [(11_00, False), (20_00, True)]
    assert cells(forms("token-sales", "amara"), level=2)[0]["units"] is not None
    assert forms("token-sales", "amara").answer.count == 1
    assert forms("token-sales", "chidi").answer.count == 2
    assert forms("token-sales", "efua").answer.count == 3


def test_a_token_whose_sale_was_undone_says_so_and_shows_no_digits(counter, cast, context, forms):
    receipt = counter.sells("palm_street", 20_00)
    assert [row["token"] for row in cells(forms("token-sales"))] == [receipt.tokens[0].digits]
    undo(cast, receipt.sale_id)
    assert [(row["undone"], row["token"]) for row in cells(forms("token-sales"))] == [("reversed", None)]
    with context.test_request_context():
        one = forms("token-sales")
        write_file(one.folder / "t.xlsx", "xlsx", one.answer, one.front, one.house)
        row = CalamineWorkbook.from_path(str(one.folder / "t.xlsx")).get_sheet_by_index(1).to_python()[1]
        assert "not shown" in row and "not shown" in one.pdf()
        assert b"not shown" not in b"".join(text_of("csv", one.answer, one.front, one.house))


def test_a_sale_that_was_undone_says_so_in_every_form_of_the_sales_records(counter, cast, forms):
    receipt = counter.sells("palm_street", 20_00)
    assert [row["state"] for row in cells(forms("sales-records"))] == ["issued"]
    undo(cast, receipt.sale_id)
    for name in ("sales-records", "purchase-records"):
        found = forms(name)
        assert sorted((row["state"], row["amount"]) for row in cells(found)) == [("reversal", -20_00), ("reversed", 20_00)]
        assert found.pdf().count("Reversed") == found.pdf().count("Reversal") == 1
        for form, word in (("csv", b"Reversed"), ("json", b'"reversed"')):
            assert b"".join(text_of(form, found.answer, found.front, found.house)).count(word) == 1


def test_who_bought_nothing_is_found_and_a_reversed_purchase_is_nothing(counter, cast, forms):
    silent = {row["number"] for row in cells(forms("inactive-consumers"))}
    receipt = counter.sells("palm_street", 20_00)
    number = db.session.get_one(Consumer, cast.consumers["achieng"]).user_number
    assert number in silent
    assert {row["number"] for row in cells(forms("inactive-consumers"))} == silent - {number}
    undo(cast, receipt.sale_id)
    assert {row["number"] for row in cells(forms("inactive-consumers"))} == silent


def test_the_last_purchase_is_told_also_where_it_is_after_the_period(counter, cast, forms):
    counter.sells("palm_street", 20_00)
    number = db.session.get_one(Consumer, cast.consumers["achieng"]).user_number
    found = {row["number"]: row["last"] for row in cells(forms("inactive-consumers", **{"from": "2026-03-01", "to": "2026-03-31"}))}
    assert found[number] == cells(forms("purchase-records"))[0]["day"]


def test_who_fell_far_below_the_own_past_is_found(counter, cast, forms):
    now = datetime.now(UTC)
    for days_ago in range(285, 44, -30):
        counter.clock = now - timedelta(days=days_ago)
        counter.sells("palm_street", 30_00)
    counter.clock = now - timedelta(days=20)
    counter.sells("palm_street", 5_00)
    [row] = cells(forms("inactive-consumers", show="less"))
    assert (row["bought"], row["usual"]) == (5_00, 270_00 * 42 // 365)
    assert cells(forms("inactive-consumers", show="less", less="10")) == []
    assert [r["number"] for r in cells(forms("inactive-consumers", "bento", show="less"))] == []


def test_what_the_engineering_desk_made_stands_under_its_kind(context, cast, forms):
    wanted = Wanted(
        reference="reports-engineering-1", function="maximum_power_limit", meter_number=Counter(cast, None).number("palm_street"),
        vending_point_id=cast.points["market"], operator_id=cast.users["amara"], reason="New contract", value=5_000,
    )  # fmt: skip
    make(wanted, cast.scope("efua"), context.extensions["modules"])
    [row] = cells(forms("engineering-tokens", "amara"))
    assert (row["function"], row["reason"], len(row["token"])) == ("maximum_power_limit", "New contract", 20)
    assert forms("engineering-tokens", "bento").answer.count == 0
    assert forms("key-changes", "amara").answer.count == 0


def test_every_token_of_a_key_change_stands_there_with_where_it_leads(context, cast, forms):
    wanted = Wanted(
        reference="reports-key-change-2", function="key_change", meter_number=Counter(cast, None).number("palm_street"),
        vending_point_id=cast.points["market"], operator_id=cast.users["efua"], reason="New tariff index",
        target=(sgc_of(cast), 1, 7),
    )  # fmt: skip
    make(wanted, cast.scope("efua"), context.extensions["modules"])
    rows = cells(forms("key-changes", "chidi"))
    assert sorted(row["position"] for row in rows) == [1, 2]
    assert {row["target"].split(" · ")[-1] for row in rows} == {"07"}
    assert forms("key-changes", "bento").answer.count == 0


def test_a_key_change_that_went_with_a_sale_says_where_it_leads(counter, cast, forms):
    with transaction() as session:
        meter = session.get_one(Meter, cast.meters["palm_street"])
        meter.sgc, meter.algorithm, meter.pending_ken = "201457", "sts6", 255
        meter.pending_sgc, meter.pending_krn, meter.pending_ti = "201457", 2, 7
    counter.sells("palm_street", 20_00)
    rows = cells(forms("key-changes"))
    assert {(row["key"], row["target"], row["origin"]) for row in rows} == {
        ("201457 · 1 · 01", "201457 · 2 · 07", "sale")
    }
    assert len(rows) == 2


def sgc_of(cast):
    return db.session.get_one(Meter, cast.meters["palm_street"]).sgc


def test_units_of_two_kinds_stand_apart_and_no_empty_total_under_them(counter, context, forms):
    for meter in ("palm_street", "pump"):
        counter.sells(meter, 20_00)
    with context.test_request_context():
        one = forms("token-sales")
        assert [row.level for row in one.answer.summed] == [1, 1]
        paper = one.pdf()
        assert "Total" not in paper
        assert "Total" not in str(one.excel())
        # Among the figures, in its row and once in its sum.
        assert paper.count("Electricity") == 3
        [lines] = [book.get_sheet_by_index(1).to_python() for book in [CalamineWorkbook.from_path(str(one.folder / "table.xlsx"))]]
        assert [line.count("Electricity") for line in lines].count(1) == 2 and lines[3][0] == ""
        assert re.search("SGC[ \u00a0]·[ \u00a0]KRN[ \u00a0]·[ \u00a0]TI", paper), "one thing, on one line"


def test_the_days_that_inactive_consumers_are_set_against_stand_there(context, cast, forms):
    with context.test_request_context():
        one = forms("inactive-consumers", **{"from": "2026-03-01", "to": "2026-03-31"})
        [figure] = one.answer.figures
        assert ReportSpeech().figure(figure, one.answer)[2] == "set against 1 Mar 2025 – 28 Feb 2026"
        assert "set against 1 Mar 2025" in one.pdf()


def test_no_word_of_a_head_is_cut_on_paper(counter, context, forms):
    counter.sells("palm_street", 20_00)
    with context.test_request_context(), force_locale("fr"):
        one = forms("sales-statistics", group="day")
        narrow = tuple(replace(column, width=4) if column.key == "reversals" else column for column in one.answer.columns)
        one.answer = replace(one.answer, columns=narrow, charts=())
        assert one.pdf().count("Annulations") == 2  # among the figures, and over its column


def test_tokens_that_days_add_up_are_those_that_were_sold(counter, harbour, cast, forms):
    """With a set of key-change tokens, a sale of fees alone, and one taken back on another day."""
    harbour.clock = now() - timedelta(days=3)
    early = harbour.sells("pier", 30_00)
    assert counter.sells("palm_street", 1_50, only_fees_confirmed=True).tokens == ()
    with transaction() as session:
        session.get_one(Meter, cast.meters["palm_street"]).ken = 200
    assert len(counter.sells("palm_street", 20_00).tokens) == 3
    reversals.propose(early.sale_id, "Sold by mistake", cast.scope("bento"), now, not_handed_over=True)
    [request] = reversals.requests_on(early.sale_id)
    reversals.approve(early.sale_id, request.id, cast.scope("efua"), now)
    for who, all_there_is, today in (("efua", 4, 3), ("amara", 3, 3), ("bento", 1, 0)):
        for period, count in (({}, all_there_is), ({"from": now().date().isoformat()}, today)):
            one = forms("token-sales", who, **period)
            assert one.answer.count == len(list(one.answer.rows(0, None))) == count
            assert one.totals() == one.added(), "the days' sums are those of the rows"
    # A page of one row walks all sales in that order; all rows are sorted.
    figures = [(order, down) for order in ("type", "units", "amount") for down in "01"]
    asked = {"sales-records": figures, "purchase-records": figures[:3], "token-sales": [("units", "1"), ("units", "0"), ("time", "1")]}
    for name, orders in asked.items():
        for order, down in orders:
            answer = forms(name, order=order, down=down).answer
            pages = [row.cells for at in range(answer.count) for row in answer.rows(at, 1)]
            assert pages == [row.cells for row in answer.rows(0, None)]
