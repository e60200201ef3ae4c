"""Form fields for exact numbers: whole numbers, units, shares, prices and amounts.

They are typed and shown in the reader's notation and are never floats.
"""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from typing import Any

from flask_babel import gettext as _
from wtforms import Field
from wtforms.widgets import TextInput

from app.domain.errors import Refusal
from app.domain.money import parse_decimal
from app.views import figures
from app.views.fields import presence
from app.views.installation import currency
from app.views.messages import sentence


class Exact(Field):
    """A decimal number, exact to `decimals` places; the bounds are included."""

    widget = TextInput()

    def __init__(
        self,
        label: Any,
        *,
        decimals: int = 8,
        least: Decimal | int | None = 0,
        most: Decimal | int | None = None,
        required: bool = True,
        unit: Any = None,
        rules: Iterable[Any] = (),
        **more: Any,
    ):
        self.decimals, self.least, self.most, self.unit = decimals, least, most, unit
        more["render_kw"] = {"inputmode": "decimal", "autocomplete": "off", **more.get("render_kw", {})}
        super().__init__(label, [*presence(required), *rules], **more)

    def _value(self) -> str:
        if self.raw_data:
            return str(self.raw_data[0])
        return "" if self.data is None else self.shown(self.data)

    def shown(self, stored: Any) -> str:
        """The stored value as it stands in the field."""
        return figures.number(stored, self.decimals, least=0)

    def stored(self, typed: Decimal) -> Any:
        """The typed number as it is stored."""
        return typed

    def process_formdata(self, valuelist: list[str]) -> None:
        """Read the number.  Raises ValueError with the sentence for the field."""
        text = valuelist[0].strip() if valuelist else ""
        self.data = None
        if not text:
            return
        try:
            typed = parse_decimal(figures.plain_number(text), decimals=self.decimals, positive=False)
        except Refusal as refusal:
            raise ValueError(sentence(refusal)) from None
        if self.least is not None and typed < self.least:
            raise ValueError(_("At least %(least)s.", least=figures.number(self.least, self.decimals, 0)))
        if self.most is not None and typed > self.most:
            raise ValueError(_("At most %(most)s.", most=figures.number(self.most, self.decimals, 0)))
        self.data = self.stored(typed)


class Whole(Exact):
    """A whole number."""

    def __init__(self, label: Any, **more: Any):
        more.setdefault("render_kw", {"inputmode": "numeric"})
        super().__init__(label, decimals=0, **more)

    def stored(self, typed: Decimal) -> int:
        """An int."""
        return int(typed)


class Tenths(Exact):
    """A quantity in units with one decimal, stored as a whole number of tenths."""

    def __init__(self, label: Any, **more: Any):
        more.setdefault("most", Decimal("1820162.4"))
        super().__init__(label, decimals=1, **more)

    def shown(self, stored: Any) -> str:
        """1500 tenths stand as 150."""
        return figures.number(Decimal(stored).scaleb(-1), 1, least=0)

    def stored(self, typed: Decimal) -> int:
        """150.5 units are 1505 tenths."""
        return int(typed * 10)


class Price(Exact):
    """A price in the installation's currency, exact to eight places."""

    def __init__(self, label: Any, **more: Any):
        more.setdefault("most", Decimal(9999999))
        super().__init__(label, **more)

    def process(self, *args: Any, **kwargs: Any) -> None:
        """The currency is known only when a form is made."""
        self.money = currency()
        self.unit = self.money.code
        super().process(*args, **kwargs)

    def shown(self, stored: Any) -> str:
        """The currency's places at least, and more where there are more: 0.50, 0.123456."""
        return figures.price(stored, self.money.decimals)


class Money(Price):
    """An amount in the installation's currency, stored in its smallest unit."""

    def process(self, *args: Any, **kwargs: Any) -> None:
        """No more places than the currency has."""
        self.decimals = currency().decimals
        super().process(*args, **kwargs)

    def shown(self, stored: Any) -> str:
        """300000 stand as 3,000.00."""
        return figures.money(stored, self.decimals)

    def stored(self, typed: Decimal) -> int:
        """3000 are 300000 cents."""
        return int(typed.scaleb(self.decimals))


class PerCent(Exact):
    """A share that is shown and typed in per cent: 7.5 is stored as 0.075."""

    def __init__(self, label: Any, **more: Any):
        more.setdefault("most", 100)
        more.setdefault("unit", "%")
        super().__init__(label, decimals=6, **more)

    def shown(self, stored: Any) -> str:
        """0.075 stands as 7.5."""
        return figures.number(Decimal(stored) * 100, 6, least=0)

    def stored(self, typed: Decimal) -> Decimal:
        """7.5 is the share 0.075."""
        return typed / 100
