"""The forms of the engineering desk: a value in human units, a reason, and where the act is made."""

from __future__ import annotations

import secrets
from decimal import Decimal
from typing import Any

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_wtf import FlaskForm
from wtforms import Field, HiddenField, StringField
from wtforms.validators import ValidationError
from wtforms.widgets import TextInput

from app.access.current import current_scope
from app.domain.digits import ascii_digits
from app.domain.engineering import FUNCTIONS, Unit
from app.domain.errors import Refusal
from app.domain.money import parse_decimal
from app.models import SupplyGroupKey
from app.services.points import selling_points
from app.views.engineering_words import REGISTERS, TESTS
from app.views.fields import Row, Shape, Text, Word, presence
from app.views.figures import decimal_mark, plain_number

WATT_DECIMALS, RAW_DIGITS = 3, 5


class Kilowatts(Field):
    """Power typed in kilowatts with up to three decimals, kept in watts."""

    widget = TextInput()
    unit = "kW"

    def __init__(self, label: Any, most: int, **more: Any):
        self.most = most
        more["render_kw"] = {"inputmode": "decimal", "autocomplete": "off", "maxlength": 20}
        super().__init__(label, presence(required=True), **more)

    def _value(self) -> str:
        return str(self.raw_data[0]) if self.raw_data else ""

    def process_formdata(self, valuelist: list[str]) -> None:
        """Read it exactly; more than a token carries is refused with the bound."""
        self.data = None
        text = valuelist[0].strip() if valuelist else ""
        if not text:
            return
        try:
            watts = parse_decimal(plain_number(text), decimals=WATT_DECIMALS) * 1000
        except Refusal:
            raise ValueError(
                _("A number of kilowatts like 12%(mark)s5, with at most three decimals.", mark=decimal_mark())
            ) from None
        if watts > self.most:
            raise ValueError(_("At most %(most)s kW.", most=f"{self.most // 1000}"))
        self.data = int(Decimal(watts))


class Whole(Field):
    """A whole number from 0 to `most`."""

    widget = TextInput()

    def __init__(self, label: Any, most: int, **more: Any):
        self.most = most
        more["render_kw"] = {"inputmode": "numeric", "autocomplete": "off", "maxlength": RAW_DIGITS}
        super().__init__(label, presence(required=True), **more)

    def _value(self) -> str:
        return str(self.raw_data[0]) if self.raw_data else ""

    def process_formdata(self, valuelist: list[str]) -> None:
        """Read it; letters and signs are refused."""
        self.data = None
        text = ascii_digits(valuelist[0].strip()) if valuelist else ""
        if not text:
            return
        if not (text.isascii() and text.isdigit() and len(text) <= RAW_DIGITS and int(text) <= self.most):
            raise ValueError(_("A whole number from 0 to %(most)s.", most=self.most))
        self.data = int(text)


class Tests(Field):
    """The functions that were ticked: numbers of `TESTS`, in their order."""

    widget = TextInput()

    def process_formdata(self, valuelist: list[str]) -> None:
        """Take those that exist; anything else is no function."""
        known = {str(number): number for number in TESTS}
        if any(text not in known for text in valuelist):
            raise ValueError(_("Choose one of the list."))
        self.data = sorted({known[text] for text in valuelist})

    def pre_validate(self, form: Any) -> None:
        """At least one."""
        if not self.data:
            raise ValidationError(_("Choose at least one function."))


class ActForm(FlaskForm):
    """What every act has: its own reference, a reason, and the vending point of whoever has none.

    `again`: the act that asked the same lately, which the page has warned of.
    """

    reference = HiddenField(default=lambda: secrets.token_hex(16))
    again = StringField()
    point = Row(_l("Vending point"), lambda: selling_points(current_scope()))
    reason = Text(
        _l("Reason"), most=200,
        description=_l("Who asked for it, and why. It stands in the records and in the audit."),
    )  # fmt: skip

    def __init__(self, *args: Any, **more: Any):
        super().__init__(*args, **more)
        if current_scope().vending_point_id is not None:
            del self.point


def function_form(name: str) -> type[ActForm]:
    """The form of a meter-specific function, with its value where it has one."""
    function = FUNCTIONS[name]
    fields: dict[str, Any] = {}
    if function.unit is Unit.WATT:
        fields["value"] = Kilowatts(_l("Limit"), function.most)
    elif function.unit is Unit.REGISTER:
        fields["value"] = Word(_l("Which balance"), REGISTERS)
    elif function.unit is Unit.RAW:
        fields["value"] = Whole(_l("Value"), function.most, description=_l("The maker's number, 0 to 65535."))
    return type("FunctionForm", (ActForm,), fields)


def key_form(keys: list[SupplyGroupKey], present: tuple[str, int, int]) -> type[ActForm]:
    """The form of a key change: one of the keys that the meter's module holds, and the new tariff index."""
    words = {
        key.id: _("%(sgc)s, revision %(krn)s (base date %(year)s)", sgc=key.sgc, krn=key.krn, year=base_year(key))
        for key in keys
    }
    now_on = next((key.id for key in keys if (key.sgc, key.krn) == present[:2]), None)
    index = Text(
        _l("New tariff index (TI)"), most=2, default=f"{present[2]:02}",
        rules=[Shape(r"[0-9]{1,2}", _l("Two digits, 00 to 99."))], render_kw={"class": "mono", "inputmode": "numeric"},
        description=_l("A number inside the meter's key, no price. Leave it unless your utility numbers its tariffs so."),
    )  # fmt: skip
    return type("KeyForm", (ActForm,), {"key": Word(_l("New key"), words, default=now_on), "ti": index})


def base_year(key: SupplyGroupKey) -> str:
    """The year of a key's base date."""
    return f"{1900 + key.base_date if key.base_date > 50 else 2000 + key.base_date}"


class TestForm(ActForm):
    """The nineteen functions that any meter knows, for makers with a code of two or four digits."""

    maker = Text(
        _l("Manufacturer code"), most=4, default="00",
        description=_l("Two or four digits as on the meter; 00 or 0000 for meters of any maker."),
        rules=[Shape(r"[0-9]{2}|[0-9]{4}", _l("Two or four digits."))],
        render_kw={"class": "mono", "inputmode": "numeric"},
    )  # fmt: skip
    tests = Tests(_l("Functions"))

    @property
    def numbers(self) -> tuple[int, ...]:
        """The tests asked for; the one that asks for all stands for the others too."""
        return (0,) if 0 in self.tests.data else tuple(self.tests.data)
