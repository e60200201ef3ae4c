"""Reports on the screen, as files and in the shell: whose rows, which figures, and what is wrong at which field."""

from __future__ import annotations

import csv
import io
import itertools
import json
import re
from datetime import timedelta

import pytest
from python_calamine import CalamineWorkbook
from sqlalchemy import update

from app.extensions import db
from app.models import Consumer, Meter
from app.models.base import now
from app.reports import report as report_module
from app.reports.catalogue import REPORTS
from config import ADDRESS_MAX
from tests.services.conftest import Counter
from tests.world import make_world

pytestmark = pytest.mark.one_database
FORMS = ("xlsx", "pdf", "csv", "json")


@pytest.fixture
def world(app):
    return make_world(app)


@pytest.fixture
def enter(app, world, login):
    def enter(name):
        client = app.test_client()
        login(client, name)
        return client

    return enter


def rows(client, report, query=""):
    answer = client.get(f"/reports/{report}/table.json{query}")
    assert answer.status_code == 200, answer.get_data(as_text=True)[:500]
    return json.loads(answer.get_data())


def page(client, address, status=200):
    answer = client.get(address)
    assert answer.status_code == status
    return answer.get_data(as_text=True)


def test_an_operator_reads_the_sums_of_the_region_and_the_rows_of_the_own_point(enter):
    amara = enter("amara")
    assert rows(amara, "sales-statistics", "?period=today&group=point")["totals"][0]["amount"] == 40_00
    points = {row["point"] for row in rows(amara, "sales-statistics", "?period=today&group=point")["rows"]}
    assert len(points) == 2
    assert [row["amount"] for row in rows(amara, "sales-records", "?period=today")["rows"]] == [20_00]


@pytest.mark.parametrize("who", ["amara", "chidi"])
def test_no_form_of_any_report_has_a_word_of_a_strangers_row(enter, world, who):
    client = enter(who)
    opened = [report for report in REPORTS if who != "amara" or report.name != "reconciliation"]
    assert len(opened) >= len(REPORTS) - 1
    for report in opened:
        for form in ("", "/table.json"):
            said = page(client, f"/reports/{report.name}{form}?period=today")
            assert [secret for secret in world.secrets if secret in said] == [], (report.name, form)


BAD = (
    ("from=2026-05-02&to=2026-05-01", "The last day is before the first."),
    ("from=0001-01-01&to=9999-12-31", "No sale can be on that day."),
    ("from=2000-01-01&to=2026-01-01", "longer than twenty years"),
    ("from=2026-02-30", "This is not a day."),
    ("from=yesterday", "This is not a day."),
    ("period=ever", "There is no such choice."),
    ("group=moon", "There is no such choice."),
    ("then=moon", "There is no such choice."),
    ("show=everything", "There is no such choice."),
    ("type=plasma", "There is no such choice."),
    ("point=%00", "Nothing of yours is found"),
    ("point=NOWHERE", "Nothing of yours is found"),
    ("region=999999999999999999999", "Nothing of yours is found"),
    ("region-text=Atlantis", "Nothing of yours is found"),
    ("colour=red", "a filter that this report does not have"),
    ("period=today&period=last_month", "one filter twice"),
    *((query, "an order or a page that there is not.") for query in ("down=7", "order=moon", "page=-1", "page=000000000111")),
)


def test_a_question_that_makes_no_sense_is_answered_at_its_field(enter):
    efua = enter("efua")
    for query, sentence in BAD:
        assert sentence in page(efua, f"/reports/sales-statistics?{query}", 422), query
    assert efua.get(f"/reports/sales-statistics/table.xlsx?{BAD[0][0]}").status_code == 422


def test_what_was_typed_wrong_stands_in_its_field_again(enter):
    said = page(enter("efua"), "/reports/sales-statistics?from=2026-13-01&to=2026-11-30", 422)
    assert 'value="2026-13-01"' in said
    assert 'id="from-error"' in said
    # A day that is one stays in a field for days, whatever is wrong with it.
    said = page(enter("efua"), "/reports/sales-statistics?from=2026-11-30&to=2026-11-01", 422)
    assert re.search(r'type="date" id="to"[^>]*value="2026-11-01"', said)


def test_a_strangers_region_and_point_cannot_be_asked_for(enter, world):
    chidi = enter("chidi")
    harbour = world.cast.regions["harbour"]
    assert "Nothing of yours is found" in page(chidi, f"/reports/sales-statistics?region={harbour}", 422)
    assert "Nothing of yours is found" in page(chidi, "/reports/sales-records?operator=bento", 422)
    assert rows(enter("efua"), "sales-statistics", f"?period=today&region={harbour}")["totals"][0]["amount"] == 20_00


def test_a_figure_leads_to_its_rows_and_a_row_to_its_slip(enter):
    chidi = enter("chidi")
    said = page(chidi, "/reports/sales-statistics?period=today&group=point")
    assert "/reports/sales-records?" in said
    assert "point=" in said
    assert "/receipts/" in page(chidi, "/reports/sales-records?period=today")
    # Days that a named period has taken the place of are not carried on.
    said = page(chidi, "/reports/sales-records?period=today&from=2020-01-01")
    assert re.findall(r"/table\.csv([^\"]*)", said) == ["?period=today"]
    # An operator's own rows are not what the region's figure adds up.
    assert "/reports/sales-records?" not in page(enter("amara"), "/reports/sales-statistics?period=today&group=point")


def test_a_figure_leads_to_the_rows_of_the_place_that_was_typed(enter, world):
    efua, harbour = enter("efua"), world.cast.regions["harbour"]
    link = re.compile(r"/reports/sales-records\?[^\"]*")
    [typed, *_more] = link.findall(page(efua, "/reports/sales-statistics?period=today&group=type&region-text=Harbour Town, Lake, Kenya"))
    assert f"region={harbour}" in typed
    [emptied, *_more] = link.findall(page(efua, f"/reports/sales-statistics?period=today&group=type&region={harbour}&region-text="))
    assert "region=" not in emptied


@pytest.mark.parametrize(("who", "asked"), [("chidi", ""), ("efua", "coast"), ("efua", "lake")])
def test_a_figure_of_a_place_above_ones_own_or_the_chosen_one_leads_to_its_rows(enter, world, who, asked):
    client, question = enter(who), "?period=today&group=country"
    question += f"&region={world.cast.regions[asked]}" if asked else ""
    [to] = re.findall(r"/reports/sales-records(\?[^\"]*)", page(client, f"/reports/sales-statistics{question}"))
    behind = rows(client, "sales-records", to.replace("&amp;", "&"))["totals"]
    assert behind[-1]["amount"] == rows(client, "sales-statistics", question)["totals"][-1]["amount"] > 0


def test_a_place_can_be_asked_for_without_those_within_it(enter, world):
    efua, lake = enter("efua"), world.cast.regions["lake"]
    asked = f"?period=today&region={lake}"
    assert rows(efua, "sales-records", asked)["count"] == 1
    assert rows(efua, "sales-records", asked + "&within=alone")["count"] == 0
    assert rows(efua, "sales-records", asked + "&within=alone")["filters"]["Places"] == "the place alone"
    assert 'id="within"' in page(efua, "/reports/sales-records" + asked + "&within=alone")
    assert 'id="within"' not in page(efua, "/reports/sales-records" + asked)
    assert 'id="within-error"' in page(efua, "/reports/sales-records" + asked + "&within=all", 422)
    assert rows(efua, "sales-records", "?period=today&within=alone")["count"] == 3


def test_the_drawer_and_the_four_books_lead_to_their_sales(enter):
    chidi = enter("chidi")
    said = page(chidi, "/reports/day-sheet?period=today&group=operator&then=type")
    assert re.search(r"/reports/sales-records\?[^\"]*operator=amara", said)
    assert re.search(r"/reports/sales-records\?[^\"]*type=electricity", said)
    said = page(chidi, "/reports/reconciliation?period=today&group=day&then=point")
    assert re.search(r"/reports/sales-records\?[^\"]*point=", said)


def test_a_page_beyond_the_last_is_the_last_one(enter):
    said = page(enter("chidi"), "/reports/sales-records?period=today&page=99")
    assert "/receipts/" in said


def test_a_report_needs_its_own_permission_besides(app, enter):
    with app.app_context():
        role = app.appbuilder.sm.find_role("Operator")
        role.permissions = [one for one in role.permissions if one.view_menu.name != "SaleRecordView"]
        db.session.commit()
    amara = enter("amara")
    assert "Sales records" not in page(amara, "/reports/").split("report-list")[-1]
    for address in ("", *(f"/table.{form}" for form in FORMS)):
        assert amara.get(f"/reports/sales-records{address}").status_code == 403


def test_a_report_that_does_not_exist_is_not_found(enter):
    efua = enter("efua")
    for address in ("/reports/nothing", "/reports/nothing/table.pdf", "/reports/sales-statistics/table.doc"):
        assert efua.get(address).status_code == 404


def test_a_name_that_begins_like_a_formula_stays_text(app, enter, world, tmp_path):
    with app.app_context():
        names = update(Consumer).values(name="=HYPERLINK(1)&<b>'")
        db.session.execute(names, execution_options={"unscoped": True})
        db.session.commit()
        Counter(world.cast, app.extensions["modules"], numbers=itertools.count(900)).sells("palm_street", 10_00)
    efua = enter("efua")
    body = efua.get("/reports/sales-records/table.csv?period=today").get_data(as_text=True)
    assert "'=HYPERLINK(1)&<b>'" in [cell for line in csv.reader(io.StringIO(body)) for cell in line]
    path = tmp_path / "table.xlsx"
    path.write_bytes(efua.get("/reports/sales-records/table.xlsx?period=today").get_data())
    cells = [cell for line in CalamineWorkbook.from_path(str(path)).get_sheet_by_index(1).to_python() for cell in line]
    assert "=HYPERLINK(1)&<b>'" in cells
    assert "<b>" not in page(efua, "/reports/sales-records?period=today").split("<tbody>")[1]
    assert efua.get("/reports/sales-records/table.pdf?period=today").status_code == 200


def test_what_is_too_large_for_paper_says_so_and_offers_excel(enter, monkeypatch):
    for limits in (report_module.FILE_ROWS_MAX, report_module.LONG_ROWS_MAX):
        monkeypatch.setitem(limits, "pdf", 2)
    efua = enter("efua")
    said = page(efua, "/reports/sales-records/table.pdf?period=today", 413)
    assert "Take Excel" in said
    assert said.index("Take Excel") < said.index('class="card report-filters"')  # which stand open, and fill a phone
    assert "/table.pdf" not in page(efua, "/reports/sales-records?period=today")


def test_no_address_that_the_filters_can_make_is_too_long_for_the_web_server(enter):
    """Signs of three bytes, each written as nine, in every field that takes words; whoever has many points types them."""
    efua = enter("efua")
    longest = 0
    for report in REPORTS:
        form = page(efua, f"/reports/{report.name}?period=days").partition('class="card report-filters"')[2].partition("</form>")[0]
        typed = {name: int(most) for name, most in re.findall(r'type="text"[^>]* name="([^"]+)"[^>]* maxlength="(\d+)"', form)}
        assert len(typed) == form.count('type="text"')
        typed |= {name: 80 for name in ("point", "operator", "tariff") if name in report.choices.filters}
        lists = re.findall(r'<(?:select|input type="hidden"|input class="input" type="date")[^>]* name="([^"]+)"', form)
        assert {"period", "from", "to"} <= {*lists}
        names = sum(len(name) + 2 for name in {*typed, *lists})
        longest = max(longest, 9 * sum(typed.values()) + 20 * len(lists) + names + len(f"/reports/{report.name}/table.xlsx"))
    assert 4_094 < longest < ADDRESS_MAX


def test_a_stranger_with_a_long_address_comes_to_the_door(app, world):
    client = app.test_client()
    for length, kept in ((10, True), (2_000, False)):  # each written as nine bytes, and as fifteen within another address
        answer = client.get("/reports/sales-records", query_string={"consumer": "中" * length})
        assert answer.status_code == 302 and len(answer.location) < ADDRESS_MAX
        assert ("next=" in answer.location) is kept


def test_what_is_asked_stands_in_one_line_and_opens_by_itself_where_something_is_wrong(enter):
    efua = enter("efua")
    said = page(efua, "/reports/sales-statistics?period=today&group=type&type=electricity")
    [line] = re.findall(r'<details class="report-fold">\s*<summary.*?</summary>', said, re.DOTALL)
    assert re.findall(r"<bdi>(.*?)</bdi>", line) == ["Today", "By meter type", "Money", "Meter type: Electricity"]
    assert '<details class="report-fold" open>' in page(efua, "/reports/sales-statistics?from=never", 422)


def test_a_chart_by_week_of_a_quarter_by_day_says_so_and_leads_there(enter):
    today = now().date()
    asked = f"from={(today - timedelta(days=99)).isoformat()}&to={today.isoformat()}"
    said = page(enter("efua"), f"/reports/sales-statistics?period=days&{asked}&group=day&then=week")
    assert "Drawn by week, because" in said
    [link] = re.findall(r'<a href="(/reports/sales-statistics[^"]*)">By week</a>', said)
    assert "then=" not in link
    assert "Drawn by week" not in page(enter("efua"), link.replace("&amp;", "&"))


def test_nothing_sold_is_said_in_a_sentence(enter):
    efua, long_ago = enter("efua"), "from=2001-01-01&to=2001-01-31"
    said = page(efua, f"/reports/sales-statistics?{long_ago}")
    assert "Nothing in this period" in said
    assert "Take the filters away" not in said
    said = page(efua, f"/reports/sales-statistics?{long_ago}&type=water")
    [link] = re.findall(r'<a class="btn btn-default" href="([^"]*)">[^<]*<i [^>]*></i>Take the filters away', said)
    assert "type=" not in link
    assert "from=2001-01-01" in link


def test_every_report_opens_and_is_handed_out_in_every_form(enter):
    efua = enter("efua")
    # On a phone the three stay on one line as they do in the head.
    assert 'data-label="SGC\xa0·\xa0KRN\xa0·\xa0TI"' in page(efua, "/reports/token-sales?period=today")
    for report in REPORTS:
        page(efua, f"/reports/{report.name}?period=today")
        for form in ("xlsx", "pdf"):
            answer = efua.get(f"/reports/{report.name}/table.{form}?period=today")
            assert (answer.status_code, answer.get_data()[:2]) == (200, b"PK" if form == "xlsx" else b"%P")


def test_a_meter_can_be_asked_for_as_it_stands_on_its_plate(app, enter, world):
    with app.app_context():
        number = db.session.get_one(Meter, world.cast.meters["palm_street"]).meter_number
    plate = f"{number[:4]}+{number[4:8]}+{number[8:]}"
    assert rows(enter("efua"), "sales-records", f"?period=today&meter={plate}")["count"] == 1
