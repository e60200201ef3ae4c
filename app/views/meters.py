"""Meters (manual R3): registering, changing, finding; the page of one meter."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from flask import current_app, flash
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from sqlalchemy import select

from app.access import permissions as p
from app.access.current import current_scope
from app.access.fab import ScopedModelView
from app.extensions import db
from app.models import Consumer, Meter, Region, Sale, Tariff, Token
from app.services import meter_states, record_history
from app.services.key_changes import TRIES, under_way
from app.services.licensing import require_room
from app.services.meter_keys import held_key
from app.services.standing import standing
from app.views import choices, figures, meter_words
from app.views.history_tabs import history
from app.views.lists import (
    BOUND,
    CONSUMER_WORDS,
    DIGITS,
    PLACE,
    Listed,
    either,
    one_of,
    one_row,
    typed,
)
from app.views.meter_acts import MeterActs
from app.views.meter_form import MeterForm, NewMeterForm, has_history, products
from app.views.scoped_rows import ScopedRows

PLATE = ["meter_number", "product", "consumer", "region", "address", "tariff", "installed_on", "capacity", "capacity_unit"]
KEY = ["key", "sgc", "krn", "algorithm", "ti", "ea", "tct", "ken"]
LIMITS = ["smallest_purchase", "largest_purchase", "daily_limit"]


def all_tariffs() -> list[Tariff]:
    """Every tariff, those that are switched off as well: meters may still be on them."""
    return list(db.session.scalars(select(Tariff).order_by(Tariff.name)))


class MeterView(MeterActs, Listed, ScopedModelView):
    """Meters of the reader's region."""

    datamodel = ScopedRows(
        Meter,
        eager=["product", "consumer", "region", "tariff"],
        computed={"key_data": lambda row: f"{row.sgc} · {row.krn} · {row.ti:02}"},
        orders={
            "consumer": ("consumer", [Consumer.name]),
            "region": ("region", [Region.full_name]),
            "tariff": ("tariff", [Tariff.name]),
            "key_data": (None, [Meter.sgc, Meter.krn, Meter.ti]),
        },
    )
    route_base = "/meters"
    exchange = "meters"
    list_title = title = _l("Meters")
    add_title = _l("Add meter")
    edit_title = _l("Change meter")
    show_title = _l("Meter")
    empty_text = _l("No meters here yet.")
    add_row_message = _l("The meter is added.")
    edit_row_message = _l("The meter is changed.")
    delete_row_message = _l("The meter is deleted.")
    label_columns = {
        "meter_number": _l("Meter number"), "meter_type": _l("Meter type"), "product": _l("Product model"),
        "consumer": _l("Consumer"), "consumer_id": _l("Consumer"),
        "region": _l("Region"), "address": _l("Address"), "tariff": _l("Tariff"),
        "key_data": _l("SGC · KRN · TI"), "algorithm": _l("Algorithm"), "sgc": _l("SGC"), "krn": _l("KRN"),
        "ti": _l("TI"), "ea": _l("EA"), "tct": _l("TCT"), "ken": _l("KEN"), "status": _l("State"),
        "status_reason": _l("Reason"), "installed_on": _l("Installed on"), "capacity": _l("Capacity"), "capacity_unit": _l("Unit of capacity"),
        "smallest_purchase": _l("Smallest purchase, units"), "largest_purchase": _l("Largest purchase, units"),
        "daily_limit": _l("Limit for a day"), "id": _l("Number of the record"),
    }  # fmt: skip
    list_template = "lists/list.html"
    list_columns = ["meter_number", "meter_type", "consumer", "region", "tariff", "key_data", "status"]
    show_columns = ["meter_number"]
    show_template = "meters/show.html"
    add_template, edit_template = "meters/add.html", "meters/edit.html"
    add_fieldsets = [
        (_l("Meter"), {"fields": [*PLATE, "status"]}), (_l("Key"), {"fields": KEY}),
        (_l("Limits of a purchase"), {"fields": LIMITS}),
    ]  # fmt: skip
    edit_fieldsets = [
        (_l("Meter"), {"fields": PLATE}), (_l("Key"), {"fields": KEY}), (_l("Limits of a purchase"), {"fields": LIMITS}),
    ]  # fmt: skip
    order_columns = ["meter_number", "meter_type", "consumer", "region", "tariff", "key_data", "status"]
    base_order = ("meter_number", "asc")
    bare_tiles = frozenset({"meter_type"})
    found_by = {
        "meter_number": typed(DIGITS, _l("Meter number")),
        "consumer_id": typed(CONSUMER_WORDS, _l("Consumer: name, number, phone or ID")),
        "sgc": typed(DIGITS, _l("SGC")),
        "region": typed(PLACE, _l("Region")),
        "meter_type": one_of(_l("Meter type"), choices.METER_TYPE),
        "status": one_of(_l("State"), choices.METER_STATUS),
        "tariff": one_row(_l("Tariff"), all_tariffs),
        "product": one_row(_l("Product model"), products),
        "id": either(BOUND, _l("Consumer"), _l("somebody has it"), _l("nobody has it")),
    }
    add_form = NewMeterForm
    edit_form = MeterForm

    # --- the page of one meter ----------------------------------------------------------------

    def beside(self, pk: str) -> dict[str, Any]:
        """How the meter stands today, what may be done with it, what it bought."""
        meter = self._row(pk)
        session, scope, sm = db.session(), current_scope(), self.appbuilder.sm
        # NB: before the desk is read, which leaves rows of others in the session.
        consumer, taken = meter.consumer, meter.consumer_id is not None
        stands = standing(session, meter, scope, timedelta(days=current_app.config["CLOCK_AHEAD_DAYS"]))
        may_write = sm.has_access(*p.CHANGE_METERS)
        return {
            "meter": meter,
            "consumer": consumer,
            "taken": taken,
            "stands": stands,
            "why": meter_words.why_not(meter, stands),
            "warnings": meter_words.warnings(meter, stands),
            "means": meter_words.MEANS[meter.status],
            "acts": [(to, meter_words.act_word(meter.status, to)) for to in meter_states.may_become(meter.status)] if may_write else [],
            "icons": meter_words.ICONS,
            "may_write": may_write,
            "may_confirm_key": sm.has_access(*p.CHANGE_KEYS),
            "tries": TRIES,
            "under_way": under_way(meter),
            "may_sell": stands.why is None and sm.has_access(*p.SELL),
            "may_open_consumer": sm.has_access(*p.READ_CONSUMERS),
            "may_open_tariff": sm.has_access(*p.READ_TARIFFS),
            "words": choices,
            "key_types": meter_words.KEY_TYPE,
            "figures": figures,
            "history": history(
                {
                    "purchases": lambda at: record_history.purchases(session, scope, Sale.meter_id == meter.id, at),
                    "tokens": lambda at: record_history.tokens(session, scope, Token.meter_id == meter.id, at),
                    "engineering": lambda at: record_history.acts(session, scope, meter.id, at),
                }
            ),
        }

    # --- saving -------------------------------------------------------------------------------

    def prefill_form(self, form: Any, pk: Any) -> None:
        """The key that the meter's SGC and KRN name."""
        form.show(db.session.get_one(Meter, pk))

    def process_form(self, form: Any, is_created: bool) -> None:
        """An empty KEN is the key's own."""
        if form.ken.data is None:
            form.ken.data = 255 if form.key.held is None else form.key.held.row.ken

    def pre_add(self, item: Meter) -> None:
        """Within the licence only; the type follows the product.  Raises LicenceEnded, LicenceUnproven, LicenceFull."""
        require_room(db.session())
        item.meter_type = item.product.meter_type

    def pre_update(self, item: Meter) -> None:
        """The type follows the product; a meter that is where its key change leads has arrived."""
        item.meter_type = item.product.meter_type
        arrived = (item.sgc, item.krn, item.ti, item.ken)
        if arrived == (item.pending_sgc, item.pending_krn, item.pending_ti, item.pending_ken):
            item.pending_sgc = item.pending_krn = item.pending_ti = item.pending_ken = None
            item.pending_tries = 0

    def post_add(self, item: Meter) -> None:
        """What was saved, and should be looked at all the same."""
        key = held_key(db.session(), item.sgc, item.krn, item.algorithm)
        for said in (
            meter_words.maker_warning(item.meter_number, item.product),
            meter_words.key_warning(key, item.sgc, item.krn),
        ):
            if said:
                flash(said, "warning")

    post_update = post_add

    def why_kept(self, item: Meter) -> Any:
        """A meter with sales or tokens stays and can be marked as removed."""
        if has_history(item.id):
            return _(
                "Tokens were made for %(number)s. Nothing was deleted. Set its state to Removed instead.",
                number=item.meter_number,
            )
        return None
