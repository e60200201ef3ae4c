"""Tariffs in two steps, and the plan page (manual S6)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from sqlalchemy import func, select

from app.extensions import db
from app.models import Sale, Settings, Tariff, TariffPlan
from tests.views.forms import act, fields, send
from tests.views.selling import sell

# What it asks of the database is tried on both by the services and by the walk through all pages.
pytestmark = pytest.mark.one_database


def manual_example() -> dict[str, str]:
    """The plan that the manual shows: two steps and three fines."""
    return {
        "name": "Manual", "effective_from": "2031-01-01T00:00", "fixed_fee": "5", "fixed_method": "month",
        "steps-0-to": "150", "steps-0-price": "3", "steps-0-tax_rate": "0.1",
        "steps-1-to": "2000", "steps-1-price": "4", "steps-1-tax_rate": "0.2",
        "fines-0-to": "500", "fines-0-fine": "0",
        "fines-1-to": "2000", "fines-1-fine": "100",
        "fines-2-to": "5000", "fines-2-fine": "500",
    }  # fmt: skip


def post_plan(client, path, form_at=None, **changed):
    """The manual's plan with some boxes typed over (None leaves one away)."""
    page = fields(client.get(form_at or path).get_data(as_text=True))
    sent = {name: text for name, text in page.items() if "__" not in name} | manual_example()
    sent |= {name.replace("__", "-"): text for name, text in changed.items()}
    return client.post(path, data={name: text for name, text in sent.items() if text is not None})


def test_a_tariff_is_made_in_two_steps_and_only_starts_are_stored(efua, look):
    answer = send(efua, "/tariffs/add", name="Village", meter_type="electricity")
    assert answer.status_code == 303
    assert look(select(Tariff.id).where(Tariff.name == "Village")) is None  # nothing before its plan is
    assert post_plan(efua, answer.headers["Location"]).status_code == 303
    tariff = look(select(Tariff.id).where(Tariff.name == "Village"))
    plan = look(select(TariffPlan).where(TariffPlan.tariff_id == tariff))
    assert [(s.start, s.price, s.tax_rate) for s in plan.steps] == [
        (0, Decimal(3), Decimal("0.001")), (1500, Decimal(4), Decimal("0.002")),
    ]  # fmt: skip
    assert plan.steps_end == 20000
    assert [(f.start, f.fine) for f in plan.fines] == [(0, 0), (5000, 100), (20000, 500)]
    assert plan.fines_end == 50000
    assert (plan.fixed_fee, plan.fixed_method.value) == (Decimal(5), "month")
    page = efua.get(f"/tariffs/show/{tariff}").get_data(as_text=True)
    assert "Coming" in page and "0.2" in page and "150 – 2,000" in page


def test_the_units_follow_the_meter_type(efua, cast):
    page = efua.get(f"/plans/add/{cast.tariffs['water']}").get_data(as_text=True)
    assert "Price per m³" in page and "kWh" not in page


def test_empty_rows_are_no_rows_and_the_last_end_may_be_open(efua, cast, look):
    path = f"/plans/add/{cast.tariffs['water']}"
    answer = post_plan(
        efua, path, steps__1__to="", steps__2__to="", steps__2__price=" ", steps__2__tax_rate="",
        fines__0__to="", fines__0__fine="", fines__1__to="", fines__1__fine="", fines__2__to="", fines__2__fine="",
    )  # fmt: skip
    assert answer.status_code == 303
    plan = look(select(TariffPlan).where(TariffPlan.name == "Manual"))
    assert [s.start for s in plan.steps] == [0, 1500] and plan.steps_end is None
    assert plan.fines == [] and plan.fines_end is None


def test_a_button_gives_more_rows_where_no_script_does(efua, cast, look):
    path = f"/plans/add/{cast.tariffs['water']}"
    answer = post_plan(efua, path, act="steps:add")
    page = answer.get_data(as_text=True)
    assert answer.status_code == 200 and 'name="steps-3-price"' in page and 'value="150"' in page
    assert look(select(func.count(TariffPlan.id)).where(TariffPlan.name == "Manual")) == 0


REFUSED = [
    ("steps__0__price", "", "Fill this in."),
    ("steps__0__price", "three", "This is not a number."),
    ("steps__0__price", "-1", "Unit price: At least 0."),
    ("steps__0__price", "1e309", "This is not a number."),
    ("steps__0__price", "0.123456789", "decimal mark: 8 at most"),
    ("steps__0__price", "9" * 40, "More than 15 digits."),
    ("steps__0__price", "²", "This is not a number."),
    ("steps__0__tax_rate", "101", "Tax rate: At most 100."),
    ("steps__0__to", "", "Only the last row may stay open."),
    ("steps__0__to", "0", "Row 1 ends at 0, not above its start of 0."),
    ("steps__0__to", "10.55", "decimal mark: 1 at most"),
    ("steps__1__to", "150", "Row 2 ends at 150, not above its start of 150."),
    ("steps__1__to", "100", "Row 2 ends at 100, not above its start of 150."),
    ("fines__1__to", "400", "Row 2 ends at 400, not above its start of 500."),
    ("fines__2__fine", "", "Fill this in."),
    ("fixed_fee", "", "Fill this in."),
    ("fixed_method", "hourly", "Choose one of the list."),
    ("fee_recovery", "capped", "Fill this in."),
    ("effective_from", "soon", "A date and time like"),
    ("effective_from", "2031-02-30T00:00", "There is no such date."),
    ("effective_from", "9999-12-31T23:59", "A year between 2000 and 2099."),
    ("name", "", "Fill this in."),
]


@pytest.mark.one_database
def test_a_plan_is_refused_at_the_row_and_nothing_typed_is_lost(efua, cast, look):
    for box, typed, sentence in REFUSED:
        answer = post_plan(efua, f"/plans/add/{cast.tariffs['home']}", **{box: typed})
        page = answer.get_data(as_text=True)
        assert answer.status_code == 422, (box, typed)
        assert sentence in page, (box, typed)
        assert 'value="2000"' in page or box == "steps__1__to", (box, typed)
        assert look(select(func.count(TariffPlan.id)).where(TariffPlan.tariff_id == cast.tariffs["home"])) == 1, (box, typed)


@pytest.mark.one_database
def test_at_most_five_fines(efua, cast, look):
    more = {f"fines__{n}__to": str(5000 + n) for n in range(3, 6)} | {f"fines__{n}__fine": "1" for n in range(3, 6)}
    answer = post_plan(efua, f"/plans/add/{cast.tariffs['home']}", **more)
    assert answer.status_code == 422 and "At most 5 fines." in answer.get_data(as_text=True)
    assert look(select(func.count(TariffPlan.id)).where(TariffPlan.name == "Manual")) == 0


def test_a_plan_without_a_step_is_refused(efua, cast):
    away = {f"steps__{n}__{box}": "" for n in (0, 1) for box in ("to", "price", "tax_rate")}
    answer = post_plan(efua, f"/plans/add/{cast.tariffs['home']}", **away)
    assert answer.status_code == 422 and "A plan needs at least one price step." in answer.get_data(as_text=True)


def test_a_price_of_eight_places_is_shown_and_stored_unchanged(efua, cast, look):
    assert post_plan(efua, f"/plans/add/{cast.tariffs['home']}", steps__0__price="0.12345678").status_code == 303
    key = look(select(TariffPlan.id).where(TariffPlan.name == "Manual"))
    page = fields(efua.get(f"/plans/edit/{key}").get_data(as_text=True))
    assert page["steps-0-price"] == "0.12345678" and page["steps-0-tax_rate"] == "0.1"
    assert send(efua, f"/plans/edit/{key}").status_code == 303
    plan = look(select(TariffPlan).where(TariffPlan.id == key))
    assert (plan.steps[0].price, plan.steps[0].tax_rate) == (Decimal("0.12345678"), Decimal("0.001"))


def test_french_numbers_are_read_in_french(efua, cast, look):
    assert act(efua, "/", "/account/language", language="fr").status_code in (302, 303)
    answer = post_plan(
        efua, f"/plans/add/{cast.tariffs['home']}", steps__0__price="0,5", steps__0__tax_rate="7,5",
        steps__0__to="150,5", steps__1__tax_rate="0,2",
    )  # fmt: skip
    assert answer.status_code == 303
    plan = look(select(TariffPlan).where(TariffPlan.name == "Manual"))
    assert (plan.steps[0].price, plan.steps[0].tax_rate, plan.steps[1].start) == (Decimal("0.5"), Decimal("0.075"), 1505)


def test_the_time_is_the_installations(efua, app, cast, look):
    with app.app_context():
        db.session.get_one(Settings, 1).time_zone = "Africa/Nairobi"
        db.session.commit()
    assert post_plan(efua, f"/plans/add/{cast.tariffs['home']}").status_code == 303
    plan = look(select(TariffPlan).where(TariffPlan.name == "Manual"))
    assert plan.effective_from == datetime(2030, 12, 31, 21, tzinfo=UTC)
    assert "1 Jan 2031, 00:00" in efua.get(f"/tariffs/show/{cast.tariffs['home']}").get_data(as_text=True)


def test_two_plans_do_not_begin_together_and_a_second_click_adds_none(efua, cast, look):
    path = f"/plans/add/{cast.tariffs['home']}"
    assert post_plan(efua, path).status_code == 303
    answer = post_plan(efua, path)
    assert answer.status_code == 422
    assert "Another plan of this tariff begins at this time." in answer.get_data(as_text=True)
    assert look(select(func.count(TariffPlan.id)).where(TariffPlan.name == "Manual")) == 1


def test_two_people_at_one_plan_are_told(efua, cast, look):
    post_plan(efua, f"/plans/add/{cast.tariffs['home']}")
    key = look(select(TariffPlan.id).where(TariffPlan.name == "Manual"))
    stale = fields(efua.get(f"/plans/edit/{key}").get_data(as_text=True))
    assert send(efua, f"/plans/edit/{key}", steps__0__price="3.5").status_code == 303
    answer = efua.post(f"/plans/edit/{key}", data={**stale, "steps-0-price": "9"})
    assert answer.status_code == 422 and "changed this record meanwhile" in answer.get_data(as_text=True)
    assert look(select(TariffPlan).where(TariffPlan.id == key)).steps[0].price == Decimal("3.5")


def test_a_plan_that_has_not_sold_is_deleted(efua, cast, look):
    post_plan(efua, f"/plans/add/{cast.tariffs['home']}")
    key = look(select(TariffPlan.id).where(TariffPlan.name == "Manual"))
    assert act(efua, "/tariffs/list/", f"/plans/delete/{key}").status_code == 303
    assert look(select(TariffPlan.id).where(TariffPlan.id == key)) is None


def test_a_tariff_with_meters_stays_and_can_be_switched_off(efua, cast, look):
    key = cast.tariffs["home"]
    answer = act(efua, "/tariffs/list/", f"/tariffs/delete/{key}")
    assert "3 meters have this tariff." in efua.get(answer.headers["Location"]).get_data(as_text=True)
    assert send(efua, f"/tariffs/edit/{key}", active=None).status_code == 303
    assert look(select(Tariff.active).where(Tariff.id == key)) is False
    assert send(efua, f"/tariffs/edit/{key}", meter_type="gas").status_code == 422


def test_plans_belong_to_whoever_may_write_tariffs(signed_in, cast):
    chidi = signed_in("chidi")
    assert chidi.get(f"/tariffs/show/{cast.tariffs['home']}").status_code == 200
    assert chidi.get(f"/plans/add/{cast.tariffs['home']}").status_code == 403
    assert "Add plan" not in chidi.get(f"/tariffs/show/{cast.tariffs['home']}").get_data(as_text=True)


@pytest.fixture
def sold(app, cast):
    """The id of a plan on which a sale was made just now."""
    receipt = sell(app, cast)
    with app.app_context():
        return db.session.get_one(Sale, receipt.sale_id).plan_id


def test_a_plan_that_has_sold_leads_to_a_new_plan_with_its_figures(efua, cast, sold):
    answer = efua.get(f"/plans/edit/{sold}")
    assert answer.status_code == 303
    page = fields(efua.get(answer.headers["Location"]).get_data(as_text=True))
    assert page["steps-1-price"] == "0.30" and page["steps-0-to"] == "100" and page["fixed_fee"] == "1.50"


def test_a_plan_that_has_sold_is_neither_changed_nor_deleted_by_a_forged_post(efua, cast, sold, look):
    before = look(select(TariffPlan.version).where(TariffPlan.id == sold))
    answer = post_plan(efua, f"/plans/edit/{sold}", form_at=f"/plans/add/{cast.tariffs['home']}")
    assert answer.status_code == 422
    assert "This plan has sold already and cannot change." in answer.get_data(as_text=True)
    act(efua, "/tariffs/list/", f"/plans/delete/{sold}")
    assert look(select(TariffPlan.version).where(TariffPlan.id == sold)) == before


def test_a_new_plan_cannot_begin_before_what_was_sold(efua, cast, sold):
    yesterday = (datetime.now(UTC) - timedelta(days=1)).strftime("%Y-%m-%dT%H:%M")
    answer = post_plan(efua, f"/plans/add/{cast.tariffs['home']}", effective_from=yesterday)
    assert answer.status_code == 422 and "It was sold on this tariff after that" in answer.get_data(as_text=True)
