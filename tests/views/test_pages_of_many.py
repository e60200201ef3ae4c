"""Pages of large tables: the same rows in the same order, whether few are found first, many, or more than are counted."""

from __future__ import annotations

import re

import pytest
from sqlalchemy import select

from app.access.scope import criterion, tokens_of_few
from app.extensions import db
from app.models import Token
from app.services import consumer_words
from app.views import scoped_rows
from tests.services.conftest import Counter
from tests.views.selling import sell

PAGES = (
    ("/sales/list/", "sales"), ("/sales/list/?_oc_SaleView=amount&_od_SaleView=asc", "sales"),
    ("/sales/list/?_oc_SaleView=status&_od_SaleView=desc", "sales"), ("/tokens/list/", "tokens"),
    ("/meters/list/", "meters"), ("/consumers/list/?_oc_ConsumerView=name&_od_ConsumerView=desc", "consumers"),
)  # fmt: skip


@pytest.fixture
def sold(app, cast):
    """Sales at two vending points of two regions."""
    with app.app_context():
        market = Counter(cast, app.extensions["modules"])
        for meter, value in (("palm_street", 20_00), ("pump", 7_00), ("palm_street", 35_00)):
            market.sells(meter, value)
    return sell(app, cast, "pier", "bento", "harbour")


def ids(client, page, kind):
    """The rows of a page, by their ids, in their order."""
    found = re.findall(rf'href="/{kind}/show/(\d+)', client.get(page).get_data(as_text=True))
    return list(dict.fromkeys(found))


@pytest.mark.one_database
def test_a_page_is_the_same_however_its_rows_are_found(sold, chidi, efua, monkeypatch):
    usual = {(page, who): ids(who, page, kind) for page, kind in PAGES for who in (chidi, efua)}
    assert len(usual["/sales/list/", chidi]) == 3
    assert len(usual["/sales/list/", efua]) == 4
    assert usual["/sales/list/", chidi] == sorted(usual["/sales/list/", chidi], key=int, reverse=True)
    for few, cap, small in ((0, 10_000, 2_000), (1, 2, 2_000), (500, 10_000, -1), (1, 2, -1)):
        monkeypatch.setattr(scoped_rows, "FEW", few)
        monkeypatch.setattr(scoped_rows, "COUNT_CAP", cap)
        monkeypatch.setattr(consumer_words, "SMALL", small)
        consumer_words._sizes.clear()
        for page, kind in PAGES:
            for who in (chidi, efua):
                assert ids(who, page, kind) == usual[page, who], (page, few, cap, small)


def test_tokens_of_few_sales_are_those_of_the_scope(app, cast, sold):
    for name in ("chidi", "dalia"):
        with app.app_context():
            scope = cast.scope(name)
            found = [
                set(db.session.execute(select(Token.id).where(own), execution_options={"unscoped": True}).scalars())
                for own in (criterion(Token, scope), tokens_of_few(scope))
            ]
        assert found[0] == found[1]
        assert len(found[0]) >= 3
