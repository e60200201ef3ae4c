"""The currency and the clock of an installation are changed, or something is sold in them: never both."""

from __future__ import annotations

import threading

import pytest
from sqlalchemy import create_engine, select, text

from app.extensions import db
from app.models import CashAccount, Currency, Meter, Settings
from app.services import money_kept
from app.views.currencies import CurrencyView
from app.views.settings import SettingsView
from tests.views.forms import send
from tests.views.forms import text as said
from tests.views.selling import sell

REFUSED = "Something was sold or written in this currency meanwhile."


@pytest.fixture(autouse=True)
def _nothing_is_kept(app, cast) -> None:
    with app.app_context():
        db.session.query(CashAccount).update({"credit_limit": None})
        db.session.execute(Meter.__table__.update().values(daily_limit=None))
        db.session.commit()


def _at_that_moment(monkeypatch, view, act) -> None:
    """Somebody else acts after the form was found good and before it is stored."""
    stores = view.pre_update

    def late(self, item):
        other = threading.Thread(target=act)
        other.start()
        other.join()
        stores(self, item)

    monkeypatch.setattr(view, "pre_update", late)


@pytest.mark.both_databases
def test_a_sale_between_check_and_save_keeps_currency_days_and_clock(app, efua, cast, look, monkeypatch):
    usd, eur = (look(select(Currency.id).where(Currency.code == code)) for code in ("USD", "EUR"))
    with monkeypatch.context() as patch:
        _at_that_moment(patch, SettingsView, lambda: sell(app, cast))
        refused = send(efua, "/settings/edit/1", currency=eur)
    assert refused.status_code == 422 and REFUSED in said(refused)
    for check in ("validate_time_zone", "validate_first_weekday", "validate_token_offset_minutes"):
        monkeypatch.setattr(SettingsView.edit_form, check, lambda *_: None)
    for field, typed in (("time_zone", "Africa/Lagos"), ("first_weekday", "6"), ("token_offset_minutes", "60")):
        assert REFUSED in said(send(efua, "/settings/edit/1", **{field: typed})), field
    monkeypatch.setattr(CurrencyView.edit_form, "validate_decimals", lambda *_: None)
    assert REFUSED in said(send(efua, f"/currencies/edit/{usd}", decimals="0"))
    assert look(select(Settings.currency_id)) == usd and look(select(Currency.decimals).where(Currency.id == usd)) == 2
    assert send(efua, "/settings/edit/1", utility_name="Lake").status_code == 303


@pytest.mark.both_databases
@pytest.mark.one_database("postgresql")
def test_a_sale_under_way_is_not_overtaken(app, efua, look, monkeypatch):
    """A sale that is not committed yet cannot be seen: whoever changes the currency waits for it, not for long.

    On SQLite whoever writes has the file alone.
    """
    monkeypatch.setattr(money_kept, "PATIENCE_MS", 50)
    eur = look(select(Currency.id).where(Currency.code == "EUR"))
    engine = create_engine(app.config["SQLALCHEMY_DATABASE_URI"])
    with engine.begin() as sale:
        sale.execute(text("UPDATE cash_account SET held = held WHERE id = 1"))
        refused = send(efua, "/settings/edit/1", currency=eur)
        assert refused.status_code == 422 and REFUSED in said(refused)
    engine.dispose()
    assert send(efua, "/settings/edit/1", currency=eur).status_code == 303
    assert look(select(Settings.currency_id)) == eur
