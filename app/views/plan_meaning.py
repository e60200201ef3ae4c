"""What a plan means, worked out from what stands in the form: curve, sample purchases, a real one again.

Nothing is stored.  Prices are the engine's, of the rows as they would be written.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from fractions import Fraction
from typing import Any

from flask_babel import gettext as _

from app.access.current import current_scope
from app.domain import errors
from app.domain.calendar import business_date, days_in_month
from app.domain.compile import CompiledPlan, compile_plan
from app.domain.errors import BadInput, Refusal
from app.domain.money import Currency, parse_decimal, to_minor
from app.domain.plan import History
from app.domain.pricing import quote_by_amount
from app.domain.quote import Quote
from app.domain.states import UNIT
from app.extensions import db
from app.models import Consumer, Sale, Tariff, TariffPlan
from app.services import tariffs
from app.services.plans import compile_plan as plan_of
from app.services.preview import Again, last_purchase_under
from app.sts.amount import MAX_TENTHS, representable_at_least
from app.views import figures
from app.views.installation import currency, settings, time_zone
from app.views.messages import sentence
from app.views.plan_curve import Chart, costs, draw, reach
from app.views.sum_lines import Worded, worded

SAMPLES = 4
SAMPLE_TEXT_MAX = 30


@dataclass(frozen=True, slots=True)
class Side:
    """What one plan gives for a sum: units (tenths), or why nothing."""

    units: int | None
    why: str = ""
    lines: tuple[Worded, ...] = ()
    left_minor: int = 0


@dataclass(frozen=True, slots=True)
class Sample:
    """One sum of money under the plan in force and under this one."""

    amount_minor: int
    mine: Side
    now: Side | None
    own: bool = False

    @property
    def change(self) -> int | None:
        """Tenths more (or less) than now."""
        if self.now is None or self.now.units is None or self.mine.units is None:
            return None
        return self.mine.units - self.now.units


@dataclass(frozen=True, slots=True)
class LastPurchase:
    """A consumer's last purchase, as it was and as it would be; `currency` is the one it was made in."""

    again: Again | None = None
    currency: Currency | None = None
    lines: tuple[Worded, ...] = ()
    why: str = ""

    @property
    def more(self) -> int:
        """How much more it would give (tenths), or cost where a quantity was wished (minor units)."""
        if self.again is None:
            return 0
        now = self.again.quote
        return now.amount_minor - self.again.amount_minor if self.again.by_quantity else now.token_units - self.again.units


@dataclass(frozen=True, slots=True)
class Meaning:
    """All that stands beside the form."""

    unit: str
    currency: Currency
    kind: Any
    chart: Chart | None = None
    samples: tuple[Sample, ...] = ()
    in_force: TariffPlan | None = None
    typed: str = ""
    typed_error: str = ""
    last: LastPurchase | None = None
    assumed: tuple[str, ...] = field(default=())


def meaning_of(form: Any, tariff: Tariff, asked: Any, consumer: Consumer | None) -> Meaning:
    """Work everything out for a priceable form; `asked` holds what was typed beside it."""
    money, unit = currency(), UNIT[tariff.meter_type]
    row = form.row()
    plan = _compiled(row, tariff)
    now = _in_force(tariff, form.plan)
    before = None if now is None else _compiled(now, tariff)
    begins = form.effective_from.data or datetime.now(UTC)
    history = History(days_in_month=days_in_month(business_date(begins, time_zone())))
    typed = asked.get("sample", "").strip()[:SAMPLE_TEXT_MAX]
    own, wrong = _typed_amount(typed, money)
    view = _View(plan, before, history, money, unit)
    return Meaning(
        unit=unit,
        currency=money,
        kind=tariff.meter_type,
        chart=draw(plan, before, history, money, unit),
        samples=tuple(view.sample(amount, own=amount == own) for amount in view.amounts(own)),
        in_force=now,
        typed=typed,
        typed_error=wrong,
        last=None if consumer is None else _last(consumer, row, tariff, money, unit),
        assumed=_assumed(row),
    )


def _compiled(row: TariffPlan, tariff: Tariff) -> CompiledPlan:
    """The plan ready to price, for a meter of capacity 1 where that matters."""
    return compile_plan(plan_of(row, tariff.meter_type).with_capacity(Fraction(1)))


def _in_force(tariff: Tariff, own: TariffPlan | None) -> TariffPlan | None:
    """The plan that counts now, to compare with; not the one that is being changed."""
    plans = [plan for plan in tariff.plans if own is None or plan.id != own.id] if tariff.id else []
    return tariffs.in_force(plans, datetime.now(UTC)) if plans else None


def _assumed(row: TariffPlan) -> tuple[str, ...]:
    """What the sums take for granted."""
    if any(fee.capacity_unit for fee in row.fees):
        return (_("Fees by capacity are reckoned for a capacity of 1."),)
    return ()


def _typed_amount(text: str, money: Currency) -> tuple[int | None, str]:
    if not text:
        return None, ""
    try:
        return to_minor(parse_decimal(figures.plain_number(text), decimals=money.decimals), money), ""
    except BadInput as refusal:
        return None, sentence(refusal, money, decimals=money.decimals)


@dataclass(frozen=True, slots=True)
class _View:
    """Both plans with what every sum needs."""

    plan: CompiledPlan
    before: CompiledPlan | None
    history: History
    money: Currency
    unit: str

    def amounts(self, own: int | None) -> list[int]:
        """Round sums up to the price of what the curve shows, and the one that was typed."""
        priced = costs(self.plan, self.history, reach(self.plan), self.money.minor_per_major)
        found: list[int] = []
        if priced:
            step = _round_down(priced[-1][1])
            while step >= 1 and len(found) < SAMPLES:
                found.append(step)
                step = _round_down(Fraction(step - 1)) if step > 1 else 0
        return sorted({*found, *([own] if own else [])})

    def sample(self, amount: int, *, own: bool) -> Sample:
        before = None if self.before is None else self._side(self.before, amount, lines=False)
        return Sample(amount, self._side(self.plan, amount, lines=True), before, own)

    def _side(self, plan: CompiledPlan, amount: int, *, lines: bool) -> Side:
        try:
            quote = quote_by_amount(
                plan, self.history, amount, self.money, settings().settlement, representable_at_least, MAX_TENTHS
            )
        except Refusal as refusal:
            return Side(None, why_not(refusal, self.money, self.unit))
        return Side(
            quote.token_units, "", words_of(quote, self.unit, self.money) if lines else (), quote.left_minor
        )


def words_of(quote: Quote, unit: str, money: Currency) -> tuple[Worded, ...]:
    """The lines of a sum in words."""
    return tuple(worded(quote.lines, quote.given_away, unit, money, quote.token_units))


def why_not(refusal: Refusal, money: Currency, unit: str) -> str:
    """Why a sum buys nothing, for a table: no words about money that was taken or not."""
    params = refusal.params
    if isinstance(refusal, errors.FeesNotCovered):
        return _("Fees of %(money)s come first", money=figures.money_code(params["fees"], money.decimals, money.code))
    if isinstance(refusal, errors.AmountBeyondLastStep):
        most = figures.money_code(params["maximum"], money.decimals, money.code)
        return _("The plan ends at %(money)s", money=most)
    if isinstance(refusal, errors.BeyondLastFine | errors.QuantityBeyondLastStep):
        return _("The plan ends at %(units)s", units=figures.ltr(f"{figures.units(int(params['maximum']))} {unit}"))
    if isinstance(refusal, errors.AmountTooSmall):
        return _("Too little for a token")
    if isinstance(refusal, errors.AmountTooLarge):
        return _("More than one token carries")
    return _("No price can be named")


def _round_down(value: Fraction) -> int:
    """The 1, 2 or 5 of a power of ten at or below a sum of minor units."""
    if value < 1:
        return 0
    power = 10 ** (len(str(int(value))) - 1)
    return next(step * power for step in (5, 2, 1) if step * power <= value)


def _last(consumer: Consumer, row: TariffPlan, tariff: Tariff, money: Currency, unit: str) -> LastPurchase:
    """The consumer's last purchase under this plan; of a consumer one may not see nothing is told."""
    try:
        again = last_purchase_under(db.session(), current_scope(), consumer.id, row, tariff.meter_type)
    except errors.MeterWithoutCapacity as refusal:
        return LastPurchase(why=sentence(refusal, money, unit))
    except Refusal as refusal:
        return LastPurchase(why=why_not(refusal, money, unit))
    if again is None:
        return LastPurchase(why=_("No purchase of this kind of meter yet."))
    sale = db.session.get_one(Sale, again.sale_id)
    theirs = Currency(sale.currency, "", sale.currency_decimals)
    return LastPurchase(again, theirs, words_of(again.quote, unit, theirs))
