"""Set-up (manual S9, S10): the utility, its currency and settlement, its clock.  Its slips have a page of their own."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

from babel import Locale, UnknownLocaleError
from flask import current_app, redirect, url_for
from flask_appbuilder import expose
from flask_appbuilder.forms import DynamicForm
from flask_appbuilder.security.decorators import has_access, permission_name
from flask_appbuilder.widgets import FormWidget
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from sqlalchemy import inspect, select
from wtforms.validators import ValidationError

from app.access.fab import SafeModelView
from app.domain.money import settle
from app.domain.states import Settlement
from app.extensions import db
from app.models import Currency, Sale, Settings, Token
from app.services.four_eyes import two_until
from app.services.money_kept import require_unsold
from app.views import choices, figures
from app.views.fields import Row, Text, Word
from app.views.four_eyes import FourEyes, in_words
from app.views.lists import Listed, Rows, any_row
from app.views.lists import words as holds
from app.views.money_kept import why_it_stays
from app.views.numbers import Whole
from app.views.zones import UsualWeek, ZoneField, usual_week

# Locked after the first sale, or the first token: the reason stands at the field.
CURRENCY_STAYS = _l("Something was sold: prices, accounts and receipts are in this currency, and two are never added together. It stays.")
ZONE_STAYS = _l("Something was sold: its business day and month were counted in this time zone. It stays.")
WEEKDAY_STAYS = _l("Something was sold: its weekly fees were counted from this day. It stays.")
WEEK_OF_ALL = _l("Weekly fees and the weeks of reports begin on this day, for everybody and in every language, so that figures of two people agree.")
OFFSET_STAYS = _l("Tokens were made with this clock, and another one could make them again. It stays.")
# A sum between two minor units, as a price times a quantity gives it: 204.1137 with two decimals.
EXAMPLE = Fraction("20411.37")


def currencies() -> list[Currency]:
    """Every currency that is switched on, by its code, for a choice."""
    return list(db.session.scalars(select(Currency).where(Currency.active).order_by(Currency.code)))


def settlement_example(currency: Currency, settlement: Settlement) -> str:
    """What the method makes of one sum: computed as a sale is, with two more places to see it by."""
    exact = figures.number(EXAMPLE / 10**currency.decimals, currency.decimals + 2)
    minor = settle(EXAMPLE, settlement)
    return _(
        "A sum of %(exact)s becomes %(settled)s.",
        exact=figures.with_code(exact, currency.code),
        settled=figures.money_code(minor, currency.decimals, currency.code),
    )


class _Languages(dict[str, Any]):
    """The languages of the program, in their own names."""

    def items(self) -> Any:
        return [(code, entry["name"]) for code, entry in current_app.config["LANGUAGES"].items()]

    def __iter__(self) -> Any:
        return iter(current_app.config["LANGUAGES"])

    def __contains__(self, code: object) -> bool:
        return code in current_app.config["LANGUAGES"]

    def named(self, code: str | None) -> str:
        """A language in its own name, also one that the program does not speak: 中文."""
        if not code:
            return ""
        if code in self:
            return str(dict(self.items())[code])
        try:
            return Locale.parse(code).display_name or code
        except (UnknownLocaleError, ValueError):
            return code


LANGUAGES = _Languages()


class SettingsForm(DynamicForm):
    """What there is one of in an installation."""

    utility_name = Text(_l("Name of the utility"), most=100)
    utility_address = Text(_l("Address"), most=200, required=False)
    utility_telephone = Text(_l("Telephone"), most=60, required=False)
    tax_number = Text(_l("Tax number"), most=60, required=False)
    currency = Row(
        _l("Currency unit"), currencies,
        description=_l("Prices of tariffs keep their figures when it changes: 0.20 stays 0.20 in the new currency."),
    )  # fmt: skip
    settlement = Word(
        _l("Settlement method"), choices.SETTLEMENT, default=Settlement.UP,
        description=_l("How a sum is rounded to the smallest unit of the currency."),
    )  # fmt: skip
    time_zone = ZoneField(
        _l("Time zone"), default="UTC", description=_l("A city or a country. Business days and months follow it.")
    )
    first_weekday = Word(_l("The week begins on"), choices.WEEKDAY, default=0, description=WEEK_OF_ALL)
    token_offset_minutes = Whole(
        _l("Token clock, minutes from UTC"), least=-840, most=840, default=0,
        description=_l("0 unless your meters were set up with another clock."),
    )  # fmt: skip
    four_eyes = FourEyes(
        _l("Two people decide"),
        description=_l("One person proposes, another approves; nothing is made or booked until then. An act that is ticked off here goes on to take two people for three days, so that nobody lifts it for themselves (not in the first three days of the installation); the log of changes says who it was. Accepting the difference of a module takes an administrator over everything and a reason, restoring a backup the server itself; both take one person."),
        render_kw={"data-wide": "1"},
    )

    def validate_currency(self, field: Any) -> None:
        """Prices, accounts and books are in one currency once something was sold or a sum is kept in it."""
        now = db.session.get_one(Settings, 1).currency_id
        changed = field.data is not None and field.data.id != now
        _keep(changed, Sale, CURRENCY_STAYS)
        if changed and (reason := why_it_stays()):
            raise ValidationError(reason)

    def validate_time_zone(self, field: Any) -> None:
        """Business days do not move once something was sold."""
        _keep(field.data != db.session.get_one(Settings, 1).time_zone, Sale, ZONE_STAYS)

    def validate_first_weekday(self, field: Any) -> None:
        """Neither do weeks."""
        _keep(field.data != db.session.get_one(Settings, 1).first_weekday, Sale, WEEKDAY_STAYS)

    def validate_token_offset_minutes(self, field: Any) -> None:
        """Token ids do not jump once a token was made."""
        _keep(field.data != db.session.get_one(Settings, 1).token_offset_minutes, Token, OFFSET_STAYS)

    def lock(self) -> None:
        """Show what stays as fixed, each with its reason."""
        if any_row(select(Sale.id)):
            self.currency.locked, self.time_zone.locked = CURRENCY_STAYS, ZONE_STAYS
            self.first_weekday.locked = WEEKDAY_STAYS
        elif reason := why_it_stays():
            self.currency.locked = reason
        if usual := usual_week(self.time_zone.data or ""):
            self.first_weekday.description = f"{WEEK_OF_ALL} {_usual_words(usual)}"
        if any_row(select(Token.id)):
            self.token_offset_minutes.locked = OFFSET_STAYS


def _keep(changed: bool, made: Any, reason: Any) -> None:
    if changed and any_row(select(made.id)):
        raise ValidationError(str(reason))


def _usual_words(usual: UsualWeek) -> str:
    return _("Usual in %(country)s: %(day)s.", country=usual.country, day=choices.WEEKDAY[usual.first_weekday])


def week_words(row: Settings) -> str:
    """The day that weeks begin on; while it can be changed, also the usual one of the place where that is another."""
    chosen, usual = str(choices.WEEKDAY[row.first_weekday]), usual_week(row.time_zone)
    if usual is None or usual.first_weekday == row.first_weekday or any_row(select(Sale.id)):
        return chosen
    return figures.sentences(_("%(name)s.", name=chosen), _usual_words(usual))


class SettingsWidget(FormWidget):
    """The form with its list of time zones and the example of the settlement."""

    template = "settings/form.html"


class SettingsView(Listed, SafeModelView):
    """The one row of settings."""

    datamodel = Rows(
        Settings,
        eager=["currency"],
        computed={
            "settlement": lambda row: _("%(column)s: %(what)s", column=choices.SETTLEMENT[row.settlement], what=settlement_example(row.currency, row.settlement)),
            "first_weekday": week_words,
            "four_eyes": lambda row: in_words(row.four_eyes, two_until(db.session())),
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
        "four_eyes": _l("Two people decide"),
    }  # fmt: skip
    list_columns = ["utility_name"]
    _sets = [
        (_l("Utility"), {"fields": ["utility_name", "utility_address", "utility_telephone", "tax_number"]}),
        (_l("Money and time"), {"fields": [
            "currency", "settlement", "time_zone", "first_weekday", "token_offset_minutes",
        ]}),
        (_l("Engineering and reversals"), {"fields": ["four_eyes"]}),
    ]  # fmt: skip
    show_fieldsets = edit_fieldsets = add_fieldsets = _sets
    order_columns = ["utility_name"]
    found_by = {"utility_name": holds(_l("Name of the utility"))}
    add_form = edit_form = SettingsForm
    edit_widget = SettingsWidget
    edit_template = "settings/edit.html"
    show_template = "settings/show.html"

    @expose("/")
    @has_access
    @permission_name("read")
    def current(self) -> Any:
        """There is one row: show it."""
        return redirect(url_for("SettingsView.show", pk=1))

    def pre_update(self, item: Settings) -> None:
        """What stays once something was sold is looked at again where nothing can be sold any more."""
        changed = {name for name in ("currency_id", "currency", "time_zone", "first_weekday", "token_offset_minutes")
                   if inspect(item).attrs[name].history.has_changes()}  # fmt: skip
        if changed:
            require_unsold(
                db.session(), currency=bool({"currency", "currency_id"} & changed),
                days=bool({"time_zone", "first_weekday"} & changed), clock="token_offset_minutes" in changed,
            )  # fmt: skip

    def post_edit_redirect(self) -> Any:
        """Back to the settings."""
        return redirect(url_for("SettingsView.show", pk=1), 303)

    def _get_edit_widget(self, form: Any, exclude_cols: Any = None, widgets: Any = None) -> Any:
        """What stays is fixed; the example of every choice stands ready."""
        form.lock()
        form.settlement.examples = {
            f"{row.id} {method.value}": settlement_example(row, method) for row in currencies() for method in Settlement
        }
        return super()._get_edit_widget(form=form, exclude_cols=exclude_cols, widgets=widgets)
