"""What a meter and a consumer bought: one's own in full, of other counters date, units and place only."""

from __future__ import annotations

import re

import pytest
from flask import Flask
from sqlalchemy import event

from app.domain.states import SaleKind, SaleStatus
from app.extensions import db
from app.models import Sale
from app.services.record_history import purchases
from app.services.reversals import approve, propose, requests_on
from tests.cast import Cast
from tests.services.conftest import Counter as Seller
from tests.views.selling import Answering

pytestmark = pytest.mark.one_database


@pytest.fixture
def bought(app: Flask, cast: Cast) -> Cast:
    """Palm Street bought at Amara's shop for 20.00, and next door at Corin's for 33.00."""
    with app.app_context():
        modules = app.extensions["modules"]
        Seller(cast, modules).sells("palm_street", 20_00)
        Seller(cast, modules, "corin", "corner").sells("palm_street", 33_00)
    return cast


def rows_of(page: str) -> list[str]:
    """The words of each row of the purchases."""
    table = page[page.index('id="history"') :]
    body = table[table.index("<tbody>") : table.index("</tbody>")]
    return [" ".join(re.sub(r"<[^>]+>", " ", row).split()) for row in body.split("</tr>") if "<td" in row]


@pytest.mark.parametrize("page", ["meter", "consumer"])
def test_an_operator_sees_of_another_counter_when_how_many_and_where(bought, amara, page):
    path = f"/meters/show/{bought.meters['palm_street']}" if page == "meter" else f"/consumers/show/{bought.consumers['achieng']}"
    body = amara.get(path + "?tab=purchases").get_data(as_text=True)
    foreign, own = rows_of(body)
    assert all(said in own for said in ("MKT-000001", "20.00", "Reprint"))
    assert "Corner shop" in foreign
    assert "kWh" in foreign
    assert "Reprint" not in foreign
    for secret in ("33.00", "CRN-000001", "Corin"):
        assert secret not in body


def test_the_columns_of_another_counters_sale_are_not_even_read(app, bought):
    with app.app_context():
        part = purchases(db.session(), bought.scope("amara"), Sale.meter_id == bought.meters["palm_street"])
    foreign, own = part.rows
    assert (own.own, own.amount, own.receipt) == (True, 20_00, "MKT-000001")
    assert foreign.point == "Corner shop"
    assert foreign.units > 0
    told = (foreign.sale_id, foreign.amount, foreign.receipt, foreign.status, foreign.kind, foreign.currency)
    assert told == (None,) * 6
    assert not foreign.own


def test_a_sale_that_waits_or_failed_elsewhere_is_not_told(app, cast):
    with app.app_context():
        modules = app.extensions["modules"]
        waits = Seller(cast, Answering(modules), "corin", "corner").sells("palm_street", 33_00)
        assert waits.status is SaleStatus.RESERVED
        of = Sale.meter_id == cast.meters["palm_street"]
        assert purchases(db.session(), cast.scope("amara"), of).rows == ()
        assert len(purchases(db.session(), cast.scope("corin"), of).rows) == 1


def test_a_reversed_purchase_is_marked_and_elsewhere_no_longer_told(app, bought):
    with app.app_context():
        of = Sale.meter_id == bought.meters["palm_street"]
        theirs = purchases(db.session(), bought.scope("corin"), of).rows
        sold = next(row.sale_id for row in theirs if row.own)
        propose(sold, "The customer went away.", bought.scope("corin"), not_handed_over=True)
        [asked] = requests_on(sold)
        approve(sold, asked.id, bought.scope("chidi"))
        told = [row for row in purchases(db.session(), bought.scope("corin"), of).rows if row.own]
        assert {(row.kind, row.undone) for row in told} == {(SaleKind.REVERSAL, False), (SaleKind.SALE, True)}
        assert [row.own for row in purchases(db.session(), bought.scope("amara"), of).rows] == [True]


def test_a_manager_sees_the_region_in_full_and_a_stranger_nothing(app, bought, chidi):
    body = chidi.get(f"/meters/show/{bought.meters['palm_street']}?tab=purchases").get_data(as_text=True)
    assert "33.00" in body
    assert "CRN-000001" in body
    with app.app_context():
        of = Sale.meter_id == bought.meters["palm_street"]
        assert purchases(db.session(), bought.scope("bento"), of).rows == ()


def test_a_page_of_purchases_is_one_statement(app, bought):
    seen: list[str] = []
    with app.app_context():
        scope = bought.scope("amara")

        def note(_connection, _cursor, statement, *_rest):
            seen.append(statement)

        event.listen(db.engine, "before_cursor_execute", note)
        try:
            purchases(db.session(), scope, Sale.consumer_id == bought.consumers["achieng"])
        finally:
            event.remove(db.engine, "before_cursor_execute", note)
    assert len([text for text in seen if text.startswith("SELECT")]) == 1
