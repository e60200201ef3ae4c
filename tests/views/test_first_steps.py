"""The checklist: what each step lacks, the way there and back, and who sees it."""

from __future__ import annotations

import pytest
from sqlalchemy import delete, update

from app.extensions import db
from app.models import Meter, SecurityModule, Settings, SupplyGroupKey, TariffPlan, VendingPoint
from tests.views.forms import send, text
from tests.views.selling import sell

pytestmark = pytest.mark.one_database


def change(app, statement):
    with app.app_context():
        db.session.execute(statement, execution_options={"unscoped": True})
        db.session.commit()


def leads(client):
    """The address each step leads to."""
    codes = ("region", "product", "vending_point", "tariff", "security_module", "setup", "consumer", "meter")
    return {code: client.get(f"/set-up/{code}").headers["Location"] for code in codes}


def test_once_something_was_sold_it_leaves_the_home_page_and_can_be_opened_again(app, efua, cast):
    change(app, update(Settings).values(version=2))
    home = text(efua.get("/"))
    assert "8 of 8 done" in home and "Make the first sale" in home
    sell(app, cast)
    assert "8 of 8 done" not in text(efua.get("/"))
    page = text(efua.get("/set-up/"))
    assert "8 of 8 done" in page and "Make the first sale" not in page
    assert 'href="/set-up/"' in efua.get("/settings/show/1").get_data(as_text=True)


def test_it_is_nobodys_business_who_may_not_set_up(signed_in, cast):
    for name in ("amara", "chidi", "dalia"):
        client = signed_in(name)
        assert "8 of 8" not in text(client.get("/")) and "of 8 done" not in text(client.get("/"))
        assert client.get("/set-up/").status_code == 403


@pytest.mark.parametrize(
    ("statement", "code", "said", "to"),
    [
        (update(VendingPoint).values(active=False), "vending_point", "switched off", "/vending-points/list/"),
        (update(SecurityModule).values(active=False), "security_module", "none is active", "/modules/"),
        (delete(SupplyGroupKey), "security_module", "holds no key yet", "/modules/1"),
        (delete(Meter), "meter", "Its number, product, key", "/meters/add"),
        (update(Meter).values(tariff_id=None), "meter", "none that is installed has both", "/meters/edit/1"),
    ],
    ids=["point off", "module off", "no keys", "no meter", "no tariff"],
)
def test_a_step_says_what_it_lacks_and_leads_there(app, efua, cast, statement, code, said, to):
    change(app, statement)
    assert said in text(efua.get("/"))
    assert leads(efua)[code] == to


def test_a_tariff_without_a_plan_leads_to_its_plan(app, efua, cast):
    for table in (Meter, *(m for m in ())):
        change(app, delete(table))
    change(app, TariffPlan.__table__.delete().where(TariffPlan.parent_id.is_not(None)))
    with app.app_context():
        for plan in db.session.query(TariffPlan):
            db.session.delete(plan)
        db.session.commit()
    assert "it has no plan yet" in text(efua.get("/"))
    assert leads(efua)["tariff"] == "/plans/add/1"


def test_the_way_back_stands_on_every_page_until_the_checklist_is_seen(efua, cast):
    assert "Back to the checklist" not in text(efua.get("/regions/"))
    efua.get("/set-up/setup")
    page = efua.get("/settings/edit/1").get_data(as_text=True)
    assert "step 6 of 8" in page and "Back to the checklist" in page
    assert send(efua, "/settings/edit/1", utility_name="Lake").status_code == 303
    page = efua.get("/settings/show/1").get_data(as_text=True)
    assert "Back to the checklist" in page and "done" in page
    efua.get("/")
    assert "Back to the checklist" not in efua.get("/settings/show/1").get_data(as_text=True)


def test_no_such_step_is_no_page(efua):
    assert efua.get("/set-up/nonsense").status_code == 404


def test_the_step_of_the_tariff_says_that_nobody_has_looked_at_the_currency(app, efua):
    said = "Prices are in USD until step 6 chooses another currency."
    assert said in text(efua.get("/"))
    change(app, update(Settings).values(version=2))
    assert said not in text(efua.get("/"))


def test_the_bar_says_that_no_active_module_holds_a_key(app, efua):
    assert "Module ready" in efua.get("/").get_data(as_text=True)
    change(app, delete(SupplyGroupKey))
    page = efua.get("/modules/1").get_data(as_text=True)
    assert "Module holds no key yet" in page and "Module ready" not in page
