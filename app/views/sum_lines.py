"""Each line of a sum in words: what it is, and the rule that made it, from the line's plain figures.

One wording for the counter, the receipt, the slip and the file: what was explained before the
sale stands on the paper after it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from fractions import Fraction
from typing import Any, Protocol

from flask_babel import gettext as _
from flask_babel import ngettext

from app.domain.money import Currency
from app.sts.amount import encode_units
from app.views import choices, figures

QUANTITY_DECIMALS = 3


class SumLine(Protocol):
    """What a priced line and a stored one have in common."""

    kind: Any
    name: str
    params: Mapping[str, Any]
    quantity: Fraction | None
    amount_minor: int


@dataclass(frozen=True, slots=True)
class Worded:
    """One line as people read it; `quantity` and `price` stand in columns of their own on A4."""

    title: str
    rule: str
    amount_minor: int
    quantity: str = ""
    price: str = ""

    @property
    def nil(self) -> bool:
        """A line of nothing stays, quiet."""
        return self.amount_minor == 0


def worded(
    lines: Iterable[SumLine], given_away: Fraction, unit: str, currency: Currency, token_units: int
) -> Iterator[Worded]:
    """Word every line; `given_away` is what the rounding of units adds (units, exact).

    `token_units` is the size of the token in tenths: it says how coarsely such a token counts.
    """
    for line in lines:
        speak = _Speaker(line, given_away, unit, currency, token_units)
        title, rule = WORDING.get(str(line.kind), _Speaker.other)(speak)
        yield Worded(title, rule, line.amount_minor, speak.quantity, speak.unit_price)


@dataclass(frozen=True, slots=True)
class _Speaker:
    """One line with what is needed to speak of it."""

    line: SumLine
    given_away: Fraction
    unit: str
    currency: Currency
    token_units: int

    def _money(self, name: str) -> str:
        return figures.price(Fraction(str(self.line.params.get(name, 0))), self.currency.decimals)

    def _sum(self, name: str) -> str:
        """An exact amount, to the currency's decimals."""
        return figures.number(Fraction(str(self.line.params.get(name, 0))), self.currency.decimals)

    def _units(self, value: Any) -> str:
        number = figures.number(Fraction(str(value)), QUANTITY_DECIMALS, least=0)
        return figures.ltr(f"{number}{figures.NBSP}{self.unit}")

    @property
    def quantity(self) -> str:
        if self.line.quantity is None:
            return ""
        return f"{figures.number(self.line.quantity, QUANTITY_DECIMALS, least=1)}{figures.NBSP}{self.unit}"

    @property
    def unit_price(self) -> str:
        if "rate" in self.line.params:
            return figures.share(Fraction(str(self.line.params["rate"])))
        return self._money("price") if "price" in self.line.params else ""

    def fee(self) -> tuple[str, str]:
        params = self.line.params
        rule = [self._each()]
        if params.get("reason") == "paid":
            on = params.get("paid_on")
            paid = _("Paid on %(day)s", day=figures.date_of(_day(on), "d MMMM")) if on else _("Paid already")
            rule.append(paid)
        if int(params.get("periods", 1)) > 1:
            rule.append(self._times())
        rule.extend(self._left())
        return self.line.name or _("Fixed fee"), ". ".join(rule)

    def arrears(self) -> tuple[str, str]:
        name = self.line.name or _("Fixed fee")
        rule = [self._each()]
        if self.line.params.get("periods"):
            rule.append(self._times())
        if "carried" in self.line.params:
            rule.append(_("%(money)s carried from before", money=self._sum("carried")))
        rule.extend(self._left())
        return _("%(fee)s of missed periods", fee=name), ". ".join(rule)

    def _each(self) -> str:
        times = Fraction(str(self.line.params.get("times", 1)))
        every = choices.EVERY.get(self.line.params.get("method"), "")  # type: ignore[call-overload]
        price = self._money("price")
        if times != 1:
            price = f"{figures.number(times, QUANTITY_DECIMALS, least=0)} × {price}"
        return f"{price} {every}".strip()

    def _times(self) -> str:
        number = int(self.line.params["periods"])
        return ngettext("%(num)s period", "%(num)s periods", number)

    def _left(self) -> list[str]:
        said = []
        if "per_unit" in self.line.params:
            said.append(_("At most %(money)s on each %(unit)s", money=self._money("per_unit"), unit=self.unit))
        if "left" in self.line.params:
            said.append(_("%(money)s stays owed", money=self._sum("left")))
        return said

    def step(self) -> tuple[str, str]:
        params = self.line.params
        product = figures.ltr(f"{self.quantity} ×{figures.NBSP}{self._money('price')}")
        title = _("Step %(step)s: %(sum)s", step=params.get("step"), sum=product)
        start, end = Fraction(str(params.get("from", 0))), params.get("to")
        if end is None:
            rule = _("Everything above %(units)s", units=self._units(start)) if start else _("One price for all")
        elif start:
            low = figures.number(start, QUANTITY_DECIMALS, least=0)
            rule = _("From %(low)s to %(high)s", low=low, high=self._units(end))
        else:
            rule = _("Up to %(units)s", units=self._units(end))
        return title, rule

    def levy(self) -> tuple[str, str]:
        return self.line.name, _("%(price)s for each %(unit)s", price=self._money("price"), unit=self.unit)

    def tax(self) -> tuple[str, str]:
        params = self.line.params
        name, on = self.line.name or _("Tax"), _("On %(money)s", money=self._sum("base"))
        parts = {
            "fixed": _("of the fees"),
            "step": _("of step %(step)s", step=params.get("step")),
            "fine": _("of the fine"),
            "first": _("of the charge"),
            "gross": _("of the money received"),
        }
        return f"{name} {self.unit_price}", f"{on} {parts.get(str(params.get('part')), '')}".strip()

    def fine(self) -> tuple[str, str]:
        above = _("For more than %(units)s in one purchase", units=self._units(self.line.params.get("above", 0)))
        return _("Fine"), above

    def channel(self) -> tuple[str, str]:
        return self.line.name or _("Service charge"), _("Taken first")

    def debt(self) -> tuple[str, str]:
        share = figures.share(Fraction(str(self.line.params.get("share", 0))))
        return _("Paid off the debt"), _(
            "%(share)s of each purchase; %(money)s was owed", share=share, money=self._sum("balance")
        )

    def rounding(self) -> tuple[str, str]:
        away = abs(self.given_away)
        title, rule = _("Rounding"), []
        if self.line.amount_minor:
            rule.append(_("To money that exists"))
        if away:
            amount = self._units(away) if away >= Fraction(1, 1000) else _("a trace")
            if self.given_away > 0:
                title = _("Rounded up by %(units)s", units=amount)
                rule.append(self._coarse())
            else:
                title = _("Rounded down by %(units)s", units=amount)
                rule.append(_("This tariff rounds units down"))
        return title, ". ".join(rule)

    def _coarse(self) -> str:
        # IEC 62055-41, 6.3.6.2: two bits of exponent, so that large tokens count by 1, 10 or 100 units.
        coarse: int = 10 ** (encode_units(self.token_units) >> 14)
        if coarse == 1:
            return _("A token carries whole tenths. At no charge")
        return _("A token of this size counts in steps of %(units)s. At no charge", units=self._units(Fraction(coarse, 10)))

    def other(self) -> tuple[str, str]:
        return self.line.name or str(self.line.kind), ""


WORDING: Mapping[str, Callable[[_Speaker], tuple[str, str]]] = {
    "fee": _Speaker.fee,
    "arrears": _Speaker.arrears,
    "step": _Speaker.step,
    "levy": _Speaker.levy,
    "tax": _Speaker.tax,
    "fine": _Speaker.fine,
    "channel": _Speaker.channel,
    "debt": _Speaker.debt,
    "rounding": _Speaker.rounding,
}


def _day(text: Any) -> date:
    return text if isinstance(text, date) else date.fromisoformat(str(text))
