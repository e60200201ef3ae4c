"""Import, export and changes of many rows as people do them in the browser."""

from __future__ import annotations

import csv
import io
import re

import pytest
from python_calamine import CalamineWorkbook
from sqlalchemy import func, select

from app.extensions import db
from app.models import AuditEntry, BackgroundTask, Consumer, ImportBatch, Meter
from app.views import import_files, work_runs
from tests.cast import PALM_STREET, PIER, drn
from tests.importing import CONSUMER_HEADINGS, METER_HEADINGS, csv_file

pytestmark = pytest.mark.one_database
MARKET = "Market Town, Coast, Kenya"
NEW = [drn(f"01000010{n:02d}") for n in range(9)]


def upload(client, kind: str, content: bytes, name: str = "rows.csv", **more):
    page = client.get(f"/imports/add/{kind}", query_string=more).get_data(as_text=True)
    hidden = dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', page))
    answer = client.post(f"/imports/add/{kind}", data={**hidden, "file": (io.BytesIO(content), name)})
    answer.request.environ["wsgi.input"].close()  # the client's own copy of a large file
    return answer


def post(client, url: str, **data):
    token = client.token("/account/")
    return client.post(url, data={"csrf_token": token, **data})


def page(client, url: str) -> str:
    return client.get(url).get_data(as_text=True)


def text(html: str) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", html).split())


@pytest.fixture
def work(app):
    """`work()` does one piece of long work."""
    return lambda: work_runs.run_next(app)


def bring(client, work, kind: str, content: bytes, rows: str = "all", **more) -> str:
    """From the file to the report; the address of the import."""
    address = upload(client, kind, content, **more).headers["Location"]
    work()
    columns = dict(re.findall(r'name="(column-\d+)".*?<option value="([^"]+)" selected', page(client, address)))
    post(client, f"{address}/check", **columns, known="update", mark=".")
    work()
    post(client, f"{address}/run", rows=rows)
    work()
    return address


GOOD = (NEW[0], "S200", "10482", MARKET, "Home, two steps", "123456", "1")


def test_from_the_file_to_the_report(chidi, cast, work, look):
    bad = ("5.19411E+10", "S200", "", MARKET, "", "123456", "1")
    answer = upload(chidi, "meters", csv_file((*METER_HEADINGS, "Remark"), (*GOOD, "x"), (*bad, "y")), "/etc/my meters.csv")
    address = answer.headers["Location"]
    assert answer.status_code == 303 and "being read" in page(chidi, address)
    work()
    shown = page(chidi, address)
    assert "my meters.csv" in shown and "/etc" not in text(shown)
    assert "2 rows below the headings of line 1." in text(shown)
    columns = dict(re.findall(r'name="(column-\d+)".*?<option value="([^"]+)" selected', shown))
    assert columns["column-2"] == "consumer" and "column-7" not in columns
    post(chidi, f"{address}/check", **columns, known="update", mark=".")
    assert chidi.get(f"{address}/state").json["state"] == "checking"
    work()
    shown = text(page(chidi, address))
    assert "1 row has an error" in shown and "has shortened the number (5.19411E+10)" in shown
    assert "Import the good row" in shown
    marked = post(chidi, f"{address}/marked", rows="bad").get_data().decode("utf-8-sig").splitlines()
    assert marked[0].endswith("Remark,What is wrong") and len(marked) == 2 and "Meter number: The spreadsheet" in marked[1]
    whole = post(chidi, f"{address}/marked", rows="all").get_data().decode("utf-8-sig").splitlines()
    assert len(whole) == 3 and whole[1].endswith(",x,")
    post(chidi, f"{address}/run", rows="good")
    work()
    report = text(page(chidi, address))
    assert "Added 1" in report and "Refused 1" in report
    assert look(select(Meter.consumer_id).where(Meter.meter_number == NEW[0])) == cast.consumers["achieng"]
    listed = page(chidi, "/imports/")
    assert "my meters.csv" in listed and "Done" in listed
    assert "Importing rows" in page(chidi, "/work/")
    again = upload(chidi, "meters", csv_file((*METER_HEADINGS, "Remark"), (*GOOD, "x"), (*bad, "y")), "again.csv").headers["Location"]
    work()
    assert "This very file was imported before" in page(chidi, again)


def test_a_mapping_that_cannot_be_is_said(chidi, work):
    address = upload(chidi, "meters", csv_file(("A", "B"), ("1", "2"))).headers["Location"]
    work()
    post(chidi, f"{address}/check", **{"column-0": "region", "column-1": "region"})
    assert "“Region” is chosen for two columns" in page(chidi, address)
    post(chidi, f"{address}/check", **{"column-0": "region", "column-1": "no such"})
    assert "No column holds “Meter number”" in page(chidi, address)


def test_a_file_that_cannot_be_read_says_why_and_another_can_be_chosen(chidi, work):
    address = upload(chidi, "meters", b"%PDF-1.7 what", "letter.pdf").headers["Location"]
    work()
    shown = page(chidi, address)
    assert "This is not a table. Save it as .xlsx or .csv." in shown and "Choose another file" in shown
    assert 'name="encoding"' in shown
    address = upload(chidi, "meters", b"PK\x03\x04 torn", "Meters.XLSX").headers["Location"]
    work()
    shown = page(chidi, address)
    assert "It did not work." in shown and "Choose another file" in shown
    assert 'name="encoding"' not in shown and 'name="separator"' not in shown


def test_one_row_is_called_one_row(chidi, work):
    address = upload(chidi, "meters", csv_file(METER_HEADINGS, GOOD)).headers["Location"]
    work()
    shown = page(chidi, address)
    assert "Check the row" in text(shown)
    post(chidi, f"{address}/check", **dict(re.findall(r'name="(column-\d+)".*?<option value="([^"]+)" selected', shown)), known="update", mark=".")
    work()
    assert "Import the row" in text(page(chidi, address))


def test_no_file_and_a_file_too_large(app, chidi):
    app.config["IMPORT_FILE_MAX_MB"] = 1
    answer = upload(chidi, "meters", b"x" * 1_100_000)
    assert answer.status_code == 413 and "larger than 1 MB" in answer.get_data(as_text=True)
    token = chidi.token("/imports/add/meters")
    assert chidi.post("/imports/add/meters", data={"csrf_token": token}).status_code == 422
    assert upload(chidi, "meters", b"x" * 3_000_000).status_code == 413
    files = app.config["FILES_DIR"]
    assert not files.exists() or not [one for one in files.iterdir() if one.stat().st_size > 1_000_000]


def test_a_second_click_is_the_same_import(chidi, app):
    shown = page(chidi, "/imports/add/meters")
    hidden = dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', shown))
    places = {
        chidi.post("/imports/add/meters", data={**hidden, "file": (io.BytesIO(b"a,b\n1,2\n"), "a.csv")}).headers["Location"]
        for _ in range(2)
    }
    assert len(places) == 1


@pytest.mark.parametrize("kind", ["consumers", "meters"])
def test_the_template_comes_back_with_its_lists_and_notes(chidi, kind, work, app, look):
    answer = chidi.get(f"/imports/template/{kind}")
    book = CalamineWorkbook.from_filelike(io.BytesIO(answer.get_data()))
    rows = book.get_sheet_by_index(0).to_python()
    assert book.sheet_names[1] == "Notes" and len(rows) == 2
    held = str(book.get_sheet_by_name("Lists").to_python())
    assert MARKET in held and "Harbour" not in held
    notes = str(book.get_sheet_by_name("Notes").to_python())
    assert "The row of the example is not imported" in notes
    upload(chidi, kind, answer.get_data(), f"{kind}.xlsx")
    work()
    row = look(select(ImportBatch).order_by(ImportBatch.id.desc()))
    assert row.state == "read" and '"sheet": "' in row.layout and "null" not in row.mapping
    text_file = chidi.get(f"/imports/template/{kind}?as=csv").get_data().decode("utf-8-sig")
    assert next(csv.reader(io.StringIO(text_file))) == rows[0]


def test_the_example_of_the_template_would_pass_the_check(chidi, work, look):
    answer = chidi.get("/imports/template/meters?as=csv").get_data().decode("utf-8-sig")
    headings, example = csv.reader(io.StringIO(answer))
    cell = dict(zip(headings, example, strict=True))
    assert cell["Product model"] and cell["Tariff"] and not cell["Capacity"] and not cell["Unit of capacity"]
    address = bring(chidi, work, "meters", csv_file(headings, example, (NEW[0], *example[1:])))
    assert look(select(Meter.product_id).where(Meter.meter_number == NEW[0]))
    assert "Added 1 Changed 0 Known, left as they are 0 Refused 0 of 2 rows Left out 1 example row" in text(page(chidi, address))


def test_columns_that_are_all_known_are_folded_away_and_still_sent(chidi, work):
    for headings, folded in ((METER_HEADINGS, True), ((*METER_HEADINGS[:-1], "Remark"), False)):
        address = upload(chidi, "meters", csv_file(headings, GOOD)).headers["Location"]
        work()
        shown = page(chidi, address)
        assert ("All 7 columns are recognised" in shown) is folded is ('<details class="all-known' in shown)
        assert 'name="column-6"' in shown


def test_a_number_of_another_maker_is_warned_of_and_imported_all_the_same(chidi, work, look):
    strange = drn("4400000001")
    address = bring(chidi, work, "meters", csv_file(METER_HEADINGS, (strange, *GOOD[1:]), (drn("0100000031"), *GOOD[1:])))
    assert look(select(Meter.id).where(Meter.meter_number == strange))
    warned = "The number begins with manufacturer code 44, but Hexa has 01."
    shown = text(page(chidi, address))
    assert f"Warnings 1 The whole file, marked These rows were imported all the same. Line Column In the file What is odd 2 {strange}" in shown
    assert shown.count(warned) == 1
    marked = post(chidi, f"{address}/marked", rows="all").get_data().decode("utf-8-sig").splitlines()
    assert f"Warning: Meter number: {warned}" in marked[1] and marked[2].endswith(",")


def test_the_template_speaks_french_and_its_words_are_taken_by_anybody(app, chidi, efua, cast, work, look):
    from app.models import AppUser

    with app.app_context():
        db.session.get_one(AppUser, cast.users["efua"]).language = "fr"
        db.session.commit()
    book = CalamineWorkbook.from_filelike(io.BytesIO(efua.get("/imports/template/meters").get_data()))
    headings = book.get_sheet_by_index(0).to_python()[0]
    assert "Numéro de compteur" in headings
    place = headings.index("Numéro de compteur")
    content = csv_file((headings[place], "État"), (PALM_STREET, "En stock"))
    bring(chidi, work, "meters", content)
    assert look(select(Meter.status).where(Meter.meter_number == PALM_STREET)) == "in_stock"


def export(client, kind: str, query: str = "") -> bytes:
    return client.get(f"/exports/csv/{kind}{query}").get_data()


def test_what_is_exported_is_what_the_list_shows(chidi, efua):
    own = export(chidi, "meters").decode("utf-8-sig")
    assert PALM_STREET in own and PIER not in own and own.count("\r\n") == 4
    assert PIER in export(efua, "meters").decode("utf-8-sig")
    assert export(efua, "meters", "?_flt_0_meter_type=water").decode("utf-8-sig").count("\r\n") == 2
    assert export(efua, "consumers", "?_flt_0_name=juma").decode("utf-8-sig").count("\r\n") == 2


def test_an_export_imports_back_unchanged(efua, work, look):
    hostile = csv_file(CONSUMER_HEADINGS, ("'=1+1", '=HYPERLINK("x")', MARKET, "+254 700 000 001", "-5"), ("@2", "'s Gravenhage", MARKET, "", "'+x"),
                       ("5E10", "'#N/A", MARKET, "", "1.5e10"), ("5E+10", "'Amara", MARKET, "", "5.19411E+10"))
    bring(efua, work, "consumers", hostile)
    limits = csv_file(("Meter number", "Unit of capacity", "Capacity", "Smallest purchase, units", "Limit for a day", "Installed on"), (PALM_STREET, "kVA", "2.25", "1.5", "20.5", "2026-01-31"))
    bring(efua, work, "meters", limits)
    for kind, model in (("consumers", Consumer), ("meters", Meter)):
        before = export(efua, kind)
        assert not re.search(r'(?m)(^|,)"?[=+@-]', before.decode("utf-8-sig"))
        versions = look(select(func.sum(model.version)))
        address = bring(efua, work, kind, before)
        assert "Added 0 Changed 0" in text(page(efua, address))
        assert export(efua, kind) == before and look(select(func.sum(model.version))) == versions
        book = post(efua, f"/exports/workbook/{kind}")
        assert book.mimetype == import_files.XLSX
        again = bring(efua, work, kind, book.get_data(), name="x.xlsx")
        assert "Added 0 Changed 0" in text(page(efua, again))


def test_a_large_workbook_is_made_in_the_background(efua, work, monkeypatch):
    from app.views import exports as pages

    monkeypatch.setattr(pages, "AT_ONCE_MAX", 1)
    answer = post(efua, "/exports/workbook/meters?_flt_0_meter_type=electricity")
    assert answer.status_code == 303
    work()
    shown = page(efua, answer.headers["Location"])
    assert "Download meters.xlsx" in shown
    got = efua.get(answer.headers["Location"] + "/file").get_data()
    rows = CalamineWorkbook.from_filelike(io.BytesIO(got)).get_sheet_by_index(0).to_python()
    assert len(rows) == 4 and rows[1][0] == PALM_STREET


def test_files_and_work_of_others_do_not_exist(chidi, signed_in, work, monkeypatch):
    from app.views import exports as pages

    monkeypatch.setattr(pages, "AT_ONCE_MAX", 0)
    where = post(chidi, "/exports/workbook/meters").headers["Location"]
    imported = upload(chidi, "meters", csv_file(METER_HEADINGS, GOOD)).headers["Location"]
    work()
    work()
    dalia, efua = signed_in("dalia"), signed_in("efua")
    for address in (where, f"{where}/state", f"{where}/file"):
        assert (dalia.get(address).status_code, efua.get(address).status_code) == (404, 200)
    assert dalia.get(imported).status_code == 403 and efua.get(imported).status_code == 200
    assert "meters.xlsx" not in page(dalia, "/work/")


def test_work_that_waits_is_cancelled(chidi, work, look, monkeypatch):
    from app.views import exports as pages

    monkeypatch.setattr(pages, "AT_ONCE_MAX", 0)
    where = post(chidi, "/exports/workbook/meters").headers["Location"]
    assert "Stop this work" in page(chidi, where)
    post(chidi, f"{where}/cancel")
    work()
    assert "Cancelled" in page(chidi, where)
    assert look(select(BackgroundTask.state).order_by(BackgroundTask.id.desc())) == "cancelled"


def chosen(client, kind: str, query: str = "", **data) -> dict[str, str]:
    shown = post(client, f"/bulk/choose/{kind}{query}", **data).get_data(as_text=True)
    found = re.findall(r"<input[^>]*hidden[^>]*>", shown)
    pairs = [(re.search(r'name="([\w-]+)"', one), re.search(r'value="([^"]*)"', one)) for one in found]
    return {name[1]: value[1] for name, value in pairs if name and value} | {"shown": text(shown)}


def change(client, work, kind: str, query: str = "", values=(), **data) -> str:
    """Choose rows, confirm, and read the outcome."""
    hidden = chosen(client, kind, query, **data)
    hidden.pop("shown")
    hidden.pop("rowid", None)
    answer = post(client, f"/bulk/run/{kind}{query}", **{**hidden, **data, **dict(values)})
    assert answer.status_code == 303, text(answer.get_data(as_text=True))
    work()
    return text(page(client, answer.headers["Location"]))


def test_ticked_meters_are_blocked_with_a_reason(chidi, cast, work, look):
    ids = [cast.meters["palm_street"], cast.meters["pier"]]
    hidden = chosen(chidi, "meters", act="status", rowid=ids)
    assert "Change the state of 1 meter" in hidden["shown"], "a stranger's meter is not counted"
    refused = post(chidi, "/bulk/run/meters", act="status", rowid=ids, seen=hidden["seen"], status="blocked", reference=hidden["reference"])
    assert refused.status_code == 422 and "Fill this in" in refused.get_data(as_text=True)
    outcome = change(chidi, work, "meters", act="status", rowid=ids, values={"status": "blocked", "reason": "Tampered"})
    assert "Changed 1" in outcome
    assert look(select(Meter.status).where(Meter.id == ids[0])) == "blocked"
    assert look(select(Meter.status).where(Meter.id == ids[1])) == "installed"
    entry = look(select(AuditEntry).where(AuditEntry.table_name == "meter").order_by(AuditEntry.id.desc()))
    assert entry.actor == "chidi" and '"blocked"' in entry.after


def test_all_filtered_rows_get_another_tariff_and_refusals_are_told(efua, cast, work, look):
    outcome = change(efua, work, "meters", "?_flt_0_status=installed", act="tariff", all="1", values={"tariff": cast.tariffs["water"]})
    assert "Changed 0 Was so already 1 Refused 3" in outcome and "This tariff is for Water, the product is for Electricity." in outcome
    again = change(efua, work, "meters", "?_flt_0_meter_type=electricity", act="region", all="1",
                   values={"region": cast.regions["market"], "region-text": MARKET})  # fmt: skip
    assert "Changed 1 Was so already 2" in again
    assert look(select(Meter.region_id).where(Meter.meter_number == PIER)) == cast.regions["market"]


def test_nobody_gives_a_region_of_others(chidi, cast, work):
    hidden = chosen(chidi, "meters", act="region", all="1")
    hidden.pop("shown")
    answer = post(chidi, "/bulk/run/meters", **{**hidden, "region": cast.regions["harbour"], "region-text": ""})
    assert answer.status_code == 422


def test_the_lists_offer_what_one_may_do(chidi, signed_in):
    shown = page(chidi, "/meters/list/")
    assert "Import from a file" in shown and "Export these rows, csv" in shown and "Change tariff" in shown
    assert "Change tariff" not in page(chidi, "/consumers/list/") and "Change region" in page(chidi, "/consumers/list/")
    amara, dalia = signed_in("amara"), signed_in("dalia")
    assert "Import" not in text(page(amara, "/meters/list/")).replace("Important", "")
    assert "Export these rows, csv" in page(dalia, "/meters/list/") and "Import from a file" not in page(dalia, "/meters/list/")
