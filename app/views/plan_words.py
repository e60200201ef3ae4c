"""A plan in words, to read and to print: "0 to 150 kWh: 3.00 each, tax 0.1 %"."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from flask_babel import gettext as _

from app.domain.plan import ENERGY, FINE, FIXED
from app.domain.states import UNIT, MeterType, Recovery
from app.models import TariffPlan
from app.services.plan_drafts import ONE, FeeDraft, PlanDraft, TaxDraft, draft_of
from app.views import choices, figures
from app.views.installation import currency


@dataclass(frozen=True, slots=True)
class Part:
    """A heading with its sentences."""

    title: str
    sentences: tuple[str, ...]


def base_names() -> dict[str, str]:
    """What can be taxed in every plan, by its code."""
    return {ENERGY: _("Energy"), FIXED: _("All fixed fees"), FINE: _("Fine")}


def read_out(plan: TariffPlan, meter_type: MeterType, code: str | None = None) -> tuple[Part, ...]:
    """The whole plan; parts without a sentence are left out.  `code`: a currency of its own."""
    money = currency()
    speak = _Speaker(draft_of(plan), UNIT[meter_type], money.decimals if code in (None, money.code) else 0, code or money.code)
    within = bool(speak.plan.schedules)
    parts = (
        *speak.schedules(),
        Part(speak.price_title, (*speak.steps(), *(speak.fees(first=False) if within else ()))),
        Part(_("Fees"), tuple(speak.fees(first=True) if within else speak.fees())),
        Part(_("Levies"), tuple(speak.levies())),
        Part(_("Taxes"), tuple(speak.taxes())),
        Part(_("Fines"), tuple(speak.fines())),
        Part(_("Rounding and debts"), tuple(speak.rest())),
    )
    return tuple(part for part in parts if part.sentences)


@dataclass(frozen=True, slots=True)
class _Speaker:
    """A plan, or a schedule of it, and what its figures are counted in."""

    plan: PlanDraft
    unit: str
    decimals: int
    code: str

    # --- figures --------------------------------------------------------------------------

    def money(self, amount: Decimal) -> str:
        return figures.with_code(figures.price(amount, self.decimals), self.code)

    def units(self, tenths: int) -> str:
        return figures.ltr(f"{figures.units_short(tenths)}{figures.NBSP}{self.unit}")

    def span(self, low: int, high: int | None) -> str:
        if high is None:
            return _("Above %(units)s", units=self.units(low)) if low else _("Any quantity")
        return _("%(low)s to %(high)s", low=figures.units_short(low), high=self.units(high))

    # --- parts ----------------------------------------------------------------------------

    @property
    def price_title(self) -> str:
        if self.plan.schedules:
            return _("Beyond that")
        return _("Prices, counted %(period)s", period=choices.STEP_PERIOD[self.plan.step_period])

    def steps(self) -> Iterator[str]:
        ends = [step.start for step in self.plan.steps[1:]] + [self.plan.steps_end]
        for step, end in zip(self.plan.steps, ends if self.plan.steps else [], strict=True):
            span, price = self.span(step.start, end), self.money(step.price)
            if step.tax_rate:
                yield _("%(span)s: %(price)s each, tax %(rate)s", span=span, price=price, rate=figures.share(step.tax_rate))
            else:
                yield _("%(span)s: %(price)s each", span=span, price=price)
        if self.plan.steps and self.plan.steps_end is not None:
            yield _("More than %(units)s is not sold.", units=self.units(self.plan.steps_end))
        if self.plan.step_scale_days:
            yield _("Stated for a month of %(days)s days; they grow and shrink with the month.", days=self.plan.step_scale_days)
        if self.plan.lifeline_adds_up:
            yield _("The first step of months without a purchase adds up.")
        if self.plan.tax_inclusive and self.plan.steps:
            yield _("Prices hold their taxes.")

    def fees(self, *, first: bool | None = None) -> Iterator[str]:
        """All fees, or only channel fees (`first`) with what becomes of missed periods, or only the others."""
        plan = self.plan
        if plan.fixed_fee and not first:
            yield self._fee(FeeDraft(FIXED, _("Fixed fee"), plan.fixed_fee, plan.fixed_method))
        for fee in plan.fees:
            if first is None or fee.first == first:
                yield self._fee(fee)
        plans = (plan, *plan.schedules)
        periodic = any(one.fixed_fee or any(not fee.first for fee in one.fees) for one in plans)
        if periodic and first is not False:
            yield from self._recovery()

    def _recovery(self) -> Iterator[str]:
        plan = self.plan
        if plan.fee_recovery is Recovery.WHOLE:
            yield _("Missed periods are taken whole.")
        elif plan.fee_recovery is Recovery.FORGIVEN:
            yield _("Missed periods are forgiven.")
        elif plan.fee_cap_share is not None:
            yield _("At most %(share)s of a purchase goes to fees; the rest is carried.", share=figures.share(plan.fee_cap_share))
        elif plan.fee_cap_unit is not None:
            yield _("Fees are taken with each unit, at most %(money)s of it; the rest is carried.", money=self.money(plan.fee_cap_unit))

    def _fee(self, fee: FeeDraft) -> str:
        amount = self.money(fee.amount)
        if fee.times != ONE:
            amount = figures.ltr(f"{figures.number(fee.times, 8, 0)} × {amount}")
        if fee.first:
            return _("%(name)s: %(money)s of each purchase, before anything else", name=fee.name, money=amount)
        every = choices.EVERY[fee.method]
        if fee.capacity_unit:
            of_meter = choices.CAPACITY.get(fee.capacity_unit, fee.capacity_unit)
            return _("%(name)s: %(money)s %(every)s for each %(unit)s", name=fee.name, money=amount, every=every, unit=of_meter)
        return _("%(name)s: %(money)s %(every)s", name=fee.name, money=amount, every=every)

    def levies(self) -> Iterator[str]:
        for levy in self.plan.levies:
            yield _("%(name)s: %(price)s for each %(unit)s", name=levy.name, price=self.money(levy.price), unit=self.unit)

    def taxes(self) -> Iterator[str]:
        names = self._names()
        for tax in self.plan.taxes:
            if tax.of_gross:
                yield _("%(name)s: %(rate)s of the money received", name=tax.name, rate=figures.share(tax.rate))
                continue
            bases = figures.listed(names.get(code, code) for code in tax.bases)
            yield _("%(name)s: %(rate)s of: %(bases)s", name=tax.name, rate=figures.share(tax.rate), bases=bases) + self._limits(tax)

    def _names(self) -> Mapping[str, str]:
        plan = self.plan
        rows: tuple[Any, ...] = (*plan.fees, *plan.levies, *plan.taxes)
        return base_names() | {row.code: row.name for row in rows}

    def _limits(self, tax: TaxDraft) -> str:
        steps = self.plan.steps
        numbers = [str(n) for n, step in enumerate(steps, 1) if step.taxes is None or tax.code in step.taxes]
        if ENERGY not in tax.bases or len(numbers) == len(steps):
            return ""
        return " " + _("(only in step %(steps)s)", steps=figures.listed(numbers))

    def fines(self) -> Iterator[str]:
        ends = [fine.start for fine in self.plan.fines[1:]] + [self.plan.fines_end]
        for fine, end in zip(self.plan.fines, ends if self.plan.fines else [], strict=True):
            yield _("%(span)s in one purchase: %(money)s", span=self.span(fine.start, end), money=self.money(fine.fine))
        if self.plan.fines and self.plan.fines_end is not None:
            yield _("More than %(units)s in one purchase is not sold.", units=self.units(self.plan.fines_end))
        if self.plan.fines and self.plan.fines_taxed:
            yield _("Fines are taxed by the taxes of the highest step reached.")

    def rest(self) -> Iterator[str]:
        plan = self.plan
        quantum = figures.ltr(f"{figures.number(plan.unit_quantum, 8, 0)}{figures.NBSP}{self.unit}")
        yield {
            "up": _("Units are rounded up to %(quantum)s.", quantum=quantum),
            "down": _("Units are rounded down to %(quantum)s.", quantum=quantum),
            "half_up": _("Units are rounded to the nearest %(quantum)s.", quantum=quantum),
        }.get(plan.unit_rounding, _("Units are not rounded."))
        if plan.money_rounding and plan.money_quantum:
            whole = self.money(plan.money_quantum)
            yield {
                "up": _("Sums are rounded up to %(quantum)s.", quantum=whole),
                "down": _("Sums are rounded down to %(quantum)s.", quantum=whole),
            }.get(plan.money_rounding, _("Sums are rounded to the nearest %(quantum)s.", quantum=whole))
        if plan.debt_share:
            yield _("%(share)s of each purchase pays debts.", share=figures.share(plan.debt_share))

    def schedules(self) -> Iterator[Part]:
        for below in self.plan.schedules:
            speak = _Speaker(below, self.unit, self.decimals, self.code)
            title = _("While the total stays within %(units)s", units=self.units(below.up_to or 0))
            yield Part(title, (*speak.steps(), *speak.fees(first=False)))
