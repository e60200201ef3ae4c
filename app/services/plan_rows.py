"""From a plain `Plan` to the tables: the way back of `plans.compile_plan`.

>>> from app.domain.plan import Step
>>> row = rows_of(Plan("x", (Step(0, Fraction("0.15"), ("vat",)),), taxes=(Tax("vat", "VAT", Fraction("0.16")),)))
>>> row.steps[0].price, row.steps[0].taxes, row.taxes[0].bases
(Decimal('0.15'), 'vat', 'energy')
"""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from fractions import Fraction

from app.domain.money import exact_decimal
from app.domain.plan import Plan, Tax
from app.domain.states import ChargeMethod
from app.models import TariffFee, TariffFine, TariffLevy, TariffPlan, TariffStep, TariffTax
from app.services.plans import NO_ROUNDING


def rows_of(plan: Plan) -> TariffPlan:
    """An unsaved row of the plan with everything below it; tariff and effective time are left open.

    Raises ValueError where the tables cannot hold it: more than eight decimals, ends of steps
    finer than a tenth.
    """
    below = list(plan.by_total)
    # A last schedule that has no limit is the plan itself.
    unlimited = bool(below) and not plan.steps and below[-1].up_to is None
    body = rows_of(below.pop().plan) if unlimited else _body(plan)
    for schedule in below:
        if schedule.up_to is None:
            raise ValueError("a schedule without a limit is the last one")
        row = rows_of(schedule.plan)
        row.up_to = _tenths(schedule.up_to)
        body.schedules.append(row)
    body.name = plan.name
    return body


def _body(plan: Plan) -> TariffPlan:
    units, money = plan.unit_rounding, plan.money_rounding
    return TariffPlan(
        name=plan.name,
        fee_recovery=plan.fee_recovery,
        fee_cap_share=_price(plan.fee_cap_share),
        fee_cap_unit=_price(plan.fee_cap_unit),
        step_period=plan.step_period,
        step_scale_days=plan.step_scale_days,
        lifeline_adds_up=plan.lifeline_adds_up,
        steps_end=None if plan.steps_end is None else _tenths(plan.steps_end),
        fines_end=None if plan.fines_end is None else _tenths(plan.fines_end),
        fines_taxed=plan.fines_taxed,
        tax_inclusive=plan.tax_inclusive,
        unit_rounding=units.mode.value if units else NO_ROUNDING,
        unit_quantum=_decimal(units.quantum) if units else Decimal("0.1"),
        money_rounding=money.mode.value if money else None,
        money_quantum=_decimal(money.quantum) if money else None,
        debt_share=_price(plan.debt_share),
        steps=[
            TariffStep(start=_tenths(step.start), price=_decimal(step.price), taxes=_codes(step.taxes))
            for step in plan.steps
        ],
        fines=[TariffFine(start=_tenths(fine.start), fine=_decimal(fine.amount)) for fine in plan.fines],
        fees=_fees(plan),
        taxes=[_tax(place, tax) for place, tax in enumerate(plan.taxes)],
        levies=[
            TariffLevy(position=place, code=levy.code, name=levy.name, price=_decimal(levy.price))
            for place, levy in enumerate(plan.levies)
        ],
    )


def _fees(plan: Plan) -> list[TariffFee]:
    """Channel fees, then the others in their order."""
    rows = [TariffFee(code=fee.code, name=fee.name, amount=_decimal(fee.amount), first=True) for fee in plan.fees_first]
    rows += [
        TariffFee(
            code=fee.code, name=fee.name, amount=_decimal(fee.amount), method=fee.method, times=_decimal(fee.times),
            per_capacity=fee.per_capacity, capacity_unit=fee.capacity_unit, first=False,
        )
        for fee in plan.fees
    ]  # fmt: skip
    for place, row in enumerate(rows):
        row.position = place
        row.method = row.method or ChargeMethod.PURCHASE
    return rows


def _tax(place: int, tax: Tax) -> TariffTax:
    return TariffTax(
        position=place, code=tax.code, name=tax.name, rate=_decimal(tax.rate), of_gross=tax.of_gross,
        bases="" if tax.of_gross else ",".join(tax.bases),
    )  # fmt: skip


def _codes(codes: Iterable[str] | None) -> str | None:
    return None if codes is None else ",".join(codes)


def _tenths(value: int | Fraction) -> int:
    if value != int(value):
        raise ValueError("ends of steps are whole tenths")
    return int(value)


def _decimal(value: Fraction) -> Decimal:
    stored = exact_decimal(value)
    if Fraction(stored) != value:
        raise ValueError("a price has at most eight decimals")
    return stored


def _price(value: Fraction | None) -> Decimal | None:
    return None if value is None else _decimal(value)
