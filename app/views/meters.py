"""Meters (manual R3): registering, changing, finding."""

from __future__ import annotations

from typing import Any

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from sqlalchemy import inspect, select

from app.access.fab import ScopedModelView
from app.extensions import db
from app.models import Meter, SupplyGroupKey
from app.models.base import now
from app.services.licensing import require_room
from app.views import choices, figures
from app.views.installation import currency
from app.views.lists import CONSUMER_WORDS, DIGITS, PLACE, Listed, Rows, begins, one_of, typed
from app.views.meter_form import UNIQUE_KEY, MeterForm, has_history

PLATE = ["meter_number", "product", "consumer", "region", "address", "tariff"]
KEY = ["key", "ti", "ea", "tct", "ken"]
STATE = ["status", "status_reason", "installed_on"]
LIMITS = ["smallest_purchase", "largest_purchase", "daily_limit", "capacity"]
SETS = [
    (_l("Meter"), {"fields": PLATE}),
    (_l("Key"), {"fields": KEY}),
    (_l("State"), {"fields": STATE}),
    (_l("Limits of a purchase"), {"fields": LIMITS}),
]


def _units(tenths: int | None) -> str:
    return "" if tenths is None else figures.units(tenths)


def _limit(meter: Meter) -> str:
    money = currency()
    return "" if meter.daily_limit is None else figures.money_code(meter.daily_limit, money.decimals, money.code)


class MeterView(Listed, ScopedModelView):
    """Meters of the reader's region."""

    datamodel = Rows(
        Meter,
        eager=["product", "consumer", "region", "tariff"],
        computed={
            "key_data": lambda row: f"{row.sgc} · {row.krn} · {row.ti:02}",
            "algorithm": lambda row: choices.ALGORITHM[row.algorithm],
            "krn": lambda row: str(row.krn),
            "ti": lambda row: f"{row.ti:02}",
            "ea": lambda row: choices.EA[row.ea],
            "tct": lambda row: choices.TCT.get(row.tct, f"{row.tct:02}"),
            "ken": lambda row: str(row.ken),
            "smallest_purchase": lambda row: _units(row.smallest_purchase),
            "largest_purchase": lambda row: _units(row.largest_purchase),
            "daily_limit": _limit,
            "capacity": lambda row: "" if row.capacity is None else figures.number(row.capacity, 8, 0),
        },
    )
    route_base = "/meters"
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
        "consumer": _l("Consumer"), "consumer_id": _l("Consumer"), "region": _l("Region"),
        "address": _l("Address"), "tariff": _l("Tariff"), "key_data": _l("SGC · KRN · TI"),
        "algorithm": _l("Algorithm"), "sgc": _l("SGC"), "krn": _l("KRN"), "ti": _l("TI"), "ea": _l("EA"),
        "tct": _l("TCT"), "ken": _l("KEN"), "status": _l("State"), "status_reason": _l("Reason"),
        "status_since": _l("Since"), "installed_on": _l("Installed on"), "capacity": _l("Capacity"),
        "smallest_purchase": _l("Smallest purchase, units"), "largest_purchase": _l("Largest purchase, units"),
        "daily_limit": _l("Limit for a day"),
    }  # fmt: skip
    list_columns = ["meter_number", "meter_type", "consumer", "region", "tariff", "key_data", "status"]
    show_fieldsets = [
        (_l("Meter"), {"fields": [
            "meter_number", "meter_type", "product", "consumer", "region", "address", "tariff",
        ]}),
        (_l("Key"), {"fields": ["sgc", "krn", "ti", "algorithm", "ea", "tct", "ken"]}),
        (_l("State"), {"fields": ["status", "status_reason", "status_since", "installed_on"]}),
        (_l("Limits of a purchase"), {"fields": LIMITS}),
    ]  # fmt: skip
    add_fieldsets = edit_fieldsets = SETS
    order_columns = ["meter_number", "meter_type", "status"]
    base_order = ("meter_number", "asc")
    found_by = {
        "meter_number": typed(DIGITS, _l("Meter number")),
        "consumer_id": typed(CONSUMER_WORDS, _l("Consumer: name, number, phone or ID")),
        "region": typed(PLACE, _l("Region")),
        "sgc": begins(_l("SGC")),
        "meter_type": one_of(_l("Meter type"), choices.METER_TYPE),
        "status": one_of(_l("State"), choices.METER_STATUS),
    }
    add_form = edit_form = MeterForm

    def prefill_form(self, form: Any, pk: Any) -> None:
        """The key that the meter's SGC and KRN name."""
        meter = db.session.get_one(Meter, pk)
        form.key.data = db.session.scalars(
            select(SupplyGroupKey).where(
                SupplyGroupKey.sgc == meter.sgc,
                SupplyGroupKey.krn == meter.krn,
                SupplyGroupKey.key_type == UNIQUE_KEY,
            )
        ).first()

    def process_form(self, form: Any, is_created: bool) -> None:
        """An empty KEN is the key's own."""
        if form.ken.data is None:
            form.ken.data = form.key.data.ken

    def pre_add(self, item: Meter) -> None:
        """Within the licence only.  Raises LicenceEnded, LicenceUnproven, LicenceFull."""
        require_room(db.session())
        self._settle(item)

    def pre_update(self, item: Meter) -> None:
        """The type follows the product; a new state begins now."""
        self._settle(item)

    @staticmethod
    def _settle(item: Meter) -> None:
        item.meter_type = item.product.meter_type
        history = inspect(item).attrs.status.history
        if item.status_since is None or (history.deleted and history.added):
            item.status_since = now()

    def why_kept(self, item: Meter) -> Any:
        """A meter with sales or tokens stays and can be marked as removed."""
        if has_history(item.id):
            return _(
                "Tokens were made for %(number)s. Nothing was deleted. Set its state to Removed instead.",
                number=item.meter_number,
            )
        return None
