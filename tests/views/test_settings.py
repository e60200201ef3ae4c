"""Settings and currencies: the example of the settlement, the time zone, and what stays after a sale."""

from __future__ import annotations

import json
import re
from html import unescape

import pytest
from sqlalchemy import select, update

from app.domain.engineering import ALL_REGISTERS, ActStatus
from app.domain.money import Currency as Money
from app.domain.states import Settlement
from app.extensions import db
from app.models import AppUser, AuditEntry, CashAccount, Currency, Meter, Settings
from app.models.base import now
from app.services import debts
from app.services.engineering import Wanted, make, record_of
from app.services.four_eyes import APART_AFTER
from app.views import currencies
from app.views.settings import settlement_example
from app.views.zones import usual_week
from tests.cast import PALM_STREET
from tests.services.conftest import Counter
from tests.views.forms import fields, send, text
from tests.views.selling import sell

pytestmark = pytest.mark.one_database


def examples(page):
    return json.loads(unescape(re.search(r'data-examples="([^"]*)"', page).group(1)))


def test_every_choice_of_currency_and_settlement_has_its_example_ready(efua, look):
    send(efua, "/currencies/add", code="JPY", name="Yen", symbol="¥", decimals="0")
    send(efua, "/currencies/add", code="KWD", name="Dinar", symbol="KD", decimals="3")
    ready = examples(efua.get("/settings/edit/1").get_data(as_text=True))
    said = {}
    for code in ("USD", "JPY", "KWD"):
        key = look(select(Currency.id).where(Currency.code == code))
        said[code] = [ready[f"{key} {method}"].replace("\u00a0", " ") for method in ("up", "down")]
    assert said == {
        "USD": ["A sum of USD 204.1137 becomes USD 204.12.", "A sum of USD 204.1137 becomes USD 204.11."],
        "JPY": ["A sum of JPY 20,411.37 becomes JPY 20,412.", "A sum of JPY 20,411.37 becomes JPY 20,411."],
        "KWD": ["A sum of KWD 20.41137 becomes KWD 20.412.", "A sum of KWD 20.41137 becomes KWD 20.411."],
    }
    assert len(ready) == 5 * len(Settlement)


def test_without_a_script_the_stored_choice_is_shown(efua):
    page = efua.get("/settings/edit/1").get_data(as_text=True)
    assert "A sum of USD 204.1137 becomes USD 204.12." in text(efua.get("/settings/edit/1")).replace("\u00a0", " ")
    assert "Round up: A sum of" in text(efua.get("/settings/show/1"))
    assert "settings.js" in page


@pytest.mark.parametrize(
    ("typed", "zone"),
    [
        ("Africa/Nairobi", "Africa/Nairobi"), ("africa/nairobi", "Africa/Nairobi"), ("nairobi", "Africa/Nairobi"),
        ("Kenya", "Africa/Nairobi"), ("new york", "America/New_York"), ("UTC", "UTC"), ("Asia/Calcutta", "Asia/Calcutta"),
    ],
)  # fmt: skip
def test_a_time_zone_is_found_by_city_country_or_name(efua, look, typed, zone):
    assert send(efua, "/settings/edit/1", time_zone=typed).status_code == 303
    assert look(select(Settings.time_zone)) == zone


@pytest.mark.parametrize("typed", ["Brazil", "Mars/Base", "Etc/GMT+5", "../../etc/passwd", "x" * 200])
def test_a_time_zone_that_is_none_or_several_is_refused(efua, look, typed):
    answer = send(efua, "/settings/edit/1", time_zone=typed)
    assert answer.status_code == 422
    assert look(select(Settings.time_zone)) == "UTC"


def test_the_list_of_time_zones_speaks_the_readers_language(app, efua):
    assert '<option value="Africa/Nairobi">Kenya, Nairobi, UTC+03:00</option>' in efua.get("/settings/edit/1").get_data(as_text=True)
    with app.app_context():
        db.session.query(AppUser).filter_by(username="efua").update({"language": "fr"})
        db.session.commit()
    assert ">Égypte, Le Caire, UTC" in efua.get("/settings/edit/1").get_data(as_text=True)


def test_the_usual_first_weekday_is_that_of_the_place_and_stands_beside_the_choice(app, efua, cast, look):
    assert "Usual in" not in text(efua.get("/settings/edit/1")) + text(efua.get("/settings/show/1"))  # UTC is nowhere
    send(efua, "/settings/edit/1", time_zone="Cairo")
    assert "for everybody and in every language, so that figures of two people agree. Usual in Egypt: Saturday." in text(efua.get("/settings/edit/1"))
    assert "Monday. Usual in Egypt: Saturday." in text(efua.get("/settings/show/1"))
    send(efua, "/settings/edit/1", first_weekday="5")
    assert "Usual in" not in text(efua.get("/settings/show/1"))
    assert look(select(Settings.first_weekday)) == 5


@pytest.mark.parametrize(
    ("zone", "day"),
    [("Africa/Lagos", 0), ("Asia/Shanghai", 0), ("America/Sao_Paulo", 6), ("Asia/Kolkata", 6), ("Asia/Calcutta", 6), ("Africa/Cairo", 5), ("UTC", None),
     ("Antarctica/Troll", None), ("../x", None)],
)  # fmt: skip
def test_weeks_begin_as_the_cldr_says_of_the_country(app, zone, day):
    with app.test_request_context():
        usual = usual_week(zone)
    assert (usual and usual.first_weekday) == day


def test_after_the_first_sale_what_was_counted_in_stays_and_says_why(app, efua, cast, look):
    sell(app, cast)
    page = text(efua.get("/settings/edit/1"))
    for reason in ("two are never added together", "counted in this time zone", "counted from this day", "Tokens were made with this clock"):
        assert reason in page
    # Saved as it stands it changes nothing and is not refused.
    assert send(efua, "/settings/edit/1", settlement="down", utility_name="Lake").status_code == 303
    row = look(select(Settings))
    assert (row.settlement, row.utility_name, row.time_zone) == ("down", "Lake", "UTC")
    euro = look(select(Currency.id).where(Currency.code == "EUR"))
    for field, forged in (("currency", euro), ("time_zone", "Africa/Lagos"), ("first_weekday", "6"), ("token_offset_minutes", "60")):
        answer = send(efua, "/settings/edit/1", **{field: forged})
        assert answer.status_code == 422 and "It stays." in text(answer), field


def test_a_currency_that_was_sold_in_keeps_code_and_decimals_and_past_receipts_their_sign(app, efua, cast, look):
    receipt = sell(app, cast)
    key = look(select(Currency.id).where(Currency.code == "USD"))
    assert "Sales were made in this currency" in text(efua.get(f"/currencies/edit/{key}"))
    for field, forged in (("decimals", "0"), ("code", "UST")):
        assert send(efua, f"/currencies/edit/{key}", **{field: forged}).status_code == 422
    before = text(efua.get(f"/receipts/{receipt.sale_id}"))
    assert send(efua, f"/currencies/edit/{key}", name="Dollar", symbol="US$").status_code == 302
    efua.get("/currencies/list/")  # which says that it is changed
    assert text(efua.get(f"/receipts/{receipt.sale_id}")) == before


def _owe(app, cast):
    with app.app_context():
        debts.opening_balance(cast.consumers["achieng"], 5000, "before", "old-1")


def _limit(app, cast):
    with app.app_context():
        db.session.get_one(Meter, cast.meters["palm_street"]).daily_limit = 700
        db.session.commit()


def _credit(app, cast):
    with app.app_context():
        db.session.execute(update(CashAccount).where(CashAccount.id == 1).values(credit_limit=900))
        db.session.commit()


def _nothing(app, cast):
    with app.app_context():  # a limit of nothing is nothing in every currency
        db.session.execute(update(CashAccount).values(credit_limit=None))
        db.session.execute(update(Meter).values(daily_limit=None), execution_options={"unscoped": True})
        db.session.execute(update(CashAccount).where(CashAccount.id == 1).values(credit_limit=0))
        db.session.commit()


@pytest.mark.parametrize(
    ("keep", "said"),
    [
        (_owe, "already: 1 posting, 1 consumer with a debt. It stays."),
        (_limit, "another currency: 1 meter with a daily limit. Take them out first, or keep USD."),
        (_credit, "another currency: 1 vending point with a credit limit. Take them out first, or keep USD."),
    ],
    ids=["debt", "daily limit", "credit limit"],
)  # fmt: skip
def test_while_sums_are_kept_in_it_the_currency_stays_and_says_which(app, efua, cast, look, keep, said):
    _nothing(app, cast)
    keep(app, cast)
    usd, eur = (look(select(Currency.id).where(Currency.code == code)) for code in ("USD", "EUR"))
    assert said in text(efua.get("/settings/edit/1")) and said in text(efua.get(f"/currencies/edit/{usd}"))
    refused = [
        send(efua, "/settings/edit/1", currency=eur),
        send(efua, f"/currencies/edit/{usd}", decimals="0"),
        send(efua, f"/currencies/edit/{usd}", code="UST"),
    ]
    assert [answer.status_code for answer in refused] == [422] * 3
    assert all(text(answer).count(said) >= 1 for answer in refused)
    assert send(efua, "/settings/edit/1", utility_name="Lake").status_code == 303
    assert send(efua, f"/currencies/edit/{usd}", symbol="US$").status_code == 302
    assert send(efua, f"/currencies/edit/{eur}", decimals="0").status_code == 302  # nothing is kept in this one
    assert look(select(Settings.currency_id)) == usd


def test_while_nothing_is_kept_the_currency_may_change_and_prices_keep_their_figures(app, efua, cast, look):
    _nothing(app, cast)
    assert "0.20 stays 0.20 in the new currency" in text(efua.get("/settings/edit/1"))
    eur = look(select(Currency.id).where(Currency.code == "EUR"))
    assert send(efua, "/settings/edit/1", currency=eur).status_code == 303
    assert look(select(Settings.currency_id)) == eur


def test_one_that_was_not_sold_in_may_change(efua, look):
    key = look(select(Currency.id).where(Currency.code == "CNY"))
    assert send(efua, f"/currencies/edit/{key}", decimals="1").status_code == 302
    assert look(select(Currency.decimals).where(Currency.id == key)) == 1


@pytest.mark.parametrize(
    ("language", "decimals", "symbol", "written"),
    [
        ("en", 2, "$", "$1,234.56 · XTS 1,234.56"), ("en", 3, "KD", "KD 1,234.567 · XTS 1,234.567"),
        ("en", 0, "¥", "¥1,234 · XTS 1,234"), ("fr", 2, "€", "1 234,56 € · 1 234,56 XTS"),
    ],
)  # fmt: skip
def test_amounts_look_as_the_language_writes_them(app, language, decimals, symbol, written):
    from flask_babel import force_locale

    with app.test_request_context(), force_locale(language):
        said = currencies.sample(Currency(code="XTS", symbol=symbol, decimals=decimals))
        assert said.replace("\u00a0", " ").replace("\u202f", " ") == written
        assert "204" not in settlement_example(Money("XTS", symbol, 0), Settlement.UP) or decimals


def ticks(client, *functions):
    """Save the settings with these boxes ticked."""
    form = fields(client.get("/settings/edit/1").get_data(as_text=True))
    return client.post("/settings/edit/1", data={**form, "four_eyes": list(functions)})


def test_the_administrator_says_which_acts_take_a_second_person_and_the_desk_obeys(app, cast, efua, look):
    page = efua.get("/settings/show/1")
    assert "Clear balance, Clear tamper, Reversal of a sale" in text(page)
    assert ticks(efua, "maximum_power_limit", "reversal", "no_such_thing").status_code == 303
    assert look(select(Settings.four_eyes)) == "reversal,maximum_power_limit"
    with app.app_context():
        chidi, modules = cast.scope("chidi"), app.extensions["modules"]
        order = {
            "vending_point_id": cast.points["market"], "operator_id": cast.users["chidi"], "reason": "moved out",
            "meter_number": PALM_STREET,
        }  # fmt: skip
        cleared = make(Wanted("act-cleared-1", "clear_credit", value=ALL_REGISTERS, **order), chidi, modules)
        limited = make(Wanted("act-limited-1", "maximum_power_limit", value=5_000, **order), chidi, modules)
        assert [record_of(key, chidi).status for key in (cleared, limited)] == [ActStatus.ISSUED, ActStatus.PROPOSED]
        db.session.remove()
    entry = look(select(AuditEntry).where(AuditEntry.table_name == "settings").order_by(AuditEntry.id.desc()))
    assert (entry.actor, json.loads(entry.after)["four_eyes"]) == ("efua", "reversal,maximum_power_limit")
    said = text(efua.get(f"/audit/show/{entry.id}"))
    assert "Clear balance, Clear tamper, Reversal of a sale" in said and "Reversal of a sale, Maximum power limit" in said


def test_where_nothing_is_ticked_one_person_is_enough(efua, look):
    assert ticks(efua).status_code == 303
    assert look(select(Settings.four_eyes)) == ""
    assert "nothing: one person is enough" in text(efua.get("/settings/show/1"))
    assert 'value="reversal"' in efua.get("/settings/edit/1").get_data(as_text=True)


def test_what_was_ticked_off_is_told_with_the_moment_until_which_it_takes_two_people(app, cast, chidi, efua):
    with app.app_context():
        db.session.get_one(Settings, 1).created_at = now() - APART_AFTER
        db.session.commit()
        sale_id = Counter(cast, app.extensions["modules"]).sells("palm_street", 20_00).sale_id
        db.session.remove()
    assert ticks(efua, "clear_credit").status_code == 303
    until = f"{now() + APART_AFTER:%-d %b %Y}"
    shown = text(efua.get("/settings/show/1"))
    assert f"Clear balance, Clear tamper (until {until}" in shown and "Reversal of a sale (until" in shown
    assert "Reversal of a sale (until" in text(efua.get("/settings/edit/1"))
    for page in (f"/reversals/{sale_id}", f"/engineering/meter/{PALM_STREET}/clear-tamper"):
        assert f"ticked off in the settings lately, and takes two people until {until}" in text(chidi.get(page)), page
    assert "lately" not in text(chidi.get(f"/engineering/meter/{PALM_STREET}/clear-credit"))
