"""Set-up: the installation, its currency and settlement, its licence (manual S8, S9, S10)."""

from __future__ import annotations

from typing import Any
from zoneinfo import available_timezones

from flask import current_app, redirect, url_for
from flask_appbuilder import expose
from flask_appbuilder.forms import DynamicForm
from flask_appbuilder.security.decorators import has_access, permission_name
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from sqlalchemy import func, select
from wtforms import BooleanField
from wtforms.validators import ValidationError

from app.access.fab import SafeBaseView, SafeModelView
from app.domain.states import Settlement
from app.extensions import db
from app.models import Currency, Licence, Meter, Sale, Settings, Token
from app.views import choices
from app.views.fields import Row, Shape, Text, Unused, Word
from app.views.lists import Listed, Rows
from app.views.lists import words as holds
from app.views.numbers import Whole


def _any(query: Any) -> bool:
    return db.session.execute(query.limit(1), execution_options={"unscoped": True}).first() is not None


# --- currencies ---------------------------------------------------------------------------


class CurrencyForm(DynamicForm):
    """A currency unit: code, name, symbol, decimals."""

    code = Text(
        _l("Code"),
        most=3,
        description=_l("Three letters, as in USD."),
        render_kw={"class": "mono"},
        rules=[
            Shape(r"[A-Z]{3}", _l("Three capital letters.")),
            Unused(Currency.code, _l("This currency is here already.")),
        ],
    )
    name = Text(_l("Name"), most=60)
    symbol = Text(_l("Symbol"), most=8, description=_l("As it is printed: $, KSh, FCFA."))
    decimals = Whole(_l("Decimals"), most=3, default=2, description=_l("0 to 3. Sums are kept in the smallest unit."))

    def validate_decimals(self, field: Any) -> None:
        """What was sold was counted in this unit."""
        _keep(self, Currency.decimals, field)

    def validate_code(self, field: Any) -> None:
        """What was sold names this code."""
        _keep(self, Currency.code, field)


def _keep(form: Any, column: Any, field: Any) -> None:
    own = getattr(form, "_id", None)
    if own is None or field.data is None:
        return
    code, now = db.session.execute(select(Currency.code, column).where(Currency.id == own)).one()
    if now != field.data and _any(select(Sale.id).where(Sale.currency == code)):
        raise ValidationError(_("Sales were made in this currency; this stays. Add another currency instead."))


class CurrencyView(Listed, SafeModelView):
    """Currency units: three are ready, own ones can be added."""

    datamodel = Rows(Currency)
    route_base = "/currencies"
    list_title = title = _l("Currencies")
    add_title = _l("Add currency")
    edit_title = _l("Change currency")
    show_title = _l("Currency")
    empty_text = _l("No currencies yet.")
    add_row_message = _l("The currency is added.")
    edit_row_message = _l("The currency is changed.")
    delete_row_message = _l("The currency is deleted.")
    label_columns = {
        "code": _l("Code"), "name": _l("Name"), "symbol": _l("Symbol"), "decimals": _l("Decimals")
    }  # fmt: skip
    list_columns = ["code", "name", "symbol", "decimals"]
    show_columns = add_columns = edit_columns = list_columns
    order_columns = ["code", "name"]
    base_order = ("code", "asc")
    found_by = {"name": holds(_l("Name")), "code": holds(_l("Code"))}
    add_form = edit_form = CurrencyForm

    def why_kept(self, item: Currency) -> Any:
        """The installation's currency and one that was sold in stay."""
        if _any(select(Settings.id).where(Settings.currency_id == item.id)):
            return _("%(code)s is the currency of this installation. Nothing was deleted.", code=item.code)
        if _any(select(Sale.id).where(Sale.currency == item.code)):
            return _("Sales were made in %(code)s. Nothing was deleted.", code=item.code)
        return None


# --- the installation ---------------------------------------------------------------------


def currencies() -> list[Currency]:
    """Every currency by its code, for a choice."""
    return list(db.session.scalars(select(Currency).order_by(Currency.code)))


class _Zones(dict[str, str]):
    """The time zones of the world, read when they are first needed."""

    def items(self) -> Any:
        if not self:
            self.update((name, name) for name in sorted(available_timezones()) if "/" in name or name == "UTC")
        return super().items()

    def __iter__(self) -> Any:
        self.items()
        return super().__iter__()

    def __contains__(self, name: object) -> bool:
        self.items()
        return super().__contains__(name)


class _Languages(dict[str, Any]):
    """The languages of the program, in their own names."""

    def items(self) -> Any:
        return [(code, entry["name"]) for code, entry in current_app.config["LANGUAGES"].items()]

    def __iter__(self) -> Any:
        return iter(current_app.config["LANGUAGES"])

    def __contains__(self, code: object) -> bool:
        return code in current_app.config["LANGUAGES"]


ZONES, LANGUAGES = _Zones(), _Languages()


class SettingsForm(DynamicForm):
    """What there is one of in an installation."""

    utility_name = Text(_l("Name of the utility"), most=100)
    utility_address = Text(_l("Address"), most=200, required=False)
    utility_telephone = Text(_l("Telephone"), most=60, required=False)
    tax_number = Text(_l("Tax number"), most=60, required=False)
    currency = Row(_l("Currency unit"), currencies)
    settlement = Word(
        _l("Settlement method"), choices.SETTLEMENT, default=Settlement.UP,
        description=_l("How a sum is rounded to the smallest unit of the currency."),
    )  # fmt: skip
    time_zone = Word(_l("Time zone"), ZONES, default="UTC", description=_l("Business days and months follow it."))
    first_weekday = Word(_l("The week begins on"), choices.WEEKDAY, default=0)
    token_offset_minutes = Whole(
        _l("Token clock, minutes from UTC"), least=-840, most=840, default=0,
        description=_l("0 unless your meters were set up with another clock."),
    )  # fmt: skip
    default_language = Word(_l("Language of slips"), LANGUAGES, default="en")
    slip_header = Text(_l("Line above the slip"), most=200, required=False, render_kw={"data-wide": "1"})
    slip_footer = Text(_l("Line below the slip"), most=200, required=False, render_kw={"data-wide": "1"})
    mask_id_number = BooleanField(
        _l("Mask ID numbers on slips"), description=_l("Only the last four digits are printed.")
    )

    def validate_currency(self, field: Any) -> None:
        """Prices, accounts and books are in one currency once something was sold."""
        now = db.session.get_one(Settings, 1)
        if field.data is not None and field.data.id != now.currency_id and _any(select(Sale.id)):
            raise ValidationError(_("Sales were made in %(code)s; the currency stays.", code=now.currency.code))

    def validate_time_zone(self, field: Any) -> None:
        """Business days do not move once something was sold."""
        if field.data != db.session.get_one(Settings, 1).time_zone and _any(select(Sale.id)):
            raise ValidationError(_("Sales were made in this time zone; it stays."))

    def validate_token_offset_minutes(self, field: Any) -> None:
        """Token ids do not jump once a token was made."""
        if field.data != db.session.get_one(Settings, 1).token_offset_minutes and _any(select(Token.id)):
            raise ValidationError(_("Tokens were made with this clock; it stays."))


class SettingsView(Listed, SafeModelView):
    """The one row of settings."""

    datamodel = Rows(
        Settings,
        eager=["currency"],
        computed={
            "settlement": lambda row: choices.SETTLEMENT[row.settlement],
            "first_weekday": lambda row: choices.WEEKDAY[row.first_weekday],
            "default_language": lambda row: dict(LANGUAGES.items()).get(row.default_language, row.default_language),
        },
    )
    route_base = "/settings"
    default_view = "current"
    include_route_methods = {"current", "show", "edit"}
    list_title = title = show_title = _l("Settings")
    add_title = edit_title = _l("Change settings")
    edit_row_message = _l("The settings are changed.")
    label_columns = {
        "utility_name": _l("Name of the utility"), "utility_address": _l("Address"),
        "utility_telephone": _l("Telephone"), "tax_number": _l("Tax number"), "currency": _l("Currency unit"),
        "settlement": _l("Settlement method"), "time_zone": _l("Time zone"),
        "first_weekday": _l("The week begins on"), "token_offset_minutes": _l("Token clock, minutes from UTC"),
        "slip_header": _l("Line above the slip"), "slip_footer": _l("Line below the slip"),
        "mask_id_number": _l("Mask ID numbers on slips"), "default_language": _l("Language of slips"),
    }  # fmt: skip
    list_columns = ["utility_name"]
    _sets = [
        (_l("Utility"), {"fields": ["utility_name", "utility_address", "utility_telephone", "tax_number"]}),
        (_l("Money and time"), {"fields": [
            "currency", "settlement", "time_zone", "first_weekday", "token_offset_minutes",
        ]}),
        (_l("Slips"), {"fields": ["default_language", "mask_id_number", "slip_header", "slip_footer"]}),
    ]  # fmt: skip
    show_fieldsets = edit_fieldsets = add_fieldsets = _sets
    order_columns = ["utility_name"]
    found_by = {"utility_name": holds(_l("Name of the utility"))}
    add_form = edit_form = SettingsForm

    @expose("/")
    @has_access
    @permission_name("read")
    def current(self) -> Any:
        """There is one row: show it."""
        return redirect(url_for("SettingsView.show", pk=1))

    def post_edit_redirect(self) -> Any:
        """Back to the settings."""
        return redirect(url_for("SettingsView.show", pk=1), 303)


class LicenceView(SafeBaseView):
    """The licence's details (manual S8): until when, for how many meters, how many there are."""

    route_base = "/licence"
    default_view = "details"
    title = list_title = _l("Licence")

    @expose("/")
    @has_access
    @permission_name("read")
    def details(self) -> Any:
        """The newest licence, with the meters of the whole installation."""
        licence = db.session.scalars(select(Licence).order_by(Licence.id.desc()).limit(1)).first()
        count = select(func.count()).select_from(Meter)
        meters = db.session.execute(count, execution_options={"unscoped": True}).scalar_one()
        allowed = licence.meters_allowed if licence else None
        self.update_redirect()
        return self.render_template(
            "settings/licence.html",
            title=self.title,
            licence=licence,
            meters=meters,
            share=min(100, meters * 100 // allowed) if allowed else 0,
        )
