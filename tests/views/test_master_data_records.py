"""Records: sales, tokens and changes are shown, to whom they belong, and never altered."""

from __future__ import annotations

import pytest
from sqlalchemy import event, select

from app.extensions import db
from app.models import AuditEntry, Currency, Sale, SaleLine, Settings, Token
from app.services import reversals
from app.views import figures
from tests.cast import PALM_STREET, PIER
from tests.services.conftest import Counter
from tests.views.forms import act, send
from tests.views.selling import sell

LISTS = (
    "/manufacturers/list/", "/products/list/", "/vending-points/list/", "/tariffs/list/",
    "/keys/list/", "/currencies/list/", "/consumers/list/", "/meters/list/", "/sales/list/", "/sale-records/list/",
    "/tokens/list/", "/engineering-records/list/", "/audit/list/", "/regions/",
)  # fmt: skip
QUERIES_MAX = 15


@pytest.fixture
def sold(app, cast):
    """A sale at Market, and one at Harbour that is none of Market's business."""
    return sell(app, cast), sell(app, cast, "pier", "bento", "harbour")


@pytest.fixture
def queries(app):
    """`queries(client, path)`: the answer, and how many statements it took."""

    def count(client, path):
        taken = []

        def note(*arguments):
            taken.append(arguments[2])

        with app.app_context():
            engine = db.engine
        event.listen(engine, "before_cursor_execute", note)
        try:
            return client.get(path), len(taken)
        finally:
            event.remove(engine, "before_cursor_execute", note)

    return count


@pytest.mark.one_database
def test_nothing_stands_twice_in_the_menu_and_the_old_lists_still_answer(efua):
    """Sales to look one up are under Vending; sales and tokens to be added up are reports."""
    page = efua.get("/sale-records/list/").get_data(as_text=True)
    menu = page.partition("<main")[0]
    for address in ("/sales/list/", "/reports/", "/engineering-records/list/"):
        assert menu.count(f'href="{address}"') == 1, address
    assert 'href="/sale-records/' not in menu and 'href="/tokens/' not in menu
    assert "Sales records" in efua.get("/reports/").get_data(as_text=True)
    assert efua.get("/tokens/list/").status_code == 200


def test_a_list_takes_few_statements_however_many_rows_it_has(efua, sold, queries):
    for path in LISTS:
        answer, statements = queries(efua, path)
        assert answer.status_code == 200, path
        assert 0 < statements <= QUERIES_MAX, path


def test_the_seller_sees_the_own_points_sales_only(amara, sold):
    own, foreign = sold
    for path in ("/sales/list/", "/sale-records/list/"):
        page = amara.get(path).get_data(as_text=True)
        assert own.number in page and foreign.number not in page
    page = amara.get(f"/sales/show/{own.sale_id}").get_data(as_text=True)
    assert "Achieng Wanjiru" in page and "Amara" in page and "20.00" in page
    for path in ("sales", "sale-records"):
        assert amara.get(f"/{path}/show/{foreign.sale_id}").status_code == 404


def test_the_manager_sees_every_point_of_the_region_and_no_other(app, chidi, cast, sold):
    corner = sell(app, cast, "mill", "corin", "corner")
    page = chidi.get("/sale-records/list/").get_data(as_text=True)
    assert sold[0].number in page and corner.number in page and sold[1].number not in page


def test_tokens_are_listed_in_groups_of_four_and_only_ones_own(amara, sold):
    page = amara.get("/tokens/list/").get_data(as_text=True)
    assert figures.groups_of_four(sold[0].tokens[0].digits) in page
    assert figures.groups_of_four(sold[1].tokens[0].digits) not in page
    foreign = amara.get("/tokens/list/", query_string={"_flt_0_meter_id": PIER}).get_data(as_text=True)
    assert "Nothing matches what you searched for." in foreign


def test_a_foreign_token_does_not_exist(amara, sold, look):
    key = look(select(Token.id).where(Token.sale_id == sold[1].sale_id))
    assert amara.get(f"/tokens/show/{key}").status_code == 404
    own = look(select(Token.id).where(Token.sale_id == sold[0].sale_id))
    assert amara.get(f"/tokens/show/{own}").status_code == 200


def test_digits_of_a_sale_that_waits_are_never_shown(app, amara, sold, look):
    """Nothing writes a token before its sale is issued; were there one, no page would tell it."""
    digits = "98765432109876543210"
    with app.app_context():
        issued = db.session.get_one(Sale, sold[0].sale_id)
        names = [c.key for c in Sale.__table__.columns if c.key not in ("id", "status", "receipt_number", "settled_at")]
        facts = {name: getattr(issued, name) for name in names}
        waiting = Sale(**{**facts, "status": "reserved", "reference": "waits", "message_id": "f" * 32})
        db.session.add(waiting)
        db.session.flush()
        db.session.add(SaleLine(sale_id=waiting.id, line_no=1, kind="step", code="energy", amount=waiting.amount))
        token = {c.key: getattr(issued.tokens[0], c.key) for c in Token.__table__.columns if c.key != "id"}
        db.session.add(Token(**{**token, "sale_id": waiting.id, "digits": digits, "token_id": 99}))
        db.session.commit()
        sale_id = waiting.id
    key = look(select(Token.id).where(Token.digits == digits))
    pages = [amara.get(path) for path in ("/tokens/list/", f"/sales/show/{sale_id}", f"/sale-records/show/{sale_id}")]
    for page in pages:
        assert page.status_code == 200
        assert digits not in page.get_data(as_text=True) and digits[:4] not in page.get_data(as_text=True)
    assert "The sale waits for the security module." in pages[1].get_data(as_text=True)
    assert amara.get(f"/tokens/show/{key}").status_code == 404


@pytest.mark.both_databases
def test_sales_are_found_by_meter_state_and_day(amara, sold):
    day = sold[0].reserved_at.date()
    for arguments, found in (
        ({"_flt_0_meter_id": PALM_STREET}, True),
        ({"_flt_0_meter_id": f"{PALM_STREET[:4]} {PALM_STREET[4:8]}"}, True),
        ({"_flt_0_meter_id": PIER}, False),
        ({"_flt_0_status": "issued"}, True),
        ({"_flt_0_status": "reserved"}, False),
        ({"_flt_0_status": "nonsense"}, False),
        ({"_flt_0_business_date": "2020-01-01", "_flt_1_business_date": "2099-01-01"}, True),
        ({"_flt_1_business_date": str(day.replace(year=day.year - 1))}, False),
        ({"_flt_0_business_date": "yesterday"}, False),
    ):
        page = amara.get("/sales/list/", query_string=arguments).get_data(as_text=True)
        assert (sold[0].number in page) is found, arguments


@pytest.mark.parametrize("page", ["sales", "sale-records", "tokens", "engineering-records", "audit", "keys"])
def test_a_record_has_no_door_to_add_change_or_delete_it(app, efua, page):
    rules = {rule.rule for rule in app.url_map.iter_rules() if rule.rule.startswith(f"/{page}/")}
    files = {"/audit/file/csv"} if page == "audit" else set()  # it goes out as a file, too
    assert rules == {f"/{page}/list/", f"/{page}/show/<pk>"} | files


def test_a_change_is_in_the_log_with_who_before_and_after(efua, cast, look):
    send(efua, f"/vending-points/edit/{cast.points['market']}", contact_person="Amara Achieng")
    entry = look(select(AuditEntry.id).where(AuditEntry.action == "change", AuditEntry.table_name == "vending_point"))
    page = efua.get(f"/audit/show/{entry}").get_data(as_text=True)
    assert "efua" in page and "Contact person" in page and "Amara Achieng" in page
    found = efua.get("/audit/list/", query_string={"_flt_0_table_name": "vending_point", "_flt_0_action": "change"})
    assert f"/audit/show/{entry}" in found.get_data(as_text=True)


def test_an_auditor_reads_what_the_own_regions_people_did_only(signed_in, cast, look):
    send(signed_in("efua"), f"/consumers/edit/{cast.consumers['juma']}", address="9 Secret Road")
    send(signed_in("chidi"), f"/consumers/edit/{cast.consumers['achieng']}", address="8 Palm Street")
    dalia = signed_in("dalia")
    page = dalia.get("/audit/list/").get_data(as_text=True)
    assert "chidi" in page and "efua" not in page
    foreign = look(select(AuditEntry.id).where(AuditEntry.actor == "efua", AuditEntry.table_name == "consumer"))
    assert dalia.get(f"/audit/show/{foreign}").status_code == 404


@pytest.mark.both_databases
def test_only_a_named_column_orders_a_list(efua, sold):
    for column in ("snapshot", "operator.password", "x;drop"):
        answer = efua.get("/sales/list/", query_string={"_oc_SaleView": column, "_od_SaleView": "asc"})
        assert answer.status_code == 200


def test_amounts_are_put_in_order_within_their_currency_and_with_their_sign(app, cast, efua):
    with app.app_context():
        counter = Counter(cast, app.extensions["modules"])
        small, large = counter.sells("palm_street", 10_00), counter.sells("palm_street", 20_00)
        reversals.propose(large.sale_id, "Typed twice by mistake", cast.scope("amara"), not_handed_over=True)
        [request] = reversals.requests_on(large.sale_id)
        reversals.approve(large.sale_id, request.id, cast.scope("efua"))
        yen = Currency(code="XOF", name="XOF", symbol="XOF", decimals=0)
        db.session.add(yen)
        db.session.flush()
        db.session.get_one(Settings, 1).currency_id = yen.id
        db.session.commit()
        other = counter.sells("pump", 1_500)
    page = efua.get("/sales/list/", query_string={"_oc_SaleView": "amount", "_od_SaleView": "asc"}).get_data(as_text=True)
    found = [page.index(one) for one in ("MKT-000003", small.number, large.number, other.number)]
    assert found == sorted(found)


@pytest.mark.both_databases
@pytest.mark.parametrize("source", ["regions", "consumers"])
def test_the_look_up_gives_ten_rows_of_ones_own_at_most(chidi, amara, source):
    rows = chidi.get(f"/pick/{source}?q=").get_json()
    assert 0 < len(rows) <= 10
    assert not [row for row in rows if "Harbour" in row["label"] or "Juma" in row["label"]]
    assert chidi.get(f"/pick/{source}", query_string={"q": "%\x00_'"}).get_json() == []
    assert amara.get(f"/pick/{source}?q=a").status_code == 403
    assert chidi.get("/pick/users?q=a").status_code == 404


def test_a_record_takes_no_post(efua, sold):
    assert act(efua, "/manufacturers/list/", f"/sales/show/{sold[0].sale_id}").status_code == 405
