"""The meter's form (manual R3): what stands on its plate, and the key it was given.

The meter type follows from the product, the algorithm from the key: neither can be mistyped.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from flask import request
from flask_appbuilder.forms import DynamicForm
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from sqlalchemy import select
from sqlalchemy.orm import selectinload
from wtforms import DateField
from wtforms.validators import ValidationError

from app.access import permissions
from app.domain.states import Algorithm, MeterStatus
from app.extensions import db
from app.models import Meter, Product, Sale, Tariff, Token
from app.models.token import EngineeringRecord
from app.services.meter_keys import HeldKey
from app.services.meter_states import may_be_given
from app.sts import meter_number as drn
from app.sts.errors import InvalidCheckDigit, StsError
from app.views import choices, figures
from app.views.fields import NEEDED, MeterNumber, Row, Shape, Source, Text, Unused, Word, presence
from app.views.key_choice import TYPED, KeyChoice
from app.views.meter_words import key_warning, maker_warning
from app.views.numbers import Exact, Money, Tenths, Whole
from app.views.pickers import CONSUMERS, REGIONS, Picker

LOOK = "look"  # the button that asks what follows, without saving
# The field that something is worth knowing about, its tone, and the sentence.
Said = tuple[str, str, str]


def products() -> list[Product]:
    """Every product that is switched on, with its manufacturer, for a choice."""
    rows = select(Product).where(Product.active).options(selectinload(Product.manufacturer)).order_by(Product.model)
    return list(db.session.scalars(rows))


def tariffs() -> list[Tariff]:
    """Every tariff that is switched on."""
    return list(db.session.scalars(select(Tariff).where(Tariff.active).order_by(Tariff.name)))


def has_history(meter_id: int) -> bool:
    """Whether sales, tokens or engineering acts name the meter.  Asked unscoped."""
    for model in (Sale, Token, EngineeringRecord):
        used = select(model.id).where(model.meter_id == meter_id).limit(1)
        if db.session.execute(used, execution_options={"unscoped": True}).first():
            return True
    return False


class Day(DateField):
    """A date or none at all, in our words when it cannot be read."""

    def __init__(self, label: Any, **more: Any):
        super().__init__(label, presence(required=False), **more)

    def process_formdata(self, valuelist: list[str]) -> None:
        """Read YYYY-MM-DD."""
        try:
            super().process_formdata(valuelist)
        except ValueError:
            raise ValueError(_("A date like 2027-01-31.")) from None


class MeterForm(DynamicForm):
    """A meter that is registered, set by set; its state has a page of its own."""

    meter_number = Text(
        _l("Meter number"),
        most=20,
        description=_l("11 or 13 digits, as on the plate. The last one checks the others."),
        render_kw={"inputmode": "numeric", "class": "mono"},
        rules=[MeterNumber(), Unused(Meter.meter_number, _l("A meter of this number is registered already."), exact=True)],
    )
    product = Row(
        _l("Product model"),
        products,
        description=_l("The meter type follows it."),
        source=Source(_l("No products yet."), _l("Add a product first"), "ProductView.add", permissions.ADD_PRODUCTS),
    )
    consumer = Picker(_l("Consumer"), CONSUMERS, required=False, description=_l("By name, number, phone or ID."))
    region = Picker(_l("Region"), REGIONS)
    address = Text(_l("Address"), most=200, required=False)
    tariff = Row(
        _l("Tariff"),
        tariffs,
        required=False,
        get_label=lambda row: figures.bracketed(row.name, choices.METER_TYPE[row.meter_type]),
        source=Source(_l("No tariffs yet."), _l("Add a tariff first"), "TariffView.add", permissions.ADD_TARIFFS),
        description=_l("What a unit costs. Without one the meter cannot buy."),
    )
    key = KeyChoice(
        _l("Supply group (SGC) and key revision (KRN)"),
        description=_l("The group whose vending key the meter obeys, and which generation of it: what the meter itself is set to. Another choice here does not change the meter; a key change does."),
        render_kw={"data-wide": True},
    )
    sgc = Text(
        _l("SGC"),
        most=6,
        required=False,
        description=_l("Six digits, as on the plate or the commissioning sheet."),
        render_kw={"inputmode": "numeric", "class": "mono", "data-with": TYPED},
        rules=[Shape(r"[0-9]{6}", _l("Six digits."))],
    )
    krn = Whole(
        _l("KRN"),
        least=1,
        most=9,
        required=False,
        description=_l("1 to 9."),
        render_kw={"inputmode": "numeric", "data-with": TYPED},
    )
    algorithm = Word(
        _l("Algorithm"),
        choices.ALGORITHM,
        required=False,
        empty=_l("Choose one"),
        description=_l("Legacy: keys of edition 1 (DKGA02). STS6: keys of edition 2 (DKGA04)."),
        render_kw={"data-with": TYPED},
    )
    ti = Whole(
        _l("Tariff index (TI)"),
        most=99,
        default=1,
        description=_l("0 to 99: a number inside the meter's key, as set in the meter. It is no price."),
    )
    ea = Word(
        _l("Encryption algorithm (EA)"),
        choices.EA,
        default=7,
        description=_l("How the meter deciphers a token, as its data sheet says. 11 needs an STS6 key."),
    )
    tct = Word(
        _l("Token technology (TCT)"),
        choices.TCT,
        default=2,
        description=_l("How a token comes into the meter; nearly always typed in."),
    )
    ken = Whole(
        _l("Key expiry number (KEN)"),
        most=255,
        required=False,
        description=_l("0 to 255: the last stretch of time for which the meter takes tokens. Empty: as the key says. 255: until its base date ends."),
    )
    installed_on = Day(_l("Installed on"), description=_l("Fixed fees are counted from this day."))
    capacity = Exact(
        _l("Capacity"),
        required=False,
        most=1_000_000,
        description=_l("Of the connection, as the contract says: a fee for each kVA, ampere or kW is multiplied by it. Other tariffs do not need it."),
    )
    capacity_unit = Word(_l("Unit of capacity"), choices.CAPACITY, required=False)
    smallest_purchase = Tenths(
        _l("Smallest purchase, units"), required=False, least=Decimal("0.1"), description=_l("In one purchase. Empty: no limit.")
    )
    largest_purchase = Tenths(
        _l("Largest purchase, units"), required=False, least=Decimal("0.1"), description=_l("In one purchase. Empty: no limit.")
    )
    daily_limit = Money(_l("Limit for a day"), required=False, description=_l("Money of all purchases of a day, fees included. Empty: no limit."))
    # What the look-up answered, when it was asked for without a script.
    looked: tuple[Said, ...] | None = None

    @property
    def _own(self) -> Meter | None:
        key = getattr(self, "_id", None)
        return db.session.get(Meter, key) if key is not None else None

    @property
    def spot(self) -> tuple[str, int, Algorithm] | None:
        """SGC, KRN and algorithm, from the key that is chosen or as they were typed."""
        held = self.key.held
        if held is not None:
            return held.spot
        typed = self.sgc.data, self.krn.data, self.algorithm.data
        return typed if self.key.data == TYPED and None not in typed else None  # type: ignore[return-value]

    def show(self, meter: Meter) -> None:
        """Say the meter's key by the row of a module that holds it, else as typed."""
        spot = (meter.sgc, meter.krn, meter.algorithm)
        held = next((key for key in self.key.rows if key.spot == spot), None)
        self.key.data = TYPED if held is None else str(held.row.id)
        if held is not None:
            self.sgc.data = self.krn.data = self.algorithm.data = None

    def populate_obj(self, obj: Meter) -> None:
        """The meter's key is the one that counts."""
        super().populate_obj(obj)
        if self.spot is not None:
            obj.sgc, obj.krn, obj.algorithm = self.spot

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

    def validate_consumer(self, field: Any) -> None:
        """A meter that was taken away is given to nobody."""
        own = self._own
        if own is not None and field.data and not may_be_given(own.status, field.data.id, own.consumer_id):
            raise ValidationError(_("The meter is removed. Take it into stock first, then give it to a consumer."))

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

    def validate_sgc(self, field: Any) -> None:
        """What is typed beside a chosen key would be lost without a word."""
        if field.data and self.key.held is not None:
            raise ValidationError(_("A key is chosen above. Choose “Another key”, or empty this."))

    def validate_ea(self, field: Any) -> None:
        """MISTY1 needs a key of STS6."""
        if field.data == 11 and self.spot is not None and self.spot[2] is not Algorithm.STS6:
            raise ValidationError(_("EA 11 needs an STS6 key; this key is legacy."))

    def validate_largest_purchase(self, field: Any) -> None:
        """The largest purchase is not below the smallest."""
        least = self.smallest_purchase.data
        if field.data is not None and least is not None and field.data < least:
            raise ValidationError(_("Not below the smallest purchase."))

    def validate(self, extra_validators: Any = None) -> bool:
        """A meter stands where its consumer lives unless another region is said.

        NB: what is typed for another key is optional, so its own validators would not run when it is empty.
        """
        if self.consumer.data is not None and self.region.typed == "" and self.region.data is None:
            self.region.fill(self.consumer.data.region)
        fine = super().validate(extra_validators)
        needed = [self.sgc, self.krn, self.algorithm] if self.key.data == TYPED else []
        for field in [*needed, *([self.capacity_unit] if self.capacity.data else [])]:
            if field.data is None and not field.errors:
                field.errors = [*field.errors, NEEDED]
                fine = False
        if request.form.get(LOOK):
            self.looked = look_at(self.meter_number.data or "", self.product.data, self.spot, self.key.held)
            return False  # it was only looked at
        return fine


class NewMeterForm(MeterForm):
    """A new meter: it also says where it is in its life."""

    status = Word(
        _l("State"),
        {status: choices.METER_STATUS[status] for status in (MeterStatus.INSTALLED, MeterStatus.IN_STOCK)},
        default=MeterStatus.INSTALLED,
        description=_l("In stock it can be registered and bound; only an installed meter buys."),
    )


def look_at(
    number: str, product: Product | None, spot: tuple[str, int, Algorithm] | None, held: HeldKey | None
) -> tuple[Said, ...]:
    """What follows from what is typed so far."""
    said: list[Said] = []
    try:
        digits = drn.validate(number)
    except InvalidCheckDigit:
        said.append(("meter_number", "bad", _("One digit is mistyped. Compare it with the meter.")))
    except StsError:
        if number:
            said.append(("meter_number", "bad", _("A meter number has 11 or 13 digits.")))
    else:
        said.append(("meter_number", "ok", _("The check digit of %(number)s fits.", number=figures.ltr(figures.meter_number(digits)))))
        if product is not None and (warning := maker_warning(digits, product)):
            said.append(("meter_number", "warn", warning))
    if spot is not None and (warning := key_warning(held, spot[0], spot[1])):
        said.append(("key", "warn", warning))
    return tuple(said)
