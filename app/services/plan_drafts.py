"""A tariff plan as plain values between the form and the tables.

A draft becomes rows by `fill`, and rows become a draft again, stored or not (a plan of the
catalogue): so a form can begin with either, and what is shown of a draft is priced by the very
rows that would be stored.
"""

from __future__ import annotations

from dataclasses import MISSING, dataclass, fields
from datetime import datetime
from decimal import Decimal
from typing import Any

from app.domain.money import Mode
from app.domain.states import ChargeMethod, Recovery, StepPeriod
from app.models import (
    TariffFee,
    TariffFine,
    TariffLevy,
    TariffPlan,
    TariffStep,
    TariffTax,
)

NOTHING = Decimal(0)
ONE = Decimal(1)
TENTH = Decimal("0.1")


@dataclass(frozen=True, slots=True)
class StepDraft:
    """From `start` (tenths) on, a unit costs `price` and is taxed at the share `tax_rate`.

    `taxes` are the codes of the named taxes that touch its energy; None means all of them.
    """

    start: int
    price: Decimal
    tax_rate: Decimal = NOTHING
    taxes: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class FineDraft:
    """A purchase of more than `start` tenths pays `fine`."""

    start: int
    fine: Decimal


@dataclass(frozen=True, slots=True)
class FeeDraft:
    """A further fee: `amount` times `times` for each period; `first` makes it a channel fee.

    `capacity_unit` (kVA, A, kW) multiplies it by the meter's capacity as well.
    """

    code: str
    name: str
    amount: Decimal
    method: ChargeMethod = ChargeMethod.MONTH
    times: Decimal = ONE
    capacity_unit: str | None = None
    first: bool = False


@dataclass(frozen=True, slots=True)
class LevyDraft:
    """Money per unit for a third party."""

    code: str
    name: str
    price: Decimal


@dataclass(frozen=True, slots=True)
class TaxDraft:
    """A named tax: the share `rate` of the lines in `bases`, or of the money handed over."""

    code: str
    name: str
    rate: Decimal
    bases: tuple[str, ...] = ()
    of_gross: bool = False


@dataclass(frozen=True, slots=True)
class PlanDraft:
    """A plan as it was typed.  Ends are in tenths; None leaves the last row open.

    `schedules` are whole drafts below this one, each with the total (`up_to`, tenths) up to
    which it counts.  `money_rounding` None leaves the installation's settlement method.
    """

    name: str
    effective_from: datetime
    fixed_fee: Decimal
    fixed_method: ChargeMethod
    steps: tuple[StepDraft, ...]
    steps_end: int | None
    fines: tuple[FineDraft, ...] = ()
    fines_end: int | None = None
    step_period: StepPeriod = StepPeriod.MONTH
    step_scale_days: int | None = None
    lifeline_adds_up: bool = False
    fee_recovery: Recovery = Recovery.WHOLE
    fee_cap_share: Decimal | None = None
    fee_cap_unit: Decimal | None = None
    fines_taxed: bool = False
    tax_inclusive: bool = False
    unit_rounding: str = Mode.UP.value
    unit_quantum: Decimal = TENTH
    money_rounding: str | None = None
    money_quantum: Decimal | None = None
    debt_share: Decimal | None = None
    fees: tuple[FeeDraft, ...] = ()
    levies: tuple[LevyDraft, ...] = ()
    taxes: tuple[TaxDraft, ...] = ()
    schedules: tuple[PlanDraft, ...] = ()
    up_to: int | None = None


# Columns that a draft and a plan's row share by name.
SHARED = (
    "name", "effective_from", "fixed_fee", "fixed_method", "steps_end", "fines_end", "step_period",
    "step_scale_days", "lifeline_adds_up", "fee_recovery", "fee_cap_share", "fee_cap_unit", "fines_taxed",
    "tax_inclusive", "unit_rounding", "unit_quantum", "money_rounding", "money_quantum", "debt_share", "up_to",
)  # fmt: skip

# What an unset column means.
DEFAULTS: dict[str, Any] = {
    "name": "", "fixed_fee": NOTHING, "fixed_method": ChargeMethod.MONTH,
    **{one.name: one.default for one in fields(PlanDraft) if one.default is not MISSING},
}  # fmt: skip
SHORT_CODE = 3


# --- draft to rows, and rows to draft -------------------------------------------------------


def fill(plan: TariffPlan, draft: PlanDraft) -> None:
    """Write a draft into a plan's row and make the rows below it; old ones must be gone."""
    for name in SHARED:
        setattr(plan, name, getattr(draft, name))
    plan.steps = [
        TariffStep(start=s.start, price=s.price, tax_rate=s.tax_rate, taxes=_joined(s.taxes)) for s in draft.steps
    ]
    plan.fines = [TariffFine(start=f.start, fine=f.fine) for f in draft.fines]
    plan.fees = [
        TariffFee(
            position=position, code=fee.code, name=fee.name, amount=fee.amount, method=fee.method,
            times=fee.times, per_capacity=fee.capacity_unit is not None, capacity_unit=fee.capacity_unit,
            first=fee.first,
        )
        for position, fee in enumerate(draft.fees)
    ]  # fmt: skip
    plan.levies = [
        TariffLevy(position=position, code=levy.code, name=levy.name, price=levy.price)
        for position, levy in enumerate(draft.levies)
    ]
    plan.taxes = [
        TariffTax(
            position=position, code=tax.code, name=tax.name, rate=tax.rate,
            bases=",".join(tax.bases), of_gross=tax.of_gross,
        )
        for position, tax in enumerate(draft.taxes)
    ]  # fmt: skip
    plan.schedules = [row_of(below, plan.tariff_id) for below in draft.schedules]


def row_of(draft: PlanDraft, tariff_id: int | None) -> TariffPlan:
    """A new row for a draft, in no session."""
    plan = TariffPlan(tariff_id=tariff_id)
    fill(plan, draft)
    return plan


def draft_of(plan: TariffPlan) -> PlanDraft:
    """What a plan's row holds; where it was never stored, what is not set is the draft's default."""
    return PlanDraft(
        **{name: _set(plan, name) for name in SHARED},
        steps=tuple(StepDraft(s.start, s.price, s.tax_rate or NOTHING, _split(s.taxes)) for s in plan.steps),
        fines=tuple(FineDraft(f.start, f.fine) for f in plan.fines),
        fees=tuple(
            FeeDraft(
                f.code, _called(f), f.amount, f.method or ChargeMethod.MONTH, ONE if f.times is None else f.times,
                f.capacity_unit, bool(f.first),
            )
            for f in plan.fees
        ),
        levies=tuple(LevyDraft(levy.code, _called(levy), levy.price) for levy in plan.levies),
        taxes=tuple(
            TaxDraft(t.code, _called(t), t.rate, () if t.of_gross else _split(t.bases) or (), bool(t.of_gross))
            for t in plan.taxes
        ),
        schedules=tuple(draft_of(below) for below in plan.schedules),
    )  # fmt: skip


def _set(plan: TariffPlan, name: str) -> Any:
    value = getattr(plan, name)
    return DEFAULTS.get(name) if value is None else value


def _called(row: TariffFee | TariffLevy | TariffTax) -> str:
    """The row's name; one without is called by its code (service_fee: Service fee, vat: VAT)."""
    if row.name:
        return row.name
    return row.code.upper() if len(row.code) <= SHORT_CODE else row.code.replace("_", " ").capitalize()


def _joined(codes: tuple[str, ...] | None) -> str | None:
    return None if codes is None else ",".join(codes)


def _split(codes: str | None) -> tuple[str, ...] | None:
    return None if codes is None else tuple(code for code in codes.split(",") if code)
