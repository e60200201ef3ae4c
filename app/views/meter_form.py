"""The meter's form (manual R3): what stands on its plate, and the key it was given.

The meter type follows from the product, the algorithm from the key: neither can be mistyped.
"""

from __future__ import annotations

from typing import Any

from flask_appbuilder.forms import DynamicForm
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from sqlalchemy import select
from sqlalchemy.orm import selectinload
from wtforms import DateField
from wtforms.validators import Optional, ValidationError

from app.access import permissions
from app.domain.states import METER_STEPS, Algorithm, MeterStatus
from app.extensions import db
from app.models import Meter, Product, Sale, SecurityModule, SupplyGroupKey, Tariff, Token
from app.models.token import EngineeringRecord
from app.views import choices
from app.views.fields import NEEDED, MeterNumber, Row, Source, Text, Unused, Word
from app.views.numbers import Exact, Money, Tenths, Whole
from app.views.pickers import CONSUMERS, REGIONS, Picker

UNIQUE_KEY = 2  # key type of a vending unique key: the one meters are sold under


def products() -> list[Product]:
    """Every product that is switched on, with its manufacturer, for a choice."""
    rows = select(Product).where(Product.active).options(selectinload(Product.manufacturer)).order_by(Product.model)
    return list(db.session.scalars(rows))


def tariffs() -> list[Tariff]:
    """Every tariff that is switched on."""
    return list(db.session.scalars(select(Tariff).where(Tariff.active).order_by(Tariff.name)))


def keys() -> list[SupplyGroupKey]:
    """The vending keys of active modules."""
    rows = (
        select(SupplyGroupKey)
        .join(SecurityModule, SupplyGroupKey.module_id == SecurityModule.id)
        .where(SecurityModule.active, SupplyGroupKey.key_type == UNIQUE_KEY)
        .order_by(SupplyGroupKey.sgc, SupplyGroupKey.krn)
    )
    return list(db.session.scalars(rows))


def key_label(key: SupplyGroupKey) -> str:
    """SGC, KRN, algorithm and base date of a key."""
    return _(
        "%(sgc)s, KRN %(krn)d: %(algorithm)s, base date %(year)s",
        sgc=key.sgc, krn=key.krn, algorithm=str(choices.ALGORITHM[key.algorithm]),
        year=choices.BASE_YEAR.get(key.base_date, key.base_date),
    )  # fmt: skip


def has_history(meter_id: int) -> bool:
    """Whether sales, tokens or engineering acts name the meter.  Asked unscoped."""
    for model in (Sale, Token, EngineeringRecord):
        used = select(model.id).where(model.meter_id == meter_id).limit(1)
        if db.session.execute(used, execution_options={"unscoped": True}).first():
            return True
    return False


class KeyRow(Row):
    """The supply group and key revision, picked from the keys that a module holds."""

    def populate_obj(self, obj: Meter, name: str) -> None:
        """SGC, KRN and algorithm follow from the key."""
        key: SupplyGroupKey = self.data
        obj.sgc, obj.krn, obj.algorithm = key.sgc, key.krn, key.algorithm


class Day(DateField):
    """A date, in our words when it is none."""

    def process_formdata(self, valuelist: list[str]) -> None:
        """Read YYYY-MM-DD."""
        try:
            super().process_formdata(valuelist)
        except ValueError:
            raise ValueError(_("A date like 2027-01-31.")) from None


class MeterForm(DynamicForm):
    """A meter, set by set."""

    meter_number = Text(
        _l("Meter number"),
        most=20,
        description=_l("11 or 13 digits, as on the plate."),
        render_kw={"inputmode": "numeric", "class": "mono"},
        rules=[MeterNumber(), Unused(Meter.meter_number, _l("A meter of this number is registered already."))],
    )
    product = Row(
        _l("Product model"),
        products,
        description=_l("The meter type follows it."),
        source=Source(_l("No products yet."), _l("Add a product first"), "ProductView.add", permissions.WRITE_PRODUCTS),
    )
    consumer = Picker(_l("Consumer"), CONSUMERS, required=False, description=_l("By name, number, phone or ID."))
    region = Picker(_l("Region"), REGIONS)
    address = Text(_l("Address"), most=200, required=False)
    tariff = Row(
        _l("Tariff"),
        tariffs,
        required=False,
        get_label=lambda row: f"{row.name} ({choices.METER_TYPE[row.meter_type]})",
        source=Source(_l("No tariffs yet."), _l("Add a tariff first"), "TariffView.add", permissions.WRITE_TARIFFS),
        description=_l("Without one the meter cannot buy."),
    )
    key = KeyRow(
        _l("Supply group (SGC) and key revision (KRN)"),
        keys,
        get_label=key_label,
        source=Source(
            _l("No security module holds a vending key yet."),
            _l("Look at the security modules"),
            "SecurityModuleView.list",
            permissions.READ_MODULES,
        ),
        description=_l("What the meter itself is set to. Another choice here does not change the meter."),
    )
    ti = Whole(_l("Tariff index (TI)"), most=99, default=1, description=_l("0 to 99, as set in the meter."))
    ea = Word(_l("Encryption algorithm (EA)"), choices.EA, default=7)
    tct = Word(_l("Token technology (TCT)"), choices.TCT, default=2)
    ken = Whole(
        _l("Key expiry number (KEN)"), most=255, required=False, description=_l("Empty: as the key says. 255 never ends.")
    )
    status = Word(_l("State"), choices.METER_STATUS, default=MeterStatus.INSTALLED)
    status_reason = Text(_l("Reason"), most=200, required=False, description=_l("Needed for a blocked meter; the counter sees it."))
    installed_on = Day(_l("Installed on"), [Optional()], description=_l("Fixed fees are counted from this day."))
    capacity = Exact(_l("Capacity"), required=False, most=1_000_000, description=_l("kVA or ampere, where a fee depends on it."))
    smallest_purchase = Tenths(_l("Smallest purchase, units"), required=False)
    largest_purchase = Tenths(_l("Largest purchase, units"), required=False)
    daily_limit = Money(_l("Limit for a day"), required=False)

    @property
    def _own(self) -> Meter | None:
        key = getattr(self, "_id", None)
        return db.session.get(Meter, key) if key is not None else None

    def validate_meter_number(self, field: Any) -> None:
        """A meter that has bought keeps its number: its tokens are made for it."""
        own = self._own
        if own is not None and own.meter_number != field.data and has_history(own.id):
            raise ValidationError(_("Tokens were made for %(number)s; the number stays.", number=own.meter_number))

    def validate_product(self, field: Any) -> None:
        """A meter that has bought kWh does not begin to buy water."""
        own = self._own
        if own is not None and field.data and own.meter_type is not field.data.meter_type and has_history(own.id):
            raise ValidationError(_("It has bought as another meter type; choose a product of that type."))

    def validate_tariff(self, field: Any) -> None:
        """Product and tariff are of one meter type."""
        product = self.product.data
        if field.data and product and field.data.meter_type is not product.meter_type:
            raise ValidationError(
                _(
                    "This tariff is for %(tariff)s, the product is for %(product)s.",
                    tariff=choices.METER_TYPE[field.data.meter_type], product=choices.METER_TYPE[product.meter_type],
                )
            )  # fmt: skip

    def validate_ea(self, field: Any) -> None:
        """MISTY1 needs a key of STS6."""
        if field.data == 11 and self.key.data is not None and self.key.data.algorithm is not Algorithm.STS6:
            raise ValidationError(_("EA 11 needs an STS6 key; this key is legacy."))

    def validate_status(self, field: Any) -> None:
        """A state may follow the one before it, or not."""
        own = self._own
        if own is not None and field.data is not own.status and (own.status, field.data) not in METER_STEPS:
            raise ValidationError(
                _(
                    "A meter that is “%(old)s” cannot become “%(new)s” at once.",
                    old=choices.METER_STATUS[own.status], new=choices.METER_STATUS[field.data],
                )
            )  # fmt: skip

    def validate_largest_purchase(self, field: Any) -> None:
        """The largest purchase is not below the smallest."""
        least = self.smallest_purchase.data
        if field.data is not None and least is not None and field.data < least:
            raise ValidationError(_("Not below the smallest purchase."))

    def validate(self, extra_validators: Any = None) -> bool:
        """A meter stands where its consumer lives unless another region is said.

        NB: the reason is optional, so its own validators would not run when it is empty.
        """
        if self.consumer.data is not None and self.region.typed == "" and self.region.data is None:
            self.region.fill(self.consumer.data.region)
        fine = super().validate(extra_validators)
        if self.status.data is MeterStatus.BLOCKED and not self.status_reason.data:
            self.status_reason.errors = [*self.status_reason.errors, NEEDED]
            return False
        return fine
