"""The plan page beyond the manual: what stands behind More, what it means, plans of real utilities."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from html import unescape
from urllib.parse import parse_qs

import pytest
from sqlalchemy import func, select

from app.domain.compile import compile_plan
from app.domain.errors import Refusal
from app.domain.money import Currency
from app.domain.plan import FeeState, History
from app.domain.pricing import quote_by_amount
from app.domain.states import MeterType, Settlement
from app.extensions import db
from app.models import Tariff, TariffPlan
from app.services import catalogue
from app.services.plans import compile_plan as plan_of
from app.services.tariffs import add_plan
from app.sts.amount import MAX_TENTHS, representable_at_least
from app.views import plan_page
from app.views.plan_codes import final_codes, slug
from app.views.plan_page import Subject
from tests.views.forms import fields, send, text
from tests.views.selling import sell

pytestmark = pytest.mark.one_database

NEW = "/plans/new?name=Village&meter_type=electricity"


def page_fields(client, path):
    """What the plan page would send as it stands, without the rows that a script copies."""
    return {name: text for name, text in fields(client.get(path).get_data(as_text=True)).items() if "__" not in name}


def kenya() -> dict:
    """Steps, levies, a tax of a tax, a channel fee, and a lifeline schedule with a fee of its own."""
    return {
        "name": "2027", "effective_from": "2031-01-01T00:00", "fixed_fee": "150", "fixed_method": "month",
        "steps-0-to": "50", "steps-0-price": "2.50", "steps-1-to": "", "steps-1-price": "13.68",
        "levies-0-code": "new-0", "levies-0-name": "Fuel", "levies-0-price": "5.71",
        "levies-1-code": "new-1", "levies-1-name": "Forex", "levies-1-price": "0.17",
        "taxes-0-code": "new-2", "taxes-0-name": "Excise", "taxes-0-rate": "3", "taxes-0-bases": ["energy"],
        "taxes-0-only_steps": "2", "taxes-0-of_gross": "",
        "taxes-1-code": "new-3", "taxes-1-name": "VAT", "taxes-1-rate": "16", "taxes-1-of_gross": "",
        "taxes-1-bases": ["energy", "fixed", "new-0", "new-2"], "taxes-1-only_steps": "",
        "fees-0-code": "new-4", "fees-0-name": "Agent", "fees-0-amount": "1", "fees-0-first": "y", "fees-0-method": "month",
        "schedules-0-up_to": "30", "schedules-0-fixed_fee": "20", "schedules-0-fixed_method": "month",
        "schedules-0-steps-0-price": "1", "schedules-0-fees-0-name": "Lamp", "schedules-0-fees-0-amount": "2",
        "schedules-0-fees-0-method": "month", "debt_share": "25", "step_scale_days": "30",
    }  # fmt: skip


def stored(look, name="2027"):
    return look(select(TariffPlan.id).where(TariffPlan.name == name, TariffPlan.parent_id.is_(None)))


def test_everything_behind_more_is_stored_and_comes_back(efua, app, look):
    assert efua.post(NEW, data=page_fields(efua, NEW) | kenya()).status_code == 303
    key = stored(look)
    with app.app_context():
        plan = db.session.get_one(TariffPlan, key)
        first = plan.levies[0]
        assert (first.code, first.name, first.price) == ("fuel", "Fuel", Decimal("5.71"))
        assert [(tax.code, tax.bases) for tax in plan.taxes] == [
            ("excise", "energy"), ("vat", "energy,fixed,fuel,excise"),
        ]  # fmt: skip
        assert [step.taxes for step in plan.steps] == ["vat", None]
        (below,) = plan.schedules
        assert (below.up_to, below.fixed_fee, below.debt_share) == (300, Decimal(20), Decimal("0.25"))
        assert [(fee.code, fee.first) for fee in below.fees] == [("agent", True), ("lamp", False)]
        assert [tax.code for tax in below.taxes] == ["excise", "vat"]
    page = page_fields(efua, f"/plans/edit/{key}")
    assert page["taxes-0-only_steps"] == "2" and page["taxes-0-code"] == "excise"
    assert page["schedules-0-fees-0-name"] == "Lamp" and "schedules-0-fees-1-amount" in page  # the channel fee is the plan's
    again = kenya() | {name: text for name, text in page.items() if name.endswith("-code") or name == "row_version"}
    again["taxes-1-bases"] = ["energy", "fixed", "fuel", "excise"]
    again["levies-0-name"] = "Fuel cost"
    assert efua.post(f"/plans/edit/{key}", data=page | again).status_code == 303
    with app.app_context():
        renamed = db.session.get_one(TariffPlan, key).levies[0]
        assert (renamed.code, renamed.name) == ("fuel", "Fuel cost")  # what was paid is counted by the code
    words = unescape(efua.get(f"/plans/read/{key}").get_data(as_text=True))
    for said in (
        "While the total stays within 30", "0 to 50\xa0kWh: USD\xa02.50 each", "Fuel cost: USD\xa05.71 for each kWh",
        "Excise: 3\xa0% of: Energy (only in step 2)", "Agent: USD\xa01.00 of each purchase, before anything else",
        "25\xa0% of each purchase pays debts.",
    ):  # fmt: skip
        assert said in words, said


def test_previous_and_next_lose_nothing_and_store_nothing(efua, look):
    back = efua.post("/tariffs/add?name=Village&meter_type=electricity", data=page_fields(efua, NEW) | kenya() | {"back": "yes"})
    step_1 = fields(back.get_data(as_text=True))
    assert back.status_code == 200 and step_1["name"] == "Village"
    assert parse_qs(step_1["kept"])["taxes-1-bases"] == ["energy", "fixed", "new-0", "new-2"]
    again = efua.post("/tariffs/add", data=step_1 | {"name": "Town"})
    step_2 = again.get_data(as_text=True)
    typed = fields(step_2)
    assert typed["steps-1-price"] == "13.68" and typed["schedules-0-fees-0-name"] == "Lamp"
    assert 'value="new-2" checked' in step_2 and "<h1>Town</h1>" in step_2
    assert look(select(func.count(Tariff.id)).where(Tariff.name.in_(["Village", "Town"]))) == 0


def test_a_name_taken_meanwhile_leads_back_to_step_1_with_the_plan_kept(efua, look):
    page = page_fields(efua, NEW)
    assert efua.post(NEW, data=page | kenya()).status_code == 303
    twice = efua.post(NEW, data=page | kenya())
    assert twice.status_code == 422 and "known already" in twice.get_data(as_text=True)
    assert "13.68" in fields(twice.get_data(as_text=True))["kept"]
    assert look(select(func.count(Tariff.id)).where(Tariff.name == "Village")) == 1


# --- while somebody types -------------------------------------------------------------------


def preview(client, cast, page=None, **typed):
    """What the page gets while this is typed into the plan of the home tariff."""
    path = f"/plans/add/{cast.tariffs['home']}"
    sent = (page or page_fields(client, path)) | {name.replace("__", "-"): text for name, text in typed.items()}
    given = {name: text for name, text in sent.items() if text is not None}
    return client.post(f"/plans/preview?tariff={cast.tariffs['home']}", data=given)


def test_the_page_shows_what_the_engine_would_charge_and_stores_nothing(efua, cast, look):
    answer = preview(efua, cast, steps__0__price="0.40", sample="101.50")
    said = answer.get_json()
    assert said["errors"] == {} and not said["wrong"]
    # 1.50 a month, then 100 at 0.40, then 0.30 with 7.5 %: 60.00 are 186.0465... units more.
    assert "286.1" in said["html"] and "420.1" not in said["html"]
    assert 'role="img"' in said["html"] and "Step 2" in said["html"] and "now in force" in said["html"]
    assert look(select(func.count(TariffPlan.id)).where(TariffPlan.tariff_id == cast.tariffs["home"])) == 1


# What is typed, the box at which something is said, and what.
WRONG = [
    ({"steps__1__to": "50"}, "steps-1-to", "Row 2 ends at 50, not above its start of 100."),
    ({"steps__0__to": ""}, "steps-0-to", "Only the last row may stay open."),
    ({"steps__0__price": "-1"}, "steps-0-price", "Unit price: At least 0."),
    ({"steps__0__tax_rate": "101"}, "steps-0-tax_rate", "Tax rate: At most 100."),
    ({f"fines__{n}__{box}": str(n + 1) for n in range(6) for box in ("to", "fine")}, "fines-5-to", "At most 5 fines."),
    (
        {"fines__0__to": "10", "fines__0__fine": "5", "fines__1__to": "20", "fines__1__fine": "1"},
        "fines-1-fine", "a larger purchase would cost less",
    ),
    ({"steps__1__price": "0", "fixed_fee": "0"}, "steps-1-price", "any number of units"),
    ({"fee_recovery": "capped", "fee_cap_share": "0"}, "fee_cap_share", "More than 0 and at most 100 %."),
    ({"lifeline_adds_up": "y", "step_period": "purchase"}, "lifeline_adds_up", "per calendar month"),
    (
        {"taxes__0__name": "All", "taxes__0__rate": "100", "taxes__0__of_gross": "gross"},
        "taxes", "The taxes of the money received take all of it.",
    ),
    ({"taxes__0__name": "VAT", "taxes__0__rate": "16", "taxes__0__bases": None}, "taxes-0-bases", "Tick at least one line"),
]  # fmt: skip


def test_what_is_wrong_is_said_at_its_row_while_typing(efua, cast):
    page = page_fields(efua, f"/plans/add/{cast.tariffs['home']}")
    for typed, box, sentence in WRONG:
        said = preview(efua, cast, page, **typed).get_json()
        assert sentence in " ".join(said["errors"].get(box, [])), (typed, said["errors"])
        assert said["html"] is None and said["wrong"]


def test_what_is_not_finished_is_no_mistake_yet(efua, cast):
    said = preview(efua, cast, levies__0__name="Fuel").get_json()
    assert said["errors"] == {} and said["html"] is None and said["say"] == "Not complete yet."
    said = preview(efua, cast, name="").get_json()  # the figures do not depend on it
    assert said["html"] and said["errors"] == {}


def test_the_last_purchase_of_a_consumer_is_priced_again(efua, app, cast):
    sell(app, cast)
    said = preview(efua, cast, steps__0__price="0.40", consumer=str(cast.consumers["achieng"])).get_json()
    assert "Under this plan" in said["html"] and "Meter 0100 0000 01" in said["html"]
    none = preview(efua, cast, consumer=str(cast.consumers["juma"])).get_json()
    assert "No purchase of this kind of meter yet." in none["html"]


def test_rows_come_go_and_move_without_a_script(efua, cast):
    path = f"/plans/add/{cast.tariffs['home']}"
    page = page_fields(efua, path)

    def after(act, **more):
        answer = efua.post(path, data=page | more | {"act": act})
        assert answer.status_code == 200
        return fields(answer.get_data(as_text=True))

    assert [after("steps:up:1")[f"steps-{n}-price"] for n in (0, 1)] == ["0.30", "0.20"]
    assert after("steps:drop:0")["steps-0-price"] == "0.30"
    nested = after("schedules-0-steps:add", **{"schedules-0-up_to": "30", "schedules-0-steps-0-price": "1"})
    assert nested["schedules-0-steps-0-price"] == "1" and "schedules-0-steps-2-price" in nested
    for forged in ("steps:up:99", "name:drop:0", "schedules-9-steps:add"):
        assert after(forged)["steps-0-price"] == "0.20", forged
    shown = efua.post(path, data=page | {"show": "yes", "steps-0-price": "0.40", "sample": "101.50"})
    assert shown.status_code == 200 and "286.1" in shown.get_data(as_text=True)


# --- codes ----------------------------------------------------------------------------------


def test_codes_are_made_of_names_and_never_collide():
    class Row:
        def __init__(self, code, name):
            self.code, self.name = type("F", (), {"data": code}), type("F", (), {"data": name})

    rows = [Row("new-0", "VAT"), Row("vat", "Old VAT"), Row("new-1", "Énergie"), Row("energy", "x"), Row("new-2", "ضريبة")]
    assert final_codes(rows) == {"new-0": "vat_2", "vat": "vat", "new-1": "energie", "energy": "x", "new-2": "line"}
    assert slug("Öl & Gas!") == "ol_gas"


# --- real utilities ---------------------------------------------------------------------------


def test_the_page_gives_every_plan_of_the_catalogue_back_as_it_is(app, efua):
    """Filled in, read and written again, each prices as its entry does."""
    money = Currency("USD", "$", 2)
    with app.test_request_context():
        for entry in catalogue.entries():
            subject = Subject(plan_page.new_tariff("x", MeterType.ELECTRICITY), entry=entry)
            form = plan_page.begun(subject)
            assert form.priceable, entry.key
            mine = compile_plan(plan_of(form.row(), entry.meter_type).with_capacity(1))
            theirs = compile_plan(entry.plan.with_capacity(1))
            for before in (0, 400):
                for major in (700, 30_000):
                    history = History(units_before=before, days_in_month=30, fees=_due(entry.plan, before))
                    assert _units(mine, history, major, money) == _units(theirs, history, major, money), entry.key


def _due(plan, before):
    return {fee.code: FeeState(periods_due=0 if before else 1) for fee in plan.all_fees}


def _units(plan, history, major, money):
    try:
        quote = quote_by_amount(plan, history, major * 100, money, Settlement.UP, representable_at_least, MAX_TENTHS)
    except Refusal as refusal:
        return type(refusal).__name__
    return quote.token_units, quote.left_minor


def test_the_catalogue_says_where_each_comes_from_and_fills_the_page(efua, cast):
    page = unescape(efua.get("/tariff-catalogue/").get_data(as_text=True))
    assert "Kenya Power" in page and "pulselive.co.ke" in page and "2017" in page and "yours: USD" in page
    step_1 = fields(efua.get("/tariffs/add?from=kplc-2017").get_data(as_text=True))
    assert step_1["name"] == "Domestic" and step_1["meter_type"] == "electricity"
    answer = send(efua, "/tariffs/add?from=kplc-2017")
    step_2 = efua.get(answer.headers["Location"]).get_data(as_text=True)
    assert "These prices are in KES; yours are in USD." in step_2 and "without exchange" in step_2
    assert fields(step_2)["steps-1-price"] == "13.68" and '<details class="plan-more" open>' in step_2
    assert '<details class="plan-more">' in efua.get(f"/plans/add/{cast.tariffs['water']}").get_data(as_text=True)
    assert "Kenya Power" not in efua.get(f"/tariff-catalogue/?tariff={cast.tariffs['water']}").get_data(as_text=True)
    assert efua.get("/tariffs/add?from=nobody").status_code == 200


# --- the tariff's page ----------------------------------------------------------------------------


def test_plans_stand_on_a_line_of_time(efua, app, cast):
    sell(app, cast)
    with app.test_request_context():
        tariff = db.session.get_one(Tariff, cast.tariffs["home"])
        form = plan_page.begun(Subject(tariff, source=tariff.plans[0]))
        form.name.data, form.effective_from.data = "Later", datetime.now(UTC) + timedelta(days=90)
        add_plan(tariff.id, form.draft())
    page = efua.get(f"/tariffs/show/{cast.tariffs['home']}").get_data(as_text=True)
    assert page.index('<li class="coming"') < page.index('<li class="now" aria-current="true"')
    assert page.count("Has sold") == 1 and page.count("New plan from this one") == 1 and "Coming" in page


def test_the_answer_while_typing_is_plain_data(efua, cast):
    answer = preview(efua, cast)
    assert answer.mimetype == "application/json" and set(json.loads(answer.get_data())) == {"errors", "html", "wrong", "say"}
    assert efua.post("/plans/preview?meter_type=steam", data={"csrf_token": efua.token("/account/")}).status_code == 404


def test_a_tariff_in_use_is_switched_off_where_another_is_deleted(app, efua, cast):
    with app.app_context():
        db.session.add(Tariff(name="Unused", meter_type="electricity"))
        db.session.commit()
        unused = db.session.scalars(select(Tariff.id).where(Tariff.name == "Unused")).one()
    used = cast.tariffs["home"]
    shown = {key: efua.get(f"/tariffs/show/{key}").get_data(as_text=True) for key in (used, unused)}
    assert [f"/tariffs/delete/{key}" in page for key, page in shown.items()] == [False, True]
    assert f"/tariffs/switch/{used}" in shown[used]
    page = efua.get("/tariffs/list/").get_data(as_text=True)
    assert f"/tariffs/delete/{used}" not in page and f"/tariffs/switch/{used}" in page
    assert f"/tariffs/delete/{unused}" in page and f"/tariffs/switch/{unused}" not in page


def test_an_entry_without_a_date_names_none(efua, cast):
    said = text(efua.get("/plans/new?name=X&meter_type=electricity&from=erongo"))
    assert "Filled in from: Erongo RED, " in said and "—." not in said.partition("Compare with the source")[0]
    assert "the source tells none" in text(efua.get("/tariff-catalogue/"))
    assert "2019-10." in text(efua.get("/plans/new?name=X&meter_type=electricity&from=zetdc-2019"))


def test_a_time_that_is_half_typed_is_said_at_its_field_where_something_was_sold(efua, app, cast, look):
    sell(app, cast)
    home = cast.tariffs["home"]
    new = f"/plans/add/{home}"
    assert efua.post(new, data=page_fields(efua, new) | {"name": "2031", "effective_from": "2031-01-01T00:00"}).status_code == 303
    pages = (new, f"/plans/edit/{stored(look, '2031')}")
    begun = [page_fields(efua, path) for path in pages]
    year, shape, day = "A year between 2000 and 2099.", "A date and time like 2027-01-31 00:00.", "There is no such date."
    for typed, sentence in (
        ("x", shape), ("-1", shape), ("0001-01-01T00:00", year), ("0002-06-01T00:00", year), ("9999-12-31T23:59", year),
        ("20271-01-01T00:00", shape), ("2026-13-45T99:99", day),
    ):  # fmt: skip
        said = preview(efua, cast, begun[0], effective_from=typed)
        assert said.status_code == 200 and said.get_json()["errors"] == {"effective_from": [sentence]}
        for path, page in zip(pages, begun, strict=True):
            answer = efua.post(path, data=page | {"effective_from": typed})
            shown = unescape(answer.get_data(as_text=True))
            assert answer.status_code in (200, 422) and sentence in shown and f'value="{typed}"' in shown


def test_names_keep_their_direction_on_arabic_pages(efua, cast, look):
    plan = look(select(TariffPlan.name).where(TariffPlan.tariff_id == cast.tariffs["home"], TariffPlan.parent_id.is_(None)))
    efua.post("/account/language", data={"csrf_token": efua.token("/account/"), "language": "ar"})
    page = efua.get(f"/plans/add/{cast.tariffs['home']}").get_data(as_text=True)
    assert 'dir="rtl"' in page and f"\u2066{plan}\u2069" in page and re.search(r'<input id="name"[^>]* dir="auto"', page)
    assert not re.search(r'<input id="(effective_from|fixed_fee)"[^>]* dir="auto"', page)
    consumer = efua.get(f"/consumers/edit/{cast.consumers['achieng']}").get_data(as_text=True)
    for name in ("name", "address", "region"):
        assert re.search(rf'<input [^>]*dir="auto"[^>]*id="{name}"|<input id="{name}"[^>]* dir="auto"', consumer), name
    assert not re.search(r'<input id="telephone"[^>]* dir="auto"', consumer)
