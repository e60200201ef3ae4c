"""Currency units (manual S9): three are ready, own ones can be added; what was sold in stays as it is."""

from __future__ import annotations

from typing import Any

from flask_appbuilder.forms import DynamicForm
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_babel import lazy_pgettext
from sqlalchemy import inspect, select
from wtforms.validators import ValidationError

from app.access.fab import SafeModelView
from app.domain.errors import SoldMeanwhile
from app.extensions import db
from app.models import Currency, Sale, Settings
from app.services.money_kept import hold_still
from app.views import figures
from app.views.fields import Shape, Text, Unused
from app.views.lists import Listed, Rows, any_row
from app.views.lists import words as holds
from app.views.money_kept import why_it_stays
from app.views.numbers import Whole

SOLD = _l("Sales were made in this currency; this stays. Add another currency instead.")
# Digits enough to show groups and every decimal: 1,234.567 and less.
SAMPLE = "1234567"


def sold_in(code: str) -> bool:
    """Whether anything was ever sold in it; then its code and decimals are history."""
    return any_row(select(Sale.id).where(Sale.currency == code))


def sample(row: Currency) -> str:
    """An amount as people write it in the reader's language, with the sign and with the code."""
    minor = int(SAMPLE[: 4 + row.decimals])
    signed = figures.money_symbol(minor, row.decimals, row.symbol)
    return f"{signed} · {figures.money_code(minor, row.decimals, row.code)}"


class CurrencyForm(DynamicForm):
    """A currency unit: code, name, symbol, decimals."""

    code = Text(
        _l("Code"),
        most=3,
        description=_l("Three letters, as in USD."),
        render_kw={"class": "mono"},
        rules=[
            Shape(r"[A-Z]{3}", _l("Three capital letters.")),
            Unused(Currency.code, _l("This currency is here already."), exact=True),
        ],
    )
    name = Text(lazy_pgettext("thing", "Name"), most=60)
    symbol = Text(_l("Symbol"), most=8, description=_l("As people write it: $, KSh, FCFA."))
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
    if now != field.data and (reason := stays(code)):
        raise ValidationError(str(reason))


def stays(code: str) -> Any:
    """Why code and decimals of this currency stay, or nothing: sales, or sums kept in the installation's own."""
    if sold_in(code):
        return SOLD
    installed = select(Settings.id).join(Currency, Settings.currency_id == Currency.id).where(Currency.code == code)
    return why_it_stays() if any_row(installed) else ""


class CurrencyView(Listed, SafeModelView):
    """Currency units."""

    datamodel = Rows(
        Currency,
        computed={
            "sample": sample,
            "use": lambda row: _("Currency of this installation") if _installed(row) else "",
        },
    )
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
        "code": _l("Code"), "name": lazy_pgettext("thing", "Name"), "symbol": _l("Symbol"), "decimals": _l("Decimals"),
        "sample": _l("Amounts look like"), "use": _l("Use"), "active": _l("Active"),
    }  # fmt: skip
    list_columns = ["code", "name", "decimals", "sample", "use", "active"]
    show_columns = ["code", "name", "symbol", "decimals", "sample", "use"]
    add_columns = edit_columns = ["code", "name", "symbol", "decimals"]
    order_columns = ["code", "name"]
    base_order = ("code", "asc")
    found_by = {"name": holds(lazy_pgettext("thing", "Name")), "code": holds(_l("Code"))}
    add_form = edit_form = CurrencyForm

    def _get_edit_widget(self, form: Any, exclude_cols: Any = None, widgets: Any = None) -> Any:
        """Code and decimals stand fixed once something was sold in the currency or is kept in it."""
        own = getattr(form, "_id", None)
        code = form.code.object_data if own is None else db.session.get_one(Currency, own).code
        if code and (reason := stays(code)):
            form.code.locked = form.decimals.locked = reason
        return super()._get_edit_widget(form=form, exclude_cols=exclude_cols, widgets=widgets)

    def pre_update(self, item: Currency) -> None:
        """Code and decimals are looked at again where nothing can be sold any more."""
        history = [inspect(item).attrs[name].history for name in ("code", "decimals")]
        if any(one.has_changes() for one in history):
            hold_still(db.session())
            was = history[0].deleted or history[0].unchanged
            if stays(was[0]):
                raise SoldMeanwhile

    def why_kept(self, item: Currency) -> Any:
        """The installation's currency and one that was sold in stay."""
        if _installed(item):
            return _("%(code)s is the currency of this installation. Nothing was deleted.", code=item.code)
        if sold_in(item.code):
            return _("Sales were made in %(code)s. Nothing was deleted.", code=item.code)
        return None


def _installed(row: Currency) -> bool:
    return any_row(select(Settings.id).where(Settings.currency_id == row.id))
